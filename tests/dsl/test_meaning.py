"""Changes by meaning: said in an admin's words, and never left out."""

from __future__ import annotations

import datetime as dt
import types
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from duly_dsl import program as p
from duly_dsl import workspace
from duly_dsl.build import build
from duly_dsl.meaning import Words, changes, essence
from duly_dsl.meaning.parts import NUMBERS, PREDICATES, clock, threshold
from duly_dsl.program import Program
from duly_dsl.source import NOWHERE, SourceFile, Span
from duly_dsl.units import HOUR, Duration, Unit

DESK = Path(__file__).parents[2] / "examples" / "support_desk"
FILES = workspace.load([DESK])


def desk(*edits: tuple[str, str]) -> Program:
    """The example's graph with words replaced."""
    sources: list[SourceFile] = []
    left = {before for before, _ in edits}
    for source in FILES:
        text = source.text
        for before, after in edits:
            if before in text:
                left.discard(before)
            text = text.replace(before, after)
        sources.append(SourceFile(source.path, text))
    assert not left, left
    built = build(sources)
    assert built.program is not None, [problem.message for problem in built.diagnostics]
    return built.program


BASE = desk()


def said(after: Program, before: Program = BASE, language: str = "en") -> list[str]:
    return [Words(language).sentence(change) for change in changes(before, after)]


@pytest.mark.parametrize(
    ("before", "after", "english", "portuguese"),
    [
        (
            "| urgent   | any  | 15m ",
            "| urgent   | any  | 30m ",
            "stage `New` of `Customer support`: first reply if priority is urgent 15m → 30m",
            "etapa `New` de `Customer support`: primeira resposta se priority is urgent 15m → 30m",
        ),
        (
            "resolved within 3 working days",
            "resolved within 2 working days",
            "pipeline `Customer support`: resolved 3 working days → 2 working days",
            "fluxo `Customer support`: resolvido 3 working days → 2 working days",
        ),
        (
            "open saturday 09:00-13:00",
            'open saturday 09:00-13:00\n  closed on 2026-12-26 "Boxing Day"',
            'calendar `São Paulo office`: closed on 2026-12-26 "Boxing Day" added',
            'calendário `São Paulo office`: acrescenta closed on 2026-12-26 "Boxing Day"',
        ),
        (
            "open saturday 09:00-13:00",
            "open saturday 09:00-14:00",
            "calendar `São Paulo office`: opening hours on saturday 09:00-13:00 → 09:00-14:00",
            "calendário `São Paulo office`: horário de sábado 09:00-13:00 → 09:00-14:00",
        ),
        (
            "level 2 after 30m  notify lead",
            "level 2 after 45m  notify lead",
            "level 2 of escalation `Late reply` of `Customer support`: after 30m → 45m",
            "nível 2 de escalonamento `Late reply` de `Customer support`: depois de 30m → 45m",
        ),
        (
            'rule "Old and unanswered" shadow {',
            'rule "Old and unanswered" off {',
            "rule `Old and unanswered` of `Customer support`: mode shadow → off",
            "regra `Old and unanswered` de `Customer support`: modo shadow → off",
        ),
        (
            "members ana, bruno",
            "members ana",
            "team `Front desk`: members ana, bruno → ana",
            "equipe `Front desk`: membros ana, bruno → ana",
        ),
        (
            "retry 8 times",
            "retry 9 times",
            "connector `Shop events`: retries 8 → 9",
            "conector `Shop events`: novas tentativas 8 → 9",
        ),
        (
            "after 2 calendar days of silence",
            "after 3 calendar days of silence",
            "stage `Waiting for customer` of `Customer support`: after 2 calendar days of silence"
            ' send "Still there?" once → after 3 calendar days of silence send "Still there?" once',
            "etapa `Waiting for customer` de `Customer support`: after 2 calendar days of silence"
            ' send "Still there?" once → after 3 calendar days of silence send "Still there?" once',
        ),
        (
            '| priority       | "priority"  ',
            '| priority       | "urgency"  ',
            "mapping `priority` of connector `Shop`: from priority → urgency",
            "mapeamento `priority` de conector `Shop`: de priority → urgency",
        ),
    ],
)  # fmt: skip
def test_one_edit_is_one_sentence(before: str, after: str, english: str, portuguese: str) -> None:
    changed = desk((before, after))
    assert said(changed) == [english]
    assert said(changed, language="pt-BR") == [portuguese]
    (change,) = changes(BASE, changed)
    assert change.new.path.endswith(".duly")


