"""Reports over a history that goes on: what is asked of an instant that is past is what was answered then, whatever was
packed meanwhile, and every answer is what a count of the raw rows gives. On both databases."""

from __future__ import annotations

import asyncio
import datetime as dt
import itertools
import os
import random
import statistics
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from duly_dsl.program import Pipeline, Program
from duly_dsl.units import Duration, Unit
from duly_runtime import columns, reports
from duly_runtime.card import Card, Clock, ClockState, Excuse, Visit
from duly_runtime.decision import Decision, NotifyPerson, World
from duly_runtime.events import Event, InternalNote, OpenCard
from duly_runtime.reports import EVERY, TIME_IN_STAGE, Question
from duly_runtime.store.api import Store
from duly_runtime.store.reports_api import ReportMail
from support.store_scenes import HOUR, MINUTE, opened, sql

ZONE = "America/Sao_Paulo"
START = dt.datetime(2026, 9, 28, 12, 0, tzinfo=dt.UTC)
TARGET = Duration(Unit.BUSINESS, 4 * 3_600_000_000)
PROGRAM = Program(
    pipelines={
        "Support": Pipeline(name="Support", calendar="Office", was=("Help desk",)),
        "Sales": Pipeline(name="Sales", calendar="Office"),
    }
)
DIMENSIONS = (
    "pipeline",
    "stage",
    "owner",
    "team",
    "priority",
    "type",
    "channel",
    "reason",
    "outcome",
    "day",
    "week",
    "month",
)
FULL = os.environ.get("DULY_FULL") == "1"


class Desk:
    """Cards that go on at random, each change an event of its own."""

    def __init__(self, store: Store, chance: random.Random) -> None:
        self.store = store
        self.chance = chance
        self.now = START
        self.cards: list[int] = []

    def decide(self, event: Event, card: Card | None, world: World) -> Decision:
        if card is None:
            return Decision(card=self.opened(world))
        return Decision(card=replace(self.changed(card), revision=card.revision + 1))

    async def step(self) -> None:
        chance = self.chance
        self.now += dt.timedelta(hours=chance.expovariate(1 / 9))
        if not self.cards or chance.random() < 0.3:
            event_id = await self.store.command(0, OpenCard(pipeline="Support"), self.now)
        else:
            event_id = await self.store.command(chance.choice(self.cards), InternalNote(author="ana", text="x"), self.now)
        handled = await self.store.handle(event_id, self.decide, "v", self.now, measure)
        assert handled.done
        if handled.card_id not in self.cards:
            self.cards.append(handled.card_id)

    def opened(self, world: World) -> Card:
        chance = self.chance
        start = self.now - chance.choice((dt.timedelta(), dt.timedelta(days=chance.uniform(0, 40))))
        return Card(
            id=world.next_card_id,
            number=world.next_card_number,
            pipeline=chance.choice(("Support", "Support", "Help desk", "Sales")),
            stage="New",
            owner="ana",
            team=chance.choice(("Desk", "")),
            priority=chance.choice(("high", "low")),
            type=chance.choice(("question", "")),
            channel=chance.choice(("email", "whatsapp")),
            created_at=start,
            visits=(Visit(number=1, stage="New", entered_at=start),),
            clocks=tuple(self.clock(metric, 1, start) for metric in ("first reply", "resolved")),
            revision=1,
        )

    def clock(self, metric: str, cycle: int, start: dt.datetime) -> Clock:
        version = self.chance.choice(("one", "two"))
        due = start + 4 * HOUR
        return Clock(
            metric=metric, cycle=cycle, stage="New", calendar="Office", target=TARGET, version=version, started_at=start,
            due_at=due,
        )  # fmt: skip

    def changed(self, card: Card) -> Card:
        """One of the things that happen to cards, at random."""
        chance = self.chance
        at = max(card.visit.entered_at, self.now - chance.choice((dt.timedelta(), dt.timedelta(days=chance.uniform(0, 9)))))
        what = chance.random()
        if what < 0.35:
            stage = chance.choice(("New", "Work", "Done"))
            last = replace(card.visit, left_at=at)
            visits = (*card.visits[:-1], last, Visit(number=last.number + 1, stage=stage, entered_at=at))
            return replace(card, stage=stage, visits=visits)
        if what < 0.5:
            return replace(card, owner=chance.choice(("ana", "bruno", "carla")))
        place = chance.randrange(len(card.clocks))
        clock = card.clocks[place]
        if not clock.open and clock.missed_at is None:
            new = self.clock(clock.metric, 1 + sum(each.metric == clock.metric for each in card.clocks), at)
            return replace(card, clocks=(*card.clocks, new))
        clocks = list(card.clocks)
        clocks[place] = self.moved(clock, card, at)
        return replace(card, clocks=tuple(clocks))

    def moved(self, clock: Clock, card: Card, at: dt.datetime) -> Clock:
        if clock.missed_at is None:
            if self.chance.random() < 0.5:
                return replace(clock, missed_at=max(clock.started_at, at), owner_at_miss=card.owner)
            return replace(clock, state=ClockState.DONE, stopped_at=max(clock.started_at, at))
        if clock.open:
            return replace(clock, state=ClockState.DONE, stopped_at=max(clock.missed_at, at))
        if clock.excuse is not None:
            return replace(clock, excuse=None)
        return replace(clock, excuse=Excuse(reason=self.chance.choice(("Outage", "Customer")), at=at))

    def question(self) -> Question:
        chance = self.chance
        today = self.now.astimezone(ZoneInfo(ZONE)).date()
        first = today - dt.timedelta(days=chance.randint(0, 75))
        only: dict[str, tuple[str, ...]] = {}
        for dimension, values in (
            ("owner", ("ana", "bruno", "carla")), ("stage", ("New", "Work")), ("team", ("Desk", "")),
            ("channel", ("email",)), ("type", ("question",)), ("outcome", ("missed", "excused")),
            ("pipeline", ("Support",)),
        ):  # fmt: skip
            if chance.random() < 0.2:
                only[dimension] = tuple(chance.sample(values, chance.randint(1, len(values))))
        return Question(
            measures=tuple(chance.sample(("first reply", "resolved", TIME_IN_STAGE, EVERY), chance.randint(1, 3))),
            first=first if chance.random() < 0.6 else first.replace(day=1),
            last=max(first, today - dt.timedelta(days=chance.randint(-1, 20))),
            zone=ZONE,
            by=tuple(chance.sample(DIMENSIONS, chance.choice((0, 1, 1, 2)))),
            only=only,
            without_excused=chance.random() < 0.5,
            goal=60,
        )


