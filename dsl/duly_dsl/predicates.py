"""Predicates of the rule graph as Python expressions.

A `Coder` writes one expression a predicate over a few local names and folds what is known beforehand: a function made for
one (fact kind, stage) needs no test of either. Nothing of a user's text ever becomes source: values are constants of the
tree.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterable, Sequence
from types import CodeType, FunctionType
from typing import Any, cast

from duly_dsl import program as p
from duly_dsl.units import Unit

CARD = ("priority", "type", "owner", "team", "stage", "channel", "connector")
"""Operands that are attributes of the card."""

FIELD = "field:"
"""Starts the operand of a field of the pipeline."""

_OPS: dict[str, type[ast.cmpop]] = {"<": ast.Lt, "<=": ast.LtE, ">": ast.Gt, ">=": ast.GtE}

Code = ast.expr | bool
"""An expression, or what it is known to be."""


def name(text: str) -> ast.Name:
    return ast.Name(text, ast.Load())


def attribute(of: ast.expr, key: str) -> ast.Attribute:
    return ast.Attribute(of, key, ast.Load())


def call(function: ast.expr, *arguments: ast.expr) -> ast.Call:
    return ast.Call(function, list(arguments), [])


def constant(value: str | float | bool | None) -> ast.Constant:
    return ast.Constant(value)


def compare(left: ast.expr, op: ast.cmpop, right: ast.expr) -> ast.Compare:
    return ast.Compare(left, [op], [right])


def assign(target: str, value: ast.expr) -> ast.Assign:
    return ast.Assign([ast.Name(target, ast.Store())], value, lineno=0)


def held(place: int) -> ast.Constant:
    """Stands for `holds[place]` of `function`; no value of a predicate is an ellipsis."""
    marker: Any = (..., place)
    return ast.Constant(marker)


def function(
    called: str, argument: str, body: Sequence[ast.stmt], scope: dict[str, object], holds: Sequence[object] = ()
) -> FunctionType:
    """`def called(argument): body`, compiled, with `scope` as its globals.

    Objects in `holds` become constants of the code: the compiler takes literals only, so they are swapped in afterwards.
    That is faster than globals, and denser in memory where there are thousands of such functions.
    """
    arguments = ast.arguments([], [ast.arg(argument)], None, [], [], None, [])
    module = ast.Module([ast.FunctionDef(called, arguments, list(body), [], lineno=0)], [])
    outer = compile(ast.fix_missing_locations(module), f"<duly {called}>", "exec")
    code = next(constant for constant in outer.co_consts if isinstance(constant, CodeType))

    def filled(value: object) -> object:
        # A tuple of constants is one constant, so a marker may lie inside another tuple.
        if not isinstance(value, tuple):
            return value
        parts = cast(tuple[Any, ...], value)
        return holds[parts[1]] if parts and parts[0] is ... else tuple(filled(part) for part in parts)

    return FunctionType(code.replace(co_consts=tuple(filled(value) for value in code.co_consts)), scope)


def children(predicate: p.AnyPredicate) -> tuple[int, ...]:
    match predicate:
        case p.Not(term=term):
            return (term,)
        case p.AllOf(terms=terms) | p.AnyOf(terms=terms):
            return terms
        case _:
            return ()


def reads(predicates: Sequence[p.AnyPredicate], roots: Iterable[int]) -> tuple[str, ...]:
    """The operands that conditions read, each once, in the order they are met; `tags`, `message` and `card age` too."""
    found: dict[str, None] = {}

    def walk(index: int) -> None:
        match predicates[index]:
            case p.OneOf(operand=operand) | p.Empty(operand=operand) | p.Compare(operand=operand):
                found[operand] = None
            case p.ContainsAny():
                found["message"] = None
            case p.HasTag():
                found["tags"] = None
            case p.CardAge():
                found["card age"] = None
            case other:
                for child in children(other):
                    walk(child)

    for root in roots:
        walk(root)
    return tuple(found)


class Coder:
    """Writes expressions over locals that `prelude` sets from an argument called `facts`.

    `kind` and `stage` are what is known of every fact the code will see, or None. The scope the code runs in must hold
    `holds_word` and what `durations` names.
    """

    def __init__(self, predicates: Sequence[p.AnyPredicate], kind: str | None = None, stage: str | None = None) -> None:
        self.predicates = predicates
        self.kind = kind
        self.stage = stage
        self.durations: dict[str, object] = {}
        self._locals: dict[str, tuple[str, ast.expr]] = {}
        self._uses: Counter[int] = Counter()
        self._memos: set[str] = set()

    def count(self, roots: Iterable[int]) -> None:
        """Note which predicates will be asked for, so that what several need is worked out once."""
        for root in roots:
            self._uses[root] += 1
            if self._uses[root] == 1:
                self.count(children(self.predicates[root]))

    def prelude(self) -> list[ast.stmt]:
        """The locals used so far; call it last."""
        lines: list[ast.stmt] = [assign(memo, constant(None)) for memo in sorted(self._memos)]
        if any(operand in CARD or operand.startswith(FIELD) or operand == "tags" for operand in self._locals):
            lines.append(assign("card", attribute(name("facts"), "card")))
        if any(operand.startswith(FIELD) for operand in self._locals):
            lines.append(assign("fields", attribute(attribute(name("card"), "fields"), "get")))
        lines += [assign(local, value) for local, value in self._locals.values()]
        return lines

    def code(self, index: int) -> Code:
        """The predicate as an expression, or what it is known to be."""
        predicate = self.predicates[index]
        code = self._code(predicate)
        if isinstance(code, bool) or self._uses[index] < 2 or not _worth_sharing(predicate):
            return code
        memo = f"memo{index}"
        self._memos.add(memo)
        fresh = ast.NamedExpr(ast.Name(memo, ast.Store()), code)
        return ast.IfExp(compare(name(memo), ast.Is(), constant(None)), fresh, name(memo))

    def _code(self, predicate: p.AnyPredicate) -> Code:
        match predicate:
            case p.EventAtom():
                return self._event(predicate)
            case p.ContainsAny(words=words):
                message = self._read("message")
                return _any(
                    _all(
                        [
                            compare(constant(word), ast.In(), message),
                            call(name("holds_word"), message, constant(word)),
                        ]
                    )
                    for word in words
                )
            case p.HasTag(tag=tag):
                return compare(constant(tag), ast.In(), self._read("tags"))
            case p.CardAge():
                return self._age(predicate)
            case p.OneOf(operand=operand, values=values):
                return self._one_of(operand, values)
            case p.Empty(operand=operand):
                if operand == "stage" and self.stage is not None:
                    return not self.stage
                value = self._read(operand)
                blank = compare(value, ast.In(), ast.Tuple([constant(None), constant("")], ast.Load()))
                return blank if operand.startswith(FIELD) else ast.UnaryOp(ast.Not(), value)
            case p.Compare(operand=operand, op=op, value=value):
                return self._compare(operand, op, value)
            case p.Not(term=term):
                code = self.code(term)
                return not code if isinstance(code, bool) else ast.UnaryOp(ast.Not(), code)
            case p.AllOf(terms=terms):
                return _all(self.code(term) for term in terms)
            case p.AnyOf(terms=terms):
                return _any(self.code(term) for term in terms)

    def _event(self, atom: p.EventAtom) -> Code:
        parts: list[Code] = []
        if self.kind is None:
            parts.append(compare(self._read("kind"), ast.Eq(), constant(atom.kind)))
        elif self.kind != atom.kind:
            return False
        if atom.stage:
            # A card that enters a stage is in it, one that leaves is still in it (duly_runtime.engine.facts).
            known = self.stage is not None and self.kind in ("card enters", "card leaves")
            parts.append(
                self.stage == atom.stage if known else compare(self._read("at stage"), ast.Eq(), constant(atom.stage))
            )
        if atom.metric:
            parts.append(compare(self._read("metric"), ast.Eq(), constant(atom.metric)))
        if atom.subject:
            parts.append(compare(self._read("subject"), ast.Eq(), constant(atom.subject)))
        return _all(parts)

    def _one_of(self, operand: str, values: tuple[str | float | bool, ...]) -> Code:
        if operand == "stage" and self.stage is not None:
            return self.stage in values
        if not values:
            return False
        value = self._read(operand)
        if len(values) == 1:
            return compare(value, ast.Eq(), constant(values[0]))
        return compare(value, ast.In(), ast.Tuple([constant(each) for each in values], ast.Load()))

    def _compare(self, operand: str, op: str, value: float | str) -> Code:
        left = self._read(operand)
        if isinstance(value, str):
            known: list[Code] = [call(name("isinstance"), left, name("str")), left]
        else:
            known = [call(name("isinstance"), left, ast.Tuple([name("float"), name("int")], ast.Load()))]
        return _all([*known, compare(left, _OPS[op](), constant(value))])

    def _age(self, age: p.CardAge) -> Code:
        unit, amount = age.amount.unit, age.amount.amount
        if unit is Unit.ELAPSED:
            return compare(attribute(name("facts"), "age_elapsed"), _OPS[age.op](), constant(amount))
        if unit is Unit.BUSINESS:
            return compare(attribute(name("facts"), "age_business"), _OPS[age.op](), constant(amount))
        known = f"{unit.name.lower()}{amount}"
        self.durations[known] = age.amount
        return compare(call(attribute(name("facts"), "past"), name(known)), _OPS[age.op](), constant(0))

    def _read(self, operand: str) -> ast.expr:
        if operand not in self._locals:
            if operand.startswith(FIELD):
                source: ast.expr = call(name("fields"), constant(operand.removeprefix(FIELD)))
            elif operand in CARD or operand == "tags":
                source = attribute(name("card"), operand)
            else:
                source = attribute(name("facts"), operand.removeprefix("at "))
            self._locals[operand] = (f"value{len(self._locals)}", source)
        return name(self._locals[operand][0])


def _worth_sharing(predicate: p.AnyPredicate) -> bool:
    """Whether keeping the answer (15 ns) is cheaper than working it out again: not for one test of a local."""
    match predicate:
        case p.ContainsAny() | p.CardAge():
            return True
        case p.AllOf(terms=terms) | p.AnyOf(terms=terms):
            return len(terms) > 1
        case _:
            return False


def _all(codes: Iterable[Code]) -> Code:
    parts: list[ast.expr] = []
    for code in codes:
        if code is False:
            return False
        if code is not True:
            parts.append(code)
    if not parts:
        return True
    return parts[0] if len(parts) == 1 else ast.BoolOp(ast.And(), parts)


def _any(codes: Iterable[Code]) -> Code:
    parts: list[ast.expr] = []
    for code in codes:
        if code is True:
            return True
        if code is not False:
            parts.append(code)
    if not parts:
        return False
    return parts[0] if len(parts) == 1 else ast.BoolOp(ast.Or(), parts)
