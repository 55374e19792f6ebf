"""Telegram by its Bot API (core.telegram.org/bots/api): updates come in by a webhook, messages go out by methods."""

from __future__ import annotations

import hmac
from urllib.parse import quote, urlsplit

import msgspec

from duly_connectors.contract import Connector
from duly_connectors.outbound import Blocked, Interrupted, NotSent
from duly_dsl.program import ConnectorKind, SettingSpec
from duly_runtime.doors import Check, Failed, FetchOutcome, Outcome, Outgoing, Parsed, Raw, Refused, Retry, Unknown
from duly_runtime.events import File
from duly_telegram import answers, calls
from duly_telegram.reading import events_of

API = "https://api.telegram.org"
HEADER = "x-telegram-bot-api-secret-token"
TAKEN = ("message", "edited_message")
"""The updates to ask Telegram for. Others that come are kept for a person."""


class Telegram(Connector):
    """One bot."""

    DOMAIN = "duly_telegram"
    SENDS_FILES = True
    TEST_TO = "address"
    KIND = ConnectorKind(
        name="telegram",
        directions=("receives", "sends", "connects"),
        settings=(
            SettingSpec("bot token", required=True, secret=True, help="what @BotFather gave you: 123456:ABC…"),
            SettingSpec(
                "secret token",
                required=True,
                secret=True,
                needed_to=("receives", "connects"),
                help="any word of A-Z, a-z, 0-9, _ and - (1 to 256): Telegram shows it with each update",
            ),
            SettingSpec("api", help="another address than https://api.telegram.org (a Bot API server of your own)"),
        ),
    )

    # --- in

    def authenticate(self, raw: Raw) -> None:
        if raw.method.upper() != "POST":
            raise Refused(405, "send it with POST")
        given = raw.headers.get(HEADER, "")
        if not hmac.compare_digest(given.encode("utf-8", "replace"), self.setting("secret token").encode()):
            raise Refused(401, "the header X-Telegram-Bot-Api-Secret-Token is missing or wrong")

    def hidden(self) -> tuple[str, ...]:
        return (HEADER,)

    def parse(self, raw: Raw) -> Parsed:
        try:
            tree = msgspec.json.decode(raw.body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise Refused(400, f"the body is not JSON: {error}") from error
        return events_of(tree, raw.received_at, self.definition, self._)

    # --- out

    async def send(self, item: Outgoing) -> Outcome:
        call = calls.call_for(item, self._)
        if isinstance(call, str):
            return Failed(reason=call)
        try:
            answer = await self.tools.network.request(
                "POST", self._method(call.method), headers={"content-type": call.content_type}, body=call.body
            )
        except Blocked as error:
            return Failed(reason=error.told(self._))
        except NotSent as error:
            return Retry(reason=error.told(self._))
        except Interrupted as error:
            # Telegram has no key by which it would know a second message for the first.
            return Unknown(reason=error.told(self._))
        return answers.outcome_of(answer, item.now, self._)

    # --- files

    async def fetch(self, file: File) -> FetchOutcome:
        """`getFile` names a path that holds for an hour at least; a later download asks for another."""
        url = f"{self._method('getFile')}?file_id={quote(file.reference, safe='')}"
        try:
            answer = await self.tools.network.request("GET", url)
        except Blocked as error:
            return Failed(reason=error.told(self._))
        except (NotSent, Interrupted) as error:
            return Retry(reason=error.told(self._))
        path = answers.file_path(answer, self.tools.clock.now(), self._)
        if not isinstance(path, str):
            return path
        found = await self.download(f"{self._api()}/file/bot{self._token()}/{quote(path)}")
        if isinstance(found, Failed):
            return Retry(reason=found.reason)  # the path is too old: the next try asks for another
        return found

    # --- life

    async def check(self) -> tuple[Check, ...]:
        checks = await super().check()
        if any(check.state != "ok" for check in checks):
            return checks
        checks += (await self._asked(self._("Bot"), "getMe", answers.bot_of),)
        if self.definition.direction != "sends" and checks[-1].state == "ok":
            checks += (await self._asked(self._("Webhook"), "getWebhookInfo", self._webhook),)
        return checks

    async def _asked(self, label: str, method: str, judge: answers.Judge) -> Check:
        try:
            answer = await self.tools.network.request("GET", self._method(method))
        except (NotSent, Interrupted) as error:
            return Check(name=label, state="unknown", detail=error.told(self._))
        state, detail = answers.judged(answer, judge, self._)
        return Check(name=label, state=state, detail=detail)

    def _webhook(self, info: dict[str, object]) -> tuple[str, str]:
        url, error = answers.text(info, "url"), answers.text(info, "last_error_message")
        if not url:
            return "bad", self._("Telegram has no webhook for this bot: call setWebhook.")
        if urlsplit(url).path.rstrip("/") != "/" + self.definition.path.strip("/"):
            return "bad", self._("Telegram posts to {url}, which is not this door.").format(url=url)
        waiting = info.get("pending_update_count")
        if error and isinstance(waiting, int) and waiting > 0:
            return "bad", self._("Telegram could not deliver: {error}").format(error=error)
        return "ok", url

    def guide(self, address: str) -> tuple[str, ...]:
        steps = [self._("Make a bot with @BotFather and store its token as the secret of `bot token`.")]
        if address:
            words = self._(
                "Call setWebhook with url {address}, allowed_updates {updates} and the secret token as secret_token."
            )
            steps.append(words.format(address=address, updates=msgspec.json.encode(TAKEN).decode()))
        if self.definition.direction != "receives":
            steps.append(self._("A bot writes only to who wrote to it before. A test needs the number of such a chat."))
        return tuple(steps)

    def _api(self) -> str:
        return self.setting("api", API).strip().rstrip("/")

    def _token(self) -> str:
        return quote(self.setting("bot token").strip(), safe=":")

    def _method(self, name: str) -> str:
        return f"{self._api()}/bot{self._token()}/{name}"
