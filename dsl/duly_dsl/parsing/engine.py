"""Runs the tables of the grammar over the lines of a file, and goes on after every problem.

A statement is a line, so a line is also what a problem costs. The depth of the stack at the first word of the line is
remembered; where a word can't stand, a small repair is tried (a misspelt keyword, missing quotes, a missing brace) and if
none fits, the stack is cut back to that depth and the rest of the line is dropped. A line that opened a block still opens
it, so that the block's own lines are read and its closing brace finds its match.

Braces are told from the words alone in a first reading. If that one found a brace missing or left over, a second one also
trusts the indentation, and the reading that explains more wins: a well indented file names the very block that was left
open, and one pasted without indentation is not held against it.
"""

from __future__ import annotations

from typing import Any, Protocol

from duly_dsl.catalogue import fixes as titles
from duly_dsl.catalogue import syntax as kinds
from duly_dsl.diagnostics import Diagnostic, Fix
from duly_dsl.nearest import distance, nearest
from duly_dsl.parsing.grammar import END, Tables
from duly_dsl.parsing.lexing import NEWLINE, Line, Token, text_of
from duly_dsl.source import Span

OPEN, CLOSE, NAME, STRING = "LBRACE", "RBRACE", "NAME", "STRING"
ALLOW = "ALLOW"
"""It can stand everywhere, so it is never what was meant."""

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
    "SEND": ("LIMITS",),
    "PIPELINE": (STRING,),
    "STAGE": (STRING,),
    "TARGETS": (),
    "CLOCK": (STRING,),
    "ESCALATION": (STRING,),
    "ASSIGN": ("WHEN", "CARD", "IS", "CREATED"),
    "RULE": (STRING,),
    "CONNECTOR": (STRING, "RECEIVES", NAME),
    "MAP": (),
    "TEMPLATE": (STRING,),
    "TEST": (STRING,),
    "REPORT": (STRING,),
}
"""The least a header can be: what is read in place of one that can't be read, so that its block keeps its meaning."""

LONGEST_NAME = 12
"""Words that are tried as one name whose quotes were forgotten."""


class Broken:
    """The value of a statement that can't be used."""


BROKEN = Broken()


_NO_TOKEN = Token(NEWLINE, "", 1, 1, 1)


class Many(list[Any]):
    """The children of an inlined rule, on their way to their parent."""


class Builder(Protocol):
    """Makes the value of a rule. What it can't make is BROKEN."""

    def build(self, name: str, span: Span, parts: list[Any]) -> Any: ...


