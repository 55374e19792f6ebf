"""One signed POST to somebody else's system, after Standard Webhooks (standardwebhooks.com)."""

from __future__ import annotations

import datetime as dt
import hashlib
import re
from collections.abc import Callable, Sequence

import msgspec

from duly_connectors.contract import Tools
from duly_connectors.outbound import Blocked, Interrupted, NotSent, Response
from duly_connectors.webhook.signing import standard_signature
from duly_runtime.doors import Failed, Outcome, Outgoing, Retry, Sent

PASSING = frozenset((408, 409, 425, 429))
"""The 4xx that say: not now."""
_NAME = re.compile(r"[A-Za-z0-9_:/|%+-]{1,200}")


async def post(tools: Tools, url: str, secrets: Sequence[str], item: Outgoing, translate: Callable[[str], str]) -> Outcome:
    """Post `item.payload` (or the text, as JSON) under the stable `webhook-id`. Since the receiver tells a second delivery
    by that id, a time-out is tried again rather than left unknown. One signature for each secret."""
    body = item.payload or _message(item)
    name, now = message_name(item.key), tools.clock.now()
    headers = {
        "content-type": "application/json",
        "webhook-id": name,
        "webhook-timestamp": str(int(now.timestamp())),
    }
    if secrets:
        headers["webhook-signature"] = " ".join(standard_signature(secret, name, now, body) for secret in secrets)
    try:
        answer = await tools.network.request("POST", url, headers=headers, body=body)
    except Blocked as error:
        return Failed(reason=error.told(translate))
    except (NotSent, Interrupted) as error:
        return Retry(reason=error.told(translate))
    return outcome_of(answer, now, translate)


def _message(item: Outgoing) -> bytes:
    """A message or notice, for a workspace whose customers are reached through another system."""
    data = {"to": item.to, "subject": item.subject, "text": item.text, "reference": item.reference}
    return msgspec.json.encode({"type": item.event or item.kind, "data": data})


def message_name(key: str) -> str:
    """The `webhook-id` for an outbox key: the key itself where it can stand in a header and be signed (no full stop, which
    separates what is signed), else its hash. The same key has the same name."""
    return key if _NAME.fullmatch(key) else "sha256-" + hashlib.sha256(key.encode()).hexdigest()


def outcome_of(answer: Response, now: dt.datetime, _: Callable[[str], str]) -> Outcome:
    """2xx is sent. 4xx but PASSING will never be taken; 3xx neither, since we follow nobody elsewhere. The rest may."""
    said, told = _("The other side answered {status}.").format(status=answer.status), answer.told()
    if 200 <= answer.status < 300:
        return Sent(answer=told)
    if 300 <= answer.status < 400:
        elsewhere = _("It sends us to another address: write that one in the connector.")
        return Failed(reason=f"{said} {elsewhere}", answer=told)
    if 400 <= answer.status < 500 and answer.status not in PASSING:
        return Failed(reason=said, answer=told)
    return Retry(reason=said, after=answer.retry_after(now), answer=told)
