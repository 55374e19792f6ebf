"""What `argparse` itself says, in the language of the terminal: it brings English alone."""

from __future__ import annotations

import argparse
import gettext

from duly_dsl.i18n import marked as _

WORDS = (
    _("usage: "),
    _("positional arguments"),
    _("options"),
    _("show this help message and exit"),
    _("%(prog)s: error: %(message)s\n"),
    _("argument %(argument_name)s: %(message)s"),
    _("invalid choice: %(value)r (choose from %(choices)s)"),
    _("invalid %(type)s value: %(value)r"),
    _("unrecognized arguments: %s"),
    _("the following arguments are required: %s"),
    _("one of the arguments %s is required"),
    _("not allowed with argument %s"),
    _("ambiguous option: %(option)s could match %(matches)s"),
    _("ignored explicit argument %r"),
    _("expected one argument"),
    _("expected at most one argument"),
    _("expected at least one argument"),
)
"""The sentences of `argparse` a command can say, for the catalogue to know them."""


def speak(words: gettext.NullTranslations) -> None:
    """Have `argparse` look its sentences up in a catalogue of ours. It asks the process's own one, and these two names are
    the only way to tell it otherwise."""
    for name, function in (("_", words.gettext), ("ngettext", words.ngettext)):
        setattr(argparse, name, function)
