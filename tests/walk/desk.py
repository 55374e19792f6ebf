"""The desk that pairs of texts are put into, and short ways to write the pairs."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import hmac
import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from duly_runtime.doors import Raw
from walk.machine import NOON

STORY = """
at +30m customer replies "please refund me"
at +5h customer replies "any news"
at +6h agent replies "looking"
at +6h set "Tier" to gold
at +6h set priority to high
at +7h assign to agent bruno
at +7h customer replies "thanks"
at +8h agent moves card to "Doing"
at +1d23h agent moves card to "Waiting"
at +8d customer replies "hello"
at +9d agent moves card to "Done"
at +10d customer replies "again"
at +35d expect stage is "New"
"""

DESK = """
calendar "Office" {{
  time zone "Europe/Lisbon"
  open monday to friday 09:00-18:00
{calendar}
}}
calendar "Always" {{
  time zone "UTC"
  open every day 00:00-24:00
}}
person ana {{
  name "Ana Sousa"
  email "ana@desk.example"
{person}
}}
person bruno {{
  email "bruno@desk.example"
}}
person carla {{
}}
person diogo {{
}}
team "Desk" {{
  members ana, bruno
{team}
}}
team "Money" {{
  members carla, bruno
  lead carla
  manager diogo
}}
template "Hello" {{
  "en" "Hello {{customer.name}}, card {{card.number}}"
}}
template "Other" {{
  "en" "Another text"
}}
connector "CRM" sends webhook {{
  url secret "URL"
}}
connector "Mail" sends email {{
  server secret "SMTP"
  from "desk@desk.example"
}}
{top}
pipeline "Support" {{
  calendar "Office"
  priorities high, normal, low
  ticket types question, complaint
  field "Tier" choice gold, silver, basic default basic
  field "Amount" number default 5
  field "Due" date
{pipeline}
  stage "New" {{
    start
    next "Doing", "Waiting", "Done"
{new}
  }}
  stage "Doing" {{
    next "New", "Waiting", "Done"
{doing}
  }}
  stage "Waiting" {{
    next "New", "Doing", "Done"
{waiting}
  }}
  stage "Done" {{
    finish
{done}
  }}
}}
{bottom}
test "story" {{
  clock starts {starts} in "{zone}"
  given card in "New" {given}
{others}
{story}
}}
"""

PLACES = (
    "calendar",
    "person",
    "team",
    "top",
    "pipeline",
    "new",
    "doing",
    "waiting",
    "done",
    "bottom",
    "given",
    "others",
    "story",
)


class Entry(NamedTuple):
    """`place` is where the two texts go; `also` is what else both desks have. `checker`: it is a matter of the checker,
    and what it says is what differs; one of the texts may be refused."""

    place: str
    one: str
    other: str
    also: Mapping[str, str] = MappingProxyType({})
    requests: tuple[Raw, ...] = ()
    checker: bool = False

    def texts(self) -> tuple[str, str]:
        return tuple(
            desk(**{**self.also, self.place: text + "\n" + self.also.get(self.place, "")})
            for text in (self.one, self.other)
        )  # type: ignore[return-value]


def desk(**parts: str) -> str:
    lines = {"starts": "monday 2026-11-09 09:00", "zone": "Office", "story": STORY, **parts}
    lines["given"] = lines.get("given", "").strip()
    return DESK.format(**{place: lines.get(place, "") for place in (*PLACES, "starts", "zone")})


def rule(when: str, *then: str, mode: str = "", name: str = "R") -> str:
    lines = "\n".join(f"then {each}" for each in then)
    return f'rule "{name}" {mode} {{\nwhen {when}\n{lines}\n}}'


def does(one: str, other: str, **also: str) -> Entry:
    """Two actions of one rule."""
    return Entry("pipeline", rule("customer replies", one), rule("customer replies", other), also)


def asks(one: str, other: str, **also: str) -> Entry:
    """Two conditions of one rule."""
    return Entry("pipeline", rule(one, 'tag "x"'), rule(other, 'tag "x"'), also)


def tells(one: str, other: str, **also: str) -> Entry:
    return does(f"notify {one}", f"notify {other}", **also)


def promises(one: str, other: str, **also: str) -> Entry:
    return Entry("pipeline", one, other, also)


def tries(one: str, other: str, **also: str) -> Entry:
    """Two lines of the test itself."""
    return Entry("story", one, other, {"story": "at +30d expect nothing else", **also})


def hook(*lines: str, kind: str = "receives webhook") -> str:
    body = "\n".join(lines)
    return f'connector "Shop" {kind} {{\n{body}\n}}'


def request(body: object, headers: dict[str, str] | None = None, path: str = "/in/shop") -> Raw:
    raw = json.dumps(body).encode()
    signed = hmac.new(b"a signing key", raw, hashlib.sha256).hexdigest()
    found = {"content-type": "application/json", "x-signature": signed, "x-hub-signature-256": f"sha256={signed}"}
    return Raw(method="POST", path=path, headers={**found, **(headers or {})}, body=raw, received_at=NOON)


MAP = 'map {\n| card field | from message | as | if missing |\n| message | "text" | text | reject |\n}'
SIGNED = 'verify hmac sha256 with secret "KEY" in header "X-Signature"'
SHOP = ('path "/in/shop"', SIGNED, 'open card in "Support"', MAP)
ORDER = {"text": "hello", "order": {"id": "17"}, "name": "Rui"}
CLOCK = 'clock "Vendor" {\nstart when card enters "New"\nstop when card enters "Done"\nwithin 5h\n%s\n}'
LATE = 'first reply within 2h\nescalation "Late" {\nwhen first reply is missed\n%s\n}'
REPORT = 'report "R" {\nof first reply\n%s\n}'
PROMISE = {"pipeline": "first reply within 4h\nnext reply within 4h\nresolved within 3 working days"}
EXCUSES = {"pipeline": 'first reply within 2h\nexcuses "Outage" by agent'}


SECOND = (
    'pipeline "Second" {\ncalendar "Some"\nfirst reply within 20h\n'
    'stage "A" {\nstart\nnext "B"\n}\nstage "B" {\nfinish\n}\n}\n'
    'test "second" {\nclock starts monday 2026-11-09 09:00 in "Always"\ngiven card in "A"\n'
    "at +60d expect first reply is missed\n}"
)
"""A pipeline on a calendar of its own, told until its clock is missed."""


def calendar(*lines: str) -> str:
    return 'calendar "Some" {\n' + "\n".join(lines) + "\n}"


def on(one: str, other: str, rest: str = 'time zone "UTC"') -> Entry:
    """Two lines of that calendar."""
    return Entry("top", calendar(rest, one), calendar(rest, other), {"bottom": SECOND})


WORK = 'time zone "UTC"\nopen monday to friday 09:00-18:00'


def months() -> list[Entry]:
    """On a working day of the month; the other month's is no working day of the story."""
    names = [
        "january",
        "february",
        "march",
        "april",
        "may",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
    ]
    made: list[Entry] = []
    for place, name in enumerate(names):
        day = next(day for day in range(14, 20) if dt.date(2026, place + 1, day).weekday() < 5)
        starts = f"2026-{place + 1:02}-{day} 09:00"
        one, other = (f"closed on {day} {month} every year" for month in (name, names[(place + 5) % 12]))
        made.append(Entry("calendar", one, other, {"pipeline": "first reply within 4h", "starts": starts}))
    return made


