"""Calendars, people and teams."""

from __future__ import annotations

from duly_dsl import program as p
from duly_dsl import syntax as s

MIDNIGHT = 24 * 60


def calendar(node: s.Calendar) -> p.Calendar:
    if node.zone is None:
        raise ValueError(f"calendar {node.name.text} has no time zone")
    week: list[list[p.Window]] = [[] for _ in range(7)]
    for line in node.weekly:
        for day in line.days:
            week[day] += windows(line.spans)
    closed = [_day("closed", each.day, (), each.reason, each) for each in node.closed]
    special = [_day(each.kind, each.day, windows(each.spans), each.reason, each) for each in node.special]
    return p.Calendar(
        name=node.name.text,
        zone=node.zone.value,
        week=tuple(tuple(sorted(day, key=_opens)) for day in week),
        days=tuple(closed + special),
        holidays=tuple(dict.fromkeys(each.region.value for each in node.holidays)),
        span=node.span,
    )


def windows(spans: tuple[s.TimeSpan, ...]) -> tuple[p.Window, ...]:
    """Closing at or before opening is on the next day."""
    return tuple(
        p.Window(
            opens=each.opens,
            closes=each.closes if each.closes > each.opens else each.closes + MIDNIGHT,
            span=each.span,
        )
        for each in sorted(spans, key=lambda span: span.opens)
    )


def _opens(window: p.Window) -> int:
    return window.opens


def _day(
    kind: str, day: s.EveryYear | s.OnDate, windows: tuple[p.Window, ...], reason: s.Text | None, node: s.Node
) -> p.DayRule:
    words = reason.value if reason else ""
    if isinstance(day, s.EveryYear):
        return p.DayRule(kind=kind, windows=windows, month=day.month, day=day.day, reason=words, span=node.span)
    return p.DayRule(kind=kind, windows=windows, first=day.first, last=day.last, reason=words, span=node.span)


def person(node: s.Person) -> p.Person:
    return p.Person(
        name=node.name.text,
        full_name=_text(node.full_name),
        email=_text(node.email),
        phone=_text(node.phone),
        language=_text(node.language),
        span=node.span,
    )


def team(node: s.Team) -> p.Team:
    return p.Team(
        name=node.name.text,
        members=tuple(dict.fromkeys(each.text for each in node.members)),
        lead=node.lead.text if node.lead else "",
        manager=node.manager.text if node.manager else "",
        levels=tuple(
            p.TeamLevel(
                number=level.number, people=tuple(dict.fromkeys(each.text for each in level.people)), span=level.span
            )
            for level in sorted(node.levels, key=lambda level: level.number)
        ),
        span=node.span,
    )


def _text(node: s.Text | None) -> str:
    return node.value if node else ""
