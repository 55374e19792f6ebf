"""`duly explain CARD`: why a card's clocks stand where they stand, from the database or from a running server."""

from __future__ import annotations

import argparse
import asyncio
import datetime as dt
import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from duly_dsl import i18n
from duly_dsl.build import build
from duly_dsl.program import Program
from duly_dsl.source import SourceFile
from duly_dsl.units import clock_text
from duly_platform.settings import Settings, SettingsError, load
from duly_runtime import explaining
from duly_runtime.card import Card, Ladder
from duly_runtime.store.api import Missing, StoreUnavailable, TraceRow
from duly_runtime.time import SystemClock, shared_since

LANGUAGE = i18n.of_environment()
_ = i18n.translations("duly_platform", LANGUAGE).gettext

SORTS = {"open": _("open"), "closed": _("closed"), "holiday": _("holiday"), "paused": _("paused")}
STATES = {
    "running": _("running"),
    "paused": _("paused"),
    "met": _("met"),
    "missed": _("missed"),
    "cancelled": _("cancelled"),
    "done": _("done"),
}
OUTCOMES = {"fired": _("fired"), "shadow": _("in shadow"), "not": _("did not fire")}
WEEKDAYS = (_("Mon"), _("Tue"), _("Wed"), _("Thu"), _("Fri"), _("Sat"), _("Sun"))
SECONDS = 30
"""How long a server may take to answer."""
SHORT = 10
"""Characters of a version's hash that people see."""


class Unexplained(Exception):
    """The card can't be explained; the message says why and what to do."""


class Found(msgspec.Struct, frozen=True):
    """All that an explanation is made of. `sources` holds the files of every version that is named, by its hash."""

    card: Card
    traces: list[TraceRow]
    live: str
    sources: dict[str, dict[str, str]]
    now: dt.datetime


def run(number: int, options: argparse.Namespace) -> int:
    try:
        if options.server:
            found = of_server(options.server.rstrip("/"), os.environ.get("DULY_TOKEN", ""), number)
        else:
            found = asyncio.run(of_database(_settings(options), number))
        explanation = explained(found, options.clock)
    except (Unexplained, SettingsError, StoreUnavailable, OSError) as error:
        print(f"duly: {error}", file=sys.stderr)
        return 2
    if options.format == "json":
        print(as_json(explanation))
    else:
        print(as_text(explanation))
    return 0


def _settings(options: argparse.Namespace) -> Settings:
    settings = load(None, data=options.data, database_url=options.database)
    kind, _slashes, path = settings.database_url.partition(":///")
    if kind == "sqlite" and not Path(path).exists():
        hint = _("there is no database at {url}; name its folder with --data, or the database with --database")
        raise Unexplained(hint.format(url=settings.database_url))
    return settings


def explained(found: Found, clock: str) -> explaining.Explanation:
    if clock and clock not in {each.metric for each in found.card.clocks}:
        there = ", ".join(dict.fromkeys(each.metric for each in found.card.clocks)) or "–"
        raise Unexplained(_("the card has no clock `{clock}`; it has: {there}").format(clock=clock, there=there))
    versions = {
        hash: explaining.Version(hash, program, sources)
        for hash, sources in found.sources.items()
        if (program := _program(sources)) is not None
    }
    if found.live not in versions:
        raise Unexplained(_("the running version can't be read by this Duly; update it"))
    traces = [
        (row.at, row.event_kind, row.version, row.facts) for row in sorted(found.traces, key=lambda row: row.event_id)
    ]
    return explaining.explain(found.card, traces, versions, found.live, found.now, clock)


def _program(sources: dict[str, str]) -> Program | None:
    """None where the files of an old version have errors today."""
    return build([SourceFile(path, text) for path, text in sources.items()]).program


def _named(card: Card, traces: Iterable[TraceRow], live: str) -> list[str]:
    """Every version the explanation may need."""
    return list(dict.fromkeys([*explaining.named(card, live), *(row.version for row in traces)]))


# --- where it comes from ----------------------------------------------------------------------------------------------


