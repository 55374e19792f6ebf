"""What a backtest found, for people and programs."""

from __future__ import annotations

import csv
import datetime as dt
import io
from collections import Counter
from collections.abc import Callable, Sequence

import msgspec

from duly_dsl import i18n
from duly_platform.cli.backtest_words import HEADINGS, LABELS
from duly_runtime.backtest.compare import Difference, differences, totals
from duly_runtime.backtest.outcomes import MEASURES
from duly_runtime.backtest.running import Result

LANGUAGE = i18n.of_environment()
_ = i18n.translations("duly_platform", LANGUAGE).gettext
_n = i18n.translations("duly_platform", LANGUAGE).ngettext

SWAPPED = str.maketrans(",.", ".,")

HEADLINE = ("breaches", "escalations", "alerts", "notices", "messages", "refused")
"""Measures whose changes are said in one sentence."""

BROKEN_DOWN = ("breaches", "met", "alerts", "escalations", "assignments", "open at the end")
"""Measures shown in the breakdowns for people; programs get all."""

SUBJECTS = ("breaches", "escalations", "messages", "calls", "rules", "shadow rules", "refused")
"""Measures whose subjects people see."""

MOST_CARDS = 30
"""Cards named in a row of text; programs get all."""


def number(value: float, form: str = ",") -> str:
    """As people write it in their language."""
    shown = format(value, form)
    return shown.translate(SWAPPED) if LANGUAGE == "pt-BR" else shown


class Told(msgspec.Struct, kw_only=True):
    """A finished backtest. `name` is what it was compared with, as the person wrote it. `labels` names cards of a log."""

    after: Result
    before: Result | None
    name: str
    since: dt.datetime | None
    until: dt.datetime | None
    by: list[str]
    cards: bool
    seconds: float
    crossed: list[str] = []
    labels: dict[int, str] = {}
    skipped: int = 0
    """Lines of a log that were left out."""
    ignored: int = 0
    """Events of a log that its mapping gives no part."""

    def rows(self, measure: str, *dimensions: str) -> list[Difference]:
        before = self.before.tally if self.before is not None else None
        return differences(self.after.tally, before, measure, *dimensions)

    def totals(self) -> list[Difference]:
        return totals(self.after.tally, self.before.tally if self.before is not None else None)

    def card(self, card: int) -> str:
        """How a card is named: by its number, or the event that opens it only under these rules."""
        if card in self.labels:
            return self.labels[card]
        return f"#{card}" if card > 0 else _("new card of event {event}").format(event=-card)


# --- for people -------------------------------------------------------------------------------------------------------


def text(told: Told) -> str:
    blocks = [[said] for said in _said(told)]
    blocks += [_aligned([title, *heads], rows) for title, heads, rows in _tables(told)]
    if told.cards:
        blocks.append(_named_cards(told))
    if told.crossed:
        blocks.append(told.crossed)
    return "\n\n".join("\n".join(block) for block in blocks if block)


def markdown(told: Told) -> str:
    blocks = [[f"**{said}**" if place == 0 else said] for place, said in enumerate(_said(told))]
    for title, heads, rows in _tables(told):
        blocks.append(
            [
                "| " + " | ".join(_escaped(each) for each in (title, *heads)) + " |",
                "| --- |" + " ---: |" * len(heads),
                *("| " + " | ".join(_escaped(each) for each in row) + " |" for row in rows),
            ]
        )
    if told.cards:
        blocks.append([f"- {_escaped(line)}" for line in _named_cards(told)])
    if told.crossed:
        blocks.append([f"- **{_escaped(line)}**" for line in told.crossed])
    return "\n\n".join("\n".join(block) for block in blocks if block)


def _headed(measure: str, value: int, form: str) -> str:
    n, count = number(value, form), abs(value)
    words = {
        "breaches": _n("{n} breach", "{n} breaches", count),
        "escalations": _n("{n} escalation", "{n} escalations", count),
        "alerts": _n("{n} alert", "{n} alerts", count),
        "notices": _n("{n} notice", "{n} notices", count),
        "messages": _n("{n} message to customers", "{n} messages to customers", count),
        "refused": _n("{n} action refused", "{n} actions refused", count),
    }
    return words[measure].format(n=n)


