"""What can be written at a place: the words the grammar takes there, and the names that mean something there.

Which names fit is found by writing a stand-in where the name would be, ending the line the shortest way the grammar allows,
and looking what the stand-in means in the tree of that. So completion and references can't disagree.
"""

from __future__ import annotations

import functools
import re
import zoneinfo
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from duly_dsl.checker.doors import DURATIONS
from duly_dsl.config import lints
from duly_dsl.events import EVENTS, FAMILIES
from duly_dsl.parser import parse
from duly_dsl.parsing import grammar
from duly_dsl.parsing.engine import NAME, OPEN, STRING
from duly_dsl.parsing.engine import SAMPLES as ONE_OF_EACH
from duly_dsl.parsing.lexing import NEWLINE, Token
from duly_dsl.parsing.tables import ACTORS, MAP_HEADER, MAP_TYPES, METRICS
from duly_dsl.placeholders import BUILT_IN as PLACEHOLDERS
from duly_dsl.program import SettingSpec
from duly_dsl.scope import BUILT_IN_OPERANDS, MAP_TARGETS, NOTICE_CHANNELS, WRITABLE, Scope
from duly_dsl.services import constructs, paths, surroundings
from duly_dsl.services.describe import Describe
from duly_dsl.services.index import Index, Place
from duly_dsl.services.names import BUILT_IN, Mention, Symbol, Walk
from duly_dsl.services.paths import States
from duly_dsl.services.surroundings import Surroundings
from duly_dsl.source import SourceFile, Span

STAND_IN = "Qzcursorzq"
"""Stands where a name would be; long and strange enough not to be one."""

FILL = {**ONE_OF_EACH, NAME: "x", STRING: '"x"', NEWLINE: "\n"}
"""A token of each kind, to end a line with."""

SAMPLES = {
    "DURATION": ("30m", "4h", "48h elapsed"),
    "SPAN": ("09:00-18:00", "00:00-24:00"),
    "PERCENT": ("80%",),
    "OFFSET": ("+15m", "+1d"),
    "CMP": (">", ">=", "<", "<="),
}
"""Values worth offering, by token."""

DAYS = ("2 working days", "2 calendar days")


ASKING = frozenset({"WHEN", "EXPECT"})
"""Words a condition or an expectation comes after: a name in quotes there may be a clock's."""


class Completion(msgspec.Struct, frozen=True, kw_only=True):
    """One thing to write. `span` is what it replaces; `kind` is that of the symbol, `keyword`, `value` or `option`."""

    label: str
    text: str
    kind: str
    span: Span
    detail: str = ""
    doc: str = ""


def complete(index: Index, place: Place, language: str = "en") -> list[Completion]:
    """Everything that can be written at a place, best first; nothing inside a comment."""
    source = index.sources.get(place.path)
    if source is None:
        return []
    around = surroundings.of(source.text, place.line, place.column)
    if around.in_comment:
        return []
    states = around.states()
    if states is None:
        return []
    return _Completing(index, place, around, Describe(index, language)).all(states)


