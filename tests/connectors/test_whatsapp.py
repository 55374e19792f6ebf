"""WhatsApp: what comes in, in Meta's shapes, and what goes out to a stand-in of the Graph API."""

from __future__ import annotations

import asyncio
import dataclasses
import time
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from connectors import samples
from connectors.whatsapp_door import door, send
from duly_connectors.outbound import Network, Response
from duly_connectors.testing import NOON, ScriptedNetwork
from duly_connectors.whatsapp import WhatsApp
from duly_runtime.doors import Answer, Approved, Failed, Parsed, Raw, Refused, Retry, Sent, Unknown
from duly_runtime.events import Contact, DeliveryStatus
from fakes.graph import FakeGraph, Template

# --- the door --------------------------------------------------------------------------------------------------------


def verification(**query: str) -> Raw:
    named = {f"hub.{key}": text for key, text in query.items()}
    return Raw(method="GET", path="/in/whatsapp", query=named, received_at=NOON)


def test_meta_verifies_the_address() -> None:
    asked = verification(mode="subscribe", verify_token="verify-word-of-ours", challenge="1158201444")
    assert door().receive(asked) == Answer(body=b"1158201444")


@pytest.mark.parametrize(
    ("query", "refused"),
    [
        ({"mode": "subscribe", "verify_token": "guess", "challenge": "1"}, 401),
        ({"mode": "subscribe", "challenge": "1"}, 401),
        ({"mode": "unsubscribe", "verify_token": "verify-word-of-ours", "challenge": "1"}, 400),
        ({"mode": "subscribe", "verify_token": "verify-word-of-ours"}, 400),
        ({}, 400),
    ],
)
def test_others_do_not(query: dict[str, str], refused: int) -> None:
    with pytest.raises(Refused) as told:
        door().receive(verification(**query))
    assert told.value.status == refused


def test_while_the_app_secret_is_replaced_both_are_believed() -> None:
    made = door()
    raw = samples.wa_request(samples.body(samples.value()))
    rotated = dataclasses.replace(made.tools, secrets={**samples.WHATSAPP_SECRETS, "WA_APP": "new"}.__getitem__)
    made.tools = dataclasses.replace(rotated, previous=lambda name: samples.APP_SECRET if name == "WA_APP" else "")
    assert isinstance(made.receive(raw), Parsed)
    made.tools = rotated
    with pytest.raises(Refused):
        made.receive(raw)


def test_signature_of_another_hash_is_refused() -> None:
    raw = samples.request(b"{}", {"x-hub-signature-256": "sha1=" + "0" * 40}, path="/in/whatsapp")
    with pytest.raises(Refused) as told:
        door().receive(raw)
    assert told.value.status == 401


def test_signed_but_not_json_is_refused() -> None:
    raw = samples.sign_whatsapp(samples.request(b"entry=1", path="/in/whatsapp"))
    with pytest.raises(Refused) as told:
        door().receive(raw)
    assert told.value.status == 400


# --- out -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def graph() -> Iterator[FakeGraph]:
    with FakeGraph(token="token-of-ours", number_id=samples.NUMBER_ID) as running:
        yield running


def test_a_text_goes_out(graph: FakeGraph) -> None:
    outcome = send(graph)
    (taken,) = graph.deliveries
    assert outcome == Sent(provider_id=taken["id"])
    assert (taken["to"], taken["text"], taken["key"]) == (samples.CUSTOMER, "Chega amanhã.", "77")


def test_a_user_id_is_a_recipient_of_another_kind(graph: FakeGraph) -> None:
    assert isinstance(send(graph, to=Contact(address=samples.USER_ID)), Sent)
    assert graph.deliveries[0]["to"] == samples.USER_ID


def test_a_person_is_reached_by_phone(graph: FakeGraph) -> None:
    assert isinstance(send(graph, kind="notice", to=Contact(phone="+55 (11) 3322-4455")), Sent)
    assert graph.deliveries[0]["to"] == "551133224455"


@pytest.mark.parametrize(
    ("fault", "kind", "word"),
    [
        ("429", Retry, "WhatsApp 4"),
        ("130429", Retry, "130429"),
        ("131056", Retry, "131056"),
        ("500", Retry, "131000"),
        ("503", Retry, "WhatsApp 2"),
        ("502", Unknown, "502"),
        ("131047", Failed, "24 hours"),
        ("190", Failed, "access token"),
    ],
)
def test_what_meta_says_decides(graph: FakeGraph, fault: str, kind: type[Retry], word: str) -> None:
    graph.fault(fault)
    outcome = send(graph)
    assert isinstance(outcome, kind)
    assert word in outcome.reason
    assert graph.deliveries == []
    assert graph.attempts["77"] == 1


def test_the_pair_limit_waits_its_six_seconds(graph: FakeGraph) -> None:
    graph.fault("131056")
    outcome = send(graph)
    assert isinstance(outcome, Retry)
    assert outcome.after == 6


def test_hanging_up_after_taking_it_is_unknown(graph: FakeGraph) -> None:
    graph.fault("lost")
    assert isinstance(send(graph), Unknown)
    assert len(graph.deliveries) == 1


