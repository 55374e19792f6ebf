"""What every connector must hold to, as tests. Subclass what fits of `ReceiverContract`, `SenderContract` and
`FetcherContract` in a test module (`testing_sources` has the one for what fetches by itself):

    class TestMine(ReceiverContract, SenderContract, FetcherContract):
        secrets = {"MINE_KEY": "a key"}
        def make(self, tools): return Mine(DEFINITION, PIPELINE, tools)
        def samples(self): return [signed requests]
        def sign(self, raw): return the same request with a signature that fits its body
        def mixed(self): return [(a signed request with something wrong in it, how many good items it holds)]
        def outgoing(self): return [things to send]
        def files(self): return [files to fetch]

Needs pytest and hypothesis. docs/connectors/adding.md shows a whole one.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import hashlib
import os
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar
from urllib.parse import urlsplit

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from duly_connectors.contract import Connector, MissingSecret, Tools
from duly_connectors.outbound import LONGEST_WAIT, Blocked, Interrupted, Network, NotSent, Response
from duly_connectors.registry import Guarded
from duly_dsl import program
from duly_runtime.doors import (
    Check,
    Failed,
    Fetched,
    FetchOutcome,
    Outcome,
    OutFile,
    Outgoing,
    Parsed,
    Raw,
    Refused,
    Retry,
    Sent,
    Unknown,
)
from duly_runtime.events import Contact, CustomerMessage, File
from duly_runtime.time import FakeClock

NOON = dt.datetime(2026, 3, 2, 12, 0, tzinfo=dt.UTC)
"""The time of the tests, a Monday."""
EXAMPLES = int(os.environ.get("DULY_EXAMPLES") or (10_000 if os.environ.get("DULY_FULL") == "1" else 300))
"""Mutated bodies a test tries; DULY_FULL=1 asks for more, DULY_EXAMPLES for as many."""

BODIES = (b"", b"{}", b"[]", b"7", b'{"error": {}}', b'{"error": {"code": "x"}}', b'{"ok": false}', b"<html>\xff")
"""What answers hold that are not what one hopes for."""
SEND_SECONDS = 15.0
FETCH_SECONDS = 60.0
"""What the runtime gives a send and a fetch."""

_QUIET = (HealthCheck.differing_executors, HealthCheck.too_slow, HealthCheck.data_too_large)
_LEAF = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20)
_JSON = st.recursive(
    _LEAF, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
)


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """A request a connector made."""

    method: str
    url: str
    headers: dict[str, str]
    body: bytes
    seconds: float
    """How long the connector would have waited for the answer."""


class ScriptedNetwork(Network):
    """A network with one answer to everything: a Response, or the exception to raise. Keeps what was asked."""

    def __init__(self, answer: Response | NotSent | Interrupted) -> None:
        super().__init__()
        self.answer = answer
        self.requests: list[Request] = []

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        cap: int = 0,
        seconds: float = 0,
    ) -> Response:
        wait = seconds or self.seconds
        self.requests.append(Request(method=method, url=url, headers=dict(headers or {}), body=body, seconds=wait))
        if isinstance(self.answer, Response):
            return self.answer
        raise self.answer

    async def connect(self, host: str, port: int) -> Any:
        raise self.answer if isinstance(self.answer, NotSent) else NotSent("no connection in this test")


class _Forbidden:
    """Stands where parsing must not reach."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"parsing must not use the clock or the network ({name})")


