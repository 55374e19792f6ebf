"""What the walk over the grammar stands on: which productions a text uses, and all that can be seen of it running.

Two texts that differ in a construct prove it where the runtime does something else for each: another story of the same card
(timers, effects, history), another verdict of a test, other words to a person, another answer at a door, other figures, or,
for what is said to the checker only, other problems.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

import msgspec
from lark import Lark
from msgspec.structs import replace

from duly_connectors.contract import MissingSecret, Tools
from duly_connectors.registry import build as build_doors
from duly_connectors.registry import kinds
from duly_dsl import workspace
from duly_dsl.build import build
from duly_dsl.parser import parse
from duly_dsl.parsing import grammar, lexing
from duly_dsl.parsing.engine import NEWLINE, Automaton, Engine
from duly_dsl.parsing.lexing import Token
from duly_dsl.parsing.nodes import NodeBuilder
from duly_dsl.program import METRICS, Program
from duly_dsl.source import SourceFile
from duly_platform import knowledge
from duly_runtime import rendering, reports
from duly_runtime.columns import columns
from duly_runtime.decision import Decision, World
from duly_runtime.delivery import scheduled
from duly_runtime.doors import Answer, Parsed, Raw, Refused, Retry
from duly_runtime.effects import CallWebhook, MessageCustomer, NotifyPerson
from duly_runtime.engine.refusal import Refusal
from duly_runtime.engine.step import load, step
from duly_runtime.engine.values import checked
from duly_runtime.events import Event, InternalNote, OpenCard
from duly_runtime.scenario import play
from duly_runtime.scenario.run import run
from duly_runtime.store.reports_api import STAY, Asked, Day, Part
from duly_runtime.time import FakeClock

NOON = dt.datetime(2026, 11, 9, 12, 0, tzinfo=dt.UTC)
SECRETS = {"KEY": "a signing key", "OTHER": "another key", "URL": "https://crm.example/in", "SMTP": "smtp://mail.example"}


class Production(NamedTuple):
    """A rule and the words of one of its expansions, `·` for whatever is no word of the language."""

    rule: str
    symbols: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.rule}: {' '.join(self.symbols)}"


def productions() -> set[Production]:
    """Every production that makes a node: each is a construct. Those that only hand on what they hold are none."""
    lark: Any = Lark(grammar.source(), parser="lalr", lexer="basic", maybe_placeholders=False)
    words = {terminal.name for terminal in lark.terminals if type(terminal.pattern).__name__ == "PatternStr"}
    literals = grammar.tables().literals
    known = set(grammar.tables().rules)
    found: set[Production] = set()
    for rule in lark.rules:
        made = grammar._production(rule)
        assert made in known, f"the parser's table lacks {rule}"
        if made.inline or made.origin.startswith("__") or (made.single and made.length == 1) or made.name == "start":
            continue
        spelt = tuple(literals[symbol.name] if symbol.name in words else "·" for symbol in rule.expansion)
        found.add(Production(made.name, spelt))
    return found


Use = tuple[Production, tuple[str, ...]]


class _Watching(Automaton):
    """Counts what it reduces by."""

    def __init__(self, path: str, builder: NodeBuilder) -> None:
        super().__init__(path, grammar.tables(), builder)
        self.seen: Counter[Use] = Counter()

    def _reduce(self, number: int) -> None:
        rule = self.tables.rules[number]
        parts = self.values[len(self.values) - rule.length :]
        literals = self.tables.literals
        spelt = tuple(literals.get(part.type, "·") if isinstance(part, Token) else "·" for part in parts)
        self.seen[Production(rule.name, spelt), _own(parts)] += 1
        super()._reduce(number)


def _own(parts: Sequence[Any]) -> tuple[str, ...]:
    """What a production holds itself, names and amounts, not what the nodes below it hold."""
    found: list[str] = []
    for part in parts:
        if isinstance(part, Token):
            found.append(part.text if part.type != NEWLINE else "")
        elif isinstance(part, list):
            found += _own(part)
    return tuple(found)


def used(text: str) -> Counter[Use]:
    """How often a text uses each production, with what."""
    lines, _ = lexing.lines("walk.duly", text)
    builder = NodeBuilder("walk.duly")
    automaton = _Watching("walk.duly", builder)
    Engine(automaton, builder.problems, layout=False).run(lines)
    return automaton.seen


# --- running ----------------------------------------------------------------------------------------------------------


class Seen(NamedTuple):
    """All that can be seen of a text."""

    program: str
    """The graph's hash; without one, nothing is compiled."""
    tests: tuple[Any, ...]
    """What the tests in it say (not part of the graph)."""
    problems: list[tuple[str, int]]
    outcome: dict[str, Any]
    """All that came of running it."""


