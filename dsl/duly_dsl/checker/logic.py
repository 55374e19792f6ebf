"""Whether conditions can hold, alone or together.

An expression is spread out into cases: sets of atoms, each to be true or false, that make it hold (its disjunctive normal
form). A case that contradicts itself can't happen. What can't be told (whether a message holds two words) is taken to be
possible, so nothing is called impossible that isn't.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping

import msgspec

from duly_dsl import syntax as s
from duly_dsl.catalogue import _
from duly_dsl.compiler.conditions import scalar_for
from duly_dsl.scope import Operand, Scope
from duly_dsl.units import Unit
from duly_dsl.words import fold

MOST_CASES = 256
"""An expression that spreads into more is taken to be possible."""

Literal = tuple[s.Expr, bool]
"""An atom, and whether it is to be true."""

Case = tuple[Literal, ...]


def cases(expr: s.Expr, wanted: bool = True) -> list[Case] | None:
    """The cases in which an expression is `wanted`; None where there are too many."""
    match expr:
        case s.Not(term=term):
            return cases(term, not wanted)
        case s.And(terms=terms) | s.Or(terms=terms):
            parts = [cases(term, wanted) for term in terms]
            if isinstance(expr, s.And) is wanted:
                return _product(parts)
            found: list[Case] = []
            for part in parts:
                if part is None or len(found) + len(part) > MOST_CASES:
                    return None
                found += part
            return found
        case s.Is(negated=True) | s.IsEmpty(negated=True):
            return [((msgspec.structs.replace(expr, negated=False), not wanted),)]
        case _:
            return [((expr, wanted),)]


def _product(parts: list[list[Case] | None]) -> list[Case] | None:
    found: list[Case] = [()]
    for part in parts:
        if part is None or len(found) * len(part) > MOST_CASES:
            return None
        found = [(*one, *other) for one in found for other in part]
    return found


class Clash(msgspec.Struct, frozen=True):
    """Two things that can't both be: `reason` is a sentence of the catalogues, `what` names them as the file does."""

    reason: str
    what: str


def contradiction(expr: s.Expr, scope: Scope) -> Clash | None:
    """Why an expression can never hold; None where it can, or where that can't be told."""
    found: Clash | None = None
    for case in cases(expr) or ((),):
        found = clash(case, scope)
        if found is None:
            return None
    return found


def together(one: Iterable[Case] | None, other: Iterable[Case] | None, scope: Scope) -> bool:
    """Whether two conditions could hold of one event."""
    if one is None or other is None:
        return True
    return any(not clash((*left, *right), scope) for left in one for right in other)


class Known:
    """What a case says of one operand."""

    def __init__(self, operand: Operand) -> None:
        self.operand = operand
        self.allowed: set[str | float | bool] | None = None
        self.excluded: set[str | float | bool] = set()
        self.low: tuple[float | str, bool] | None = None
        """The bound, and whether it is excluded itself."""
        self.high: tuple[float | str, bool] | None = None
        self.empty = False
        self.filled = operand.type in ("priority", "stage")

    def allow(self, values: Iterable[str | float | bool]) -> None:
        wanted = set(values)
        self.allowed = wanted if self.allowed is None else self.allowed & wanted
        self.filled = True

    def bound(self, op: str, value: float | str) -> None:
        strict = op in ("<", ">")
        if op in (">", ">="):
            if self.low is None or (value, strict) > self.low:  # type: ignore[operator]
                self.low = (value, strict)
        elif self.high is None or (value, not strict) < (self.high[0], not self.high[1]):  # type: ignore[operator]
            self.high = (value, strict)

    def possible(self) -> bool:
        if self.empty and self.filled:
            return False
        if self.low and self.high:
            low, high = self.low, self.high
            if low[0] > high[0] or (low[0] == high[0] and (low[1] or high[1])):  # type: ignore[operator]
                return False
        values = self.allowed
        if values is None and self.filled:
            if self.operand.type == "yes/no":
                values = {True, False}
            elif self.operand.choices:
                values = set(self.operand.choices)
        if values is None:
            return True
        return any(self._fits(value) for value in values)

    def _fits(self, value: str | float | bool) -> bool:
        if value in self.excluded:
            return False
        for bound, above in ((self.low, True), (self.high, False)):
            if bound is None or type(bound[0]) is not type(value):
                continue
            limit, strict = bound
            if value == limit:
                if strict:
                    return False
            elif (value > limit) is not above:  # type: ignore[operator]
                return False
        return True


_OPPOSITE = {"<": ">=", "<=": ">", ">": "<=", ">=": "<"}


