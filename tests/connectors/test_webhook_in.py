"""Webhooks in: who may come in, what a body becomes, and what is parked."""

from __future__ import annotations

import asyncio
import base64
import datetime as dt
import hashlib
import hmac
import json
from typing import Any

import msgspec
import pytest
from standardwebhooks import Webhook as Standard

from connectors import samples
from connectors.samples import ORDER, SHOP_KEY, request, row, shop_request
from duly_connectors.contract import BadSetting, MissingSecret, Tools
from duly_connectors.testing import NOON
from duly_connectors.webhook import Webhook
from duly_dsl import program
from duly_runtime import ingest
from duly_runtime.doors import Parsed, Raw, Refused
from duly_runtime.events import Contact, CustomerMessage, Scalar
from duly_runtime.store.api import Accepted
from duly_runtime.time import FakeClock

BODY = json.dumps(ORDER).encode()


def door(secret: str = SHOP_KEY, **changes: Any) -> Webhook:
    tools = Tools(secrets=lambda name: {"SHOP_KEY": secret}[name], clock=FakeClock(NOON))
    return Webhook(msgspec.structs.replace(samples.SHOP, **changes), samples.PIPELINE, tools)


def received(raw: Raw, **changes: Any) -> Parsed:
    found = door(**changes).receive(raw)
    assert isinstance(found, Parsed)
    return found


def only(parsed: Parsed) -> CustomerMessage:
    assert parsed.problems == ()
    (item,) = parsed.items
    assert isinstance(item.body, CustomerMessage)
    return item.body


def refused(raw: Raw, **changes: Any) -> Refused:
    with pytest.raises(Refused) as told:
        door(**changes).receive(raw)
    return told.value


# --- signatures ------------------------------------------------------------------------------------------------------


def made(algorithm: str, body: bytes = BODY, key: str = SHOP_KEY) -> bytes:
    return hmac.new(key.encode(), body, algorithm).digest()


@pytest.mark.parametrize("algorithm", ["sha256", "sha1", "sha512"])
@pytest.mark.parametrize("form", ["hex", "HEX", "base64", "urlsafe", "prefixed"])
def test_signatures_of_every_form(algorithm: str, form: str) -> None:
    digest = made(algorithm)
    shown = {
        "hex": digest.hex(),
        "HEX": digest.hex().upper(),
        "base64": base64.b64encode(digest).decode(),
        "urlsafe": base64.urlsafe_b64encode(digest).decode().rstrip("="),
        "prefixed": f"{algorithm}={digest.hex()}",
    }[form]
    raw = request(BODY, {"x-shop-signature": shown})
    assert only(received(raw, verify_algorithm=algorithm)).text == "My parcel is late."


@pytest.mark.parametrize(
    "shown",
    [
        "",
        "sha256=",
        "abc",
        "0" * 64,
        "ü" * 64,
        made("sha1").hex(),
        made("sha256", key="guess").hex(),
        made("sha256", b"{}").hex(),
    ],
)
def test_other_signatures_are_refused(shown: str) -> None:
    assert refused(request(BODY, {"x-shop-signature": shown})).status == 401


def test_an_unsigned_request_is_told_what_is_missing() -> None:
    told = refused(request(BODY))
    assert (told.status, told.reason) == (401, "the request is not signed: the header X-Shop-Signature is missing")


def test_only_posts_come_in() -> None:
    raw = samples.sign_shop(request(BODY))
    assert refused(msgspec.structs.replace(raw, method="GET")).status == 405


@pytest.mark.parametrize("secret", ["", "  "])
def test_an_empty_secret_lets_nobody_in(secret: str) -> None:
    raw = request(BODY, {"x-shop-signature": made("sha256", key=secret).hex()})
    assert refused(raw, secret=secret).status == 503


def test_a_door_without_verification_lets_nobody_in() -> None:
    assert refused(shop_request(ORDER), verify_scheme="").status == 401


STANDARD_KEY = "whsec_" + base64.b64encode(b"a key of twenty-four bytes").decode()


def standard(at: dt.datetime = NOON, message: str = "msg_1", body: bytes = BODY) -> Raw:
    signature = Standard(STANDARD_KEY).sign(message, at, body.decode())
    headers = {
        "webhook-id": message,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": f"v1,AAAA {signature}",
    }
    return request(body, headers)