async def of_database(settings: Settings, number: int) -> Found:
    from duly_runtime.store.database import open_store  # late: not needed to ask a server

    fast = settings.data / "fast-clock"
    clock = SystemClock(settings.speed, shared_since(fast)) if settings.speed != 1.0 else SystemClock()
    store = open_store(settings.database_url)
    await store.start()
    try:
        live = await store.active_hash()
        try:
            card = await store.card(await store.card_id(number))
        except Missing:
            raise Unexplained(_("there is no card #{number}").format(number=number)) from None
        traces = await store.trace(card.id)
        sources: dict[str, dict[str, str]] = {}
        for hash in _named(card, traces, live):
            try:
                sources[hash] = (await store.version(hash)).sources
            except Missing:
                continue
        return Found(card, traces, live, sources, clock.now())
    finally:
        await store.stop()


def of_server(server: str, token: str, number: int) -> Found:
    import httpx  # late: not needed for a database at hand

    if not token:
        raise Unexplained(_("set DULY_TOKEN to a token of that server with the scope `read`"))
    with httpx.Client(base_url=f"{server}/api/v1", headers={"Authorization": f"Bearer {token}"}, timeout=SECONDS) as client:
        return fetched(client.get, number)


def fetched(get: Callable[[str], Any], number: int) -> Found:
    """From the JSON API; `get` is that of an HTTP client with its base there."""
    import httpx

    def ask(path: str, kind: type) -> Any:
        try:
            answer = get(path)
        except httpx.HTTPError as error:
            raise Unexplained(_("the server can't be reached: {reason}").format(reason=error)) from None
        if answer.status_code == 404 and path.startswith("/cards"):
            raise Unexplained(_("there is no card #{number}").format(number=number))
        if answer.status_code == 404:
            return None
        if answer.status_code != 200:
            text = _("the server answers {status}: {text}")
            raise Unexplained(text.format(status=answer.status_code, text=answer.text[:200]))
        return msgspec.json.decode(answer.content, type=kind)

    card = ask(f"/cards/{number}", Card)
    traces = ask(f"/cards/{number}/trace", list[TraceRow])  # type: ignore[arg-type]
    live = ask("/versions/live", _Files)
    if live is None:
        raise Unexplained(_("nothing is published there yet"))
    sources = {live.version: live.sources}
    for hash in _named(card, traces, live.version):
        version = ask(f"/versions/{hash}", _Files) if hash not in sources else None
        if version is not None:
            sources[hash] = version.sources
    return Found(card, traces, live.version, sources, SystemClock().now())


class _Files(msgspec.Struct, frozen=True):
    version: str
    sources: dict[str, str]


# --- how it is shown --------------------------------------------------------------------------------------------------


def as_json(explanation: explaining.Explanation) -> str:
    return msgspec.json.format(msgspec.json.encode(explanation), indent=2).decode()


def as_text(explanation: explaining.Explanation) -> str:
    return "\n".join(_Page(explanation).lines())


