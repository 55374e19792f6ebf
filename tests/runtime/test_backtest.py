"""The replay against the running engine: what it tells of the past under the same version is what happened."""

from __future__ import annotations

import asyncio
import datetime as dt
import random
from collections import Counter
from pathlib import Path

import msgspec
import pytest

from duly_dsl.compiler import compile_files
from duly_dsl.parser import parse
from duly_dsl.program import Program
from duly_dsl.source import SourceFile
from duly_runtime import events
from duly_runtime.backtest import lines
from duly_runtime.backtest.compare import differences, limit, new_breaches
from duly_runtime.backtest.outcomes import Place, Tally
from duly_runtime.backtest.replay import Replay, deals
from duly_runtime.backtest.running import run
from duly_runtime.card import Card
from duly_runtime.decision import Decision, World
from duly_runtime.doors import Inbound
from duly_runtime.engine.step import load, step, wants_new_card
from duly_runtime.store.database import open_store
from support.databases import sqlite_database

EXAMPLE = Path(__file__).parents[2] / "examples" / "support_desk"
START = dt.datetime(2026, 12, 18, 12, tzinfo=dt.UTC)
MINUTE = dt.timedelta(minutes=1)


def example(*changes: tuple[str, str]) -> Program:
    """The support desk, with some texts replaced."""
    sources: list[SourceFile] = []
    for path in sorted(EXAMPLE.glob("*.duly")):
        text = path.read_text(encoding="utf-8")
        for old, new in changes:
            text = text.replace(old, new)
        sources.append(SourceFile(path.name, text))
    return compile_files([parse(source).file for source in sources])


class House:
    """A store and the engine, every timer in time, and random customers and agents."""

    def __init__(self, seed: int, program: Program, folder: Path, spans: bool) -> None:
        self.spans = spans
        """People merge and split cards, too."""
        self.random = random.Random(seed)
        self.program = program
        self.graph = load(program)
        self.store = open_store(sqlite_database(folder / "duly.sqlite"))
        self.now = START
        self.waits: dict[int, dt.datetime] = {}
        self.refused = 0
        """Refusals, but of what spans two cards: these are not replayed."""
        self.decisions: list[tuple[dt.datetime, Decision]] = []

    async def handle(self, event_id: int) -> int:
        def decide(event: events.Event, card: Card | None, world: World) -> Decision:
            if card is not None and wants_new_card(self.graph, card, event, self.now):
                card = None
            decision = step(self.graph, card, event, self.now, world)
            self.decisions.append((self.now, decision))
            spans = isinstance(event.body, (events.MergeCard, events.UnmergeCard, events.SplitCard))
            self.refused += bool(decision.refused) and not spans
            if decision.card is not None:
                self.waits.pop(decision.card.id, None)
                if decision.timers:
                    self.waits[decision.card.id] = decision.timers[0].due_at
            return decision

        handled = await self.store.handle(event_id, decide, self.program.hash, self.now)
        assert handled.done
        return handled.card_id

    async def until(self, moment: dt.datetime, *, inclusive: bool = False) -> None:
        while self.waits:
            first = min(self.waits.values())
            if first > moment or (first == moment and not inclusive):
                break
            self.now = max(self.now, first)
            for event_id in await self.store.claim_due(self.now, 1000):
                await self.handle(event_id)
        self.now = max(self.now, moment)

    async def live(self, steps: int) -> list[Card]:
        await self.store.start()
        await self.store.publish(self.program.hash, self.program.encode(), {}, "test", "", self.now)
        some = self.random
        known: list[int] = []
        for number in range(steps):
            await self.until(self.now + some.choice((0, 1, 7, 45, 200, 900)) * MINUTE)
            if not known or some.random() < 0.4:
                body: events.AnyBody = events.CustomerMessage(
                    text=some.choice(("hello", "a complaint", "refund please")),
                    pipeline="Customer support",
                    channel=some.choice(("whatsapp", "email")),
                    connector="Shop",
                    conversation=f"customer {some.randrange(6)}",
                    fields=some.choice(({}, {"priority": "urgent"}, {"field:Tier": "gold"})),
                )
                happened = self.now - some.choice((0, 0, 0, 3)) * MINUTE
                accepted = await self.store.accept(
                    "Shop", None, [Inbound(key=f"m{number}", at=happened, body=body)], self.now
                )
                event_id = accepted.event_ids[0]
            elif self.spans and some.random() < 0.1:
                event_id = await self.spanning(known)
            else:
                event_id = await self.store.command(some.choice(known), self.something(), self.now)
            card = await self.handle(event_id)
            other = (await self.store.outcome(event_id)).other_id
            known += [each for each in (card, other) if each and each not in known]
        await self.until(self.now + dt.timedelta(days=4), inclusive=True)
        return [await self.store.card(card) for card in known]

    async def spanning(self, known: list[int]) -> int:
        """A merge, an undoing or a split, fit or not."""
        some = self.random
        card = await self.store.card(some.choice(known))
        other = await self.store.card(some.choice(known))
        if card.merged is not None:
            body: events.AnyBody = events.UnmergeCard(author="ana")
        elif some.random() < 0.5:
            body = events.MergeCard(into=other.id, number=other.number, author="ana")
        else:
            said = await self.store.messages(card.id)
            taken = [each for each in said if some.random() < 0.5]
            left = [each for each in said if each not in taken and each.direction == "in"]
            last = max((each.at for each in said if each.direction == "out" and each.author), default=None)
            since = min((each.at for each in left if last is None or each.at > last), default=None)
            body = events.SplitCard(
                messages=tuple(each.id for each in taken),
                last_customer_at=card.last_customer_at,
                unanswered_since=since,
                follow=some.random() < 0.5,
                author="ana",
            )
        return await self.store.command(card.id, body, self.now)

    def something(self) -> events.AnyBody:
        some = self.random
        author = some.choice(("ana", "bruno", "carla"))
        return some.choice(
            (
                events.AgentMessage(text="let me see", author=author),
                events.AgentMessage(text="here you are", author=author),
                events.MoveCard(stage=some.choice(("In progress", "Waiting for customer", "Done")), author=author),
                events.SetFields(values={"field:Resolution": "done"}, author=author),
                events.SetFields(values={"priority": some.choice(("urgent", "low"))}, author=author),
                events.AssignCard(owner=author, author=author),
                events.InternalNote(text="a note", author=author),
                events.TagCard(add=("vip",), author=author),
                events.Acknowledge(ladder="Late reply", author=author),
            )
        )

    async def journal(self) -> list[bytes]:
        found: list[bytes] = []
        after = 0
        while page := await self.store.past_events(after, 7, lines.LEFT_OUT):
            found += [lines.of_past(event) for event in page]
            after = page[-1].id
        return found