def headline(told: Told) -> str:
    """`+41 breaches, -12 escalations`."""
    rows = {row.measure: row for row in told.totals()}
    if told.before is None:
        found = [_headed(name, rows[name].after, ",") for name in HEADLINE if name in rows]
        return ", ".join(found) or _("nothing was counted")
    found = [_headed(name, rows[name].change, "+,") for name in HEADLINE if name in rows and rows[name].change]
    return ", ".join(found) or _("no change in breaches, escalations, alerts or messages")


def _said(told: Told) -> list[str]:
    events, cards = told.after.events, told.after.tally.total("opened")
    rate = sum(each.events for each in (told.after, told.before) if each is not None) / max(told.seconds, 1e-6)
    said = [
        headline(told),
        _(
            "{events} events replayed to {until} in {seconds} s ({rate} a second); cards opened in the period: {cards}"
        ).format(
            events=number(events),
            until=f"{told.until:%Y-%m-%d}" if told.until else "–",
            seconds=number(told.seconds, ".1f"),
            rate=number(rate, ",.0f"),
            cards=number(cards),
        ),
    ]
    lost = sum(told.after.lost.values())
    if lost:
        said.append(
            _n(
                "{n} event came to no card and had no effect",
                "{n} events came to no card and had no effect",
                lost,
            ).format(n=number(lost))
        )
    if told.skipped:
        said.append(
            _n("{n} bad line of the log was left out", "{n} bad lines of the log were left out", told.skipped).format(
                n=number(told.skipped)
            )
        )
    if told.ignored:
        said.append(
            _n("{n} event of the log has no part in it", "{n} events of the log have no part in it", told.ignored).format(
                n=number(told.ignored)
            )
        )
    return said


def _tables(told: Told) -> list[tuple[str, list[str], list[list[str]]]]:
    """(title, headings, rows) of each table."""
    heads = [_("count")] if told.before is None else [told.name, _("these files"), _("change")]
    rows: list[list[str]] = []
    for row in told.totals():
        rows.append([_(LABELS[row.measure]), *_numbers(row)])
        if row.measure in SUBJECTS:
            rows += [[f"  {one.values[0]}", *_numbers(one)] for one in told.rows(row.measure, "subject")]
    tables = [(_("all"), heads, rows)]
    for dimension in told.by:
        columns = [
            (measure, {row.values[0]: row for row in told.rows(measure, dimension)})
            for measure in BROKEN_DOWN
            if any(row.values[0] for row in told.rows(measure, dimension))
        ]
        places = sorted({place for _measure, found in columns for place in found})
        if places:
            body = [[place or "–", *(_cell(found.get(place)) for _measure, found in columns)] for place in places]
            tables.append((_(HEADINGS[dimension]), [_(LABELS[measure]) for measure, _found in columns], body))
    return tables


def _numbers(row: Difference) -> list[str]:
    if row.before is None:
        return [number(row.after)]
    return [number(row.before), number(row.after), _change(row.change)]


def _cell(row: Difference | None) -> str:
    if row is None:
        return "0"
    return number(row.after) + (f" ({_change(row.change)})" if row.change else "")


def _change(change: int) -> str:
    return number(change, "+,") if change else "="