class ConnectorContract:
    """What holds for every connector. `secrets` are what the definition refers to, by name."""

    secrets: ClassVar[dict[str, str]] = {}

    def make(self, tools: Tools) -> Connector:
        """The connector under test, with these tools."""
        raise NotImplementedError

    def tools(self, network: Network | None = None, secrets: Mapping[str, str] | None = None) -> Tools:
        stored = self.secrets if secrets is None else secrets

        def look_up(name: str) -> str:
            try:
                return stored[name]
            except KeyError:
                raise MissingSecret(name) from None

        return Tools(secrets=look_up, clock=FakeClock(NOON), network=network or ScriptedNetwork(NotSent("no network")))

    def connector(self, answer: Response | NotSent | Interrupted | None = None) -> Connector:
        return self.make(self.tools(ScriptedNetwork(answer or NotSent("no network"))))

    def test_the_kind_is_known_without_an_instance(self) -> None:
        kind = type(self.connector()).KIND
        assert isinstance(kind, program.ConnectorKind)
        assert kind.name and kind.directions
        assert set(kind.directions) <= {"receives", "sends", "connects"}
        assert len({setting.key for setting in kind.settings}) == len(kind.settings)

    def test_checks_never_raise_and_can_be_shown(self) -> None:
        answers = [NotSent("refused"), Blocked("private"), Interrupted("time-out")]
        answers += [Response(status=status, body=body) for status in (200, 401, 404, 500) for body in BODIES]
        for answer in answers:
            for stored in (self.secrets, {}, dict.fromkeys(self.secrets, "")):
                checks = asyncio.run(self.make(self.tools(ScriptedNetwork(answer), secrets=stored)).check())
                assert all(isinstance(check, Check) and check.name for check in checks)
                assert {check.state for check in checks} <= {"ok", "bad", "unknown"}
                self._no_secret_in(checks)
                if self.secrets and stored != self.secrets:
                    assert any(check.state == "bad" for check in checks), "say that a secret is missing"

    def test_the_guide_tells_the_door_and_no_secret(self) -> None:
        connector = self.connector()
        address = "https://duly.example" + connector.definition.path
        steps = connector.guide(address if connector.definition.path else "")
        assert all(isinstance(step, str) and step.strip() for step in steps)
        self._no_secret_in(steps)
        bare = self.make(self.tools(secrets={})).guide(address)
        assert all(isinstance(step, str) for step in bare), "the page is there before the secrets are"

    def test_addresses_and_sources_can_be_asked_for(self) -> None:
        connector = self.connector()
        for address in connector.addresses():
            local, at, domain = address.partition("@")
            assert local and at and domain and "+" not in local and address == address.lower()
        names = [source.name for source in connector.sources()]
        assert all(names) and len(set(names)) == len(names)

    def test_closing_twice_does_no_harm(self) -> None:
        connector = self.connector()
        asyncio.run(connector.close())
        asyncio.run(connector.close())

    def _no_secret_in(self, told: object) -> None:
        for value in self.secrets.values():
            assert value not in repr(told), "a secret would be shown"


