"""Makes the nodes of duly_dsl.syntax from the rules of duly.lark: one method a rule, of the same name.

A method gets the children the rule keeps: tokens and the values of other rules. Where one of them is BROKEN, so is the
rule, without asking; only blocks leave a broken statement out and stay. A method that finds a problem itself reports it and
gives BROKEN.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from duly_dsl import syntax
from duly_dsl.parsing.clocks import ClockNodes
from duly_dsl.parsing.engine import BROKEN, Broken
from duly_dsl.parsing.flows import FlowNodes
from duly_dsl.parsing.limits import LimitNodes
from duly_dsl.parsing.phrases import PhraseNodes
from duly_dsl.parsing.reports import ReportNodes
from duly_dsl.parsing.scenarios import ScenarioNodes
from duly_dsl.parsing.settings import SettingNodes
from duly_dsl.source import Span

BLOCKS = frozenset(
    (
        *("start", "calendar", "person", "team", "pipeline", "stage", "clock", "escalation", "rule", "send_limits"),
        *("connector", "template", "test", "table", "report"),
    )
)
"""Rules that outlive a broken statement."""


class NodeBuilder(SettingNodes, LimitNodes, FlowNodes, ClockNodes, PhraseNodes, ScenarioNodes, ReportNodes):
    """The builder of one file."""

    def __init__(self, path: str):
        super().__init__(path)
        self._methods: dict[str, Callable[[Span, list[Any]], Any]] = {}

    def build(self, name: str, span: Span, parts: list[Any]) -> Any:
        """The value of the rule `name`."""
        if BROKEN in parts and name not in BLOCKS:
            return BROKEN
        method = self._methods.get(name)
        if method is None:
            method = self._methods[name] = getattr(self, name)
        return method(span, parts)

    def start(self, span: Span, parts: list[Any]) -> Any:
        return self._block(syntax.File, span, {"path": self.path, "allows": tuple(self.allows)}, parts)

    def use(self, span: Span, parts: list[Any]) -> Any:
        return self._made(syntax.Use, span, path=self._text(parts[0]))

    def allow(self, span: Span, parts: list[Any]) -> Any:
        lint, reason = self._name(parts[0]), self._text(parts[1])
        if not isinstance(lint, Broken) and not isinstance(reason, Broken):
            self.allows.append(syntax.Allow(span=span, lint=lint, reason=reason))
        return BROKEN  # the block it stands in leaves it out: it says nothing of the block's own
