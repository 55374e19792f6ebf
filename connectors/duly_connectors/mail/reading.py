"""A mail as bytes to what people and rules need of it: who, what is new, what is old, files, whether a machine wrote it.

`read_mail` never fails on a mail: what can't be understood is shown as well as it can be, and named. It is meant to run
where it can be killed (`bounded`): the HTML parser alone may take minutes for hostile input.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import mimetypes
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import msgspec

from duly_connectors.contract import TEXT_CAP, clean
from duly_connectors.mail import authentication, automatic, charsets, headers, html, mime, quoting
from duly_connectors.mail.automatic import Bounce
from duly_connectors.wording import _
from duly_runtime.events import File

MAX_MAIL = 25 * 1024 * 1024
"""Bytes of a mail."""
MAX_TEXT = 4 * TEXT_CAP
"""Characters of text that are looked at for what is new and what is old."""
MAX_PLAIN = 4 * MAX_TEXT
"""Bytes of a plain text that are decoded."""
MAX_HTML = 1024 * 1024
"""Characters of HTML, without the pictures in it; more is cut."""
MAX_RICH = 512 * 1024
"""Characters of HTML that are turned into text; dense tags take half a second."""
MAX_NAME = 150

TOO_LARGE = _("it is larger than 25 MB")
NOTHING = _("there is nothing in it")

_KINDS = mimetypes.MimeTypes()
"""Types by the tables of Python and these, so that every machine reads a mail alike."""
for _kind, _end in (
    ("text/calendar", ".ics"),
    ("message/rfc822", ".eml"),
    ("image/webp", ".webp"),
    ("image/heic", ".heic"),
):
    _KINDS.add_type(_kind, _end)
_FORBIDDEN = re.compile(r"[\x00-\x1f\x7f/\\:*?\"<>|]+")
_SIGNATURES = frozenset(("application/pkcs7-signature", "application/x-pkcs7-signature", "application/pgp-signature"))
_ENCRYPTED = frozenset(("application/pkcs7-mime", "application/x-pkcs7-mime"))
_SKIPPED = frozenset(("text/x-amp-html", "text/watch-html"))
"""Alternatives for programs that show mail as pages of their own."""


class ParsedMail(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A mail, read. Addresses have their domain in lower case; ids stand without angle brackets; instants are UTC.

    `text` is what is new, `quoted` what repeats older messages or signs; both plain. `html` is the whole, cleaned, its
    pictures `cid:` of `files`, empty where the mail has none. `problems` name what is not in here; `notes` what was mended.
    """

    from_name: str = ""
    from_address: str = ""
    reply_to: str = ""
    """Where answers go, if not to the sender."""
    to: tuple[str, ...] = ()
    cc: tuple[str, ...] = ()
    delivered_to: tuple[str, ...] = ()
    """The addresses it was really delivered to, as far as mail servers noted them."""
    subject: str = ""
    message_id: str = ""
    in_reply_to: str = ""
    references: tuple[str, ...] = ()
    """Oldest first, as the field has them."""
    date: dt.datetime | None = None
    text: str = ""
    quoted: str = ""
    html: str = ""
    files: tuple[File, ...] = ()
    contents: dict[str, bytes] = {}
    """By sha256, in lower-case hexadecimal."""
    automatic: str = ""
    """What says that no person wrote it; empty where nothing does."""
    mark: str = ""
    """What a Duly says of itself in the mail (`X-Duly`), for the one that sent it to know its own."""
    bounce: Bounce | None = None
    dmarc: str = authentication.NONE
    """`pass` or `fail` as our own mail server found, else `none`."""
    proved: bool = False
    """Our own mail server found that it is from `from_address`."""
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(slots=True)
class Block:
    """A piece of the body, in one or both forms."""

    plain: str | None = None
    rich: str | None = None


@dataclass(slots=True)
class Found:
    """A file of the mail."""

    name: str
    media_type: str
    data: bytes
    cid: str = ""
    location: str = ""
    attached: bool = False
    """It says so, so it is no picture of the text unless the text shows it."""
    shown: bool = False


@dataclass(slots=True)
class Body:
    """What collecting the parts gives."""

    troubles: mime.Troubles
    fallback: str = ""
    """The charset of the first part that names one, for headers and parts that don't."""
    blocks: list[Block] = field(default_factory=list)
    files: list[Found] = field(default_factory=list)
    aside: list[str] = field(default_factory=list)
    """Texts that are not the sender's own: of mails that are attached, and what stands outside of all parts."""


