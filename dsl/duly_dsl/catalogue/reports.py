"""E15xx: reports."""

from __future__ import annotations

from duly_dsl.catalogue.examples import block, desk
from duly_dsl.catalogue.kind import Kind, _
from duly_dsl.diagnostics import Severity


def _report(*lines: str) -> str:
    return desk("resolved within 8h", rest=block('report "Compliance"', *lines))


UNKNOWN_DIMENSION = Kind(
    "E1501",
    "unknown-dimension",
    Severity.ERROR,
    _("a report can't be parted by `%(name)s`"),
    _("write one or several of %(known)s"),
    _(
        "Each row of a report is about one owner, one stage, one week and so on, as `by` says. A clock knows its "
        "pipeline, stage, owner, team, priority, type and channel, and the day, week and month in which it was met or "
        "missed."
    ),
    _report("of resolved", "by owners"),
)
REPORT_OF_NOTHING = Kind(
    "E1502",
    "report-of-nothing",
    Severity.ERROR,
    _("the report `%(name)s` doesn't say what it is about"),
    _("add a line like `of first reply, resolved` or `of time in stage`"),
    _("A report counts clocks that were met or missed, or the time cards were in stages. The line `of` says which."),
    _report("by owner"),
    absence="file",
)
EMPTY_PERIOD = Kind(
    "E1503",
    "empty-period",
    Severity.ERROR,
    _("the period of `%(name)s` holds no day"),
    _("write the earlier date first, or at least `last 1 day`"),
    _("A report is about whole days. Both dates of a period are part of it."),
    _report("of resolved", "period 2026-10-31 to 2026-10-01"),
)
GOAL_RANGE = Kind(
    "E1504",
    "goal-range",
    Severity.ERROR,
    _("the goal of `%(name)s` is no share of clocks"),
    _("write a percentage from 1%% to 100%%"),
    _("A goal is the share of clocks that shall be met: `goal 95%`."),
    _report("of resolved", "goal 120%"),
)
REPORT_WITHOUT_CLOCK = Kind(
    "W1505",
    "report-without-clock",
    Severity.WARNING,
    _("no pipeline of `%(name)s` promises `%(metric)s`, so there is nothing to count"),
    _("promise it, or remove it from the report"),
    _("A report counts clocks that were met or missed. A clock runs only where a target promises something."),
    _report("of resolved, first reply"),
    absence="file",
)
GOAL_OF_NOTHING = Kind(
    "W1506",
    "goal-of-nothing",
    Severity.WARNING,
    _("`%(name)s` has a goal and counts no clocks"),
    _("add a clock to `of`, or remove the goal"),
    _("A goal is the share of clocks that shall be met. Time in stage has no promise that could be kept or not."),
    _report("of time in stage", "goal 95%"),
    absence="file",
)
