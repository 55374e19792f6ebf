"""What the differ must know of the graph's parts: keys, references and our words for them.

What is not named here is compared all the same, under the name it has in the code.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from duly_dsl import program as p
from duly_dsl.i18n import marked as _

PREDICATES = {
    ("Not", "term"),
    ("AllOf", "terms"),
    ("AnyOf", "terms"),
    ("TargetRow", "when"),
    ("Resume", "when"),
    ("NamedClock", "start"),
    ("NamedClock", "pause"),
    ("NamedClock", "resume"),
    ("NamedClock", "stop"),
    ("Escalation", "when"),
    ("Escalation", "stop"),
    ("AssignRow", "when"),
    ("Assign", "event"),
    ("Rule", "when"),
    ("Rule", "terms"),
}
"""(Type, field) whose numbers are places in `Program.predicates`."""

NUMBERS = {
    ("Program", "format"),
    ("Window", "opens"),
    ("Window", "closes"),
    ("DayRule", "month"),
    ("DayRule", "day"),
    ("Alert", "percent"),
    ("Silence", "index"),
    ("Level", "number"),
    ("TeamLevel", "number"),
    ("Actor", "level"),
    ("Stage", "limit"),
    ("Period", "count"),
    ("Report", "goal"),
    ("Level", "repeat_at_most"),
    ("Rate", "messages"),
    ("Schedule", "minutes"),
    ("Schedule", "days"),
    ("Rule", "id"),
    ("Index", "rules"),
    ("Connector", "retry_times"),
}
"""(Type, field) whose whole numbers are just that. A test asks of every other to be in PREDICATES."""

DERIVED = {
    ("Program", "hash"),
    ("Program", "format"),
    ("Program", "predicates"),
    ("Program", "index"),
    ("Pipeline", "default_priority"),
    ("Pipeline", "schedules"),
    ("Target", "reads"),
    ("Alert", "key"),
    ("Resume", "kinds"),
    ("Silence", "index"),
    ("Escalation", "stop_kinds"),
    ("NamedClock", "kinds"),
    ("Assign", "key"),
    ("Rule", "id"),
    ("Rule", "terms"),
}
"""(Type, field) that the compiler works out of others: told only where nothing else is."""

STAGES = {
    ("EventAtom", "stage"),
    ("Move", "stage"),
    ("Field", "required_to_leave"),
    ("Stage", "next"),
    ("Resume", "stage"),
    ("Reopen", "stage"),
    ("Assign", "stage"),
    ("Index", "stage"),
}
"""(Type, field) that name stages of their pipeline."""

CLOCKS = {
    ("Target", "metric"),
    ("Alert", "metric"),
    ("Escalation", "metrics"),
    ("Stage", "pauses"),
    ("EventAtom", "metric"),
    ("ExcuseMiss", "metric"),
}
"""(Type, field) that name clocks of their pipeline."""

PIPELINES = {("Rule", "pipeline"), ("Connector", "pipeline"), ("Connector", "events_in"), ("Index", "pipeline"),
             ("Report", "pipelines")}  # fmt: skip
OPERANDS = {("EventAtom", "subject"), ("OneOf", "operand"), ("Empty", "operand"), ("Compare", "operand"),
            ("SetField", "operand"), ("MapRow", "target")}  # fmt: skip

SORTS: dict[str, str] = {
    "calendars": _("calendar"),
    "people": _("person"),
    "teams": _("team"),
    "pipelines": _("pipeline"),
    "connectors": _("connector"),
    "templates": _("template"),
    "rules": _("rule"),
    "fields": _("field"),
    "stages": _("stage"),
    "escalations": _("escalation"),
    "levels": _("level"),
    "alerts": _("alert"),
    "assigns": _("assignment"),
    "map": _("mapping"),
    "clocks": _("clock"),
    "reports": _("report"),
    "limits": _("limit"),
}
"""Our word for one thing of a collection, by the name of the field that holds them."""


def clock(metric: str) -> str:
    """A clock as the files name it: one with a name of its own in quotes."""
    return metric if metric in p.METRICS else f'"{metric}"'


def threshold(alert: p.Alert) -> str:
    if alert.after is not None:
        return f"{alert.after} after {clock(alert.metric)}"
    amount = f"{alert.percent}% of" if alert.percent is not None else f"{alert.before} before"
    return f"{amount} {clock(alert.metric)}"


KEYS: dict[str, Callable[[Any], str]] = {
    "Stage": lambda each: each.name,
    "Field": lambda each: each.name,
    "Escalation": lambda each: each.name,
    "Rule": lambda each: each.name,
    "Level": lambda each: str(each.number),
    "TeamLevel": lambda each: str(each.number),
    "Alert": threshold,
    "Assign": lambda each: " ".join(filter(None, (each.kind, each.stage))),
    "MapRow": lambda each: each.target,
    "Target": lambda each: each.metric,
}
"""What names one of several, by type. Two of one name are told apart by their order. Types that are not here and have a
`name` are named by it; others are compared by what they say."""

LABELS: dict[tuple[str, str], str] = {
    ("Calendar", "zone"): _("time zone"),
    ("Calendar", "holidays"): _("public holidays"),
    ("Person", "full_name"): _("name"),
    ("Person", "email"): _("e-mail address"),
    ("Person", "phone"): _("phone"),
    ("Person", "language"): _("language"),
    ("Team", "members"): _("members"),
    ("Team", "lead"): _("lead"),
    ("Team", "manager"): _("manager"),
    ("TeamLevel", "people"): _("members"),
    ("Pipeline", "calendar"): _("calendar"),
    ("Pipeline", "was"): _("former names"),
    ("Pipeline", "priorities"): _("priorities"),
    ("Pipeline", "default_priority"): _("priority of new cards"),
    ("Pipeline", "types"): _("ticket types"),
    ("Pipeline", "languages"): _("languages"),
    ("Pipeline", "reopens"): _("on reopen, %(key)s"),
    ("Pipeline", "excuses"): _("excuse %(key)s"),
    ("Pipeline", "limits"): _("send limits"),
    ("SendLimits", "quiet"): _("quiet hours"),
    ("SendLimits", "rates"): _("rate"),
    ("SendLimits", "digests"): _("digest"),
    ("Field", "type"): _("type"),
    ("Field", "was"): _("former names"),
    ("Field", "choices"): _("choices"),
    ("Field", "pattern"): _("pattern"),
    ("Field", "default"): _("default"),
    ("Field", "required_to_leave"): _("required to leave"),
    ("Stage", "was"): _("former names"),
    ("Stage", "start"): _("start of the pipeline"),
    ("Stage", "finish"): _("finish"),
    ("Stage", "next"): _("next"),
    ("Stage", "owner"): _("owner"),
    ("Stage", "total"): _("leave stage counts in total"),
    ("Stage", "pauses"): _("pauses"),
    ("Stage", "reopen"): _("reopening"),
    ("Stage", "limit"): _("at most so many cards"),
    ("Alert", "actors"): _("tells"),
    ("Alert", "channel"): _("channel"),
    ("Alert", "template"): _("template"),
    ("Escalation", "metrics"): _("started by a miss of"),
    ("Escalation", "when"): _("only if"),
    ("Escalation", "stop"): _("stops when"),
    ("Level", "after"): _("after"),
    ("Level", "actions"): _("does"),
    ("Level", "repeat_every"): _("repeated every"),
    ("Level", "repeat_at_most"): _("repeated at most"),
    ("Assign", "rows"): _("row"),
    ("Rule", "mode"): _("mode"),
    ("Rule", "when"): _("when"),
    ("Rule", "actions"): _("then"),
    ("Rule", "pipeline"): _("pipeline"),
    ("Connector", "kind"): _("kind"),
    ("Connector", "direction"): _("direction"),
    ("Connector", "path"): _("path"),
    ("Connector", "verify_scheme"): _("verification"),
    ("Connector", "verify_algorithm"): _("verification algorithm"),
    ("Connector", "verify_secret"): _("verification secret"),
    ("Connector", "verify_header"): _("verification header"),
    ("Connector", "pipeline"): _("opens cards in"),
    ("Connector", "same_path"): _("same card when"),
    ("Connector", "same_customer"): _("same card when customer"),
    ("Connector", "same_within"): _("same card within"),
    ("Connector", "key_path"): _("same request when"),
    ("Connector", "key_header"): _("same request when header"),
    ("Connector", "events"): _("sends events"),
    ("Connector", "events_in"): _("sends events of"),
    ("Connector", "retry_times"): _("retries"),
    ("Connector", "retry_over"): _("retries over"),
    ("Connector", "settings"): "%(key)s",
    ("MapRow", "path"): _("from"),
    ("MapRow", "type"): _("type"),
    ("MapRow", "missing"): _("if missing"),
    ("MapRow", "default"): _("default"),
    ("Report", "metrics"): _("of"),
    ("Report", "time_in_stage"): _("of time in stage"),
    ("Report", "pipelines"): _("in"),
    ("Report", "by"): _("by"),
    ("Report", "period"): _("period"),
    ("Report", "without_excused"): _("without excused"),
    ("Report", "goal"): _("goal"),
    ("Report", "zone"): _("time zone"),
    ("Template", "texts"): _("text in %(key)s"),
    ("Template", "approval"): _("WhatsApp approval"),
    ("Template", "subjects"): _("subject in %(key)s"),
    ("Template", "header"): _("header"),
    ("Template", "choices"): _("choices in %(key)s"),
}
"""Our words for the fields of things, templates over the values of the change."""

DAYS = (
    _("monday"),
    _("tuesday"),
    _("wednesday"),
    _("thursday"),
    _("friday"),
    _("saturday"),
    _("sunday"),
)