def read_mail(data: bytes, authserv_id: str = "") -> ParsedMail:
    """The mail in `data`. `authserv_id` is the name by which our own mail server signs its findings (RFC 8601)."""
    troubles = mime.Troubles()
    if len(data) > MAX_MAIL:
        return ParsedMail(problems=(TOO_LARGE,))
    if b"\n" not in data and b"\r" in data:
        data = data.replace(b"\r", b"\n")
    part = mime.read(data, troubles)
    body = Body(troubles, _charset(part))
    _collect(part, body)
    text, quoted, rich = _texts(body)
    files, contents = _files(body)

    def addressed(name: str) -> tuple[str, ...]:
        return tuple(dict.fromkeys(address for value in part.all(name) for _name, address in headers.addresses(value)))

    senders = headers.addresses(part.get("from"), body.fallback) or headers.addresses(part.get("sender"), body.fallback)
    name, address = senders[0] if senders else ("", "")
    reply_to = next((other for other in addressed("reply-to") if other != address), "")
    if not (part.fields or text or files):
        troubles.problem(NOTHING)
    subject = clean(headers.text(part.get("subject"), body.fallback))[:1000]
    answered = headers.ids(part.get("in-reply-to"))
    return ParsedMail(
        from_name=clean(name),
        from_address=clean(address),
        reply_to=clean(reply_to),
        to=addressed("to"),
        cc=addressed("cc"),
        delivered_to=tuple(
            dict.fromkeys(a for field in ("delivered-to", "x-original-to", "envelope-to") for a in addressed(field))
        ),
        subject=subject,
        message_id=next(iter(headers.ids(part.get("message-id"))), ""),
        in_reply_to=answered[0] if answered else "",
        references=tuple(headers.ids(part.get("references"))),
        date=headers.date(part.get("date")),
        text=text,
        quoted=quoted,
        html=rich,
        files=files,
        contents=contents,
        automatic=automatic.reason(part, address, subject),
        mark=headers.text(part.get(automatic.LOOP))[:200],
        bounce=automatic.bounce(part, address, f"{text}\n{quoted}", troubles),
        dmarc=authentication.dmarc(part.all("authentication-results"), authserv_id),
        proved=authentication.proved(part.all("authentication-results"), authserv_id, clean(address)),
        problems=tuple(troubles.problems),
        notes=tuple(troubles.notes),
    )


# --- the parts -----------------------------------------------------------------------------------------------------------


def _collect(part: mime.Part, body: Body) -> None:
    """Texts and files of a part and those in it, in their order."""
    kind, given = headers.content_type(part.get("content-type"), part.default)
    if part.children:
        if kind == "multipart/alternative":
            _alternative(part, body)
        else:
            for child in part.children:
                _collect(child, body)
        body.aside.extend(charsets.decode(text, "", body.fallback) for text in part.outside)
        return
    if kind.startswith("multipart/"):
        # Nothing to take apart: too deep (kept whole, with its header's type), or a boundary that is nowhere.
        if part.depth >= mime.MAX_DEPTH:
            body.files.append(Found("part.eml", "application/octet-stream", part.body, attached=True))
        elif part.body.strip():
            body.blocks.append(Block(plain=charsets.decode(part.body, given.get("charset", ""), body.fallback)))
        return
    disposition, wished = headers.parameters(part.get("content-disposition"), body.fallback)
    name = wished.get("filename") or wished.get("name") or given.get("name") or given.get("filename") or ""
    attached = disposition.lower() == "attachment"
    if kind in ("text/plain", "text/html") and not attached and (not name or _first(body, part, disposition)):
        _text(part, kind, given, body)
    elif kind not in _SKIPPED:
        _file(part, kind, name, attached, body)
    if part.rest.strip():
        body.troubles.note("text below base64")
        body.blocks.append(Block(plain=charsets.decode(part.rest, "", body.fallback)))


def _first(body: Body, part: mime.Part, disposition: str) -> bool:
    """Some programs name the text itself."""
    return not body.blocks and not body.files and not disposition


def _alternative(part: mime.Part, body: Body) -> None:
    """One block of the forms a text has; the last HTML is the best one (RFC 2046, 5.1.4)."""
    plain: list[str] = []
    rich: list[str] = []
    for child in part.children:
        inner = Body(body.troubles, body.fallback, files=body.files, aside=body.aside)
        _collect(child, inner)
        if any(block.rich is not None for block in inner.blocks):
            rich = [block.rich if block.rich is not None else html.from_text(block.plain or "") for block in inner.blocks]
            plain = plain or [block.plain for block in inner.blocks if block.plain is not None and block.rich is not None]
        else:
            found = [block.plain for block in inner.blocks if block.plain is not None]
            plain = plain if any(text.strip() for text in plain) else found
    if plain or rich:
        body.blocks.append(Block("\n".join(plain) if plain else None, "<br>".join(rich) if rich else None))


