"""E06xx: promises and alerts."""

from __future__ import annotations

from duly_dsl.catalogue.examples import OFFICE, block, desk, targets
from duly_dsl.catalogue.kind import Kind, _
from duly_dsl.diagnostics import Severity

ALERT_TOO_EARLY = Kind(
    "E0601",
    "alert-too-early",
    Severity.ERROR,
    _("an alert %(lead)s before is not possible where `%(metric)s` has %(target)s"),
    _("write a lead shorter than every target it can meet, or a percentage"),
    _(
        "The alert would be due before the clock starts. An alert goes with every row of the targets of its clock, "
        "so the shortest one counts. `at 80%` fits all of them."
    ),
    desk(new="leave stage within 1h\nalert agent ana 2h before leave stage"),
)
ALERT_WITHOUT_TARGET = Kind(
    "E0602",
    "alert-without-target",
    Severity.ERROR,
    _("nothing promises `%(metric)s` here, so the alert never comes"),
    _("add a target for `%(metric)s`, or remove the alert"),
    _("An alert is about a clock, and a clock runs where the stage or the pipeline has a target for it."),
    desk(new="alert agent ana at 80% of leave stage"),
    absence="file",
)
UNIT_MIX = Kind(
    "W0603",
    "unit-mix",
    Severity.WARNING,
    _("`%(found)s` and `%(other)s` count different time, so which is longer changes from day to day"),
    _("use one unit for both"),
    _(
        "`2h` is open time on the calendar, `2h elapsed` is time on the wall, `2 working days` and `2 calendar days` "
        "are days. A lead must come after the start and levels one after another; with different units that can't be "
        "told beforehand."
    ),
    desk(new="leave stage within 8h\nalert agent ana 2h elapsed before leave stage"),
)
SHADOWED_ROW = Kind(
    "W0604",
    "shadowed-row",
    Severity.WARNING,
    _("this row never counts: the ones before it take every card"),
    _("move it up, or remove it"),
    _("The first row that fits counts. What this row says fits only cards that an earlier row has taken."),
    desk(new=targets("priority | leave stage", "any      | 2h", "urgent   | 30m")),
)
NO_CATCH_ALL = Kind(
    "W0605",
    "no-catch-all",
    Severity.WARNING,
    _("cards with %(gap)s fit no row"),
    _("add a last row that starts with `else`"),
    _(
        "For cards that no row fits there is no promise, or nobody to give them to. Say it: `| else | … |` as the "
        "last row, with `-` for no promise."
    ),
    desk(new=targets("priority | leave stage", "urgent   | 30m", "high     | 2h")),
    absence="file",
)
EVENT_IN_TARGET = Kind(
    "E0606",
    "event-in-target",
    Severity.ERROR,
    _("a target can't depend on `%(found)s`"),
    _("ask for something the card has: a field, its priority, a tag"),
    _(
        "A target is looked up when its clock starts and again when a field it reads changes. An event or the words "
        "of a message are over by then."
    ),
    desk(new='leave stage within 1h if message contains "urgent"'),
)
PRIORITY_INVERSION = Kind(
    "W0607",
    "priority-inversion",
    Severity.WARNING,
    _("`%(higher)s` cards get %(slow)s, longer than the %(fast)s of `%(lower)s` ones"),
    _("swap the two, or check the order in `priorities`"),
    _("Priorities are ordered, highest first. A higher one with a slower promise is mostly a slip of a row."),
    desk(new=targets("priority | leave stage", "urgent   | 2h", "high     | 30m", "else     | 4h")),
)
TOTAL_WITHOUT_TARGET = Kind(
    "W0608",
    "total-without-target",
    Severity.WARNING,
    _("`leave stage counts in total` has no `leave stage` target to count for"),
    _("add `leave stage within …`, or remove the line"),
    _("The line makes the time of all visits count against one target of the stage."),
    desk(new="leave stage counts in total"),
    absence="file",
)
NO_REOPEN_CHOICE = Kind(
    "E0609",
    "no-reopen-choice",
    Severity.ERROR,
    _("reopening a card doesn't concern `%(metric)s`"),
    _("remove the line"),
    _("A reopened card comes into a stage anew, so `leave stage` starts a new visit, as always."),
    desk("leave stage within 8h\non reopen leave stage continue"),
)


def _waiting(*lines: str, start: str = 'start when card enters "Waiting"', stop: str = 'stop when card leaves "Waiting"'):
    """A pipeline with a clock for the stage `Waiting`."""
    return desk(
        block('clock "Vendor answer"', *(line for line in (start, stop) if line), *lines),
        nexts='"Waiting", "Done"',
        stages=block('stage "Waiting"', 'next "Done"'),
    )