def _aligned(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[place]) for row in (heads, *rows)) for place in range(len(heads))]
    return [
        "  ".join(
            each.ljust(width) if place == 0 else each.rjust(width)
            for place, (each, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in (heads, *rows)
    ]


def _named_cards(told: Told) -> list[str]:
    """The cards behind what changed, or behind every number where nothing is compared."""
    lines: list[str] = []
    for measure in MEASURES:
        for row in told.rows(measure, "subject"):
            subject = f" ({row.values[0]})" if row.values[0] else ""
            name = _(LABELS[measure]) + subject
            if row.before is None:
                lines.append(f"{name}: {_listed(told, row.cards)}")
                continue
            if row.more:
                lines.append(_("more {what}: {cards}").format(what=name, cards=_listed(told, row.more)))
            if row.less:
                lines.append(_("fewer {what}: {cards}").format(what=name, cards=_listed(told, row.less)))
    return lines


def _listed(told: Told, cards: Counter[int]) -> str:
    known = sorted(cards.items())
    shown = [told.card(card) + (f" ×{count}" if count > 1 else "") for card, count in known[:MOST_CARDS]]
    if len(known) > MOST_CARDS:
        shown.append(_("and {n} more").format(n=number(len(known) - MOST_CARDS)))
    return ", ".join(shown)


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;").replace("\n", " ").strip() or " "


# --- for programs -----------------------------------------------------------------------------------------------------


def as_json(told: Told) -> str:
    def row(found: Difference, dimensions: Sequence[str]) -> dict[str, object]:
        made: dict[str, object] = {"measure": found.measure, **dict(zip(dimensions, found.values, strict=True))}
        made["after"] = found.after
        if found.before is not None:
            made |= {"before": found.before, "change": found.change}
        if told.cards:
            made["cards"] = _ids(told, found.cards)
            if found.before is not None:
                made |= {"more": _ids(told, found.more), "less": _ids(told, found.less)}
        return made

    whole = {
        "since": told.since,
        "until": told.until,
        "against": told.name or None,
        "events": told.after.events,
        "timers": told.after.timers,
        "lost": dict(told.after.lost),
        "skipped": told.skipped,
        "ignored": told.ignored,
        "seconds": round(told.seconds, 3),
        "totals": [row(found, ()) for found in told.totals()],
        "subjects": [row(found, ("subject",)) for measure in MEASURES for found in told.rows(measure, "subject")],
        "by": {
            dimension: [
                row(found, (dimension, "subject"))
                for measure in MEASURES
                for found in told.rows(measure, dimension, "subject")
            ]
            for dimension in told.by
        },
        "crossed": told.crossed,
    }
    return msgspec.json.format(msgspec.json.encode(whole), indent=2).decode()


def _ids(told: Told, cards: Counter[int]) -> dict[str, int]:
    return {told.labels.get(card, str(card)): count for card, count in sorted(cards.items())}


def as_csv(told: Told) -> str:
    """One row a number: measure, subject, and where it was (`dimension` empty: in all)."""
    heads = ["measure", "dimension", "value", "subject", "before", "after", "change"]
    if told.cards:
        heads += ["cards", "more", "less"]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(heads)

    def write(dimension: str, value: str, subject: str, row: Difference) -> None:
        before = "" if row.before is None else row.before
        change = "" if row.before is None else row.change
        cells: list[object] = [row.measure, dimension, _plain(value), _plain(subject), before, row.after, change]
        if told.cards:
            cells += [
                _plain(" ".join(told.labels.get(card, str(card)) for card in sorted(cards)))
                for cards in (row.cards, row.more, row.less)
            ]
        writer.writerow(cells)

    for row in told.totals():
        write("", "", "", row)
        for one in told.rows(row.measure, "subject"):
            if one.values[0]:
                write("", "", one.values[0], one)
        for dimension in told.by:
            for one in told.rows(row.measure, dimension, "subject"):
                write(dimension, one.values[0], one.values[1], one)
    return out.getvalue().rstrip("\n")


def _plain(text: str) -> str:
    """A text no spreadsheet takes for a formula."""
    return (
        f"'{text}"
        if text.startswith(("=", "+", "@", "\t", "\r")) or (text[:1] == "-" and not text[1:2].isdigit())
        else text
    )


FORMATS: dict[str, Callable[[Told], str]] = {"text": text, "json": as_json, "markdown": markdown, "csv": as_csv}
"""Name -> what writes it."""
