"""Runs the tables of the grammar over the lines of a file, and goes on after every problem.

A statement is a line, so a line is also what a problem costs. The depth of the stack at the first word of the line is
remembered; where a word can't stand, a small repair is tried (a misspelt keyword, missing quotes, a missing brace) and if
none fits, the stack is cut back to that depth and the rest of the line is dropped. A line that opened a block still opens
it, so that the block's own lines are read and its closing brace finds its match.

Braces are told from the words alone in a first reading. If that one found a brace missing or left over, a second one also
trusts the indentation, and the reading with fewer problems wins: a well indented file names the very block that was left
open, and one pasted without indentation is not held against it.
"""

from __future__ import annotations

from typing import Any, Protocol

from duly_dsl.catalogue import syntax as kinds
from duly_dsl.diagnostics import Diagnostic, Fix
from duly_dsl.grammar import END, Tables
from duly_dsl.lexing import NEWLINE, Line, Token
from duly_dsl.source import Span

OPEN, CLOSE, NAME, STRING = "LBRACE", "RBRACE", "NAME", "STRING"

SAMPLES = {
    NAME: "…",
    STRING: '"…"',
    "INT": "3",
    "DECIMAL": "2.5",
    "DATE": "2026-12-31",
    "SPAN": "09:00-18:00",
    "TIME": "09:00",
    "OFFSET": "+15m",
    "PERCENT": "80%",
    "DURATION": "30m",
    "CMP": ">",
}
"""What stands for a kind of token in the list of what could come next."""

HEADERS = {
    "CALENDAR": (STRING,),
    "PERSON": (NAME,),
    "TEAM": (STRING,),
    "PIPELINE": (STRING,),
    "STAGE": (STRING,),
    "TARGETS": (),
    "ESCALATION": (STRING,),
    "ASSIGN": ("WHEN", "CARD", "IS", "CREATED"),
    "RULE": (STRING,),
    "CONNECTOR": (STRING, "RECEIVES", NAME),
    "MAP": (),
    "TEMPLATE": (STRING,),
    "TEST": (STRING,),
}
"""The least a header can be: what is read in place of one that can't be read, so that its block keeps its meaning."""

DEEPEST = 4
"""Blocks stand in blocks this deep at most; more braces than this are never put in for the author."""


class Broken:
    """The value of a statement that can't be used."""


BROKEN = Broken()


class Many(list[Any]):
    """The children of an inlined rule, on their way to their parent."""


class Builder(Protocol):
    """Makes the value of a rule. What it can't make is BROKEN."""

    def build(self, name: str, span: Span, parts: list[Any]) -> Any: ...


