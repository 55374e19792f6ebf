"""What header fields say: words in any charset (RFC 2047), addresses (RFC 5322), parameters (RFC 2231), ids, dates.

For what mail programs really send. Each function is linear in the length of the field, and none of them fails.
"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import functools
import re
from collections.abc import Iterator, Mapping
from email.utils import parsedate_to_datetime
from types import MappingProxyType
from urllib.parse import unquote_to_bytes

from duly_connectors.mail import charsets

MAX_ADDRESSES = 500
MAX_PARAMETERS = 100
MAX_IDS = 200

_SPACES = re.compile(r"\s+")
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9a-z-]{1,80}/[!#$%&'*+.^_`|~0-9a-z-]{1,120}")
_ID = re.compile(r"<([^<>\s]{1,900})>")
_BASE64 = re.compile(rb"[^A-Za-z0-9+/]")
_UNSEEN = dict.fromkeys([*range(0x20), 0x7F, *range(0x80, 0xA0), *range(0x202A, 0x202F), *range(0x2066, 0x206A)], " ")
"""Control characters and those that turn the direction of writing: in one line of text they only deceive."""


def text(value: bytes, fallback: str = "") -> str:
    """The field as one line of text, its encoded words read."""
    return line(words(raw(value, fallback)))


def line(value: str) -> str:
    """On one line: no control characters, single spaces."""
    return _SPACES.sub(" ", value.translate(_UNSEEN)).strip()


def raw(value: bytes, fallback: str = "") -> str:
    """The bytes as characters, without NUL; encoded words are left as they are."""
    return (value.decode("ascii") if value.isascii() else charsets.decode(value, "", fallback)).replace("\0", " ")


def words(value: str) -> str:
    """Encoded words (RFC 2047) replaced by what they say, also where they stand in quotes, hold blanks or lack an end.

    Words that follow each other are joined before they are decoded: many programs cut within a character.
    """
    if "=?" not in value:
        return value
    out: list[str] = []
    run: list[bytes] = []
    charset = ""

    def flush() -> None:
        if run:
            out.append(charsets.decode(b"".join(run), charset))
            run.clear()

    place = 0
    for start, end, name, data in _encoded(value):
        between = value[place:start]
        if between.strip() or not run:
            flush()
            out.append(between)
        if name != charset:
            flush()
            charset = name
        run.append(data)
        place = end
    flush()
    out.append(value[place:])
    return "".join(out)


def _encoded(value: str) -> Iterator[tuple[int, int, str, bytes]]:
    """(start, end, charset, bytes) of each encoded word."""
    place = value.find("=?")
    endless = False
    while place >= 0:
        head = value[place + 2 : place + 70].split("?", 2)
        if len(head) < 3 or head[1].upper() not in ("B", "Q") or not head[0] or " " in head[0]:
            place = value.find("=?", place + 2)
            continue
        begin = place + 2 + len(head[0]) + 3
        end = -1 if endless else value.find("?=", begin)
        if end < 0:
            endless = True
            blank = value.find(" ", begin)
            end = after = len(value) if blank < 0 else blank
        else:
            after = end + 2
        data = value[begin:end].encode("utf-8", "surrogateescape")
        data = _from_base64(data) if head[1] in "bB" else binascii.a2b_qp(data.replace(b" ", b"_"), header=True)
        yield place, after, head[0].partition("*")[0], data
        place = value.find("=?", after)


def _from_base64(data: bytes) -> bytes:
    letters = _BASE64.sub(b"", data)
    if len(letters) % 4 == 1:
        letters = letters[:-1]
    return base64.b64decode(letters + b"=" * (-len(letters) % 4))


# --- addresses -----------------------------------------------------------------------------------------------------------


def addresses(value: bytes, fallback: str = "") -> list[tuple[str, str]]:
    """(name, address) of everyone in an address field; entries without an address are left out.

    Takes quotes and brackets without an end, names with commas in encoded words, groups, comments, and bare addresses.
    """
    characters = raw(value, fallback)
    found: list[tuple[str, str]] = []
    for name, angle, comment in _mailboxes(characters):
        entry = _entry(name, angle, comment)
        if entry is not None:
            found.append(entry)
        if len(found) >= MAX_ADDRESSES:
            break
    bare = "" if found else _bare(characters) or _bare(characters := words(characters))
    if bare:
        found.append((_name(characters[: characters.find(bare)]), _folded(bare)))
    return found


def _mailboxes(value: str) -> Iterator[tuple[str, str, str]]:
    """(name, what stands in angle brackets, comment) of each entry of a list."""
    name: list[str] = []
    angle: list[str] = []
    comment: list[str] = []
    into, depth, place = name, 0, 0
    last_quote = value.rfind('"')
    last_word = value.rfind("?=")
    while place < len(value):
        c = value[place]
        if depth:
            depth += (c == "(") - (c == ")")
            if c == "\\":
                place += 1
            comment.append(" " if c in "()" else value[place : place + 1])
        elif c == '"' and place < last_quote:
            place += 1
            while place < len(value) and value[place] != '"':
                place += value[place] == "\\"
                into.append(value[place : place + 1])
                place += 1
        elif c == "=" and value.startswith("=?", place) and place < last_word:
            head = value[place + 2 : place + 70].split("?", 2)
            end = value.find("?=", place + 2 + len(head[0]) + 3) if len(head) == 3 else -1
            end = end + 2 if end >= 0 else place + 2
            into.append(value[place:end])
            place = end - 1
        elif c == "(":
            depth = 1
        elif c == "<":
            into = angle
            angle.clear()
        elif c == ">":
            into = name
        elif c in ",;" or (c == ":" and into is name and "@" not in name):
            if c != ":":
                yield "".join(name), "".join(angle), "".join(comment)
            name, angle, comment = [], [], []
            into = name
        else:
            into.append(c)
        place += 1
    yield "".join(name), "".join(angle), "".join(comment)


def _entry(name: str, angle: str, comment: str) -> tuple[str, str] | None:
    inner = _bare(angle) or _bare(words(angle)) if angle else ""
    if inner:
        return _name(name) or _name(comment), _folded(inner)
    bare = _bare(name)
    if not bare:
        return None
    return _name(name.replace(bare, " ", 1)) or _name(comment), _folded(bare)


def _name(value: str) -> str:
    return line(words(value)).strip("\"' <>,;:")[:200].strip()


_AROUND = frozenset(' \t\r\n"<>()[],;:\\')


def _bare(value: str) -> str:
    """The first thing that looks like an address: no blanks, one @ with something on both sides."""
    at = value.find("@")
    seen = 0
    while at >= 0 and seen < MAX_ADDRESSES:
        seen += 1
        first = at
        while first > 0 and at - first < 130 and value[first - 1] not in _AROUND:
            first -= 1
        last = at + 1
        while last < len(value) and last - at < 255 and value[last] not in _AROUND and value[last] != "@":
            last += 1
        local, domain = value[first:at].lstrip("'"), value[at + 1 : last].strip(".'")
        if local and domain and "@" not in local and (local + domain).isprintable():
            return f"{local}@{domain}"
        at = value.find("@", at + 1)
    return ""


def _folded(address: str) -> str:
    """The domain in lower case; the rest is the receiver's business."""
    local, _at, domain = address.rpartition("@")
    return f"{local}@{domain.lower()}"


