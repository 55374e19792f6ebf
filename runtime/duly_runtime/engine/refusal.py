"""What the engine says no to, each with a stable code and a sentence that can be translated."""

from __future__ import annotations

import gettext as _gettext
from collections.abc import Callable, Mapping

from duly_dsl import i18n
from duly_dsl.i18n import marked as _

SENTENCES = {
    "no-card": _("There is no such card."),
    "already-open": _("The card is open already."),
    "unknown-pipeline": _('There is no pipeline "{pipeline}".'),
    "unknown-stage": _('There is no stage "{stage}" in "{pipeline}".'),
    "unknown-person": _('Nobody here is called "{person}".'),
    "unknown-team": _('There is no team "{team}".'),
    "unknown-field": _('"{pipeline}" has no field "{field}".'),
    "already-there": _('The card is in "{stage}" already.'),
    "stage-order": _('A card in "{from}" can\'t go to "{stage}": the next stages are {next}.'),
    "required-field": _('Fill in "{field}" before the card leaves "{stage}".'),
    "read-only": _('"{field}" can\'t be set like a field: move or assign the card.'),
    "not-a-choice": _('"{value}" is none of the choices of "{field}": {choices}.'),
    "wrong-type": _('"{value}" is no {type}, as "{field}" needs.'),
    "wrong-pattern": _('"{value}" doesn\'t have the form "{field}" needs: {pattern}.'),
    "too-long": _('"{field}" takes {limit} characters at most.'),
    "never-empty": _('"{field}" can\'t be empty.'),
    "no-address": _('"{address}" is no e-mail address.'),
    "too-many-participants": _("A card takes {limit} participants at most."),
    "empty-message": _("An empty message is not sent."),
    "unknown-template": _('There is no template "{template}".'),
    "unknown-language": _('The template "{template}" has no text in {language}.'),
    "unknown-variable": _('The template "{template}" has no variable "{variable}".'),
    "unknown-connector": _('There is no connector "{connector}" that sends.'),
    "choices-alone": _("Answers to choose from go with a text and without files."),
    "bad-choices": _("A message offers {limit} different answers at most, each of 1 to {length} characters."),
    "template-alone": _("A template is sent by itself, without a text or files beside it."),
    "no-such-escalation": _('No escalation "{ladder}" is running on this card.'),
    "nothing-missed": _("There is no missed clock for {metric} to excuse."),
    "nothing-excused": _("There is no excused clock for {metric}."),
    "excused-already": _('The missed clock for {metric} is excused already: "{reason}".'),
    "unknown-excuse": _('"{pipeline}" doesn\'t excuse a missed clock for "{reason}".'),
    "excuse-role": _('Excusing a miss for "{reason}" takes the role {role}.'),
    "merged": _("The card is part of #{number} now."),
    "not-merged": _("The card is part of no other one."),
    "merge-into-itself": _("A card can't be merged into itself."),
    "merge-into-finished": _("#{number} is finished: reopen it first, or merge it into this one."),
    "unfit-messages": _("Choose messages of this card, and leave at least one here."),
    "written-meanwhile": _("The customer has written meanwhile: look again, then choose."),
    "no-higher-priority": _("The priority is the highest already."),
    "no-lower-priority": _("The priority is the lowest already."),
}
"""Code -> English sentence; the names in braces are the refusal's details."""


class Refusal(Exception):
    """A command was not carried out. `details` are words of the workspace; they are not translated."""

    def __init__(self, code: str, **details: str) -> None:
        self.code = code
        self.details = details
        super().__init__(f"{code}: {SENTENCES[code].format_map(details)}")


def sentence(details: Mapping[str, str], language: str = "en") -> str:
    """The details of a `refused` entry as a sentence in one of duly_dsl.i18n.LANGUAGES."""
    say: Callable[[str], str] = _gettext.NullTranslations().gettext
    if language != "en":
        say = i18n.translations("duly_runtime", language).gettext
    return say(SENTENCES[details["code"]]).format_map(details)