class Engine:
    """One reading of one file."""

    def __init__(self, path: str, tables: Tables, builder: Builder, problems: list[Diagnostic], *, layout: bool):
        self.path = path
        self.tables = tables
        self.builder = builder
        self.problems = problems
        self.layout = layout
        self.brace_trouble = False
        self._words = frozenset(tables.keywords.values())
        self._states = [tables.start]
        self._values: list[Any] = []
        self._firsts: list[Token] = []
        self._lasts: list[Token] = []
        self._open: list[Token] = []
        """The first word of each header whose block is open."""
        self._skipping: list[Token] = []
        """The same, inside a block that is not read at all."""

    # --- the automaton

    def accepts(self, token: str, states: list[int] | None = None) -> bool:
        """Could the token come next? Walks a copy of the states, or `states` itself when given one."""
        walked = self._states.copy() if states is None else states
        actions, goto, rules = self.tables.actions, self.tables.goto, self.tables.rules
        while True:
            action = actions[walked[-1]].get(token)
            if action is None:
                return False
            if action >= 0:
                walked.append(action)
                return True
            rule = rules[~action]
            if rule.length:
                del walked[-rule.length :]
            walked.append(goto[walked[-1]][rule.origin])
            if walked[-1] == self.tables.accept:
                return token == END

    def reads(self, token: Token, states: list[int] | None = None) -> str:
        """The type to read a token as: keywords are names where only a name can stand; "" where it can't stand."""
        for kind in (token.type, NAME) if token.type in self._words else (token.type,):
            walked = self._states.copy() if states is None else states.copy()
            if self.accepts(kind, walked):
                if states is not None:
                    states[:] = walked
                return kind
        return ""

    def _shift(self, token: Token, kind: str) -> None:
        """Take a token that is accepted as `kind`."""
        actions, states = self.tables.actions, self._states
        while (action := actions[states[-1]][kind]) < 0:
            self._reduce(~action)
        states.append(action)
        self._values.append(token if kind == token.type else token._replace(type=kind))
        self._firsts.append(token)
        self._lasts.append(self._lasts[-1] if kind == NEWLINE and self._lasts else token)

    def _reduce(self, number: int) -> None:
        rule = self.tables.rules[number]
        count = rule.length
        if count == 0:
            first = last = Token(NEWLINE, "", 1, 1)
            values: list[Any] = []
        else:
            values = self._values[-count:]
            first, last = self._firsts[-count], self._lasts[-1]
            del self._states[-count:], self._values[-count:], self._firsts[-count:], self._lasts[-count:]
        parts: Any
        if rule.inline and values and isinstance(values[0], Many) and rule.keep[:1] == (0,):
            parts = values[0]
            rest = rule.keep[1:]
        else:
            parts = Many() if rule.inline else []
            rest = rule.keep
        for place in rest:
            value = values[place]
            if isinstance(value, Many):
                parts.extend(value)
            else:
                parts.append(value)
        if rule.inline:
            value = parts
        elif rule.single and len(parts) == 1:
            value = parts[0]
        else:
            value = self.builder.build(rule.name, Span(self.path, first.line, first.column, last.line, last.end), parts)
        self._states.append(self.tables.goto[self._states[-1]][rule.origin])
        self._values.append(value)
        self._firsts.append(first)
        self._lasts.append(last)

    def _put(self, kind: str, near: Token) -> None:
        """Take a token the author left out; it has no width."""
        self._shift(Token(kind, "", near.line, near.column), kind)

    # --- lines

    def run(self, lines: list[Line]) -> Any:
        """Read all the lines; the value of the start rule."""
        for place, line in enumerate(lines):
            if self._skipping and self._skip(line):
                continue
            if self.layout and self._misfit(line):
                continue
            self._line(line, lines[place + 1] if place + 1 < len(lines) else None)
        while not self.accepts(END):
            header = self._open.pop()
            self._report_open(header)
            self._close(header)
        while self._states[-1] != self.tables.accept:
            self._reduce(~self.tables.actions[self._states[-1]][END])
        return self._values[-1]

    def _close(self, near: Token) -> None:
        for kind in (CLOSE, NEWLINE):
            self._put(kind, near)

    def _report_open(self, header: Token, seen: Token | None = None) -> None:
        self.brace_trouble = True
        related = ((seen.span(self.path), kinds.NOTICED_HERE),) if seen else ()
        self.problems.append(kinds.MISSING_CLOSE.at(header.span(self.path), related=related, header=header.text))

    def _skip(self, line: Line) -> bool:
        first = line.tokens[0]
        if first.type == CLOSE:
            self._skipping.pop()
            return True
        if first.column <= self._skipping[0].column and self.reads(first):
            self._skipping.clear()
            return False
        if _opens(line):
            self._skipping.append(first)
        return True

    def _misfit(self, line: Line) -> bool:
        """Compare the indentation with the open blocks; True where the line is a brace too many."""
        first = line.tokens[0]
        columns = [header.column for header in self._open]
        if first.type != CLOSE:
            while self._open and first.column <= self._open[-1].column:
                header = self._open.pop()
                self._report_open(header, first)
                self._close(first)
            return False
        if first.column in columns:
            while self._open[-1].column > first.column:
                header = self._open.pop()
                self._report_open(header, first)
                self._close(first)
        elif columns and columns[-1] < first.column:
            self._stray(first)
            return True
        return False

    def _stray(self, token: Token) -> None:
        self.brace_trouble = True
        fix = Fix("remove it", token.span(self.path), "")
        self.problems.append(kinds.STRAY_CLOSE.at(token.span(self.path), fixes=(fix,)))

    def _line(self, line: Line, following: Line | None) -> None:
        tokens = line.tokens.copy()
        known = len(self.problems)
        base = 0
        place = 0
        while place < len(tokens):
            token = tokens[place]
            if kind := self.reads(token):
                self._shift(token, kind)
                if place == 0:
                    base = len(self._states) - 1
                if kind == OPEN:
                    self._open.append(tokens[0])
                elif kind == CLOSE:
                    self._open.pop()
                place += 1
                continue
            silent = line.damaged or len(self.problems) > known
            if self._repair(tokens, place, following, silent):
                continue
            if not silent:
                self.problems.append(self._problem(tokens, place))
            if base:
                del self._states[base:]
                for stack in (self._values, self._firsts, self._lasts):
                    del stack[base - 1 :]
            if _opens(line) and not (place == len(tokens) - 1 and tokens[place - 1].type == OPEN):
                self._reopen(tokens)
            return

    def _reopen(self, tokens: list[Token]) -> None:
        """Open the block of a header that can't be read, or skip it whole where even its kind is unknown."""
        first = tokens[0]
        kind = first.type
        if kind not in HEADERS or not self.accepts(kind):
            self._skipping.append(first)
            return
        named = next((token for token in tokens if token.type == STRING), None)
        trusted = named is not None and HEADERS[kind] == (STRING,)
        self._shift(first, kind)
        base = len(self._values)
        for word in HEADERS[kind]:
            if word == STRING and named:
                self._shift(named, STRING)
            else:
                self._put(word, first)
        for word in (OPEN, NEWLINE):
            self._put(word, first)
        self._open.append(first)
        if not trusted:
            self._values[base:-1] = [BROKEN] * (len(self._values) - base - 1)

    # --- repairs

    def _repair(self, tokens: list[Token], place: int, following: Line | None, silent: bool) -> bool:
        """Change `tokens` from `place` on, or put in what is missing, so that reading can go on; False where nothing
        small does it."""
        token = tokens[place]
        previous = tokens[place - 1] if place else None
        if place == 0 and token.type != CLOSE and self._close_before(tokens):
            return True
        if token.type == CLOSE and place == 0 and not self._open:
            self._stray(token)
            tokens.clear()
            return True
        if token.type == NEWLINE and previous and self.accepts(OPEN):
            end = Span(self.path, previous.line, previous.end, previous.line, previous.end)
            if following and following.tokens[0].type == OPEN:
                brace = following.tokens[0]
                self.problems.append(kinds.BRACE_ALONE.at(brace.span(self.path)))
                following.tokens[0:2] = []
                if not following.tokens:
                    following.tokens.append(Token("", "", brace.line, brace.column))
            else:
                self.brace_trouble = True
                fix = Fix("open the block", end, " {")
                header = tokens[0].span(self.path).to(previous.span(self.path))
                self.problems.append(kinds.MISSING_OPEN.at(header, fixes=(fix,), header=tokens[0].text))
            tokens.insert(place, Token(OPEN, "", token.line, token.column))
            return True
        return False

    def _close_before(self, tokens: list[Token]) -> bool:
        """Close blocks left open, if the line can be read after that."""
        states = self._states.copy()
        for count in range(1, min(len(self._open), DEEPEST) + 1):
            if not (self.accepts(CLOSE, states) and self.accepts(NEWLINE, states)):
                return False
            walked = states.copy()
            if all(self.reads(token, walked) for token in tokens):
                for _ in range(count):
                    self._report_open(self._open.pop(), tokens[0])
                    self._close(tokens[0])
                return True
        return False

    def _problem(self, tokens: list[Token], place: int) -> Diagnostic:
        token = tokens[place]
        expected = self.expected()
        if token.type == NEWLINE:
            where = tokens[place - 1] if place else token
            return kinds.UNFINISHED.at(where.span(self.path), expected=expected)
        if not expected:
            return kinds.TRAILING.at(token.span(self.path), found=token.text)
        return kinds.UNEXPECTED.at(token.span(self.path), found=token.text, expected=expected)

    def expected(self) -> str:
        """What could come next, as a list of samples; empty where only the end of the line could."""
        kinds_ = [kind for kind in self.tables.actions[self._states[-1]] if kind not in (NEWLINE, END)]
        samples = sorted({SAMPLES.get(kind) or self.tables.literals[kind] for kind in kinds_ if self.accepts(kind)})
        return ", ".join(f"`{sample}`" for sample in samples)


def _opens(line: Line) -> bool:
    return len(line.tokens) > 1 and line.tokens[-2].type == OPEN
