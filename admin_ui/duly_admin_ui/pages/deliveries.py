"""The log of what went out and what came in: listed, filtered, opened, sent again, cancelled."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any
from urllib.parse import urlencode

import msgspec
from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, QueryParameter

from duly_admin_ui.access import needs
from duly_admin_ui.page import Page, go
from duly_admin_ui.pages.parked import readable
from duly_runtime.store.api import OutboxRow
from duly_runtime.store.log_api import DeliveryFilter, RequestFilter
from duly_runtime.store.messages_api import DOUBTFUL

READ = needs("deliveries.read")
ACT = needs("parked.handle")

Named = Annotated[str, QueryParameter(name="state")]

SHOWN = 100
"""Rows of one page of a list."""
STATES = ("waiting", "pending", "sent", "delayed", "delivered", "read", "failed", "unknown", "parked", "cancelled")
KINDS = ("message", "call", "notice", "digest")
TAKEN = ("taken", "parked", "discarded")
PERIODS = {"day": dt.timedelta(days=1), "week": dt.timedelta(days=7), "month": dt.timedelta(days=30)}
AGAIN = ("parked", "unknown", "failed", "cancelled")
"""States of deliveries that can be sent again; a call to a program also once it was sent."""


class Filters(msgspec.Struct, frozen=True, kw_only=True):
    """What the address of a list asks for; words it doesn't know ask for nothing."""

    connector: str = ""
    state: str = ""
    kind: str = ""
    period: str = ""
    before: int = 0

    @property
    def some(self) -> bool:
        return bool(self.connector or self.state or self.kind or self.period)

    def since(self, now: dt.datetime) -> dt.datetime | None:
        return now - PERIODS[self.period] if self.period in PERIODS else None

    def older(self, before: int) -> str:
        """The query of the next page."""
        given = {field: getattr(self, field) for field in ("connector", "state", "kind", "period")}
        return urlencode({**{key: value for key, value in given.items() if value}, "before": before})


def connectors(page: Page, chosen: str, *, sends: bool) -> list[str]:
    """Those of the running rules that send, or receive; and the one that is asked for."""
    directions = ("sends", "connects") if sends else ("receives", "connects")
    known = [c.name for c in page.program.connectors.values() if c.direction in directions] if page.program else []
    return [*known, *([chosen] if chosen and chosen not in known else [])]


def about(row: OutboxRow) -> str:
    """What a call says: the name of its event, which its key holds."""
    if row.kind != "call":
        return ""
    return row.key.split("/")[4] if row.key.startswith("event/") and row.key.count("/") >= 5 else "rule.fired"


async def numbers(page: Page, rows: list[OutboxRow]) -> dict[int, int]:
    """Card -> its number, of those that are shown."""
    return await page.services.store.card_numbers(sorted({row.card_id for row in rows if row.card_id}))


@get("/deliveries", guards=[READ])
async def deliveries(
    page: NamedDependency[Page],
    connector: FromQuery[str] = "",
    wanted: Named = "",
    kind: FromQuery[str] = "",
    period: FromQuery[str] = "",
    before: FromQuery[int] = 0,
) -> Response[Any]:
    filters = Filters(
        connector=connector,
        state=wanted if wanted in STATES else "",
        kind=kind if kind in KINDS else "",
        period=period if period in PERIODS else "",
        before=max(0, before),
    )
    rows = await page.services.store.delivery_log(
        DeliveryFilter(
            connector=filters.connector,
            state=filters.state,
            kind=filters.kind,
            since=filters.since(page.now),
            before=filters.before,
            limit=SHOWN + 1,
        )
    )
    older = filters.older(rows[SHOWN - 1].id) if len(rows) > SHOWN else ""
    rows = rows[:SHOWN]
    return page.render(
        "deliveries.html",
        rows=rows,
        filters=filters,
        older=older,
        connectors=connectors(page, filters.connector, sends=True),
        states=STATES,
        kinds=KINDS,
        periods=PERIODS,
        numbers=await numbers(page, rows),
        about=about,
    )


async def show(page: Page, number: int, problem: str = "") -> Response[Any]:
    row, log, _ = await page.services.store.delivery(number)
    return page.render(
        "delivery.html",
        status=409 if problem else 200,
        row=row,
        log=log,
        about=about(row),
        text=readable(row.text.encode()) if row.kind == "call" else row.text,
        number=(await numbers(page, [row])).get(row.card_id, 0),
        again=row.state in AGAIN or (row.kind == "call" and row.state == "sent"),
        waits=row.state in ("parked", "unknown"),
        markable=row.kind == "message" and row.state in DOUBTFUL,
        marked=row.state == "sent" and bool(log) and log[-1].outcome == "marked",
        twice=row.state == "unknown" and not row.repeat,
        problem=problem,
    )


@get("/deliveries/{number:int}", guards=[READ])
async def delivery(page: NamedDependency[Page], number: FromPath[int]) -> Response[Any]:
    return await show(page, number)


@post("/deliveries/{number:int}/replay", status_code=200, guards=[ACT])
async def replay(page: NamedDependency[Page], number: FromPath[int]) -> Response[Any]:
    row, _, _ = await page.services.store.delivery(number)
    twice = (await page.form()).get("twice") == "1"
    if row.state == "unknown" and not row.repeat and not twice:
        return await show(page, number, page.gettext("Say first that it may arrive twice."))
    await page.services.replay("delivery", number, page.name, twice=twice)
    return go(f"/deliveries/{number}")


@post("/deliveries/{number:int}/mark", guards=[ACT])
async def mark(page: NamedDependency[Page], number: FromPath[int]) -> Response[Any]:
    await page.services.mark_sent(number, page.name)
    return go(f"/deliveries/{number}")


@post("/deliveries/{number:int}/unmark", guards=[ACT])
async def unmark(page: NamedDependency[Page], number: FromPath[int]) -> Response[Any]:
    await page.services.unmark_sent(number, page.name)
    return go(f"/deliveries/{number}")


@post("/deliveries/{number:int}/cancel", guards=[ACT])
async def cancel(page: NamedDependency[Page], number: FromPath[int]) -> Response[Any]:
    await page.services.cancel(number, page.name)
    return go(f"/deliveries/{number}")


@get("/requests", guards=[READ])
async def requests(
    page: NamedDependency[Page],
    connector: FromQuery[str] = "",
    wanted: Named = "",
    period: FromQuery[str] = "",
    before: FromQuery[int] = 0,
) -> Response[Any]:
    filters = Filters(
        connector=connector,
        state=wanted if wanted in TAKEN else "",
        period=period if period in PERIODS else "",
        before=max(0, before),
    )
    rows = await page.services.store.requests(
        RequestFilter(
            connector=filters.connector,
            state=filters.state,
            since=filters.since(page.now),
            before=filters.before,
            limit=SHOWN + 1,
        )
    )
    older = filters.older(rows[SHOWN - 1].id) if len(rows) > SHOWN else ""
    return page.render(
        "requests.html",
        rows=rows[:SHOWN],
        filters=filters,
        older=older,
        connectors=connectors(page, filters.connector, sends=False),
        states=TAKEN,
        periods=PERIODS,
    )


@get("/requests/{number:int}", guards=[ACT])
async def request(page: NamedDependency[Page], number: FromPath[int]) -> Response[Any]:
    row, raw, events = await page.services.store.request(number)
    return page.render("request.html", row=row, raw=raw, events=events, body=readable(raw.body))


HANDLERS = (deliveries, delivery, replay, mark, unmark, cancel, requests, request)
