"""Conditions: expressions of the files as hash-consed predicates, and the facts they can be true for."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from typing import TypeVar

import msgspec

from duly_dsl import program as p
from duly_dsl import syntax as s
from duly_dsl.scope import Operand, Scope
from duly_dsl.source import Span
from duly_dsl.words import fold


def scalar(value: s.Value) -> str | float | bool:
    """A literal as the graph keeps it: numbers as floats, dates as ISO texts."""
    match value.value:
        case bool() | str():
            return value.value
        case int() | float():
            return float(value.value)
        case dt.date():
            return value.value.isoformat()
        case _:
            raise ValueError(f"{value.kind} is no value of a field")


def scalar_for(operand: Operand, value: s.Value) -> str | float | bool:
    """A literal as a value of an operand: a choice may be called `yes`."""
    if isinstance(value.value, bool) and operand.type != "yes/no":
        return "yes" if value.value else "no"
    return scalar(value)


class Pool:
    """Predicates by index, children before parents; equal ones (wherever they stand in the files) are one."""

    def __init__(self) -> None:
        self._made: list[p.AnyPredicate] = []
        self._known: dict[p.AnyPredicate, int] = {}

    @property
    def predicates(self) -> tuple[p.AnyPredicate, ...]:
        return tuple(self._made)

    def add(self, predicate: p.AnyPredicate, span: Span) -> int:
        """The index of a predicate given without its span; the first place it was written is the one kept."""
        index = self._known.get(predicate)
        if index is None:
            index = self._known[predicate] = len(self._made)
            self._made.append(msgspec.structs.replace(predicate, span=span))
        return index

    def all_of(self, terms: Iterable[int], span: Span) -> int | None:
        """All of `terms`; None where there are none."""
        several = tuple(dict.fromkeys(terms))
        if len(several) < 2:
            return several[0] if several else None
        return self.add(p.AllOf(terms=several), span)

    def expression(self, expr: s.Expr, scope: Scope) -> int:
        bare = self._bare(expr, scope)
        return bare if isinstance(bare, int) else self.add(bare, expr.span)

    def _bare(self, expr: s.Expr, scope: Scope) -> p.AnyPredicate | int:
        match expr:
            case s.EventIs():
                return event(expr, scope)
            case s.Contains(words=words):
                return p.ContainsAny(words=in_order(fold(word.value) for word in words))
            case s.HasTag(tag=tag):
                return p.HasTag(tag=tag.value)
            case s.CardAge(op=op, amount=amount):
                return p.CardAge(op=op, amount=amount.value)
            case s.Is(operand=name, values=values, negated=negated):
                operand = operand_of(name, scope)
                same = p.OneOf(operand=operand.key, values=in_order(scalar_for(operand, value) for value in values))
                return p.Not(term=self.add(same, expr.span)) if negated else same
            case s.IsEmpty(operand=name, negated=negated):
                empty = p.Empty(operand=operand_of(name, scope).key)
                return p.Not(term=self.add(empty, expr.span)) if negated else empty
            case s.Compare(operand=name, op=op, value=value):
                amount = scalar(value)
                if isinstance(amount, bool):
                    raise ValueError("yes and no have no order")
                return p.Compare(operand=operand_of(name, scope).key, op=op, value=amount)
            case s.Not(term=term):
                return p.Not(term=self.expression(term, scope))
            case s.And():
                return _joined(p.AllOf, tuple(self.expression(term, scope) for term in conjuncts(expr)))
            case s.Or():
                return _joined(p.AnyOf, tuple(self.expression(term, scope) for term in _alternatives(expr)))


def _joined(kind: type[p.AllOf] | type[p.AnyOf], terms: tuple[int, ...]) -> p.AnyPredicate | int:
    several = tuple(dict.fromkeys(terms))
    return several[0] if len(several) == 1 else kind(terms=several)


_Scalar = TypeVar("_Scalar", bound=str | float | bool)


def in_order(values: Iterable[_Scalar]) -> tuple[_Scalar, ...]:
    """Alternatives, each once, in an order that doesn't depend on the file's: `a, b` and `b, a` are one predicate."""
    return tuple(sorted(set(values), key=lambda value: (type(value).__name__, value)))


def operand_of(name: s.Operand, scope: Scope) -> Operand:
    operand = scope.operand(name.name)
    if operand is None:
        raise KeyError(name.name.text)
    return operand


def event(node: s.EventIs, scope: Scope) -> p.EventAtom:
    return p.EventAtom(
        kind=node.kind,
        stage=node.stage.text if node.stage else "",
        metric=node.metric.name if node.metric else "",
        subject=operand_of(node.operand, scope).key if node.operand else node.schedule.text if node.schedule else "",
    )


def conjuncts(expr: s.Expr) -> Iterator[s.Expr]:
    """The terms of the top-level `and`, however it is bracketed; the expression itself where it has none."""
    if isinstance(expr, s.And):
        for term in expr.terms:
            yield from conjuncts(term)
    else:
        yield expr


def _alternatives(expr: s.Expr) -> Iterator[s.Expr]:
    if isinstance(expr, s.Or):
        for term in expr.terms:
            yield from _alternatives(term)
    else:
        yield expr


class Fact(msgspec.Struct, frozen=True):
    """What is supposed of a fact when asking whether a condition could hold. `kind` empty: no event at all; `stage`
    empty: any; `metric` empty: any."""

    kind: str
    stage: str = ""
    metric: str = ""


def could_be(expr: s.Expr, fact: Fact) -> tuple[bool, bool]:
    """Whether a condition could be true, and could be false, of such a fact. Each atom is taken by itself: two that
    exclude each other are not seen here (the checker looks for those)."""
    match expr:
        case s.EventIs():
            return _event_could_be(expr, fact)
        case s.Is(operand=operand, values=values, negated=negated) if _is_stage(operand) and fact.stage:
            same = any(value.value == fact.stage for value in values)
            return same is not negated, same is negated
        case s.Not(term=term):
            true, false = could_be(term, fact)
            return false, true
        case s.And(terms=terms):
            each = [could_be(term, fact) for term in terms]
            return all(true for true, _ in each), any(false for _, false in each)
        case s.Or(terms=terms):
            each = [could_be(term, fact) for term in terms]
            return any(true for true, _ in each), all(false for _, false in each)
        case _:
            return True, True


def facts_at(stage: str) -> Iterator[Fact]:
    """Every kind of fact, of a card in a stage."""
    return (Fact(kind, stage) for kind in p.FACT_KINDS)


def _event_could_be(atom: s.EventIs, fact: Fact) -> tuple[bool, bool]:
    if atom.kind != fact.kind:
        return False, True
    if atom.stage is not None:
        return (True, True) if not fact.stage else (atom.stage.text == fact.stage, atom.stage.text != fact.stage)
    if atom.metric is not None:
        return (True, True) if not fact.metric else (atom.metric.name == fact.metric, atom.metric.name != fact.metric)
    return True, atom.operand is not None or atom.schedule is not None


def _is_stage(operand: s.Operand) -> bool:
    return operand.name.text == "stage" and not operand.name.quoted


def events_in(expr: s.Expr) -> Iterator[s.EventIs]:
    """Every event atom of an expression."""
    match expr:
        case s.EventIs():
            yield expr
        case s.Not(term=term):
            yield from events_in(term)
        case s.And(terms=terms) | s.Or(terms=terms):
            for term in terms:
                yield from events_in(term)
        case _:
            return


def kinds(expr: s.Expr) -> tuple[str, ...]:
    """The fact kinds a condition could be true for."""
    return tuple(kind for kind in p.FACT_KINDS if could_be(expr, Fact(kind))[0])