STANDARD = {"secret": STANDARD_KEY, "verify_header": "webhook-signature"}


def test_standard_webhooks() -> None:
    parsed = received(standard(), **STANDARD)
    assert parsed.items[0].key == "msg_1"


@pytest.mark.parametrize("minutes", [-6, 6])
def test_standard_webhooks_outside_their_five_minutes_are_refused(minutes: int) -> None:
    assert refused(standard(NOON + dt.timedelta(minutes=minutes)), **STANDARD).status == 401


@pytest.mark.parametrize(
    "headers",
    [
        {"webhook-id": "msg_2"},
        {"webhook-timestamp": str(int(NOON.timestamp()) + 1)},
        {"webhook-id": ""},
        {"webhook-timestamp": "x"},
    ],
    ids=repr,
)
def test_standard_webhooks_sign_their_id_and_time(headers: dict[str, str]) -> None:
    raw = standard()
    assert refused(msgspec.structs.replace(raw, headers={**raw.headers, **headers}), **STANDARD).status == 401


def test_a_timed_signature() -> None:
    time = str(int(NOON.timestamp()))
    digest = hmac.new(SHOP_KEY.encode(), time.encode() + b"." + BODY, hashlib.sha256).hexdigest()
    raw = request(BODY, {"stripe-signature": f"t={time},v1={'0' * 64},v1={digest}"})
    assert only(received(raw, verify_header="Stripe-Signature")).text == "My parcel is late."
    late = msgspec.structs.replace(raw, received_at=NOON + dt.timedelta(minutes=6))
    assert refused(late, verify_header="Stripe-Signature").status == 401
    broken = request(BODY, {"stripe-signature": f"t={time},v1={'0' * 64}"})
    assert refused(broken, verify_header="Stripe-Signature").status == 401


TOKEN = {"verify_scheme": "token", "verify_header": ""}


@pytest.mark.parametrize(
    ("headers", "query"),
    [
        ({"authorization": f"Bearer {SHOP_KEY}"}, {}),
        ({"authorization": f"bearer  {SHOP_KEY} "}, {}),
        ({"x-duly-token": SHOP_KEY}, {}),
        ({}, {"token": SHOP_KEY}),
    ],
    ids=repr,
)
def test_a_token_opens(headers: dict[str, str], query: dict[str, str]) -> None:
    raw = msgspec.structs.replace(request(BODY, headers), query=query)
    assert only(received(raw, **TOKEN)).text == "My parcel is late."


@pytest.mark.parametrize(
    ("headers", "query"),
    [({}, {}), ({"authorization": "Bearer guess"}, {}), ({"authorization": f"Basic {SHOP_KEY}"}, {}), ({}, {"token": ""})],
    ids=repr,
)
def test_another_token_does_not(headers: dict[str, str], query: dict[str, str]) -> None:
    assert refused(msgspec.structs.replace(request(BODY, headers), query=query), **TOKEN).status == 401


def test_a_named_token_header_is_the_only_way_in() -> None:
    named = {"verify_scheme": "token", "verify_header": "X-Key"}
    assert only(received(request(BODY, {"x-key": SHOP_KEY}), **named)).text == "My parcel is late."
    assert refused(request(BODY, {"authorization": f"Bearer {SHOP_KEY}"}), **named).status == 401


class Keeper:
    """The one method of the store that takes requests in."""

    def __init__(self) -> None:
        self.kept: list[Raw] = []

    async def accept(self, connector: str, raw: Raw, items: Any, now: dt.datetime, parked: str = "") -> Accepted:
        self.kept.append(raw)
        return Accepted(event_ids=())


@pytest.mark.parametrize(
    ("headers", "query", "named"),
    [
        ({"authorization": f"Bearer {SHOP_KEY}"}, {}, ""),
        ({"x-duly-token": SHOP_KEY}, {}, ""),
        ({"x-key": SHOP_KEY, "cookie": f"s={SHOP_KEY}"}, {}, "X-Key"),
        ({}, {"token": SHOP_KEY, "page": "2"}, ""),
    ],
    ids=repr,
)
def test_a_token_is_not_kept_with_the_request(headers: dict[str, str], query: dict[str, str], named: str) -> None:
    keeper: Any = Keeper()
    raw = msgspec.structs.replace(request(BODY, headers), query=query)
    asyncio.run(ingest.receive(keeper, door(verify_scheme="token", verify_header=named), raw, NOON))
    (kept,) = keeper.kept
    assert SHOP_KEY not in repr(kept)
    assert kept.body == BODY
    assert kept.headers["content-type"] == "application/json"
    assert kept.query == ({"page": "2"} if query else {})


