"""A mail that was read, as events: what a customer says, or what became of a message of ours. Pure."""

from __future__ import annotations

import datetime as dt
import hashlib
import re

from duly_connectors.contract import clean
from duly_connectors.mail import threading
from duly_connectors.mail.authentication import FAIL
from duly_connectors.mail.automatic import Bounce
from duly_connectors.mail.reading import ParsedMail
from duly_connectors.mail.threading import Keys
from duly_dsl import program
from duly_runtime.doors import Inbound, Parsed, Raw
from duly_runtime.events import Contact, CustomerMessage, DeliveryStatus

NAMED = 200
"""Characters of a key; the database has an index on it."""
SHOWN = 300
"""Characters of a title."""
STATES = {"failed": "failed", "delivered": "delivered", "relayed": "sent", "expanded": "sent", "delayed": "delayed"}
"""What a report says -> what is known of the message."""
_OURS = re.compile(r"[0-9a-f]{40}@[^@\s]{1,255}")
"""What our Message-IDs look like (`Email.message_id`)."""
REFUSED, CUT = "refused", "cut"
"""In the query of a Raw: why there is nothing, in the words of the mail server; the bytes of a mail that was too large, of
which only the head is there."""
FROM, TO, ARRIVED = "from", "to", "arrived"
"""In the query of a Raw: the envelope's sender (empty for reports) and recipient, and when our server got it."""


def events(door: program.Connector, raw: Raw, mail: ParsedMail, keys: Keys, problems: tuple[str, ...] = ()) -> Parsed:
    """The one event of the mail in `raw`, read as `mail`. What could not be read of it is a problem, so that it is
    kept whole for a person; `problems` are what was wrong before."""
    problems = (*problems, *mail.problems)
    if mail.problems and not (mail.from_address or mail.text or mail.subject or mail.files):
        return Parsed(problems=problems)
    named, at = key(mail, raw.body), _at(raw)
    report = _report(mail, mail.bounce) if mail.bounce is not None else None
    if report is not None:
        return Parsed(items=(Inbound(key=named, at=at, body=report),), problems=problems)
    html = mail.html.encode()
    contents = dict(mail.contents)
    if html:
        contents[hashlib.sha256(html).hexdigest()] = html
    item = Inbound(key=named, at=at, body=_message(door, raw, mail, keys, named), contents=contents)
    return Parsed(items=(item,), problems=problems)


def _message(door: program.Connector, raw: Raw, mail: ParsedMail, keys: Keys, named: str) -> CustomerMessage:
    recipients = (raw.query.get(TO, ""), *mail.delivered_to, *mail.to, *mail.cc)
    conversation = threading.conversation(mail.from_address, mail.message_id, mail.in_reply_to, mail.references)
    return CustomerMessage(
        text=mail.text,
        quoted=mail.quoted,
        html=hashlib.sha256(mail.html.encode()).hexdigest() if mail.html else "",
        title=mail.subject[:SHOWN],
        contact=Contact(name=mail.from_name, email=mail.from_address, address=mail.reply_to or mail.from_address),
        channel="email",
        connector=door.name,
        conversation=_short(conversation) or named,
        pipeline=door.pipeline,
        provider_id=mail.message_id,
        # Nobody waits for an answer to what has no sender; and our own words that come back are nobody's.
        automatic=bool(mail.automatic) or raw.query.get(FROM) == "" or keys.ours(mail.mark),
        files=mail.files,
        thread=threading.thread(
            keys,
            sender=mail.from_address,
            recipients=filter(None, recipients),
            in_reply_to=mail.in_reply_to,
            references=mail.references,
            trusted=mail.dmarc != FAIL,
            proved=mail.proved and mail.dmarc != FAIL,
        ),
    )


def _at(raw: Raw) -> dt.datetime:
    """When our own server got it. What the mail says of its date is anybody's word."""
    try:
        at = dt.datetime.fromisoformat(raw.query.get(ARRIVED, ""))
    except ValueError:
        return raw.received_at
    return min(at, raw.received_at) if at.tzinfo is not None else raw.received_at


def _report(mail: ParsedMail, bounce: Bounce) -> DeliveryStatus | None:
    """None where it is about no message of ours: then it is a message itself, for a person."""
    original = bounce.original
    if not original and bounce.envelope:
        # Reports go to the address we sent from, and our Message-IDs end in its domain.
        domain = next((to.rpartition("@")[2] for to in (*mail.to, *mail.delivered_to)), "")
        original = f"{bounce.envelope}@{domain}"
    if not _OURS.fullmatch(original):
        return None
    told = (bounce.recipient, bounce.status if bounce.status not in bounce.diagnostic else "", bounce.diagnostic)
    failed = bounce.action in ("failed", "delayed")
    return DeliveryStatus(
        provider_id=original,
        state=STATES.get(bounce.action, "failed"),
        error=clean(" ".join(part for part in told if part))[:1000] if failed else "",
    )


def key(mail: ParsedMail, data: bytes) -> str:
    """Names the mail whichever way it comes, and however often: its Message-ID and what it says. Headers change on the way,
    and some programs give many mails one id."""
    end = min((found + 2 for found in (data.find(b"\n\n"), data.find(b"\n\r\n")) if found >= 0), default=0)
    said = hashlib.sha256(data[end:].replace(b"\r\n", b"\n").strip()).hexdigest()[:32]
    if mail.message_id:
        return _short(f"{clean(mail.message_id)} {said}")
    date = mail.date.isoformat() if mail.date else ""
    return f"{hashlib.sha256(repr((mail.from_address, date, mail.subject)).encode()).hexdigest()[:32]} {said}"


def _short(text: str) -> str:
    return text if len(text) <= NAMED else "sha256:" + hashlib.sha256(text.encode()).hexdigest()
