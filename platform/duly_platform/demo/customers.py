"""The demo's customers: signed requests to the real doors, as the shop and Meta would send them."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import random
import secrets
from typing import Any

import httpx
import msgspec
import structlog

from duly_runtime.time import Clock

log = structlog.get_logger()

SHOP_PATH, SHOP_HEADER = "/in/shop", "X-Shop-Signature"
WHATSAPP_PATH, WHATSAPP_HEADER = "/in/whatsapp", "X-Hub-Signature-256"
PHONE_NUMBER_ID = "106540352242922"
# As examples/support_desk/doors.duly has them. Whoever changes them in the demo shuts the door on its customers.

ATTEMPTS = 6
"""Times a request is made before its sender gives up, a little later each time."""
TWICE = 0.04
"""Share of requests that are sent twice, for providers do."""


def message_id() -> str:
    """As Meta names messages. Never from a seed: a name seen before is a message seen before."""
    return "wamid." + base64.b64encode(secrets.token_bytes(30)).decode()


class Customer(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    language: str
    phone: str
    """Digits, with the country's."""
    email: str
    order: str

    @property
    def first_name(self) -> str:
        return self.name.split()[0]


class Customers:
    """Writes on behalf of everybody outside. Every method returns whether the door took it."""

    def __init__(
        self, http: httpx.AsyncClient, clock: Clock, rng: random.Random, *, shop_key: str, app_secret: str
    ) -> None:
        self._http = http
        self._clock = clock
        self._rng = rng
        self._shop_key = shop_key
        self._app_secret = app_secret

    async def shop(self, who: Customer, subject: str, text: str, priority: str = "normal", tier: str = "basic") -> bool:
        """A message from the shop's contact form."""
        order = {"id": who.order}
        customer = {"name": who.name, "email": who.email, "phone": f"+{who.phone}", "tier": tier}
        return await self._shop(
            {"order": order, "subject": subject, "text": text, "priority": priority, "customer": customer}
        )

    async def shop_without_order(self, who: Customer, text: str) -> bool:
        """What the shop sends when its form breaks: nothing to make a card of, so it is parked."""
        return await self._shop(
            {"subject": "Contact form", "text": text, "customer": {"name": who.name, "email": who.email}}
        )

    async def whatsapp(self, who: Customer, text: str) -> bool:
        message = {
            "from": who.phone,
            "id": message_id(),
            "timestamp": self._timestamp(),
            "type": "text",
            "text": {"body": text},
        }
        contact = {"profile": {"name": who.name}, "wa_id": who.phone}
        return await self._whatsapp({"contacts": [contact], "messages": [message]})

    async def status(self, wamid: str, to: str, state: str, about: str) -> bool:
        """Meta tells how a message of ours fared."""
        told = {"id": wamid, "status": state, "timestamp": self._timestamp(), "recipient_id": to}
        if about:
            told["biz_opaque_callback_data"] = about
        return await self._whatsapp({"statuses": [told]})

    def _timestamp(self) -> str:
        return str(int(self._clock.now().timestamp()))

    async def _shop(self, tree: dict[str, Any]) -> bool:
        body = msgspec.json.encode(tree)
        signature = hmac.new(self._shop_key.encode(), body, hashlib.sha256).hexdigest()
        # A name for the delivery: the same words about the same order may well be sent a second time.
        key = secrets.token_hex(12)
        return await self._post(SHOP_PATH, body, {SHOP_HEADER: f"sha256={signature}", "Idempotency-Key": key})

    async def _whatsapp(self, value: dict[str, Any]) -> bool:
        metadata = {"display_phone_number": "5511900000000", "phone_number_id": PHONE_NUMBER_ID}
        change = {"field": "messages", "value": {"messaging_product": "whatsapp", "metadata": metadata, **value}}
        body = msgspec.json.encode({"object": "whatsapp_business_account", "entry": [{"id": "demo", "changes": [change]}]})
        signature = hmac.new(self._app_secret.encode(), body, hashlib.sha256).hexdigest()
        return await self._post(WHATSAPP_PATH, body, {WHATSAPP_HEADER: f"sha256={signature}"})

    async def _post(self, path: str, body: bytes, headers: dict[str, str]) -> bool:
        taken = False
        for _ in range(2 if self._rng.random() < TWICE else 1):
            taken = await self._attempts(path, body, headers) or taken
        return taken

    async def _attempts(self, path: str, body: bytes, headers: dict[str, str]) -> bool:
        for attempt in range(ATTEMPTS):
            if self._http.is_closed:
                return False  # the demo ends while this one waited to try again
            try:
                answer = await self._http.post(path, content=body, headers={"Content-Type": "application/json", **headers})
            except httpx.HTTPError as error:
                reason = str(error) or type(error).__name__
            else:
                if answer.is_success:
                    return True
                reason = f"{answer.status_code} {answer.text[:200]}"
                if answer.is_client_error and answer.status_code != 429:
                    break  # it would say the same again
            await asyncio.sleep(0.3 * 2**attempt)
        log.warning("a door did not take a message of the demo", door=path, reason=reason)
        return False
