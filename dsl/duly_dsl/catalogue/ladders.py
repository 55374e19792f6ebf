"""E08xx: escalations."""

from __future__ import annotations

from duly_dsl.catalogue.examples import block, desk
from duly_dsl.catalogue.kind import Kind, _
from duly_dsl.diagnostics import Severity


def _ladder(*lines: str) -> str:
    return desk("resolved within 8h", rules=block('escalation "Late"', *lines))


NO_MISS = Kind(
    "E0801",
    "escalation-without-miss",
    Severity.ERROR,
    _("nothing starts the escalation `%(name)s`"),
    _("add a line like `when first reply is missed`"),
    _("An escalation starts when a clock is missed, and only then; what else must hold is joined by `and`."),
    _ladder("when customer replies", "level 1 at once notify agent ana"),
)
LEVEL_ORDER = Kind(
    "E0802",
    "level-order",
    Severity.ERROR,
    _("level %(number)s comes no later than level %(other)s"),
    _("give it a longer `after` than the level before"),
    _("All levels count from the moment the clock was missed, not from each other, so each needs a longer wait."),
    _ladder("when resolved is missed", "level 1 after 1h notify agent ana", "level 2 after 30m notify agent bruno"),
)
MISSING_LEVEL = Kind(
    "E0803",
    "missing-level",
    Severity.ERROR,
    _("the escalation `%(name)s` has no level %(number)s"),
    _("number the levels 1, 2, 3 and so on"),
    _("Levels are numbered from 1 without gaps, so that everybody knows how far a card has climbed."),
    _ladder("when resolved is missed", "level 1 at once notify agent ana", "level 3 after 30m notify agent bruno"),
    absence="file",
)
DUPLICATE_LEVEL = Kind(
    "E0804",
    "duplicate-level",
    Severity.ERROR,
    _("the escalation `%(name)s` has level %(number)s twice"),
    _("number the levels 1, 2, 3 and so on, or join what both do with `then`"),
    _("A level is reached once. What it does may be several things, joined by `then`."),
    _ladder("when resolved is missed", "level 1 at once notify agent ana", "level 1 after 30m notify agent bruno"),
)
LEVEL_UNREACHED = Kind(
    "E0805",
    "level-never-reached",
    Severity.ERROR,
    _("level %(number)s is never reached: level %(other)s moves the card, which ends the escalation"),
    _("put the move into the last level"),
    _("An escalation is about the stage the card is in. When the card leaves it, the escalation stops."),
    _ladder(
        "when resolved is missed",
        'level 1 at once move to "Done"',
        "level 2 after 2h notify agent bruno",
    ),
)
REPEAT_UNKNOWN = Kind(
    "E0806",
    "repeat-unknown-level",
    Severity.ERROR,
    _("the escalation `%(name)s` has no level %(number)s to repeat"),
    _("repeat one of its levels"),
    _("`repeat level N` needs a level of that number in the same escalation."),
    _ladder("when resolved is missed", "level 1 at once notify agent ana", "repeat level 2 every 1h at most 3 times"),
    absence="file",
)
STOP_NEVER = Kind(
    "E0807",
    "stop-never-holds",
    Severity.ERROR,
    _("this `stop` can never hold: %(reason)s (%(what)s)"),
    _("join alternatives with `or`"),
    _("Everything joined by `and` must hold at once, and two events never happen at once."),
    _ladder(
        "when resolved is missed",
        "level 1 at once notify agent ana",
        "stop when agent replies and customer replies",
    ),
    words=("reason",),
)
NO_LEVELS = Kind(
    "E0808",
    "no-levels",
    Severity.ERROR,
    _("the escalation `%(name)s` has no level"),
    _("add a line like `level 1 at once notify owner`"),
    _("An escalation without levels does nothing when its clock is missed."),
    _ladder("when resolved is missed"),
    absence="file",
)
NO_ROOM = Kind(
    "W0809",
    "repeat-without-room",
    Severity.WARNING,
    _("level %(number)s never repeats: level %(other)s comes within %(every)s"),
    _("repeat it more often, or repeat the last level"),
    _("A level repeats until the next one is reached. Here that is before the first repeat."),
    _ladder(
        "when resolved is missed",
        "level 1 at once notify agent ana",
        "level 2 after 30m notify agent bruno",
        "repeat level 1 every 1h at most 3 times",
    ),
)
NO_STOP = Kind(
    "W0815",
    "no-stop",
    Severity.WARNING,
    _("level %(number)s of `%(name)s` repeats without end"),
    _("add `at most 3 times` to it, or a line like `stop when agent replies`"),
    _(
        "It goes on until the card leaves the stage or somebody acknowledges the escalation, be it for weeks: people stop "
        "reading what comes every hour."
    ),
    _ladder(
        "when resolved is missed",
        "level 1 at once notify agent ana",
        "repeat level 1 every 1h",
    ),
    absence="file",
)
