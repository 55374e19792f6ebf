"""E10xx: templates and the placeholders in texts."""

from __future__ import annotations

from duly_dsl.catalogue.examples import block, desk
from duly_dsl.catalogue.kind import Kind, _
from duly_dsl.diagnostics import Severity

_SEND = block('rule "Thank"', "when card is created", 'then send "Thanks"')

UNKNOWN_PLACEHOLDER = Kind(
    "E1001",
    "placeholder-unknown",
    Severity.ERROR,
    _("`{%(name)s}` is no placeholder, and `%(pipeline)s` has no such field"),
    _("write a field of the pipeline, or one of: %(known)s"),
    _("A customer would read the braces. Placeholders are fields of the card's pipeline and a few words Duly knows."),
    desk(rules=_SEND, rest=block('template "Thanks"', '"en" "Thank you, {custumer.name}."')),
    absence="name",
)
MISSING_LANGUAGE = Kind(
    "W1002",
    "missing-language",
    Severity.WARNING,
    _("the template `%(name)s` has no text in `%(language)s`, a language of `%(pipeline)s`"),
    _("add a line for it"),
    _("A customer who speaks this language would get the text in the pipeline's first one."),
    desk('languages "en", "pt-BR"', rules=_SEND, rest=block('template "Thanks"', '"en" "Thank you."')),
    absence="file",
)
EMPTY_TEMPLATE = Kind(
    "E1003",
    "empty-template",
    Severity.ERROR,
    _("the template `%(name)s` has no text"),
    _('add a line like `"en" "Hello {customer.first_name}"`'),
    _("There would be nothing to send."),
    desk(rules=_SEND, rest=block('template "Thanks"', 'subject "en" "Thanks"')),
    absence="file",
)
EMPTY_PLACEHOLDER = Kind(
    "W1004",
    "placeholder-empty",
    Severity.WARNING,
    _("`{%(name)s}` has no value in a message to a customer"),
    _("use it in alerts and escalations only"),
    _("`{clock}` and `{due}` are about the clock an alert or an escalation is about. Elsewhere there is none."),
    desk(rules=_SEND, rest=block('template "Thanks"', '"en" "We answer by {due}."')),
)
DUPLICATE_LANGUAGE = Kind(
    "E1005",
    "duplicate-language",
    Severity.ERROR,
    _("the template `%(name)s` has two texts in `%(language)s`"),
    _("keep one of them"),
    _("A template has one text, and one subject, a language."),
    desk(rules=_SEND, rest=block('template "Thanks"', '"en" "Thank you."', '"en" "Thanks!"')),
)
_DOOR = block(
    'connector "WhatsApp" connects whatsapp',
    'phone number id "1055"',
    'open card in "Support"',
)
_REMIND = 'after 2 calendar days of silence send "Still there?"'


def _reminder(*lines: str) -> str:
    return desk(new=_REMIND, rest=block('template "Still there?"', *lines))


UNAPPROVED = Kind(
    "W1006",
    "unapproved-template",
    Severity.WARNING,
    _("this may go out by WhatsApp more than 24 hours after the last message to it, with no approved template"),
    _('send a template that says `needs whatsapp approval`, or add `or outside window send "…"`'),
    _(
        "WhatsApp takes free text for 24 hours after a person has written. Later it takes only templates that Meta has "
        "approved, and what is none is not sent. People who are told by WhatsApp have mostly not written at all."
    ),
    desk(new=_REMIND, rest=_DOOR + "\n" + block('template "Still there?"', '"en" "Do you still need help?"')),
)
BAD_CATEGORY = Kind(
    "E1008",
    "bad-category",
    Severity.ERROR,
    _("`%(name)s` is no category of templates at Meta"),
    _("write `utility`, `marketing` or `authentication`"),
    _("Meta asks what a template is for, and approves and charges it by that."),
    _reminder('"en" "Do you still need help?"', "needs whatsapp approval for service"),
)
BAD_META_NAME = Kind(
    "E1009",
    "bad-meta-name",
    Severity.ERROR,
    _("`%(name)s` can't be the name of a template at Meta"),
    _("use small letters, digits and `_`, like `still_there`"),
    _("The name must be the one the template was approved under."),
    _reminder('"en" "Do you still need help?"', 'needs whatsapp approval as "Still there"'),
)
SAME_META_NAME = Kind(
    "E1010",
    "same-meta-name",
    Severity.ERROR,
    _("the template `%(other)s` is called `%(name)s` at Meta already"),
    _('give one of them another name: `needs whatsapp approval as "…"`'),
    _("Meta knows a template by its name: two different texts can't share one."),
    _reminder('"en" "Do you still need help?"', "needs whatsapp approval")
    + "\n"
    + block('template "Still here?"', '"en" "Are you here?"', 'needs whatsapp approval as "still_there"')
    + "\n"
    + block(
        'pipeline "Other"',
        'calendar "Office"',
        block('stage "One"', "start", 'next "Two"', 'after 1 calendar day of silence send "Still here?"'),
        block('stage "Two"', "finish"),
    ),
)
NOT_FOR_META = Kind(
    "W1011",
    "not-for-meta",
    Severity.WARNING,
    _("this text of `%(name)s` is nothing Meta would approve"),
    _("begin and end with words, not with a placeholder, and stay below 1024 characters"),
    _("Meta refuses a template whose text begins or ends with a variable, or is longer than 1024 characters."),
    _reminder('"en" "{customer.first_name}, do you still need help?"', "needs whatsapp approval"),
)