def measure(card: Card, calendar: str, start: dt.datetime, end: dt.datetime) -> float:
    return (end - start).total_seconds() / 3


async def raw_rows(store: Store) -> list[dict[str, Any]]:
    """Stays and outcomes from the tables of cards, without any table of reports."""
    cards = {row["id"]: row for row in await sql(store, "SELECT * FROM card")}
    found = []
    for row in await sql(store, "SELECT * FROM visit WHERE left_at IS NOT NULL"):
        card = {key: cards[row["card_id"]][key] for key in ("team", "priority", "type", "channel")}
        wall = (row["left_at"] - row["entered_at"]).total_seconds()
        found.append(
            row | card | {"measure": TIME_IN_STAGE, "at": row["left_at"], "wall": wall, "outcome": "", "reason": ""}
        )
    for row in await sql(store, "SELECT * FROM clock WHERE outcome <> ''"):
        stopped = row["stopped_at"]
        found.append(
            row
            | {
                "measure": row["metric"],
                "at": row["missed_at"] or stopped,
                "owner": row["owner_at_miss"] if row["missed_at"] else row["owner"],
                "wall": (stopped - row["started_at"]).total_seconds() if stopped else None,
                "outcome": "excused" if row["excused_at"] is not None else row["outcome"],
                "reason": row["excuse"],
            }
        )
    return found


Counted = dict[tuple[str, tuple[str, ...]], tuple[Any, ...]]
"""(measure, group) -> figures."""


def naive(rows: list[dict[str, Any]], question: Question) -> Counted:
    """Row by row."""
    found: dict[tuple[str, tuple[str, ...]], list[dict[str, Any]]] = {}
    for row in rows:
        day = row["at"].astimezone(ZoneInfo(ZONE)).date()
        spans = {"day": str(day), "week": "{}-W{:02}".format(*day.isocalendar()), "month": str(day)[:7]}
        values = {**row, **spans, "pipeline": "Support" if row["pipeline"] == "Help desk" else row["pipeline"]}
        if not question.first <= day <= question.last:
            continue
        if any(values[key] not in wanted for key, wanted in question.only.items()):
            continue
        for each in question.measures:
            if each == row["measure"] or (each == EVERY and row["measure"] != TIME_IN_STAGE):
                found.setdefault((each, tuple(values[part] for part in question.by)), []).append(row)
    figures = {}
    for key, mine in found.items():
        kept = [row for row in mine if not (row["outcome"] == "excused" and question.without_excused)]
        count = {each: sum(row["outcome"] == each for row in mine) for each in ("met", "missed", "excused")}
        figures[key] = (
            len(kept), count["met"], count["excused"],
            sum(row["outcome"] in ("missed", "excused") for row in kept),
            *middle([row["business_seconds"] for row in kept]), *middle([row["wall"] for row in kept]),
        )  # fmt: skip
    return figures


