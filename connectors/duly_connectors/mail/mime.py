"""The structure of a mail (RFC 5322, RFC 2045-2046), read from its bytes in one pass a level.

Written to hold for any input: each step is linear in the bytes it reads, depth and number of parts are capped, and what
breaks the rules is read the way people would (a missing boundary, a header without its blank line, a part without an
end). What is left out is named in `notes` (mended) or `problems` (something can't be shown).
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from duly_connectors.mail import headers
from duly_connectors.wording import _

MAX_DEPTH = 20
MAX_PARTS = 200
MAX_LINE = 8 * 1024
"""Bytes of one line of a header; more is cut."""
MAX_FIELD = 64 * 1024
"""Bytes of one header field with its continuation lines; more is cut."""
MAX_FIELDS = 2000
"""Header fields of one part; more are left out."""

TOO_DEEP = _("its parts are nested deeper than 20 levels")
TOO_MANY = _("it has more than 200 parts")
TOO_LONG = _("it has more than 2,000 header fields")

_FIELD = re.compile(rb"([!-9;-~]{1,200})[ \t]*:")
_USUAL = re.compile(
    rb"(?:content-[a-z-]+|mime-version|from|to|cc|bcc|subject|date|message-id|received|references|in-reply-to|reply-to|sender"
    rb"|return-path|delivered-to|auto-submitted|precedence|list-[a-z-]+|dkim-signature|authentication-results|arc-[a-z-]+"
    rb"|x-[a-z0-9-]+)[ \t]*:",
    re.IGNORECASE,
)
LINE = 76
"""Characters of a line of base64 (RFC 2045, 6.8)."""
FEW = 20
_ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="
_NOT_BASE64 = bytes(set(range(256)) - set(_ALPHABET))
_WHITE = b" \t\r\n"
_BREAKS = b"\r\n\t"
_INSIDE = re.compile(rb"^content-(?:type|transfer-encoding|disposition)[ \t]*:", re.IGNORECASE | re.MULTILINE)
_WORD_ON_MIME = re.compile(
    rb"\s*this (?:is an?|message is in)? ?(?:multi-?part (?:mime )?message(?: in mime format)?"
    rb"|cryptographically signed message in mime format|mime[ -](?:encoded|formatted)?(?: multipart)? ?(?:message|format)"
    rb"|openpgp/mime (?:signed|encrypted) message)(?: \(rfc [0-9 and]+\))?[. ]*",
    re.IGNORECASE,
)
_CR, _LF = 13, 10
MAX_REST = 512
"""Bytes looked at after a boundary for the end of its line."""


@dataclass(slots=True)
class Troubles:
    """What was found wrong with a mail. `notes` were mended; `problems` hide something of it."""

    notes: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    parts: int = 0
    """How many parts were read so far."""

    def note(self, words: str) -> None:
        if words not in self.notes:
            self.notes.append(words)

    def problem(self, words: str) -> None:
        if words not in self.problems:
            self.problems.append(words)


@dataclass(slots=True)
class Part:
    """One entity. `fields` are (lower-case name, unfolded value); the body is data[start:end]; `children` only for
    multiparts that could be taken apart."""

    fields: list[tuple[str, bytes]]
    data: bytes = field(repr=False)
    start: int
    end: int
    depth: int = 0
    default: str = "text/plain"
    """The type where none is said: message/rfc822 in a digest."""
    children: list[Part] = field(default_factory=list)
    outside: list[bytes] = field(default_factory=list)
    """Texts before, between and after the parts of a multipart."""
    rest: bytes = b""
    """Text that was put below the content on the way (a list's footer), known once the content is read."""

    @property
    def body(self) -> bytes:
        """As it was transferred."""
        return self.data[self.start : self.end]

    def get(self, name: str) -> bytes:
        """The first field of that name, empty where there is none."""
        return next((value for key, value in self.fields if key == name), b"")

    def all(self, name: str) -> Iterator[bytes]:
        return (value for key, value in self.fields if key == name)


def header(data: bytes, first: int, last: int, troubles: Troubles) -> tuple[list[tuple[str, bytes]], int]:
    """The fields at the start of data[first:last], and where the body begins."""
    fields: list[tuple[str, bytes]] = []
    place = first or _beginning(data, last)
    name, value, room = "", bytearray(), 0

    def keep() -> None:
        if name:
            fields.append((name, bytes(value).strip(_WHITE)))

    while place < last:
        if len(fields) >= MAX_FIELDS:
            troubles.problem(TOO_LONG)
            ends = [found + len(end) for end in (b"\n\n", b"\n\r\n") if (found := data.find(end, place, last)) >= 0]
            return fields, min(ends, default=last)
        end = data.find(b"\n", place, last)
        after = last if end < 0 else end + 1
        line = data[place : min(after, place + MAX_LINE)].rstrip(b"\r\n")
        if after - place > MAX_LINE + 2:
            troubles.note("a header line was cut")
        if not line:
            keep()
            return fields, after
        if line[:1] in (b" ", b"\t") and name:
            if not line.strip(_WHITE) and not _USUAL.match(data, after, last):
                keep()
                return fields, after
            more = b" " + line.strip(_WHITE)
        else:
            found = _FIELD.match(line)
            if found:
                keep()
                name, value, room = found[1].decode("ascii").lower(), bytearray(), MAX_FIELD
                more = line[found.end() :]
            elif not fields and not name and line.startswith((b"From ", b">From ")):
                more = b""  # the separator of an mbox
            elif name and _USUAL.match(data, after, last):
                troubles.note("a header line was broken")
                more = b" " + line
            else:
                troubles.note("the header has no end")
                keep()
                return fields, place
        if len(more) > room and name:
            troubles.note("a header line was cut")
        value += more[:room]
        room -= len(more[:room])
        place = after
    keep()
    return fields, last


def _beginning(data: bytes, last: int) -> int:
    """Past a byte order mark and empty lines at the start of a mail, if a header comes then."""
    place = 3 if data.startswith(b"\xef\xbb\xbf") else 0
    while place < last and data[place] in b"\r\n":
        place += 1
    return place if _FIELD.match(data, place, last) else 0


def read(
    data: bytes, troubles: Troubles, depth: int = 0, default: str = "text/plain", first: int = 0, last: int | None = None
) -> Part:
    """The entity at data[first:last] with its parts."""
    last = len(data) if last is None else last
    troubles.parts += 1
    fields, start = header(data, first, last, troubles)
    part = Part(fields, data, start, last, depth, default)
    kind, parameters = headers.content_type(part.get("content-type"), default)
    if not kind.startswith("multipart/"):
        return part
    if depth >= MAX_DEPTH:
        troubles.problem(TOO_DEEP)
        return part
    boundary = parameters.get("boundary", "").encode("utf-8", "surrogateescape").rstrip()
    pieces = _split(part, boundary) if boundary else []
    if not pieces:
        troubles.note("a multipart has none of its boundaries" if boundary else "a multipart names no boundary")
        guess = _likely_boundary(part)
        pieces = _split(part, guess) if guess else []
    pieces = _with_outside(part, pieces, troubles)
    inner = "message/rfc822" if kind == "multipart/digest" else "text/plain"
    for begin, end in pieces:
        if troubles.parts >= MAX_PARTS:
            troubles.problem(TOO_MANY)
            break
        part.children.append(read(data, troubles, depth + 1, inner, begin, end))
    return part


def _split(part: Part, boundary: bytes) -> list[tuple[int, int]]:
    """Where the parts are. One without an end reaches to the end; what stands before the first is left out."""
    data, last, mark = part.data, part.end, b"--" + boundary
    found: list[tuple[int, int]] = []
    begin = -1
    place = data.find(mark, part.start, last)
    while place >= 0:
        after = place + len(mark)
        end = data.find(b"\n", after, min(last, after + MAX_REST))
        stop = end if end >= 0 else min(last, after + MAX_REST)
        rest = data[after:stop].rstrip(_WHITE)
        if (place == part.start or data[place - 1] == _LF) and rest in (b"", b"--") and (end >= 0 or stop == last):
            if begin >= 0:
                found.append((begin, max(begin, _before(data, place))))
            begin = -1 if rest else min(last, stop + 1)
            if len(found) > MAX_PARTS:
                return found
        place = data.find(mark, after, last)
    if begin >= 0:
        found.append((begin, last))
    return found


def _with_outside(part: Part, pieces: list[tuple[int, int]], troubles: Troubles) -> list[tuple[int, int]]:
    """What stands outside of the parts (RFC 2046, 5.1.1) is a word to old programs, or what is left of a part whose
    boundary was spoilt: with a header it is read as a part, else kept aside."""
    found: list[tuple[int, int]] = []
    place = part.start
    for begin, end in [*pieces, (part.end, part.end)] if pieces else []:
        outside = part.data[place:begin]
        if _INSIDE.search(outside):
            troubles.note("a boundary was broken")
            found.append((place, begin))
        elif text := _without_boundaries(outside):
            part.outside.append(text)
        if begin < part.end:
            found.append((begin, end))
        place = end
    return found


def _without_boundaries(outside: bytes) -> bytes:
    """What is no boundary, and no word on MIME to programs that don't know it."""
    lines = [
        line
        for line in outside[:MAX_FIELD].splitlines()
        if not line.startswith(b"--") and not _WORD_ON_MIME.fullmatch(line)
    ]
    return b"\n".join(lines).strip()


def _before(data: bytes, place: int) -> int:
    """The line break before a boundary belongs to the boundary."""
    if place and data[place - 1] == _LF:
        place -= 1
        if place and data[place - 1] == _CR:
            place -= 1
    return place


_LIKELY = re.compile(rb"^--([^\r\n]{1,200}?)[ \t]*\r?\n[ \t]*(?=content-[a-z-]{1,40}[ \t]*:)", re.IGNORECASE | re.MULTILINE)


def _likely_boundary(part: Part) -> bytes:
    """What looks like the boundary of a multipart that doesn't name it: a line of dashes above a header."""
    found = _LIKELY.search(part.data, part.start, min(part.end, part.start + 64 * 1024))
    return found[1] if found else b""


def content(part: Part, troubles: Troubles) -> bytes:
    """The body as it was before it was transferred (RFC 2045, 6)."""
    how = re.split(rb"[\s;(]", part.get("content-transfer-encoding").strip(b"\"' ").lower(), maxsplit=1)[0]
    if how == b"base64":
        body, part.rest = _without_footer(part.body)
        made = from_base64(body, troubles)
        if made is not body:
            part.rest = b"\n".join(text for text in (_words_within(body), part.rest) if text)
        return made
    if how == b"quoted-printable":
        return binascii.a2b_qp(part.body)
    if how in (b"x-uuencode", b"uuencode", b"x-uue", b"uue"):
        return _uuencoded(part.body, troubles)
    if how not in (b"", b"7bit", b"8bit", b"binary", b"7-bit", b"8-bit"):
        troubles.note("an unknown transfer encoding")
    return part.body


def _without_footer(body: bytes) -> tuple[bytes, bytes]:
    """Base64 and the plain text below it: from the first line that is none, if hardly a line after it is."""
    if not body.translate(None, _ALPHABET + _WHITE) and b" " not in body.strip():
        return body, b""
    lines = body.split(b"\n")
    below = next((number for number, line in enumerate(lines) if line.strip() and _is_foreign(line)), None)
    if not below or not any(line.strip() for line in lines[:below]):
        return body, b""
    later = [line for line in lines[below:] if line.strip()]
    if sum(len(line) > 20 and not _is_foreign(line) for line in later) * 2 > len(later):
        return body, b""
    return b"\n".join(lines[:below]), b"\n".join(lines[below:])


def _words_within(body: bytes) -> bytes:
    """Lines of base64 with blanks inside: a text that lost its boundary runs on in them. In many lines they are a habit of
    whoever wrote it, and no words."""
    broken = [words for line in body.split(b"\n") if len(words := line.split()) > 1] if b" " in body else []
    return b"\n".join(b" ".join(word[-LINE:] for word in words) for words in broken) if len(broken) <= FEW else b""


def _is_foreign(line: bytes) -> bool:
    bare = line.strip(_WHITE)
    return len(bare.translate(None, _ALPHABET)) * 10 > len(bare)


def from_base64(body: bytes, troubles: Troubles) -> bytes:
    """Tolerant: other bytes are skipped, padding may be wrong or stand in the middle. What is plainly no base64 stays."""
    letters = body.translate(None, _NOT_BASE64)
    strange = len(body.translate(None, _BREAKS)) - len(letters)
    first = body.lstrip(_WHITE).partition(b"\n")[0]
    if strange * 20 > len(letters) or (strange and _is_foreign(first)):
        troubles.note("a part that says base64 is not")
        return body
    if strange:
        troubles.note("base64 with other bytes in it")
    filled = len(letters) - len(letters.rstrip(b"="))
    if filled <= 2 and letters.count(b"=") == filled and len(letters) % 4 == 0:
        return base64.b64decode(letters)
    made: list[bytes] = []
    for piece in letters.split(b"="):
        if len(piece) % 4 == 1:
            troubles.note("base64 that was cut")
            piece = piece[:-1]
        if piece:
            made.append(base64.b64decode(piece + b"=" * (-len(piece) % 4)))
    return b"".join(made)


def _uuencoded(body: bytes, troubles: Troubles) -> bytes:
    made: list[bytes] = []
    begun = False
    for line in body.splitlines():
        if not begun:
            begun = line.startswith(b"begin ")
            continue
        if line.rstrip() in (b"end", b"", b"`"):
            break
        try:
            made.append(binascii.a2b_uu(line))
        except binascii.Error:
            wanted = (((line[0] - 32) & 63) * 4 + 5) // 3  # trailing bytes that some programs add
            try:
                made.append(binascii.a2b_uu(line[:wanted]))
            except binascii.Error:
                troubles.note("broken uuencode")
                return body
    return b"".join(made) if begun else body
