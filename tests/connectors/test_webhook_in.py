"""Webhooks in: what a body becomes, what is parked, and what is the same request twice."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest

from connectors import samples
from connectors.hooks import BODY, door, only, received, refused
from connectors.samples import ORDER, request, row, shop_request
from duly_connectors.contract import MAX_BODY, BadSetting, MissingSecret, Tools
from duly_connectors.testing import NOON
from duly_connectors.webhook import Webhook
from duly_dsl import program
from duly_runtime.doors import Parsed, Raw, Refused
from duly_runtime.events import Contact, CustomerMessage, Scalar
from duly_runtime.time import FakeClock

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


def multipart(*parts: tuple[str, bytes], boundary: str = "x-y-z") -> Raw:
    """A form of parts: (headers after the first line's `form-data;`, content)."""
    body = b"".join(
        f"--{boundary}\r\nContent-Disposition: form-data; {head}\r\n\r\n".encode() + content + b"\r\n"
        for head, content in parts
    )
    kind = f'multipart/form-data; boundary="{boundary}"'
    return samples.sign_shop(request(body + f"--{boundary}--\r\n".encode(), {"content-type": kind}))


def test_a_form_with_files_comes_in() -> None:
    raw = multipart(
        ('name="text"', "Olá, veja a foto 📷".encode()),
        ('name="order.id"\r\nContent-Type: text/plain; charset=iso-8859-1', b"200001"),
        ('name="photo"; filename="caf\u00e9.png"\r\nContent-Type: image/png', b"\x89PNG\x00\xff"),
    )
    rows = (row("message", "text"), row("field:Order number", '"order.id"'), row("title", "photo.name"))
    found = only(received(raw, map=rows, same_path='"order.id"'))
    assert (found.text, found.title, found.conversation) == ("Olá, veja a foto 📷", "café.png", "200001")
    (file,) = found.files
    assert (file.name, file.media_type, file.size) == ("café.png", "image/png", 6)
    (item,) = received(raw, map=rows, same_path='"order.id"').items
    assert item.contents == {file.sha256: b"\x89PNG\x00\xff"}
    assert hashlib.sha256(b"\x89PNG\x00\xff").hexdigest() == file.sha256
    sized = only(received(raw, map=(row("message", "text"), row("field:Refund", "photo.size", "number")), same_path=""))
    assert sized.fields == {"field:Refund": 6.0}


def test_a_form_where_no_file_was_chosen_has_none() -> None:
    raw = multipart(
        ('name="text"', b"hi"),
        ('name="photo"; filename=""\r\nContent-Type: application/octet-stream', b""),
        ('name="scan"; filename="empty.txt"', b""),
        ('name="scan"; filename=""', b"nameless"),
    )
    (item,) = received(raw, map=(row("message", "text"),), same_path="").items
    assert isinstance(item.body, CustomerMessage)
    assert [(file.name, file.size) for file in item.body.files] == [("empty.txt", 0), ("", 8)]
    assert set(item.contents) == {file.sha256 for file in item.body.files}


def test_json_that_comes_as_a_form_is_json() -> None:
    tree = json.dumps({"text": "pushed", "order": {"id": 300001}})
    raw = samples.sign_shop(
        request(("payload=" + tree).encode(), {"content-type": "application/x-www-form-urlencoded; charset=utf-8"})
    )
    rows = (row("message", "text"), row("field:Order number", "order.id"))
    assert only(received(raw, map=rows)).fields == {"field:Order number": "300001"}
    words = samples.sign_shop(request(b"payload=just+words", {"content-type": "application/x-www-form-urlencoded"}))
    assert only(received(words, map=(row("message", "payload"),), same_path="")).text == "just words"


def test_a_byte_order_mark_is_no_part_of_the_json() -> None:
    raw = samples.sign_shop(request(b"\xef\xbb\xbf" + BODY))
    assert only(received(raw)).text == "My parcel is late."


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("items[0].name", "lamp"),
        ("items[-1].name", "vela"),
        ("items[].name | join(', ', @)", "lamp, vela"),
        ("items[?price > `10`].name | [0]", "lamp"),
        ("length(items)", "2"),
        ('"a.b"."c d"', "dotted"),
        ("deep.er.and.deeper", "down here"),
        ("nome", "São João 🎉 \u0627\u0644"),
        ("none || fallback", "second"),
    ],
)
def test_paths_into_what_was_posted(path: str, text: str) -> None:
    tree = {
        "items": [{"name": "lamp", "price": 12.5}, {"name": "vela", "price": 3}],
        "a.b": {"c d": "dotted"},
        "deep": {"er": {"and": {"deeper": "down here"}}},
        "nome": "São João 🎉 \u0627\u0644",
        "none": None,
        "fallback": "second",
    }
    assert only(received(shop_request(tree), map=(row("message", path),), same_path="")).text == text