def test_things_come_and_go() -> None:
    more = desk(
        (
            'rule "Old and unanswered" shadow',
            'rule "Thanks" {\n when agent replies\n then tag "answered"\n }\n rule "Old and unanswered" shadow',
        )
    )
    assert said(more) == ["rule `Thanks` of `Customer support` added"]
    assert said(BASE, more) == ["rule `Thanks` of `Customer support` removed"]
    assert said(BASE, more, "pt-BR") == ["retira regra `Thanks` de `Customer support`"]


def test_a_rename_is_one_change_however_often_the_name_is_used() -> None:
    renamed = desk(('"In progress"', '"IN"'), ('"IN" was "Working"', '"IN" was "In progress", "Working"'))
    assert said(renamed) == ["stage of `Customer support` renamed `In progress` → `IN` (was)"]
    assert said(renamed, language="pt-BR") == ["etapa de `Customer support` muda de nome: `In progress` → `IN` (was)"]


def test_a_renamed_clock_and_field_are_one_change_each() -> None:
    stage = '  stage "New" {'
    lines = ["{", 'start when "Refund amount" changes', 'stop when card enters "Done"', "within 2h", "}"]
    body = "\n".join(lines)
    before = desk((stage, f'clock "Refund" {body}\n{stage}'))
    after = desk((stage, f'clock "Money" was "Refund" {body}\n{stage}'))
    assert said(after, before) == ["clock of `Customer support` renamed `Refund` → `Money` (was)"]
    level = desk(('field "Tier" choice', 'field "Rank" was "Tier" choice'), ("| tier ", "| rank "), ("tier is", "rank is"),
                 ('"Tier"', '"Rank"'), ('was "Rank" choice', 'was "Tier" choice'))  # fmt: skip
    assert said(level) == ["field of `Customer support` renamed `Tier` → `Rank` (was)"]


def test_a_renamed_pipeline_brings_its_rules_along() -> None:
    renamed = desk(
        ('pipeline "Customer support"', 'pipeline "Care" was "Customer support"'), ('in "Customer support"', 'in "Care"')
    )
    assert said(renamed) == ["pipeline renamed `Customer support` → `Care` (was)"]


def test_what_moved_or_was_laid_out_anew_is_no_change() -> None:
    spread = desk(("\n", "\n\n# a word\n"))
    assert spread.hash != BASE.hash
    assert changes(BASE, spread) == ()
    assert essence(BASE) == essence(spread)


def test_the_order_of_rules_counts() -> None:
    first, second = BASE.rules[0], BASE.rules[1]
    swapped = msgspec.structs.replace(
        BASE,
        rules=(msgspec.structs.replace(second, id=0), msgspec.structs.replace(first, id=1), *BASE.rules[2:]),
    )
    (sentence,) = said(swapped)
    assert sentence.startswith("pipeline `Customer support`: another order of rules: Complaints are urgent, VIP goes first")


def test_graphs_of_other_files_are_told_apart() -> None:
    assert [change.kind for change in changes(Program(), BASE)].count("added") == len(changes(Program(), BASE)) > 5
    assert changes(BASE, BASE) == ()
    assert changes(Program(), Program()) == ()


# --- nothing goes unmentioned ------------------------------------------------------------------------------------------


def leaves(record: msgspec.Struct, path: tuple[Any, ...] = ()) -> Iterator[tuple[str, str, tuple[Any, ...], Any]]:
    """(type, field, path, value) of everything in the graph that is no record itself."""
    for field in record.__struct_fields__:
        if field in ("span", "term_spans"):
            continue
        yield from inside(type(record).__name__, field, getattr(record, field), (*path, field))


def inside(kind: str, field: str, value: Any, path: tuple[Any, ...]) -> Iterator[tuple[str, str, tuple[Any, ...], Any]]:
    if isinstance(value, msgspec.Struct) and not isinstance(value, Duration):
        yield from leaves(value, path)
        return
    yield kind, field, path, value
    if isinstance(value, tuple):
        for place, each in enumerate(value):
            yield from inside(kind, field, each, (*path, place))
    elif isinstance(value, dict):
        for key, each in value.items():
            yield from inside(kind, field, each, (*path, key))


