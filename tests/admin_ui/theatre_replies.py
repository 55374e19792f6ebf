"""The theatre's ways to customers, and Meta's templates in every state."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from duly_runtime.card import Card
from duly_runtime.events import AgentMessage, AnyBody
from duly_runtime.library import AtMeta, Offered, Variable
from duly_runtime.replies import CannotReply, Draft
from duly_runtime.store.api import Message
from duly_runtime.store.messages_api import Marked
from duly_runtime.ways import Way

AT_META = (
    AtMeta(name="offer", language="en", template="Offer", status="REJECTED", reason="SCAM", category="marketing",
           problem="status"),
    AtMeta(name="old_one", language="en", status="APPROVED", category="utility", problem="unused"),
    AtMeta(name="still_there", language="en", template="Still there?", status="APPROVED", category="utility"),
    AtMeta(name="still_there", language="pt_BR", template="Still there?", status="PENDING", category="utility",
           problem="status"),
    AtMeta(name="welcome", language="en", template="Welcome", problem="missing"),
)  # fmt: skip
TEXT = "Hi {customer.first_name}, do you still need us about {Order number}?"


class TheatreReplies:
    """Part of the theatre. Card 1 came by WhatsApp and its window is open, that of card 5 is closed; the others have the
    channel they came by. What was replied is in `drafts`."""

    clock: Any
    memory: Any
    drafts: list[Draft]

    async def command(self, card_id: int, body: AnyBody, author: str) -> str:
        raise NotImplementedError

    async def ways(self, card: Card, messages: Sequence[Message]) -> Sequence[Way]:
        if card.channel != "whatsapp":
            return (Way(connector="Post", channel=card.channel, address=card.contact.email, default=True, own=True),)
        hours = 3 if card.number != 5 else -30
        until = self.clock.now() + dt.timedelta(hours=hours)
        return (
            Way(
                connector="WhatsApp", channel="whatsapp", address="+5511988770001", default=True, own=True,
                open_until=until, closed=hours < 0,
            ),
            Way(connector="Post", channel="email", address="marta@cliente.example"),
            Way(connector="Pager", channel="pager", problem="out-of-service"),
            Way(connector="Post", channel="email", address="other@cliente.example", problem="claimed"),
        )  # fmt: skip

    async def templates(self, card: Card, connector: str, given: Mapping[str, str]) -> Sequence[Offered]:
        first, order = given.get("customer.first_name", "Eva"), given.get("Order number", "")
        asked = (Variable(name="customer.first_name", value=first), Variable(name="Order number", value=order))
        preview = TEXT.replace("{customer.first_name}", first).replace("{Order number}", order)
        still: dict[str, Any] = dict(
            template="Still there?", name="still_there", text=TEXT, preview=preview, variables=asked
        )
        offer: dict[str, Any] = dict(
            template="Offer", language="en", name="offer", text="We have an offer.", preview="We have an offer."
        )
        return (
            Offered(language="en", status="APPROVED", **still),
            Offered(language="pt-BR", status="PAUSED", problem="status", reason="LOW_QUALITY", **still),
            Offered(status="REJECTED", problem="status", **offer),
            Offered(**{**offer, "template": "Goodbye", "preview": "Goodbye!"}, status="APPROVED"),
            Offered(**{**offer, "template": "Soon"}, problem="missing"),
        )

    async def mark_sent(self, outbox_id: int, author: str) -> None:
        marked = Marked(author=author, at=self.clock.now())
        self._judged(outbox_id, "sent", marked)

    async def unmark_sent(self, outbox_id: int, author: str) -> None:
        self._judged(outbox_id, "unknown", None)

    def _judged(self, outbox_id: int, state: str, marked: Marked | None) -> None:
        for card_id, said in self.memory.said.items():
            self.memory.said[card_id] = [
                replace(each, state=state, marked=marked) if each.delivery == outbox_id else each for each in said
            ]

    async def reply(self, card: Card, draft: Draft) -> str:
        if draft.text == "too late":
            raise CannotReply("window-closed", connector="WhatsApp")
        self.drafts.append(draft)
        text = draft.text or f"{draft.template} {dict(draft.variables)}"
        return await self.command(card.id, AgentMessage(text=text, author=draft.author, files=draft.files), draft.author)