def weekdays() -> list[Entry]:
    names = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
    return [on(f"open {day} 09:00-18:00", f"open {names[(place + 3) % 7]} 09:00-18:00") for place, day in enumerate(names)]


MISSED = {"pipeline": "first reply within 1h"}
WA = {"top": 'connector "WA" sends whatsapp {\nphone number id "1"\naccess token secret "KEY"\n}'}
OWNED = {"new": 'owner team "Money"'}
TOLD = {"pipeline": "first reply within 2h", "team": "lead ana\nmanager diogo\nlevel 2 carla", "new": 'owner team "Desk"'}
SHOPPED = (request(ORDER), request({**ORDER, "order": {"id": "18"}}), request({"text": "x"}, path="/in/other"))
SECRETLY = request(ORDER, {"x-signature": "wrong"})
TOKENED = (
    request(ORDER, {"authorization": "Bearer a signing key"}),
    request(ORDER, {"x-token": "a signing key"}),
    request(ORDER, {"x-signature": "no"}),
)


def door(one: str, other: str, *rest: str, requests: tuple[Raw, ...] = SHOPPED, checker: bool = False) -> Entry:
    kept = [line for line in SHOP if line.split()[0] not in {text.split()[0] for text in (one, other, *rest) if text}]
    return Entry("top", hook(*kept, *rest, one), hook(*kept, *rest, other), {}, requests, checker)


def same(one: str, other: str) -> Entry:
    """Two lines that say what makes a request the same as another."""
    named = {**ORDER, "name": "Eva"}
    requests = (request(ORDER, {"x-id": "1"}), request(named, {"x-id": "1"}), request(named, {"x-id": "2", "x-other": "3"}))
    return Entry("top", hook(*SHOP, one), hook(*SHOP, other), {}, requests)