# --- parameters ----------------------------------------------------------------------------------------------------------


@functools.lru_cache(maxsize=256)
def content_type(value: bytes, default: str = "text/plain") -> tuple[str, Mapping[str, str]]:
    """The media type in lower case and its parameters. What is no type at all is the default (RFC 2045, 5.2).

    Remembered: the same field is asked for many times while a mail is read."""
    kind, given = parameters(value)
    kind = kind.lower().replace(" ", "")
    short = {"text": "text/plain", "plain": "text/plain", "html": "text/html", "multipart": "multipart/mixed"}
    kind = short.get(kind.strip("/"), kind)
    if kind.startswith("multipart/") and not _TOKEN.fullmatch(kind):
        kind = "multipart/mixed"
    if not _TOKEN.fullmatch(kind):
        kind = "application/octet-stream" if "/" in kind else default
    return kind, MappingProxyType(given)


def parameters(value: bytes, fallback: str = "") -> tuple[str, dict[str, str]]:
    """What stands first in a field, and the parameters after it, lower-case names; pieces and charsets of RFC 2231 read."""
    first, *rest = _pieces(raw(value, fallback))
    plain: dict[str, str] = {}
    parts: dict[str, dict[int, tuple[bool, str]]] = {}
    for piece in rest[:MAX_PARAMETERS]:
        name, sign, given = piece.partition("=")
        name, given = name.strip().lower(), given.strip()
        if not sign or not name:
            continue
        quoted = len(given) > 1 and given[0] == given[-1] == '"'
        given = _unquoted(given)
        star = name.find("*")
        if star < 0:
            plain.setdefault(name, given if quoted and "=?" not in given else words(given))
            continue
        base, _star, number = name[:star], "*", name[star + 1 :]
        coded = number.endswith("*") or not number
        number = number.rstrip("*") or "0"
        if number.isascii() and number.isdigit() and len(number) < 4:
            parts.setdefault(base, {}).setdefault(int(number), (coded, given))
    for base, pieces in parts.items():
        joined = _joined([pieces[number] for number in sorted(pieces)])
        if joined:
            plain[base] = joined
    return line(first.partition("(")[0]), plain


