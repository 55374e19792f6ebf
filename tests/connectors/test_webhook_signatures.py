"""Webhooks in: who may come in, by each scheme."""

from __future__ import annotations

import asyncio
import base64
import datetime as dt
import hashlib
import hmac
from typing import Any

import msgspec
import pytest
from standardwebhooks import Webhook as Standard

from connectors import samples
from connectors.hooks import BODY, door, only, received, refused
from connectors.samples import ORDER, SHOP_KEY, request, shop_request
from duly_connectors.contract import Tools
from duly_connectors.testing import NOON
from duly_connectors.webhook import Webhook
from duly_runtime import ingest
from duly_runtime.doors import Parsed, Raw, Refused
from duly_runtime.store.api import Accepted
from duly_runtime.time import FakeClock


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


# --- schemes that have a word of their own ---------------------------------------------------------------------------


def by(scheme: str, **more: str) -> dict[str, str]:
    return {"verify_scheme": scheme, "verify_algorithm": "", "verify_header": "", **more}


@pytest.mark.parametrize("prefix", ["webhook", "svix"])
def test_the_word_for_standard_webhooks(prefix: str) -> None:
    raw = standard()
    headers = {name.replace("webhook-", f"{prefix}-"): value for name, value in raw.headers.items()}
    parsed = received(request(BODY, headers), secret=STANDARD_KEY, **by("standard webhooks"))
    assert parsed.items[0].key == "msg_1"
    told = refused(request(BODY), secret=STANDARD_KEY, **by("standard webhooks"))
    assert (told.status, told.reason) == (401, "the request is not signed: the header webhook-signature is missing")


def test_one_good_signature_among_several_is_enough_and_among_too_many_it_is_not_looked_for() -> None:
    raw = standard()
    good = raw.headers["webhook-signature"].split()[-1]
    for count, comes_in in ((10, True), (60, False)):
        shown = " ".join(["v1,AAAA"] * count + ["v1a,BBBB", good])
        many = request(BODY, {**raw.headers, "webhook-signature": shown})
        if comes_in:
            assert only(received(many, secret=STANDARD_KEY, **by("standard webhooks"))).text == "My parcel is late."
        else:
            assert refused(many, secret=STANDARD_KEY, **by("standard webhooks")).status == 401


@pytest.mark.parametrize("secret", ["whsec_" + base64.b64encode(b"another key").decode(), "not base64!", "whsec_"])
def test_another_secret_of_any_form_signs_something_else(secret: str) -> None:
    assert refused(standard(), secret=secret, **by("standard webhooks")).status == 401


def test_the_word_for_github() -> None:
    raw = request(BODY, {"x-hub-signature-256": f"sha256={made('sha256').hex()}", "x-github-delivery": "guid-1"})
    assert received(raw, **by("github")).items[0].key == "guid-1"
    wrong = request(BODY, {"x-hub-signature-256": f"sha256={made('sha256', b'other').hex()}"})
    assert refused(wrong, **by("github")).status == 401
    # The older header of theirs is weaker and not looked at.
    old = request(BODY, {"x-hub-signature": f"sha1={made('sha1').hex()}"})
    assert refused(old, **by("github")).reason == "the request is not signed: the header X-Hub-Signature-256 is missing"


def test_the_word_for_stripe() -> None:
    time = str(int(NOON.timestamp()))
    digest = hmac.new(SHOP_KEY.encode(), time.encode() + b"." + BODY, hashlib.sha256).hexdigest()
    raw = request(BODY, {"stripe-signature": f"t={time},v1={digest},v0={'0' * 64}"})
    assert only(received(raw, **by("stripe"))).text == "My parcel is late."
    for minutes in (-6, 6):
        moved = msgspec.structs.replace(raw, received_at=NOON + dt.timedelta(minutes=minutes))
        assert refused(moved, **by("stripe")).status == 401
    for shown in (f"v1={digest}", f"t={time}", f"t={int(time) + 1},v1={digest}", f"t={time},v0={digest}", "t=,v1="):
        assert refused(request(BODY, {"stripe-signature": shown}), **by("stripe")).status == 401


@pytest.mark.parametrize("scheme", ["standard webhooks", "github", "stripe", "token"])
def test_an_empty_secret_lets_nobody_in_by_any_scheme(scheme: str) -> None:
    time = str(int(NOON.timestamp()))
    headers = {
        "x-hub-signature-256": "sha256=" + hmac.new(b"", BODY, hashlib.sha256).hexdigest(),
        "stripe-signature": f"t={time},v1={hmac.new(b'', time.encode() + b'.' + BODY, hashlib.sha256).hexdigest()}",
        "authorization": "Bearer ",
        "webhook-id": "m",
        "webhook-timestamp": time,
        "webhook-signature": "v1," + base64.b64encode(hmac.new(b"", b"", hashlib.sha256).digest()).decode(),
    }
    assert refused(request(BODY, headers), secret="", **by(scheme)).status == 503


# --- two secrets at once ---------------------------------------------------------------------------------------------


def rotating(previous: str, **changes: Any) -> Webhook:
    tools = Tools(secrets=lambda name: SHOP_KEY, clock=FakeClock(NOON), previous=lambda name: previous)
    return Webhook(msgspec.structs.replace(samples.SHOP, **changes), samples.PIPELINE, tools)


@pytest.mark.parametrize("scheme", ["hmac", "github", "stripe", "token", "standard webhooks"])
def test_while_a_secret_is_rotated_both_open_the_door(scheme: str) -> None:
    time = str(int(NOON.timestamp()))

    def signed(key: str) -> Raw:
        timed = hmac.new(key.encode(), time.encode() + b"." + BODY, hashlib.sha256).hexdigest()
        headers = {
            "x-signature": made("sha256", key=key).hex(),
            "x-hub-signature-256": f"sha256={made('sha256', key=key).hex()}",
            "stripe-signature": f"t={time},v1={timed}",
            "authorization": f"Bearer {key}",
            "webhook-id": "m1",
            "webhook-timestamp": time,
            "webhook-signature": Standard(key.encode()).sign("m1", NOON, BODY.decode()),
        }
        return request(BODY, headers)

    door = rotating("the key before", **by(scheme))
    for key in (SHOP_KEY, "the key before"):
        assert isinstance(door.receive(signed(key)), Parsed)
    for previous in ("", "  "):
        with pytest.raises(Refused):
            rotating(previous, **by(scheme)).receive(signed("the key before"))
    with pytest.raises(Refused):
        door.receive(signed("a third key"))


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