def sends(one: str, other: str, **also: str) -> Entry:
    """Two lines of a webhook that posts."""
    return Entry(
        "top",
        hook(one, 'url secret "URL"', kind="sends webhook"),
        hook(other, 'url secret "URL"', kind="sends webhook"),
        also,
    )


def _by_scheme() -> tuple[Raw, ...]:
    """An order, signed in the way of each scheme."""
    body, key, time = json.dumps(ORDER).encode(), b"a signing key", str(int(NOON.timestamp()))
    timed = hmac.new(key, time.encode() + b"." + body, hashlib.sha256).hexdigest()
    standard = base64.b64encode(hmac.new(key, f"m1.{time}.".encode() + body, hashlib.sha256).digest()).decode()
    return (
        request(ORDER, {"x-signature": "no"}),
        request(ORDER, {"x-hub-signature-256": "no"}),
        request(ORDER, {"x-hub-signature-256": "no", "stripe-signature": f"t={time},v1={timed}"}),
        request(
            ORDER,
            {
                "x-hub-signature-256": "no",
                "webhook-id": "m1",
                "webhook-timestamp": time,
                "webhook-signature": f"v1,{standard}",
            },
        ),
    )


BY_SCHEME = _by_scheme()


def ladder(one: str, other: str, *rest: str) -> Entry:
    body = "\n".join(rest)
    return promises(LATE % f"{body}\n{one}", LATE % f"{body}\n{other}")


def reported(one: str, other: str, **also: str) -> Entry:
    return Entry(
        "bottom",
        REPORT % one,
        REPORT % other,
        {"pipeline": "first reply within 4h\nnext reply within 4h\nresolved within 9h", **also},
    )


def clocked(one: str, other: str, **also: str) -> Entry:
    return promises(CLOCK % one, CLOCK % other, **also)


def limits(one: str, other: str) -> Entry:
    """Send limits, under rules that write to the customer and tell people at night."""
    return Entry("top", f"send limits {{\n{one}\n}}", f"send limits {{\n{other}\n}}", NIGHT)


NIGHT = {
    "pipeline": rule("customer replies", 'send "Hello"', "notify agent ana") + "\nfirst reply within 2h",
    "new": "alert agent ana at 50% of first reply",
}


def small(line: str = "", start: str = "S", finish: str = "Done") -> str:
    """A pipeline of three stages."""
    stages = []
    for name, after in (("S", "E"), ("E", "Done"), ("Done", "")):
        lines = ["start"] if name == start else []
        lines += ["finish"] if name == finish else [f'next "{after}"'] if after else ['next "E"']
        stages.append(f'stage "{name}" {{\n' + "\n".join(lines) + "\n}")
    return (
        f'pipeline "Small" {{\ncalendar "Office"\nresolved within 4h\n{line}\n' + "\n".join(stages) + "\n}\n" + SMALL_TEST
    )


SMALL_TEST = (
    'test "small" {\nclock starts 2026-11-09 09:00 in "Office"\ngiven card in "E" of "Small"\nat +1h customer replies\n'
    "at +9d expect nothing else\n}"
)


def timed(zone: str, where: str = 'of "Support"') -> str:
    """A test of a card in a stage that two pipelines have, with a zone for its wall times."""
    return (
        f'test "timed" {{\nclock starts 2026-11-09 09:00 in "{zone}"\ngiven card in "Done" {where}\n'
        "at +1h customer replies\nexpect no alert\n}"
    )


def whatsapp(one: str, other: str, *rest: str) -> Entry:
    """Two lines of a WhatsApp door, which is asked to prove itself and given a message."""
    base = ['path "/in/wa"', 'open card in "Support"', 'access token secret "KEY"']
    every = ('verify token secret "KEY"', 'app secret secret "KEY"', 'phone number id "1"')
    base += [line for line in every if line.split('"')[0] != other.split('"')[0]]
    texts = [hook(*base, line, kind="connects whatsapp") for line in (one, other)]
    message = {"from": "5511", "id": "wamid.1", "timestamp": "1762700000", "type": "text", "text": {"body": "hi"}}
    value = {"messaging_product": "whatsapp", "metadata": {"phone_number_id": "1"}, "contacts": [], "messages": [message]}
    tree = {
        "object": "whatsapp_business_account",
        "entry": [{"id": "1", "changes": [{"field": "messages", "value": value}]}],
    }
    asked = Raw(
        method="GET", path="/in/wa", headers={}, body=b"", received_at=NOON,
        query={"hub.mode": "subscribe", "hub.verify_token": "a signing key", "hub.challenge": "7"},
    )  # fmt: skip
    return Entry("top", texts[0], texts[1], {}, (asked, request(tree, path="/in/wa")))