def see(text: str, requests: Sequence[Raw] = (), *, broken: bool = False) -> Seen:
    """Run everything. `broken`: the text may have errors; then nothing runs."""
    source = SourceFile("walk.duly", text)
    environment = knowledge.environment([text], kinds=kinds())
    built = build([source], environment)
    problems = [(problem.code, problem.span.line) for problem in built.diagnostics]
    file = parse(source).file
    tests = (file.tests, file.uses, file.allows)
    if built.program is None:
        assert broken, [f"{problem.span.line}: {problem.code} {problem.message}" for problem in built.diagnostics]
        return Seen("", tests, problems, {})
    program = built.program
    decisions: list[tuple[dt.datetime, Decision]] = []
    verdicts = [_play(program, file, test, source, decisions) for test in file.tests]
    outcome = {
        "verdicts": verdicts,
        "story": [_bare(at, decision) for at, decision in decisions],
        "words": list(_words(program, decisions)),
        "doors": asyncio.run(_doors(program, requests)),
        "retries": {
            name: [str(scheduled(Retry(reason="busy"), attempt, door)) for attempt in (1, 2, 3)]
            for name, door in program.connectors.items()
        },
        "reports": asyncio.run(_figures(program)),
        "fields": list(_fields(program)),
        "renamed": list(_renamed(program)),
    }
    return Seen(program.hash, tests, problems, outcome)


def _play(
    program: Program, file: Any, test: Any, source: SourceFile, decisions: list[tuple[dt.datetime, Decision]]
) -> list[tuple[str, str]]:
    def watched(graph: Any, card: Any, event: Any, now: dt.datetime, world: Any, **more: Any) -> Decision:
        decision = step(graph, card, event, now, world, **more)
        decisions.append((now, decision))
        return decision

    with mock.patch.object(play, "step", watched):
        result = run(program, [file], test, [source])
    return [(failure.expected, failure.instead) for failure in result.failures]


def _bare(at: dt.datetime, decision: Decision) -> Any:
    """A decision without what merely names the text it comes from: the version's hash, and keys made of it."""
    over = sorted((*key, told) for key, told in decision.over.items())
    data = [msgspec.to_builtins(replace(decision, over={})), over]
    text = msgspec.json.encode(data).decode()
    version = decision.card.clocks[0].version if decision.card and decision.card.clocks else ""
    return at, msgspec.json.decode(text.replace(version, "") if version else text)


def _words(program: Program, decisions: Sequence[tuple[dt.datetime, Decision]]) -> Iterator[Any]:
    """What people and the customer are told, in their languages and to their addresses."""
    for _, decision in decisions:
        card = decision.card
        if card is None:
            continue
        owner = program.people.get(card.owner)
        for effect in decision.effects:
            details = getattr(effect, "details", {})
            facts = rendering.Facts(
                program=program, card=card, details=details, owner=owner.full_name if owner else card.owner
            )
            match effect:
                case NotifyPerson():
                    person = program.people.get(effect.person)
                    language = person.language if person else ""
                    found = program.templates.get(effect.template)
                    said = (
                        rendering.template(found, facts, language)
                        if found
                        else rendering.notice(effect.about, facts, language)
                    )
                    address = {"email": person.email, "whatsapp": person.phone}.get(effect.channel) if person else None
                    yield (effect.person, effect.channel, address, said)
                case MessageCustomer():
                    found = program.templates.get(effect.template)
                    said = rendering.template(found, facts, "") if found else rendering.fill(effect.text, facts, "en")
                    yield ("customer", said, rendering.approved(found, facts, "") if found else None)
                case CallWebhook():
                    yield (effect.connector, effect.event)


PROBES: tuple[str | float | bool, ...] = ("x", "y", "5", 5.0, True, "2026-11-09", "+351210000001", "a@desk.example")