class Automaton:
    """The stacks of an LALR(1) parser and their two moves."""

    def __init__(self, path: str, tables: Tables, builder: Builder):
        self.path = path
        self.tables = tables
        self.builder = builder
        self.states = [tables.start]
        self.values: list[Any] = []
        self._firsts: list[Token] = []
        self._lasts: list[Token] = []
        self._words = frozenset(tables.keywords.values())

    def accepts(self, token: str, states: list[int] | None = None) -> bool:
        """Could the token come next? Walks a copy of the states, or `states` itself when given one."""
        walked = self.states.copy() if states is None else states
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
        """The type to read a token as: keywords are names where only a name can stand; "" where it can't stand. Moves
        `states` on when given them."""
        if states is None:
            action = self.tables.actions[self.states[-1]].get(token.type)
            if action is not None and action >= 0:  # the usual case, without a copy of the stack
                return token.type
        for kind in (token.type, NAME) if token.type in self._words else (token.type,):
            walked = self.states.copy() if states is None else states.copy()
            if self.accepts(kind, walked):
                if states is not None:
                    states[:] = walked
                return kind
        return ""

    def read(self, tokens: list[Token], states: list[int]) -> bool:
        """Could all of them come next, after `states`? Moves `states` on."""
        return all(self.reads(token, states) for token in tokens)

    def shift(self, token: Token, kind: str) -> None:
        """Take a token that is accepted as `kind`."""
        actions = self.tables.actions
        while (action := actions[self.states[-1]][kind]) < 0:
            self._reduce(~action)
        self.states.append(action)
        self.values.append(token if kind == token.type else token._replace(type=kind))
        self._firsts.append(token)
        # a newline is no part of what it ends
        self._lasts.append(self._lasts[-1] if kind == NEWLINE and self._lasts else token)

    def put(self, kind: str, near: Token) -> None:
        """Take a token the author left out; it has no width."""
        self.shift(Token(kind, "", near.line, near.column, near.column), kind)

    def cut(self, depth: int) -> None:
        """Forget what was read since the stack of states was `depth` high."""
        del self.states[depth:]
        for stack in (self.values, self._firsts, self._lasts):
            del stack[depth - 1 :]

    def finish(self) -> Any:
        """The value of the start rule, when END is accepted."""
        while self.states[-1] != self.tables.accept:
            self._reduce(~self.tables.actions[self.states[-1]][END])
        return self.values[-1]

    def _reduce(self, number: int) -> None:
        rule = self.tables.rules[number]
        count = rule.length
        if count == 1 and rule.keep:  # most rules: only the state and the value change
            states, value = self.states, self.values[-1]
            if rule.inline:
                if not isinstance(value, Many):
                    self.values[-1] = Many((value,))
            elif not rule.single or (isinstance(value, Many) and len(value) != 1):
                parts = list(value) if isinstance(value, Many) else [value]
                first, last = self._firsts[-1], self._lasts[-1]
                span = Span(self.path, first.line, first.column, last.line, last.end)
                self.values[-1] = self.builder.build(rule.name, span, parts)
            elif isinstance(value, Many):
                self.values[-1] = value[0]
            states[-1] = self.tables.goto[states[-2]][rule.origin]
            return
        values: list[Any] = []
        first = last = _NO_TOKEN
        if count:
            values = self.values[-count:]
            first, last = self._firsts[-count], self._lasts[-1]
            del self.states[-count:], self.values[-count:], self._firsts[-count:], self._lasts[-count:]
        places = rule.keep
        parts: list[Any] = Many() if rule.inline else []
        if rule.inline and places[:1] == (0,) and isinstance(values[0], Many):
            parts, places = values[0], places[1:]  # a list that grows line by line is not copied each time
        for place in places:
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
        self.states.append(self.tables.goto[self.states[-1]][rule.origin])
        self.values.append(value)
        self._firsts.append(first)
        self._lasts.append(last)


