"""What editors say of names and constructs, as Markdown in one of `i18n.LANGUAGES`."""

from __future__ import annotations

from duly_dsl import i18n
from duly_dsl.i18n import marked as _
from duly_dsl.services import constructs
from duly_dsl.services.constructs import Construct
from duly_dsl.services.index import Index, lines_of
from duly_dsl.services.names import Symbol
from duly_dsl.units import Duration

KINDS: dict[str, str] = {
    "calendar": _("calendar"),
    "person": _("person"),
    "team": _("team"),
    "pipeline": _("pipeline"),
    "connector": _("connector"),
    "template": _("template"),
    "test": _("test"),
    "report": _("report"),
    "field": _("field"),
    "choice": _("choice"),
    "stage": _("stage"),
    "escalation": _("escalation"),
    "clock": _("clock"),
    "rule": _("rule"),
    "priority": _("priority"),
    "type": _("ticket type"),
    "tag": _("tag"),
}
"""Kinds of symbols in words."""

LONGEST = 12
"""Lines of a definition that are shown."""


class Describe:
    def __init__(self, index: Index, language: str) -> None:
        self.index = index
        self.translate = i18n.translations("duly_dsl", i18n.choose(language)).gettext

    def construct(self, construct: Construct) -> str:
        """A construct: how it is written, what it means, an example."""
        example = construct.example if construct.example != construct.form else ""
        parts = [fenced(construct.form), self.translate(construct.says), fenced(example) if example else ""]
        return "\n\n".join(part for part in parts if part)

    def metric(self, name: str) -> str:
        """A clock, or another heading of a table."""
        said = constructs.METRICS.get(name) or constructs.COLUMNS.get(name, "")
        return self.translate(said) if said else ""

    def built_in(self, name: str) -> str:
        """Something every card has."""
        said = constructs.BUILT_IN.get(name, "")
        return self.translate(said) if said else ""

    def duration(self, value: Duration, calendar: str) -> str:
        """What a duration counts; `calendar` is its pipeline's, where one is known."""
        said = self.translate(constructs.UNITS[value.unit.value])
        text = f"`{value}`: {said}"
        if calendar and value.unit.value in ("business", "working days"):
            text += " " + self.translate(_("Calendar: %(name)s.")) % {"name": calendar}
        return text

    def title(self, symbol: Symbol) -> str:
        """`stage of Support`."""
        kind = self.translate(KINDS[symbol.kind]) if symbol.kind in KINDS else symbol.kind
        if not symbol.within:
            return kind
        return self.translate(_("%(kind)s of %(whole)s")) % {"kind": kind, "whole": symbol.within[-1]}

    def symbol(self, symbol: Symbol) -> str:
        """A name: what it is, its definition as written, and the comment above that."""
        parts = [f"**{symbol.name}** ({self.title(symbol)})"]
        node = self.index.definition_node(symbol)
        if node is not None:
            lines = lines_of(self.index.sources[node.span.path].text)
            first, last = node.span.line - 1, node.span.end_line
            if comment := _comment(lines, first):
                parts.append(comment)
            shown = lines[first:last]
            indent = min((len(line) - len(line.lstrip()) for line in shown if line.strip()), default=0)
            cut = [line[indent:] for line in shown[:LONGEST]]
            parts.append(fenced("\n".join([*cut, *(["…"] if len(shown) > LONGEST else [])])))
            parts.append(f"{node.span.path}:{node.span.line}")
        elif found := self.index.definitions(symbol):
            parts.append(", ".join(f"{each.span.path}:{each.span.line}" for each in found[:3]))
        return "\n\n".join(parts)


def _comment(lines: list[str], first: int) -> str:
    """The comment right above a line, its hash signs left out."""
    above: list[str] = []
    while first > 0 and lines[first - 1].strip().startswith("#"):
        first -= 1
        above.insert(0, lines[first].strip().lstrip("#").strip())
    return " ".join(above)


def fenced(text: str) -> str:
    return f"```duly\n{text}\n```"
