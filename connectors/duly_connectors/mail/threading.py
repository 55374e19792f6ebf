"""Which card a mail says it belongs to, so that it can't be guessed and a stranger can't make it up.

Mail to a customer carries a token, `c42.TOKEN`: the card's id and an HMAC of it. It stands where answers bring it back: in
the address they go to (`support+c42.TOKEN@example.com`, RFC 5233) and at the head of the thread (`References`, RFC 5322,
3.6.4). Letters and digits of one case only, since mail servers and programs change the case of local parts.

A token is a claim and no more: whoever is sent one can pass it on. Whether the sender may write on that card is decided
where the card is known (`duly_runtime.store.threads`). A number in a subject never claims anything.

All functions are pure. Message-IDs stand without their angle brackets.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Iterable, Sequence
from email.headerregistry import Address

from duly_runtime.events import Thread

REPLY_KEY = "DULY_REPLY_KEY"
"""The stored secret: one or more keys with blanks between them, the newest first. Only the first signs; all verify."""

SIGNS = 20
"""Letters of a token: 100 bits, so that it can't be guessed by writing."""
LOCAL_PART = 64
"""Octets of the part before the `@` (RFC 5321, 4.5.3.1.1)."""
MOST_IDS = 50
"""References that are looked at. Longer threads name the card by the newest ones, and by the token."""
LONGEST_ID = 900
"""Characters of one of them: no header line may hold more than 998."""

_TOKEN = re.compile(r"c([1-9][0-9]{0,17})\.([a-z2-7]{20})")
_MARK = re.compile(r"\bby=([a-z2-7]{20})\b")


class Keys:
    """The keys of one installation, as the secret holds them. None may be missing: `Keys("")` signs nothing."""

    def __init__(self, secret: str) -> None:
        self._keys = tuple(dict.fromkeys(key.encode() for key in secret.split()))

    def __bool__(self) -> bool:
        return bool(self._keys)

    def token(self, card: int) -> str:
        """`c42.TOKEN`, by the newest key; empty where there is none."""
        return f"c{card}.{_signed(self._keys[0], f'card {card}')}" if self._keys and card > 0 else ""

    def card(self, token: str) -> int:
        """The id of the card a token names; 0 where none of our keys made it."""
        found = _TOKEN.fullmatch(token.strip().lower())
        if found is None:
            return 0
        return int(found[1]) if self._made(f"card {found[1]}", found[2]) else 0

    def name(self, key: str) -> str:
        """The left half of a Message-ID for what has this key: always the same, and nobody else can tell it. Signed by the
        oldest key that counts, so that it stays over a rotation; without keys anybody who knows `key` could tell."""
        digest = hmac.digest(self._keys[-1] if self._keys else b"", f"duly mail name {key}".encode(), hashlib.sha256)
        return digest.hex()[:40]

    def mark(self) -> str:
        """Names this installation in mail it sends, and tells others nothing."""
        return _signed(self._keys[0], "installation") if self._keys else ""

    def ours(self, told: str) -> bool:
        """Whether a header of ours (`X-Duly: automatic; by=MARK`) was written by this installation."""
        found = _MARK.search(told.lower())
        return found is not None and self._made("installation", found[1])

    def _made(self, what: str, sign: str) -> bool:
        # All keys are tried, whichever fits: how long it takes tells nothing.
        fits = [hmac.compare_digest(_signed(key, what), sign) for key in self._keys]
        return any(fits)


def _signed(key: bytes, what: str) -> str:
    digest = hmac.digest(key, f"duly mail {what}".encode(), hashlib.sha256)
    return base64.b32encode(digest).decode().lower()[:SIGNS]


def reply_address(sender: Address, token: str) -> Address | None:
    """Where answers go: the sender's address with the token. None where it would not fit."""
    local = f"{sender.username}+{token}"
    if not token or len(local) > LOCAL_PART:
        return None
    return Address(sender.display_name, local, sender.domain)


def head(token: str, domain: str) -> str:
    """The head of the card's thread: a Message-ID no mail has, which answers carry on in their References."""
    return f"{token}@{domain}"


def thread(
    keys: Keys,
    *,
    sender: str,
    recipients: Iterable[str],
    in_reply_to: str = "",
    references: Sequence[str] = (),
    trusted: bool = True,
    proved: bool = False,
) -> Thread:
    """What a mail claims. `recipients` are the addresses it was sent or delivered to, in the order in which they count;
    `references` the oldest first, as the header has them. `trusted` is False where our own mail server found that the
    sender's domain disowns the mail (DMARC); `proved` where it found that the mail is from them."""
    named = _newest(in_reply_to, references)
    tokens = [*map(_of_address, recipients), *map(_local_part, named)]
    card = next((found for found in map(keys.card, filter(None, tokens)) if found), 0)
    others = tuple(name for name in named if not _TOKEN.fullmatch(_local_part(name).lower()))
    return Thread(card=card, references=others, sender=sender, trusted=trusted, proved=proved)


def conversation(sender: str, message_id: str, in_reply_to: str = "", references: Sequence[str] = ()) -> str:
    """Names what a sender's mails on one matter have in common: the oldest message of the thread. Others who write in the
    same thread have their own, so that nobody gets into somebody's card by naming it. Empty where the mail has no name."""
    oldest = [_bare(name) for name in (*references[:1], in_reply_to, message_id)]
    first = next((name for name in oldest if _sound(name)), "")
    return f"{sender.strip().casefold()} {first}" if first else ""


def _newest(in_reply_to: str, references: Sequence[str]) -> list[str]:
    """Newest first, each once: what a mail answers, then back along its thread."""
    found = map(_bare, (in_reply_to, *reversed(references)))
    return list(dict.fromkeys(name for name in found if _sound(name)))[:MOST_IDS]


def _bare(name: str) -> str:
    return name.strip().removeprefix("<").removesuffix(">").strip()


def _sound(name: str) -> bool:
    return bool(name) and len(name) <= LONGEST_ID and name.isprintable()


def _of_address(address: str) -> str:
    """What follows the last plus of the local part."""
    _base, plus, rest = _local_part(address).rpartition("+")
    return rest if plus else ""


def _local_part(address: str) -> str:
    return _bare(address).rpartition("@")[0]
