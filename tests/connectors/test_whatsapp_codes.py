"""Meta's error codes: what we do about each, in words that say what a person can do."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator

import pytest

from connectors import samples
from connectors.whatsapp_door import door, send
from duly_connectors.outbound import Response
from duly_connectors.testing import ScriptedNetwork
from duly_connectors.whatsapp import WhatsApp, codes
from duly_dsl import i18n
from duly_runtime.doors import Failed, Outcome, Retry, Sent, Unknown
from duly_runtime.events import Contact
from fakes.graph import FakeGraph, Limits
from fakes.graph.errors import ERRORS


@pytest.fixture
def graph() -> Iterator[FakeGraph]:
    with FakeGraph(token="token-of-ours", number_id=samples.NUMBER_ID, limits=Limits()) as running:
        running.clock = lambda: 1000.0
        yield running


@pytest.mark.parametrize("code", sorted(ERRORS))
def test_each_code_is_tried_again_or_stops(graph: FakeGraph, code: int) -> None:
    graph.fault(str(code))
    outcome = send(graph)
    # HTTP 429 says `later`, whatever the code.
    passing = code in codes.PASSING or ERRORS[code][0] == 429
    assert isinstance(outcome, Retry if passing else Failed)
    assert outcome.reason.startswith(f"WhatsApp {code}: ")
    assert isinstance(send(graph), Sent)


@pytest.mark.parametrize("code", sorted(codes.WORDS))
def test_each_code_has_words_in_both_languages(code: int) -> None:
    words = codes.WORDS[code]
    translated = i18n.translations("duly_connectors", "pt-BR").gettext(words)
    assert translated != words
    for text in (words, translated):
        assert text[0].islower() or text.startswith(("Meta", "a Meta", "o "))
        assert not text.endswith(".")


@pytest.mark.parametrize(
    ("code", "seconds"), [(131056, 6), (131048, 900), (131057, 60), (133016, 3600), (130429, 0), (131000, 0)]
)
def test_a_limit_that_names_a_time_is_waited_for(graph: FakeGraph, code: int, seconds: float) -> None:
    graph.fault(str(code))
    outcome = send(graph)
    assert isinstance(outcome, Retry) and outcome.after == seconds


def answered(status: int, body: bytes, **headers: str) -> Outcome:
    network = ScriptedNetwork(Response(status=status, body=body, headers=headers))
    return asyncio.run(door(network).send(samples.outgoing()))


def test_what_meta_calls_transient_is_tried_again() -> None:
    assert isinstance(answered(400, b'{"error":{"code":5,"message":"Odd","is_transient":true}}'), Retry)
    assert isinstance(answered(400, b'{"error":{"code":5,"message":"Odd"}}'), Failed)


def test_a_longer_wait_that_is_asked_for_is_kept() -> None:
    limited = b'{"error":{"code":131056}}'
    outcome = answered(429, limited, **{"retry-after": "40"})
    assert isinstance(outcome, Retry) and outcome.after == 40
    outcome = answered(429, limited, **{"retry-after": "2"})
    assert isinstance(outcome, Retry) and outcome.after == 6


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (408, Retry),
        (429, Retry),
        (503, Retry),
        (404, Failed),
        (400, Failed),
        (500, Unknown),
        (502, Unknown),
        (504, Unknown),
    ],
)
def test_without_a_code_the_status_decides(status: int, kind: type[Retry]) -> None:
    assert isinstance(answered(status, b"<html>"), kind)


def test_what_meta_says_of_the_part_that_is_wrong_is_told(graph: FakeGraph) -> None:
    outcome = answered(400, b'{"error":{"code":131009,"error_data":{"details":"emoji is no emoji"}}}')
    assert isinstance(outcome, Failed)
    assert outcome.reason == "WhatsApp 131009: a value in the message is not one Meta takes (emoji is no emoji)"


def test_a_code_nobody_knows_says_what_meta_says() -> None:
    outcome = answered(400, b'{"error":{"code":999999,"message":"(#999999) New","error_data":{"details":"so"}}}')
    assert isinstance(outcome, Failed) and outcome.reason == "WhatsApp 999999: (#999999) New: so"
    assert codes.describe({}, str) == "WhatsApp: "
    assert codes.describe({"code": True, "title": "Odd"}, str) == "WhatsApp: Odd"


@pytest.mark.parametrize("fault", ["lost", "cut", "hang"])
def test_whatever_cuts_the_answer_off_leaves_it_unknown(
    graph: FakeGraph, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(WhatsApp, "POST_SECONDS", 2.0)  # what `hang` takes
    graph.fault(fault)
    assert isinstance(send(graph), Unknown)
    assert len(graph.deliveries) == 1


def test_a_slow_answer_is_an_answer(graph: FakeGraph) -> None:
    graph.slow_seconds = 0.2
    graph.fault("slow")
    assert isinstance(send(graph), Sent)


# --- the limits of the stand-in --------------------------------------------------------------------------------------


def test_a_pair_has_a_burst_and_then_one_message_each_six_seconds(graph: FakeGraph) -> None:
    at = itertools.count()
    graph.clock = lambda: 1000.0 + next(at) * 0.02  # below 80 a second
    burst = [send(graph) for _ in range(45)]
    assert all(isinstance(one, Sent) for one in burst)
    limited = send(graph)
    assert isinstance(limited, Retry) and "131056" in limited.reason
    other = send(graph, to=Contact(address="5511900000001"))
    assert isinstance(other, Sent), "others are not held up"
    graph.clock = lambda: 1007.5
    assert isinstance(send(graph), Sent)
    assert isinstance(send(graph), Retry)


def test_a_number_sends_eighty_a_second() -> None:
    limits = Limits()
    assert [limits.met("1", str(n), 0.0) for n in range(81)] == [0] * 80 + [130429]
    assert limits.met("1", "x", 0.5) == 0
    assert limits.met("2", "x", 0.0) == 0
