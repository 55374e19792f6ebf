"""What a word means: the definition of a name, what a duration counts, what a construct does."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from duly_dsl import syntax as s
from duly_dsl.placeholders import BUILT_IN as PLACEHOLDERS
from duly_dsl.services import constructs, paths, surroundings
from duly_dsl.services.describe import Describe
from duly_dsl.services.index import Index, Place, holds
from duly_dsl.services.names import BUILT_IN, each_of
from duly_dsl.services.surroundings import Surroundings
from duly_dsl.source import Span
from duly_dsl.units import Duration


class Hover(msgspec.Struct, frozen=True):
    """Markdown about what `span` covers."""

    text: str
    span: Span


def hover(index: Index, place: Place, language: str = "en") -> Hover | None:
    """What is to be said of the word at a place; None where there is nothing."""
    source = index.sources.get(place.path)
    if source is None:
        return None
    describe = Describe(index, language)
    mention = index.at(place)
    if mention is not None:
        if mention.symbol.kind == BUILT_IN:
            said = describe.built_in(mention.symbol.name) if mention.form != "placeholder" else ""
            if not said and mention.symbol.name in PLACEHOLDERS:
                said = f"`{{{mention.symbol.name}}}`"
            if said:
                return Hover(said, mention.span)
        elif mention.symbol in index.by_symbol and (mention.symbol.kind == "tag" or index.definitions(mention.symbol)):
            return Hover(describe.symbol(mention.symbol), mention.span)
    around = surroundings.of(source.text, place.line, place.column)
    if around.in_comment:
        return None
    return _amount(index, place, describe) or _construct(place, around, describe)


def _amount(index: Index, place: Place, describe: Describe) -> Hover | None:
    """A duration or a clock."""
    calendar = ""
    found: Hover | None = None
    for node in _around(index.files[place.path], place):
        match node:
            case s.Pipeline():
                calendar = node.calendar.text if node.calendar is not None else ""
            case s.Amount():
                found = Hover(describe.duration(node.value, calendar), node.span)
            case s.Value(value=Duration() as value):
                found = Hover(describe.duration(value, calendar), node.span)
            case s.Metric():
                found = Hover(f"**{node.name}**\n\n{describe.metric(node.name)}", node.span)
            case s.Column(kind="to" | "words"):
                found = Hover(describe.metric(node.kind), node.span)
            case _:
                pass
    return found


def _around(node: s.Node, place: Place) -> Iterator[s.Node]:
    """The nodes a place is in, from the outside in."""
    for field in node.__struct_fields__:
        for child in each_of(getattr(node, field)):
            for each in each_of(child):  # a pair of a test's `with`
                if isinstance(each, s.Node) and holds(each.span, place):
                    yield each
                    yield from _around(each, place)


def _construct(place: Place, around: Surroundings, describe: Describe) -> Hover | None:
    token = around.under or (around.before[-1] if around.before and around.before[-1].end >= place.column else None)
    states = around.states()
    if token is None or states is None or token.type in ("VBAR", "RBRACE", "LBRACE", "COMMA"):
        return None
    words = around.line
    rule = construct_of(states, tuple(each.type for each in words), words.index(token))
    if not rule:
        return None
    span = Span(place.path, token.line, token.column, token.line, token.end)
    return Hover(describe.construct(constructs.TABLE[rule]), span)


def construct_of(states: paths.States, words: tuple[str, ...], place: int) -> str:
    """The innermost documented rule the word at `place` belongs to; what can't be read of the line is left out."""
    at = states
    kinds: list[str] = []
    for number, word in enumerate(words):
        found = paths.read(at, word)
        if found is None:
            if number <= place:
                return ""
            break
        kinds.append(found[0])
        at = found[1]
    way = paths.way_out(at)
    if way is None:
        return ""
    done = paths.reductions(states, (*kinds, *way))
    fitting = [each for each in done if each.rule in constructs.TABLE and each.start <= place < each.end]
    found_rule = min(fitting, key=lambda each: each.end - each.start, default=None)
    return found_rule.rule if found_rule else ""
