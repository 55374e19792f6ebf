"""Which templates may go, by what the provider is known to have."""

from __future__ import annotations

import asyncio
import datetime as dt
from pathlib import Path

import pytest
from msgspec.structs import replace

from duly_dsl.program import TemplateAtMeta
from duly_runtime import approvals
from duly_runtime.approvals import Approving
from duly_runtime.decision import MessageCustomer, NotifyPerson
from duly_runtime.doors import Approved, Failed, Header, Library, Outgoing, Retry
from duly_runtime.store.api import OutboxRow, Store
from duly_runtime.store.approvals_api import Approvals
from duly_runtime.time import FakeClock
from duly_runtime.versions import Versions
from runtime.test_window import DAY, WHATSAPP, delivered
from runtime.workspace import START, Doors, opened

ASK = TemplateAtMeta(name="ask_again", language="en", status="APPROVED", variables=3)
PERGUNTA = TemplateAtMeta(name="ask_again", language="pt_BR", status="APPROVED", variables=1)
MINUTE = dt.timedelta(minutes=1)


@pytest.mark.parametrize(
    ("at_meta", "why"),
    [
        (ASK, ""),
        (replace(ASK, variables=None), ""),
        (None, "Meta has no template `ask_again` in `en`"),
        (replace(ASK, status="PENDING"), "is not approved: PENDING"),
        (replace(ASK, status="REJECTED", reason="SCAM"), "is not approved: REJECTED (SCAM)"),
        (replace(ASK, status="PAUSED"), "is not approved: PAUSED"),
        (replace(ASK, status="DISABLED"), "is not approved: DISABLED"),
        (replace(ASK, variables=2), "has 2 variables, and its text here 3"),
        (replace(ASK, header="IMAGE"), "asks for another header: IMAGE"),
        (replace(ASK, header="TEXT"), ""),
        (replace(ASK, header="TEXT", header_variables=1), "asks for another header: TEXT"),
    ],
)
def test_what_would_not_be_taken_says_why(at_meta: TemplateAtMeta | None, why: str) -> None:
    told = approvals.wrong(Approved(name="ask_again", language="en", parameters=("a", "b", "c")), at_meta)
    assert told.endswith(why) if why else told == ""


def test_headers_are_compared() -> None:
    titled = Approved(name="ask_again", language="en", parameters=("a", "b", "c"), header="42")
    assert approvals.wrong(titled, ASK).endswith("asks for another header: none")
    assert approvals.wrong(titled, replace(ASK, header="TEXT", header_variables=1)) == ""
    shown = replace(titled, header="", media=Header(media="image", link="https://a.example/x"))
    assert approvals.wrong(shown, replace(ASK, header="IMAGE")) == ""
    assert approvals.wrong(shown, replace(ASK, header="VIDEO")).endswith("VIDEO")


def test_what_was_read_long_ago_decides_nothing() -> None:
    read = Approvals(account="1", templates=(ASK,), synced_at=START)
    assert approvals.known(read, START + approvals.STALE) == {("ask_again", "en"): ASK}
    assert approvals.known(read, START + approvals.STALE + MINUTE) is None
    assert approvals.known(Approvals(account="1"), START) is None


# --- at the door -----------------------------------------------------------------------------------------------------


def late(folder: Path, library: Library | None, effect: object = None) -> tuple[OutboxRow, list[Outgoing]]:
    """What becomes of a template after the window, with this known of the account."""
    doors = Doors()
    doors.by_names["Chat"].account_id = "" if library is None else "330099"

    async def knows(store: Store) -> None:
        if isinstance(library, tuple):
            await store.claim_approvals("330099", START, START)
            await store.keep_approvals("330099", library, START)

    chosen = effect or MessageCustomer(key="k", template="Ask")
    return delivered(folder, chosen, DAY, doors=doors, before=knows)  # type: ignore[arg-type]


@pytest.mark.parametrize("library", [None, (ASK, PERGUNTA), Retry(reason="not yet")])
def test_an_approved_template_goes_and_so_does_one_nothing_is_known_of(tmp_path: Path, library: Library | None) -> None:
    _, (message,) = late(tmp_path, library)
    assert message.template is not None and message.template.language == "en"


def test_another_language_that_is_approved_goes_instead(tmp_path: Path) -> None:
    row, (message,) = late(tmp_path, (replace(ASK, status="PAUSED"), PERGUNTA))
    assert message.template is not None and message.template.language == "pt_BR"
    assert message.text == row.text == "Oi 1, tudo bem?"


def test_where_none_is_approved_nothing_goes_and_the_first_says_why(tmp_path: Path) -> None:
    row, messages = late(tmp_path, (replace(ASK, status="PAUSED"),))
    assert (row.state, messages) == ("failed", [])
    assert row.error == "Meta's template `ask_again` in `en` is not approved: PAUSED"


def test_a_notice_by_whatsapp_is_held_to_it_too(tmp_path: Path) -> None:
    effect = NotifyPerson(key="k", person="ana", channel="whatsapp", about="rule", template="Ask", details={"rule": "R"})
    row, messages = late(tmp_path, (ASK,), effect)
    assert messages[0].template is not None and messages[0].template.language == "en", "ana reads pt-BR, which is not there"
    assert messages[0].text.startswith("Hi Maria")
    assert row.state == "sent"


# --- reading ---------------------------------------------------------------------------------------------------------


def test_accounts_are_read_every_quarter_of_an_hour_by_one_process(tmp_path: Path) -> None:
    async def main() -> None:
        async with opened(tmp_path, WHATSAPP) as store:
            doors = Doors()
            door = doors.by_names["Chat"]
            door.account_id, door.library = "330099", (ASK,)
            clock = FakeClock(START)
            both = [Approving(store, clock, Versions(store, doors), doors) for _ in range(2)]

            async def pass_by(by: dt.timedelta) -> int:
                clock.advance(by)
                for one in both:
                    await one.look()
                return door.read

            assert await pass_by(dt.timedelta(0)) == 1
            assert (await store.approvals("330099")).templates == (ASK,)
            assert await pass_by(14 * MINUTE) == 1
            door.library = Failed(reason="the token has expired")
            assert await pass_by(MINUTE) == 2
            known = await store.approvals("330099")
            assert (known.templates, known.error, known.synced_at) == ((ASK,), "the token has expired", START)
            door.library = ()
            assert await pass_by(15 * MINUTE) == 3
            assert (await store.approvals("330099")).templates == ()

    asyncio.run(main())


def test_without_an_account_nothing_is_read(tmp_path: Path) -> None:
    async def main() -> None:
        async with opened(tmp_path, WHATSAPP) as store:
            doors = Doors()
            await Approving(store, FakeClock(START), Versions(store, doors), doors).look()
            assert doors.by_names["Chat"].read == 0

    asyncio.run(main())
