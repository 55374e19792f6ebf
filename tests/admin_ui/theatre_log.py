"""The theatre's log of deliveries and requests: one of each kind."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

import msgspec

from duly_runtime.doors import Raw
from duly_runtime.store.api import Missing, OutboxRow, Parked
from duly_runtime.store.log_api import Attempt, DeliveryFilter, ParkedId, RequestEvent, RequestFilter, RequestRow

SCRIPT = '<script>alert("in the payload")</script>'

MOVED = '{"type": "card.moved", "note": "' + SCRIPT.replace('"', "'") + '"}'


class MemoryLog:
    """Part of the theatre's store."""

    known: dict[int, Any]
    aside: list[Parked]

    def fill_log(self, now: dt.datetime) -> None:
        hour = dt.timedelta(hours=1)
        self.thrown: list[Parked] = []
        base: dict[str, Any] = dict(text="", next_at=None, settled_at=now, error="", provider_id="", attempts=1)
        call = dict(channel="webhook", recipient="CRM", kind="call", connector="CRM", created_at=now - 5 * hour)
        rows = (
            dict(id=1, card_id=101, key="k1", channel="email", recipient="marta@cliente.example", kind="message",
                 state="delivered", created_at=now - 6 * hour, connector="Post", text="Let me look into it."),
            dict(id=2, card_id=101, key="event/101/3/1/card.moved/CRM", state="parked",
                 error="The other side answered 503.", **call | {"text": MOVED}),
            dict(id=3, card_id=102, key="reply/102/1/customer", channel="whatsapp", recipient="+5511988776655",
                 kind="message", state="unknown", error="no answer within 15 seconds", created_at=now - hour,
                 connector="WhatsApp", repeat=False, text="Bom dia"),
            dict(id=4, card_id=101, key="event/101/4/1/card.finished/CRM", state="pending", attempts=2,
                 error="The other side answered 500.", **call | {"next_at": now + hour, "settled_at": None}),
            dict(id=5, card_id=0, key="n5", channel="app", recipient="ana", kind="notice", state="sent", created_at=now),
        )  # fmt: skip
        self.outbox = {row["id"]: OutboxRow(**{**base, **row}) for row in rows}
        second = dt.timedelta(seconds=1)
        self.lines = {
            number: [
                Attempt(
                    id=number, at=row.created_at + 2 * second, began_at=row.created_at + second,
                    outcome={"pending": "retry"}.get(row.state, row.state), error=row.error,
                    answer="503\n" + SCRIPT if row.state == "parked" else "", author="",
                )
            ]
            for number, row in self.outbox.items()
        }  # fmt: skip
        request = dict(connector="Shop", received_at=now - hour, events=0)
        self.came = {
            7: RequestRow(id=7, parked="order.id is missing", **request),  # type: ignore[arg-type]
            6: RequestRow(id=6, **{**request, "events": 1}),  # type: ignore[arg-type]
        }

    async def delivery_log(self, wanted: DeliveryFilter) -> list[OutboxRow]:
        def fits(row: OutboxRow) -> bool:
            states = ("parked", "unknown") if wanted.state == "waiting" else (wanted.state,)
            return (
                wanted.connector in ("", row.connector)
                and (not wanted.state or row.state in states)
                and wanted.kind in ("", row.kind)
                and (wanted.since is None or row.created_at >= wanted.since)
                and (not wanted.before or row.id < wanted.before)
            )

        return sorted(filter(fits, self.outbox.values()), key=lambda row: -row.id)[: wanted.limit]

    async def delivery(self, outbox_id: int) -> tuple[OutboxRow, Sequence[Attempt], bytes]:
        if outbox_id not in self.outbox:
            raise Missing
        return self.outbox[outbox_id], self.lines[outbox_id], b"{}"

    async def card_numbers(self, card_ids: Sequence[int]) -> dict[int, int]:
        return {number: self.known[number].number for number in card_ids if number in self.known}

    async def requests(self, wanted: RequestFilter) -> list[RequestRow]:
        def state(row: RequestRow) -> str:
            return "discarded" if row.discarded_at else "parked" if row.parked else "taken"

        found = [row for row in self.came.values() if wanted.state in ("", state(row))]
        return [row for row in found if wanted.connector in ("", row.connector)]

    async def request(self, raw_id: int) -> tuple[RequestRow, Raw, Sequence[RequestEvent]]:
        row = self.came[raw_id]
        raw = Raw(
            method="POST", path="/in/shop", query={"page": "2"}, headers={"content-type": "application/json"},
            body=('{"text": "' + SCRIPT.replace('"', "'") + '"}').encode(), received_at=row.received_at,
        )  # fmt: skip
        made = RequestEvent(
            id=1, kind="CustomerMessage", key="evt-1", card_id=101, card_number=1, handled=True, refused="", error=""
        )
        return row, raw, (made,) * row.events

    async def parked(self, connector: str = "", limit: int = 0, *, discarded: bool = False) -> list[Parked]:
        return [item for item in (self.thrown if discarded else self.aside) if connector in ("", item.connector)]

    async def parked_ids(self, connector: str = "") -> list[ParkedId]:
        return [
            ParkedId(what=item.what, id=item.id, connector=item.connector, repeat=item.repeat)
            for item in await self.parked(connector)
        ]

    # --- what people do

    def put_back(self, number: int, state: str, outcome: str, author: str, now: dt.datetime) -> None:
        """A delivery comes to a state by somebody's doing."""
        self.outbox[number] = msgspec.structs.replace(self.outbox[number], state=state, error="", next_at=now)
        line = Attempt(id=99, at=now, began_at=None, outcome=outcome, error="", answer="", author=author)
        self.lines[number] = [*self.lines[number], line]

    def discard(self, what: str, number: int, now: dt.datetime) -> None:
        (gone,) = [item for item in self.aside if (item.what, item.id) == (what, number)]
        self.aside = [item for item in self.aside if item is not gone]
        self.thrown = [*self.thrown, msgspec.structs.replace(gone, discarded_at=now)]

    def restore(self, what: str, number: int) -> None:
        (back,) = [item for item in self.thrown if (item.what, item.id) == (what, number)]
        self.thrown = [item for item in self.thrown if item is not back]
        self.aside = [*self.aside, msgspec.structs.replace(back, discarded_at=None)]