def _text(part: mime.Part, kind: str, given: Mapping[str, str], body: Body) -> None:
    data = mime.content(part, body.troubles)
    declared = given.get("charset", "")
    if kind == "text/plain" and len(data) > MAX_PLAIN:
        body.troubles.note("the text was cut")
        data = data[: max(data.rfind(b"\n", 0, MAX_PLAIN), 0) or MAX_PLAIN]
    if kind == "text/html" and not declared:
        declared = _declared_in_html(data)
    if declared and charsets.known(declared) is None:
        body.troubles.note(f"an unknown charset `{declared[:40]}`")
    text = charsets.decode(data, declared, body.fallback).replace("\r\n", "\n").replace("\r", "\n")
    if kind == "text/html":
        body.blocks.append(Block(rich=_pictures(text, body)))
        return
    if given.get("format", "").lower() == "flowed":
        text = unflowed(text, given.get("delsp", "").lower() == "yes")
    body.blocks.append(Block(plain=text))


def _charset(part: mime.Part) -> str:
    """The first charset a part names."""
    _kind, given = headers.content_type(part.get("content-type"), part.default)
    if given.get("charset") and charsets.known(given["charset"]):
        return given["charset"]
    return next((found for child in part.children if (found := _charset(child))), "")


_META = re.compile(rb"<meta[^>]{0,200}?charset\s{0,20}=\s{0,20}[\"']?([A-Za-z0-9_.:-]{2,40})", re.IGNORECASE)


def _declared_in_html(data: bytes) -> str:
    found = _META.search(data, 0, 4096)
    return found[1].decode("ascii") if found else ""


def unflowed(text: str, delsp: bool) -> str:
    """Soft line breaks out (RFC 3676): a line that ends in a blank goes on in the next, if that is quoted as deep."""
    out: list[str] = []
    open_depth = -1
    for line in text.split("\n"):
        depth = len(line) - len(line.lstrip(">"))
        bare = line[depth:]
        bare = bare[1:] if bare.startswith(" ") else bare
        signs = bare == "-- "
        soft = bare.endswith(" ") and not signs
        piece = bare[:-1] if soft and delsp else bare
        if open_depth == depth and not signs:
            out[-1] += piece
        else:
            out.append((">" * depth + " " if depth else "") + piece)
        open_depth = depth if soft else -1
    return "\n".join(out)


# --- files ---------------------------------------------------------------------------------------------------------------


def _file(part: mime.Part, kind: str, name: str, attached: bool, body: Body) -> None:
    data = mime.content(part, body.troubles)
    cid = next(iter(headers.ids(part.get("content-id"))), "") or headers.text(part.get("content-id")).strip("<> ")
    if kind in _ENCRYPTED or kind == "application/pgp-encrypted":
        body.troubles.note("the mail is encrypted or signed in a way only its reader's program can open")
    if kind in ("message/rfc822", "message/global", "message/news"):
        name = name or _attached_mail(data, part.depth, body)
    location = headers.line(headers.raw(part.get("content-location")))
    name = name or location.rpartition("/")[2].partition("?")[0]
    if kind == "application/octet-stream" and name:
        kind = _KINDS.guess_type(name)[0] or kind
    body.files.append(Found(name, kind, data, cid, location, attached))


def _attached_mail(data: bytes, depth: int, body: Body) -> str:
    """Reads along what an attached mail says; returns a name for it. The file itself is kept as it is."""
    if depth + 1 >= mime.MAX_DEPTH:
        body.troubles.problem(mime.TOO_DEEP)
        return "message.eml"
    if body.troubles.parts >= mime.MAX_PARTS:
        body.troubles.problem(mime.TOO_MANY)
        return "message.eml"
    inner = mime.read(data, body.troubles, depth + 1)
    inside = Body(body.troubles, _charset(inner))
    _collect(inner, inside)  # its files stay within it
    subject = headers.text(inner.get("subject"), inside.fallback)
    heads = [f"{name.title()}: {words}" for name in ("from", "date", "subject") if (words := headers.text(inner.get(name)))]
    body.aside.append("\n".join((*heads, "", "\n\n".join(_plain(block) for block in inside.blocks), *inside.aside)))
    return f"{subject[:100] or 'message'}.eml"


_DATA_IMAGE = re.compile(r"data:(image/(?:png|jpe?g|gif|webp|bmp));base64,([A-Za-z0-9+/=\s]{16,})", re.IGNORECASE)