class Engine:
    """One reading of one file."""

    def __init__(self, automaton: Automaton, problems: list[Diagnostic], *, layout: bool):
        self.brace_trouble = False
        self.lost = 0
        """Lines that were not read."""
        self._auto = automaton
        self._path = automaton.path
        self._problems = problems
        self._layout = layout
        self._open: list[Token] = []
        """The first word of each header whose block is open."""
        self._skipping: list[Token] = []
        """The same, inside a block that is not read at all."""
        self._tokens: list[Token] = []
        """The line being read, as repaired so far."""
        self._silent = False
        """This line's trouble was reported."""

    def run(self, lines: list[Line]) -> Any:
        """Read all the lines; the value of the start rule."""
        queue = [Line(line.tokens.copy(), line.damaged) for line in lines]
        for place, line in enumerate(queue):
            if not line.tokens:
                continue
            if self._skipping and self._skip(line):
                self.lost += 1
                continue
            self._tokens, self._silent = line.tokens, line.damaged
            following = queue[place + 1].tokens if place + 1 < len(queue) else []
            if self._layout and self._misfit(line.tokens[0], following):
                continue
            self._line(following)
        while not self._auto.accepts(END):
            self._close(self._open[-1])
        return self._auto.finish()

    # --- lines

    def _line(self, following: list[Token]) -> None:
        auto = self._auto
        place = start = depth = 0
        while place < len(self._tokens):
            token = self._tokens[place]
            if kind := auto.reads(token):
                auto.shift(token, kind)
                if place == start:
                    depth = len(auto.states) - 1
                if kind == OPEN:
                    self._open.append(self._tokens[start])
                elif kind == CLOSE:
                    self._open.pop()
                elif kind == NEWLINE:
                    start = place + 1
                place += 1
                continue
            if place == start and token.type != CLOSE and self._close_before(self._tokens[start:]):
                continue
            if self._repair(place, place == start, following):
                continue
            if place > start:
                auto.cut(depth)
                if self._close_before(self._tokens[start:]):
                    place = start
                    continue
            self.lost += 1
            if not self._silent:
                self._report(self._problem(place, start))
            rest = self._tokens[start:]
            if len(rest) > 1 and rest[-2].type == OPEN:
                self._reopen(rest)
            return

    def _report(self, problem: Diagnostic) -> None:
        self._silent = True
        self._problems.append(problem)

    def _reopen(self, tokens: list[Token]) -> None:
        """Open the block of a header that can't be read, or skip it whole where even its kind is unknown."""
        auto, first = self._auto, tokens[0]
        if first.type not in HEADERS or not self._opens(first.type):
            self._skipping.append(first)
            return
        least = HEADERS[first.type]
        named = next((token for token in tokens if token.type == STRING), None)
        auto.shift(first, first.type)
        base = len(auto.values)
        for kind in least:
            if kind == STRING and named:
                auto.shift(named, STRING)
            else:
                auto.put(kind, first)
        if not (named and least == (STRING,)):  # what the header said is lost, so the block is only read for its problems
            auto.values[base:] = [BROKEN] * (len(auto.values) - base)
        for kind in (OPEN, NEWLINE):
            auto.put(kind, first)
        self._open.append(first)

    def _opens(self, kind: str) -> bool:
        """Whether the least header of a kind can stand here; a word may open a block in one place and none in another."""
        states = self._auto.states.copy()
        return all(self._auto.accepts(each, states) for each in (kind, *HEADERS[kind], OPEN, NEWLINE))

    def _skip(self, line: Line) -> bool:
        first = line.tokens[0]
        if first.type == CLOSE:
            self._skipping.pop()
            return True
        if first.column <= self._skipping[0].column and self._auto.reads(first):
            self._skipping.clear()
            return False
        if len(line.tokens) > 1 and line.tokens[-2].type == OPEN:
            self._skipping.append(first)
        return True

    # --- braces

    def _close(self, header: Token, seen: Token | None = None) -> None:
        """Close the innermost block, whose end was forgotten."""
        self.brace_trouble = True
        related = ((seen.span(self._path), kinds.NOTICED_HERE),) if seen else ()
        self._problems.append(kinds.MISSING_CLOSE.at(header.span(self._path), related=related, header=header.text))
        self._open.pop()
        for kind in (CLOSE, NEWLINE):
            self._auto.put(kind, seen or (self._tokens or [header])[-1])

    def _stray(self, token: Token) -> None:
        self.brace_trouble = True
        span = token.span(self._path)
        self._report(kinds.STRAY_CLOSE.at(span, fixes=(Fix(titles.REMOVE, span, ""),)))

    def _misfit(self, first: Token, following: list[Token]) -> bool:
        """Compare the indentation with the open blocks; True where the line is a brace too many."""
        columns = [header.column for header in self._open]
        if first.type != CLOSE:
            while self._open and first.column <= self._open[-1].column:
                self._close(self._open[-1], first)
            return False
        closes = first.column if first.column in columns else columns[-1] if columns else 0
        goes_on = bool(following) and following[0].column > closes  # what follows is still inside
        if goes_on or closes < first.column:
            self._stray(first)
            return True
        while first.column in columns and self._open[-1].column > first.column:
            self._close(self._open[-1], first)
        return False

    def _close_before(self, tokens: list[Token]) -> bool:
        """Close blocks left open, if the line can be read after that and isn't indented as part of them."""
        if self._layout and self._open and tokens[0].column > self._open[-1].column:
            return False
        auto = self._auto
        states = auto.states.copy()
        for count in range(1, len(self._open) + 1):
            if not (auto.accepts(CLOSE, states) and auto.accepts(NEWLINE, states)):
                return False
            if auto.read(tokens, states.copy()):
                for _ in range(count):
                    self._close(self._open[-1], tokens[0])
                return True
        return False

    # --- repairs

    def _repair(self, place: int, first: bool, following: list[Token]) -> bool:
        """Change the line from `place` on so that reading can go on; False where nothing small does it."""
        tokens, auto = self._tokens, self._auto
        token = tokens[place]
        if first:
            if token.type == CLOSE:
                self._stray(token)
                del tokens[place:]
                return True
            return self._misspelt(place)
        previous = tokens[place - 1]
        if token.type == NEWLINE:
            return auto.accepts(OPEN) and self._open_here(place, following)
        if (token.type == CLOSE or previous.type in (OPEN, CLOSE)) and auto.accepts(NEWLINE):
            if not self._silent:
                fixes = (self._apart(place),)
                self._report(kinds.ONE_LINE_BLOCK.at(token.span(self._path), fixes=fixes))
            tokens.insert(place, Token(NEWLINE, "", token.line, token.column, token.column))
            return True
        return self._misspelt(place) or self._unquoted(place) or self._quoted(place)

    def _open_here(self, place: int, following: list[Token]) -> bool:
        """Put in a `{` at the end of the line; it may stand alone on the next one."""
        tokens = self._tokens
        header = tokens[0].span(self._path).to(tokens[place - 1].span(self._path))
        end = Span(self._path, header.end_line, header.end_column, header.end_line, header.end_column)
        if following and following[0].type == OPEN:
            brace = following[0].span(self._path)
            moved = Fix(titles.ADD, Span(self._path, end.line, end.column, brace.end_line, brace.end_column), " {")
            noted = "#" in tokens[place].text
            self._report(kinds.BRACE_ALONE.at(brace, fixes=() if noted else (moved,)))
            del following[: 2 if following[1].type == NEWLINE else 1]
        elif not self._silent:
            self.brace_trouble = True
            fix = Fix(titles.ADD, end, " {")
            self._report(kinds.MISSING_OPEN.at(header, fixes=(fix,), header=tokens[0].text))
        tokens.insert(place, Token(OPEN, "", end.line, end.column, end.column))
        return True

    def _apart(self, place: int) -> Fix:
        """Give every statement of a block on one line a line, from the word at `place` on."""
        said = [token for token in self._tokens[place:] if token.type != NEWLINE]
        text = ""
        for before, token in zip([self._tokens[place - 1], *said], said, strict=False):
            apart = token.type == CLOSE or before.type in (OPEN, CLOSE)
            text += ("\n" if apart else "" if token.type == "COMMA" else " ") + token.text
        start = self._tokens[place - 1]
        span = Span(self._path, start.line, start.end, said[-1].line, said[-1].end)
        return Fix(titles.SPLIT, span, text)

    def _replace(self, place: int, count: int, token: Token) -> list[Token]:
        """The rest of the line with `count` tokens made into one."""
        return [token, *self._tokens[place + count :]]

    def _misspelt(self, place: int) -> bool:
        """Read a word as the keyword it is close to."""
        token = self._tokens[place]
        if not token.text[:1].isalpha():
            return False
        literals, here = self._keywords(), token.text.lower()
        close = nearest(here, literals)
        if not close:
            return False
        words = sorted(word for word in literals if distance(here, word) <= 2)
        fitting = [word for word in words if self._goes_on(place, literals[word], word)]
        word = close if close in fitting or not fitting else nearest(here, fitting)
        if not word or (word not in fitting and distance(here, word) > 1):
            return False
        if not self._silent:
            fix = Fix(titles.WRITE, token.span(self._path), word)
            span = token.span(self._path)
            self._report(kinds.MISSPELT.at(span, nearest=word, fixes=(fix,), found=token.text, word=word))
        self._tokens[place] = token._replace(type=literals[word], text=word)
        return True

    def _keywords(self) -> dict[str, str]:
        """The keywords that could come next, and their tokens."""
        auto = self._auto
        row = auto.tables.actions[auto.states[-1]]
        return {word: kind for word, kind in auto.tables.keywords.items() if kind in row and auto.accepts(kind)}

    def _goes_on(self, place: int, kind: str, text: str, count: int = 1) -> bool:
        """Could the line be read to its end with this token in the place of `count` others?"""
        token = self._tokens[place]._replace(type=kind, text=text)
        return self._auto.read(self._replace(place, count, token), self._auto.states.copy())

    def _unquoted(self, place: int) -> bool:
        """Read bare words as the name they would be in quotes."""
        auto, tokens = self._auto, self._tokens
        if not tokens[place].text[:1].isalpha() or not auto.accepts(STRING):
            return False
        end = place
        while end < len(tokens) and end - place < LONGEST_NAME and tokens[end].text[:1].isalnum():
            end += 1
        for last in range(end, place, -1):
            words = text_of(tokens[place:last])
            if not self._goes_on(place, STRING, "", last - place):
                continue
            span = tokens[place].span(self._path).to(tokens[last - 1].span(self._path))
            quoted = f'"{words}"'
            if not self._silent:
                fix = Fix(titles.WRITE, span, quoted)
                self._report(kinds.UNQUOTED_NAME.at(span, fixes=(fix,), found=words, quoted=quoted))
            tokens[place:last] = [Token(STRING, quoted, span.line, span.column, span.end_column)]
            return True
        return False

    def _quoted(self, place: int) -> bool:
        """Read a text as the bare word in it."""
        auto, token = self._auto, self._tokens[place]
        bare = token.text.strip('"')
        if token.type != STRING or not bare.isidentifier() or not auto.accepts(NAME):
            return False
        if not self._silent:
            span = token.span(self._path)
            self._report(kinds.QUOTED_WORD.at(span, fixes=(Fix(titles.WRITE, span, bare),), found=token.text, bare=bare))
        self._tokens[place] = token._replace(type=NAME, text=bare)
        return True

    # --- messages

    def _problem(self, place: int, start: int) -> Diagnostic:
        """What to say of a line that stays unreadable at `place`; the stack may be cut back to its start."""
        auto, tokens = self._auto, self._tokens
        token = tokens[place]
        span = token.span(self._path)
        states = auto.states.copy()
        auto.read(tokens[start:place], states)
        expected = self._expected(states)
        if token.type == NEWLINE:
            return kinds.UNFINISHED.at(tokens[place - 1].span(self._path), expected=expected)
        if place == start and token.type in auto.tables.literals:
            if self._open:
                return kinds.MISPLACED.at(span, found=token.text, here=self._open[-1].text, expected=expected)
            return kinds.OUTSIDE.at(span, found=token.text, expected=expected)
        if not expected:
            return kinds.TRAILING.at(span, found=token.text)
        return kinds.UNEXPECTED.at(span, found=token.text, expected=expected)

    def _expected(self, states: list[int]) -> str:
        """What could come next, as a list of samples; empty where only the end of the line could."""
        auto = self._auto
        found = {
            SAMPLES.get(kind) or auto.tables.literals[kind]
            for kind in auto.tables.actions[states[-1]]
            if kind not in (NEWLINE, END, CLOSE, ALLOW) and auto.accepts(kind, states.copy())
        }
        return ", ".join(f"`{sample}`" for sample in sorted(found, key=lambda sample: (not sample[0].isalpha(), sample)))