def middle(values: list[float | None]) -> tuple[float | None, float | None]:
    known = sorted(value for value in values if value is not None)
    if len(known) < 2:
        return (known[0], known[0]) if known else (None, None)
    return statistics.median(known), statistics.quantiles(known, n=10, method="inclusive")[8]


def same(result: reports.ReportResult, wanted: Counted, by: tuple[str, ...]) -> None:
    rows = result.rows if by else [row for row in result.totals if row.count or row.excused]
    found = {(row.measure, tuple(row.group.get(part, "") for part in by)): row for row in rows}
    assert set(found) == set(wanted)
    for key, row in found.items():
        said = (
            row.count, row.met, row.excused, row.missed, row.median_seconds, row.p90_seconds, row.wall_median_seconds,
            row.wall_p90_seconds,
        )  # fmt: skip
        for one, other in zip(said, wanted[key], strict=True):
            assert one == (pytest.approx(other) if isinstance(other, float) else other), key


@pytest.mark.parametrize("seed", range(12 if FULL else 3))
def test_every_answer_is_a_count_of_the_rows_and_stays_what_it_was(store_url: str, seed: int) -> None:
    async def scene() -> None:
        async with opened(store_url) as store:
            desk = Desk(store, random.Random(seed))
            answers: list[tuple[Question, dt.datetime, reports.ReportResult]] = []
            packed = rows_counted = 0
            for turn in range(220):
                await desk.step()
                if turn % 11 == 10:
                    rows = await raw_rows(store)
                    for _ in range(3):
                        question = desk.question()
                        result = await reports.ask(store, PROGRAM, question)
                        wanted = naive(rows, question)
                        same(result, wanted, question.by)
                        rows_counted += len(wanted)
                        answers.append((question, desk.now, result))
                    desk.now += MINUTE
                if turn % 17 == 16:
                    while await store.pack_facts(ZONE, desk.now):
                        packed += 1
            assert packed > 60
            assert rows_counted > 100
            kinds = {row["kind"] for row in await sql(store, "SELECT DISTINCT kind FROM report_pack")}
            assert kinds == {"day", "month"}
            for question, then, result in answers:
                again = await reports.ask(store, PROGRAM, replace(question, as_of=then))
                assert replace(again, as_of=None) == result

    asyncio.run(scene())


def test_facts_are_listed_the_latest_first_and_as_they_were_known(store_url: str) -> None:
    async def scene() -> None:
        async with opened(store_url) as store:
            desk = Desk(store, random.Random(5))
            for _ in range(120):
                await desk.step()
            question = Question(measures=(EVERY,), first=dt.date(2026, 8, 1), last=dt.date(2027, 3, 1), zone=ZONE)
            raw = [row for row in await raw_rows(store) if row["measure"] != TIME_IN_STAGE]
            pages = []
            before = 0
            while page := await reports.rows_of(store, PROGRAM, question, 7, before):
                pages.append(page)
                before = page[-1].id
            rows = list(itertools.chain.from_iterable(pages))
            assert len(pages) > 3
            assert [row.at for row in rows] == sorted((row.at for row in rows), reverse=True)
            assert sorted((row.card_id, row.measure, row.number, row.outcome) for row in rows) == sorted(
                (row["card_id"], row["metric"], row["cycle"], row["outcome"]) for row in raw
            )
            missed = replace(question, measures=("resolved",), only={"outcome": ("missed",), "owner": ("ana",)})
            listed = await reports.rows_of(store, PROGRAM, missed, 1000)
            assert {(row.measure, row.outcome, row.owner) for row in listed} == {("resolved", "missed", "ana")}
            early = replace(question, as_of=START + (desk.now - START) / 2)
            known = await reports.rows_of(store, PROGRAM, early, 1000)
            assert 0 < len(known) < len(rows)

    asyncio.run(scene())


def test_what_a_late_change_touches_is_packed_anew(store_url: str) -> None:
    async def scene() -> None:
        async with opened(store_url) as store:
            desk = Desk(store, random.Random(1))
            for _ in range(60):
                await desk.step()
            desk.now += 40 * 24 * HOUR
            while await store.pack_facts(ZONE, desk.now):
                pass
            before = {row["first"] for row in await sql(store, "SELECT first FROM report_pack WHERE kind = 'day'")}
            (row,) = await sql(
                store,
                "SELECT card_id, measure, number FROM fact WHERE outcome = 'missed' AND gone_at IS NULL"
                " ORDER BY at LIMIT 1",
            )

            def excuse(event: Event, card: Card | None, world: World) -> Decision:
                assert card is not None
                clocks = tuple(
                    replace(each, excuse=Excuse(reason="Outage", at=desk.now))
                    if (each.metric, each.cycle) == (row["measure"], row["number"])
                    else each
                    for each in card.clocks
                )
                return Decision(card=replace(card, clocks=clocks, revision=card.revision + 1))

            event_id = await store.command(int(row["card_id"]), InternalNote(author="ana", text="x"), desk.now)
            assert (await store.handle(event_id, excuse, "v", desk.now, measure)).done
            after = {row["first"] for row in await sql(store, "SELECT first FROM report_pack WHERE kind = 'day'")}
            assert len(before - after) == 1
            assert await store.pack_facts(ZONE, desk.now)
            again = {row["first"] for row in await sql(store, "SELECT first FROM report_pack WHERE kind = 'day'")}
            assert again == before

    asyncio.run(scene())