def lived(
    seed: int, program: Program, folder: Path, steps: int = 120, *, spans: bool = False
) -> tuple[House, list[Card], list[bytes]]:
    async def main() -> tuple[House, list[Card], list[bytes]]:
        house = House(seed, program, folder, spans)
        try:
            cards = await house.live(steps)
            return house, cards, await house.journal()
        finally:
            await house.store.stop()

    return asyncio.run(main())


def replayed(program: Program, journal: list[bytes], until: dt.datetime) -> Replay:
    replay = Replay(load(program), Tally())
    for line in journal:
        replay.take(lines.decode(line))
    replay.finish(until)
    return replay


def still(card: Card) -> Card:
    """Without the number of steps it took."""
    return msgspec.structs.replace(card, revision=0)


MORE = """
  clock "Vendor answer" {
    start when card enters "Waiting for customer"
    stop when card leaves "Waiting for customer"
    within 2h
    alert owner at 80%
  }

  rule "Nudge" {
    when every 4h and stage is "Waiting for customer"
    then notify owner
  }

  rule "Each morning" {
    when every day 09:00 and priority is urgent
    then send "Still there?"
  }

  send limits {
    quiet hours 22:00-08:00
    at most 2 messages per card per 1h
  }

  rule "VIP goes first" {"""
"""A clock of its own, scheduled rules and send limits."""