class _Page:
    def __init__(self, explanation: explaining.Explanation) -> None:
        self._told = explanation
        self._zone = ZoneInfo(explanation.zone)

    def lines(self) -> list[str]:
        told = self._told
        head = _("#{number} {title}").format(number=told.card, title=told.title).strip()
        where = [told.pipeline, told.stage, told.owner or _("nobody's")]
        since = _("as of {moment} ({zone}), version {version}")
        lines = [
            head,
            "  " + " · ".join(where),
            "  " + since.format(moment=self._moment(told.now), zone=told.zone, version=told.version[:SHORT]),
        ]
        for clock in told.clocks:
            lines += ["", *self._clock(clock)]
        if told.ladders:
            lines += ["", _("Escalations")]
            lines += [f"  {self._ladder(ladder)}" for ladder in told.ladders]
        lines += ["", _("Due next")]
        lines += [f"  {self._moment(each.at)}  {self._next(each)}" for each in told.next] or ["  " + _("nothing")]
        happenings = [line for happening in told.happenings for line in self._happening(happening)]
        if happenings:
            lines += ["", _("Rules"), *happenings]
        return lines

    def _moment(self, at: dt.datetime) -> str:
        local = at.astimezone(self._zone)
        seconds = local.strftime(":%S") if local.second else ""
        return f"{WEEKDAYS[local.weekday()]} {local:%Y-%m-%d %H:%M}{seconds}"

    # --- clocks

    def _clock(self, told: explaining.Told) -> list[str]:
        clock = told.clock
        title = _('{metric}, cycle {cycle}: {target} on "{calendar}", {state}').format(
            metric=clock.metric,
            cycle=clock.cycle,
            target=clock.target,
            calendar=clock.calendar,
            state=STATES[explaining.standing(clock)],
        )
        if clock.due_at:
            title += ", " + _("due {moment}").format(moment=self._moment(clock.due_at))
        lines = [title, "  " + _("begun under version {version}").format(version=clock.version[:SHORT])]
        if told.measured_by != clock.version:
            lines.append("  " + _("measured by version {version}").format(version=told.measured_by[:SHORT]))
        if told.moved:
            lines.append("  " + _("its due instant was set by a calendar that has changed since"))
        rows = [self._stretch(each) for each in told.stretches]
        widths = [max((len(row[column]) for row in rows), default=0) for column in range(4)]
        for start, end, amount, label, source in rows:
            line = f"  {start:<{widths[0]}}  {end:<{widths[1]}}  {amount:>{widths[2]}}  {label:<{widths[3]}}  {source}"
            lines.append(line.rstrip())
        if told.carried:
            lines.append("  " + _("brought along from before: {amount}").format(amount=_amount(told.carried)))
        lines.append("  " + _("used: {amount}").format(amount=_amount(told.used)))
        return lines

    def _stretch(self, each: explaining.Stretch) -> tuple[str, str, str, str, str]:
        label = SORTS[each.sort]
        if each.name:
            label += f" ({each.name})"
        amount = ("+" if each.counts else " ") + _amount(each.microseconds)
        source = f"{each.source.path}:{each.source.line}  {each.source.text}" if each.source else ""
        return self._moment(each.start), self._moment(each.end), amount, label, source

    # --- what else

    def _ladder(self, ladder: Ladder) -> str:
        text = _('"{ladder}" since {moment}, level {level}').format(
            ladder=ladder.name, moment=self._moment(ladder.began_at), level=ladder.level or "–"
        )
        if ladder.stopped_at is not None:
            stopped = _("stopped {moment} ({why})").format(moment=self._moment(ladder.stopped_at), why=ladder.stopped_by)
            return f"{text}, {stopped}"
        if ladder.next_at is not None:
            return text + ", " + _("goes on {moment}").format(moment=self._moment(ladder.next_at))
        return text + ", " + _("waits for what stops it")

    def _next(self, each: explaining.Next) -> str:
        match each.sort:
            case "alert":
                return _("alert about {name} at {detail}").format(name=each.name, detail=each.detail)
            case "miss":
                return _("{name} is due").format(name=each.name)
            case "level":
                return _('level {detail} of "{name}"').format(detail=each.detail, name=each.name)
            case "schedule":
                return _("a time of a schedule ({name})").format(name=each.name)
            case "held":
                return _("a message that limits hold back")
            case _:
                return _('what a silence in "{name}" does').format(name=each.name)

    def _happening(self, happening: explaining.Happening) -> list[str]:
        fact = f"{happening.fact} {happening.subject.removeprefix('field:')}".rstrip()
        lines: list[str] = []
        for rule in happening.rules:
            wrong = next((each for each in rule.conditions if each.value is False), None)
            if wrong is not None and not wrong.values:
                continue  # it waits for another event: no reader would have expected it
            place = f"  {rule.source.path}:{rule.source.line}" if rule.source else ""
            word = _("near miss") if rule.near else OUTCOMES[rule.outcome]
            lines.append(f'    {word:<12} "{rule.rule}"{place}')
            if rule.outcome == "not":
                lines += [f"      {self._condition(each)}" for each in rule.conditions]
        return [f"  {self._moment(happening.at)}  {fact}", *lines] if lines else []

    def _condition(self, each: explaining.Condition) -> str:
        word = _("unknown") if each.value is None else _("true") if each.value else _("false")
        if not each.asked:
            word = _("not asked") if each.value is None else _("{value}, not asked").format(value=word)
        written = f"`{each.source.text}`" if each.source else "…"
        values = ", ".join(f"{key.removeprefix('field:')} = {value or '–'}" for key, value in each.values.items())
        return f"{word:<16} {written}" + (f"   {values}" if values else "")


def _amount(microseconds: int) -> str:
    """To the second; with its parts where it is shorter than a minute. The JSON has it exact."""
    if microseconds % 1_000_000 and microseconds < 60_000_000:
        return f"{microseconds / 1_000_000:.3f}s"
    return clock_text(microseconds)