class _Completing:
    """One question."""

    def __init__(self, index: Index, place: Place, around: Surroundings, describe: Describe) -> None:
        self.index = index
        self.place = place
        self.around = around
        self.describe = describe
        token = around.under
        start, end = (token.column, token.end) if token else (place.column, place.column)
        self.span = Span(place.path, place.line, start, place.line, end)
        self.bare_only = False
        """A name here takes no quotes, be it a word of the language."""
        self.words: frozenset[str] = frozenset()
        """The words of the language that could stand here, and so can't be bare names."""

    def all(self, states: States) -> list[Completion]:
        around = self.around
        if around.before and around.before[0].type == "VBAR":
            found = list(self._cell())
        else:
            after = paths.follow(states, around.before)
            found = list(self._here(after)) if after is not None else []
            if after is not None and around.typed.startswith('"') and "{" in around.typed:
                found = list(self._placeholders(after)) or found
        typed = around.typed
        if typed.startswith('"') and "{" not in typed:
            found = [each for each in found if each.text.startswith('"')]
        seen: dict[str, Completion] = {}
        for each in found:
            seen.setdefault(each.text, each)
        return list(seen.values())

    # --- a line that is no row

    def _here(self, states: States) -> Iterator[Completion]:
        kinds = paths.accepted(states)
        quoting = self.around.typed.startswith('"')
        self.bare_only = STRING not in kinds
        self.words = kinds
        if NAME in kinds and not quoting:
            yield from self._names(STAND_IN, states)
        if STRING in kinds and (quoting or NAME not in kinds):
            yield from self._names(f'"{STAND_IN}"', states)
        if quoting:
            return
        yield from self._settings()
        yield from self._setting_values()
        yield from self._keywords(states)
        if NAME not in kinds:  # else it is a value of any type
            for kind in sorted(kinds & SAMPLES.keys()):
                yield from (self._make(sample, "value") for sample in SAMPLES[kind])
            if "DURATION" in kinds and "INT" in kinds:
                yield from (self._make(sample, "value") for sample in DAYS)

    def _keywords(self, states: States) -> Iterator[Completion]:
        for phrase, rule in phrases(states):
            construct = constructs.TABLE.get(rule)
            doc = self.describe.construct(construct) if construct else ""
            yield self._make(phrase, "keyword", detail=construct.form if construct else "", doc=doc)

    def _settings(self) -> Iterator[Completion]:
        """At the start of a line of a connector: the settings of its kind."""
        if self.around.before:
            return
        for setting in self._specs():
            text = setting.key + (" secret" if setting.secret else "")
            yield self._make(text, "option", label=setting.key)

    def _setting_values(self) -> Iterator[Completion]:
        """After the key of a setting: what it may be, where that is known."""
        written = " ".join(_texts(self.around.before))
        for setting in self._specs():
            if written == setting.key:
                yield from (self._make(word, "value") for word in setting.words)
                if setting.duration:
                    yield from (self._make(sample, "value") for sample in DURATIONS)

    def _specs(self) -> Sequence[SettingSpec]:
        """The settings of the kind of the connector around."""
        block = self.around.blocks[-1] if self.around.blocks else None
        if block is None or block.header[0].type != "CONNECTOR" or len(block.header) < 4:
            return ()
        known = self.index.environment.connector_kinds or ()
        return next((kind.settings for kind in known if kind.name == block.header[3].text), ())

    def _placeholders(self, states: States) -> Iterator[Completion]:
        """What can stand in the braces of a message."""
        typed = self.around.typed
        brace = typed.rfind("{")
        token = self.around.under
        if token is None or "}" in typed[brace:]:
            return
        ending = self._ending(states, STRING) or ["\n"]
        mention, _ = self._meant([*_texts(self.around.before), f'"{{{STAND_IN}}}"', *ending])
        if mention is None or mention.form != "placeholder":
            return
        scope = self.index.scope(mention.symbol)
        scopes = [scope] if scope is not None else list(self.index.workspace.scopes.values())
        rest = token.text[len(typed) :]
        closed = "}" in rest and "{" not in rest[: rest.index("}")]
        end = self.around.column + (rest.index("}") if closed else 0)
        span = Span(self.place.path, self.place.line, token.column + brace + 1, self.place.line, end)
        tail = "" if closed else "}"
        for name in dict.fromkeys(name for each in scopes for name in each.fields):
            yield Completion(label=name, text=name + tail, kind="field", span=span)
        for name in PLACEHOLDERS:
            yield Completion(label=name, text=name + tail, kind=BUILT_IN, span=span)

    def _names(self, stand_in: str, states: States) -> Iterator[Completion]:
        """The names that could stand in a STRING or a NAME here."""
        ending = self._ending(states, STRING if stand_in.startswith('"') else NAME)
        if ending is None:
            return
        mention, walk = self._meant([*_texts(self.around.before), stand_in, *ending])
        if mention is not None:
            yield from self._named(mention, walk, quoted=stand_in.startswith('"'))

    def _ending(self, states: States, kind: str) -> list[str] | None:
        """What goes after the name: the rest of the line where that fits, else the shortest end there is."""
        after = paths.shifted(states, kind)
        if after is None:
            return None
        rest = paths.follow(after, self.around.after)
        if rest is not None and paths.shifted(rest, NEWLINE):
            opened = self.around.after and self.around.after[-1].type == OPEN
            return [*_texts(self.around.after), "\n", *(["}\n"] if opened else [])]
        way = paths.way_out(after)
        return None if way is None else [_filled(each) for each in way]

    def _meant(self, words: Sequence[str]) -> tuple[Mention | None, Walk]:
        """What the stand-in means in a file that holds nothing but the blocks around it and this line."""
        text: list[str] = []
        for block in self.around.blocks:
            text.append(" ".join(_texts(block.header)) + "\n")
            keep = block.lines[:1] if block.lines and block.lines[0][0].type == "VBAR" else []
            keep = keep or [line for line in block.lines if line[0].type == "GIVEN"]
            keep = keep or [line for line in block.lines if [t.type for t in line[:2]] == ["OPEN", "CARD"]]
            text += [" ".join(_texts(line)) + "\n" for line in keep]
        text.append(" ".join(words))
        text += ["}\n"] * len(self.around.blocks)
        small = parse.__wrapped__(SourceFile(self.place.path, "".join(text)))
        walk = Walk(self.index.workspace, "".join(text).split("\n"))
        for mention in walk.mentions(small.file):
            if mention.symbol.name.startswith(STAND_IN) and not mention.defines:
                return mention, walk
        return None, walk

    def _named(self, mention: Mention, walk: Walk, *, quoted: bool) -> Iterator[Completion]:
        symbol = mention.symbol
        scope = self.index.workspace.scopes.get(symbol.within[0]) if symbol.within else None
        if symbol.kind == "field":
            yield from self._operands(scope, quoted)
            first = {token.type for token in self.around.before}
            if quoted and scope is not None and first & ASKING and "SET" not in first:  # or `"Vendor answer" is missed`
                yield from self._of_pipeline(Symbol("clock", symbol.name, (scope.pipeline.name.text,)), scope, quoted)
            return
        if symbol.kind in ("priority", "stage", "type", "choice", "clock", "escalation", "rule"):
            yield from self._of_pipeline(symbol, scope, quoted)
            return
        options = self._options(symbol.kind)
        if options is not None:
            yield from (self._name(option, "option", quoted) for option in options)
            return
        for known in self.index.names.get(symbol.kind, ()):
            yield self._symbol(known, quoted)
        if symbol.kind == "person":
            known_names = {each.name for each in self.index.names.get("person", ())}
            others = sorted(self.index.workspace.known_people - known_names)
            yield from (self._name(name, "person", quoted) for name in others)

    def _of_pipeline(self, wanted: Symbol, scope: Scope | None, quoted: bool) -> Iterator[Completion]:
        own = [each for each in self.index.names.get(wanted.kind, ()) if each.within == wanted.within]
        if wanted.kind == "priority" and scope is not None and not own:
            yield from (self._name(name, "priority", quoted) for name in scope.priorities)
        if not own and scope is None:  # a test that does not say its pipeline yet
            own = self.index.names.get(wanted.kind, [])
        yield from (self._symbol(each, quoted) for each in own)

    def _operands(self, scope: Scope | None, quoted: bool) -> Iterator[Completion]:
        scopes = [scope] if scope is not None else list(self.index.workspace.scopes.values())
        for each in scopes:
            for name in each.fields:
                symbol = Symbol("field", name, (each.pipeline.name.text,))
                low = name.lower()
                fits = not quoted and bare(low) and low not in BUILT_IN_OPERANDS
                yield self._make(
                    low if fits else written(name),
                    "field",
                    detail=self.describe.title(symbol),
                    doc=self.describe.symbol(symbol),
                )
        if not quoted:
            given = bool(self.around.before) and self.around.before[0].type == "GIVEN"
            for name in (*BUILT_IN_OPERANDS, *(("message", "title") if given else ())):
                yield self._make(name, BUILT_IN, doc=self.describe.built_in(name))

    def _options(self, kind: str) -> Iterable[str] | None:
        """Names that come from elsewhere than the files; None for kinds that come from there."""
        known = self.index.environment
        match kind:
            case "zone":
                return _zones()
            case "region":
                return sorted(known.regions or ())
            case "notice channel":
                return NOTICE_CHANNELS
            case "event":
                return (*FAMILIES, *EVENTS)
            case "connector kind":
                return [each.name for each in known.connector_kinds or ()]
            case "channel":
                return self.index.workspace.channels
            case "lint":
                return sorted(lints())
            case "language" | "secret":
                found = {symbol.name for symbol in self.index.by_symbol if symbol.kind == kind}
                return sorted(found | (known.secrets or frozenset() if kind == "secret" else {"en", "pt-BR"}))
            case "file":
                return sorted(path for path in self.index.sources if path != self.place.path)
            case _:
                return None

    # --- rows of tables

    def _cell(self) -> Iterator[Completion]:
        """What can stand in a cell depends on its column."""
        block = self.around.blocks[-1] if self.around.blocks else None
        if block is None:
            return
        kind = block.header[0].type
        head = block.lines[0] if block.lines and block.lines[0][0].type == "VBAR" else None
        place = sum(token.type == "VBAR" for token in self.around.before) - 1
        first = self._stated(block)
        if head is None:
            yield from self._heading(kind, first)
            return
        heads = _cells(head)
        if place >= len(heads):
            return
        words = " ".join(_texts(heads[place]))
        if kind == "MAP":
            yield from self._map_cell(place)
        elif words in (*METRICS, "within"):
            yield from (self._make(sample, "value") for sample in (*SAMPLES["DURATION"], *DAYS, "-"))
        elif words == "to":
            yield from self._actor_cell(heads, place)
        else:
            yield from (self._make(word, "keyword") for word in (("any", "else") if place == 0 else ("any",)))
            if words != "words":
                yield from self._value_cell(heads, place)

    def _stated(self, block: surroundings.Block) -> Scope | None:
        name = next((t.text for each in self.around.blocks for t in each.header[:2] if t.type == STRING), "")
        owner = self.around.blocks[0].header[0].type
        return self.index.workspace.scopes.get(name.strip('"')) if owner == "PIPELINE" and block else None

    def _heading(self, kind: str, scope: Scope | None) -> Iterator[Completion]:
        if kind == "MAP":
            yield self._make(" | ".join(MAP_HEADER) + " |", "keyword")
            return
        own = any(block.header[0].type == "CLOCK" for block in self.around.blocks)
        fixed = ("within",) if own else METRICS if kind == "TARGETS" else ("to", "words")
        yield from (self._make(word, "keyword", doc=self.describe.metric(word)) for word in fixed)
        yield from self._operands(scope, quoted=False)

    def _map_cell(self, place: int) -> Iterator[Completion]:
        if place == 0:
            name = STAND_IN
            mention, _ = self._meant(["|", name, '| "x" | text | skip |\n'])
            scope = self.index.scope(mention.symbol) if mention is not None else None
            yield from (self._make(word, "option") for word in (*MAP_TARGETS, *WRITABLE))
            if scope is not None:
                yield from (each for each in self._operands(scope, quoted=True))
        elif place == 2:
            yield from (self._make(word, "option") for word in MAP_TYPES)
        elif place == 3:
            yield from (self._make(word, "keyword") for word in ("reject", "skip"))
            before = [*_texts(self.around.before), STAND_IN, "|\n"]
            mention, walk = self._meant(before)
            if mention is not None:
                yield from self._named(mention, walk, quoted=False)

    def _actor_cell(self, heads: list[list[Token]], place: int) -> Iterator[Completion]:
        inside = _cells_typed(self.around.before)
        said = " ".join(_texts(inside))
        for words, (_kind, named) in ACTORS.items():
            if words.startswith(said) and words != said and (not said or words[len(said)] == " "):
                yield self._make(words[len(said) :].strip(), "keyword")
            if said == words and named:
                quoted = named == STRING
                rest = self._filled_row(heads, place)
                stand_in = f'"{STAND_IN}"' if quoted else STAND_IN
                mention, walk = self._meant([*_texts(self.around.before), stand_in, *rest])
                if mention is not None:
                    yield from self._named(mention, walk, quoted=quoted)

    def _value_cell(self, heads: list[list[Token]], place: int) -> Iterator[Completion]:
        quoted = self.around.typed.startswith('"')
        rest = self._filled_row(heads, place)
        mention, walk = self._meant([*_texts(self.around.before), f'"{STAND_IN}"' if quoted else STAND_IN, *rest])
        if mention is not None:
            yield from self._named(mention, walk, quoted=quoted)

    def _filled_row(self, heads: list[list[Token]], place: int) -> list[str]:
        """The cells after this one, so that the row can be read."""
        rest: list[str] = ["|"]
        for head in heads[place + 1 :]:
            words = " ".join(_texts(head))
            rest += ["30m" if words in (*METRICS, "within") else "owner" if words == "to" else "any", "|"]
        return [*rest, "\n"]

    # --- items

    def _make(self, text: str, kind: str, *, label: str = "", detail: str = "", doc: str = "") -> Completion:
        return Completion(label=label or text, text=text, kind=kind, span=self.span, detail=detail, doc=doc)

    def _name(self, name: str, kind: str, quoted: bool) -> Completion:
        return self._make(written(name) if quoted or not self._bare(name) else name, kind)

    def _bare(self, name: str) -> bool:
        return self.bare_only or bare(name) or (_word(name) and grammar.tables().keywords.get(name) not in self.words)

    def _symbol(self, symbol: Symbol, quoted: bool) -> Completion:
        text = written(symbol.name) if quoted or not self._bare(symbol.name) else symbol.name
        return self._make(text, symbol.kind, detail=self.describe.title(symbol), doc=self.describe.symbol(symbol))