@pytest.mark.parametrize("changes", [(), (('  rule "VIP goes first" {', MORE),)], ids=["example", "more"])
@pytest.mark.parametrize("seed", (1, 2, 3, 5))
def test_under_the_same_version_everything_comes_out_as_it_did(
    seed: int, changes: tuple[tuple[str, str], ...], tmp_path: Path
) -> None:
    program = example(*changes)
    assert bool(program.pipelines["Customer support"].clocks) is bool(changes)
    house, cards, journal = lived(seed, program, tmp_path, 260, spans=True)
    replay = replayed(program, journal, house.now)

    assert not replay.lost
    # Two timers of one instant are two events in the journal, the second of which does nothing.
    assert {card.id: still(card) for card in replay.cards().values()} == {card.id: still(card) for card in cards}
    entries = [entry for _, decision in house.decisions for entry in decision.entries]
    kinds = [entry.kind for entry in entries]
    effects = [effect for _, decision in house.decisions for effect in decision.effects]
    tally = replay.tally
    assert bool(tally.total("rules", "Each morning")) is bool(changes)
    assert tally.total("opened") == len(cards) == kinds.count("card.created")
    assert tally.total("breaches") == kinds.count("clock.missed") > 0
    assert tally.total("met") == kinds.count("clock.met") > 0
    assert tally.total("escalations") == kinds.count("ladder.level") > 0
    assert tally.total("finished") == kinds.count("card.finished") > 0
    assert tally.total("refused") == house.refused > 0
    assert kinds.count("card.absorbed") > 0
    assert kinds.count("card.split_off") > 0
    assert tally.total("notices") == sum(type(effect).__name__ == "NotifyPerson" for effect in effects) > 0
    assert tally.total("calls") == sum(type(effect).__name__ == "CallWebhook" for effect in effects)
    assert tally.total("open at the end") == sum(card.finished_at is None for card in cards)
    for card in cards:
        assert tally.cards("breaches")[card.id] == sum(clock.missed_at is not None for clock in card.clocks)


def test_the_same_past_gives_the_same_numbers(tmp_path: Path) -> None:
    program = example()
    house, _, journal = lived(9, program, tmp_path)
    first, second = (replayed(program, journal, house.now).tally.cells for _ in range(2))
    assert list(first.items()) == list(second.items())


# --- two versions -----------------------------------------------------------------------------------------------------

SHORTER = (
    ("| urgent   | any  | 15m ", "| urgent   | any  | 5m "),
    ("resolved within 3 working days", "resolved within 2h"),
)
PLAIN = (('round robin of "Billing"', "agent carla"), ('least busy of "Front desk"', 'team "Front desk"'))


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[bytes], dt.datetime]:
    house, _, journal = lived(5, example(), tmp_path_factory.mktemp("past"), 200)
    return journal, house.now


def test_a_shorter_promise_makes_new_breaches_and_names_their_cards(past: tuple[list[bytes], dt.datetime]) -> None:
    journal, until = past
    before, after = run([example(), example(*SHORTER)], journal, until=until)
    assert before.events == after.events == len(journal)
    (found,) = differences(after.tally, before.tally, "breaches")
    assert found.before is not None and found.change == found.after - found.before > 0
    assert found.more.total() - found.less.total() == found.change
    assert new_breaches(after.tally, before.tally) >= found.change
    by_metric = differences(after.tally, before.tally, "breaches", "subject")
    assert sum(row.change for row in by_metric) == found.change
    (resolved,) = [row for row in by_metric if row.values == ("resolved",)]
    late = replayed(example(*SHORTER), journal, until).cards()
    for card in resolved.cards:
        assert any(clock.metric == "resolved" and clock.missed_at for clock in late[card].clocks)


def test_the_number_of_processes_changes_nothing(past: tuple[list[bytes], dt.datetime]) -> None:
    journal, until = past
    versions = [example(), example(*PLAIN)]
    assert [deals(version) for version in versions] == [True, False]
    assert deals(
        example(
            *PLAIN,
            ("agent ana ", 'level 2 of "Billing" '),
            ("members carla, elisa", "members carla, elisa\n  level 2 elisa"),
        )
    )
    alone = run(versions, journal, until=until)
    spread = run(versions, journal, until=until, jobs=4)
    for one, other in zip(alone, spread, strict=True):
        assert {key: Counter(cards) for key, cards in one.tally.cells.items() if cards} == {
            key: Counter(cards) for key, cards in other.tally.cells.items() if cards
        }
        assert (one.events, one.timers, one.lost) == (other.events, other.timers, other.lost)


def test_only_the_period_counts_but_clocks_are_right_from_the_start(past: tuple[list[bytes], dt.datetime]) -> None:
    journal, until = past
    middle = START + (until - START) / 2
    (whole,) = run([example()], journal, until=until)
    (early,) = run([example()], journal, until=middle)
    (late,) = run([example()], journal, since=middle + dt.timedelta(microseconds=1), until=until)
    for measure in ("opened", "breaches", "met", "alerts", "escalations", "finished"):
        total = whole.tally.total(measure)
        assert early.tally.total(measure) + late.tally.total(measure) == total, measure
        assert early.tally.total(measure) > 0, measure


