"""E03xx: values that don't fit what they are compared with or put in."""

from __future__ import annotations

from duly_dsl.catalogue.examples import block, desk
from duly_dsl.catalogue.kind import Kind, _
from duly_dsl.diagnostics import Severity

TYPE_MISMATCH = Kind(
    "E0301",
    "type-mismatch",
    Severity.ERROR,
    _("%(operand)s holds %(type)s, and `%(found)s` is %(other)s"),
    _("write %(type)s: for example `%(sample)s`"),
    _(
        "Every field has a type, and is compared with and set to values of this type: numbers are written plain "
        "(`500`), dates as `2026-11-09`, texts in quotes, choices and people as bare words, and yes/no fields as "
        "`yes` or `no`."
    ),
    desk('field "Items" number', rules=block('rule "Big"', 'when card is created and "Items" is many', 'then tag "big"')),
    words=("type", "other"),
)
NO_ORDER = Kind(
    "E0302",
    "no-order",
    Severity.ERROR,
    _("%(operand)s holds %(type)s, which can't be compared with `%(op)s`"),
    _("use `is` or `is one of`"),
    _("Only numbers and dates have an order that `<`, `<=`, `>` and `>=` can ask for."),
    desk(rules=block('rule "Urgent"', "when card is created and priority > 3", 'then tag "urgent"')),
    words=("type",),
)
READ_ONLY = Kind(
    "E0303",
    "read-only",
    Severity.ERROR,
    _("`set` can't write %(operand)s"),
    _("%(instead)s"),
    _(
        "`set` writes fields, the priority and the ticket type. A card is moved by `move to`, given away by `assign "
        "to`, and its channel and connector are where it came from."
    ),
    desk(rules=block('rule "Close"', "when customer replies", "then set stage to Done")),
    words=("instead",),
)
BAD_PATTERN = Kind(
    "E0304",
    "bad-pattern",
    Severity.ERROR,
    _("the pattern `%(pattern)s` can't be used"),
    _("write a regular expression that RE2 knows: no look-around, no back-references"),
    _(
        "Patterns run on RE2, which never takes long, whatever a customer writes. It has no look-ahead, look-behind "
        "and back-references, and like every regular expression needs its brackets closed."
    ),
    desk('field "Order number" text matching "([0-9]{6}"'),
)
ZERO_DURATION = Kind(
    "E0305",
    "zero-duration",
    Severity.ERROR,
    _("`%(found)s` is no time at all"),
    _("write a duration above zero"),
    _("A promise, a wait or a repeat of zero would be over as soon as it begins. For a level use `at once`."),
    desk(new="leave stage within 0m"),
)
PERCENT_RANGE = Kind(
    "E0306",
    "percentage-out-of-range",
    Severity.ERROR,
    _("an alert at %(found)s%% would not come while there is time left"),
    _("write a percentage from 1%% to 99%%"),
    _(
        "An alert comes before the promise is broken: after 1 to 99 percent of the time. At the end of it the "
        "clock is missed, and what happens then is said by an `escalation`, or a rule with `is missed`."
    ),
    desk(new="leave stage within 4h\nalert agent ana at 100% of leave stage"),
)
BAD_LANGUAGE = Kind(
    "E0307",
    "bad-language",
    Severity.ERROR,
    _("`%(found)s` is no language tag"),
    _("write it like `en`, `pt` or `pt-BR`"),
    _("Languages are written as tags: the language in two or three letters, and a country after a dash where it matters."),
    desk('languages "english"'),
)
BAD_ADDRESS = Kind(
    "E0308",
    "bad-address",
    Severity.ERROR,
    _("`%(found)s` is no %(sort)s"),
    _("write it like `%(sample)s`"),
    _("Notices go to the e-mail address and the phone number of a person. Phone numbers start with `+` and the country."),
    block("person ana", 'email "ana at support.example"'),
    words=("sort",),
)
