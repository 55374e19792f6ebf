"""Gives a thing another name, in every file that names it."""

from __future__ import annotations

import re
from collections import Counter

import msgspec

from duly_dsl import i18n
from duly_dsl import syntax as s
from duly_dsl.build import problems
from duly_dsl.diagnostics import Diagnostic, Severity
from duly_dsl.i18n import marked as _
from duly_dsl.render import Words
from duly_dsl.scope import BUILT_IN_OPERANDS
from duly_dsl.services import edits
from duly_dsl.services.completion import bare, written
from duly_dsl.services.describe import KINDS
from duly_dsl.services.edits import Edit
from duly_dsl.services.index import Index, Place
from duly_dsl.services.names import Mention, Symbol
from duly_dsl.source import Span

RENAMED = frozenset(KINDS)
BARE = frozenset({"person", "priority", "type"})
"""Kinds whose names are never in quotes."""
KEPT = frozenset({"stage", "field", "pipeline", "clock"})
"""Kinds whose cards, values or running clocks come along by `was`."""


class Refused(Exception):
    """Why a name can't be changed, as a sentence for people."""


class Renaming(msgspec.Struct, frozen=True):
    """`edits` change the names, `keeping` adds what makes open cards come along (`was`)."""

    edits: tuple[Edit, ...]
    keeping: tuple[Edit, ...] = ()


def target(index: Index, place: Place) -> tuple[Span, str] | None:
    """What would be renamed at a place and its name; None where nothing can be."""
    mention = index.at(place)
    if mention is None or mention.symbol.kind not in RENAMED:
        return None
    if mention.symbol.kind != "tag" and not any(each.defines for each in index.by_symbol[mention.symbol]):
        return None
    return mention.span, mention.symbol.name


def rename(index: Index, place: Place, name: str, language: str = "en") -> Renaming:
    """The changes that give what is named at a place the name `name`, written with or without quotes.

    Refused where nothing there has a name of its own, where the name is taken or can't be written there, or where the files
    would have an error afterwards that they don't have now."""
    translate = i18n.translations("duly_dsl", i18n.choose(language)).gettext
    mention = index.at(place)
    if mention is None or target(index, place) is None:
        raise Refused(translate(_("nothing here has a name of its own")))
    symbol = mention.symbol
    new = _unquoted(name)
    if not new.strip() or "\n" in new or "\r" in new:
        raise Refused(translate(_("a name can't be empty")))
    if new == symbol.name:
        return Renaming(())
    if symbol.kind in BARE and not re.fullmatch(r"[^\W\d][\w.-]*", new):
        raise Refused(translate(_("`%(name)s` can't be written without quotes here")) % {"name": new})
    if _taken(index, symbol, new):
        words = {"sort": translate(KINDS[symbol.kind]), "name": new}
        raise Refused(translate(_("there is a %(sort)s called `%(name)s` already")) % words)
    mentions = index.by_symbol[symbol]
    if any(each.form == "placeholder" for each in mentions) and re.search(r"[{}]", new):
        raise Refused(translate(_("the name stands in the braces of a text, so it can't hold any itself")))
    changes = tuple(Edit(each.span, _written(each, symbol, new)) for each in mentions if not each.was)
    keeping = tuple(_keeping(index, symbol, new)) if symbol.kind in KEPT else ()
    if problem := _new_error(index, (*changes, *keeping)):
        said = Words(i18n.choose(language)).message(problem)
        raise Refused(translate(_("the files would not be sound after that: %(problem)s")) % {"problem": said})
    return Renaming(changes, keeping)


def _unquoted(name: str) -> str:
    name = name.strip()
    if len(name) > 1 and name[0] == name[-1] == '"':
        name = name[1:-1].replace('\\"', '"').replace("\\\\", "\\")
    return name


def _taken(index: Index, symbol: Symbol, new: str) -> bool:
    """Whether something of the same kind has the name; fields are told apart whatever the case."""
    if symbol.kind == "field":
        others = {each.name for each in index.names["field"] if each.within == symbol.within} - {symbol.name}
        return new.casefold() in {other.casefold() for other in others}
    if symbol.kind == "tag":
        return False  # two tags become one, which is what was asked for
    return any(mention.defines for mention in index.by_symbol.get(symbol._replace(name=new), ()))


def _written(mention: Mention, symbol: Symbol, new: str) -> str:
    """The new name as the old one was written: quoted, bare, or inside braces."""
    if mention.form == "placeholder" or (mention.form == "bare" and symbol.kind in BARE):
        return new
    if mention.form == "bare":
        if symbol.kind == "field":
            low = new.lower()
            return low if bare(low) and low not in BUILT_IN_OPERANDS else written(new)
        return new if bare(new) else written(new)
    return written(new)


def _keeping(index: Index, symbol: Symbol, new: str) -> list[Edit]:
    """`was` with the old name, after the new one or among the older names; the new name is taken out of there."""
    node = index.definition_node(symbol)
    if not isinstance(node, s.Stage | s.Field | s.Pipeline | s.Clock):
        return []
    if not node.was:
        span = node.name.span
        return [
            Edit(
                Span(span.path, span.end_line, span.end_column, span.end_line, span.end_column),
                f" was {written(symbol.name)}",
            )
        ]
    kept = [each.text for each in node.was if each.text != new]
    span = node.was[0].span.to(node.was[-1].span)
    return [Edit(span, ", ".join(written(name) for name in [*kept, symbol.name]))]


def _new_error(index: Index, changes: tuple[Edit, ...]) -> Diagnostic | None:
    """An error the changes bring in."""
    before = _errors(index, ())
    had = Counter(problem.code for problem in before)
    for problem in _errors(index, changes):
        had[problem.code] -= 1
        if had[problem.code] < 0:
            return problem
    return None


def _errors(index: Index, changes: tuple[Edit, ...]) -> list[Diagnostic]:
    sources = edits.apply_all(index.sources, changes)
    return [problem for problem in problems(sources, index.environment) if problem.severity is Severity.ERROR]