def clash(case: Case, scope: Scope) -> Clash | None:
    """Why the atoms of a case can't be what they are to be, all at once; None where they can."""
    event, found = _event(case)
    if found is not None:
        return found
    known: dict[str, Known] = {}
    if event is not None and event.stage is not None and event.kind in ("card enters", "card leaves"):
        _known(known, Operand("stage", "stage", tuple(scope.stages))).allow({event.stage.text})
    comparisons: list[tuple[Known, str, float | str]] = []
    for atom, wanted in case:
        match atom:
            case s.Is(operand=node, values=values):
                operand = scope.operand(node.name)
                if operand is None or any(value.kind == "duration" for value in values):
                    continue
                found = {scalar_for(operand, value) for value in values}
                if wanted:
                    _known(known, operand).allow(found)
                else:
                    _known(known, operand).excluded |= found
            case s.IsEmpty(operand=node):
                operand = scope.operand(node.name)
                if operand is not None and wanted:
                    _known(known, operand).empty = True
                elif operand is not None:
                    _known(known, operand).filled = True
            case s.Compare(operand=node, op=op, value=value):
                operand = scope.operand(node.name)
                limit = _limit(value)
                if operand is None or limit is None or operand.type != value.kind:
                    continue
                about = _known(known, operand)
                if wanted:
                    about.filled = True
                    about.bound(op, limit)
                else:
                    comparisons.append((about, _OPPOSITE[op], limit))
            case _:
                pass
    # A comparison that is false says something only of a value that is there.
    for about, op, limit in comparisons:
        if about.filled:
            about.bound(op, limit)
    for key, about in known.items():
        if not about.possible():
            return Clash(_("what is asked of one value excludes itself"), f"`{key.removeprefix('field:')}`")
    return _marks(case) or _ages(case)


def _known(known: dict[str, Known], operand: Operand) -> Known:
    return known.setdefault(operand.key, Known(operand))


def _limit(value: s.Value) -> float | str | None:
    match value.value:
        case bool():
            return None
        case int() | float():
            return float(value.value)
        case dt.date():
            return value.value.isoformat()
        case _:
            return None


def _event(case: Case) -> tuple[s.EventIs | None, Clash | None]:
    """The one event of a case, narrowed by all its atoms; or why there can't be one."""
    event: s.EventIs | None = None
    for atom, wanted in case:
        if not isinstance(atom, s.EventIs) or not wanted:
            continue
        if event is None:
            event = atom
            continue
        if event.kind != atom.kind or any(
            one and other and one != other for one, other in zip(narrow(event), narrow(atom), strict=True)
        ):
            both = f"`{event.kind}`, `{atom.kind}`"
            return None, Clash(_("two events never happen at once"), both)
        event = msgspec.structs.replace(
            event,
            stage=event.stage or atom.stage,
            metric=event.metric or atom.metric,
            operand=event.operand or atom.operand,
            schedule=event.schedule or atom.schedule,
        )
    if event is not None:
        for atom, wanted in case:
            if event.kind == "every" and isinstance(atom, s.Contains) and wanted:
                return None, Clash(_("nobody writes at that moment"), f"`every`, `{atom.words[0].value}`")
            if isinstance(atom, s.EventIs) and not wanted and atom.kind == event.kind:
                same = all(not one or one == other for one, other in zip(narrow(atom), narrow(event), strict=True))
                if same:
                    return None, Clash(_("it must happen and must not happen"), f"`{event.kind}`")
    return event, None


def narrow(event: s.EventIs) -> tuple[str, str, str]:
    """What narrows an event, empty where anything will do."""
    return (
        event.stage.text if event.stage else "",
        event.metric.name if event.metric else "",
        event.operand.name.text.casefold() if event.operand else event.schedule.text if event.schedule else "",
    )


def _marks(case: Case) -> Clash | None:
    """Tags and words that must and must not be there."""
    tags = {True: set[str](), False: set[str]()}
    absent: set[str] = set()
    for atom, wanted in case:
        if isinstance(atom, s.HasTag):
            tags[wanted].add(atom.tag.value)
        elif isinstance(atom, s.Contains) and not wanted:
            absent |= {fold(word.value) for word in atom.words}
    if both := tags[True] & tags[False]:
        return Clash(_("the card must have and not have a tag"), f"`{min(both)}`")
    for atom, wanted in case:
        if isinstance(atom, s.Contains) and wanted and {fold(word.value) for word in atom.words} <= absent:
            words = ", ".join(f"`{word.value}`" for word in atom.words)
            return Clash(_("the message must hold and not hold the same words"), words)
    return None


def _ages(case: Case) -> Clash | None:
    """Ages of the card that leave no time; amounts of different units are not compared."""
    low: dict[Unit, tuple[int, bool]] = {}
    high: dict[Unit, tuple[int, bool]] = {}
    for atom, wanted in case:
        if not isinstance(atom, s.CardAge):
            continue
        op = atom.op if wanted else _OPPOSITE[atom.op]
        amount, unit, strict = atom.amount.value.amount, atom.amount.value.unit, op in ("<", ">")
        if op in (">", ">="):
            low[unit] = max(low.get(unit, (amount, strict)), (amount, strict))
        else:
            before = high.get(unit, (amount, strict))
            high[unit] = min(before, (amount, strict), key=lambda bound: (bound[0], not bound[1]))
    for unit in low.keys() & high.keys():
        (least, above), (most, below) = low[unit], high[unit]
        if least > most or (least == most and (above or below)):
            return Clash(_("the card must be older and younger at once"), "`card age`")
    return None


def fixed(values: Mapping[str, str | float | bool], names: Mapping[str, s.Operand]) -> Case:
    """A case that says what operands are now: key -> value, with a node that names each."""
    made: list[Literal] = []
    for key, value in values.items():
        node = names[key]
        kind = "yes/no" if isinstance(value, bool) else "number" if isinstance(value, float) else "text"
        made.append((s.Is(span=node.span, operand=node, values=(s.Value(span=node.span, kind=kind, value=value),)), True))
    return tuple(made)