class ReceiverContract(ConnectorContract):
    """What holds for a connector that receives. `signs_body` is false for a door opened by a token, whatever the body."""

    signs_body: ClassVar[bool] = True

    def samples(self) -> Sequence[Raw]:
        """Authentic requests, at least one; received at NOON where a signature has a time."""
        raise NotImplementedError

    def sign(self, raw: Raw) -> Raw:
        """The same request, authentic for the body it has now."""
        raise NotImplementedError

    def mixed(self) -> Sequence[tuple[Raw, int]]:
        """Authentic requests of the right format with something wrong in them, at least one, and how many good items each
        holds beside that: none where a request of the format is one item."""
        raise NotImplementedError

    def test_there_are_samples(self) -> None:
        assert {"receives", "connects"} & set(type(self.connector()).KIND.directions)
        assert self.samples()

    def test_authentic_requests_come_in(self) -> None:
        for raw in self.samples():
            assert isinstance(self.connector().receive(raw), Parsed)

    def test_unsigned_requests_are_refused(self) -> None:
        for raw in self.samples():
            headers = {k: v for k, v in raw.headers.items() if k == "content-type"}
            self._refused(msgspec.structs.replace(raw, headers=headers, query={}), 401, 400)

    def test_a_wrong_key_is_refused(self) -> None:
        wrong = {name: value + "x" for name, value in self.secrets.items()}
        for raw in self.samples():
            with pytest.raises(Refused) as refused:
                self.make(self.tools(secrets=wrong)).receive(raw)
            assert refused.value.status == 401

    def test_a_changed_body_is_refused(self) -> None:
        if self.signs_body:
            for raw in self.samples():
                self._refused(msgspec.structs.replace(raw, body=raw.body + b" "), 401)

    def test_without_its_secret_the_door_stays_shut(self) -> None:
        for stored in ({}, dict.fromkeys(self.secrets, "")):
            for raw in self.samples():
                with pytest.raises(Refused) as refused:
                    self.make(self.tools(secrets=stored)).receive(raw)
                assert refused.value.status == 503
                assert not any(name in refused.value.reason for name in self.secrets)

    def test_too_large_a_body_is_refused(self) -> None:
        for raw in self.samples()[:1]:
            self._refused(self.sign(msgspec.structs.replace(raw, body=b" " * (type(self.connector()).LARGEST + 1))), 413)

    def test_parsing_is_pure(self) -> None:
        forbidden: Any = _Forbidden()
        for raw in self.samples():
            before = msgspec.json.encode(raw)
            tools = self.tools()
            bare = Tools(secrets=tools.secrets, clock=forbidden, network=forbidden)
            first, second = self.make(bare).parse(raw), self.make(bare).parse(raw)
            assert first == second
            assert msgspec.json.encode(raw) == before

    def test_keys_name_an_event_whenever_it_comes(self) -> None:
        for raw in self.samples():
            later = msgspec.structs.replace(raw, received_at=raw.received_at + dt.timedelta(days=2))
            first, second = self.connector().parse(raw), self.connector().parse(later)
            keys = [item.key for item in first.items]
            assert keys == [item.key for item in second.items]
            assert len(set(keys)) == len(keys)

    def test_what_was_kept_can_be_replayed(self) -> None:
        """Without what `hidden` names, and though the secrets have changed or gone since."""
        for raw in self.samples():
            connector = self.connector()
            away = {*connector.hidden(), "authorization", "cookie"}
            headers = {name: text for name, text in raw.headers.items() if name not in away}
            query = {name: text for name, text in raw.query.items() if name not in away}
            kept = msgspec.structs.replace(raw, headers=headers, query=query)
            assert not any(value and value in repr((headers, query)) for value in self.secrets.values()), (
                "a token would be kept"
            )
            taken = connector.receive(raw)
            assert isinstance(taken, Parsed)
            assert self._items(connector.read(kept)) == self._items(taken)

    def test_good_items_come_in_beside_bad_ones(self) -> None:
        """And the bad ones stay to be seen: a request with problems is kept whole, with the words of each."""
        assert self.mixed()
        for raw, good in self.mixed():
            parsed = self.connector().receive(raw)
            assert isinstance(parsed, Parsed)
            assert len({item.key for item in parsed.items}) == len(parsed.items) == good
            assert parsed.problems, "say what is wrong"
            assert all(problem.strip() for problem in parsed.problems)
            self._no_secret_in(parsed.problems)
            again = self.connector().read(raw)
            assert (self._items(again), again.problems) == (self._items(parsed), parsed.problems), "the same at a replay"

    def _items(self, parsed: Parsed) -> list[bytes]:
        return [msgspec.json.encode(item) for item in parsed.items]

    @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=_QUIET)
    @given(st.data())
    def test_no_stranger_breaks_the_door(self, data: st.DataObject) -> None:
        raw = data.draw(st.sampled_from(self.samples()))
        names = st.sampled_from([*raw.headers, "authorization", "content-type", "x-hub-signature-256", "stripe-signature"])
        texts = st.text(max_size=40) | st.sampled_from([*raw.headers.values(), "sha256=", "v1,", "t=,v1=", "Bearer "])
        strange = msgspec.structs.replace(
            raw,
            method=data.draw(st.sampled_from(("POST", "GET", "PUT", "HEAD", "BREW"))),
            headers={**raw.headers, **data.draw(st.dictionaries(names, texts, max_size=4))},
            query=data.draw(
                st.dictionaries(st.sampled_from(("token", "hub.mode", "hub.challenge", "x")), texts, max_size=4)
            ),
        )
        try:
            self.connector().receive(strange)
        except Refused as refused:
            assert refused.status in (400, 401, 405, 413)
            self._no_secret_in(refused.reason)

    @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=_QUIET)
    @given(st.data())
    def test_no_body_breaks_it(self, data: st.DataObject) -> None:
        raw = data.draw(st.sampled_from(self.samples()))
        body = data.draw(st.one_of(mutated_json(raw.body), mutated_bytes(raw.body)))
        self._survives(self.sign(msgspec.structs.replace(raw, body=body)))

    def test_files_have_their_content_or_the_way_to_it(self) -> None:
        for raw in self.samples():
            for item in self.connector().parse(raw).items:
                assert {hashlib.sha256(data).hexdigest() for data in item.contents.values()} == set(item.contents)
                for file in item.body.files if isinstance(item.body, CustomerMessage) else ():
                    assert file.sha256 in item.contents or (file.reference and not file.sha256)
                    assert not file.sha256 or file.size == len(item.contents[file.sha256])

    def _survives(self, raw: Raw) -> None:
        """Read or refused; whatever comes out can be stored by any database."""
        connector = self.connector()
        try:
            parsed = connector.parse(raw)
        except Refused as refused:
            assert refused.status == 400
            return
        for item in parsed.items:
            assert item.key and len(item.key) <= 500
            assert item.at.utcoffset() == dt.timedelta(0)
            written = msgspec.json.encode(item)
            assert b"\\u0000" not in written
            assert msgspec.json.decode(written, type=type(item)) == item
        for problem in parsed.problems:
            assert problem and "\0" not in problem

    def _refused(self, raw: Raw, *statuses: int) -> None:
        with pytest.raises(Refused) as refused:
            self.connector().receive(raw)
        assert refused.value.status in statuses
        assert refused.value.reason