def put(thing: Any, path: tuple[Any, ...], value: Any) -> Any:
    """The same graph with something else at a path."""
    if not path:
        return value
    first, *rest = path
    if isinstance(thing, dict):
        return {**thing, first: put(thing[first], tuple(rest), value)}
    if isinstance(thing, tuple):
        return (*thing[:first], put(thing[first], tuple(rest), value), *thing[first + 1 :])
    return msgspec.structs.replace(thing, **{first: put(getattr(thing, first), tuple(rest), value)})


def others(value: Any) -> list[Any]:
    """Values of the same type that are not this one."""
    match value:
        case bool():
            return [not value]
        case int() | float():
            return [value + 1]
        case str():
            return [value + "x"]
        case dt.date():
            return [value + dt.timedelta(days=1)]
        case Duration():
            return [Duration(value.unit, value.amount + 1_000_000), Duration(Unit.ELAPSED, 7)]
        case tuple() if value:
            return [value[1:], (*value, value[0])]
        case dict() if value:
            return [{key: part for key, part in value.items() if key != next(iter(value))}]
        case _:
            return []


def mutations() -> list[Any]:
    seen: dict[tuple[str, str, str], int] = {}
    found = []
    for kind, field, path, value in leaves(BASE):
        # a rule's id is only its place; changed alone it would name another rule
        if (kind, field) in {("Program", "hash"), ("Program", "format"), ("Program", "predicates"), ("Rule", "id")}:
            continue
        # a place among the conditions must stay one
        if (kind, field) in PREDICATES | {("Index", "rules")} and not isinstance(value, tuple):
            continue
        key = (kind, field, type(value).__name__)
        seen[key] = seen.get(key, 0) + 1
        if seen[key] <= 2:
            for number, other in enumerate(others(value)):
                name = ".".join(str(part) for part in path)
                found.append(pytest.param(path, other, id=f"{name}-{number}"))
    return found


@pytest.mark.parametrize(("path", "value"), mutations())
def test_whatever_differs_is_told(path: tuple[Any, ...], value: Any) -> None:
    changed = put(BASE, path, value).sealed()
    assert changed.hash != BASE.hash
    there, back = changes(BASE, changed), changes(changed, BASE)
    assert there and back
    for change in there:
        sentence = Words("en").sentence(change)
        assert sentence and "%(" not in sentence and "  " not in sentence


def test_every_number_of_the_graph_is_known_to_be_a_number_or_a_condition() -> None:
    """A new field that holds a place in `Program.predicates` must be named in `parts.PREDICATES`, else a change of the
    condition would go unseen."""
    unknown = set()
    for record in records(Program, set()):
        for field, hint in typing.get_type_hints(record).items():
            if int in parts_of(hint) and (record.__name__, field) not in NUMBERS | PREDICATES:
                unknown.add((record.__name__, field))
    assert unknown == set()


def records(kind: type[Any], seen: set[type[Any]]) -> set[type[Any]]:
    if kind not in seen:
        seen.add(kind)
        for hint in typing.get_type_hints(kind).values():
            for part in parts_of(hint):
                if isinstance(part, type) and issubclass(part, p.Record):
                    records(part, seen)
    return seen


def parts_of(hint: Any) -> set[Any]:
    if isinstance(hint, types.UnionType) or typing.get_origin(hint) is not None:
        return set().union(*(parts_of(part) for part in typing.get_args(hint)))
    return {hint}


def test_spans_have_no_part_in_it() -> None:
    moved = put(BASE, ("teams", "Billing", "span"), Span("x.duly", 9, 1, 9, 2)).sealed()
    assert moved.hash != BASE.hash and changes(BASE, moved) == ()
    assert NOWHERE not in {change.new for change in changes(Program(), BASE)}


def test_a_clock_with_a_name_of_its_own_is_quoted_as_in_the_files() -> None:
    assert clock("first reply") == "first reply"
    assert clock("Vendor answer") == '"Vendor answer"'
    alert = p.Alert(key="x", metric="Vendor answer", actors=(), after=Duration(Unit.BUSINESS, 2 * HOUR))
    assert threshold(alert) == '2h after "Vendor answer"'