def test_no_unfinished_day_is_packed(store_url: str) -> None:
    async def scene() -> None:
        async with opened(store_url) as store:
            assert not await store.pack_facts(ZONE, START)
            desk = Desk(store, random.Random(1))
            for _ in range(40):
                await desk.step()
            while await store.pack_facts(ZONE, desk.now):
                pass
            (last,) = await sql(store, "SELECT until FROM report_pack ORDER BY until DESC LIMIT 1")
            assert last["until"] + HOUR <= desk.now

    asyncio.run(scene())


values = st.lists(st.one_of(st.none(), st.floats(0, 10_000_000), st.sampled_from((0.0, 60.0, 3600.0))), max_size=60)


@given(values, st.lists(st.integers(1, 80), min_size=1, max_size=4), st.sampled_from((0.0, 0.1, 0.5, 0.9, 1.0)))
def test_quantiles_by_buckets_are_those_of_the_sorted_values(
    some: list[float | None], repeats: list[int], share: float
) -> None:
    key = ("",) * 10
    several = columns.joined([columns.columns([(*key, each, each) for each in some * times]) for times in repeats])
    known = sorted(each for each in some * sum(repeats) if each is not None)
    (found,) = columns.quantiles(several.seconds, (share,))
    if not known:
        assert found is None
        return
    assert found == columns.between(share, len(known), known.__getitem__)


def test_many_values_are_not_sorted_whole() -> None:
    chance = random.Random(3)
    many = [chance.expovariate(1 / 7200) for _ in range(columns.FEW + 5_000)]
    part = columns.columns([(*("",) * 10, each, None) for each in many])
    shares = (0.0, 0.25, 0.5, 0.9, 0.999, 1.0)
    ordered = sorted(many)
    assert columns.quantiles(part.seconds, shares) == [
        columns.between(share, len(ordered), ordered.__getitem__) for share in shares
    ]
    assert columns.quantiles(part.wall, shares) == [None] * len(shares)


def test_the_period_before_is_as_long_or_as_many_months() -> None:
    week = Question(measures=(EVERY,), first=dt.date(2026, 11, 2), last=dt.date(2026, 11, 8))
    assert (week.before.first, week.before.last) == (dt.date(2026, 10, 26), dt.date(2026, 11, 1))
    quarter = replace(week, first=dt.date(2026, 7, 1), last=dt.date(2026, 9, 30))
    assert (quarter.before.first, quarter.before.last) == (dt.date(2026, 4, 1), dt.date(2026, 6, 30))
    february = replace(week, first=dt.date(2026, 2, 1), last=dt.date(2026, 2, 28))
    assert (february.before.first, february.before.last) == (dt.date(2026, 1, 1), dt.date(2026, 1, 31))


def test_a_report_that_is_due_is_mailed_by_one_process_only(store_url: str) -> None:
    async def scene() -> None:
        async with opened(store_url) as store:
            mail = ReportMail(
                name="Weekly", query="by=owner", every="week", hour="08:00", zone=ZONE, people=("ana", "bruno"),
                author="ana", next_at=START,
            )  # fmt: skip
            mail_id = await store.add_report_mail(mail)
            (kept,) = await store.report_mails(START)
            assert kept == replace(mail, id=mail_id)
            assert await store.report_mails(START - MINUTE) == []
            notices = [
                NotifyPerson(key=f"report/{name}", person=name, channel="email", about="report") for name in mail.people
            ]
            later = START + 7 * 24 * HOUR
            done = [await store.send_report_mail(kept, later, notices, START) for _ in range(2)]
            assert done == [True, False]
            assert [(row.recipient, row.channel) for row in await store.deliveries()] in (
                [("ana", "email"), ("bruno", "email")],
                [("bruno", "email"), ("ana", "email")],
            )
            assert [each.next_at for each in await store.report_mails()] == [later]
            assert [await store.remove_report_mail(mail_id) for _ in range(2)] == [True, False]

    asyncio.run(scene())
