"""Which rules an event sets off, and why the others stay quiet.

For every (pipeline, fact kind, stage) that has candidates one Python function is generated, on the first fact that needs
it. It answers with a tuple of RuleTrace, all of them made beforehand: the function only picks.

Where a key has more than `STRAIGHT` candidates, those whose first undecided term is an equality or a tag are filed by it:
a fact then evaluates the rules under its own values, and of the rest it is known beforehand which term is false.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from typing import Any, cast

from duly_dsl import predicates as code
from duly_dsl import program as p
from duly_dsl.units import Unit
from duly_dsl.words import holds_word
from duly_runtime.decision import RuleTrace
from duly_runtime.engine.facts import Facts

STRAIGHT = 24
"""Up to here evaluating every candidate in line is faster than looking some up."""

Trace = tuple[RuleTrace, ...]
Rows = tuple[p.TargetRow, ...] | tuple[p.AssignRow, ...]


class Matcher:
    """Evaluates the conditions of one Program. Safe to share between threads: what it keeps is only ever added to."""

    def __init__(self, program: p.Program) -> None:
        self.program = program
        ages = [predicate.amount.unit for predicate in program.predicates if isinstance(predicate, p.CardAge)]
        self.open_ages = any(unit is not Unit.ELAPSED for unit in ages)
        """Whether a condition asks how old the card is in time that a calendar measures."""
        self._candidates: dict[tuple[str, str, str], tuple[p.Rule, ...]] = {}
        for entry in program.index:
            rules = tuple(program.rules[rule] for rule in entry.rules if program.rules[rule].mode != "off")
            if rules:
                self._candidates[entry.pipeline, entry.kind, entry.stage] = rules
        self._functions: dict[tuple[str, str, str], Callable[[Facts], Trace]] = {}
        self._predicates: dict[int, Callable[[Facts], bool]] = {}
        self._tables: dict[int, tuple[Rows, Callable[[Facts], int]]] = {}
        """Identity of a table's rows -> the rows, which so stay alive, and what finds the one that holds."""
        self._reads: dict[tuple[str, str, str], tuple[str, ...]] = {}

    def candidates(self, pipeline: str, kind: str, stage: str) -> tuple[p.Rule, ...]:
        """The rules a fact of this kind could set off, but for those that are off."""
        return self._candidates.get((pipeline, kind, stage), ())

    def match(self, pipeline: str, facts: Facts) -> Trace:
        """The candidates of a fact in the order of the file, each fired or with its first false term."""
        return self.judge(pipeline, facts.kind, facts.card.stage)(facts)

    def judge(self, pipeline: str, kind: str, stage: str) -> Callable[[Facts], Trace]:
        """What `match` does with every fact of a kind in a stage."""
        key = (pipeline, kind, stage)
        function = self._functions.get(key)
        if function is None:
            function = self._functions[key] = self._function(key)
        return function

    def holds(self, predicate: int, facts: Facts) -> bool:
        """Whether one predicate of the program is true."""
        function = self._predicates.get(predicate)
        if function is None:
            function = self._predicates[predicate] = self._predicate(predicate)
        return function(facts)

    def first(self, rows: Rows, facts: Facts) -> int:
        """The place of the first row of a table that holds, -1 where none does. A row without a condition always holds."""
        known = self._tables.get(id(rows))
        if known is None:
            known = self._tables[id(rows)] = (rows, self._table(rows))
        return known[1](facts)

    def values(self, pipeline: str, facts: Facts) -> dict[str, str]:
        """What the candidates' conditions read, as text, for the record. A missing field is left out."""
        key = (pipeline, facts.kind, facts.card.stage)
        operands = self._reads.get(key)
        if operands is None:
            terms = [term for rule in self._candidates.get(key, ()) for term in rule.terms]
            operands = self._reads[key] = code.reads(self.program.predicates, terms)
        found: dict[str, str] = {}
        for operand in operands:
            if operand == "tags":
                found[operand] = ", ".join(facts.card.tags)
            elif operand == "message":
                found[operand] = facts.message
            elif operand == "card age":
                found[operand] = f"{facts.age_elapsed // 1_000_000}s"
            elif operand.startswith(code.FIELD):
                value = facts.card.fields.get(operand.removeprefix(code.FIELD))
                if value is not None:
                    found[operand] = str(value)
            else:
                found[operand] = getattr(facts.card, operand)
        return found

    def _predicate(self, index: int) -> Callable[[Facts], bool]:
        coder = code.Coder(self.program.predicates)
        coder.count([index])
        answer = coder.code(index)
        if isinstance(answer, bool):
            return lambda facts: answer
        # The expression may yield the last operand of an `and`: `bool` keeps the promise of the signature.
        return cast(Callable[[Facts], bool], _compiled(coder, code.call(code.name("bool"), answer)))

    def _table(self, rows: Rows) -> Callable[[Facts], int]:
        """`0 if CONDITION else 1 if …`, up to the first row that always holds."""
        coder = code.Coder(self.program.predicates)
        coder.count([row.when for row in rows if row.when is not None])
        tests: list[tuple[int, ast.expr]] = []
        otherwise = -1
        for place, row in enumerate(rows):
            test = True if row.when is None else coder.code(row.when)
            if test is True:
                otherwise = place
                break
            if test is not False:
                tests.append((place, test))
        answer: ast.expr = code.constant(otherwise)
        for place, test in reversed(tests):
            answer = ast.IfExp(test, code.constant(place), answer)
        return cast(Callable[[Facts], int], _compiled(coder, answer))

    def _function(self, key: tuple[str, str, str]) -> Callable[[Facts], Trace]:
        rules = self._candidates.get(key, ())
        if not rules:
            return lambda facts: ()
        _, kind, stage = key
        if len(rules) > STRAIGHT:
            return _Filed(self.program, rules, kind, stage).match
        return _straight(self.program, rules, kind, stage)


