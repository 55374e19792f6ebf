"""From a reply to Meta's API and back by its statuses, with everything that can go wrong on the way."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from connectors import samples
from connectors.meta import HOUR, Office, desk, office
from duly_dsl.program import Program
from fakes.graph import FakeGraph, Limits, Template

STILL_THERE = """
template "Still there?" {
  "en" "Hi {customer.first_name}, do you still need us?"
  "pt-BR" "Olá {customer.first_name}, ainda precisa de nós?"
  needs whatsapp approval
}
"""
REMINDER = '    after 20h elapsed of silence reply "Are you there?" or outside window send "Still there?"'


@pytest.fixture
def graph() -> Iterator[FakeGraph]:
    templates = [Template("still_there", language, "Hi {{1}}, do you still need us?") for language in ("en", "pt_BR")]
    with FakeGraph(
        token="token-of-ours", number_id=samples.NUMBER_ID, templates=templates, limits=Limits(), windows=True
    ) as running:
        yield running


def play(folder: Path, graph: FakeGraph, program: Program, scene: Callable[[Office], Awaitable[None]]) -> None:
    async def main() -> None:
        async with office(folder, program, graph) as here:
            await scene(here)

    asyncio.run(main())


def test_a_reply_is_sent_delivered_and_read(tmp_path: Path, graph: FakeGraph) -> None:
    graph.statuses = ("delivered", "sent", "read")

    async def scene(here: Office) -> None:
        await here.writes()
        await here.replies("Chega amanhã.")
        (row,) = await here.becomes("read")
        assert row.provider_id == graph.deliveries[0]["id"]
        assert [(m.direction, m.text, m.state) for m in await here.messages()] == [
            ("in", "Olá", ""),
            ("out", "Chega amanhã.", "read"),
        ]

    play(tmp_path, graph, desk(), scene)


@pytest.mark.parametrize("fault", ["lost", "cut"])
def test_a_message_taken_without_an_answer_is_reconciled_by_its_status(
    tmp_path: Path, graph: FakeGraph, fault: str
) -> None:
    """The connection is cut after Meta took the request: nobody knows, until a status names our delivery."""
    graph.statuses = ()

    async def scene(here: Office) -> None:
        await here.writes()
        graph.fault(fault)
        await here.replies("Chega amanhã.")
        (row,) = await here.becomes("unknown")
        assert "A status from Meta will tell" in row.error
        assert (await here.messages())[-1].state == "unknown"
        (taken,) = graph.deliveries
        for word in ("sent", "delivered"):
            told = samples.status(word, taken["id"], biz_opaque_callback_data=taken["key"])
            await here.told(graph.post({"statuses": [told]}))
            (row,) = await here.becomes(word)
        assert (row.provider_id, row.error) == (taken["id"], "")
        assert len(graph.deliveries) == 1, "never sent again"
        assert [parked.what for parked in await here.node.store.parked()] == []

    play(tmp_path, graph, desk(), scene)


def test_a_status_that_comes_before_the_answer_is_not_lost(tmp_path: Path, graph: FakeGraph) -> None:
    graph.slow_seconds = 1.0

    async def scene(here: Office) -> None:
        await here.writes()
        graph.fault("slow")
        await here.replies("Chega amanhã.")
        await here.passes(lambda: len(graph.acknowledged) == 2)
        await here.becomes("delivered")

    play(tmp_path, graph, desk(), scene)


@pytest.mark.parametrize("fault", ["130429", "131056", "131000", "503"])
def test_replies_keep_their_order_through_what_passes(tmp_path: Path, graph: FakeGraph, fault: str) -> None:
    async def scene(here: Office) -> None:
        await here.writes()
        graph.fault(fault, times=3)
        for text in ("one", "two", "three"):
            await here.replies(text)
        await here.becomes("delivered", "delivered", "delivered")
        assert [taken["text"] for taken in graph.deliveries] == ["one", "two", "three"]
        assert graph.attempts.total() == 6

    play(tmp_path, graph, desk(), scene)


def test_the_real_limit_of_a_pair_delays_and_loses_nothing(tmp_path: Path, graph: FakeGraph) -> None:
    graph.limits = Limits(burst=2)

    async def scene(here: Office) -> None:
        await here.writes()
        for number in range(5):
            await here.replies(f"{number}")
        await here.becomes(*["delivered"] * 5)
        assert [taken["text"] for taken in graph.deliveries] == ["0", "1", "2", "3", "4"]

    play(tmp_path, graph, desk(), scene)


def test_a_code_that_does_not_pass_stops_and_says_what_to_do(tmp_path: Path, graph: FakeGraph) -> None:
    async def scene(here: Office) -> None:
        await here.writes()
        graph.fault("190")
        await here.replies("Chega amanhã.")
        (row,) = await here.becomes("failed")
        assert row.error == "WhatsApp 190: the access token is not valid or has expired: make a new one and store it"
        await here.replies("De novo.")
        await here.becomes("failed", "delivered")

    play(tmp_path, graph, desk(), scene)


def test_a_window_that_meta_has_closed_for_us_brings_the_template(tmp_path: Path, graph: FakeGraph) -> None:
    """We think it is open; Meta refuses the text at once, or takes it and says so in a status."""

    async def scene(here: Office) -> None:
        await here.writes()
        graph.wrote[samples.CUSTOMER] = 0.0  # Meta knows better than we
        here.clock.advance(20 * HOUR)
        await here.becomes("delivered")
        (taken,) = graph.deliveries
        assert (taken["template"], taken["variables"]) == ("still_there", ["Ana"])
        assert graph.asked["POST messages"] == 2

    play(tmp_path, graph, desk(REMINDER, STILL_THERE), scene)


def test_a_text_that_fails_later_for_the_window_is_followed_by_the_template(tmp_path: Path, graph: FakeGraph) -> None:
    async def scene(here: Office) -> None:
        await here.writes()
        graph.fault("failed:131047")
        here.clock.advance(20 * HOUR)
        first, _ = await here.becomes("failed", "delivered")
        assert "24 hours" in first.error
        text, template = graph.deliveries
        assert (text["text"], template["template"]) == ("Are you there?", "still_there")
        assert [(m.text, m.state) for m in await here.messages()][1:] == [
            ("Are you there?", "failed"),
            ("Hi Ana, do you still need us?", "delivered"),
        ]

    play(tmp_path, graph, desk(REMINDER, STILL_THERE), scene)


def test_a_reply_after_the_window_says_so_and_a_template_goes(tmp_path: Path, graph: FakeGraph) -> None:
    async def scene(here: Office) -> None:
        await here.writes()
        here.clock.advance(24 * HOUR)
        await here.replies("Desculpe a demora")
        (row,) = await here.becomes("failed")
        assert row.error.startswith("WhatsApp 131047: ")
        await here.replies("", template="Still there?")
        await here.becomes("failed", "delivered")
        (taken,) = graph.deliveries
        assert taken["template"] == "still_there"

    play(tmp_path, graph, desk("", STILL_THERE), scene)


def test_a_reply_quotes_the_message_it_answers(tmp_path: Path, graph: FakeGraph) -> None:
    async def scene(here: Office) -> None:
        await here.writes()
        await here.replies("Sim", reply_to="wamid.QUOTED")
        await here.becomes("delivered")
        assert graph.deliveries[0]["message"]["context"] == {"message_id": "wamid.QUOTED"}

    play(tmp_path, graph, desk(), scene)


def test_a_customer_without_a_number_is_written_to_by_user_id(tmp_path: Path, graph: FakeGraph) -> None:
    graph.windows = False

    async def scene(here: Office) -> None:
        message = {"from_user_id": samples.USER_ID, "id": "wamid.U", "type": "text", "text": {"body": "Olá"}}
        contact = {"user_id": samples.USER_ID, "profile": {"name": "Ana"}}
        await here.told(graph.post({"contacts": [contact], "messages": [message]}))
        await here.replies("Oi!")
        await here.becomes("delivered")
        sent = graph.deliveries[0]["message"]
        assert sent["recipient"] == samples.USER_ID and "to" not in sent

    play(tmp_path, graph, desk(), scene)
