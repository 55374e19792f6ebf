"""E07xx: rules."""

from __future__ import annotations

from duly_dsl.catalogue.examples import block, desk
from duly_dsl.catalogue.kind import Kind, _
from duly_dsl.diagnostics import Severity

NO_EVENT = Kind(
    "E0701",
    "rule-without-event",
    Severity.ERROR,
    _("nothing sets this rule off: `when` names no event that must happen"),
    _('start it with an event: `when card is created and …`, `when "Tier" changes and …`'),
    _(
        "A rule acts at a moment: when a card is created, enters or leaves a stage, somebody replies, a field "
        "changes, a clock is missed. A condition alone, or an `or` with one side that has no event, holds at no "
        "moment in particular."
    ),
    desk(rules=block('rule "Urgent"', "when priority is urgent", 'then tag "urgent"')),
)
NEVER_TRUE = Kind(
    "E0702",
    "never-true",
    Severity.ERROR,
    _("this can never hold: %(reason)s (%(what)s)"),
    _("use `or` for what may be one or the other, or correct the values"),
    _(
        "Everything joined by `and` must hold at once. Two events never happen at once, a value can't be two things, "
        "and a number can't be above 5 and below 3."
    ),
    desk(
        'field "Items" number',
        rules=block('rule "Some"', 'when card is created and "Items" > 5 and "Items" < 3', 'then tag "some"'),
    ),
    words=("reason",),
)
NO_ACTION = Kind(
    "E0703",
    "rule-without-action",
    Severity.ERROR,
    _("the rule `%(name)s` does nothing"),
    _("add a line that starts with `then`"),
    _("A rule says what to do: `then notify …`, `then set …`, `then move to …`."),
    desk(rules=block('rule "Urgent"', "when card is created")),
    absence="file",
)
CONFLICT = Kind(
    "W0704",
    "conflicting-actions",
    Severity.WARNING,
    _("on the same event `%(rule)s` and `%(other)s` both write `%(what)s`, each its own value"),
    _("make their conditions exclude each other, or merge the two rules"),
    _(
        "Both rules can act on one event, and each would undo the other: the one later in the file wins. Say in its "
        "condition when the later one is meant."
    ),
    desk(
        rules=block('rule "Fast"', "when card is created", "then set priority to high")
        + "\n"
        + block('rule "Slow"', "when card is created and channel is email", "then set priority to low"),
    ),
)
CYCLE = Kind(
    "E0705",
    "rule-cycle",
    Severity.ERROR,
    _("these rules set each other off without end: %(cycle)s"),
    _("add a condition that is false the second time round"),
    _(
        "What the rules do is an event again, which sets the next one off, and the last one the first. Duly stops "
        "such a chain after a number of steps, at a point nobody chose."
    ),
    desk(
        nexts='"Doing", "Done"',
        stages=block('stage "Doing"', 'next "New", "Done"'),
        rules=block('rule "There"', 'when card enters "New"', 'then move to "Doing"')
        + "\n"
        + block('rule "Back"', 'when card enters "Doing"', 'then move to "New"'),
    ),
)
SELF_TRIGGER = Kind(
    "W0706",
    "self-trigger",
    Severity.WARNING,
    _("the rule `%(name)s` sets itself off: what it sets is the change it waits for"),
    _("add a condition that is false afterwards: `and %(operand)s is not %(value)s`"),
    _(
        "The rule acts on a change of what it sets, whatever the new value, so every change is undone at once, and "
        "the rule runs twice."
    ),
    desk(rules=block('rule "Always low"', "when priority changes", "then set priority to low")),
)
CANNOT_CALL = Kind(
    "E0707",
    "cannot-call",
    Severity.ERROR,
    _("`%(name)s` can't be called: %(reason)s"),
    _("name a connector of kind `webhook` that sends"),
    _("`call` posts the card to another system. For that the connector must be a webhook with `sends` or `connects`."),
    desk(
        rules=block('rule "Tell"', "when card is created", 'then call "Mail"'),
        rest=block('connector "Mail" sends email', 'server secret "SMTP"', 'from "a@support.example"'),
    ),
    words=("reason",),
)
CLOCK_NEVER_RUNS = Kind(
    "E0708",
    "clock-never-runs",
    Severity.ERROR,
    _("`%(metric)s` is promised nowhere in `%(pipeline)s`, so it is never missed"),
    _("add a target for `%(metric)s`, or remove this"),
    _("A clock runs where a stage or the pipeline has a target for it. Without one there is nothing to miss."),
    desk(rules=block('rule "Late"', "when first reply is missed", 'then tag "late"')),
    absence="file",
)
UNKNOWN_TYPES = Kind(
    "E0709",
    "no-ticket-types",
    Severity.ERROR,
    _("`%(pipeline)s` has no ticket types"),
    _("add a line `ticket types` to the pipeline"),
    _("`type` can be one of the words in `ticket types`. Without that line a card's type is always empty."),
    desk(rules=block('rule "Return"', "when card is created and type is return", 'then tag "return"')),
    absence="file",
)
NEVER_CHANGES = Kind(
    "E0711",
    "never-changes",
    Severity.ERROR,
    _("the %(name)s of a card never changes"),
    _("remove this, or name a field, `priority`, `type`, `owner`, `team` or `stage`"),
    _("A card keeps the channel and the connector it came by for as long as it lives."),
    desk(rules=block('rule "Elsewhere"', "when channel changes", 'then tag "elsewhere"')),
    absence="file",
)
NO_WHEN = Kind(
    "E0710",
    "missing-when",
    Severity.ERROR,
    _("`%(name)s` has no `when`, so nothing sets it off"),
    _("add a line that starts with `when`"),
    _("A rule says when it acts, an escalation which missed clock starts it."),
    desk(rules=block('rule "Urgent"', 'then tag "urgent"')),
    absence="file",
)
ALWAYS_TRUE = Kind(
    "W0715",
    "always-true",
    Severity.WARNING,
    _("this holds of every card, so it asks nothing"),
    _("remove it, or correct the values"),
    _(
        "A value that may be any of those it can be, or one that may be there or not, leaves nothing out. Often `or` "
        "stands where `and` was meant, or a value is missing from the list."
    ),
    desk(
        rules=block(
            'rule "Look"', "when card is created and (priority is not high or priority is not low)", 'then tag "look"'
        )
    ),
)
SHADOW_TOO_LONG = Kind(
    "W0716",
    "shadow-too-long",
    Severity.WARNING,
    _("the rule `%(name)s` was to be tried until %(until)s"),
    _("let it act by removing `shadow`, remove the rule, or write a later day"),
    _(
        "A rule in `shadow` only records what it would do. The day after `until` has passed: what it recorded should be "
        "looked at and decided on."
    ),
    desk(rules=block('rule "Urgent" shadow until 2026-01-31', "when card is created", 'then tag "urgent"')),
    needs="today",
)
UNTESTED_RULE = Kind(
    "W0717",
    "untested-rule",
    Severity.WARNING,
    _("no test could set off the rule `%(name)s`"),
    _("write a test in which its event happens"),
    _(
        "In no test of its pipeline does what the rule waits for happen, so nothing tells whether it does what it "
        "should. `duly test --coverage` shows which rules did act. Reported only where `duly.toml` asks for it."
    ),
    desk(rules=block('rule "Answered"', "when agent replies", 'then tag "answered"')),
    absence="file",
    off=True,
)
SCHEDULE_ELSEWHERE = Kind(
    "E0721",
    "schedule-elsewhere",
    Severity.ERROR,
    _("only a rule can wait for `every %(found)s`"),
    _("write a rule: `when every %(found)s and …`, then what to do"),
    _(
        "A time of day sets rules off, each open card by itself. Escalations, waits and assignment tables are about what "
        "happens to a card."
    ),
    desk(
        stages=block('stage "Waiting"', 'next "Done"', "pause all clocks", "resume when every monday 09:00"),
        nexts='"Waiting", "Done"',
    ),
)
TOO_OFTEN = Kind(
    "E0722",
    "schedule-too-often",
    Severity.ERROR,
    _("every %(found)s is too often"),
    _("write `every 5m` or more"),
    _(
        "A scheduled rule is asked for each open card. What must be noticed at once is an event: `when priority changes`, "
        "`when first reply is missed`."
    ),
    desk(rules=block('rule "Poll"', "when every 1m and priority is urgent", 'then tag "seen"')),
)
