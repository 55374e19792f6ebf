"""Definitions and payloads the connector tests share. The payloads follow Meta's published shapes; names, numbers and
texts are ours."""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import json
from typing import Any

from duly_connectors.testing import NOON
from duly_dsl import program
from duly_dsl.units import Duration, Unit
from duly_runtime.doors import Outgoing, Raw
from duly_runtime.events import Contact

PIPELINE = program.Pipeline(
    name="Customer support",
    calendar="Office",
    types=("question", "complaint"),
    fields=(
        program.Field(name="Order number", type="text", pattern="^[0-9]{6}$"),
        program.Field(name="Tier", type="choice", choices=("gold", "silver", "basic")),
        program.Field(name="Refund", type="number"),
        program.Field(name="Promised", type="date"),
        program.Field(name="Gift", type="yes/no"),
    ),
)

# --- webhook ---------------------------------------------------------------------------------------------------------

SHOP_KEY = "shop-signing-key"
FORTNIGHT = Duration(Unit.CALENDAR_DAYS, 14)


def row(target: str, path: str, kind: str = "text", missing: str = "skip", default: Any = None) -> program.MapRow:
    return program.MapRow(target=target, path=path, type=kind, missing=missing, default=default)


SHOP = program.Connector(
    name="Shop",
    kind="webhook",
    direction="receives",
    path="/in/shop",
    verify_scheme="hmac",
    verify_algorithm="sha256",
    verify_secret="SHOP_KEY",
    verify_header="X-Shop-Signature",
    pipeline="Customer support",
    same_path="order.id",
    same_within=FORTNIGHT,
    map=(
        row("message", "text", missing="reject"),
        row("title", "subject"),
        row("name", "customer.name"),
        row("email", "customer.email", "email"),
        row("phone", "customer.phone", "phone"),
        row("field:Order number", "order.id", missing="reject"),
        row("field:Tier", "customer.tier", "choice", "default", "basic"),
        row("field:Refund", "refund", "number"),
        row("field:Promised", "promised", "date"),
        row("field:Gift", "gift", "yes/no"),
        row("priority", "priority", "choice", "default", "normal"),
    ),
)
ORDER = {
    "text": "My parcel is late.",
    "subject": "Order 104223",
    "customer": {"name": "Rui Prado", "email": "rui@cliente.example", "phone": "+351 912 345 678", "tier": "Gold"},
    "order": {"id": 104223},
    "refund": 12.5,
    "promised": "2026-03-05T10:00:00Z",
    "gift": True,
    "priority": "urgent",
}


def request(body: bytes, headers: dict[str, str] | None = None, path: str = "/in/shop", method: str = "POST") -> Raw:
    given = {"content-type": "application/json", **(headers or {})}
    return Raw(method=method, path=path, headers=given, body=body, received_at=NOON)


def sign_shop(raw: Raw) -> Raw:
    made = hmac.new(SHOP_KEY.encode(), raw.body, hashlib.sha256).hexdigest()
    return request(raw.body, {**raw.headers, "x-shop-signature": made})


def shop_request(tree: Any, headers: dict[str, str] | None = None) -> Raw:
    return sign_shop(request(json.dumps(tree).encode(), headers))


# --- WhatsApp --------------------------------------------------------------------------------------------------------

NUMBER_ID = "220011448800331"
APP_SECRET = "app-secret-of-ours"
WHATSAPP = program.Connector(
    name="WhatsApp",
    kind="whatsapp",
    direction="connects",
    path="/in/whatsapp",
    pipeline="Customer support",
    settings={
        "phone number id": program.Setting(value=NUMBER_ID),
        "verify token": program.Setting(value="WA_VERIFY", secret=True),
        "app secret": program.Setting(value="WA_APP", secret=True),
        "access token": program.Setting(value="WA_TOKEN", secret=True),
        "api": program.Setting(value="WA_API", secret=True),
    },
)
WHATSAPP_SECRETS = {
    "WA_VERIFY": "verify-word-of-ours",
    "WA_APP": APP_SECRET,
    "WA_TOKEN": "token-of-ours",
    "WA_API": "https://graph.example",
}


def whatsapp_rules(pipeline: str, settings: str = "") -> str:
    """The same connector in the language, with more lines of settings."""
    return f"""
connector "WhatsApp" connects whatsapp {{
  path "/in/whatsapp"
  phone number id "{NUMBER_ID}"
  verify token secret "WA_VERIFY"
  app secret secret "WA_APP"
  access token secret "WA_TOKEN"
  api secret "WA_API"
{settings}
  open card in "{pipeline}"
}}
"""


WRITTEN_AT = NOON - dt.timedelta(minutes=1)
STAMP = str(int(WRITTEN_AT.timestamp()))
CUSTOMER = "5511988776655"
USER_ID = "BR.8821045507731"


def wa_request(tree: Any) -> Raw:
    return sign_whatsapp(request(json.dumps(tree).encode(), path="/in/whatsapp"))


def sign_whatsapp(raw: Raw) -> Raw:
    made = hmac.new(APP_SECRET.encode(), raw.body, hashlib.sha256).hexdigest()
    return request(raw.body, {**raw.headers, "x-hub-signature-256": f"sha256={made}"}, path="/in/whatsapp")


def value(number_id: str = NUMBER_ID, **more: Any) -> dict[str, Any]:
    metadata = {"display_phone_number": "551133224455", "phone_number_id": number_id}
    return {"messaging_product": "whatsapp", "metadata": metadata, **more}


def body(*values: dict[str, Any]) -> dict[str, Any]:
    changes = [{"field": "messages", "value": one} for one in values]
    return {"object": "whatsapp_business_account", "entry": [{"id": "330099", "changes": changes}]}


def message(kind: str = "text", name: str = "wamid.A1", **more: Any) -> dict[str, Any]:
    content = {"text": {"body": "Olá, meu pedido não chegou"}} if kind == "text" and "text" not in more else {}
    return {"from": CUSTOMER, "id": name, "timestamp": STAMP, "type": kind, **content, **more}


def contact(name: str = "Ana Lima") -> dict[str, Any]:
    return {"wa_id": CUSTOMER, "profile": {"name": name}}


def status(word: str, name: str = "wamid.OUT1", **more: Any) -> dict[str, Any]:
    return {"id": name, "status": word, "timestamp": STAMP, "recipient_id": CUSTOMER, **more}


# --- out -------------------------------------------------------------------------------------------------------------


def outgoing(**more: Any) -> Outgoing:
    given: dict[str, Any] = {
        "outbox_id": 77,
        "key": "event-9/reply/1",
        "kind": "message",
        "to": Contact(name="Ana Lima", email="ana@cliente.example", phone="+5511988776655", address=CUSTOMER),
        "subject": "Seu pedido",
        "text": "Chega amanhã.",
        "reference": "duly-42",
        "now": NOON,
        **more,
    }
    return Outgoing(**given)
