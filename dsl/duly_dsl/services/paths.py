"""Walks the tables of the grammar without making a tree: what can come next in a line, the shortest way to its end, and
which rules of the grammar its words belong to.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from duly_dsl.parsing import grammar
from duly_dsl.parsing.engine import CLOSE, HEADERS, NAME, OPEN
from duly_dsl.parsing.grammar import END
from duly_dsl.parsing.lexing import NEWLINE, Token

States = tuple[int, ...]

FURTHEST = 12
"""Words the shortest way to the end of a line may take."""
WIDEST = 4_000
"""Steps the search for it may take."""


class Reduction(NamedTuple):
    """A rule of the grammar and the words it is made of: the first, and the one after the last, counted from 0."""

    rule: str
    start: int
    end: int


def shifted(states: States, kind: str) -> States | None:
    """The states after a token; None where it can't stand."""
    tables = grammar.tables()
    walked = list(states)
    while True:
        action = tables.actions[walked[-1]].get(kind)
        if action is None:
            return None
        if action >= 0:
            walked.append(action)
            return tuple(walked)
        rule = tables.rules[~action]
        if rule.length:
            del walked[-rule.length :]
        walked.append(tables.goto[walked[-1]][rule.origin])
        if walked[-1] == tables.accept:
            return tuple(walked) if kind == END else None


@functools.lru_cache(maxsize=4096)
def accepted(states: States) -> frozenset[str]:
    """The tokens that can come next."""
    return frozenset(kind for kind in grammar.tables().actions[states[-1]] if shifted(states, kind))


@functools.cache
def _keywords() -> frozenset[str]:
    return frozenset(grammar.tables().keywords.values())


def read(states: States, kind: str) -> tuple[str, States] | None:
    """A token as it is read, a keyword as a name where only a name can stand, and the states after it."""
    after = shifted(states, kind)
    if after is None and kind in _keywords():
        kind, after = NAME, shifted(states, NAME)
    return None if after is None else (kind, after)


def follow(states: States, tokens: Iterable[Token]) -> States | None:
    """The states after all the tokens; None where one of them can't stand."""
    for token in tokens:
        found = read(states, token.type)
        if found is None:
            return None
        states = found[1]
    return states


def start() -> States:
    """Before the first word of a file."""
    return (grammar.tables().start,)


def inside(headers: Iterable[Sequence[Token]]) -> States | None:
    """In the block of the last of these headers. One that can't be read counts as the least its first word can be; None
    where even that can't stand."""
    states: States | None = start()
    for tokens in headers:
        whole = follow(states, tokens)
        if whole is None:
            least = HEADERS.get(tokens[0].type)
            if least is None:
                return None
            whole = _kinds(states, (tokens[0].type, *least, OPEN, NEWLINE))
        if whole is None:
            return None
        states = whole
    return states


def _kinds(states: States, kinds: Iterable[str]) -> States | None:
    for kind in kinds:
        after = shifted(states, kind)
        if after is None:
            return None
        states = after
    return states


@functools.lru_cache(maxsize=2048)
def way_out(states: States) -> tuple[str, ...] | None:
    """The shortest list of tokens that ends the statement, the block it may open included; None where none is short."""
    edge: list[tuple[States, tuple[str, ...], int]] = [(states, (), 0)]
    seen = {(states, 0)}
    steps = 0
    for at, path, depth in edge:
        if len(path) >= FURTHEST or steps > WIDEST:
            return None
        for kind in _ordered(at):
            if (kind == CLOSE and not depth) or kind == END:
                continue
            steps += 1
            after = shifted(at, kind)
            deeper = depth + (kind == OPEN) - (kind == CLOSE)
            if after is None or (after, deeper) in seen:
                continue
            if kind == NEWLINE and not deeper:
                return (*path, kind)
            seen.add((after, deeper))
            edge.append((after, (*path, kind), deeper))
    return None


@functools.lru_cache(maxsize=4096)
def _ordered(states: States) -> tuple[str, ...]:
    """What can come next; the end of the line first, then words before values."""
    first = {NEWLINE: 0, CLOSE: 1, OPEN: 2}
    return tuple(sorted(accepted(states), key=lambda kind: (first.get(kind, 3), kind in (NAME, "STRING"), kind)))


def reductions(states: States, kinds: Sequence[str]) -> list[Reduction]:
    """The rules made of these tokens, in the order they are complete; those that hold earlier tokens are left out."""
    tables = grammar.tables()
    stack = list(states)
    starts = [-1] * len(stack)
    found: list[Reduction] = []

    def reduce(number: int, place: int) -> None:
        rule = tables.rules[number]
        began = starts[-rule.length] if rule.length else place
        if rule.length:
            del stack[-rule.length :], starts[-rule.length :]
        if began >= 0:
            found.append(Reduction(rule.name, began, place))
        stack.append(tables.goto[stack[-1]][rule.origin])
        starts.append(began)

    for place, kind in enumerate(kinds):
        while (action := tables.actions[stack[-1]].get(kind)) is not None and action < 0:
            reduce(~action, place)
        if action is None:
            return found
        stack.append(action)
        starts.append(place)
    while starts[-1] >= 0:  # what is complete, whatever comes next
        waiting = {action for action in tables.actions[stack[-1]].values() if action < 0}
        if len(waiting) != 1 or len(waiting) < len({a < 0 for a in tables.actions[stack[-1]].values()}):
            break
        reduce(~waiting.pop(), len(kinds))
    return found
