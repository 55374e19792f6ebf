"""Files to and from WhatsApp, over HTTP against a stand-in of the Graph API."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
from collections.abc import Iterator
from typing import Any

import pytest

from connectors import samples
from connectors.whatsapp_door import door, send
from duly_connectors.outbound import Network, Response
from duly_connectors.testing import ScriptedNetwork
from duly_connectors.whatsapp import media
from duly_runtime.doors import MAX_FILE, Failed, Fetched, FetchOutcome, OutFile, Retry, Sent
from duly_runtime.events import File
from fakes.graph import FakeGraph

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 4


@pytest.fixture
def graph() -> Iterator[FakeGraph]:
    with FakeGraph(token="token-of-ours", number_id=samples.NUMBER_ID) as running:
        yield running


def fetch(graph: FakeGraph, reference: str) -> FetchOutcome:
    return asyncio.run(door(Network(allow_private=True), graph.url).fetch(File(reference=reference)))


def out(name: str, media_type: str, data: bytes = PNG) -> OutFile:
    return OutFile(name=name, media_type=media_type, data=data)


# --- out -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("file", "kind", "shown"),
    [
        (out("rótulo.png", "image/png"), "image", {"caption": "Chega amanhã."}),
        (out("foto.jpg", "IMAGE/JPEG; q=1"), "image", {"caption": "Chega amanhã."}),
        (out("como.mp4", "video/mp4"), "video", {"caption": "Chega amanhã."}),
        (out('a "nota".pdf', "application/pdf"), "document", {"caption": "Chega amanhã.", "filename": 'a "nota".pdf'}),
        (out("tabela.csv", "text/csv"), "document", {"caption": "Chega amanhã.", "filename": "tabela.csv"}),
    ],
)
def test_a_file_is_uploaded_and_sent_with_its_text(
    graph: FakeGraph, file: OutFile, kind: str, shown: dict[str, str]
) -> None:
    assert isinstance(send(graph, files=(file,)), Sent)
    (taken,) = graph.deliveries
    (kept,) = graph.media.kept.values()
    assert taken["type"] == kind
    assert taken["message"][kind] == {"id": kept.id, **shown}
    assert taken["key"] == "77"
    assert kept.data == file.data


def test_a_file_without_a_text_and_audio_go_by_themselves(graph: FakeGraph) -> None:
    assert isinstance(send(graph, files=(out("voz.ogg", "audio/ogg"),), text=""), Sent)
    assert isinstance(send(graph, files=(out("foto.png", "image/png"),), text=""), Sent)
    assert [taken["message"][taken["type"]].keys() for taken in graph.deliveries] == [{"id"}, {"id"}]


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"files": (out("voz.ogg", "audio/ogg"),)}, "no text with a file"),
        ({"files": (out("a.zip", "application/zip"),)}, "no files like `a.zip` (application/zip)"),
        ({"files": (out("a", ""),)}, "no files like `a` (?)"),
        ({"files": (out("leer.pdf", "application/pdf", b""),)}, "1 byte to 100 MB"),
        ({"files": (out("foto.png", "image/png", bytes(5 * 1024 * 1024 + 1)),)}, "to 5 MB, and `foto.png` is not"),
        ({"files": (out("film.mp4", "video/mp4", bytes(16 * 1024 * 1024 + 1)),)}, "to 16 MB"),
        ({"files": (out("a.png", "image/png"), out("b.png", "image/png"))}, "one file a message"),
        ({"files": (out("a.png", "image/png"),), "text": "x" * 1025}, "at most 1024 characters"),
    ],
)
def test_what_whatsapp_takes_no_file_of_fails_before_anything_goes(
    graph: FakeGraph, more: dict[str, Any], words: str
) -> None:
    outcome = send(graph, **more)
    assert isinstance(outcome, Failed) and words in outcome.reason
    assert graph.asked.total() == 0


@pytest.mark.parametrize("size", [5 * 1024 * 1024, 1])
def test_the_largest_and_smallest_image_go(graph: FakeGraph, size: int) -> None:
    assert isinstance(send(graph, files=(out("foto.png", "image/png", bytes(size)),)), Sent)


def test_a_file_whose_content_holds_our_separator_arrives_whole(graph: FakeGraph) -> None:
    content = b"--\r\n--" + hashlib.sha256(PNG).hexdigest().encode() + b"--\r\n"
    assert isinstance(send(graph, files=(out("a.txt", "text/plain", content),)), Sent)
    (kept,) = graph.media.kept.values()
    assert kept.data == content


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("close", Retry),
        ("lost", Retry),
        ("cut", Retry),
        ("130429", Retry),
        ("502", Retry),
        ("131053", Failed),
        ("190", Failed),
    ],
)
def test_an_upload_that_fails_has_reached_nobody(graph: FakeGraph, fault: str, kind: type[Retry]) -> None:
    """Unlike a message, an upload can be done twice: only the message after it may be in doubt."""
    graph.fault(fault, on="media")
    outcome = send(graph, files=(out("foto.png", "image/png"),))
    assert isinstance(outcome, kind)
    assert graph.deliveries == []
    assert isinstance(send(graph, files=(out("foto.png", "image/png"),)), Sent)


# --- in --------------------------------------------------------------------------------------------------------------


def test_a_file_is_fetched_and_checked(graph: FakeGraph) -> None:
    kept = graph.receive(PNG, "image/png")
    assert fetch(graph, kept.id) == Fetched(data=PNG, media_type="image/png")


def test_a_file_larger_than_an_answer_is_fetched_whole(graph: FakeGraph) -> None:
    kept = graph.receive(bytes(3 * 1024 * 1024), "video/mp4")
    found = fetch(graph, kept.id)
    assert isinstance(found, Fetched) and len(found.data) == 3 * 1024 * 1024


def test_a_file_that_is_too_large_is_not_even_begun(graph: FakeGraph) -> None:
    kept = graph.receive(bytes(MAX_FILE + 1), "application/pdf")
    found = fetch(graph, kept.id)
    assert isinstance(found, Failed) and "25 MB" in found.reason
    assert graph.media.downloads == {}


def test_an_address_that_has_expired_is_asked_for_again(graph: FakeGraph) -> None:
    kept = graph.receive(PNG, "image/png")
    times = iter((0.0, 301.0, 301.0, 301.0))
    graph.clock = lambda: next(times)
    kept.made_at = 0.0
    assert fetch(graph, kept.id) == Fetched(data=PNG, media_type="image/png")
    assert graph.asked["GET media"] == 2


def test_a_file_meta_no_longer_has_is_given_up(graph: FakeGraph) -> None:
    found = fetch(graph, "90019999")
    assert isinstance(found, Failed) and "any more" in found.reason


def test_another_content_than_was_said_is_not_kept(graph: FakeGraph) -> None:
    kept = graph.receive(PNG, "image/png")
    graph.media.tampered.add(kept.id)
    found = fetch(graph, kept.id)
    assert isinstance(found, Retry) and "hash" in found.reason


@pytest.mark.parametrize("fault", ["close", "cut", "130429", "131000", "190", "502"])
@pytest.mark.parametrize("on", ["media", "download"])
def test_what_passes_is_fetched_later(graph: FakeGraph, fault: str, on: str) -> None:
    kept = graph.receive(PNG, "image/png")
    graph.fault(fault, on=on)
    assert isinstance(fetch(graph, kept.id), Retry)
    assert fetch(graph, kept.id) == Fetched(data=PNG, media_type="image/png")


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/a",
        "https://lookaside.fbsbx.com.evil.example/a",
        "https://lookaside.fbsbx.com@evil.example/a",
        "https://evilfbsbx.com/a",
        "http://lookaside.fbsbx.com/a",
        "https://lookaside.fbsbx.com:8443/a",
        "http://169.254.169.254/latest/meta-data",
        "https://[::1]/",
        "https://lookaside.fbsbx.com:x/",
        "file:///etc/passwd",
        "//lookaside.fbsbx.com/a",
    ],
)
def test_the_token_is_shown_to_metas_hosts_only(url: str) -> None:
    network = ScriptedNetwork(Response(status=200, body=json.dumps({"url": url, "file_size": 3}).encode()))
    found = asyncio.run(door(network).fetch(File(reference="123")))
    assert isinstance(found, Failed) and "Meta" in found.reason
    assert [request.url for request in network.requests] == [
        f"https://graph.example/v25.0/123?phone_number_id={samples.NUMBER_ID}"
    ]


@pytest.mark.parametrize(
    "url", ["https://lookaside.fbsbx.com/whatsapp_business/a?mid=1", "https://scontent.whatsapp.net./v"]
)
def test_metas_hosts_are_known(url: str) -> None:
    assert media.is_metas(url, "https://graph.facebook.com/v25.0")


@pytest.mark.parametrize("reference", ["", "a/b", "../123", "1?x=1", "1#", "é", "x" * 201])
def test_a_reference_that_is_no_id_is_not_asked_for(reference: str) -> None:
    network = ScriptedNetwork(Response(status=200))
    assert isinstance(asyncio.run(door(network).fetch(File(reference=reference))), Failed)
    assert network.requests == []


@pytest.mark.parametrize("written", ["hex", "base64"])
def test_hashes_are_read_however_meta_writes_them(written: str) -> None:
    digest = hashlib.sha256(PNG)
    text = digest.hexdigest().upper() if written == "hex" else base64.b64encode(digest.digest()).decode()
    said = media.address({"url": "https://x", "sha256": text, "file_size": str(len(PNG))})
    assert said is not None and said.sha256 == digest.hexdigest()
    assert not media.wrong(PNG, said, str) and media.wrong(PNG[1:], said, str)


@pytest.mark.parametrize("sha256", ["", "zz", "ab" * 31, "!" * 64, 7, None, "a" * 44])
def test_a_hash_that_can_not_be_read_is_none(sha256: object) -> None:
    said = media.address({"url": "https://x", "sha256": sha256, "file_size": True})
    assert said is not None and (said.sha256, said.size) == ("", 0)