def _pieces(value: str) -> list[str]:
    """Cut at semicolons outside quotes; a quote without an end is none."""
    if '"' not in value:
        return value.split(";")
    found: list[str] = []
    start = place = 0
    last_quote = value.rfind('"')
    quoted = False
    while place < len(value):
        c = value[place]
        if c == '"' and (quoted or place < last_quote):
            quoted = not quoted
        elif c == "\\" and quoted:
            place += 1
        elif c == ";" and not quoted:
            found.append(value[start:place])
            start = place + 1
        place += 1
    found.append(value[start:])
    return found


def _unquoted(value: str) -> str:
    if value.startswith('"'):
        inner = value[1:-1] if len(value) > 1 and value.endswith('"') else value[1:].partition('"')[0]
        return re.sub(r"\\([\"\\])", r"\1", inner)
    if len(value) > 1 and value[0] == value[-1] == "'":
        return value[1:-1]
    return value


def _joined(pieces: list[tuple[bool, str]]) -> str:
    """Pieces of one parameter (RFC 2231): the first coded one names the charset."""
    charset = ""
    made = bytearray()
    for number, (coded, given) in enumerate(pieces):
        if coded:
            if number == 0 and given.count("'") >= 2:
                charset, _language, given = given.split("'", 2)
            made += unquote_to_bytes(given)
        else:
            made += given.encode("utf-8", "surrogateescape")
    return charsets.decode(bytes(made), charset)


# --- the rest ------------------------------------------------------------------------------------------------------------


def ids(value: bytes) -> list[str]:
    """Message-IDs without their angle brackets, in their order, each once; the last ones where there are very many."""
    characters = raw(value)
    found = _ID.findall(characters)
    if not found:
        found = [word.strip("<>,;\"'") for word in characters.split() if "@" in word and len(word) < 900]
    return [word for word in dict.fromkeys(found) if word][-MAX_IDS:]


def date(value: bytes) -> dt.datetime | None:
    """The instant in UTC; None where the field holds none."""
    try:
        found = parsedate_to_datetime(line(raw(value))[:100])
        if found.tzinfo is None:
            found = found.replace(tzinfo=dt.UTC)
        return found.astimezone(dt.UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
