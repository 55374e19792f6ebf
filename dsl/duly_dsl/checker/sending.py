"""What is sent, when and how much: `send limits`."""

from __future__ import annotations

from collections.abc import Iterator

from duly_dsl import syntax as s
from duly_dsl.catalogue import _
from duly_dsl.catalogue import names as name_kinds
from duly_dsl.catalogue import sending as kinds
from duly_dsl.checker.calendars import WEEK, unknown_zone
from duly_dsl.checker.context import Checking, unknown
from duly_dsl.compiler.calendars import windows
from duly_dsl.diagnostics import Diagnostic
from duly_dsl.units import DAY, MINUTE, Unit

MINUTES_A_DAY = 24 * 60


def check(checking: Checking) -> Iterator[Diagnostic]:
    blocks = [block for file in checking.files for block in file.limits]
    for block in blocks[1:]:
        yield kinds.TWICE.at(block.span, related=((blocks[0].span, _("the first one")),))
    for scope in checking.scopes:
        if scope.pipeline.limits is not None:
            blocks.append(scope.pipeline.limits)
    for block in blocks:
        yield from _quiet(checking, block)
        for rate in block.rates:
            if rate.messages < 1:
                yield kinds.NO_MESSAGES.at(rate.span)
            yield from _period(rate.period)
        yield from _digests(block)


def _quiet(checking: Checking, block: s.SendLimits) -> Iterator[Diagnostic]:
    whose: dict[tuple[str, str], list[s.QuietHours]] = {}
    for quiet in block.quiet:
        if quiet.calendar is not None and quiet.calendar.text not in checking.workspace.calendars:
            yield unknown(name_kinds.UNKNOWN_CALENDAR, quiet.calendar, checking.workspace.calendars)
        if quiet.zone is not None:
            yield from unknown_zone(quiet.zone)
        for audience in quiet.audience:
            whose.setdefault((audience, _zone(checking, quiet)), []).append(quiet)
    for lines in whose.values():
        if _always(lines):
            yield kinds.ALWAYS_QUIET.at(lines[-1].span)
            return


def _zone(checking: Checking, quiet: s.QuietHours) -> str:
    if quiet.calendar is not None:
        calendar = checking.workspace.calendars.get(quiet.calendar.text)
        return calendar.zone.value if calendar and calendar.zone else ""
    return quiet.zone.value if quiet.zone else ""


def _always(lines: list[s.QuietHours]) -> bool:
    """Whether the hours of one zone leave no minute of the week."""
    taken = bytearray(WEEK)
    for line in lines:
        for day in line.days:
            for window in windows(line.spans):
                for minute in range(window.opens, window.closes):
                    taken[(day * MINUTES_A_DAY + minute) % WEEK] = 1
    return all(taken)


def _digests(block: s.SendLimits) -> Iterator[Diagnostic]:
    seen: set[str] = set()
    for digest in block.digests:
        for kind in digest.kinds:
            if kind in seen:
                yield kinds.DIGESTED_TWICE.at(digest.span, name=kind)
        seen.update(digest.kinds)
        yield from _period(digest.every, longest=DAY, shortest=MINUTE)


def _period(amount: s.Amount, longest: int = 0, shortest: int = 0) -> Iterator[Diagnostic]:
    value = amount.value
    length = value.amount * DAY if value.unit is Unit.CALENDAR_DAYS else value.amount
    if value.amount <= 0:
        return  # said by another pass
    if value.unit is Unit.WORKING_DAYS:
        yield kinds.BAD_PERIOD.at(amount.span, found=value, reason=_("limits count time on the wall, not working days"))
    elif longest and length > longest:
        yield kinds.BAD_PERIOD.at(amount.span, found=value, reason=_("a digest comes at least once a day"))
    elif length < shortest:
        yield kinds.BAD_PERIOD.at(amount.span, found=value, reason=_("a digest comes once a minute at most"))