def written(name: str) -> str:
    """A name in quotes."""
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'


@functools.lru_cache(maxsize=1024)
def bare(name: str) -> bool:
    """Whether a name can be written without quotes, in every place a bare word may stand."""
    return _word(name) and name not in grammar.tables().keywords


def _word(name: str) -> bool:
    hit = re.fullmatch(grammar.tables().pattern, name)
    return hit is not None and hit.lastgroup == NAME


@functools.cache
def _zones() -> tuple[str, ...]:
    return tuple(sorted(zoneinfo.available_timezones()))


def _texts(tokens: Iterable[Token]) -> list[str]:
    return [token.text for token in tokens if token.type != NEWLINE]


def _filled(kind: str) -> str:
    return FILL.get(kind) or grammar.tables().literals[kind]


def _cells(tokens: Sequence[Token]) -> list[list[Token]]:
    """The cells of a row, what stands behind its last bar left out."""
    cells: list[list[Token]] = []
    for token in tokens:
        if token.type == "VBAR":
            cells.append([])
        elif cells:
            cells[-1].append(token)
    return cells[:-1] if cells and not cells[-1] else cells


def _cells_typed(before: Sequence[Token]) -> list[Token]:
    """The words of the cell a place is in."""
    last = max(place for place, token in enumerate(before) if token.type == "VBAR")
    return list(before[last + 1 :])


