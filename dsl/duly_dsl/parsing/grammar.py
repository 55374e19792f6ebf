"""The grammar as plain tables. Lark builds them from duly.lark; they are kept in a cache so that later starts need not
import Lark at all. The cache holds data only (MessagePack of the structs below), so a damaged or foreign file is refused,
never run.
"""

from __future__ import annotations

import functools
import hashlib
import re
import sys
from pathlib import Path
from typing import Any

import msgspec

from duly_dsl import cache

END = "$END"
"""The token after the last one."""
FORMAT = 1
"""Raised when the structs below change."""


class Rule(msgspec.Struct, frozen=True, array_like=True, order=True):
    """A production. `keep` are the places of the children that matter; punctuation and keywords are dropped unless the
    grammar marks the rule with `!`. `inline` children join their parent's; `single` stands for its only child."""

    origin: str
    name: str
    length: int
    keep: tuple[int, ...]
    inline: bool
    single: bool


class Tables(msgspec.Struct, frozen=True, array_like=True):
    """`actions[state][token]` is a state to shift to, or, below zero, `~n` to reduce by `rules[n]`."""

    actions: tuple[dict[str, int], ...]
    goto: tuple[dict[str, int], ...]
    rules: tuple[Rule, ...]
    start: int
    accept: int
    pattern: str
    """One alternation of named groups, in the order they must be tried."""
    keywords: dict[str, str]
    """Word -> token, for words that are also names."""
    literals: dict[str, str]
    """Token -> text, keywords and punctuation."""


def source() -> str:
    """The text of duly.lark."""
    return (Path(__file__).parents[1] / "duly.lark").read_text(encoding="utf-8")


def build(text: str) -> Tables:
    """The tables of a grammar."""
    from lark import Lark  # late: it takes longer to import than a small file takes to check
    from lark.lexer import PatternStr
    from lark.parsers.lalr_analysis import Reduce

    lark: Any = Lark(text, parser="lalr", lexer="basic", maybe_placeholders=False)
    table = lark.parser.parser._parse_table
    productions = {id(rule): _production(rule) for rule in lark.rules}
    rules = sorted(set(productions.values()))
    numbers = {rule: number for number, rule in enumerate(rules)}
    terminals = {terminal.name for terminal in lark.terminals} | {END}
    order = _reached(table)
    states = {state: number for number, state in enumerate(order)}
    actions: list[dict[str, int]] = []
    goto: list[dict[str, int]] = []
    for state in order:
        actions.append({})
        goto.append({})
        for symbol, (action, aim) in sorted(table.states[state].items()):
            row = actions[-1] if symbol in terminals else goto[-1]
            row[str(symbol)] = ~numbers[productions[id(aim)]] if action is Reduce else states[aim]
    name = next(terminal for terminal in lark.terminals if terminal.name == "NAME")
    is_name = re.compile(name.pattern.to_regexp()).fullmatch
    literals = {
        t.name: t.pattern.value for t in sorted(lark.terminals, key=lambda t: t.name) if isinstance(t.pattern, PatternStr)
    }
    keywords = {value: token for token, value in literals.items() if is_name(value)}
    patterns = [t for t in lark.terminals if t.name not in lark.ignore_tokens and t.name not in keywords.values()]
    patterns.sort(key=lambda t: (-t.priority, -t.pattern.max_width, -len(t.pattern.value), t.name))
    return Tables(
        actions=tuple(actions),
        goto=tuple(goto),
        rules=tuple(rules),
        start=states[table.start_states["start"]],
        accept=states[table.end_states["start"]],
        pattern="|".join(f"(?P<{t.name}>{t.pattern.to_regexp()})" for t in patterns),
        keywords=keywords,
        literals=literals,
    )


def _production(rule: Any) -> Rule:
    origin = str(rule.origin.name)
    keep = tuple(
        place
        for place, symbol in enumerate(rule.expansion)
        if not symbol.is_term or rule.options.keep_all_tokens or not symbol.filter_out
    )
    inline = origin.startswith("_") and not rule.alias
    single = bool(rule.options.expand1) and not rule.alias
    return Rule(origin, str(rule.alias or origin), len(rule.expansion), keep, inline, single)


def _reached(table: Any) -> list[Any]:
    """The states from the start on, in an order that is the same for each build."""
    order = [table.start_states["start"]]
    seen = set(order)
    for state in order:
        for _, (_, aim) in sorted(table.states[state].items(), key=lambda item: item[0]):
            if aim not in seen and aim in table.states:
                seen.add(aim)
                order.append(aim)
    return order


@functools.cache
def tables() -> Tables:
    """The tables of the language, from the cache where it has them."""
    text = source()
    name = f"grammar-{hashlib.sha256(f'{FORMAT} {sys.version} {text}'.encode()).hexdigest()[:24]}.msgpack"
    if kept := cache.read(name):
        try:
            return msgspec.msgpack.decode(kept, type=Tables)
        except msgspec.DecodeError:
            pass  # damaged, so it is written anew
    built = build(text)
    cache.write(name, msgspec.msgpack.encode(built))
    return built