class SenderContract(ConnectorContract):
    """What holds for a connector that sends. `tells_repeats` is false where the other side takes no key or id of ours by
    which a second attempt could be told from a second message: what is uncertain is not tried again then."""

    tells_repeats: ClassVar[bool] = True

    def outgoing(self) -> Sequence[Outgoing]:
        """Things it can send, at least one."""
        raise NotImplementedError

    def test_there_is_something_to_send(self) -> None:
        assert {"sends", "connects"} & set(type(self.connector()).KIND.directions)
        assert self.outgoing()

    def test_every_answer_ends_in_one_outcome(self) -> None:
        for item in self.outgoing():
            for status in (200, 201, 204, 301, 400, 401, 403, 404, 408, 409, 410, 425, 429, 500, 502, 503, 504):
                for body in BODIES:
                    outcome = self._send(item, Response(status=status, body=body))
                    assert isinstance(outcome, Outcome)
                    assert status < 400 or not isinstance(outcome, Sent), f"{status} is no success"
                    self._no_secret_in(outcome)

    def test_what_never_left_is_tried_again(self) -> None:
        for item in self.outgoing():
            assert isinstance(self._send(item, NotSent("refused")), Retry)

    def test_what_may_never_be_reached_fails(self) -> None:
        for item in self.outgoing():
            assert isinstance(self._send(item, Blocked("private")), Failed)

    def test_an_interruption_is_no_verdict(self) -> None:
        for item in self.outgoing():
            outcome = self._send(item, Interrupted("time-out"))
            assert not isinstance(outcome, Sent | Failed), "it may have arrived"
            assert self.tells_repeats or isinstance(outcome, Unknown), "a second one could not be told from the first"

    def test_it_is_done_before_the_runtime_gives_up(self) -> None:
        for item in self.outgoing():
            for answer in (Response(status=200, body=b"{}"), Interrupted("time-out")):
                network = ScriptedNetwork(answer)
                asyncio.run(self.make(self.tools(network)).send(item))
                assert sum(request.seconds for request in network.requests) < SEND_SECONDS

    @settings(max_examples=EXAMPLES // 3, deadline=None, suppress_health_check=_QUIET)
    @given(st.data())
    def test_no_answer_breaks_it(self, data: st.DataObject) -> None:
        item = data.draw(st.sampled_from(self.outgoing()))
        status = data.draw(st.sampled_from((200, 202, 302, 400, 429, 500, 503, 599)))
        headers = {
            "retry-after": data.draw(st.text(max_size=30) | st.sampled_from(("3", "-1", "Thu, 01 Jan 1970 00:00:00")))
        }
        body = data.draw(st.binary(max_size=60) | _JSON.map(msgspec.json.encode))
        outcome = self._send(item, Response(status=status, headers=headers, body=body))
        assert isinstance(outcome, Outcome)
        assert not isinstance(outcome, Retry) or 0 <= outcome.after <= LONGEST_WAIT

    @settings(max_examples=EXAMPLES // 3, deadline=None, suppress_health_check=_QUIET)
    @given(st.data())
    def test_nothing_to_send_breaks_it(self, data: st.DataObject) -> None:
        texts = st.text(max_size=40) | st.sampled_from(("\0", "a\r\nBcc: b@c.example", "x" * 200_000))
        contact = Contact(address=data.draw(texts), email=data.draw(texts), phone=data.draw(texts), name=data.draw(texts))
        item = msgspec.structs.replace(
            data.draw(st.sampled_from(self.outgoing())),
            to=contact, text=data.draw(texts), subject=data.draw(texts), reference=data.draw(texts),
        )  # fmt: skip
        assert isinstance(self._send(item, NotSent("no network")), Failed | Retry), "nothing went out"

    def test_a_test_message_can_be_made(self) -> None:
        connector = self.connector()
        assert connector.TEST_TO in ("email", "phone", "address", "")
        item = connector.trial("ana@example.org" if connector.TEST_TO == "email" else "5511988880000", "test-1")
        assert (item.key, item.outbox_id) == ("test-1", 0)
        assert item.text or item.payload
        assert isinstance(asyncio.run(connector.send(item)), Retry), "as whatever never left"

    def test_without_its_secret_sending_waits(self) -> None:
        asked: list[str] = []

        def nothing(name: str) -> str:
            asked.append(name)
            raise MissingSecret(name)

        empty = dict.fromkeys(self.secrets, "")
        for item in self.outgoing():
            network = ScriptedNetwork(Response(status=200))
            outcome = asyncio.run(Guarded(self.make(self.tools(network, secrets=empty))).send(item))
            assert not self.secrets or (isinstance(outcome, Retry) and network.requests == []), "an empty one is none"
            asked.clear()
            network = ScriptedNetwork(Response(status=200))
            made = self.make(Tools(secrets=nothing, clock=FakeClock(NOON), network=network))
            outcome = asyncio.run(Guarded(made).send(item))
            if asked:
                assert isinstance(outcome, Retry), "it may be stored later"
                assert asked[0] in outcome.reason, "say which is missing"
                assert network.requests == [], "nothing goes out without it"

    def test_every_attempt_names_the_same_thing(self) -> None:
        for item in self.outgoing() if self.tells_repeats else ():
            network = ScriptedNetwork(Response(status=500))
            for _ in range(2):
                asyncio.run(self.make(self.tools(network)).send(item))
            for request in network.requests:
                told = repr(request.headers) + request.body.decode("utf-8", "replace")
                assert item.key in told or f'"{item.outbox_id}"' in told, "send a name that stays over attempts"

    def test_templates_are_read_or_it_says_why_not(self) -> None:
        for answer in (NotSent("refused"), Interrupted("cut"), Response(status=200, body=b"{}"), Response(status=500)):
            for stored in (self.secrets, {}):
                made = Guarded(self.make(self.tools(ScriptedNetwork(answer), secrets=stored)))
                assert isinstance(made.account(), str)
                library = asyncio.run(made.templates())
                assert isinstance(library, tuple | Retry | Failed)
                self._no_secret_in(library)

    def test_files_go_along_or_nothing_goes(self) -> None:
        file = OutFile(name="a.pdf", media_type="application/pdf", data=b"%PDF-1.7")
        for item in self.outgoing():
            if item.kind == "message":
                network = ScriptedNetwork(Response(status=200, body=b"{}"))
                made = self.make(self.tools(network))
                outcome = asyncio.run(Guarded(made).send(msgspec.structs.replace(item, files=(file,))))
                assert isinstance(outcome, Outcome)
                if not made.SENDS_FILES:
                    assert isinstance(outcome, Failed) and network.requests == []

    def _send(self, item: Outgoing, answer: Response | NotSent | Interrupted) -> Outcome:
        return asyncio.run(self.connector(answer).send(item))


class FetcherContract(ConnectorContract):
    """What holds for a connector whose files are fetched by a reference."""

    def files(self) -> Sequence[File]:
        """Files as `parse` gives them, with a `reference`; at least one."""
        raise NotImplementedError

    def test_there_is_something_to_fetch(self) -> None:
        assert self.files() and all(file.reference for file in self.files())

    def test_every_answer_ends_in_one_fetch_outcome(self) -> None:
        for file in self.files():
            for status in (200, 204, 301, 400, 401, 403, 404, 408, 410, 429, 500, 502, 503, 504):
                for body in BODIES:
                    outcome = self._fetch(file, Response(status=status, body=body))
                    assert isinstance(outcome, FetchOutcome)
                    assert status < 400 or not isinstance(outcome, Fetched), f"{status} is no success"
                    assert status < 500 or isinstance(outcome, Retry), f"{status} may be another tomorrow"
                    self._no_secret_in(outcome)

    def test_what_was_not_answered_is_fetched_again(self) -> None:
        for file in self.files():
            for answer in (NotSent("refused"), Interrupted("time-out")):
                assert isinstance(self._fetch(file, answer), Retry)

    def test_without_its_secret_fetching_waits(self) -> None:
        if self.secrets:
            for file in self.files():
                network = ScriptedNetwork(Response(status=200))
                outcome = asyncio.run(Guarded(self.make(self.tools(network, secrets={}))).fetch(file))
                assert isinstance(outcome, Retry), "it may be stored later"
                assert network.requests == [], "nothing goes out without it"

    def test_it_is_done_before_the_runtime_gives_up_on_the_file(self) -> None:
        for file in self.files():
            network = ScriptedNetwork(Interrupted("time-out"))
            asyncio.run(self.make(self.tools(network)).fetch(file))
            assert sum(request.seconds for request in network.requests) < FETCH_SECONDS

    @settings(max_examples=EXAMPLES // 3, deadline=None, suppress_health_check=_QUIET)
    @given(reference=st.text(max_size=60) | st.sampled_from(("../../x", "https://evil.example/", "a b", "x" * 10_000)))
    def test_no_reference_breaks_it(self, reference: str) -> None:
        for file in self.files()[:1]:
            network = ScriptedNetwork(Response(status=404, body=b"{}"))
            wanted = msgspec.structs.replace(file, reference=reference)
            outcome = asyncio.run(self.make(self.tools(network)).fetch(wanted))
            assert isinstance(outcome, Retry | Failed)
            hosts = {urlsplit(request.url).hostname for request in network.requests}
            assert hosts <= self._hosts(file), "a reference leads nowhere else"

    def _hosts(self, file: File) -> set[str | None]:
        network = ScriptedNetwork(Response(status=404, body=b"{}"))
        asyncio.run(self.make(self.tools(network)).fetch(file))
        return {urlsplit(request.url).hostname for request in network.requests}

    def _fetch(self, file: File, answer: Response | NotSent | Interrupted) -> FetchOutcome:
        return asyncio.run(self.connector(answer).fetch(file))


@st.composite
def mutated_json(draw: st.DrawFn, body: bytes) -> bytes:
    """A JSON body with up to six of its places left out, repeated or replaced by something else."""
    try:
        tree = msgspec.json.decode(body)
    except msgspec.DecodeError:
        return body
    for _ in range(draw(st.integers(1, 6))):
        places = list(_places(tree))
        if not places:
            break
        inside, key = draw(st.sampled_from(places))
        match draw(st.sampled_from(("drop", "swap", "nul", "twice"))):
            case "drop":
                del inside[key]
            case "swap":
                inside[key] = draw(_JSON)
            case "nul":
                inside[key] = "a\0b" + draw(st.text(max_size=5))
            case _ if isinstance(inside, list):
                inside.append(inside[key])
            case _:
                inside[key] = [inside[key]]
    return msgspec.json.encode(tree)


@st.composite
def mutated_bytes(draw: st.DrawFn, body: bytes) -> bytes:
    """A body cut short, or with other bytes in the middle."""
    at = draw(st.integers(0, len(body)))
    return body[:at] + draw(st.binary(max_size=8)) + body[at + draw(st.integers(0, 8)) :]


def _places(tree: Any) -> Any:
    """Every (container, key) below `tree`."""
    if isinstance(tree, dict):
        pairs: list[tuple[Any, Any]] = [(tree, key) for key in tree]
    elif isinstance(tree, list):
        pairs = [(tree, i) for i in range(len(tree))]
    else:
        return
    for inside, key in pairs:
        yield inside, key
        yield from _places(inside[key])
