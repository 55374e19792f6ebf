"""E05xx: pipelines and the ways through their stages."""

from __future__ import annotations

from duly_dsl.catalogue.examples import OFFICE, block, desk
from duly_dsl.catalogue.kind import Kind, _
from duly_dsl.diagnostics import Severity

NO_START = Kind(
    "E0501",
    "no-start-stage",
    Severity.ERROR,
    _("no stage of `%(pipeline)s` is marked `start`"),
    _("write `start` in the stage where new cards arrive"),
    _("New cards need a stage to arrive in: exactly one stage of a pipeline has a line `start`."),
    desk().replace("    start\n", ""),
    absence="file",
)
TWO_STARTS = Kind(
    "E0502",
    "two-start-stages",
    Severity.ERROR,
    _("`%(stage)s` is marked `start`, and so is `%(other)s`"),
    _("keep `start` in one of the two"),
    _("New cards arrive in one place: exactly one stage of a pipeline has a line `start`."),
    desk(nexts='"Doing"', stages=block('stage "Doing"', "start", 'next "Done"')),
)
UNREACHABLE_STAGE = Kind(
    "W0503",
    "unreachable-stage",
    Severity.WARNING,
    _("no card can come to the stage `%(stage)s`"),
    _("name it in the `next` of a stage that cards come to, or remove it"),
    _(
        "Followed from the start stage, no `next`, resume, silence, reopening, escalation or rule leads here. Often "
        "a `next` was forgotten when the stage was added."
    ),
    desk(stages=block('stage "Doing"', 'next "Done"')),
    absence="file",
)
DEAD_END = Kind(
    "E0504",
    "dead-end-stage",
    Severity.ERROR,
    _("a card in `%(stage)s` has no other stage to go to, and it is no `finish`"),
    _("write `finish`, or name the stages that may follow with `next`"),
    _("A card that can't leave keeps its clocks running for ever."),
    desk(nexts='"Doing", "Done"', stages=block('stage "Doing"', 'next "Doing"')),
)
NEVER_FINISHES = Kind(
    "E0505",
    "never-finishes",
    Severity.ERROR,
    _("from `%(stage)s` no way leads to a stage marked `finish`"),
    _("write `finish` in a stage where the work is done, and lead to it with `next`"),
    _("`resolved` stops when a card comes to a finish stage. A card that can't get to one is never resolved."),
    OFFICE
    + "\n"
    + block(
        'pipeline "Support"',
        'calendar "Office"',
        block('stage "New"', "start", 'next "Doing"'),
        block('stage "Doing"', 'next "New"'),
    ),
    absence="file",
)
PAUSE_WITHOUT_RESUME = Kind(
    "W0506",
    "pause-without-resume",
    Severity.WARNING,
    _("the clocks paused in `%(stage)s` have no `resume`"),
    _("add a line like `resume when customer replies`"),
    _(
        "Without a `resume`, paused clocks stand still until somebody moves the card by hand: a customer's answer "
        "would wait unseen."
    ),
    desk(
        "resolved within 8h", nexts='"Waiting", "Done"', stages=block('stage "Waiting"', 'next "Done"', "pause all clocks")
    ),
    absence="file",
)
RESUME_WITHOUT_PAUSE = Kind(
    "W0507",
    "resume-without-pause",
    Severity.WARNING,
    _("`%(stage)s` has a `resume` and pauses nothing"),
    _("add `pause all clocks`, or remove the `resume`"),
    _("`resume` ends what `pause` began in the same stage. To move a card on an event, write a rule."),
    desk(nexts='"Waiting", "Done"', stages=block('stage "Waiting"', 'next "Done"', "resume when customer replies")),
    absence="file",
)
START_AND_FINISH = Kind(
    "E0508",
    "start-and-finish",
    Severity.ERROR,
    _("`%(stage)s` is both `start` and `finish`"),
    _("keep one of the two"),
    _("A card would be finished the moment it arrives."),
    OFFICE + "\n" + block('pipeline "Support"', 'calendar "Office"', block('stage "New"', "start", "finish")),
)
REOPEN_PLACE = Kind(
    "E0509",
    "reopen-outside-finish",
    Severity.ERROR,
    _("`%(stage)s` is no finish stage, so its cards can't be reopened"),
    _("move the line to a stage with `finish`"),
    _("`reopen` says what a customer's message does to a finished card. Cards in other stages are open already."),
    desk(new='reopen within 7 calendar days to "New"'),
)
REOPEN_TO_FINISH = Kind(
    "E0510",
    "reopen-to-finish",
    Severity.ERROR,
    _("a card reopened to `%(stage)s` would be finished again at once"),
    _("name a stage where somebody works on it"),
    _("`reopen` leads back to a stage that is no finish."),
    desk(done='reopen within 7 calendar days to "Done"'),
)
SLOW_SILENCE = Kind(
    "W0511",
    "slow-silence",
    Severity.WARNING,
    _("%(found)s of silence is longer than `resolved within %(target)s`"),
    _("shorten the silence, or pause `resolved` in this stage"),
    _("The promise would be broken before Duly asks the customer again."),
    desk(
        "resolved within 4h",
        new='after 6h of silence send "Still there?" once',
        rest=block('template "Still there?"', '"en" "Do you still need help?"'),
    ),
)
CLOCK_IN_FINISH = Kind(
    "W0512",
    "clock-in-finish",
    Severity.WARNING,
    _("`%(stage)s` is a finish stage: no clock runs there"),
    _("move the line to a stage where the work is done"),
    _("Coming to a finish stage stops every clock, so targets, alerts and pauses there never act."),
    desk(done="leave stage within 4h"),
)
NO_CALENDAR = Kind(
    "E0513",
    "missing-calendar",
    Severity.ERROR,
    _("the pipeline `%(pipeline)s` has no calendar"),
    _("add a line `calendar` with the name of one"),
    _("Clocks count open time, so each pipeline names the calendar they run on."),
    desk().replace('  calendar "Office"\n', ""),
    absence="file",
)
LIMIT_OF_NOTHING = Kind(
    "E0530",
    "limit-of-nothing",
    Severity.ERROR,
    _("at most %(count)s cards would be none at all"),
    _("write how many cards are fine here, at least 1"),
    _("`at most 8 cards` tells the team's lead when a ninth card comes. It keeps no card out."),
    desk(new="at most 0 cards"),
)
LIMIT_IN_FINISH = Kind(
    "W0531",
    "limit-in-finish",
    Severity.WARNING,
    _("`%(stage)s` is a finish stage: its cards are done and are not counted"),
    _("move the line to a stage where the work is done"),
    _("A limit on cards says how much work a stage can hold. Finished cards are no work."),
    desk(done="at most 8 cards"),
)
LIMIT_NEVER_PASSED = Kind(
    "E0532",
    "limit-never-passed",
    Severity.ERROR,
    _("`%(stage)s` has no limit, so there are never too many cards in it"),
    _("write `at most … cards` in the stage"),
    _("`too many cards` is true when a card comes to a stage that holds as many as its `at most … cards` allows."),
    desk(rules=block('rule "Full"', 'when too many cards in "New"', 'then tag "full"')),
    absence="file",
)
REQUIRED_AT_FINISH = Kind(
    "W0514",
    "required-at-finish",
    Severity.WARNING,
    _("nobody leaves `%(stage)s`, so `%(field)s` is never asked for there"),
    _("name the stage before it"),
    _("`required to leave` holds a card back in a stage until the field is filled. Cards stay in a finish stage."),
    desk('field "Resolution" text required to leave "Done"'),
)
SILENT_LOOP = Kind(
    "W0520",
    "silent-loop",
    Severity.WARNING,
    _("silence alone leads a card from `%(stage)s` back to it"),
    _("end the way in a finish stage, or tell somebody instead of moving the card"),
    _(
        "Lines about silence move the card from stage to stage in a circle. Nobody reads or answers it on the way, and "
        "it is never finished."
    ),
    desk(
        new='after 2 calendar days of silence move to "Later"',
        nexts='"Later", "Done"',
        stages=block('stage "Later"', 'next "New", "Done"', 'after 2 calendar days of silence move to "New"'),
    ),
)
STAGE_WITHOUT_CLOCK = Kind(
    "W0515",
    "stage-without-clock",
    Severity.WARNING,
    _("no clock runs for a card in `%(stage)s`"),
    _("promise something there (`leave stage within …`), or for the whole pipeline (`resolved within …`)"),
    _(
        "Other stages of the pipeline promise something, and here a card can lie for ever without anybody being told. "
        "A line about silence counts as well."
    ),
    desk(
        new="leave stage within 1h",
        nexts='"Doing", "Done"',
        stages=block('stage "Doing"', 'next "Done"'),
    ),
    absence="file",
)
PAST_RESOLUTION = Kind(
    "W0516",
    "stages-past-resolution",
    Severity.WARNING,
    _("%(stages)s together may take %(total)s for `%(priority)s` cards, and `resolved` promises %(target)s"),
    _("shorten the promises of the stages, or give the resolution more time"),
    _(
        "A card that keeps the promise of every stage on its way would still break the one to resolve it. Stages that "
        "pause `resolved` don't count."
    ),
    desk("resolved within 4h\nleave stage within 3h", nexts='"Doing"', stages=block('stage "Doing"', 'next "Done"')),
)
