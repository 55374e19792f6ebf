"""What holds of every mail that was read, whatever it was."""

from __future__ import annotations

import msgspec

from duly_connectors.mail.reading import MAX_NAME, ParsedMail


def sound(parsed: ParsedMail) -> None:
    """It can be sent to another process and stored in any database, and its files have contents and harmless names."""
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(parsed), type=ParsedMail) == parsed
    assert {file.sha256 for file in parsed.files} == set(parsed.contents)
    lines = [parsed.subject, parsed.from_name, parsed.from_address, parsed.message_id, parsed.in_reply_to, *parsed.to]
    lines += [*parsed.references, *(file.name for file in parsed.files)]
    for text in (*lines, parsed.text, parsed.quoted, parsed.html):
        assert "\0" not in text
        text.encode()
    assert not any("\n" in line or "\r" in line for line in lines)
    for name in (file.name for file in parsed.files):
        assert 0 < len(name) <= MAX_NAME and not set(name) & set("/\\")
