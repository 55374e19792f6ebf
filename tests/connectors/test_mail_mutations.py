"""Mails that were damaged on their way: whatever comes, it is read to something sound, and what it says is still there.

DULY_FULL=1 damages each mail in 10,000 ways.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from connectors.mails import ALL, BILL, FORWARDED, PHOTO, mail, multipart
from connectors.sound import sound
from duly_connectors.mail import mime
from duly_connectors.mail.reading import ParsedMail, read_mail

WAYS = 10_000 if os.environ.get("DULY_FULL") == "1" else 25
_SETTINGS = settings(max_examples=WAYS, deadline=None, suppress_health_check=list(HealthCheck))

BITS = (
    b"",
    b"\n",
    b"\r\n",
    b"\r",
    b"\n\n",
    b"\0",
    b"\xff\xfe",
    b"\xe1",
    "ção".encode(),
    b"--",
    b"\n--=_b1\n",
    b"\n--=_b1--\n",
    b'"',
    b"'",
    b"(",
    b"<",
    b">",
    b"=?utf-8?B?",
    b"=?",
    b"?=",
    b"%",
    b";",
    b":",
    b"=",
    b" " * 300,
    b"A" * 9000,
    b"Content-Type: multipart/mixed; boundary==_b1\n",
    b"Content-Type: message/rfc822\n\n",
    b"Content-Transfer-Encoding: base64\n",
    b"filename*0*=utf-7''x;",
    b"<table><td><blockquote type=cite>",
    b"\x1b$B",
    b"\ned2k: ",
)
"""What damage is made of, beside any bytes."""

Edit = tuple[int, int, bytes]
EDITS: st.SearchStrategy[list[Edit]] = st.lists(
    st.tuples(
        st.integers(0, 1 << 20), st.integers(0, 12) | st.integers(0, 4000), st.sampled_from(BITS) | st.binary(max_size=6)
    ),
    min_size=1,
    max_size=5,
)
"""(place, how many bytes go, what comes instead)"""


def damaged(data: bytes, edits: list[Edit], spared: bytes = b"") -> bytes:
    for place, length, bit in edits:
        place %= len(data) + 1
        after = data[place : place + length]
        changed = data[:place] + bit + data[place + length :]
        if not spared or (spared in changed and spared not in after):
            data = changed
    return data


@pytest.mark.parametrize("name", ALL)
@_SETTINGS
@given(edits=EDITS)
def test_damaged_mails_are_read_to_something_sound(name: str, edits: list[Edit]) -> None:
    sound(read_mail(damaged(ALL[name], edits)))


@pytest.mark.parametrize("name", ALL)
@_SETTINGS
@given(edits=EDITS, other=st.sampled_from(sorted(ALL)), places=st.tuples(st.integers(0, 1 << 20), st.integers(0, 1 << 20)))
def test_mails_torn_and_put_together_are_read(name: str, edits: list[Edit], other: str, places: tuple[int, int]) -> None:
    first, second = ALL[name], ALL[other]
    joined = first[: places[0] % (len(first) + 1)] + second[places[1] % (len(second) + 1) :]
    sound(read_mail(damaged(joined, edits)))


WORD = b"Zq7Wort"
_PLAIN = b"Content-Type: text/plain; charset=utf-8\n\nBom dia " + WORD + b" quebrado.\n"
_RICH = b"Content-Type: text/html\n\n<p>Bom dia</p>\n"
MARKED: dict[str, bytes] = {
    "plain": mail(b"one\n" + WORD + b"\nthree\n"),
    "mixed": multipart(_PLAIN, BILL),
    "last": multipart(BILL, PHOTO, _PLAIN),
    "forwarded": multipart(FORWARDED.replace(b"Seu pedido", WORD)),
    "deep": multipart(multipart(multipart(_PLAIN, BILL), PHOTO)),
    "report": ALL["dsn"].replace(b"could not be delivered", WORD),
    "no header": b"two\n" + WORD + b"\nfour\n",
}


_BASE64 = b"Encoding: base64"


def told(parsed: ParsedMail) -> bool:
    """Whether a person would find the word."""
    word = WORD.decode()
    texts = (parsed.text, parsed.quoted, parsed.html, parsed.subject, parsed.from_name)
    return any(word in text for text in texts) or any(WORD in data for data in parsed.contents.values())


def fields(part: mime.Part) -> Iterator[bytes]:
    for name, value in part.fields:
        yield name.encode() + b" " + value
    for child in part.children:
        yield from fields(child)


@pytest.mark.parametrize("name", MARKED)
@_SETTINGS
@given(edits=EDITS)
def test_what_a_damaged_mail_says_is_not_lost(name: str, edits: list[Edit]) -> None:
    data = damaged(MARKED[name], edits, WORD)
    assume(data.count(_BASE64) <= MARKED[name].count(_BASE64))  # with one more the same letters say something else
    parsed = read_mail(data)
    if not told(parsed) and not parsed.problems:
        # Damage can make a header of it, and only that; then it is in what is kept of the mail itself.
        cut = any(WORD in line for line in data.split(b"\n") if len(line) > mime.MAX_LINE)
        assert cut or any(WORD.lower() in field.lower() for field in fields(mime.read(data, mime.Troubles())))