def test_no_answer_in_time_is_unknown(graph: FakeGraph, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(WhatsApp, "POST_SECONDS", 2.0)
    graph.fault("hang")
    hurried = door(Network(allow_private=True), graph.url)
    assert isinstance(asyncio.run(hurried.send(samples.outgoing())), Unknown)
    assert len(graph.deliveries) == 1


def test_nobody_there_is_tried_again() -> None:
    with FakeGraph(token="t", number_id="1") as gone:
        pass
    assert isinstance(send(gone), Retry)


@pytest.mark.parametrize(
    "more", [{"text": " "}, {"text": "x" * 4097}, {"to": Contact(email="a@b.example")}, {"kind": "call"}], ids=repr
)
def test_what_can_not_be_sent_fails_before_it_goes(graph: FakeGraph, more: dict[str, Any]) -> None:
    assert isinstance(send(graph, **more), Failed)
    assert graph.attempts.total() == 0


def test_the_set_up_page_checks_the_number(graph: FakeGraph) -> None:
    good = asyncio.run(door(Network(allow_private=True), graph.url).check())
    assert [check.state for check in good] == ["ok"] * 5
    assert good[-1].detail == "+55 11 3322-4455 · Loja Exemplo"
    graph.token = "another"
    bad = asyncio.run(door(Network(allow_private=True), graph.url).check())
    assert bad[-1].state == "bad"
    assert "access token" in bad[-1].detail


def test_statuses_come_back_signed(graph: FakeGraph) -> None:
    """Round trip: what the stand-in posts back is what our door believes and reads."""
    posted: list[Raw] = []

    async def main() -> None:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            headers = {k.lower(): v.strip() for k, v in (line.split(":", 1) for line in head[1:] if ":" in line)}
            content = await reader.readexactly(int(headers["content-length"]))
            posted.append(Raw(method="POST", path="/in/whatsapp", headers=headers, body=content, received_at=NOON))
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
            await writer.drain()
            writer.close()
            if len(posted) == 2:
                done.set()

        done = asyncio.Event()
        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        graph.webhook = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/in/whatsapp"
        graph.app_secret = samples.APP_SECRET
        assert isinstance(await door(Network(allow_private=True), graph.url).send(samples.outgoing()), Sent)
        await asyncio.wait_for(done.wait(), 30)
        server.close()

    asyncio.run(main())
    name = graph.deliveries[0]["id"]
    read = [door().receive(raw) for raw in posted]
    bodies = [item.body for parsed in read if isinstance(parsed, Parsed) for item in parsed.items]
    assert bodies == [
        DeliveryStatus(provider_id=name, outbox_id=77, state="sent"),
        DeliveryStatus(provider_id=name, outbox_id=77, state="delivered"),
    ]


def test_the_payload_is_metas() -> None:
    network = ScriptedNetwork(Response(status=200, body=b'{"messages":[{"id":"wamid.Z"}]}'))
    assert asyncio.run(door(network).send(samples.outgoing())) == Sent(provider_id="wamid.Z")
    (request,) = network.requests
    assert request.method == "POST"
    assert request.url == f"https://graph.example/v25.0/{samples.NUMBER_ID}/messages"
    assert request.headers["authorization"] == "Bearer token-of-ours"
    assert msgspec.json.decode(request.body) == {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        "to": "5511988776655",
        "type": "text",
        "text": {"preview_url": False, "body": "Chega amanhã."},
        "biz_opaque_callback_data": "77",
    }


# --- templates and the window ----------------------------------------------------------------------------------------


@pytest.fixture(name="meta")
def meta_with_windows() -> Iterator[FakeGraph]:
    templates = [Template("still_there", "pt_BR", "Oi {{1}}, ainda sobre {{2}}?"), Template("bare", "en")]
    with FakeGraph(token="token-of-ours", number_id=samples.NUMBER_ID, windows=True, templates=templates) as running:
        yield running


def test_free_text_is_refused_outside_the_window_and_taken_inside(meta: FakeGraph) -> None:
    refused = send(meta)
    assert isinstance(refused, Failed)
    assert "131047" in refused.reason and "approved template" in refused.reason
    meta.wrote[str(samples.outgoing().to.address).lstrip("+")] = time.time()
    assert isinstance(send(meta), Sent)


def test_an_approved_template_goes_out_with_its_variables_in_order(meta: FakeGraph) -> None:
    approved = Approved(name="still_there", language="pt_BR", parameters=("Maria", "a parcel"))
    assert isinstance(send(meta, template=approved), Sent)
    assert isinstance(send(meta, template=Approved(name="bare", language="en")), Sent)
    first, second = meta.deliveries
    assert (first["template"], first["variables"]) == ("still_there", ["Maria", "a parcel"])
    assert (second["template"], second["variables"]) == ("bare", [])


@pytest.mark.parametrize(
    ("approved", "code"),
    [
        (Approved(name="other", language="en"), "132001"),
        (Approved(name="still_there", language="en"), "132001"),
        (Approved(name="still_there", language="pt_BR", parameters=("one",)), "132000"),
    ],
)
def test_what_meta_does_not_know_of_a_template_is_told(meta: FakeGraph, approved: Approved, code: str) -> None:
    outcome = send(meta, template=approved)
    assert isinstance(outcome, Failed)
    assert outcome.reason.startswith(f"WhatsApp {code}: ") and "template" in outcome.reason
