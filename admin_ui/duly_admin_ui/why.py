"""The trace of a card in words: which rules an event was held against, and what the first false condition was."""

from __future__ import annotations

import datetime as dt

import msgspec

from duly_dsl.meaning.side import Side
from duly_dsl.program import Program, Rule
from duly_dsl.source import Span
from duly_runtime.decision import RuleTrace
from duly_runtime.store.api import Missing, Store, TraceRow


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """A place in a version's sources and what stands there."""

    path: str
    line: int
    text: str


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """`outcome`: `fired`, `shadow` (would have), `not`. `failed` is the condition that was false, as it is written; `would`
    what a rule in shadow would have done."""

    name: str
    outcome: str
    source: Line | None
    failed: Line | None
    would: tuple[str, ...] = ()


class Fact(msgspec.Struct, frozen=True, kw_only=True):
    kind: str
    subject: str
    depth: int
    candidates: list[Candidate]
    values: dict[str, str]


class Happening(msgspec.Struct, frozen=True, kw_only=True):
    event_id: int
    kind: str
    at: dt.datetime
    version: str
    facts: list[Fact]
    idle: list[Fact]
    """What no rule was written for."""


class _Version(msgspec.Struct, frozen=True):
    program: Program
    sources: dict[str, str]


async def happenings(store: Store, rows: list[TraceRow]) -> list[Happening]:
    """Newest first. Each event is explained by the version it was judged by."""
    versions: dict[str, _Version | None] = {}
    for row in rows:
        if row.version not in versions:
            versions[row.version] = await _version(store, row.version)
    return [_happening(row, versions[row.version]) for row in sorted(rows, key=lambda row: -row.event_id)]


async def _version(store: Store, program_hash: str) -> _Version | None:
    """None where the version is gone or was written by an older Duly: names are then all there is to show."""
    try:
        found = await store.version(program_hash)
        return _Version(Program.decode(found.program), found.sources)
    except (Missing, msgspec.DecodeError):
        return None


def _happening(row: TraceRow, version: _Version | None) -> Happening:
    facts = [
        Fact(
            kind=fact.kind,
            subject=fact.subject,
            depth=fact.depth,
            candidates=[_candidate(trace, version) for trace in fact.rules],
            values={name.removeprefix("field:"): value for name, value in fact.values.items()},
        )
        for fact in row.facts
    ]
    return Happening(
        event_id=row.event_id,
        kind=row.event_kind,
        at=row.at,
        version=row.version,
        facts=[fact for fact in facts if fact.candidates],
        idle=[fact for fact in facts if not fact.candidates],
    )


def _candidate(trace: RuleTrace, version: _Version | None) -> Candidate:
    outcome = ("shadow" if trace.shadow else "fired") if trace.fired else "not"
    rule = _rule(trace.rule, version)
    if rule is None or version is None:
        return Candidate(name=f"#{trace.rule}", outcome=outcome, source=None, failed=None)
    failed = None
    if not trace.fired and 0 <= trace.failed_term < len(rule.term_spans):
        failed = line(version.sources, rule.term_spans[trace.failed_term])
    would = tuple(Side(version.program).text(action) for action in rule.actions) if outcome == "shadow" else ()
    return Candidate(name=rule.name, outcome=outcome, source=line(version.sources, rule.span), failed=failed, would=would)


def _rule(rule_id: int, version: _Version | None) -> Rule | None:
    rules = version.program.rules if version is not None else ()
    return rules[rule_id] if 0 <= rule_id < len(rules) else None


def line(sources: dict[str, str], span: Span) -> Line | None:
    """The text a span covers (its first line); None for a node that was in no file."""
    lines = sources.get(span.path, "").split("\n")
    if not 1 <= span.line <= len(lines):
        return None
    text = lines[span.line - 1]
    end = span.end_column - 1 if span.end_line == span.line else len(text)
    return Line(path=span.path, line=span.line, text=text[span.column - 1 : end].strip())