# --- what a body becomes ---------------------------------------------------------------------------------------------


def test_a_body_becomes_a_message() -> None:
    raw = shop_request(ORDER)
    (item,) = received(raw).items
    assert item.at == NOON
    assert item.key == "sha256:" + hashlib.sha256(raw.body).hexdigest()
    assert item.body == CustomerMessage(
        text="My parcel is late.",
        title="Order 104223",
        contact=Contact(name="Rui Prado", email="rui@cliente.example", phone="+351912345678"),
        channel="webhook",
        connector="Shop",
        conversation="104223",
        same_within=samples.FORTNIGHT,
        pipeline="Customer support",
        fields={
            "field:Order number": "104223",
            "field:Tier": "gold",
            "field:Refund": 12.5,
            "field:Promised": "2026-03-05",
            "field:Gift": True,
            "priority": "urgent",
        },
        provider_id=item.key,
    )


def test_what_is_missing_is_skipped_or_has_its_default() -> None:
    found = only(received(shop_request({"text": "Hi", "order": {"id": "200001"}, "subject": "", "refund": None})))
    assert found.fields == {"field:Order number": "200001", "field:Tier": "basic", "priority": "normal"}
    assert (found.title, found.contact) == ("", Contact())


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"text": None}, "`message`: the message holds nothing at `text`"),
        ({"order": {}}, "`Order number`: the message holds nothing at `order.id`"),
        ({"order": {"id": "A-1"}}, "`Order number`: `A-1` does not match the field's pattern"),
        ({"priority": "asap"}, "`priority`: `asap` is not one of urgent, high, normal, low"),
        ({"refund": "a lot"}, "`Refund`: `a lot` is not a number (write 1234.5)"),
        ({"promised": "tomorrow"}, "`Promised`: `tomorrow` is not a date (write 2026-03-31)"),
        ({"gift": "perhaps"}, "`Gift`: `perhaps` is neither yes nor no"),
        ({"customer": {"email": "rui"}}, "`email`: `rui` is not an e-mail address"),
        ({"customer": {"phone": "call me"}}, "`phone`: `call me` is not a phone number"),
        ({"subject": ["a", "b"]}, "`title`: the message holds a list or an object there, not one value"),
    ],
    ids=repr,
)
def test_what_can_not_be_mapped_is_parked_with_the_reason(change: dict[str, Any], problem: str) -> None:
    assert received(shop_request({**ORDER, **change})) == Parsed(problems=(problem,))


def test_every_reason_is_told_at_once() -> None:
    parsed = received(shop_request({"order": {"id": 1}, "gift": 7}))
    assert len(parsed.problems) == 3
    assert parsed.items == ()


@pytest.mark.parametrize(
    ("kind", "given", "value"),
    [
        ("text", 12, "12"),
        ("text", 12.0, "12"),
        ("text", True, "true"),
        ("text", "  a b ", "a b"),
        ("text", "a\0b", "a\ufffdb"),
        ("number", "12.50", 12.5),
        ("number", -3, -3.0),
        ("number", "1,5", None),
        ("number", True, None),
        ("number", "1e999", None),
        ("number", "٣", None),
        ("yes/no", "Sim", True),
        ("yes/no", 0, False),
        ("yes/no", "on", True),
        ("date", "2026-02-29", None),
        ("date", "20260302", "2026-03-02"),
        ("date", "2026-03-02T23:30:00-03:00", "2026-03-02"),
        ("phone", "00351 (912) 345-678", "+351912345678"),
        ("phone", "12345", None),
        ("email", "a b@c.example", None),
        ("email", "a@b@c.example", None),
        ("email", "ana@loja.com.br", "ana@loja.com.br"),
    ],
)
def test_values_by_type(kind: str, given: object, value: Scalar | None) -> None:
    parsed = received(shop_request({"v": given}), map=(row("field:V", "v", kind),), same_path="")
    if value is None:
        assert len(parsed.problems) == 1
    else:
        assert only(parsed).fields == {"field:V": value}


