"""Connections to addresses people configured: what is public, what is asked, what each failure means."""

from __future__ import annotations

import asyncio
import dataclasses
import datetime as dt
import socket
from typing import Any

import httpcore
import msgspec
import pytest
from standardwebhooks import Webhook as Standard

from connectors import samples
from connectors.servers import status, web
from duly_connectors.contract import Tools
from duly_connectors.outbound import Blocked, Interrupted, Network, NotSent, Response, is_public
from duly_connectors.testing import NOON, ScriptedNetwork
from duly_connectors.webhook import Webhook
from duly_connectors.webhook.posting import message_name
from duly_dsl import program
from duly_runtime.doors import Failed, Outcome, Retry, Sent
from duly_runtime.time import FakeClock


@pytest.mark.parametrize(
    "address",
    ["1.1.1.1", "93.184.216.34", "172.15.0.1", "172.32.0.1", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"],
)
def test_public_addresses(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0",
        "10.1.2.3",
        "100.64.0.1",
        "127.0.0.1",
        "127.255.0.9",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.8",
        "192.0.2.1",
        "192.168.1.1",
        "198.18.0.1",
        "203.0.113.5",
        "224.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "::7f00:1",
        "64:ff9b::7f00:1",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::1",
        "2001:db8::1",
        "2001::1",
        "2002:7f00:1::",
        "fc00::1",
        "fd12:3456::1",
        "fe80::1",
        "fe80::1%eth0",
        "fec0::1",
        "ff02::1",
        "100::1",
        "no address",
    ],
)
def test_addresses_that_are_not(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1/",
        "https://localhost/",
        "https://[::1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://2130706433/",
        "https://0x7f.1/",
        "https://127.1/",
        "http://example.com/",
        "ftp://example.com/",
        "file:///etc/passwd",
        "https:///nowhere",
        "https://[half/",
        "https://example.com:99999/",
        "",
    ],
)
def test_we_do_not_go_there(url: str) -> None:
    with pytest.raises(Blocked):
        asyncio.run(Network().request("POST", url, body=b"{}"))


def test_one_private_address_among_public_ones_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    async def found(*_: Any, **__: Any) -> list[Any]:
        return [(0, 0, 0, "", ("8.8.8.8", 443)), (0, 0, 0, "", ("10.0.0.5", 443))]

    async def main() -> None:
        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", found)
        await Network().request("GET", "https://sneaky.example/")

    with pytest.raises(Blocked, match=r"10\.0\.0\.5"):
        asyncio.run(main())


def test_a_name_without_an_address_is_not_sent() -> None:
    with pytest.raises(NotSent) as told:
        asyncio.run(Network().request("GET", "https://nowhere.invalid/"))
    assert not isinstance(told.value, Blocked)


def test_the_checked_address_is_the_one_connected_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """The name is asked for once; the Host header keeps it."""
    asked: list[str] = []

    async def main() -> tuple[Response, dict[str, str]]:
        async with web(status(200, body=b"yes")) as server:
            loop = asyncio.get_running_loop()
            real = loop.getaddrinfo

            async def found(host: Any, port: Any, **more: Any) -> list[Any]:
                if host == "shop.example":
                    asked.append(host)
                    return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", server.port))]
                return await real(host, port, **more)

            monkeypatch.setattr(loop, "getaddrinfo", found)
            url = f"http://shop.example:{server.port}/hook?a=1"
            answer = await Network(allow_private=True).request("POST", url, body=b"{}")
            return answer, server.requests[0][1]

    answer, headers = asyncio.run(main())
    assert answer.body == b"yes"
    assert headers["host"].startswith("shop.example:")
    assert asked == ["shop.example"]


