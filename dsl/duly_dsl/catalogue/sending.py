"""E18xx: what is sent, when and how much."""

from __future__ import annotations

from duly_dsl.catalogue.examples import block, desk
from duly_dsl.catalogue.kind import Kind, _
from duly_dsl.diagnostics import Severity


def _limits(*lines: str) -> str:
    return desk(rest=block("send limits", *lines))


TWICE = Kind(
    "E1801",
    "two-send-limits",
    Severity.ERROR,
    _("`send limits` is said twice for the whole workspace"),
    _("put all its lines into one block, or move one of them into the pipeline it is for"),
    _(
        "One block holds for all pipelines, and a pipeline may have one of its own, which then counts alone. Of two "
        "blocks for everything nobody could say which holds."
    ),
    desk(rest=block("send limits", "quiet hours 22:00-08:00") + "\n" + block("send limits", "digest alerts every 30m")),
)
ALWAYS_QUIET = Kind(
    "E1802",
    "always-quiet",
    Severity.ERROR,
    _("these quiet hours never end, so nothing would ever be sent"),
    _("leave hours of the week in which messages may go out"),
    _("What is held in quiet hours goes out when they end. Together, the lines here leave no time for that."),
    _limits("quiet hours 00:00-24:00"),
)
BAD_PERIOD = Kind(
    "E1803",
    "bad-period",
    Severity.ERROR,
    _("`%(found)s` can't be used here: %(reason)s"),
    _("write a time on the wall, like `30m` or `1h`"),
    _(
        "Limits protect people from too many messages, whoever works at the time: they count on the wall, not on a "
        "calendar. A digest comes at least every minute and at most once a day."
    ),
    _limits("at most 3 messages per card per 2 working days"),
    words=("reason",),
)
NO_MESSAGES = Kind(
    "E1804",
    "no-messages",
    Severity.ERROR,
    _("at most 0 messages would be none at all"),
    _("write how many a card's customer may get, 1 or more"),
    _('To send nothing, switch off the rules that send: `rule "…" off`.'),
    _limits("at most 0 messages per card per 1h"),
)
DIGESTED_TWICE = Kind(
    "E1805",
    "digested-twice",
    Severity.ERROR,
    _("another line gathers `%(name)s` already"),
    _("name it in one `digest` line"),
    _("A notice can wait for one digest only."),
    _limits("digest alerts and notices every 30m", "digest notices every 1h"),
)