def test_what_people_did_that_the_rules_forbid_is_counted(past: tuple[list[bytes], dt.datetime]) -> None:
    journal, until = past
    strict = example(('next "Triage", "In progress", "Done"', 'next "Triage"'))
    before, after = run([example(), strict], journal, until=until)
    grown = {row.values[0]: row.change for row in differences(after.tally, before.tally, "refused", "subject")}
    assert grown["stage-order"] > 0


def test_a_message_may_open_a_card_here_that_joined_one_then(past: tuple[list[bytes], dt.datetime]) -> None:
    journal, until = past
    closed = example(('reopen within 7 calendar days to "In progress"', ""))
    before, after = run([example(), closed], journal, until=until)
    assert before.tally.total("reopened") > 0 == after.tally.total("reopened")
    assert after.tally.total("opened") > before.tally.total("opened")
    assert not after.lost
    assert min(after.tally.cards("opened")) < 0, "such a card has the number of its message, below zero"


def test_limits_of_stages_are_counted_over_all_cards() -> None:
    """Of four cards the third is one too many; once two have left, the next makes it too many again."""
    full = example(
        ('  stage "New" {\n', '  stage "New" {\n    at most 2 cards\n'),
        (
            '  rule "VIP goes first" {',
            '  rule "Full" {\n    when too many cards in "New"\n    then tag "full"\n  }\n\n  rule "VIP goes first" {',
        ),
    )
    assert deals(full)
    bodies: list[tuple[int, events.AnyBody]] = [
        *((card, events.OpenCard(pipeline="Customer support")) for card in (1, 2, 3, 4)),
        (1, events.MoveCard(stage="Done", author="ana")),
        (2, events.MoveCard(stage="Done", author="ana")),
        (5, events.OpenCard(pipeline="Customer support")),
    ]
    replay = Replay(load(full), Tally())
    for number, (card, body) in enumerate(bodies, 1):
        at = START + number * MINUTE
        replay.take(lines.Line(id=number, case=f"c{card}", card=card, at=at, now=at, body=body))
    assert {card: found.tags for card, found in replay.cards().items() if found.tags} == {3: ("full",), 5: ("full",)}


def test_lines_about_a_card_that_was_never_opened_are_counted_as_lost() -> None:
    body = events.AgentMessage(text="hello", author="ana")
    line = lines.Line(id=1, case="c1", card=1, at=START, now=START, body=body)
    (result,) = run([example()], [lines.encode(line)])
    assert result.lost == {"no card": 1}
    assert not result.tally.cells


def test_without_texts_only_what_reads_the_text_is_different(past: tuple[list[bytes], dt.datetime]) -> None:
    journal, until = past
    bare = [
        lines.encode(msgspec.structs.replace(line, body=lines.without_texts(line.body)))
        for line in map(lines.decode, journal)
    ]
    assert b"complaint" in b"".join(journal)
    assert b"complaint" not in b"".join(bare) and b"a note" not in b"".join(bare) and b"customer 1" not in b"".join(bare)
    deaf = example(
        *PLAIN, ('"complaint", "lawyer", "reclamação", "procon"', '"xyzzy"'), ('"refund", "reembolso"', '"xyzzy"')
    )
    told, untold = run([deaf], journal, until=until)[0], run([deaf], bare, until=until)[0]
    assert told.tally.cells == untold.tally.cells


@pytest.mark.parametrize(
    ("text", "crossed"),
    [
        ("breaches > 11", True),
        ("breaches > 12", False),
        ("breaches >= +2", True),
        ("breaches > +2", False),
        ("breaches > +19%", True),
        ("breaches > 20%", False),
        ('breaches "first reply" < -1', False),
        ('breaches "first reply" <= -1', True),
        ("alerts > +5%", True),
        ("late at the end > +5%", False),
        ("escalations<1", True),
    ],
)
def test_limits(text: str, crossed: bool) -> None:
    before, after = Tally(), Tally()
    for tally, first, resolved in ((before, 3, 7), (after, 2, 10)):
        for measure, subject, count in (("breaches", "first reply", first), ("breaches", "resolved", resolved)):
            for card in range(count):
                tally.add(measure, subject, Place(), card)
    after.add("alerts", "resolved", Place(), 1)
    assert limit(text).crossed(after, before) is crossed


@pytest.mark.parametrize("text", ["", "breaches", "breaches > ", "breakfast > 1", "breaches == 1", "breaches > 1 2", "> 3"])
def test_what_is_no_limit(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        limit(text or " ")


def test_a_change_needs_two_versions() -> None:
    with pytest.raises(ValueError, match="breaches"):
        limit("breaches > +1").crossed(Tally(), None)
    assert limit("breaches > 1").crossed(Tally(), None) is False
