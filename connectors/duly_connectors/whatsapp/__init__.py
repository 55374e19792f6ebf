"""WhatsApp by Meta's Cloud API: developers.facebook.com/docs/whatsapp/cloud-api."""

from __future__ import annotations

import hmac
from typing import Any
from urllib.parse import quote

import msgspec

from duly_connectors.contract import Connector, MissingSecret, clean
from duly_connectors.outbound import ANSWER_CAP, Blocked, Interrupted, NotSent, Response
from duly_connectors.whatsapp import approvals, codes, graph, media
from duly_connectors.whatsapp.reading import Reader
from duly_connectors.wording import _
from duly_dsl import program
from duly_runtime.doors import (
    MAX_FILE,
    Answer,
    Check,
    Failed,
    Fetched,
    FetchOutcome,
    Library,
    Outcome,
    Outgoing,
    Parsed,
    Raw,
    Refused,
    Retry,
)
from duly_runtime.events import File

PAGE_CAP = 8 * 1024 * 1024
"""Bytes of a page of templates."""


class WhatsApp(Connector):
    """One phone number of a WhatsApp Business account."""

    SENDS_FILES = True
    TEST_TO = "phone"
    UPLOAD_SECONDS = 8.0
    POST_SECONDS = 6.0
    """Together less than the 15 seconds a send has, so that we know which of the two was cut short."""

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
            program.SettingSpec(
                "business account id",
                help=_("Meta's id of the WhatsApp Business account, to know which templates are approved"),
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
        shown, right = given.lower().encode("utf-8", "replace"), False
        for secret in self.settings("app secret"):  # while it is being replaced, the one before as well
            made = hmac.digest(secret.encode(), raw.body, "sha256").hex()
            right |= hmac.compare_digest(shown, made.encode())
        if not right:
            raise Refused(401, "the signature does not fit the body")

    def parse(self, raw: Raw) -> Parsed:
        try:
            tree = msgspec.json.decode(raw.body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise Refused(400, f"the body is not JSON: {error}") from error
        return Reader(self._numbers(), raw.received_at, self._).read(tree)

    def _numbers(self) -> dict[str, program.Connector]:
        """The connectors a body for this one may be for: Meta calls one address for all numbers of an app, and signs with
        the app's secret. Whoever holds another secret can say nothing of a number."""
        numbers = {self.setting("phone number id").strip(): self.definition}
        if not self.peers:
            return numbers
        try:
            secret = self.setting("app secret")
        except MissingSecret:
            return numbers
        for peer in self.peers:
            try:
                if peer.definition.direction != "sends" and hmac.compare_digest(
                    peer.setting("app secret").encode(), secret.encode()
                ):
                    numbers.setdefault(peer.setting("phone number id").strip(), peer.definition)
            except MissingSecret:
                continue
        return numbers

    # --- out ---------------------------------------------------------------------------------------------------------

    async def send(self, item: Outgoing) -> Outcome:
        problem = graph.problem(item, self._)
        if problem:
            return Failed(reason=problem)
        content = await self._file(item) if item.files else graph.content_of(item)
        if not isinstance(content, dict):
            return content
        url = f"{self._number_url()}/messages"
        headers = {**self._authorised(), "content-type": "application/json"}
        body = msgspec.json.encode(graph.payload(item, content))
        try:
            answer = await self.tools.network.request("POST", url, headers=headers, body=body, seconds=self.POST_SECONDS)
        except NotSent as error:
            return graph.not_sent(error, self._)
        except Interrupted as error:
            return graph.interrupted(error, self._)
        return graph.outcome_of(answer, item.now, self._)

    async def _file(self, item: Outgoing) -> dict[str, Any] | Retry | Failed:
        """Put the file at Meta; nothing of this reaches the customer, so it can be done again."""
        upload = media.upload(item.files[0], self._)
        if isinstance(upload, Failed):
            return upload
        if item.text and upload.kind not in media.CAPTIONED:
            return Failed(reason=self._("WhatsApp takes no text with a file of this type: send it as a message before."))
        headers = {**self._authorised(), "content-type": upload.content_type}
        url = f"{self._number_url()}/media"
        try:
            answer = await self.tools.network.request(
                "POST", url, headers=headers, body=upload.body, seconds=self.UPLOAD_SECONDS
            )
        except Blocked as error:
            return Failed(reason=error.told(self._))
        except (NotSent, Interrupted) as error:
            return Retry(reason=error.told(self._))
        tree = graph.tree_of(answer)
        error, name = tree.get("error"), tree.get("id")
        if isinstance(error, dict):
            return graph.refused(error, answer, item.now, self._)
        if answer.status == 200 and isinstance(name, str) and name:
            return media.content(upload.kind, name, upload.name, clean(item.text))
        words = self._("WhatsApp answered {status}.").format(status=answer.status)
        if answer.status < 400 or answer.status in (408, 429) or answer.status >= 500:
            return Retry(reason=words, after=answer.retry_after(item.now))
        return Failed(reason=words)

    # --- templates ---------------------------------------------------------------------------------------------------

    def account(self) -> str:
        return self.setting("business account id").strip()

    async def templates(self) -> Library:
        found: list[program.TemplateAtMeta] = []
        after = ""
        for _page in range(approvals.MOST_PAGES):
            account = quote(self.account(), safe="")
            url = f"{self._api()}/{account}/message_templates?{approvals.query(after)}"
            answer = await self._asked(url, PAGE_CAP)
            if not isinstance(answer, Response):
                return answer
            tree = graph.tree_of(answer)
            error = tree.get("error")
            if isinstance(error, dict):
                return graph.refused(error, answer, self.tools.clock.now(), self._)
            page = approvals.page(tree) if answer.status == 200 else None
            if page is None:
                return Retry(reason=self._("WhatsApp answered {status}.").format(status=answer.status))
            found += page[0]
            after = page[1]
            if not after:
                break
        return tuple(found)

    # --- files -------------------------------------------------------------------------------------------------------

    async def fetch(self, file: File) -> FetchOutcome:
        """Meta gives an address that holds for minutes; a download that comes too late asks for another one."""
        if not media.is_reference(file.reference):
            return Failed(reason=self._("This is no id of a file at Meta."))
        reason = ""
        for _attempt in range(2):
            said = await self._address(file.reference)
            if not isinstance(said, media.Address):
                return said
            found = await self.download(said.url, self._authorised())
            if isinstance(found, Retry):
                return found
            if isinstance(found, Fetched):
                problem = media.wrong(found.data, said, self._)
                if not problem:
                    return Fetched(data=found.data, media_type=said.media_type or found.media_type)
                return Failed(reason=problem) if len(found.data) > MAX_FILE else Retry(reason=problem)
            reason = found.reason
        return Retry(reason=reason)  # Meta has it still

    async def _address(self, media_id: str) -> media.Address | Retry | Failed:
        number = self.setting("phone number id").strip()
        url = f"{self._api()}/{media_id}?phone_number_id={quote(number, safe='')}"
        answer = await self._asked(url)
        if not isinstance(answer, Response):
            return answer
        tree = graph.tree_of(answer)
        error = tree.get("error")
        if isinstance(error, dict):
            words = codes.describe(error, self._)
            if codes.number(error) == 100:
                return Failed(reason=self._("Meta does not have the file (any more)."))
            # A token that has expired is replaced by another one, and Meta keeps the file for days.
            return Retry(reason=words)
        said = media.address(tree)
        if answer.status != 200 or said is None:
            words = self._("WhatsApp answered {status}.").format(status=answer.status)
            gone = answer.status in (404, 410)
            return Failed(reason=words) if gone else Retry(reason=words, after=answer.retry_after(self.tools.clock.now()))
        if not media.is_metas(said.url, self._api()):
            return Failed(reason=self._("The file's address is not one of Meta's, so nothing is fetched from there."))
        if said.size > MAX_FILE:
            return Failed(reason=media.wrong(b"", said, self._))
        return said

    # --- life --------------------------------------------------------------------------------------------------------

    def guide(self, address: str) -> tuple[str, ...]:
        steps: list[str] = []
        if address:
            steps = [
                self._("In Meta's app, under WhatsApp, Configuration: {address} is the callback URL.").format(
                    address=address
                ),
                self._("The verify token there is the value of the secret `{name}`: any word you choose.").format(
                    name=self._secret_of("verify token")
                ),
                self._("Subscribe to the field `messages`; Meta asks for the verify token when you save."),
                self._(
                    "The app secret, in Settings, Basic, goes into the secret `{name}`: it signs what Meta sends."
                ).format(name=self._secret_of("app secret")),
            ]
        if self.definition.direction != "receives":
            steps += [
                self._("A system user's token with `whatsapp_business_messaging` goes into the secret `{name}`.").format(
                    name=self._secret_of("access token")
                ),
                self._("A test message reaches who has written to the number in the last 24 hours: write to it first."),
            ]
        return tuple(steps)

    def _secret_of(self, key: str) -> str:
        given = self.definition.settings.get(key)
        return str(given.value) if given is not None and given.secret else key

    async def check(self) -> tuple[Check, ...]:
        secrets = await super().check()
        label = self._("Phone number")
        if any(check.state != "ok" for check in secrets):
            return (*secrets, Check(name=label, state="unknown", detail=self._("Store the secrets first.")))
        try:
            answer = await self.tools.network.request(
                "GET", f"{self._number_url()}?fields=display_phone_number,verified_name", headers=self._authorised()
            )
        except (NotSent, Interrupted) as error:
            return (*secrets, Check(name=label, state="unknown", detail=error.told(self._)))
        state, detail = graph.number_of(answer, self._)
        return (*secrets, Check(name=label, state=state, detail=detail))

    async def _asked(self, url: str, cap: int = ANSWER_CAP) -> Response | Retry | Failed:
        """What Meta says to a question, or why it was not asked or did not answer."""
        try:
            return await self.tools.network.request("GET", url, headers=self._authorised(), cap=cap)
        except Blocked as error:
            return Failed(reason=error.told(self._))
        except (NotSent, Interrupted) as error:
            return Retry(reason=error.told(self._))

    def _authorised(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self.setting('access token')}"}

    def _api(self) -> str:
        return f"{self.setting('api', graph.API).strip().rstrip('/')}/{graph.VERSION}"

    def _number_url(self) -> str:
        return f"{self._api()}/{self.setting('phone number id').strip()}"
