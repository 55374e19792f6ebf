"""`send limits`: quiet hours, how often, and what is gathered."""

from __future__ import annotations

from typing import Any, cast

from duly_dsl import syntax
from duly_dsl.parsing.base import Nodes
from duly_dsl.source import Span


class LimitNodes(Nodes):
    """Statements of a `send limits` block."""

    def send_limits(self, span: Span, parts: list[Any]) -> Any:
        return self._block(syntax.SendLimits, span, {}, parts)

    def quiet_hours(self, span: Span, parts: list[Any]) -> Any:
        said: dict[str, Any] = {}
        spans: list[Any] = []
        for part in parts:
            if isinstance(part, tuple):
                said["days"] = part
            elif isinstance(part, dict):
                said.update(cast(dict[str, Any], part))
            else:
                spans.append(part)
        return self._made(syntax.QuietHours, span, spans=tuple(spans), **said)

    def quiet_calendar(self, span: Span, parts: list[Any]) -> Any:
        return {"calendar": self._name(parts[0])}

    def quiet_zone(self, span: Span, parts: list[Any]) -> Any:
        return {"zone": self._text(parts[0])}

    def quiet_for(self, span: Span, parts: list[Any]) -> Any:
        return {"audience": tuple(dict.fromkeys(parts))}

    def audience(self, span: Span, parts: list[Any]) -> Any:
        return parts[0].text

    def rate(self, span: Span, parts: list[Any]) -> Any:
        return self._made(syntax.Rate, span, messages=self._count(parts[0]), period=parts[1])

    def digest(self, span: Span, parts: list[Any]) -> Any:
        return self._made(syntax.Digest, span, kinds=tuple(dict.fromkeys(parts[:-1])), every=parts[-1])

    def digested(self, span: Span, parts: list[Any]) -> Any:
        return parts[0].text
