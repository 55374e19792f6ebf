"""Literals: from a token's text to the value it means, or the problem with it."""

from __future__ import annotations

import datetime as dt
import re
import unicodedata

from duly_dsl import units
from duly_dsl.catalogue import fixes as titles
from duly_dsl.catalogue import syntax as kinds
from duly_dsl.diagnostics import Diagnostic, Fix
from duly_dsl.source import Span
from duly_dsl.units import Duration, Unit

LONGEST = 36_525
"""Days in a hundred years: no duration may be longer, so that no date runs out of the calendar."""

_ESCAPES = {"n": "\n", "t": "\t", '"': '"', "\\": "\\"}
_CLOCK = re.compile(r"(?:([0-9]+)h)?(?:([0-9]+)m)?(?:([0-9]+)s)?")
_OFFSET = re.compile(r"\+(?:([0-9]+)d)?(?:([0-9]+)h)?(?:([0-9]+)m)?(?:([0-9]+)s)?")
_SPELLED = {"second": "s", "minute": "m", "hour": "h"}


def composed(text: str) -> str:
    """The text with accents composed (NFC), so that a name typed on one system is the same name on another."""
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def read_text(quoted: str, span: Span) -> str | Diagnostic:
    """The value of a text as typed, quotes included; a missing closing quote was reported before."""
    closed = len(quoted) > 1 and quoted[-1] in '"”»'
    body = quoted[1:-1] if closed else quoted[1:]
    if "\\" in body and closed:
        for escape in re.finditer(r"\\(.?)", body):
            if escape.group(1) not in _ESCAPES:
                column = span.column + 1 + escape.start()
                where = Span(span.path, span.line, column, span.line, column + len(escape.group()))
                fix = Fix(titles.ESCAPE, where, "\\" + escape.group())
                return kinds.UNKNOWN_ESCAPE.at(where, fixes=(fix,), found=escape.group())
        body = re.sub(r"\\(.)", lambda hit: _ESCAPES[hit.group(1)], body)
    return composed(body)


def read_pattern(quoted: str) -> str:
    r"""The regular expression in a text: backslashes are the expression's own (`"\d+"`), only `\"` is a plain quote."""
    return quoted[1:-1].replace('\\"', '"')


def read_clock(text: str, elapsed: bool, span: Span) -> Duration | Diagnostic:
    """`1h30m`. The unit is elapsed or business time."""
    hit = _CLOCK.fullmatch(text)
    if hit and len(text) <= 18:
        hours, minutes, seconds = (int(part or 0) for part in hit.groups())
        amount = hours * units.HOUR + minutes * units.MINUTE + seconds * units.SECOND
        if amount <= LONGEST * units.DAY:
            return Duration(Unit.ELAPSED if elapsed else Unit.BUSINESS, amount)
        return kinds.HUGE_DURATION.at(span, found=text)
    if days := re.fullmatch(r"([0-9]{1,5})[dD](?:ays?)?", text):
        return unclear(int(days.group(1)), text, span)
    fixes: tuple[Fix, ...] = ()
    if spelled := re.fullmatch(r"([0-9]{1,6})\s*(s|m|h)[a-z]*", text.lower()):
        fixes = (Fix(titles.WRITE, span, spelled.group(1) + spelled.group(2)),)
    return kinds.BAD_DURATION.at(span, fixes=fixes, found=text)


def read_spelled(count: str, unit: str, elapsed: bool, span: Span) -> Diagnostic:
    """`30 minutes`: understood, but there is one way to write it."""
    text = f"{count} {unit}"
    letter = _SPELLED.get(unit.removesuffix("s"))
    tail = " elapsed" if elapsed else ""
    if letter:
        fixes = (Fix(titles.WRITE, span, f"{count}{letter}{tail}"),)
    else:
        days = str(int(count) * 7) if len(count) < 5 else count
        fixes = (Fix(titles.WRITE, span, f"{days} calendar days"),)
    return kinds.BAD_DURATION.at(span, fixes=fixes, found=text)


def unclear(count: int, text: str, span: Span) -> Diagnostic:
    """`3d`, `3 days`: of work, or of the calendar?"""
    noun = "day" if count == 1 else "days"
    fixes = tuple(Fix(titles.WRITE, span, f"{count} {word} {noun}") for word in ("working", "calendar"))
    return kinds.AMBIGUOUS_DAY.at(span, fixes=fixes, found=text, count=count, noun=noun)


def read_days(count: str, unit: Unit, span: Span) -> Duration | Diagnostic:
    """`2 working days`."""
    if len(count) > 6 or int(count) > LONGEST:
        return kinds.HUGE_DURATION.at(span, found=count)
    return Duration(unit, int(count))


def read_offset(text: str, span: Span) -> int | Diagnostic:
    """`+2d4h` in microseconds; a day here is 24 hours."""
    hit = _OFFSET.fullmatch(text)
    if not hit or len(text) > 18:
        parts = dict[str, str]((unit, count) for count, unit in re.findall(r"([0-9]+)([dhms])", text))
        better = "+" + "".join(parts[unit] + unit for unit in "dhms" if unit in parts)
        whole = sorted(better) == sorted(text) and _OFFSET.fullmatch(better)
        return kinds.BAD_OFFSET.at(span, fixes=(Fix(titles.WRITE, span, better),) if whole else (), found=text)
    days, hours, minutes, seconds = (int(part or 0) for part in hit.groups())
    amount = days * units.DAY + hours * units.HOUR + minutes * units.MINUTE + seconds * units.SECOND
    return amount if amount <= LONGEST * units.DAY else kinds.HUGE_DURATION.at(span, found=text)


def read_date(text: str, span: Span) -> dt.date | Diagnostic:
    """`2026-04-03`."""
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        return kinds.NO_SUCH_DATE.at(span, found=text)


def read_time(text: str, span: Span) -> int | Diagnostic:
    """`09:30` in minutes after midnight; 24:00 is the end of the day."""
    hour, minute = (int(part) for part in text.split(":"))
    minutes = hour * 60 + minute
    if minute > 59 or minutes > 1440:
        return kinds.NO_SUCH_TIME.at(span, found=text)
    return minutes


def read_count(text: str, span: Span) -> int | Diagnostic:
    """A whole number, kept small enough that nothing it counts can get out of hand."""
    return int(text) if len(text) <= 9 else kinds.HUGE_NUMBER.at(span, found=text)
