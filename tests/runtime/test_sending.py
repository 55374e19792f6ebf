"""Send limits: quiet hours, the rate, and what is gathered into a digest."""

from __future__ import annotations

import asyncio
import datetime as dt
import re
from pathlib import Path

import pytest

from duly_runtime.decision import MessageCustomer, NotifyPerson
from duly_runtime.doors import Outgoing, Retry, Sent
from duly_runtime.rendering import SHORT_DIGEST, Text, digest
from runtime.desk import Desk, when
from runtime.test_delivery import notify, out
from runtime.workspace import START

STAGES = """
  stage "Open" {
    start
    next "Done"
    owner agent ana
    first reply within 2h
    alert owner at 50% of first reply
    after 12h elapsed of silence send "Still there?"
  }
  stage "Done" { finish }
  escalation "Late" {
    when first reply is missed
    level 1 at once notify owner
  }
  rule "Thank" {
    when customer replies
    then send "Hello"
  }
  rule "Look" {
    when priority changes
    then notify owner
  }
"""


def limited(*lines: str) -> str:
    return STAGES + "send limits {\n" + "\n".join(lines) + "\n}\n"


def sent(desk: Desk) -> list[tuple[str, str]]:
    """(when, template or text) of what went to the customer."""
    return [
        (moment, effect.template or effect.text) for moment, effect in desk.effects if isinstance(effect, MessageCustomer)
    ]


def held(desk: Desk) -> list[tuple[str, str, str]]:
    found = [entry for entry in desk.entries if entry.kind in ("message.held", "notice.held")]
    return [
        (
            entry.details.get("template", entry.details.get("to", "")),
            when(dt.datetime.fromisoformat(entry.details["until"])),
            entry.details["why"],
        )
        for entry in found
    ]


# --- quiet hours -----------------------------------------------------------------------------------------------------


def test_what_a_rule_sends_in_quiet_hours_goes_out_when_they_end_under_its_first_key():
    desk = Desk(limited("quiet hours 22:00-08:00"), "mon 23:30").writes()
    assert sent(desk) == []
    assert held(desk) == [("Hello", "tue 8:00", "quiet hours")]
    key = desk.card.held[0].effect.key
    desk.until("tue 7:59")
    assert sent(desk) == []
    desk.until("tue 8:00")
    assert sent(desk) == [("tue 8:00", "Hello")]
    assert [effect.key for _, effect in desk.effects if isinstance(effect, MessageCustomer)] == [key]
    assert desk.card.held == ()


def test_a_persons_own_reply_is_never_held():
    desk = Desk(limited("quiet hours 22:00-08:00", "at most 1 message per card per 1h"), "mon 23:30").writes()
    desk.replies("I'm here").replies("and here")
    assert sent(desk) == [("mon 23:30", "I'm here"), ("mon 23:30", "and here")]


def test_quiet_hours_have_days_and_a_zone_and_lines_that_meet_are_one():
    lines = ("quiet hours saturday, sunday 00:00-24:00", 'quiet hours friday 20:00-24:00 in time zone "UTC"')
    desk = Desk(limited(*lines), "fri 19:59").writes()
    assert sent(desk) == [("fri 19:59", "Hello")]
    desk.until("fri 20:30").writes()
    assert [(each, until) for each, until, _ in held(desk)] == [("Hello", "mon2 0:00")]
    elsewhere = Desk(limited('quiet hours 22:00-08:00 in time zone "America/Sao_Paulo"'), "mon 9:00").writes()
    assert held(elsewhere) == [("Hello", "mon 11:00", "quiet hours")]
    by_calendar = Desk(limited('quiet hours 08:00-10:00 in "Office"'), "mon 9:00").writes()
    assert held(by_calendar) == [("Hello", "mon 10:00", "quiet hours")]


def test_a_reminder_that_was_held_is_not_sent_once_somebody_has_written_or_the_card_moved_on():
    for act in ("replies", "writes", "moves"):
        desk = Desk(limited("quiet hours 22:00-08:00"), "mon 11:00").writes().until("mon 23:00")
        assert ("Still there?", "tue 8:00", "quiet hours") in held(desk)
        if act == "moves":
            desk.moves("Done")
        else:
            getattr(desk, act)()
        desk.until("tue 8:00")
        assert "Still there?" not in [template for _, template in sent(desk)]
        assert [entry.details["template"] for entry in desk.history("message.dropped")] == ["Still there?"]
    still = Desk(limited("quiet hours 22:00-08:00"), "mon 11:00").writes().until("tue 8:00")
    assert ("tue 8:00", "Still there?") in sent(still)


