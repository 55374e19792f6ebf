"""E09xx: connectors."""

from __future__ import annotations

from duly_dsl.catalogue.examples import DOOR, block, desk
from duly_dsl.catalogue.kind import Kind, _
from duly_dsl.diagnostics import Severity

_MAIL = ('server secret "SMTP"', 'from "a@support.example"')
_MESSAGE = '  | message    | "text"       | text | reject     |'


def _map(*rows: str) -> str:
    return "\n".join(("map {", "  | card field | from message | as | if missing |", *rows, "}"))


def _shop(*rows: str, lines: str = DOOR) -> str:
    return block('connector "Shop" receives webhook', lines, _map(*rows))


UNKNOWN_KIND = Kind(
    "E0901",
    "unknown-connector-kind",
    Severity.ERROR,
    _("there is no connector kind `%(name)s`"),
    _("write one of: %(known)s"),
    _(
        "Kinds come with Duly (`webhook`, `whatsapp`, `email`) or with a plug-in, which must be installed where this "
        "is checked."
    ),
    block('connector "Mail" sends mail', *_MAIL),
)
WRONG_DIRECTION = Kind(
    "E0902",
    "wrong-direction",
    Severity.ERROR,
    _("a connector of kind `%(kind)s` can't be one that `%(found)s`"),
    _("write %(known)s"),
    _("A door `receives` messages, `sends` them, or `connects`: both. Not every kind can do each."),
    desk(rest=block('connector "Mail" receives email', *_MAIL, 'open card in "Support"')),
)
UNKNOWN_SETTING = Kind(
    "E0903",
    "unknown-setting",
    Severity.ERROR,
    _("a connector of kind `%(kind)s` has no setting `%(name)s`"),
    _("its settings are: %(known)s"),
    _("Each kind of connector has settings of its own; see its page in the documentation."),
    block('connector "Mail" sends email', *_MAIL, 'sender "b@support.example"'),
)
MISSING_SETTING = Kind(
    "E0904",
    "missing-setting",
    Severity.ERROR,
    _("the connector `%(connector)s` lacks the setting `%(name)s`"),
    _("add a line `%(line)s`"),
    _("Without this setting a connector of this kind can't work."),
    block('connector "Mail" sends email', _MAIL[0]),
    absence="file",
)
SECRET_IN_TEXT = Kind(
    "E0905",
    "secret-in-text",
    Severity.ERROR,
    _("`%(name)s` is a secret and stands here for everybody to read"),
    _('write `%(name)s secret "NAME"`, and store the value with `duly secret set NAME`'),
    _(
        "Files are shared, sent and kept in git. Keys and passwords are kept in the secret store, and a file only "
        "names them. If this one was ever shared, change it at its provider."
    ),
    block('connector "Mail" sends email', 'server "smtp://user:password@mail.example"', _MAIL[1]),
)
UNKNOWN_SECRET = Kind(
    "E0906",
    "unknown-secret",
    Severity.ERROR,
    _("the secret store holds nothing called `%(name)s`"),
    _("store it with `duly secret set %(name)s`, or correct the name"),
    _("The file names a secret that this server doesn't have, so the connector could not work."),
    block('connector "Mail" sends email', 'server secret "SMPT"', _MAIL[1]),
)
PATH_CLASH = Kind(
    "E0907",
    "path-clash",
    Severity.ERROR,
    _("the connector `%(other)s` comes in at `%(path)s` too"),
    _("give one of the two another `path`"),
    _("A request's path says which connector it is for. Without a `path` line it is `/in/` and the connector's name."),
    desk(rest=_shop(_MESSAGE) + "\n" + _shop(_MESSAGE).replace('"Shop"', '"Store"')),
)
UNVERIFIED = Kind(
    "W0908",
    "unverified-webhook",
    Severity.WARNING,
    _("`%(connector)s` has no `verify` line, so nobody can come in"),
    _('add `verify hmac sha256 with secret "NAME" in header "X-Signature"`, or `verify token with secret "NAME"`'),
    _(
        "Anybody who knows the address could send cards. Duly refuses every request until the file says how to tell "
        "the right ones."
    ),
    desk(rest=_shop(_MESSAGE, lines='path "/in/shop"\nopen card in "Support"')),
    absence="file",
    needs="connector_kinds",
)
UNMAPPED_REQUIRED = Kind(
    "E0909",
    "unmapped-required",
    Severity.ERROR,
    _("the `map` of `%(connector)s` fills no `%(name)s`"),
    _("add a row for it"),
    _(
        "A card needs the customer's `message`, and a field that is required to leave the start stage should come "
        "with it: otherwise a person has to type it into every card."
    ),
    desk(rest=_shop('  | title | "subject" | text | skip |')),
    absence="file",
)
NO_FALLBACK = Kind(
    "W0910",
    "no-fallback",
    Severity.WARNING,
    _("`%(name)s` is required to leave `%(stage)s`, and `skip` leaves it empty where the message has none"),
    _("write a value to take instead, or `reject`"),
    _("The card would come in and be held back later, with nobody left to ask."),
    desk(
        'field "Order" text required to leave "New"',
        rest=_shop(_MESSAGE, '  | "Order" | "order.id" | text | skip |'),
    ),
)
MAP_TYPE = Kind(
    "E0911",
    "map-type-mismatch",
    Severity.ERROR,
    _("`%(name)s` holds %(type)s, and the row reads %(found)s"),
    _("write `%(wanted)s` in the column `as`"),
    _("What the row reads from the message must be of the type of what it fills."),
    desk('field "Items" number', rest=_shop(_MESSAGE, '  | "Items" | "order.items" | text | skip |')),
    words=("type", "found"),
)
OPENS_NOTHING = Kind(
    "E0912",
    "opens-no-card",
    Severity.ERROR,
    _("`%(connector)s` receives messages and opens no card"),
    _("add a line `open card in` with the name of a pipeline"),
    _("Messages that belong to no open card open one, so the connector must say where."),
    desk(rest=_shop(_MESSAGE, lines=DOOR.replace('open card in "Support"\n', ""))),
    absence="file",
)
USELESS_LINE = Kind(
    "E0913",
    "useless-line",
    Severity.ERROR,
    _("`%(found)s` does nothing in a connector of kind `%(kind)s` that `%(direction)s`"),
    _("remove it"),
    _(
        "A connector that only sends has no way in: no path, no verification, no cards to open. And a `map` is for "
        "kinds whose messages have no form of their own."
    ),
    block('connector "Mail" sends email', 'path "/in/mail"', *_MAIL),
)
BAD_ALGORITHM = Kind(
    "E0914",
    "bad-algorithm",
    Severity.ERROR,
    _("`verify hmac` knows no `%(name)s`"),
    _("write `sha256`, `sha512` or `sha1`"),
    _("The sender's documentation says which it signs with; mostly it is sha256."),
    desk(rest=_shop(_MESSAGE, lines=DOOR.replace("sha256", "md5"))),
)
BAD_PATH = Kind(
    "E0915",
    "bad-path",
    Severity.ERROR,
    _("`%(found)s` is no path for requests to come in at"),
    _("write one that starts with `/in/`: letters, digits, `-`, `_`, `.` and `/`"),
    _("Requests from outside come in under `/in/`, apart from Duly's own pages."),
    desk(rest=_shop(_MESSAGE, lines=DOOR.replace("/in/shop", "shop"))),
)
DUPLICATE_TARGET = Kind(
    "E0916",
    "mapped-twice",
    Severity.ERROR,
    _("two rows fill `%(name)s`"),
    _("keep one of them"),
    _("Each card field is filled from one place. To take the first of several, write it in the path: `a || b`."),
    desk(rest=_shop(_MESSAGE, _MESSAGE.replace('"text"', '"body"'))),
)
UNKNOWN_EVENT = Kind(
    "E0917",
    "unknown-event",
    Severity.ERROR,
    _("there is no event `%(name)s`"),
    _("write one of the catalogue, or what all of a family begin with: %(listed)s"),
    _("The catalogue of events, and what each holds, is in the documentation of webhooks."),
    block('connector "CRM" sends webhook', 'url "https://crm.example/hook"', "send events card.opened"),
)
EVENT_TWICE = Kind(
    "W0918",
    "event-twice",
    Severity.WARNING,
    _("`%(name)s` is sent already, by `%(other)s`"),
    _("leave it out"),
    _("Each event is sent once, however often the line names it. `card` stands for all events that begin with `card.`."),
    block('connector "CRM" sends webhook', 'url "https://crm.example/hook"', "send events card, card.moved"),
)
BAD_SETTING = Kind(
    "E0919",
    "bad-setting",
    Severity.ERROR,
    _("`%(name)s` can't be `%(found)s`"),
    _("write one of: %(known)s"),
    _(
        "Some settings are a time, or one of a few words. A time is one on the wall here, as no calendar belongs to a "
        "connector: hours or calendar days."
    ),
    desk(
        rest=block(
            'connector "Mail" connects email',
            *_MAIL,
            'mailbox secret "SMTP"',
            "take mail since yesterday",
            'open card in "Support"',
        )
    ),
)
UNPROVED_SENDER = Kind(
    "W0920",
    "unproved-sender",
    Severity.WARNING,
    _("nothing proves to `%(connector)s` who a sender is, so no message joins a card by its sender alone"),
    _("add a line `%(line)s`, or remove this one"),
    _(
        "Anybody can write any address into `From`. A mail joins the open card of a customer only where your own mail "
        "server found that it is from them; `authentication server` says under which name it notes that. Without it each "
        "conversation keeps a card of its own."
    ),
    desk(rest=block('connector "Mail" connects email', *_MAIL, "same card when customer", 'open card in "Support"')),
)
