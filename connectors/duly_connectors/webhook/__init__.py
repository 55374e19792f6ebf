"""Webhooks: signed HTTP requests in, signed HTTP requests out."""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec

from duly_connectors.contract import BadSetting, Connector, Tools, clean
from duly_connectors.webhook.documents import Document, document
from duly_connectors.webhook.mapping import Mapping, Path, text_of
from duly_connectors.webhook.posting import post
from duly_connectors.webhook.signing import ALGORITHMS, DEFAULT_HEADER, TOKEN_HEADERS, TOKEN_QUERY, verify
from duly_connectors.wording import _
from duly_dsl import program
from duly_runtime.doors import Check, Failed, Inbound, Outcome, Outgoing, Parsed, Raw, Refused
from duly_runtime.events import Contact, CustomerMessage, Scalar

KEY_HEADERS = ("idempotency-key", "webhook-id", "svix-id", "x-github-delivery", "x-shopify-webhook-id")
"""Where senders name a delivery, the same for every attempt, unless the file says where (`same request when …`). Not
X-Request-Id: proxies set it anew for each attempt."""
KEY_CAP = 200
"""Characters of a key or a conversation; a longer one is replaced by its hash."""
_CONTACT = ("name", "email", "phone")


class Webhook(Connector):
    """`receives webhook`: a request becomes a customer's message by the connector's `map`. `sends webhook`: an event about
    a card is posted, signed as Standard Webhooks."""

    KIND = program.ConnectorKind(
        name="webhook",
        directions=("receives", "sends", "connects"),
        settings=(
            program.SettingSpec("url", required=True, needed_to=("sends", "connects"), help=_("where to post; https://")),
            program.SettingSpec("sign with", secret=True, help=_("the key that signs what is posted (Standard Webhooks)")),
        ),
        accepts_map=True,
        accepts_events=True,
    )
    TEST_TO = ""

    def __init__(self, definition: program.Connector, pipeline: program.Pipeline | None, tools: Tools) -> None:
        super().__init__(definition, pipeline, tools)
        if definition.verify_scheme == "hmac" and (definition.verify_algorithm or "sha256") not in ALGORITHMS:
            raise BadSetting(
                _("`{name}` is no algorithm for `verify hmac`: use sha256 or sha512"), name=definition.verify_algorithm
            )
        self._mapping = Mapping(definition.map, pipeline, self._)
        self._same = Path(definition.same_path) if definition.same_path else None
        self._key = Path(definition.key_path) if definition.key_path else None

    # --- in ----------------------------------------------------------------------------------------------------------

    def authenticate(self, raw: Raw) -> None:
        if raw.method.upper() not in ("POST", "PUT"):
            raise Refused(405, "send it with POST")
        door = self.definition
        secrets = self.secrets(door.verify_secret) if door.verify_scheme else ()
        verify(raw, door.verify_scheme, secrets, door.verify_algorithm, door.verify_header)

    def hidden(self) -> tuple[str, ...]:
        door = self.definition
        return (*TOKEN_HEADERS, TOKEN_QUERY, door.verify_header) if door.verify_scheme == "token" else ()

    def parse(self, raw: Raw) -> Parsed:
        read = document(raw)
        values, problems = self._mapping.apply(read.tree)
        if problems:
            return Parsed(problems=problems)
        key = self._name(raw, read.tree) or delivery_key(raw)
        body = self._message(read, values, key)
        item = Inbound(key=key, at=raw.received_at, body=body, contents=dict(read.contents))
        return Parsed(items=(item,))

    def _name(self, raw: Raw, tree: Any) -> str:
        """What the request calls itself, by the line `same request when …`; empty where it says nothing there."""
        if self._key is not None:
            return _short(text_of(self._key.find(tree)))
        return _short(clean(raw.headers.get(self.definition.key_header.lower(), "")).strip())

    def _message(self, read: Document, values: dict[str, Scalar], key: str) -> CustomerMessage:
        door = self.definition
        same = text_of(self._same.find(read.tree)) if self._same else ""
        contact = {name: str(values[name]) for name in _CONTACT if name in values}
        message = str(values.get("message", "")) if door.map else _shown(read.tree)
        own = {name: value for name, value in values.items() if name not in (*_CONTACT, "message", "title")}
        return CustomerMessage(
            text=message,
            title=str(values.get("title", "")),
            contact=Contact(**contact),
            channel="webhook",
            connector=door.name,
            conversation=_short(same) if same else key,
            same_within=door.same_within if same else None,
            pipeline=door.pipeline,
            fields=own,
            provider_id=key,
            files=read.files,
        )

    # --- out ---------------------------------------------------------------------------------------------------------

    async def send(self, item: Outgoing) -> Outcome:
        url = self.setting("url").strip()
        if not url:
            return Failed(reason=self._("The connector has no `url` line."))
        return await post(self.tools, url, self.settings("sign with"), item, self._)

    def guide(self, address: str) -> tuple[str, ...]:
        door, steps = self.definition, []
        if address:
            steps.append(self._("The other side posts to {address}.").format(address=address))
            words = {
                "standard webhooks": _(
                    "It signs as Standard Webhooks with the secret `{secret}`, in the header webhook-signature."
                ),
                "github": _("It signs as GitHub with the secret `{secret}`, in the header X-Hub-Signature-256."),
                "stripe": _("It signs as Stripe with the secret `{secret}`, in the header Stripe-Signature."),
                "hmac": _("It signs the body by HMAC with {algorithm} and the secret `{secret}`, in the header {header}."),
                "token": _("It shows the secret `{secret}` in the header {header}."),
            }.get(door.verify_scheme)
            if words is not None:
                header = door.verify_header or ("X-Duly-Token" if door.verify_scheme == "token" else DEFAULT_HEADER)
                algorithm = (door.verify_algorithm or "sha256").upper()
                steps.append(self._(words).format(secret=door.verify_secret, header=header, algorithm=algorithm))
        if door.direction != "receives":
            given = door.settings.get("sign with")
            if given is None:
                steps.append(
                    self._("What Duly posts is not signed: add a `sign with secret` line, so that it can be believed.")
                )
            else:
                words = self._("What Duly posts is signed as Standard Webhooks with the secret `{secret}`.")
                steps.append(words.format(secret=given.value))
            steps.append(self._("A test posts the event `test.ping`; answer it with any status of 200 to 299."))
        return tuple(steps)

    def trial(self, to: str, key: str) -> Outgoing:
        """`test.ping`, in the shape of all events."""
        now = self.tools.clock.now()
        payload = {"type": "test.ping", "timestamp": now, "data": {"connector": self.definition.name}}
        return Outgoing(
            outbox_id=0,
            key=key,
            kind="call",
            to=Contact(),
            event="test.ping",
            payload=msgspec.json.encode(payload),
            now=now,
        )

    async def check(self) -> tuple[Check, ...]:
        checks = list(await super().check())
        if self.definition.direction != "sends" and not self.definition.verify_scheme:
            detail = self._("Nobody may come in: the connector has no `verify` line.")
            checks.append(Check(name=self._("Signature"), state="bad", detail=detail))
        return tuple(checks)


def delivery_key(raw: Raw) -> str:
    """What makes a second delivery the same as the first: the sender's name for it, else the body itself."""
    for header in KEY_HEADERS:
        given = clean(raw.headers.get(header, "")).strip()
        if given:
            return _short(given)
    return "sha256:" + hashlib.sha256(raw.body).hexdigest()


def _short(text: str) -> str:
    return text if len(text) <= KEY_CAP else "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def _shown(tree: Any) -> str:
    """A document as a message, for a connector without a `map`."""
    return clean(msgspec.json.format(msgspec.json.encode(tree)).decode())
