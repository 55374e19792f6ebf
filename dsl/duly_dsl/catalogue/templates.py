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
    _("the template `%(name)s` says this in `%(language)s` already"),
    _("keep one of them"),
    _("A template has one text, one subject, one header, and one set of choices, a language."),
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
_OFFER = block('rule "Ask"', "when card is created", 'then send "Which?"')


def _offering(*lines: str) -> str:
    return desk(rules=_OFFER, rest=block('template "Which?"', '"en" "What is it about?"', *lines))


WRONG_COUNT = Kind(
    "E1012",
    "wrong-count-of-choices",
    Severity.ERROR,
    _("`%(sort)s` takes 1 to %(most)s choices, and here are %(found)s"),
    _("three fit as `buttons`, ten as a `list`"),
    _("WhatsApp shows three buttons at most, or ten rows of a list."),
    _offering('buttons "en" "An order", "A refund", "An invoice", "Something else"'),
)
LONG_CHOICE = Kind(
    "E1013",
    "long-choice",
    Severity.ERROR,
    _("`%(text)s` is longer than the %(most)s characters WhatsApp takes here"),
    _("say it shorter"),
    _(
        "A button, and what opens a list, has 20 characters at most, a row of a list 24 and its description 72. A text "
        "above buttons has 1024, above a list 4096."
    ),
    _offering('buttons "en" "The order I made last week", "A refund"'),
)
BAD_CHOICE = Kind(
    "E1014",
    "bad-choice",
    Severity.ERROR,
    _("`%(text)s` can't be a choice: %(reason)s"),
    _("write different texts without placeholders"),
    _("What a customer chooses comes back as the words of the choice, so each must have its own, the same for everybody."),
    _offering('buttons "en" "Card {card.number}", "A refund"'),
    words=("reason",),
)
LIST_ALONE = Kind(
    "E1015",
    "list-alone",
    Severity.ERROR,
    _("the template `%(name)s` can't offer a list: %(reason)s"),
    _("offer `buttons`, or take the list into a template of its own"),
    _("A message offers buttons or a list. A list goes out inside the 24-hour window only, and with a text above it."),
    _offering(block('list "en" "Choose"', '"An order"', '"A refund"'), "needs whatsapp approval"),
    words=("reason",),
)
BAD_HEADER = Kind(
    "E1016",
    "bad-header",
    Severity.ERROR,
    _("this can't be the header: %(reason)s"),
    _(
        'write a short line (`header "en" "Case {card.number}"`), or one file for all languages (`header image "https://…"`)'
    ),
    _("WhatsApp shows one line of 60 characters, or one image, video or document, above a text."),
    _offering('header image "http://shop.example/map.png"'),
    words=("reason",),
)
HALF_SAID = Kind(
    "W1017",
    "half-said",
    Severity.WARNING,
    _("the template `%(name)s` has a text in `%(language)s`, but no %(sort)s"),
    _("add a line for it"),
    _("Whoever reads this language would get the text without what belongs to it."),
    desk(
        'languages "en", "pt-BR"',
        rules=_OFFER,
        rest=block(
            'template "Which?"',
            '"en" "What is it about?"',
            '"pt-BR" "Sobre o que é?"',
            'buttons "en" "An order", "A refund"',
        ),
    ),
    words=("sort",),
)
NOTHING_BELOW = Kind(
    "W1018",
    "nothing-below",
    Severity.WARNING,
    _("the template `%(name)s` has no text in `%(language)s` that this belongs to"),
    _("add the text, or remove the line"),
    _("What a message offers, and its header, go out with the text in the same language."),
    _offering('buttons "en" "An order", "A refund"', 'buttons "pt-BR" "Um pedido", "Um reembolso"'),
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


def _at_meta(name: str) -> str:
    lines = ('"en" "Do you still need {card.title} from us?"', f'needs whatsapp approval as "{name}"')
    return _reminder(*lines)


NOT_AT_META = Kind(
    "W1019",
    "not-at-meta",
    Severity.WARNING,
    _("there is no template `%(name)s` in `%(language)s` at Meta"),
    _('make it in WhatsApp Manager, or write the name it has there: `needs whatsapp approval as "…"`'),
    _(
        "Outside the 24-hour window only templates that Meta has approved go out, under the name and in the language "
        "they have there. The server has read the account's list."
    ),
    _at_meta("not_there"),
    needs="templates",
)
NOT_APPROVED = Kind(
    "W1020",
    "not-approved",
    Severity.WARNING,
    _("`%(name)s` is not approved in `%(language)s` at Meta: its state there is `%(state)s`"),
    _("wait for Meta, or mend the template in WhatsApp Manager"),
    _(
        "`PENDING` waits for Meta, `REJECTED` broke a rule of theirs, `PAUSED` and `DISABLED` are those that people did "
        "not like. Until it is approved it is not sent: another language of the pipeline goes instead where that one is "
        "approved."
    ),
    _at_meta("not_yet"),
    needs="templates",
)
DIFFERS_AT_META = Kind(
    "W1021",
    "differs-at-meta",
    Severity.WARNING,
    _("`%(name)s` differs from the template at Meta: %(reason)s here `%(ours)s`, there `%(theirs)s`"),
    _("make both the same"),
    _("Meta refuses a template that is sent with other variables or another header, and shows the buttons it knows."),
    _at_meta("not_alike"),
    words=("reason",),
    needs="templates",
)
