"""Meta's error codes: what we do about each, and what a person can. "Error codes" of the Cloud API, read for v25.0.

`PASSING` codes say: not now. The message surely was not taken, and is tried again with growing gaps. All others say: not
like this; the words tell what has to be changed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from duly_connectors.contract import clean
from duly_connectors.wording import _

Translate = Callable[[str], str]

WINDOW_CLOSED = 131047
PAUSES: dict[int, float] = {
    131056: 6.0,  # one message each 6 seconds to one customer
    131048: 15 * 60.0,  # blocked or flagged as spam too often: hurrying makes it worse
    131057: 60.0,  # a number that gets a higher throughput is away for a minute
    133016: 60 * 60.0,
    80007: 5 * 60.0,  # the account's calls of one hour
    80008: 5 * 60.0,
}
"""Seconds a code asks for at least, where Meta names a time."""
PASSING = frozenset((1, 2, 4, 80007, 80008, 130429, 131000, 131016, 131048, 131056, 131057, 133004, 133016))
"""Limits of the app, account, number or pair; Meta's own trouble; a number that is being moved."""

_PERMISSION = _(
    "the access token lacks a permission: give its system user whatsapp_business_messaging and whatsapp_business_management"
)
_TOKEN = _("the access token is not valid or has expired: make a new one and store it")
_ACCOUNT = _("Meta has blocked the account for breaking its policy: see the account's quality page at Meta")
WORDS: dict[int, str] = {
    0: _TOKEN,
    1: _("Meta did not understand the request or has trouble of its own"),
    2: _("Meta's service is down or overloaded for a moment"),
    3: _PERMISSION,
    4: _("the app has made too many calls to Meta within the hour"),
    10: _PERMISSION,
    33: _("Meta does not know this phone number id (any more): look it up in WhatsApp Manager"),
    100: _("Meta does not take a part of the message"),
    190: _TOKEN,
    368: _ACCOUNT,
    80007: _("the account has made too many calls to Meta within the hour"),
    80008: _("the account has made too many calls to Meta within the hour"),
    130429: _("too many messages from this number at once"),
    130472: _("Meta holds messages back from this customer for an experiment of its own: reach them another way"),
    130497: _("the account may not write to customers in this country"),
    131000: _("Meta has trouble of its own"),
    131005: _PERMISSION,
    131008: _("a part is missing that Meta needs"),
    131009: _("a value in the message is not one Meta takes"),
    131016: _("Meta's service is overloaded for a moment"),
    131021: _("the number can't write to itself"),
    131026: _("the recipient can't get it: not on WhatsApp, or an app that is too old"),
    131030: _("the number is not on the list of a test account: add it at Meta, or use a real number"),
    131031: _("Meta has locked the account: see the account's quality page at Meta"),
    131037: _("the number's display name is not approved yet: ask for it in WhatsApp Manager"),
    131042: _("Meta has a problem with the payment of the account: see its billing page at Meta"),
    131045: _("the number is not registered for the Cloud API with a certificate that holds: register it again"),
    131047: _("the customer last wrote more than 24 hours ago, so WhatsApp takes only an approved template now"),
    131048: _("too many messages of this number were blocked or flagged as spam, so Meta takes fewer for a while"),
    131049: _("Meta held it back, since this customer gets too many messages from businesses"),
    131050: _("the customer does not want marketing messages from this number"),
    131051: _("Meta does not take messages of this kind"),
    131052: _("Meta could not fetch the file from the customer's phone: ask them to send it again"),
    131053: _("Meta does not take the file: its type or size is not allowed, or its content is of another type"),
    131056: _("too many messages to this customer at once"),
    131057: _("Meta is working on the account"),
    131062: _("a template of this kind needs the customer's phone number, and only their user id is known"),
    132000: _("the template at Meta has another number of variables than the text here"),
    132001: _("Meta has no approved template of this name in this language"),
    132005: _("the template is too long with its variables filled in"),
    132007: _("the template's text breaks a rule of Meta's"),
    132012: _("a variable of the template has another form than Meta expects"),
    132015: _("Meta has paused the template, since people did not like it"),
    132016: _("Meta has disabled the template for good"),
    132068: _("the form the template opens is blocked"),
    132069: _("the form the template opens was opened too often within the hour"),
    133004: _("Meta's service is down for a moment"),
    133010: _("the number is not registered for the Cloud API: register it in WhatsApp Manager"),
    133016: _("the number was registered too often within a short time"),
    134011: _("the account has not accepted the terms of WhatsApp payments"),
    135000: _("Meta could not send it and does not say why"),
}
"""What a person should read, beginning small; Meta's own text for any other code."""


def number(error: dict[str, Any]) -> int:
    """The code of an error of Meta's, -1 where it has none (0 is one of theirs)."""
    code = error.get("code")
    return code if isinstance(code, int) and not isinstance(code, bool) else -1


def is_passing(error: dict[str, Any]) -> bool:
    return number(error) in PASSING or error.get("is_transient") is True


def describe(error: dict[str, Any], translate: Translate) -> str:
    """An error of Meta's in words, with its code: ours where we know what to do about it, else Meta's own. What Meta says
    of the details comes along where our words leave open which part is meant."""
    code = number(error)
    known = WORDS.get(10 if 200 <= code <= 299 else code)
    if known is None:
        words = ": ".join(part for part in (said(error, "title") or said(error, "message"), _details(error)) if part)
    else:
        words = translate(known)
        if code in _VAGUE and _details(error):
            words = f"{words} ({_details(error)})"
    return f"WhatsApp {code}: {words}" if code >= 0 else f"WhatsApp: {words}"


_VAGUE = frozenset((1, 100, 131008, 131009, 131053, 132007, 132012, 135000))


def said(tree: dict[str, Any], key: str) -> str:
    """A text at a key, cut to what a person reads; empty for anything else."""
    value = tree.get(key)
    return clean(value)[:500] if isinstance(value, str) else ""


def _details(error: dict[str, Any]) -> str:
    data = error.get("error_data")
    return said(data, "details") if isinstance(data, dict) else ""
