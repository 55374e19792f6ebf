"""Bytes of a mail to text, whatever the mail says about them: declared charsets that are right, wrong, unknown or missing.

Names are read as mail programs and browsers do (WHATWG Encoding): `iso-8859-1` means windows-1252, `gb2312` its superset.
Bytes without a usable name are judged: UTF-8 proves itself; else the letters that would come out are compared with the
frequent letters of the languages that use a charset; Latin text is taken for windows-1252.
"""

from __future__ import annotations

import codecs
import re

SAMPLE = 4096
"""Bytes that are looked at to guess a charset."""

FEW = 4
"""Fewer bytes above ASCII tell nothing about a language."""

_MEANT = {
    "ascii": "cp1252",
    "iso8859-1": "cp1252",
    "iso8859-9": "cp1254",
    "iso8859-11": "cp874",
    "tis-620": "cp874",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "hz": "hz",
    "shift_jis": "cp932",
    "euc_kr": "cp949",
    "big5": "cp950",
    "utf-16": "utf-16",
}
"""Python's name of what was declared -> of what is meant."""

_ALIASES = {
    "x-sjis": "cp932",
    "x-gbk": "gb18030",
    "x-big5": "cp950",
    "x-euc": "euc_jp",
    "x-euc-jp": "euc_jp",
    "x-euc-kr": "cp949",
    "ks_c_5601-1987": "cp949",
    "ks_c_5601": "cp949",
    "cn-gb": "gb18030",
    "cn-big5": "cp950",
    "iso-8859-8-i": "iso8859-8",
    "iso-8859-8-e": "iso8859-8",
    "iso-8859-6-i": "iso8859-6",
    "unicode-1-1-utf-7": "utf-7",
    "unicode-1-1-utf-8": "utf-8",
    "utf8mb4": "utf-8",
    "utf-8mb4": "utf-8",
    "x-mac-roman": "mac_roman",
    "macintosh": "mac_roman",
    "x-windows-949": "cp949",
    "windows-874": "cp874",
    "windows-31j": "cp932",
    "ansi": "cp1252",
    "us": "cp1252",
}
_NO_CHARSETS = frozenset(("idna", "punycode", "unicode_escape", "raw_unicode_escape", "undefined", "mbcs", "oem"))
"""Codecs of Python that are no charset of mail; some take quadratic time."""
_EBCDIC = frozenset(("cp037", "cp273", "cp424", "cp500", "cp875", "cp1026", "cp1140"))
"""No mail is written in these; to read one by a mistyped name would spoil it."""

_OFTEN: dict[str, str] = {
    "cp1251": "оеаинтсрвлкмдпуязыьбгч",
    "koi8_r": "оеаинтсрвлкмдпуязыьбгч",
    "cp1253": "αοιετσνηυρπκμλάίόέήύώς",
    "cp1255": "יוהלאתרבשמנעםדחפקןכ",
    "cp1256": "اليمنرتبوعدسفهكقحجة",
    "cp874": "านรกเงมอลยวสทตด่้ัิีใไ",
    "euc_jp": "いのしてにをはがるとたでまなすかられこさっんくもりあきよう。、",
    "cp932": "いのしてにをはがるとたでまなすかられこさっんくもりあきよう。、",
    "cp949": "이다는을를에의가고하지한도로기사요니있습어아서나해주안세",
    "gb18030": "的一是不了在人有我他这中大来上个国到说们为子和你地出道也时年得就那要下以生会自着"
    "去之过家学对可里后好么单订，。",
    "cp950": "的一是不了在人有我他這中大來上個國到說們為子和你地出道也時年得就那要下以生會自著"
    "去之過家學對可裡後好麼單訂，。",
}
"""Charset -> frequent letters of the languages written in it."""
_ESCAPES = re.compile(rb"\x1b(?:\$[@B]|\(J|\$\([CD])")


def known(name: str) -> str | None:
    """Python's codec for a charset name of a mail, None where it is none."""
    name = name.strip().strip("\"'").lower()[:60]
    alias = _ALIASES.get(name)
    if alias:
        return alias
    try:
        found = codecs.lookup(name)
    except (LookupError, ValueError, UnicodeError):
        return None
    if not getattr(found, "_is_text_encoding", True) or found.name.replace("-", "_") in _NO_CHARSETS | _EBCDIC:
        return None
    return _MEANT.get(found.name, found.name)