BUILT_IN_NAME = Kind(
    "E0610",
    "built-in-clock-name",
    Severity.ERROR,
    _("Duly has a clock `%(clock)s` already"),
    _("give the clock another name, or promise the built-in one with a line `%(clock)s within …`"),
    _("`first reply`, `next reply`, `leave stage` and `resolved` are there without being defined, and keep their names."),
    _waiting("within 4h").replace("Vendor answer", "first reply"),
)
CLOCK_NEVER_STARTS = Kind(
    "E0611",
    "clock-never-starts",
    Severity.ERROR,
    _("`%(clock)s` never starts: %(reason)s"),
    _("write a `start when` with an event that happens to cards somebody works on"),
    _(
        "A named clock starts on its `start when`, or where a rule, a level or a silence does `start clock`. No clock runs "
        "in a finish stage, and where one event would start and stop a clock, it stops."
    ),
    _waiting("within 4h", start='start when card enters "Done"'),
    words=("reason",),
)
CLOCK_WITHOUT_STOP = Kind(
    "E0612",
    "clock-without-stop",
    Severity.ERROR,
    _("nothing stops `%(clock)s`, so it can never be met"),
    _("add a `stop when` with the event it waits for"),
    _(
        "A named clock is met when its `stop when` holds in time, or a rule, a level or a silence does `stop clock`. "
        "Without that it is missed every time, or cancelled as the card is finished."
    ),
    _waiting("within 4h", stop=""),
    absence="file",
)
CLOCK_WITHOUT_TARGET = Kind(
    "E0613",
    "clock-without-target",
    Severity.ERROR,
    _("`%(clock)s` promises nothing"),
    _("add a line like `within 4h`, or a table `targets` with a column `within`"),
    _("A clock measures time against a promise; without one there is nothing to meet or miss."),
    _waiting(),
    absence="file",
)
CLOCK_WITHOUT_EVENT = Kind(
    "E0614",
    "clock-without-event",
    Severity.ERROR,
    _("`%(line)s` names no event that must happen"),
    _("add an event, like `card enters` or `changes`"),
    _("A clock starts, pauses, goes on and stops at a moment. A condition alone holds at no moment in particular."),
    _waiting("within 4h", "pause when priority is low", "resume when priority changes"),
)
CLOCK_PAUSE_WITHOUT_RESUME = Kind(
    "W0615",
    "clock-pause-without-resume",
    Severity.WARNING,
    _("once paused, `%(clock)s` never goes on"),
    _("add a line like `resume when customer replies`"),
    _("Without a `resume when`, a paused clock stands still until it is stopped."),
    _waiting("within 4h", "pause when customer replies"),
    absence="file",
)
CLOCK_RESUME_WITHOUT_PAUSE = Kind(
    "W0616",
    "clock-resume-without-pause",
    Severity.WARNING,
    _("`%(clock)s` has a `resume when` and nothing that pauses it"),
    _("add a `pause when`, or remove the line"),
    _("`resume when` ends what the `pause when` of the same clock began; what a stage pauses, the stage resumes."),
    _waiting("within 4h", "resume when customer replies"),
    absence="file",
)
ALERT_OUTSIDE_HOURS = Kind(
    "W0617",
    "alert-outside-hours",
    Severity.WARNING,
    _("this alert counts %(unit)s, so it can come while `%(calendar)s` is closed"),
    _("count it in open time, or measure the clock on a calendar that never closes"),
    _(
        "Time on the wall and calendar days go on at night and on holidays. An alert that comes then is read when the "
        "office opens, which may be after the promise was broken."
    ),
    desk(new="leave stage within 20h elapsed\nalert agent ana at 80% of leave stage"),
    words=("unit",),
)
TARGET_GAP = Kind(
    "W0618",
    "target-gap",
    Severity.WARNING,
    _("`%(stage)s` promises `%(metric)s` to some cards only, and to the others nothing"),
    _("add a line without `if` for the rest"),
    _(
        "A stage that promises a clock itself takes the place of the pipeline's promise, for every card in it. Cards for "
        "which no `if` holds have no promise there."
    ),
    desk("leave stage within 8h", new="leave stage within 1h if priority is urgent"),
    absence="file",
)
TARGET_ORDER = Kind(
    "W0619",
    "target-order",
    Severity.WARNING,
    _("`%(metric)s` may take %(found)s, longer than `resolved` with %(target)s"),
    _("shorten it, or give the resolution more time"),
    _("A card has to be answered before it can be resolved, so the reply can't be given more time than the whole."),
    desk("first reply within 8h\nresolved within 4h"),
)
DOOR_FILE = (
    OFFICE
    + "\n"
    + block(
        'connector "Mail" sends email',
        'server secret "SHOP_KEY"',
        'from "Support <support@support.example>"',
        "retry 6 times over 2 working days then park",
    )
)
WALL_TIME_ONLY = Kind(
    "E0620",
    "wall-time-only",
    Severity.ERROR,
    _("`%(found)s` has no meaning here: sending goes on while the office is closed"),
    _("write hours or calendar days"),
    _("How long to try again is time on the wall, as no calendar belongs to a connector."),
    DOOR_FILE,
)
LINE_WITHOUT_TARGET = Kind(
    "W0621",
    "line-without-target",
    Severity.WARNING,
    _("nothing promises `%(metric)s` in `%(pipeline)s`, so this line does nothing"),
    _("add a target for `%(metric)s`, or remove the line"),
    _("Pauses and reopening are about clocks, and a clock runs where the stage or the pipeline has a target for it."),
    desk("resolved within 8h\non reopen first reply new cycle"),
    absence="file",
)