def test_a_name_that_changes_its_mind_leads_nowhere_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """DNS rebinding: the first answer is public, every later one is not. It is asked once; what it said is connected to."""
    answers = iter([["93.184.216.34"], ["127.0.0.1"], ["127.0.0.1"]])
    asked: list[str] = []
    connected: list[str] = []

    async def found(host: Any, port: Any, **_: Any) -> list[Any]:
        asked.append(str(host))
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in next(answers)]

    async def connect(_self: Any, host: str, port: int, *_: Any, **__: Any) -> Any:
        connected.append(host)
        raise httpcore.ConnectError("nobody is there")

    async def main() -> None:
        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", found)
        monkeypatch.setattr(httpcore.AnyIOBackend, "connect_tcp", connect)
        await Network().request("POST", "https://rebinds.example/", body=b"{}")

    with pytest.raises(NotSent) as told:
        asyncio.run(main())
    assert not isinstance(told.value, Blocked)
    assert (asked, connected) == (["rebinds.example"], ["93.184.216.34"])


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.0.0.5", "::1", "::ffff:10.0.0.5", "64:ff9b::a00:5", "64:ff9b:1::a00:5", "2002:a00:5::1", "fd00::5"],
)
def test_a_public_name_that_leads_inside_is_blocked_for_every_protocol(
    monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    """By HTTP, and by the bare connection that mail uses."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET

    async def found(host: Any, port: Any, **_: Any) -> list[Any]:
        return [(family, socket.SOCK_STREAM, 6, "", (address, port))]

    async def main(ask: Any) -> None:
        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", found)
        await ask(Network())

    for ask in (
        lambda network: network.request("POST", "https://inside.example/", body=b"{}"),
        lambda network: network.connect("inside.example", 993),
    ):
        with pytest.raises(Blocked, match="not on the public Internet"):
            asyncio.run(main(ask))


def test_a_redirect_of_a_webhook_is_a_failure_and_is_not_followed() -> None:
    async def main() -> tuple[Outcome, int]:
        async with web(status(307, "location: http://169.254.169.254/latest/meta-data/")) as server:
            outcome = await door(Network(allow_private=True), f"{server.url}/hook").send(CALL)
            return outcome, len(server.requests)

    outcome, requests = asyncio.run(main())
    assert isinstance(outcome, Failed) and "another address" in outcome.reason
    assert requests == 1


def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1/")

    async def main() -> int:
        async with web(status(204)) as server:
            return (await Network(allow_private=True).request("GET", server.url)).status

    assert asyncio.run(main()) == 204


def test_redirects_are_answers() -> None:
    async def main() -> tuple[int, int]:
        async with web(status(302, "location: http://169.254.169.254/")) as server:
            answer = await Network(allow_private=True).request("GET", server.url)
            return answer.status, len(server.requests)

    assert asyncio.run(main()) == (302, 1)


def test_answers_are_cut_at_a_megabyte() -> None:
    async def main() -> int:
        async with web(status(200, body=b"x" * 3_000_000)) as server:
            return len((await Network(allow_private=True).request("GET", server.url)).body)

    assert asyncio.run(main()) == 1024 * 1024


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc", b"not http at all\r\n\r\n"])
def test_no_whole_answer_is_an_interruption(answer: bytes) -> None:
    async def main() -> None:
        async with web(answer) as server:
            await Network(allow_private=True).request("POST", server.url, body=b"{}")

    with pytest.raises(Interrupted):
        asyncio.run(main())


def test_a_user_and_password_in_the_address_are_sent_as_such() -> None:
    async def main() -> str:
        async with web(status(200)) as server:
            await Network(allow_private=True).request("GET", f"http://a:b%20c@127.0.0.1:{server.port}/")
            return server.requests[0][1]["authorization"]

    assert asyncio.run(main()) == "Basic YTpiIGM="


def test_headers_can_not_be_smuggled_in() -> None:
    with pytest.raises(Blocked):
        asyncio.run(Network(allow_private=True).request("GET", "http://127.0.0.1:1/", headers={"x": "a\r\nb: c"}))


@pytest.mark.parametrize(
    ("given", "seconds"),
    [
        ("120", 120),
        ("Mon, 02 Mar 2026 12:01:00 GMT", 60),
        ("Mon, 02 Mar 2026 11:00:00 GMT", 0),
        ("9999999", 86400),
        ("soon", 0),
        ("-5", 0),
        ("", 0),
    ],
)
def test_retry_after(given: str, seconds: float) -> None:
    assert Response(status=503, headers={"retry-after": given}).retry_after(NOON) == seconds


# --- webhooks out ----------------------------------------------------------------------------------------------------

KEY = "whsec_" + "c2VjcmV0IG9mIG91cnMsIGxvbmcgZW5vdWdo"


def door(network: Network, url: str, language: str = "en") -> Webhook:
    secrets = {"URL": url, "KEY": KEY}
    settings = {"url": program.Setting(value="URL", secret=True), "sign with": program.Setting(value="KEY", secret=True)}
    definition = program.Connector(name="Shop events", kind="webhook", direction="sends", settings=settings)
    now = dt.datetime.now(dt.UTC)  # the receiver's library judges by the machine's time
    tools = Tools(secrets=lambda name: secrets[name], clock=FakeClock(now), network=network, language=language)
    return Webhook(definition, None, tools)


CALL = samples.outgoing(kind="call", key="event-9/rule/call", event="rule.fired", payload='{"título":1}'.encode())


def test_a_call_is_signed_as_standard_webhooks_are() -> None:
    async def main() -> tuple[Outcome, tuple[str, dict[str, str], bytes]]:
        async with web(status(202)) as server:
            outcome = await door(Network(allow_private=True), f"{server.url}/hook").send(CALL)
            return outcome, server.requests[0]

    outcome, (line, headers, body) = asyncio.run(main())
    assert outcome == Sent(answer="202")
    assert line == "POST /hook HTTP/1.1"
    assert body == CALL.payload
    assert headers["webhook-id"] == "event-9/rule/call"
    assert Standard(KEY).verify(body, headers) == {"título": 1}


def test_while_the_key_is_rotated_a_call_is_signed_with_both() -> None:
    old = "whsec_" + "dGhlIGtleSB0aGF0IHdhcywgbG9uZyBlbm91Z2g="

    async def main() -> tuple[dict[str, str], bytes]:
        async with web(status(202)) as server:
            made = door(Network(allow_private=True), f"{server.url}/hook")
            made.tools = dataclasses.replace(made.tools, previous=lambda name: old if name == "KEY" else "")
            assert await made.send(CALL) == Sent(answer="202")
            return server.requests[0][1:]

    headers, body = asyncio.run(main())
    assert len(headers["webhook-signature"].split()) == 2
    for key in (KEY, old):
        assert Standard(key).verify(body, headers) == {"título": 1}


def test_without_a_key_a_call_is_not_signed() -> None:
    network = ScriptedNetwork(Response(status=200))
    made = door(network, "https://shop.example/")
    settings = {"url": made.definition.settings["url"]}
    made.definition = msgspec.structs.replace(made.definition, settings=settings)
    asyncio.run(made.send(CALL))
    assert "webhook-signature" not in network.requests[0].headers


@pytest.mark.parametrize(
    ("code", "kind"),
    [(200, Sent), (204, Sent), (301, Failed), (400, Failed), (401, Failed), (404, Failed), (410, Failed)]
    + [(code, Retry) for code in (408, 409, 425, 429, 500, 502, 503, 504)],
)
def test_what_an_answer_means(code: int, kind: type[Outcome]) -> None:
    network = ScriptedNetwork(Response(status=code, headers={"retry-after": "7"}))
    outcome = asyncio.run(door(network, "https://shop.example/").send(CALL))
    assert isinstance(outcome, kind)
    if isinstance(outcome, Retry):
        assert outcome.after == 7


def test_a_time_out_is_tried_again_since_the_receiver_knows_the_id() -> None:
    network = ScriptedNetwork(Interrupted("time-out"))
    assert isinstance(asyncio.run(door(network, "https://shop.example/").send(CALL)), Retry)


def test_private_addresses_fail_for_good_in_the_readers_language() -> None:
    outcome = asyncio.run(door(Network(), "https://127.0.0.1/", "pt-BR").send(CALL))
    assert outcome == Failed(reason="`127.0.0.1` leva a 127.0.0.1, que não está na Internet pública")


@pytest.mark.parametrize("key", ["a.b", "com espaço", "ação", "x" * 300, "a\r\nb"])
def test_keys_that_can_not_stand_in_a_header_are_hashed(key: str) -> None:
    name = message_name(key)
    assert name.startswith("sha256-") and len(name) == 71
    assert name == message_name(key)
    assert name != message_name(key + "'")


def test_without_a_payload_the_text_goes_as_json() -> None:
    network = ScriptedNetwork(Response(status=200))
    asyncio.run(door(network, "https://shop.example/").send(samples.outgoing(text="Olá")))
    assert msgspec.json.decode(network.requests[0].body) == {
        "type": "message",
        "data": {
            "to": {
                "name": "Ana Lima",
                "email": "ana@cliente.example",
                "phone": "+5511988776655",
                "address": samples.CUSTOMER,
            },
            "subject": "Seu pedido",
            "text": "Olá",
            "reference": "duly-42",
        },
    }
