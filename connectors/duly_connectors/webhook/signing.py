"""Whether a request is from who it says: `verify hmac …` and `verify token …`.

`hmac` has three forms, told by the header's name: `webhook-signature` is Standard Webhooks (id, time and body are signed,
the secret is base64, standardwebhooks.com), `stripe-signature` signs time and body in hex, any other header carries the
HMAC of the raw body in hex or base64, with or without the algorithm in front (`sha256=…`, as GitHub writes it).
"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import hashlib
import hmac

from duly_runtime.doors import Raw, Refused

DEFAULT_HEADER = "X-Signature"
"""Where `verify hmac` looks if the file names no header."""
TOKEN_HEADERS = ("authorization", "x-duly-token")
TOKEN_QUERY = "token"  # noqa: S105 (the name of a query key)
TOLERANCE = dt.timedelta(minutes=5)
"""How far a signed time may be from ours: what Standard Webhooks names."""
ALGORITHMS = {"sha1": hashlib.sha1, "sha256": hashlib.sha256, "sha512": hashlib.sha512}


def verify_token(raw: Raw, secret: str, header: str) -> None:
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
        right |= hmac.compare_digest(token.encode("utf-8", "replace"), secret.strip().encode())
    if not right:
        raise Refused(401, "the token is not the right one")


def verify_hmac(raw: Raw, secret: str, algorithm: str, header: str) -> None:
    """Raise Refused unless the header holds a signature of the raw body made with `secret`."""
    header = header or DEFAULT_HEADER
    given = raw.headers.get(header.lower(), "").strip()
    if not given:
        raise Refused(401, f"the request is not signed: the header {header} is missing")
    if header.lower() == "webhook-signature":
        _verify_standard(raw, secret, given)
    elif header.lower() == "stripe-signature":
        _verify_timed(raw, secret, given, algorithm)
    else:
        _verify_plain(raw.body, secret, given, algorithm, header)


def _verify_plain(body: bytes, secret: str, given: str, algorithm: str, header: str) -> None:
    make = ALGORITHMS[algorithm or "sha256"]
    name, sign, rest = given.partition("=")
    if sign and name.lower() in ALGORITHMS:
        given = rest.strip()
    shown = _digest(given, make().digest_size)
    if shown is None:
        raise Refused(401, f"the header {header} holds no {algorithm} signature in hex or base64")
    if not hmac.compare_digest(shown, hmac.digest(secret.encode(), body, make)):
        raise Refused(401, "the signature does not fit the body")


def _verify_timed(raw: Raw, secret: str, given: str, algorithm: str) -> None:
    """`t=1492774577,v1=5257a8…`: the HMAC of `time.body`."""
    make = ALGORITHMS[algorithm or "sha256"]
    pairs = [part.strip().partition("=") for part in given.split(",")]
    time = next((value for name, _, value in pairs if name == "t"), "")
    _check_time(raw, time)
    right = hmac.digest(secret.encode(), time.encode() + b"." + raw.body, make)
    shown = [_digest(value, make().digest_size) for name, _, value in pairs if name == "v1"]
    if not any(digest is not None and hmac.compare_digest(digest, right) for digest in shown):
        raise Refused(401, "the signature does not fit the time and the body")


def _verify_standard(raw: Raw, secret: str, given: str) -> None:
    message, time = raw.headers.get("webhook-id", ""), raw.headers.get("webhook-timestamp", "")
    if not message or not time:
        raise Refused(401, "the headers webhook-id and webhook-timestamp must come with webhook-signature")
    at = _check_time(raw, time)
    right = standard_signature(secret, message, at, raw.body)
    if not any(hmac.compare_digest(one.encode("utf-8", "replace"), right.encode()) for one in given.split()):
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