def _straight(program: p.Program, rules: Sequence[p.Rule], kind: str, stage: str) -> Callable[[Facts], Trace]:
    """One function that evaluates all rules in line."""
    coder = code.Coder(program.predicates, kind, stage)
    for rule in rules:
        coder.count(rule.terms)
    traces: list[RuleTrace] = []
    answers = [_answer(coder, rule, traces) for rule in rules]
    return cast(Callable[[Facts], Trace], _compiled(coder, ast.Tuple(answers, ast.Load()), traces))


def _answer(coder: code.Coder, rule: p.Rule, traces: list[RuleTrace]) -> ast.expr:
    """`fired if TERM else failed_0`, nested over the terms. The traces picked from are added to `traces`."""

    def trace(failed: int) -> ast.expr:
        traces.append(RuleTrace(rule.id, failed < 0, failed, rule.mode == "shadow"))
        return code.held(len(traces) - 1)

    # Terms in their own order, so that each memo is filled by the first that needs it.
    terms: list[tuple[int, ast.expr]] = []
    last = -1
    for place, term in enumerate(rule.terms):
        test = coder.code(term)
        if test is False:
            last = place
            break
        if test is not True:
            terms.append((place, test))
    answer = trace(last)
    for place, test in reversed(terms):
        answer = ast.IfExp(test, answer, trace(place))
    return answer


def _compiled(coder: code.Coder, answer: ast.expr, holds: Sequence[object] = ()) -> Callable[[Facts], Any]:
    scope: dict[str, object] = {"holds_word": holds_word, **coder.durations}
    return code.function("match", "facts", [*coder.prelude(), ast.Return(answer)], scope, holds)


class _Filed:
    """Many rules of one key: filed by (operand, value) of the first term that the key doesn't decide."""

    def __init__(self, program: p.Program, rules: Sequence[p.Rule], kind: str, stage: str) -> None:
        self._program = program
        self._kind = kind
        self._stage = stage
        # What every rule answers where its own shelf is not looked at.
        self._quiet: list[RuleTrace] = []
        self._shelves: dict[str, dict[str | float | bool, list[tuple[int, p.Rule]]]] = {}
        self._opened: dict[tuple[str, str | float | bool], tuple[tuple[int, ...], Callable[[Facts], Trace]]] = {}
        rest: list[tuple[int, p.Rule]] = []
        for place, rule in enumerate(rules):
            failed, operand, values = self._file(rule)
            self._quiet.append(RuleTrace(rule.id, False, failed, rule.mode == "shadow"))
            if not operand:
                rest.append((place, rule))
            for value in values:
                self._shelves.setdefault(operand, {}).setdefault(value, []).append((place, rule))
        self._rest = self._open(rest) if rest else None

    def match(self, facts: Facts) -> Trace:
        answers = self._quiet.copy()
        if self._rest is not None:
            _put(answers, self._rest, facts)
        card = facts.card
        for operand, shelf in self._shelves.items():
            if operand == "tags":
                for tag in card.tags:
                    if tag in shelf:
                        _put(answers, self._shelf(operand, tag), facts)
                continue
            if operand.startswith(code.FIELD):
                value = card.fields.get(operand.removeprefix(code.FIELD))
            elif operand in ("metric", "subject"):
                value = getattr(facts, operand)
            else:
                value = getattr(card, operand)
            if value is not None and value in shelf:
                _put(answers, self._shelf(operand, value), facts)
        return tuple(answers)

    def _shelf(self, operand: str, value: str | float | bool) -> tuple[tuple[int, ...], Callable[[Facts], Trace]]:
        opened = self._opened.get((operand, value))
        if opened is None:
            opened = self._opened[operand, value] = self._open(self._shelves[operand][value])
        return opened

    def _open(self, filed: list[tuple[int, p.Rule]]) -> tuple[tuple[int, ...], Callable[[Facts], Trace]]:
        places = tuple(place for place, _ in filed)
        return places, _straight(self._program, [rule for _, rule in filed], self._kind, self._stage)

    def _file(self, rule: p.Rule) -> tuple[int, str, tuple[str | float | bool, ...]]:
        """The first undecided term, and the operand and values it is filed under (none: always evaluated)."""
        coder = code.Coder(self._program.predicates, self._kind, self._stage)
        for place, term in enumerate(rule.terms):
            known = coder.code(term)
            if known is True:
                continue
            if known is False:
                return place, "never", ()
            match self._program.predicates[term]:
                case p.OneOf(operand=operand, values=values):
                    return place, operand, values
                case p.HasTag(tag=tag):
                    return place, "tags", (tag,)
                case p.EventAtom(metric=metric) if metric:
                    return place, "metric", (metric,)
                case p.EventAtom(subject=subject) if subject:
                    return place, "subject", (subject,)
                case _:
                    return place, "", ()
        return -1, "", ()


def _put(answers: list[RuleTrace], opened: tuple[tuple[int, ...], Callable[[Facts], Trace]], facts: Facts) -> None:
    places, function = opened
    for place, answer in zip(places, function(facts), strict=True):
        answers[place] = answer