def test_a_form_comes_in() -> None:
    raw = samples.sign_shop(
        request(b"text=Ol%C3%A1+a+todos&order.id=200001&x=1&x=2", {"content-type": "application/x-www-form-urlencoded"})
    )
    rows = (row("message", "text"), row("field:Order number", '"order.id"'))
    found = only(received(raw, map=rows, same_path='"order.id"'))
    assert (found.text, found.conversation) == ("Olá a todos", "200001")


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"text=hi", "application/json"),
        (b"", "application/json"),
        (b'{"a": NaN}', "application/json"),
        (b"\xff\xfe{}", "application/json"),
        (b'{"a": "\\ud800"}', "application/json"),
        (b"[" * 100_000, "application/json"),
        (b"a=%ff", "application/x-www-form-urlencoded"),
        (b"&".join(b"a=1" for _ in range(2000)), "application/x-www-form-urlencoded"),
    ],
    ids=range(8),
)
def test_what_is_no_document_at_all_is_refused(body: bytes, kind: str) -> None:
    assert refused(samples.sign_shop(request(body, {"content-type": kind}))).status == 400


def test_without_a_map_the_document_is_the_message() -> None:
    found = only(received(shop_request({"a": 1}), map=()))
    assert found.text == '{\n  "a": 1\n}'


# --- keys and conversations ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "header", ["idempotency-key", "webhook-id", "svix-id", "x-github-delivery", "x-shopify-webhook-id"]
)
def test_the_senders_name_for_a_delivery_is_its_key(header: str) -> None:
    (item,) = received(shop_request(ORDER, {header: "d-17"})).items
    assert item.key == "d-17"


def test_a_name_a_proxy_gives_is_not() -> None:
    first = received(shop_request(ORDER, {"x-request-id": "r1"}))
    second = received(shop_request(ORDER, {"x-request-id": "r2"}))
    assert first.items[0].key == second.items[0].key


def test_endless_keys_are_shortened() -> None:
    (item,) = received(shop_request({**ORDER, "order": {"id": 104223}}, {"idempotency-key": "k" * 5000})).items
    assert item.key == "sha256:" + hashlib.sha256(b"k" * 5000).hexdigest()


def test_without_a_value_in_common_each_message_has_its_own_card() -> None:
    bare = received(shop_request(ORDER, {"idempotency-key": "d-1"}), same_path="")
    assert (only(bare).conversation, only(bare).same_within) == ("d-1", None)
    missing = received(shop_request(ORDER, {"idempotency-key": "d-1"}), same_path="order.name")
    assert (only(missing).conversation, only(missing).same_within) == ("d-1", None)


# --- set-up ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changes",
    [{"map": (row("message", "a..b"),)}, {"same_path": "["}, {"verify_algorithm": "md5"}],
    ids=repr,
)
def test_a_definition_that_can_not_work_says_so(changes: dict[str, Any]) -> None:
    with pytest.raises(BadSetting):
        door(**changes)


def test_a_missing_secret_is_named_to_the_admin_only() -> None:
    def nothing(name: str) -> str:
        raise MissingSecret(name)

    made = Webhook(samples.SHOP, samples.PIPELINE, Tools(secrets=nothing, clock=FakeClock(NOON)))
    with pytest.raises(Refused) as told:
        made.receive(shop_request(ORDER))
    assert (told.value.status, told.value.reason) == (503, "this door is not set up yet")


def test_a_parser_that_breaks_parks_the_request(monkeypatch: pytest.MonkeyPatch) -> None:
    made = door()

    def broken(_raw: Raw) -> Parsed:
        raise KeyError("oops")

    monkeypatch.setattr(made, "parse", broken)
    assert made.receive(shop_request(ORDER)) == Parsed(problems=("The connector could not read it: KeyError('oops')",))


def test_the_kind_of_webhooks_takes_a_map() -> None:
    assert Webhook.KIND.accepts_map
    assert isinstance(Webhook.KIND, program.ConnectorKind)