@pytest.mark.parametrize("missing", ["reject", "skip", "default"])
@pytest.mark.parametrize("tree", [{}, {"v": None}, {"v": ""}, {"v": []}, [], 7, None, "text"], ids=repr)
def test_what_is_not_there(missing: str, tree: Any) -> None:
    rows = (row("field:Order number", "v", missing=missing, default="000000"),)
    parsed = received(shop_request(tree), map=rows, same_path="")
    if tree == {"v": []}:
        assert parsed.problems == ("`Order number`: the message holds a list or an object there, not one value",)
    elif missing == "reject":
        assert parsed.problems == ("`Order number`: the message holds nothing at `v`",)
    else:
        assert only(parsed).fields == ({"field:Order number": "000000"} if missing == "default" else {})


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
        (b"--b\r\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n", "multipart/form-data; boundary=b"),
        (b"--b--", "multipart/form-data"),
        (b"nothing of the kind", "multipart/form-data; boundary=b"),
        (
            b"--b\r\nContent-Disposition: form-data; name=a\r\nContent-Type: a/b; charset=klingon\r\n\r\n1\r\n--b--\r\n",
            "multipart/form-data; boundary=b",
        ),
        (b"--b\r\nContent-Disposition: form-data; name=a\r\n\r\n\xff\r\n--b--\r\n", "multipart/form-data; boundary=b"),
        (
            b"".join(b"--b\r\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n" for _ in range(1001)) + b"--b--\r\n",
            "multipart/form-data; boundary=b",
        ),
    ],
    ids=range(14),
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


def test_the_file_may_say_where_a_request_names_itself() -> None:
    by_path = {"key_path": "event.id"}
    first = received(shop_request({**ORDER, "event": {"id": "evt_1"}, "try": 1}, {"idempotency-key": "x"}), **by_path)
    second = received(shop_request({**ORDER, "event": {"id": "evt_1"}, "try": 2}, {"idempotency-key": "y"}), **by_path)
    other = received(shop_request({**ORDER, "event": {"id": 17}}), **by_path)
    assert [parsed.items[0].key for parsed in (first, second, other)] == ["evt_1", "evt_1", "17"]
    by_header = received(shop_request(ORDER, {"x-event": " e-1 ", "webhook-id": "m-1"}), key_header="X-Event")
    assert by_header.items[0].key == "e-1"


@pytest.mark.parametrize("changes", [{"key_path": "event.id"}, {"key_header": "X-Event"}], ids=repr)
def test_where_it_does_not_its_other_names_count(changes: dict[str, str]) -> None:
    assert received(shop_request(ORDER, {"webhook-id": "m-1"}), **changes).items[0].key == "m-1"
    assert received(shop_request(ORDER), **changes).items[0].key.startswith("sha256:")


def test_a_request_at_the_limit_comes_in_and_a_larger_one_does_not() -> None:
    rows = (row("title", "subject"),)
    head = b'{"subject": "big", "pad": "'
    fits = samples.sign_shop(request(head + b"x" * (MAX_BODY - len(head) - 2) + b'"}'))
    assert len(fits.body) == MAX_BODY
    assert only(received(fits, map=rows, same_path="")).title == "big"
    assert refused(samples.sign_shop(request(fits.body + b" "))).status == 413


def test_endless_keys_are_shortened() -> None:
    (item,) = received(shop_request({**ORDER, "order": {"id": 104223}}, {"idempotency-key": "k" * 5000})).items
    assert item.key == "sha256:" + hashlib.sha256(b"k" * 5000).hexdigest()


def test_without_a_value_in_common_each_message_has_its_own_card() -> None:
    bare = received(shop_request(ORDER, {"idempotency-key": "d-1"}), same_path="", same_within=None)
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
