"""`send limits`."""

from __future__ import annotations

from duly_dsl import program as p
from duly_dsl import syntax as s
from duly_dsl.compiler.calendars import windows
from duly_dsl.scope import Scope


def limits(scope: Scope) -> p.SendLimits | None:
    """What holds for a pipeline: its own block, else the workspace's."""
    node = scope.pipeline.limits or scope.workspace.limits
    if node is None:
        return None
    return p.SendLimits(
        quiet=tuple(_quiet(each, scope) for each in node.quiet),
        rates=tuple(p.Rate(messages=each.messages, period=each.period.value, span=each.span) for each in node.rates),
        digests=tuple(p.Digest(kinds=each.kinds, every=each.every.value, span=each.span) for each in node.digests),
        span=node.span,
    )


def _quiet(node: s.QuietHours, scope: Scope) -> p.Quiet:
    zone = node.zone.value if node.zone else ""
    if node.calendar is not None:
        named = scope.workspace.calendars[node.calendar.text].zone
        zone = named.value if named else ""
    hours = windows(node.spans)
    return p.Quiet(
        week=tuple(hours if day in node.days else () for day in range(7)),
        zone=zone,
        customers="customers" in node.audience,
        people="people" in node.audience,
        span=node.span,
    )
