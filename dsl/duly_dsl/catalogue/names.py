"""E02xx: names that mean nothing, or two things, or are never used."""

from __future__ import annotations

from duly_dsl.catalogue.examples import DOOR, MAP, OFFICE, block, desk
from duly_dsl.catalogue.kind import Kind, _
from duly_dsl.diagnostics import Severity

DUPLICATE_NAME = Kind(
    "E0201",
    "duplicate-name",
    Severity.ERROR,
    _("there is a %(sort)s called `%(name)s` already"),
    _("give one of the two another name, or remove it"),
    _(
        "Things of one sort need names of their own: everywhere in the workspace for calendars, people, teams, "
        "pipelines, connectors, templates and tests, within a pipeline for fields, stages, escalations, rules, "
        "priorities and ticket types, within its field for choices.\n\n"
        "Names of fields are compared whatever the case, since rules may write them in lower case. The first "
        "definition counts until this is mended."
    ),
    OFFICE + "\n" + OFFICE.replace("09:00", "08:00"),
    words=("sort",),
)
UNKNOWN_CALENDAR = Kind(
    "E0202",
    "unknown-calendar",
    Severity.ERROR,
    _("no calendar is called `%(name)s`"),
    _("write the name of a calendar, or add it"),
    _("Clocks run on a calendar. Its name must be written as in its `calendar` statement, in any file of the workspace."),
    desk().replace('calendar "Office"\n', 'calendar "Offices"\n'),
    absence="name",
)
UNKNOWN_STAGE = Kind(
    "E0203",
    "unknown-stage",
    Severity.ERROR,
    _("no stage of `%(pipeline)s` is called `%(name)s`"),
    _("write the name of a stage of this pipeline, or add it"),
    _("A card moves between the stages of its own pipeline. After renaming a stage, rename it wherever it is named too."),
    desk(nexts='"Done", "Dome"'),
    absence="name",
)
UNKNOWN_TEAM = Kind(
    "E0204",
    "unknown-team",
    Severity.ERROR,
    _("no team is called `%(name)s`"),
    _("write the name of a team, or add it"),
    _("Teams are made by `team` statements, in any file of the workspace."),
    desk(new='owner team "Front desk"'),
    absence="name",
)
UNKNOWN_PERSON = Kind(
    "E0205",
    "unknown-person",
    Severity.ERROR,
    _("nobody is called `%(name)s`"),
    _("write the user name of a person, or add a `person` statement"),
    _(
        "People are named by their user name, a bare word. Duly knows those with a `person` statement and, on a "
        "server, those with an account. A workspace with no `person` statement is not checked for this outside a "
        "server."
    ),
    desk(new="owner agent anna", rest=block("person ana", 'email "ana@support.example"')),
    absence="name",
)
UNKNOWN_TEMPLATE = Kind(
    "E0206",
    "unknown-template",
    Severity.ERROR,
    _("no template is called `%(name)s`"),
    _("write the name of a template, or add it"),
    _("Texts for customers and notices come from `template` statements, in any file of the workspace."),
    desk(rules=block('rule "Thank"', "when card is created", 'then send "Thanks"')),
    absence="name",
)
UNKNOWN_FIELD = Kind(
    "E0207",
    "unknown-field",
    Severity.ERROR,
    _("`%(pipeline)s` has no field called `%(name)s`"),
    _("write the name of a field, or add a `field` line to the pipeline"),
    _(
        "Conditions, `set` and tables read the fields of the pipeline, and what every card has: `priority`, `type`, "
        "`owner`, `team`, `stage`, `channel` and `connector`. A field with a space in its name is written in quotes."
    ),
    desk(rules=block('rule "VIP"', "when card is created and tier is gold", 'then tag "vip"')),
    absence="name",
)
UNKNOWN_CHOICE = Kind(
    "E0208",
    "unknown-choice",
    Severity.ERROR,
    _("`%(name)s` is no choice of %(operand)s"),
    _("it can be: %(choices)s"),
    _("A choice field, the priority, the ticket type and the channel can only be one of their words, so this never holds."),
    desk(
        'field "Tier" choice gold, silver',
        rules=block('rule "VIP"', "when card is created and tier is golden", 'then tag "vip"'),
    ),
    absence="name",
)
UNKNOWN_CONNECTOR = Kind(
    "E0209",
    "unknown-connector",
    Severity.ERROR,
    _("no connector is called `%(name)s`"),
    _("write the name of a connector, or add it"),
    _(
        "`call` posts to a connector that sends. Connectors are made by `connector` statements, in any file of the "
        "workspace."
    ),
    desk(rules=block('rule "Tell"', "when card is created", 'then call "CRM"')),
    absence="name",
)
UNKNOWN_PIPELINE = Kind(
    "E0210",
    "unknown-pipeline",
    Severity.ERROR,
    _("no pipeline is called `%(name)s`"),
    _("write the name of a pipeline, or add it"),
    _("A connector opens cards in one pipeline. It must be written as in its `pipeline` statement."),
    desk(
        rest=block(
            'connector "Shop" receives webhook',
            DOOR.replace('"Support"', '"Suport"'),
            MAP,
        )
    ),
    absence="name",
)
UNKNOWN_ESCALATION = Kind(
    "E0211",
    "unknown-escalation",
    Severity.ERROR,
    _("no escalation of `%(pipeline)s` is called `%(name)s`"),
    _("write the name of an escalation of this pipeline, or add it"),
    _("A test may expect a level of an escalation of the pipeline its card is in."),
    desk(
        "resolved within 4h",
        rest=block(
            'test "Late"',
            'clock starts monday 2026-11-09 09:00 in "Office"',
            'given card in "New" with priority high',
            'at +5h expect level 1 of "Late"',
        ),
    ),
    absence="name",
)
RENAME_CLASH = Kind(
    "E0212",
    "rename-clash",
    Severity.ERROR,
    _('`was "%(name)s"` names a %(sort)s that still exists or was claimed before'),
    _("remove the name from `was`, or rename the other one"),
    _(
        "`was` tells where the cards of a renamed stage or pipeline went. An old name can lead to one new name only, "
        "and not away from one that is still there: the cards in it would have two places to go."
    ),
    desk(nexts='"Doing"', stages=block('stage "Doing" was "New"', 'next "Done"')),
    words=("sort",),
)
UNUSED_DEFINITION = Kind(
    "W0213",
    "unused-definition",
    Severity.WARNING,
    _("nothing uses the %(sort)s `%(name)s`"),
    _("use it, or remove it"),
    _(
        "A team that owns, gets and hears of nothing, a template nobody sends, an outgoing webhook nobody calls, "
        "a calendar on which nothing runs: often the name is misspelt where it was meant to be used. Fields and people "
        "have lints of their own, `unused-field` and `unused-person`."
    ),
    desk(rest=block('template "Thanks"', '"en" "Thank you."')),
    absence="file",
    words=("sort",),
)
UNUSED_FIELD = Kind(
    "W0218",
    "unused-field",
    Severity.WARNING,
    _("no line reads or fills the field `%(name)s`"),
    _("use it, or remove it"),
    _(
        "No condition, table, text or connector has to do with this field, and no stage asks for it. It may be there for "
        "people to fill in, so this is reported only where `duly.toml` asks for it."
    ),
    desk('field "Order number" text'),
    absence="file",
    off=True,
)
UNUSED_PERSON = Kind(
    "W0219",
    "unused-person",
    Severity.WARNING,
    _("`%(name)s` is in no team, and no line names them"),
    _("add them to a team, or remove the `person`"),
    _(
        "They get an account, and no card or notice by these files. That may be meant, so this is reported only where "
        "`duly.toml` asks for it."
    ),
    desk(rest=block("person ana", 'email "ana@support.example"')),
    absence="file",
    off=True,
)
UNKNOWN_CLOCK = Kind(
    "E0214",
    "unknown-clock",
    Severity.ERROR,
    _("no clock of `%(pipeline)s` is called `%(name)s`"),
    _("write the name of a clock of this pipeline, or add a `clock` block; the built-in ones take no quotes"),
    _(
        "Alerts, pauses, conditions, `start clock` and `stop clock` name clocks of their own pipeline. `first reply`, "
        "`next reply`, `leave stage` and `resolved` are written without quotes."
    ),
    desk(new='alert agent ana 1h before "Vendor answer"'),
    absence="name",
)