def decode(data: bytes, declared: str = "", fallback: str = "") -> str:
    """The text of `data`; `fallback` is a charset declared elsewhere in the mail. Never fails."""
    name = known(declared) if declared else None
    if name is not None and name.startswith(("utf-16", "utf-32")) and not _is_wide(data):
        name = None
    if data.isascii() and (name is None or name.startswith(("cp", "utf-8", "iso8859", "koi8"))) and b"\x1b" not in data:
        return data.decode("ascii")
    if name is not None:
        told = _plain(declared) and name == "cp1252"  # "us-ascii" with other bytes in it says nothing
        if not told and not (name == "cp1252" and _is_utf8(data)):
            text = _strictly(data, name)
            if text is not None:
                return text
    second = known(fallback) if fallback else None
    guess = guessed(data, second if second and not _plain(fallback) else None)
    if guess != name and _strictly(data, guess) is None and name is not None and not _plain(declared):
        guess = name  # neither fits: what was said is as good
    if guess == "cp1252":
        return _windows(data)
    text = data.decode(guess, "replace")
    return text.encode("utf-8", "replace").decode() if guess == "utf-7" else text


def guessed(data: bytes, fallback: str | None = None) -> str:
    """The charset that bytes without a name are most likely in."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) and _is_wide(data):
        return "utf-16"
    if data.startswith(codecs.BOM_UTF8):
        return "utf-8-sig"
    if _ESCAPES.search(data, 0, SAMPLE) and b"\x1b(B" in data and _strictly(data, "iso2022_jp_2") is not None:
        return "iso2022_jp_2"
    if _is_utf8(data):
        return "utf-8"
    if fallback is not None and fallback != "utf-8" and _strictly(data, fallback) is not None:
        return fallback
    sample = _sample(data)
    high = sum(byte >= 0x80 for byte in sample)
    letters = high + sum(byte | 0x20 in range(0x61, 0x7B) for byte in sample)
    right = sum(byte >= 0x80 for byte in sample.decode("utf-8", "ignore").encode())
    if right > (high - right) * 4:
        return "utf-8"  # a few broken sequences in much that is right
    if high < FEW or high < letters * 0.4:
        return "cp1252"
    best, score = "cp1252", 0.25
    for name, often in _OFTEN.items():
        found = _score(sample, name, often)
        if found > score:
            best, score = name, found
    return best


def _score(sample: bytes, name: str, often: str) -> float:
    """How much of the text is frequent letters, 0 to 1. Bytes that make no character count against it."""
    text = sample.decode(name, "replace")
    other = [c for c in text if c > "\x7f"]
    if not other or text.count("\ufffd") * 20 > len(other):
        return 0.0
    return sum(c in often for c in other) / len(other)


def _sample(data: bytes) -> bytes:
    """The first lines with bytes above ASCII, or their beginning."""
    if len(data) <= SAMPLE:
        return data
    found = re.search(rb"[\x80-\xff]", data)
    start = max(0, found.start() - 256) if found else 0
    return data[start : start + SAMPLE]


def _is_wide(data: bytes) -> bool:
    """Whether it may be UTF-16 or UTF-32: ends of lines, or else a good part of it, come with zero bytes."""
    sample = data[:SAMPLE]
    ends = sample.count(b"\n")
    wide = sample.count(b"\n\0") + sample.count(b"\0\n")
    return wide * 2 >= ends if ends else sample.count(b"\0") * 20 > len(sample)


def _is_utf8(data: bytes) -> bool:
    return _strictly(data, "utf-8") is not None


def _plain(name: str) -> bool:
    return (known(name) or "") == "cp1252" and "ascii" in name.lower()


def _strictly(data: bytes, name: str) -> str | None:
    if name == "cp1252":
        return _windows(data)
    try:
        text = data.decode(name)
        if name == "utf-7":
            text.encode()  # it may hold halves of characters
    except (UnicodeError, ValueError):
        return None
    return text


def _windows(data: bytes) -> str:
    """windows-1252 with the five bytes it leaves out as control characters, as browsers read it: fits anything."""
    try:
        return data.decode("cp1252")
    except UnicodeDecodeError:
        return "".join(chunk.decode("cp1252", "ignore") or chunk.decode("latin-1") for chunk in _GAPS.split(data))


_GAPS = re.compile(rb"([\x81\x8d\x8f\x90\x9d])")
