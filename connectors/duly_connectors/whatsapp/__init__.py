"""WhatsApp by Meta's Cloud API: developers.facebook.com/docs/whatsapp/cloud-api."""

from __future__ import annotations

import hashlib
import hmac

import msgspec

from duly_connectors.contract import Connector
from duly_connectors.outbound import Interrupted, NotSent
from duly_connectors.whatsapp import graph
from duly_connectors.whatsapp.reading import Reader
from duly_connectors.wording import _
from duly_dsl import program
from duly_runtime.doors import Answer, Check, Failed, Outcome, Outgoing, Parsed, Raw, Refused


class WhatsApp(Connector):
    """One phone number of a WhatsApp Business account."""

    KIND = program.ConnectorKind(
        name="whatsapp",
        directions=("receives", "sends", "connects"),
        settings=(
            program.SettingSpec("phone number id", required=True, help=_("Meta's id of the number, not the number itself")),
            program.SettingSpec(
                "verify token",
                required=True,
                needed_to=("receives", "connects"),
                secret=True,
                help=_("the word you give Meta for the webhook"),
            ),
            program.SettingSpec(
                "app secret",
                required=True,
                needed_to=("receives", "connects"),
                secret=True,
                help=_("signs what Meta sends"),
            ),
            program.SettingSpec(
                "access token",
                required=True,
                needed_to=("sends", "connects"),
                secret=True,
                help=_("a system user's token, to send with"),
            ),
            program.SettingSpec("api", help=_("another address than https://graph.facebook.com (a test server)")),
        ),
    )

    # --- in ----------------------------------------------------------------------------------------------------------

    def challenge(self, raw: Raw) -> Answer | None:
        if raw.method.upper() != "GET":
            return None
        asked = raw.query.get("hub.challenge", "")
        if raw.query.get("hub.mode") != "subscribe" or not asked or len(asked) > 1000:
            raise Refused(400, "not a verification: hub.mode, hub.verify_token and hub.challenge must be given")
        given = raw.query.get("hub.verify_token", "")
        if not hmac.compare_digest(given.encode("utf-8", "replace"), self.setting("verify token").encode()):
            raise Refused(401, "the verify token is not the right one")
        return Answer(body=asked.encode("utf-8", "replace"))

    def authenticate(self, raw: Raw) -> None:
        if raw.method.upper() != "POST":
            raise Refused(405, "send it with POST")
        scheme, _, given = raw.headers.get("x-hub-signature-256", "").strip().partition("=")
        if scheme != "sha256" or not given:
            raise Refused(401, "the request is not signed: the header X-Hub-Signature-256 is missing")
        right = hmac.new(self.setting("app secret").encode(), raw.body, hashlib.sha256).hexdigest()
        if not hmac.compare_digest(given.lower().encode("utf-8", "replace"), right.encode()):
            raise Refused(401, "the signature does not fit the body")

    def parse(self, raw: Raw) -> Parsed:
        try:
            tree = msgspec.json.decode(raw.body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise Refused(400, f"the body is not JSON: {error}") from error
        return Reader(self.definition, self.setting("phone number id"), raw.received_at, self._).read(tree)

    # --- out ---------------------------------------------------------------------------------------------------------

    async def send(self, item: Outgoing) -> Outcome:
        message = graph.payload(item, self._)
        if isinstance(message, Failed):
            return message
        url = f"{self._number_url()}/messages"
        headers = {"authorization": f"Bearer {self.setting('access token')}", "content-type": "application/json"}
        try:
            answer = await self.tools.network.request("POST", url, headers=headers, body=msgspec.json.encode(message))
        except NotSent as error:
            return graph.not_sent(error, self._)
        except Interrupted as error:
            return graph.interrupted(error, self._)
        return graph.outcome_of(answer, item.now, self._)

    async def check(self) -> tuple[Check, ...]:
        secrets = await super().check()
        label = self._("Phone number")
        if any(check.state != "ok" for check in secrets):
            return (*secrets, Check(name=label, state="unknown", detail=self._("Store the secrets first.")))
        headers = {"authorization": f"Bearer {self.setting('access token')}"}
        try:
            answer = await self.tools.network.request(
                "GET", f"{self._number_url()}?fields=display_phone_number,verified_name", headers=headers
            )
        except (NotSent, Interrupted) as error:
            return (*secrets, Check(name=label, state="unknown", detail=error.told(self._)))
        state, detail = graph.number_of(answer, self._)
        return (*secrets, Check(name=label, state=state, detail=detail))

    def _number_url(self) -> str:
        api = self.setting("api", graph.API).strip().rstrip("/")
        return f"{api}/{graph.VERSION}/{self.setting('phone number id').strip()}"
