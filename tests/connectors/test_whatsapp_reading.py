"""WhatsApp: what comes in, in Meta's shapes, and what becomes of it. Nothing breaks it and nothing is lost."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors import samples
from connectors import whatsapp_bodies as bodies
from connectors.samples import body, contact, message, status, value, wa_request
from connectors.whatsapp_door import door, only, only_message, read
from duly_connectors import registry
from duly_connectors.contract import Tools
from duly_connectors.outbound import Response
from duly_connectors.registry import Plugins
from duly_connectors.testing import NOON, ScriptedNetwork
from duly_connectors.whatsapp import WhatsApp
from duly_dsl import program
from duly_runtime.doors import Parsed
from duly_runtime.events import (
    Contact,
    ContactChanged,
    CustomerMessage,
    DeliveryStatus,
    File,
    Identity,
    MessageChanged,
    SentElsewhere,
)
from duly_runtime.time import FakeClock

FULL = os.environ.get("DULY_FULL") == "1"
MUTATIONS = 10_000 if FULL else 100
"""Of each body."""


def named(*names: str) -> tuple[str, ...]:
    return tuple(f"{samples.NUMBER_ID}:{name}" for name in names)


# --- messages --------------------------------------------------------------------------------------------------------


def test_a_text_message() -> None:
    item = only(read(body(value(contacts=[contact()], messages=[message()]))))
    assert item.key == "wamid.A1"
    assert item.at == samples.WRITTEN_AT
    assert item.connector == "WhatsApp"
    assert item.body == CustomerMessage(
        text="Olá, meu pedido não chegou",
        contact=Contact(name="Ana Lima", phone="+5511988776655", address="5511988776655"),
        identities=(Identity("phone", "+5511988776655"),),
        channel="whatsapp",
        connector="WhatsApp",
        conversation=f"{samples.NUMBER_ID}:5511988776655",
        pipeline="Customer support",
        provider_id="wamid.A1",
    )


@pytest.mark.parametrize(
    ("name", "kind", "text"),
    [
        ("text that was forwarded", "text", "[Forwarded]\nOlá, meu pedido não chegou"),
        ("text about a product", "text", "[About the product] sku-9\nOlá, meu pedido não chegou"),
        (
            "text after an ad",
            "text",
            "Olá, meu pedido não chegou\n[Came by an ad] Frete livre Só hoje https://fb.example/ad/1",
        ),
        ("image without an id", "image", "[Image] o rótulo"),
        ("location", "location", "[Location] Loja Rua 1 -23.5, -46.6"),
        ("contacts", "contacts", "[Contact] Zé +55 11 2"),
        ("button reply", "interactive", "Sim"),
        ("list reply", "interactive", "Troca por outro"),
        ("form", "interactive", '[Form] Sent\n- size: M\n- colours: ["red","blue"]'),
        ("leave to call", "interactive", "[May be called]"),
        ("template button", "button", "Quero"),
        ("order", "order", "[Order] rápido\n- 2 × sku1 (9.5 BRL)"),
        ("welcome", "request_welcome", "[Opened the chat]"),
        ("unsupported", "unsupported", "[A message that can't be shown here] poll_creation Message type unknown"),
        ("a type of tomorrow", "unsupported", "[A message that can't be shown here] hologram"),
        ("edit that names nothing", "edit", "[Edited] novo"),
    ],
)
def test_every_type_can_be_read(name: str, kind: str, text: str) -> None:
    found = only_message(read(bodies.MESSAGES[name]))
    assert (found.kind, found.text, found.files, found.automatic) == (kind, text, (), False)


@pytest.mark.parametrize(
    ("name", "kind", "text", "file"),
    [
        ("image", "image", "o rótulo", File(name="image.jpg", media_type="image/jpeg", reference="901234")),
        ("voice", "audio", "", File(name="voice.ogg", media_type="audio/ogg", reference="901234")),
        ("audio", "audio", "", File(name="audio.mp3", media_type="audio/mpeg", reference="901234")),
        ("video", "video", "caiu", File(name="video.mp4", media_type="video/mp4", reference="901234")),
        ("document", "document", "a nota", File(name="nota.pdf", media_type="application/pdf", reference="901234")),
        ("sticker", "sticker", "", File(name="sticker.webp", media_type="image/webp", reference="901234")),
    ],
)
def test_media_are_files_to_be_fetched_their_captions_are_texts(name: str, kind: str, text: str, file: File) -> None:
    found = only_message(read(bodies.MESSAGES[name]))
    assert (found.kind, found.text, found.files) == (kind, text, (file,))


@pytest.mark.parametrize(
    ("kind", "content", "text"),
    [
        ("video", {"video": {}}, "[Video]"),
        ("audio", {"audio": {"voice": True}}, "[Voice message]"),
        ("audio", {"audio": {}}, "[Audio]"),
        ("sticker", {"sticker": {"animated": False}}, "[Sticker]"),
        ("document", {"document": {"filename": "nota.pdf", "caption": "a nota"}}, "[Document] nota.pdf a nota"),
        ("interactive", {"interactive": {"nfm_reply": {"body": "Sent", "response_json": "no"}}}, "[Form] Sent no"),
        ("interactive", {"interactive": {"call_permission_reply": {}}}, "[Does not want to be called]"),
    ],
)
def test_what_lacks_its_content_is_told(kind: str, content: dict[str, Any], text: str) -> None:
    found = only_message(read(bodies.said(kind, **content)))
    assert (found.kind, found.text, found.files) == (kind, text, ())


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ({"type": "unsupported", "errors": [{"code": 131051, "title": "Message type unknown"}]}, "Message type unknown"),
        ({"type": "text", "text": {}}, "text"),
        ({"type": "text", "text": "plain"}, "text"),
        ({"type": "interactive", "interactive": {"type": "wheel", "wheel": {}}}, "interactive"),
        ({"type": 7}, "7"),
        ({"type": None}, ""),
    ],
)
def test_what_we_do_not_know_is_a_message_all_the_same(content: dict[str, Any], text: str) -> None:
    odd = {"from": samples.CUSTOMER, "id": "wamid.X", "timestamp": samples.STAMP, **content}
    found = only_message(read(body(value(contacts=[contact()], messages=[odd]))))
    assert found.kind == "unsupported"
    assert found.text == f"[A message that can't be shown here] {text}".strip()


def test_a_quote_names_what_it_answers() -> None:
    assert only_message(read(bodies.MESSAGES["text that quotes"])).reply_to == bodies.OURS
    assert only_message(read(bodies.MESSAGES["button reply"])).reply_to == bodies.OURS


def test_texts_are_told_in_the_language_of_the_server() -> None:
    found = only_message(read(bodies.said("sticker", sticker={}), language="pt-BR"))
    assert found.text == "[Figurinha]"


def test_a_call_nobody_took_is_to_be_answered_a_call_that_was_taken_is_not() -> None:
    missed, taken = only_message(read(bodies.MESSAGES["missed call"])), only_message(read(bodies.MESSAGES["call"]))
    assert (missed.kind, missed.text, missed.automatic) == ("call", "[Missed call]", False)
    assert (taken.kind, taken.text, taken.automatic) == ("call", "[Call] 2 min 10 s", True)
    assert missed.contact == taken.contact == Contact(name="Ana Lima", phone="+5511988776655", address="5511988776655")


# --- who -------------------------------------------------------------------------------------------------------------


def test_a_customer_without_a_number_has_a_user_id() -> None:
    found = only_message(read(bodies.MESSAGES["text of a business-scoped id"]))
    assert found.contact == Contact(name="Ana", address=samples.USER_ID)
    assert (found.conversation, *found.known_as) == named(samples.USER_ID, bodies.PARENT_ID)
    assert found.identities == (Identity("whatsapp", samples.USER_ID), Identity("whatsapp", bodies.PARENT_ID))


def test_the_user_id_names_the_conversation_the_number_stays_the_address() -> None:
    both = {**contact(), "user_id": samples.USER_ID}
    found = only_message(read(body(value(contacts=[both], messages=[message(from_user_id=samples.USER_ID)]))))
    assert (found.conversation, *found.known_as) == named(samples.USER_ID, samples.CUSTOMER)
    assert found.contact.address == samples.CUSTOMER


def test_a_message_that_names_nobody_is_a_conversation_of_its_own() -> None:
    bare = {"id": "wamid.N", "type": "text", "text": {"body": "?"}}
    found = only(read(body(value(messages=[bare]))))
    assert isinstance(found.body, CustomerMessage)
    assert found.body.conversation == f"{samples.NUMBER_ID}:wamid.N"
    assert found.at == NOON


def test_messages_of_two_customers_keep_their_names() -> None:
    other = {"wa_id": "351912000111", "profile": {"name": "Rui Prado"}}
    second = {**message(name="wamid.A2"), "from": "351912000111"}
    parsed = read(body(value(contacts=[contact(), other], messages=[message(), second])))
    assert [item.body.contact.name for item in parsed.items if isinstance(item.body, CustomerMessage)] == [
        "Ana Lima",
        "Rui Prado",
    ]


def test_a_group_is_one_conversation_whoever_writes_in_it() -> None:
    found = only_message(read(bodies.MESSAGES["message in a group"]))
    assert (found.conversation, found.known_as) == (*named(f"group:{bodies.GROUP_ID}"), ())
    assert found.contact == Contact(name="Ana Lima", address=f"group:{bodies.GROUP_ID}")
    assert found.identities == (Identity("phone", "+5511988776655"),)


@pytest.mark.parametrize("stamp", ["", "soon", "-5", "99999999999999999999", str(int(samples.STAMP) + 86400), None, []])
def test_an_impossible_time_becomes_the_arrival(stamp: object) -> None:
    assert only(read(body(value(messages=[message(timestamp=stamp)])))).at == NOON


def test_a_customer_with_another_number_goes_by_other_names() -> None:
    item = only(read(bodies.IDENTITIES["another number"]))
    assert item.key == "wamid.S1"
    assert item.body == ContactChanged(
        connector="WhatsApp",
        conversation=f"{samples.NUMBER_ID}:{bodies.NEW_ID}",
        known_as=named(bodies.NEW_PARENT_ID, bodies.NEW_NUMBER),
        former=named(samples.USER_ID, bodies.PARENT_ID, samples.CUSTOMER),
        contact=Contact(phone="+5511955554444", address="5511955554444"),
        identities=(
            Identity("whatsapp", bodies.NEW_ID),
            Identity("whatsapp", bodies.NEW_PARENT_ID),
            Identity("phone", "+5511955554444"),
        ),
        former_identities=(
            Identity("whatsapp", samples.USER_ID),
            Identity("whatsapp", bodies.PARENT_ID),
            Identity("phone", "+5511988776655"),
        ),
        text="Ana Lima changed",
    )


def test_a_customer_with_another_id_and_no_number_is_reached_by_the_id() -> None:
    found = only(read(bodies.IDENTITIES["another user id"])).body
    assert isinstance(found, ContactChanged)
    assert found.contact == Contact(address=bodies.NEW_ID)
    assert found.former == named(samples.USER_ID, samples.CUSTOMER)


def test_the_notice_of_old_about_a_number() -> None:
    found = only(read(bodies.IDENTITIES["another number, as of old"])).body
    assert isinstance(found, ContactChanged)
    assert (found.conversation, *found.former) == named(bodies.NEW_NUMBER, samples.CUSTOMER)


def test_a_new_security_code_changes_no_names() -> None:
    found = only(read(bodies.IDENTITIES["another security code"])).body
    assert found == ContactChanged(connector="WhatsApp", conversation=named(samples.CUSTOMER)[0], text="Ana Lima changed")


# --- about other messages --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "change", "target", "text", "ours"),
    [
        ("reaction", "reacted", bodies.OURS, "👍", False),
        ("reaction taken back", "unreacted", bodies.OURS, "", False),
        ("edit", "edited", "wamid.A0", "novo", False),
        ("edit of a caption", "edited", "wamid.A0", "agora sim", False),
        ("revoke", "deleted", "wamid.A0", "", False),
        ("edit from our phone", "edited", "wamid.E0", "corrigido", True),
        ("revoke from our phone", "deleted", "wamid.E0", "", True),
    ],
)
def test_what_is_about_another_message_says_so(name: str, change: str, target: str, text: str, ours: bool) -> None:
    assert only(read(bodies.CHANGES[name])).body == MessageChanged(
        connector="WhatsApp",
        conversation=named(samples.CUSTOMER)[0],
        provider_id=target,
        change=change,
        text=text,
        ours=ours,
    )


def test_in_a_group_it_is_said_who_reacts() -> None:
    found = only(read(bodies.CHANGES["reaction in a group"])).body
    assert isinstance(found, MessageChanged)
    assert (found.author, found.conversation) == ("Ana Lima", *named(f"group:{bodies.GROUP_ID}"))


def test_an_edit_under_the_id_of_what_it_edits_is_an_event_of_its_own() -> None:
    first = bodies.said(
        "edit", name="wamid.A1", edit={"original_message_id": "wamid.A1", "message": {"text": {"body": "b"}}}
    )
    second = bodies.said(
        "edit", name="wamid.A1", edit={"original_message_id": "wamid.A1", "message": {"text": {"body": "c"}}}
    )
    keys = {only(read(tree)).key for tree in (bodies.said(), first, second)}
    assert len(keys) == 3


def test_what_went_out_from_our_phone_is_ours() -> None:
    assert only(read(bodies.ECHOES["echo"])).body == SentElsewhere(
        text="Já enviamos hoje",
        connector="WhatsApp",
        channel="whatsapp",
        conversation=named(samples.CUSTOMER)[0],
        provider_id="wamid.E1",
    )
    image = only(read(bodies.ECHOES["echo of an image"])).body
    assert isinstance(image, SentElsewhere)
    assert (image.text, image.files[0].reference) == ("o comprovante", "902")


def test_a_call_of_ours_is_an_answer_where_it_was_taken() -> None:
    taken, missed = (only(read(bodies.ECHOES[name])).body for name in ("our call", "our call, not taken"))
    assert isinstance(taken, SentElsewhere) and isinstance(missed, SentElsewhere)
    assert (taken.text, taken.automatic) == ("[We called] 1 min 1 s", False)
    assert (missed.text, missed.automatic) == ("[Our call was not taken]", True)


# --- statuses --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("word", "state"), [("sent", "sent"), ("delivered", "delivered"), ("read", "read"), ("played", "read")]
)
def test_statuses(word: str, state: str) -> None:
    item = only(read(bodies.STATUSES[word]))
    assert item.key == f"wamid.OUT1:{word}"
    assert item.body == DeliveryStatus(provider_id="wamid.OUT1", outbox_id=77, state=state)


def test_a_failure_says_why() -> None:
    errors = [
        {"code": 131047, "title": "Re-engagement message"},
        {"code": 99, "title": "Odd", "error_data": {"details": "so"}},
    ]
    found = only(read(body(value(statuses=[status("failed", errors=errors)])))).body
    assert isinstance(found, DeliveryStatus)
    assert found.error.startswith("WhatsApp 131047: ")
    assert found.error.endswith("; WhatsApp 99: Odd: so")


@pytest.mark.parametrize("data", ["", "card-7", "9" * 30, None, {}])
def test_callback_data_that_is_not_ours(data: object) -> None:
    found = only(read(body(value(statuses=[status("sent", biz_opaque_callback_data=data)])))).body
    assert isinstance(found, DeliveryStatus)
    assert found.outbox_id == 0


# --- several numbers -------------------------------------------------------------------------------------------------

SECOND_ID, THIRD_ID = "220011448800332", "220011448800333"


def doors_of_three() -> registry.Registry:
    """Two numbers of one app, and one of another app."""

    def named(name: str, number_id: str, secret: str) -> program.Connector:
        given = {
            "phone number id": program.Setting(value=number_id),
            "app secret": program.Setting(value=secret, secret=True),
        }
        settings = {**samples.WHATSAPP.settings, **given}
        return msgspec.structs.replace(samples.WHATSAPP, name=name, path=f"/in/{name}", settings=settings)

    first, second = named("first", samples.NUMBER_ID, "WA_APP"), named("second", SECOND_ID, "WA_SAME")
    third = named("third", THIRD_ID, "WA_OTHER")
    secrets = {**samples.WHATSAPP_SECRETS, "WA_SAME": samples.APP_SECRET, "WA_OTHER": "secret of another app"}
    tools = Tools(secrets=lambda name: secrets[name], clock=FakeClock(NOON), network=ScriptedNetwork(Response(status=500)))
    version = program.Program(
        connectors={each.name: each for each in (first, second, third)}, pipelines={samples.PIPELINE.name: samples.PIPELINE}
    )
    return registry.build(version, tools, Plugins({"whatsapp": WhatsApp}, {}))


def test_a_body_for_another_number_of_the_app_goes_to_its_connector() -> None:
    receiver = doors_of_three().receiver_for("/in/first")
    assert receiver is not None
    tree = body(
        value(contacts=[contact()], messages=[message()]),
        value(SECOND_ID, contacts=[contact()], messages=[message(), message("sticker", "wamid.A2", sticker={"id": "5"})]),
        value(SECOND_ID, statuses=[status("read")]),
    )
    parsed = receiver.receive(wa_request(tree))
    assert isinstance(parsed, Parsed)
    assert parsed.problems == ()
    assert [(item.connector, item.key) for item in parsed.items] == [
        ("first", "wamid.A1"),
        ("second", "wamid.A1"),
        ("second", "wamid.A2"),
        ("second", "wamid.OUT1:read"),
    ]
    found = parsed.items[1].body
    assert isinstance(found, CustomerMessage)
    assert (found.connector, found.conversation) == ("second", f"{SECOND_ID}:{samples.CUSTOMER}")


def test_who_holds_one_secret_speaks_for_no_number_of_another_app() -> None:
    receiver = doors_of_three().receiver_for("/in/first")
    assert receiver is not None
    parsed = receiver.receive(wa_request(body(value(THIRD_ID, messages=[message()]))))
    assert parsed == Parsed(problems=(f"A message is for the phone number id {THIRD_ID}, which no connector here has.",))


def test_a_message_for_a_number_of_nobody_is_parked_its_statuses_are_not_ours() -> None:
    parsed = read(body(value("999", messages=[message()]), value("999", statuses=[status("sent")])))
    assert parsed == Parsed(problems=("A message is for the phone number id 999, which no connector here has.",))


# --- many, broken ----------------------------------------------------------------------------------------------------


def test_one_bad_item_does_not_lose_the_others() -> None:
    tree = body(
        value(contacts=[contact()], messages=[message(), "gone", message(name="wamid.A2")]),
        value(statuses=[status("sent"), {"status": "read"}, status("mislaid")]),
    )
    tree["entry"] += [None, {"changes": "none"}, {"changes": [{"field": "messages"}]}]
    tree["entry"] += body(value(messages=[message(name="wamid.A3")]))["entry"]
    parsed = read(tree)
    assert [item.key for item in parsed.items] == ["wamid.A1", "wamid.A2", "wamid.OUT1:sent", "wamid.A3"]
    assert parsed.problems == (
        "An entry of `messages` is not an object.",
        "A status has no message id.",
        "A status says `mislaid`, which we don't know.",
        "An entry holds no list `changes`.",
        "A change holds no object `value`.",
    )


def test_a_message_twice_in_a_body_is_one_event() -> None:
    parsed = read(body(value(messages=[message(), message()]), value(messages=[message()])))
    assert [item.key for item in parsed.items] == ["wamid.A1"]


def test_a_message_without_an_id_keeps_a_name() -> None:
    bare = {key: text for key, text in message().items() if key != "id"}
    first, second = only(read(body(value(messages=[bare])))), only(read(body(value(messages=[bare]))))
    assert first.key == second.key
    assert first.key.startswith("sha256:")


@pytest.mark.parametrize("name", bodies.NOTHING)
def test_what_is_no_event_gives_none(name: str) -> None:
    assert read(bodies.NOTHING[name]) == Parsed()


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("an error of the number", "WhatsApp 130429: "),
        ("a reaction to nothing", "`reaction` does not say which message it is about."),
        ("a revoke of nothing", "`revoke` does not say which message it is about."),
        ("another number, not said which", "A customer has another number or id, but it is not said which."),
        ("an echo to nobody", "A message of ours does not say to whom it went."),
        ("a call event of tomorrow", "A call says `transferred`, which we don't know."),
        ("a history of messages", "It holds `history`, which this connector does not read."),
        ("a list of tomorrow", "It holds `newthings`, which this connector does not read."),
    ],
)
def test_what_might_matter_is_parked(name: str, problem: str) -> None:
    parsed = read(bodies.PROBLEMS[name])
    assert parsed.items == ()
    (told,) = parsed.problems
    assert told.startswith(problem)


def test_a_list_that_is_none_is_parked() -> None:
    parsed = read(body(value(messages={"id": 1})))
    assert parsed == Parsed(problems=("`messages` is not a list.",))


# --- whatever comes --------------------------------------------------------------------------------------------------


_plain = st.characters(exclude_categories=["Cs"])
_leaf = st.none() | st.booleans() | st.integers(-(2**62), 2**62) | st.text(_plain, max_size=12)
_anything = st.recursive(
    _leaf, lambda s: st.lists(s, max_size=3) | st.dictionaries(st.text(_plain, max_size=6), s, max_size=3), max_leaves=8
)
_mutation = st.tuples(st.integers(0, 10_000), st.sampled_from(("gone", "twice", "other", "odd list")), _anything)


def test_an_id_that_no_database_can_hold_still_names_its_message() -> None:
    tree = body(value(contacts=[contact()], messages=[message(name="wamid.\0"), message(name="\0")]))
    keys = [item.key for item in read(tree).items]
    assert keys == ["wamid.\ufffd", "\ufffd"]
    assert lost(tree, keys) == []


@pytest.mark.parametrize("name", bodies.EVERY)
def test_nothing_breaks_it_and_nothing_is_lost(name: str) -> None:
    receiver, whole = door(), json.dumps(bodies.EVERY[name])

    @settings(max_examples=MUTATIONS, deadline=None, suppress_health_check=list(HealthCheck), derandomize=not FULL)
    @given(st.lists(_mutation, min_size=1, max_size=3))
    def mutate(mutations: list[tuple[int, str, Any]]) -> None:
        tree = json.loads(whole)
        for place, what, other in mutations:
            mutated(tree, place, what, other)
        parsed = receiver.parse(samples.request(json.dumps(tree).encode()))
        if not parsed.problems:
            assert lost(tree, [item.key for item in parsed.items]) == []

    mutate()


def mutated(tree: Any, place: int, what: str, other: Any) -> None:
    """Something in it goes missing, comes twice, or is another thing."""
    places = list(spots(tree))
    if not places:
        return
    holder, at = places[place % len(places)]
    if what == "gone":
        del holder[at]
    elif what == "twice" and isinstance(holder, list):
        holder.insert(at, holder[at])
    else:
        holder[at] = [holder[at], other] if what == "odd list" else other


def spots(tree: Any) -> Iterator[tuple[Any, Any]]:
    """Every place of a tree: what holds it, and the key."""
    pairs = list(tree.items()) if isinstance(tree, dict) else list(enumerate(tree)) if isinstance(tree, list) else []
    for at, inner in pairs:
        yield tree, at
        yield from spots(inner)


def lost(tree: Any, keys: list[str]) -> list[Any]:
    """Items of our number that no event stands for, by another way of reading than the connector's."""
    missing: list[Any] = []
    nameless = 0
    for key, item in items_of(tree):
        name = item.get("id") if isinstance(item, dict) else None
        if isinstance(name, int) and not isinstance(name, bool):
            name = str(name)
        name = storable(name).strip() if isinstance(name, str) else ""
        if not name:
            nameless += 1
        elif not any(each == name or each.startswith(f"{name}:") for each in keys):
            missing.append((key, item))
    if nameless and not any(each.startswith("sha256:") for each in keys):
        missing.append(("nameless", nameless))
    return missing


def storable(name: str) -> str:
    """As any database can hold it."""
    return "".join("\ufffd" if letter == "\0" else "?" if "\ud800" <= letter <= "\udfff" else letter for letter in name)


def items_of(tree: Any) -> Iterator[tuple[str, Any]]:
    for entry in tree["entry"]:
        for change in entry["changes"]:
            content = change["value"]
            metadata = content.get("metadata")
            number = metadata.get("phone_number_id") if isinstance(metadata, dict) else None
            if (
                isinstance(number, str | int)
                and not isinstance(number, bool)
                and str(number).strip() not in ("", samples.NUMBER_ID)
            ):
                continue  # its statuses are not ours, and its messages are a problem
            for key in ("messages", "message_echoes", "calls", "statuses"):
                for item in content.get(key) or []:
                    on_the_way = key == "calls" and str(item.get("event")).lower().strip() in bodies.PASSING
                    of_a_call = key == "statuses" and (item.get("type") == "call" or change.get("field") == "calls")
                    if not on_the_way and not of_a_call:
                        yield key, item
