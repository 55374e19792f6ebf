"""Whether a request is from who it says: the `verify …` lines, each with every secret that opens the door now (while one is
being replaced, the one before it as well).

`verify hmac` has three forms, told by the header's name: `webhook-signature` is Standard Webhooks, `stripe-signature` signs
as Stripe does, any other header carries the HMAC of the raw body in hex or base64, with or without the algorithm in front
(`sha256=…`). `verify standard webhooks`, `verify stripe` and `verify github` say the same in a word.

Standard Webhooks (standardwebhooks.com): id, time and body are signed with a base64 secret; the header holds one or several
signatures. Stripe: `t=TIME,v1=HEX` over `TIME.body`. GitHub: `X-Hub-Signature-256: sha256=HEX` over the body.
"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import hashlib
import hmac
from collections.abc import Callable, Sequence
from typing import Any

from duly_runtime.doors import Raw, Refused

DEFAULT_HEADER = "X-Signature"
"""Where `verify hmac` looks if the file names no header."""
GITHUB_HEADER = "X-Hub-Signature-256"
STRIPE_HEADER = "Stripe-Signature"
STANDARD_HEADER = "webhook-signature"
STANDARD_PREFIXES = ("webhook", "svix")
"""Svix, where the scheme comes from, still names its headers after itself."""
TOKEN_HEADERS = ("authorization", "x-duly-token")
TOKEN_QUERY = "token"  # noqa: S105 (the name of a query key)
TOLERANCE = dt.timedelta(minutes=5)
"""How far a signed time may be from ours: what Standard Webhooks names."""
SIGNATURES = 50
"""Signatures of one header that are looked at: senders give one for each secret in use, and those are few."""
ALGORITHMS = {"sha1": hashlib.sha1, "sha256": hashlib.sha256, "sha512": hashlib.sha512}


def verify(raw: Raw, scheme: str, secrets: Sequence[str], algorithm: str = "", header: str = "") -> None:
    """Raise Refused unless the request proves one of the secrets in the way of a scheme. `secrets` hold no empty one."""
    match scheme:
        case "token":
            verify_token(raw, secrets, header)
        case "hmac":
            verify_hmac(raw, secrets, algorithm, header)
        case "standard webhooks":
            _verify_standard(raw, secrets)
        case "github":
            _verify_plain(raw.body, secrets, _given(raw, GITHUB_HEADER), "sha256", GITHUB_HEADER)
        case "stripe":
            _verify_timed(raw, secrets, _given(raw, STRIPE_HEADER), "sha256")
        case _:
            raise Refused(401, "this door has no `verify` line, so nobody may come in")


def verify_token(raw: Raw, secrets: Sequence[str], header: str) -> None:
    """Raise Refused(401) unless the request carries the token: in `header`, or in one of TOKEN_HEADERS or the query."""
    names = (header.lower(),) if header else TOKEN_HEADERS
    shown = [raw.headers[name] for name in names if name in raw.headers]
    if not header and TOKEN_QUERY in raw.query:
        shown.append(raw.query[TOKEN_QUERY])
    if not shown:
        where = f"the header {header}" if header else "an `Authorization: Bearer` header"
        raise Refused(401, f"the token is missing: send it in {where}")
    right = False
    for value in shown:
        scheme, _, rest = value.strip().partition(" ")
        token = rest.strip() if scheme.lower() == "bearer" else value.strip()
        for secret in secrets:
            right |= hmac.compare_digest(token.encode("utf-8", "replace"), secret.strip().encode())
    if not right:
        raise Refused(401, "the token is not the right one")


def verify_hmac(raw: Raw, secrets: Sequence[str], algorithm: str, header: str) -> None:
    """Raise Refused unless the header holds a signature of the raw body made with one of the secrets."""
    header = header or DEFAULT_HEADER
    if header.lower() == STANDARD_HEADER:
        _verify_standard(raw, secrets)
    elif header.lower() == STRIPE_HEADER.lower():
        _verify_timed(raw, secrets, _given(raw, header), algorithm)
    else:
        _verify_plain(raw.body, secrets, _given(raw, header), algorithm, header)


def _given(raw: Raw, header: str) -> str:
    given = raw.headers.get(header.lower(), "").strip()
    if not given:
        raise Refused(401, f"the request is not signed: the header {header} is missing")
    return given


def _verify_plain(body: bytes, secrets: Sequence[str], given: str, algorithm: str, header: str) -> None:
    make = ALGORITHMS[algorithm or "sha256"]
    name, sign, rest = given.partition("=")
    if sign and name.lower() in ALGORITHMS:
        given = rest.strip()
    shown = _digest(given, make().digest_size)
    if shown is None:
        raise Refused(401, f"the header {header} holds no {algorithm} signature in hex or base64")
    if not _fits([shown], secrets, body, make):
        raise Refused(401, "the signature does not fit the body")


def _verify_timed(raw: Raw, secrets: Sequence[str], given: str, algorithm: str) -> None:
    """`t=1492774577,v1=5257a8…`: the HMAC of `time.body`."""
    make = ALGORITHMS[algorithm or "sha256"]
    pairs = [part.strip().partition("=") for part in given.split(",", SIGNATURES)]
    time = next((value for name, _, value in pairs if name == "t"), "")
    _check_time(raw, time)
    shown = [_digest(value, make().digest_size) for name, _, value in pairs if name == "v1"]
    if not _fits(shown, secrets, time.encode() + b"." + raw.body, make):
        raise Refused(401, "the signature does not fit the time and the body")


def _fits(shown: Sequence[bytes | None], secrets: Sequence[str], signed: bytes, make: Callable[..., Any]) -> bool:
    """Whether one of the digests is made with one of the secrets. All are compared, so that time tells nothing."""
    right = [hmac.digest(secret.encode(), signed, make) for secret in secrets]
    found = False
    for digest in shown:
        for each in right:
            found |= digest is not None and hmac.compare_digest(digest, each)
    return found


def _verify_standard(raw: Raw, secrets: Sequence[str]) -> None:
    prefix = next((name for name in STANDARD_PREFIXES if raw.headers.get(f"{name}-signature")), STANDARD_PREFIXES[0])
    given = _given(raw, f"{prefix}-signature")
    message, time = raw.headers.get(f"{prefix}-id", ""), raw.headers.get(f"{prefix}-timestamp", "")
    if not message or not time:
        raise Refused(401, f"the headers {prefix}-id and {prefix}-timestamp must come with {prefix}-signature")
    at = _check_time(raw, time)
    found = False
    shown = [one.encode("utf-8", "replace") for one in given.split()[:SIGNATURES]]
    for secret in secrets:
        right = standard_signature(secret, message, at, raw.body).encode()
        for one in shown:
            found |= hmac.compare_digest(one, right)
    if not found:
        raise Refused(401, "the signature does not fit the id, the time and the body")


def standard_signature(secret: str, message: str, at: dt.datetime, body: bytes) -> str:
    """The `webhook-signature` of Standard Webhooks (`v1,…`). A secret that isn't base64 is taken as it is, as bytes."""
    from standardwebhooks import Webhook as Standard  # imported late: rule files are checked without it

    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        raise Refused(400, "the body is not UTF-8") from error
    return Standard(_standard_key(secret.strip())).sign(message, at, text)


def _standard_key(secret: str) -> bytes:
    bare = secret.removeprefix("whsec_")
    try:
        key = base64.b64decode(bare + "=" * (-len(bare) % 4), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    return key or secret.encode()


def _check_time(raw: Raw, text: str) -> dt.datetime:
    try:
        at = dt.datetime.fromtimestamp(int(text), dt.UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise Refused(401, "the time of the signature can't be read") from error
    if abs(raw.received_at - at) > TOLERANCE:
        raise Refused(401, "the signature is more than 5 minutes old (or from the future)")
    return at


def _digest(text: str, size: int) -> bytes | None:
    """A digest of `size` bytes written in hex or base64 (either alphabet); None where it is neither."""
    try:
        if len(text) == 2 * size:
            return bytes.fromhex(text)
        found = base64.b64decode(text.replace("-", "+").replace("_", "/") + "=" * (-len(text) % 4), validate=True)
    except (ValueError, binascii.Error):
        return None
    return found if len(found) == size else None
