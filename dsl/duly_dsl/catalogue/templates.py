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