def _pictures(text: str, body: Body) -> str:
    """Pictures written into the HTML itself become files."""

    def take(found: re.Match[str]) -> str:
        data = mime.from_base64(found[2].encode(), body.troubles)
        name = f"embedded-{len(body.files) + 1}"
        body.files.append(Found("", found[1].lower(), data, name))
        return f"cid:{name}"

    return _DATA_IMAGE.sub(take, text) if "base64," in text else text


def _files(body: Body) -> tuple[tuple[File, ...], dict[str, bytes]]:
    contents: dict[str, bytes] = {}
    made: list[File] = []
    for number, found in enumerate(body.files, 1):
        digest = hashlib.sha256(found.data).hexdigest()
        contents[digest] = found.data
        made.append(
            File(
                name=file_name(found.name, found.media_type, number),
                media_type=found.media_type,
                size=len(found.data),
                sha256=digest,
                inline=clean(found.cid)[:200] if found.shown else "",
            )
        )
    return tuple(made), contents


def file_name(name: str, media_type: str, number: int) -> str:
    """A name any system can hold, without a path; made up where there is none."""
    name = headers.line(clean(name)).replace("\\", "/").rpartition("/")[2]
    name = _FORBIDDEN.sub("_", name).strip(" ._") if name else ""
    if not name:
        if media_type in _SIGNATURES:
            return "signature.asc" if media_type.endswith("pgp-signature") else "smime.p7s"
        return f"file-{number}{_KINDS.guess_extension(media_type) or '.bin'}"
    if len(name) > MAX_NAME:
        stem, dot, end = name.rpartition(".")
        name = stem[: MAX_NAME - len(end) - 1] + dot + end if dot and len(end) <= 10 else name[:MAX_NAME]
    return name


# --- the text ------------------------------------------------------------------------------------------------------------


def _plain(block: Block) -> str:
    if block.plain is not None and block.plain.strip():
        return block.plain
    return html.text(block.rich[:MAX_RICH]).replace(html.HARD, "") if block.rich is not None else ""


def _texts(body: Body) -> tuple[str, str, str]:
    """(what is new, what is old, cleaned HTML)."""
    rich = ""
    if any(block.rich is not None for block in body.blocks):
        pieces = [block.rich if block.rich is not None else html.from_text(block.plain or "") for block in body.blocks]
        source = "<br>".join(pieces)
        if len(source) > MAX_HTML:
            body.troubles.note("the HTML was cut")
        rich = clean_html(source[:MAX_HTML], body)
    said = [block.plain if block.plain is not None and block.plain.strip() else None for block in body.blocks]
    text, quoted = "", ""
    if all(found is not None or block.rich is None for found, block in zip(said, body.blocks, strict=True)):
        text, quoted = _split("\n\n".join(found for found in said if found), body)
    marked = any(block.rich is not None and html.may_quote(block.rich[:MAX_RICH]) for block in body.blocks)
    if not quoted and (marked or not text):
        # The marks programs leave in HTML tell old from new in every language.
        second, rest = _split("\n".join(_rich_first(body)), body)
        if rest or not text:
            text, quoted = second or text, rest
    if body.aside:
        parts = "\n\n".join(body.aside)
        if text.strip():
            quoted = f"{quoted}\n\n{parts}".strip()
        else:
            text = parts.strip()
    if len(text) > TEXT_CAP:
        body.troubles.note("the text was cut")
    return clean(text), clean(quoted), rich


def _rich_first(body: Body) -> Iterator[str]:
    """The blocks as text, from their HTML where they have it."""
    left = MAX_RICH
    for block in body.blocks:
        if block.rich is None:
            yield block.plain or ""
        else:
            if len(block.rich) > left:
                body.troubles.note("the text was cut")
            yield html.text(block.rich[:left])
            left = max(0, left - len(block.rich))


def _split(text: str, body: Body) -> tuple[str, str]:
    if len(text) > MAX_TEXT:
        body.troubles.note("the text was cut")
    return quoting.split(text[:MAX_TEXT])


def clean_html(source: str, body: Body) -> str:
    """The HTML fit for showing; the files it shows are marked."""
    by_name: dict[str, Found] = {}
    for found in body.files:
        for name in (found.location, found.location.rpartition("/")[2], found.cid):
            if name:
                by_name.setdefault(name.lower(), found)

    def image(link: str) -> str:
        named = html.cid(link)
        found = by_name.get((named or link.strip()).lower())
        if found is None or not found.media_type.startswith("image/"):
            return ""
        found.cid = found.cid or f"located-{body.files.index(found) + 1}"
        found.shown = True
        return f"cid:{found.cid}"

    return html.cleaned(source.replace("\0", "\ufffd"), image)