def _fields(program: Program) -> Iterator[Any]:
    """What can be put into each field."""
    graph = load(program)
    for line in program.pipelines.values():
        for field in line.fields:
            for value in PROBES:
                try:
                    yield field.name, str(checked(graph, line, f"field:{field.name}", value))
                except Refusal as refusal:
                    yield field.name, refusal.code


def _renamed(program: Program) -> Iterator[Any]:
    """What becomes of a card that was stored under old names (`Old`) of its pipeline, its stage, its clock, a field."""
    graph = load(program)
    for name in program.pipelines:
        opened = step(graph, None, Event(at=NOON, body=OpenCard(pipeline=name)), NOON, World(next_card_id=1)).card
        assert opened is not None
        clocks = tuple(replace(clock, metric="Old") if clock.metric not in METRICS else clock for clock in opened.clocks)
        named = replace(opened, fields={**opened.fields, "Old": "kept"})
        for old in (replace(opened, pipeline="Old"), replace(opened, stage="Old"), replace(opened, clocks=clocks), named):
            decision = step(graph, old, Event(at=NOON, body=InternalNote(text="x", author="ana")), NOON)
            card = decision.card
            yield (
                decision.refused,
                card and (card.pipeline, card.stage, [(c.metric, c.state.value) for c in card.clocks], dict(card.fields)),
            )


async def _doors(program: Program, requests: Sequence[Raw]) -> list[Any]:
    asked: list[str] = []

    def secret(name: str) -> str:
        asked.append(name)
        if name not in SECRETS:
            raise MissingSecret(name)
        return SECRETS[name]

    registry = build_doors(program, Tools(secrets=secret, clock=FakeClock(NOON)))
    answers: list[Any] = [sorted(registry.problems)]
    for raw in requests:
        door = registry.receiver_for(raw.path)
        if door is None:
            answers.append("no door")
            continue
        try:
            taken = door.receive(raw)
        except Refused as refused:
            answers.append(("refused", refused.status))
            continue
        assert isinstance(taken, Answer | Parsed)
        answers.append(msgspec.to_builtins(taken, builtin_types=(bytes,)))
    answers += [(name, kind is not None) for name in program.connectors if (kind := registry.by_name(name)) or True]
    await registry.close()
    return [*answers, asked]


# --- reports ----------------------------------------------------------------------------------------------------------


def _row(measure: str, pipeline: str, days: float, seconds: float, outcome: str) -> tuple[str, dt.datetime, Sequence[Any]]:
    """(measure, when, values of a fact) of something that was over so many days ago."""
    reason = "Outage" if outcome == "excused" else ""
    key = (pipeline, "New", "ana", "Desk", "high", "", "email", outcome, reason, "v" if outcome else "")
    return measure, NOON - dt.timedelta(days=days), (*key, seconds, seconds)


class _Facts:
    """A store of a few clocks and stays, for reports."""

    def __init__(self) -> None:
        outcomes = ("met", "missed", "met", "excused", "met", "missed", "met", "missed", "met", "missed")
        clocks = [
            _row(metric, pipeline, days, 60.0 * days + place, outcomes[place])
            for metric in ("first reply", "next reply", "leave stage", "resolved", "Vendor")
            for pipeline in ("Support", "Small")
            for place, days in enumerate((0.3, 0.6, 1.5, 5, 8, 12, 20, 33, 45, 70))
            if place < 6 or pipeline == "Support"
        ]
        self.rows = [*clocks, *(_row(STAY, "Support", days, float(days), "") for days in (1, 9, 40))]

    async def facts(self, asked: Asked, zone: str, days: Sequence[Day], *, fine: bool) -> list[Part]:
        return [
            Part(
                day.date,
                columns([row for name, at, row in self.rows if name in asked.measures and day.since <= at < day.until]),
            )
            for day in days
        ]


async def _figures(program: Program) -> list[Any]:
    store: Any = mock.Mock()
    store.facts = _Facts().facts
    return [
        msgspec.to_builtins(await reports.run(store, program, report, NOON))
        for _, report in sorted(program.reports.items())
    ]


def loaded(files: dict[str, str], named: str) -> list[str]:
    """Which files are read with one that is named on the command line."""
    with tempfile.TemporaryDirectory() as folder:
        for path, text in files.items():
            (Path(folder) / path).write_text(text, encoding="utf-8")
        return [source.path for source in workspace.load([Path(folder) / named])]