def test_notices_to_people_wait_only_where_the_file_says_so_and_escalations_never():
    desk = Desk(limited("quiet hours 09:00-17:00"), "mon 9:00").writes().until("mon 12:00")
    assert desk.told() == [("mon 10:00", "ana"), ("mon 11:00", "ana")]
    desk = Desk(limited("quiet hours 09:30-16:00 for customers and people"), "mon 9:00").writes().until("mon 12:00")
    assert desk.told() == [("mon 11:00", "ana")]
    assert desk.told("escalation") == [("mon 11:00", "ana")]
    assert held(desk) == [("ana", "mon 16:00", "quiet hours")]
    desk.until("mon 16:00")
    assert desk.told("alert") == [("mon 16:00", "ana")]
    people = Desk(limited("quiet hours 08:00-16:00 for people"), "mon 9:00").writes()
    assert sent(people) == [("mon 9:00", "Hello")]


def test_after_downtime_what_was_due_by_day_is_still_not_sent_by_night():
    desk = Desk(limited("quiet hours 22:00-08:00"), "mon 9:00").writes()
    desk.away_until("mon 23:00")
    assert sent(desk) == [("mon 9:00", "Hello")]
    desk.until("tue 8:00")
    assert sent(desk)[1:] == [("tue 8:00", "Still there?")]


# --- the rate --------------------------------------------------------------------------------------------------------


def test_messages_beyond_the_rate_wait_for_room_in_their_order():
    desk = Desk(limited("at most 2 messages per card per 1h"), "mon 9:00").writes()
    for moment in ("mon 9:10", "mon 9:20", "mon 9:30", "mon 9:40"):
        desk.until(moment).writes()
    assert sent(desk) == [("mon 9:00", "Hello"), ("mon 9:10", "Hello")]
    assert [(until, why) for _, until, why in held(desk)] == [
        ("mon 10:00", "rate"),
        ("mon 10:10", "rate"),
        ("mon 11:00", "rate"),
    ]
    desk.until("mon 11:00")
    assert [moment for moment, _ in sent(desk)] == ["mon 9:00", "mon 9:10", "mon 10:00", "mon 10:10", "mon 11:00"]


def test_room_that_comes_in_quiet_hours_is_of_no_use():
    lines = ("at most 1 message per card per 2h", "quiet hours 22:00-08:00")
    desk = Desk(limited(*lines), "mon 21:00").writes().until("mon 21:30").writes()
    assert held(desk) == [("Hello", "tue 8:00", "quiet hours")]


def test_limits_of_a_new_version_hold_for_what_waits():
    desk = Desk(limited("quiet hours 22:00-08:00"), "mon 23:30").writes()
    desk.graph = Desk(limited("quiet hours 22:00-10:00")).graph
    desk.until("tue 9:59")
    assert sent(desk) == []
    desk.until("tue 10:00")
    assert sent(desk) == [("tue 10:00", "Hello")]


# --- digests ---------------------------------------------------------------------------------------------------------


def test_the_engine_says_what_a_notice_is_gathered_with_and_until_when():
    desk = Desk(limited("digest alerts and notices every 4h"), "mon 9:00").writes().until("mon 11:00")
    desk.sets(priority="high")
    found = [
        (effect.about, effect.digest, when(effect.gather_until))
        for _, effect in desk.effects
        if isinstance(effect, NotifyPerson)
    ]
    assert found == [
        ("alert", "alerts, notices", "mon 12:00"),
        ("escalation", "", ""),
        ("rule", "alerts, notices", "mon 12:00"),
    ]
    late = limited("digest alerts every 4h").replace(
        "alert owner at 50% of first reply", "alert owner 1h after first reply"
    )
    after = Desk(late, "mon 9:00").writes().until("mon 12:00")
    assert [effect.digest for _, effect in after.effects if isinstance(effect, NotifyPerson)] == ["", ""]
    urgent = Desk(limited("digest escalations every 30m"), "mon 9:00").writes().until("mon 11:00")
    assert [when(effect.gather_until) for _, effect in urgent.effects if isinstance(effect, NotifyPerson)] == [
        "",
        "mon 11:30",
    ]


