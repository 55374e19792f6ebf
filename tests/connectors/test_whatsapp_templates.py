"""Templates and their state at Meta: read over HTTP, told of by webhooks, and held to when one is sent."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from connectors import samples, whatsapp_door
from connectors.meta import HOUR, Office, desk, office
from connectors.whatsapp_door import read
from duly_connectors.outbound import Blocked, Interrupted, Network, NotSent, Response
from duly_connectors.registry import Guarded
from duly_connectors.testing import NOON, ScriptedNetwork
from duly_connectors.whatsapp import WhatsApp, approvals
from duly_dsl.program import Setting, TemplateAtMeta
from duly_runtime.doors import Failed, Library, Parsed, Retry
from duly_runtime.events import TemplateChanged
from fakes.graph import FakeGraph, Template

ACCOUNT = "330099"
SETTINGS = f'  business account id "{ACCOUNT}"'


@pytest.fixture
def graph() -> Iterator[FakeGraph]:
    with FakeGraph(token="token-of-ours", number_id=samples.NUMBER_ID, account_id=ACCOUNT, windows=True) as running:
        yield running


def door(network: Network, api: str = "", account: str = ACCOUNT) -> WhatsApp:
    settings = {**samples.WHATSAPP.settings, **({"business account id": Setting(value=account)} if account else {})}
    definition = msgspec.structs.replace(samples.WHATSAPP, settings=settings)
    return whatsapp_door.door(network, api, definition=definition)


def templates(graph: FakeGraph) -> Library:
    return asyncio.run(door(Network(allow_private=True), graph.url).templates())


# --- reading ---------------------------------------------------------------------------------------------------------


def test_a_template_is_read_with_what_a_message_must_hold(graph: FakeGraph) -> None:
    graph.templates.add(Template("plain", "en", "Hello", quality="UNKNOWN"))
    graph.templates.add(Template("rich", "pt_BR", "Oi {{1}}, {{2}} e {{1}}", header="Caso {{1}}", buttons=("Sim", "Não")))
    graph.templates.add(Template("seen", "es", "{{1}}", "PAUSED", "MARKETING", header_format="IMAGE", reason="SPAM"))
    assert templates(graph) == (
        TemplateAtMeta(name="plain", language="en", status="APPROVED", category="utility", quality="UNKNOWN", variables=0),
        TemplateAtMeta(
            name="rich",
            language="pt_BR",
            status="APPROVED",
            category="utility",
            quality="GREEN",
            variables=2,
            header="TEXT",
            header_variables=1,
            buttons=("Sim", "Não"),
        ),
        TemplateAtMeta(
            name="seen",
            language="es",
            status="PAUSED",
            category="marketing",
            quality="GREEN",
            reason="SPAM",
            variables=1,
            header="IMAGE",
        ),
    )


def test_all_pages_are_read(graph: FakeGraph) -> None:
    for number in range(2 * approvals.PAGE + 1):
        graph.templates.add(Template(f"t{number}", "en"))
    found = templates(graph)
    assert isinstance(found, tuple)
    assert [each.name for each in found] == [f"t{number}" for number in range(2 * approvals.PAGE + 1)]
    assert graph.asked["GET templates"] == 3


@pytest.mark.parametrize(
    ("fault", "kind", "words"),
    [
        ("190", Failed, "access token"),
        ("200", Failed, "whatsapp_business_management"),
        ("80007", Retry, "80007"),
        ("502", Retry, "502"),
        ("close", Retry, "no answer"),
    ],
)
def test_a_list_that_can_not_be_read_says_why(graph: FakeGraph, fault: str, kind: type[Retry], words: str) -> None:
    graph.fault(fault, on="templates")
    found = templates(graph)
    assert isinstance(found, kind) and words in found.reason


@pytest.mark.parametrize("answer", [NotSent("gone"), Interrupted("cut"), Blocked("private")])
def test_a_network_that_is_away_is_no_empty_list(answer: NotSent | Interrupted) -> None:
    found = asyncio.run(door(ScriptedNetwork(answer)).templates())
    assert isinstance(found, Failed if isinstance(answer, Blocked) else Retry)


@pytest.mark.parametrize("body", [b"", b"[]", b'{"data": {}}', b'{"data": null}'])
def test_what_is_no_page_is_no_empty_list(body: bytes) -> None:
    assert isinstance(asyncio.run(door(ScriptedNetwork(Response(status=200, body=body))).templates()), Retry)


@pytest.mark.parametrize(
    "odd",
    [
        None,
        7,
        {},
        {"name": "a"},
        {"name": "a", "language": {}},
        {"name": {}, "language": "en"},
    ],
)
def test_an_odd_template_does_not_take_the_others_with_it(odd: Any) -> None:
    page = {"data": [odd, {"name": "fine", "language": "en", "components": [None, {"type": 3}, {"type": "BUTTONS"}]}]}
    network = ScriptedNetwork(Response(status=200, body=msgspec.json.encode(page)))
    assert asyncio.run(door(network).templates()) == (TemplateAtMeta(name="fine", language="en", variables=0),)


def test_the_account_may_be_missing_or_a_secret() -> None:
    network = ScriptedNetwork(NotSent("no"))
    assert door(network, account="").account() == ""
    hidden = door(network)
    settings = {**hidden.definition.settings, "business account id": Setting(value="WABA", secret=True)}
    hidden.definition = msgspec.structs.replace(hidden.definition, settings=settings)
    assert Guarded(hidden).account() == "", "a secret that is not stored names no account"


# --- told ------------------------------------------------------------------------------------------------------------


def notice(field: str, time: int | None = int(NOON.timestamp()) - 60, **value: Any) -> Parsed:
    named = {"message_template_id": 1, "message_template_name": "still_there", "message_template_language": "pt_BR"}
    entry: dict[str, Any] = {"id": ACCOUNT, "changes": [{"field": field, "value": {**named, **value}}]}
    return read({"object": "whatsapp_business_account", "entry": [entry | ({"time": time} if time else {})]})


@pytest.mark.parametrize(
    ("event", "more", "said"),
    [
        ("APPROVED", {"reason": "NONE"}, {"status": "APPROVED"}),
        ("REJECTED", {"reason": "INVALID_FORMAT"}, {"status": "REJECTED", "reason": "INVALID_FORMAT"}),
        ("PENDING", {}, {"status": "PENDING"}),
        ("PAUSED", {"other_info": {"title": "FIRST_PAUSE"}, "reason": None}, {"status": "PAUSED"}),
        ("DISABLED", {"disable_info": {"disable_date": "1"}}, {"status": "DISABLED"}),
        ("REINSTATED", {}, {"status": "APPROVED"}),
        ("FLAGGED", {}, {"status": "APPROVED", "quality": "RED"}),
        ("PENDING_DELETION", {}, {"status": "DELETED"}),
        ("SOMETHING_NEW", {}, {"status": "SOMETHING_NEW"}),
        ("LOCKED", {"message_template_category": "MARKETING"}, {"category": "marketing"}),
    ],
)
def test_a_change_of_state_is_read(event: str, more: dict[str, Any], said: dict[str, str]) -> None:
    parsed = notice("message_template_status_update", event=event, **more)
    assert parsed.problems == ()
    (item,) = parsed.items
    assert item.at == NOON - dt.timedelta(minutes=1)
    assert item.body == TemplateChanged(account=ACCOUNT, name="still_there", language="pt_BR", **said)


def test_quality_and_category_are_read() -> None:
    (quality,) = notice("message_template_quality_update", previous_quality_score="GREEN", new_quality_score="YELLOW").items
    (category,) = notice("template_category_update", previous_category="UTILITY", new_category="MARKETING").items
    assert quality.body == TemplateChanged(account=ACCOUNT, name="still_there", language="pt_BR", quality="YELLOW")
    assert category.body == TemplateChanged(account=ACCOUNT, name="still_there", language="pt_BR", category="marketing")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("message_template_status_update", {"event": "LOCKED"}),
        ("message_template_status_update", {"event": None}),
        ("message_template_status_update", {"event": "APPROVED", "message_template_name": {}}),
        ("message_template_quality_update", {"new_quality_score": 3.5}),
        ("template_category_update", {"correct_category": "MARKETING"}),
        ("account_update", {"event": "APPROVED"}),
    ],
)
def test_what_says_nothing_of_a_template_is_no_event(field: str, value: dict[str, Any]) -> None:
    assert notice(field, **value) == Parsed()


def test_the_same_word_at_two_times_is_two_events() -> None:
    first = notice("message_template_status_update", event="PAUSED", time=1_772_000_000).items[0]
    again = notice("message_template_status_update", event="PAUSED", time=1_772_000_000).items[0]
    later = notice("message_template_status_update", event="PAUSED", time=1_772_000_500).items[0]
    assert first == again and first.key != later.key


def test_a_word_without_a_time_is_of_now() -> None:
    assert notice("message_template_status_update", event="PAUSED", time=None).items[0].at == NOON


# --- from end to end -------------------------------------------------------------------------------------------------

STILL_THERE = """
template "Still there?" {
  "en" "Hi {customer.first_name}, do you still need us?"
  "pt-BR" "Olá {customer.first_name}, ainda precisa de nós?"
  needs whatsapp approval
}
"""
REMINDER = '    after 30h elapsed of silence send "Still there?"'


def play(folder: Path, graph: FakeGraph, scene: Callable[[Office], Awaitable[None]]) -> None:
    async def main() -> None:
        async with office(folder, desk(REMINDER, STILL_THERE, SETTINGS), graph) as here:
            while (await here.node.store.approvals(ACCOUNT)).synced_at is None:
                await here._second()
            await scene(here)

    asyncio.run(main())


def add(graph: FakeGraph, *states: tuple[str, str]) -> None:
    for language, status in states:
        graph.templates.add(Template("still_there", language, "Hi {{1}}, do you still need us?", status))


async def state(here: Office, language: str) -> str:
    known = await here.node.store.approvals(ACCOUNT)
    return next((each.status for each in known.templates if each.language == language), "")


def test_an_approved_template_is_read_and_sent(tmp_path: Path, graph: FakeGraph) -> None:
    add(graph, ("en", "APPROVED"), ("pt_BR", "PENDING"))

    async def scene(here: Office) -> None:
        await here.writes()
        here.clock.advance(30 * HOUR)
        await here.becomes("delivered")
        assert graph.deliveries[0]["template"] == "still_there"
        assert await state(here, "pt_BR") == "PENDING"

    play(tmp_path, graph, scene)


def test_a_template_meta_pauses_is_not_sent_from_the_moment_the_webhook_says_so(tmp_path: Path, graph: FakeGraph) -> None:
    add(graph, ("en", "APPROVED"), ("pt_BR", "REJECTED"))

    async def scene(here: Office) -> None:
        await here.writes()
        here.clock.advance(29 * HOUR)
        await here.told(graph.judge("still_there", "en", "PAUSED", "LOW_QUALITY"))
        assert await state(here, "en") == "PAUSED"
        here.clock.advance(HOUR)
        (row,) = await here.becomes("failed")
        assert row.error == "Meta's template `still_there` in `en` is not approved: PAUSED (LOW_QUALITY)"
        assert graph.asked["POST messages"] == 0

    play(tmp_path, graph, scene)


def test_the_other_language_goes_where_only_that_is_approved(tmp_path: Path, graph: FakeGraph) -> None:
    add(graph, ("en", "PAUSED"), ("pt_BR", "APPROVED"))

    async def scene(here: Office) -> None:
        await here.writes()
        here.clock.advance(30 * HOUR)
        (row,) = await here.becomes("delivered")
        assert graph.deliveries[0]["message"]["template"]["language"] == {"code": "pt_BR"}
        assert row.text == "Olá Ana, ainda precisa de nós?"

    play(tmp_path, graph, scene)


def test_a_token_that_has_expired_leaves_what_was_read(tmp_path: Path, graph: FakeGraph) -> None:
    add(graph, ("en", "APPROVED"))

    async def scene(here: Office) -> None:
        graph.fault("190", on="templates")
        here.clock.advance(dt.timedelta(minutes=15))
        while not (await here.node.store.approvals(ACCOUNT)).error:
            await here._second()
        known = await here.node.store.approvals(ACCOUNT)
        assert "WhatsApp 190" in known.error
        assert await state(here, "en") == "APPROVED"

    play(tmp_path, graph, scene)