BRANCHES, BRANCHING = 5, 3
"""A phrase goes on where at most so many words can follow, and as long as it has fewer words than that."""


@functools.lru_cache(maxsize=1024)
def phrases(states: States) -> tuple[tuple[str, str], ...]:
    """The keywords that can come next, each with those that must follow it, and the documented rule it belongs to ("" for
    none); sorted."""
    literals = grammar.tables().literals
    found = [
        (" ".join(literals[word] for word in words), rule_of(states, words))
        for kind in paths.accepted(states)
        if (kind in grammar.tables().keywords.values() or kind in (OPEN, "YES_NO")) and kind not in constructs.UNCLEAR
        for words in _phrases(states, (kind,))
    ]
    return tuple(sorted(found, key=lambda item: (not item[0][:1].isalpha(), item[0])))


def _phrases(states: States, words: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    keywords = grammar.tables().keywords.values()
    at = paths.shifted(states, words[-1])
    following = paths.accepted(at) if at is not None and words[-1] in keywords else frozenset[str]()
    alone = len(following) == 1
    if at is None or not following or not following <= set(keywords):
        yield words
    elif alone or (len(following) <= BRANCHES and len(words) < BRANCHING):
        for kind in sorted(following):
            yield from _phrases(at, (*words, kind))
    else:
        yield words


def rule_of(states: States, words: tuple[str, ...]) -> str:
    """The outermost documented rule that begins with these words, when the line is ended the shortest way."""
    at: States | None = states
    for word in words:
        at = paths.shifted(at, word) if at is not None else None
    way = paths.way_out(at) if at is not None else None
    if way is None:
        return ""
    done = paths.reductions(states, (*words, *way))
    fitting = [each for each in done if each.rule in constructs.TABLE and each.start == 0]
    return max(fitting, key=lambda each: each.end, default=paths.Reduction("", 0, 0)).rule