def gathered(key: str, *, person: str = "ana", digest: str = "alerts", minutes: int = 30) -> NotifyPerson:
    plain = notify("email", person, "Hello")
    return NotifyPerson(
        key=key,
        person=plain.person,
        channel=plain.channel,
        about=plain.about,
        details=plain.details,
        digest=digest,
        gather_until=START + dt.timedelta(minutes=minutes),
    )


def test_notices_of_a_digest_leave_as_one_message_when_its_period_ends(tmp_path: Path) -> None:
    async def main() -> None:
        async with out(tmp_path) as to:
            await to.put(
                gathered("one"), gathered("two"), gathered("other", digest="notices"), gathered("later", minutes=60)
            )
            await to.settled()
            assert to.doors.by_names["Mail"].sent == []
            to.clock.advance(dt.timedelta(minutes=30))
            await to.settled()
            mails = to.doors.by_names["Mail"].sent
            assert sorted(mail.subject for mail in mails) == [
                "2 avisos",
                "Cartão 1: primeira resposta vence sex., 6 de nov., 13:00",
            ]
            both = next(mail for mail in mails if mail.subject == "2 avisos")
            assert both.text.count("Cartão 1: primeira resposta vence") == 2
            rows = {row.key: row for row in await to.store.deliveries(to.card_id)}
            assert {key: row.state for key, row in rows.items()} == {
                "one": "sent",
                "two": "sent",
                "other": "sent",
                "later": "pending",
            }
            assert rows["one"].provider_id == rows["two"].provider_id
            to.clock.advance(dt.timedelta(minutes=30))
            await to.settled()
            assert len(to.doors.by_names["Mail"].sent) == 3

    asyncio.run(main())


@pytest.mark.parametrize("refusals", [1, 2])
def test_a_digest_that_could_not_be_sent_is_sent_again_whole_under_the_same_key(tmp_path: Path, refusals: int) -> None:
    async def main() -> None:
        async with out(tmp_path) as to:
            door = to.doors.by_names["Mail"]

            def answer(item: Outgoing) -> Retry | Sent:
                return Retry(reason="busy", after=60) if len(door.sent) <= refusals else Sent()

            door.answer = answer
            await to.put(gathered("one"), gathered("two"))
            for _ in range(refusals + 1):
                to.clock.advance(dt.timedelta(days=1))
                await to.settled()
            assert len(door.sent) == refusals + 1
            assert len({(mail.key, mail.text) for mail in door.sent}) == 1
            assert {row.state for row in await to.store.deliveries(to.card_id)} == {"sent"}

    asyncio.run(main())


def test_a_person_without_an_address_gets_no_digest_and_the_rest_do(tmp_path: Path) -> None:
    async def main() -> None:
        async with out(tmp_path) as to:
            await to.put(gathered("one", person="bruno"), gathered("two"))
            to.clock.advance(dt.timedelta(minutes=30))
            await to.settled()
            states = {row.key: (row.state, row.error) for row in await to.store.deliveries(to.card_id)}
            assert states == {"one": ("failed", "bruno has no e-mail address"), "two": ("sent", "")}

    asyncio.run(main())


def test_what_is_gathered_is_in_the_app_at_once(tmp_path: Path) -> None:
    async def main() -> None:
        async with out(tmp_path) as to:
            plain = gathered("one")
            await to.put(
                NotifyPerson(**{name: getattr(plain, name) for name in plain.__struct_fields__ if name != "channel"})
            )
            assert [notice.key for notice in await to.store.notices("ana")] == ["one"]

    asyncio.run(main())


def test_a_long_digest_is_shortened_by_mail_and_more_so_in_a_chat() -> None:
    notices = [Text(f"Card {number} is late", f"Look at {number}.") for number in range(5000)]
    chat = digest(notices, "en", short=True)
    assert chat.text.startswith("5000 notices\n• Card 0 is late\n• Card 1 is late\n")
    assert len(chat.text) < SHORT_DIGEST + 100
    mail = digest(notices, "en", short=False)
    assert mail.text.startswith("5000 notices\n\nCard 0 is late\nLook at 0.\n\nCard 1 is late\n")
    assert "Look at 49.\n\n• Card 50 is late\n• Card 51" in mail.text
    for made in (chat, mail):
        more = re.search(r"\n… and (\d+) more$", made.text)
        assert more is not None
        assert made.text.count(" is late") + int(more[1]) == 5000
    few = digest(notices[:2], "pt", short=False)
    assert (few.subject, few.text) == (
        "2 avisos",
        "2 avisos\n\nCard 0 is late\nLook at 0.\n\nCard 1 is late\nLook at 1.",
    )
