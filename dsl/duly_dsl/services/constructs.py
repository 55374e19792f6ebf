"""What each construct of the language means, in a sentence or two, with an example: shown by editors on hover and beside a
completion. One entry a rule of the grammar; a test holds the table complete and parses every example.
"""

from __future__ import annotations

from typing import NamedTuple

from duly_dsl.i18n import marked as _

UNCLEAR = frozenset({"SECOND", "SECONDS", "MINUTE", "MINUTES", "HOUR", "HOURS", "WEEK", "WEEKS"})
"""Words the grammar knows only to say what to write instead; they are not offered."""


class Construct(NamedTuple):
    """`form` is how it is written, capitals for what varies; `part` is the block its example belongs in ("" for none)."""

    part: str
    form: str
    says: str
    example: str


TABLE: dict[str, Construct] = {
    # --- blocks
    "use": Construct("", 'use "FILE"', _("Names another file this one needs; the path is relative."), 'use "people.duly"'),
    "calendar": Construct(
        "",
        'calendar "NAME" { … }',
        _("When the team is open: a time zone, weekly hours, holidays and exceptions. Clocks count only open time."),
        'calendar "Office" {\n  time zone "Europe/Lisbon"\n  open monday to friday 09:00-18:00\n}',
    ),
    "person": Construct(
        "",
        "person NAME { … }",
        _("Somebody who works here, by user name. What the file leaves out comes from the account."),
        'person ana {\n  name "Ana Sousa"\n  email "ana@support.example"\n}',
    ),
    "team": Construct(
        "",
        'team "NAME" { … }',
        _("A group of people with a lead and a manager; cards and notices can go to it."),
        'team "Front desk" {\n  members ana, bruno\n  lead ana\n}',
    ),
    "send_limits": Construct(
        "",
        "send limits { … }",
        _("When, and how much, customers and colleagues hear from rules: quiet hours, a rate, digests."),
        "send limits {\n  quiet hours 22:00-08:00\n  at most 3 messages per card per 1h\n}",
    ),
    "quiet_hours": Construct(
        "send limits",
        'quiet hours [DAYS] HOURS [in "CALENDAR"|in time zone "ZONE"] [for customers|people]',
        _("What rules send in these hours waits until they end. A person's own reply never waits."),
        'quiet hours saturday, sunday 00:00-10:00 in time zone "Europe/Lisbon" for customers and people',
    ),
    "approval": Construct(
        "template",
        'needs whatsapp approval [as "NAME"] [for CATEGORY]',
        _("A template as Meta has approved it, under this name: it may go out after the 24-hour window has closed."),
        'needs whatsapp approval as "still_there" for utility',
    ),
    "outside": Construct(
        "rule",
        'or outside window send "TEMPLATE"',
        _("What goes out instead where the customer wrote more than 24 hours ago and WhatsApp takes no free text."),
        'then reply "We are on it." or outside window send "Still there?"',
    ),
    "rate": Construct(
        "send limits",
        "at most N messages per card per DURATION",
        _("Of what rules send to a card's customer, the next message waits until there is room. Counts on the wall."),
        "at most 3 messages per card per 1h",
    ),
    "digest": Construct(
        "send limits",
        "digest alerts|notices|escalations every DURATION",
        _("Notices of these kinds to one person are gathered into one message a period."),
        "digest alerts and notices every 30m",
    ),
    "pipeline": Construct(
        "",
        'pipeline "NAME" { … }',
        _("The way of a card: its calendar, fields, promises, stages, escalations and rules."),
        'pipeline "Support" {\n  calendar "Office"\n  stage "New" {\n    start\n    finish\n  }\n}',
    ),
    "connector": Construct(
        "",
        'connector "NAME" receives|sends|connects KIND { … }',
        _("A door: `receives` lets messages in, `sends` lets them out, `connects` does both."),
        'connector "Mail" sends email {\n  server secret "SMTP_URL"\n  from "Support <support@support.example>"\n}',
    ),
    "template": Construct(
        "",
        'template "NAME" { … }',
        _("A text for customers or notices, once for each language, with placeholders in braces."),
        'template "Welcome" {\n  "en" "Hi {customer.first_name}, thank you for writing."\n}',
    ),
    "test": Construct(
        "",
        'test "NAME" { … }',
        _("A story in simulated time: when it starts, a card, what happens and what is expected. `duly test` runs it."),
        'test "Late" {\n  clock starts monday 2026-11-09 09:00 in "Office"\n  given card in "New"\n'
        "  at +5h expect first reply is missed\n}",
    ),
    "stage": Construct(
        "pipeline",
        'stage "NAME" { … }',
        _("A place where cards wait: where they may go next, who owns them, what is promised and whom to warn."),
        'stage "New" {\n  start\n  next "Done"\n  first reply within 1h\n}',
    ),
    "clock": Construct(
        "pipeline",
        'clock "NAME" { … }',
        _("A clock of the pipeline's own, with its start, pause, resume, stop and promise. It is named in quotes."),
        'clock "Vendor answer" {\n  start when card enters "Triage"\n  stop when agent replies\n  within 4h\n}',
    ),
    "clock_start": Construct(
        "clock",
        "start when CONDITION",
        _("Starts the clock. Each start is a new cycle; while it runs nothing changes."),
        'start when card enters "Triage"',
    ),
    "clock_pause": Construct(
        "clock", "pause when CONDITION", _("From then on the clock stands still."), "pause when priority changes"
    ),
    "clock_resume": Construct(
        "clock",
        "resume when CONDITION",
        _("Ends its own pause; what a stage pauses, the stage resumes."),
        "resume when customer replies",
    ),
    "clock_targets": Construct(
        "clock",
        "targets { | … | within | … }",
        _("What the clock promises to which cards, in a table; the first row that fits counts."),
        "targets {\n  | priority | within |\n  | urgent | 1h |\n  | else | 4h |\n}",
    ),
    "clock_target": Construct(
        "clock", "within DURATION [if CONDITION]", _("What the clock promises."), "within 4h if priority is urgent"
    ),
    "clock_alert": Construct(
        "clock",
        'alert WHO at PERCENT|DURATION before due|DURATION after due [by CHANNEL] [using "TEMPLATE"]',
        _("A warning about this clock, once to each person."),
        "alert owner 30m before due",
    ),
    "at_share": Construct("clock", "at PERCENT", _("When that part of the time has passed."), "alert owner at 80%"),
    "before_due": Construct(
        "clock", "DURATION before due", _("That long before it is due, in its own time."), "alert owner 30m before due"
    ),
    "after_due": Construct(
        "clock", "DURATION after due", _("That long after it was missed, if it still runs."), "alert manager 2h after due"
    ),
    "clock_reopen": Construct(
        "clock",
        "on reopen first only|continue|new cycle",
        _("What the clock does when a finished card comes back: stay as it ended, go on, or start afresh."),
        "on reopen continue",
    ),
    "start_clock": Construct(
        "rule", 'start clock "CLOCK"', _("Starts a named clock, unless it runs."), 'then start clock "Vendor answer"'
    ),
    "stop_clock": Construct(
        "rule", 'stop clock "CLOCK"', _("Stops a named clock: met, or missed."), 'then stop clock "Vendor answer"'
    ),
    "named_clock": Construct(
        "stage", '"CLOCK"', _("A named clock of this pipeline."), 'alert owner 30m before "Vendor answer"'
    ),
    "escalation": Construct(
        "pipeline",
        'escalation "NAME" { … }',
        _("What happens after a promise was broken, level by level, until it stops."),
        'escalation "Late" {\n  when first reply is missed\n  level 1 at once notify owner\n  stop when agent replies\n}',
    ),
    "assign": Construct(
        "pipeline",
        "assign when EVENT { table }",
        _("Says who gets a card. The first row that fits counts; the column `to` is needed."),
        'assign when card enters "New" {\n  | channel | to          |\n  | else    | team "Desk" |\n}',
    ),
    "rule": Construct(
        "pipeline",
        'rule "NAME" [shadow|off] { … }',
        _("Waits for an event, asks its conditions and does its actions in order."),
        'rule "VIP" {\n  when card is created and tier is gold\n  then raise priority\n}',
    ),
    # --- calendars
    "zone": Construct(
        "calendar",
        'time zone "ZONE"',
        _("On whose wall the hours are: a name of the IANA list. A calendar needs one."),
        'time zone "Europe/Lisbon"',
    ),
    "open_weekly": Construct(
        "calendar",
        "open DAYS HOURS",
        _("Weekly opening hours. A window that closes before it opens passes midnight."),
        "open monday to friday 09:00-13:00, 14:00-18:00",
    ),
    "open_on": Construct(
        "calendar",
        'open on DAY HOURS ["why"]',
        _("Open on a day that would be closed."),
        'open on 2026-11-29 09:00-18:00 "Black Friday weekend"',
    ),
    "closed_on": Construct(
        "calendar", 'closed on DAY ["why"]', _("Closed all day, once or every year."), "closed on 24 december every year"
    ),
    "closed_from": Construct(
        "calendar",
        'closed from DATE to DATE ["why"]',
        _("Closed for several days, both dates included."),
        'closed from 2026-12-28 to 2026-12-31 "Year-end shutdown"',
    ),
    "short_day": Construct(
        "calendar",
        'short day DAY HOURS ["why"]',
        _("These hours instead of the weekday's."),
        'short day 2026-12-23 08:00-12:00 "Team lunch"',
    ),
    "holidays": Construct(
        "calendar",
        'holidays from "REGION"',
        _("The public holidays of a country (`PT`) or a part of it (`BR-SP`); closed all day."),
        'holidays from "BR-SP"',
    ),
    "every_year": Construct(
        "calendar", "DAY MONTH every year", _("The same date each year."), "closed on 1 may every year"
    ),
    # --- people
    "full_name": Construct("person", 'name "NAME"', _("The name people see."), 'name "Ana Sousa"'),
    "email": Construct("person", 'email "ADDRESS"', _("Where notices by e-mail go."), 'email "ana@support.example"'),
    "phone": Construct(
        "person", 'phone "+NUMBER"', _("Where notices by WhatsApp go: `+` and the country first."), 'phone "+351210000001"'
    ),
    "language": Construct("person", 'language "TAG"', _("The language notices are written in."), 'language "pt-BR"'),
    "members": Construct("team", "members NAME, …", _("Who is in the team, by user name."), "members ana, bruno"),
    "team_lead": Construct("team", "lead NAME", _('The team\'s lead: `lead of "TEAM"`.'), "lead ana"),
    "team_manager": Construct("team", "manager NAME", _('The team\'s manager: `manager of "TEAM"`.'), "manager bruno"),
    "team_level": Construct(
        "team", "level NUMBER NAME, …", _("Whom to ask next; the members are level 1."), "level 2 bruno, carla"
    ),
    # --- reports
    "report": Construct(
        "",
        'report "NAME" { … }',
        _("Figures of a period: clocks met and missed, time in stages."),
        'report "Monthly" {\n  of first reply, time in stage\n  by owner\n}',
    ),
    "report_of": Construct(
        "report",
        "of CLOCK, …|time in stage",
        _("What is counted: clocks by their outcome, and the time cards were in stages."),
        "of first reply, time in stage",
    ),
    "report_in": Construct("report", 'in "PIPELINE", …', _("The pipelines it is about; without it, all."), 'in "Support"'),
    "report_by": Construct("report", "by WHAT, …", _("What the figures are parted by."), "by owner, week"),
    "period": Construct(
        "report",
        "period last [COUNT] day|days|week|weeks|month|months, or DATE to DATE",
        _("The days it is about: whole ones before today, or two dates, both included."),
        "period last 3 months",
    ),
    "without_excused": Construct(
        "report", "without excused", _("Excused misses are left out of the figures and shown beside."), "without excused"
    ),
    "goal": Construct("report", "goal PERCENT", _("The share of clocks that shall be met."), "goal 95%"),
    "wip_limit": Construct(
        "stage",
        "at most NUMBER cards",
        _("How many cards are fine here. One more tells the team's lead; no card is kept out."),
        "at most 8 cards",
    ),
    "too_many_cards": Construct(
        "rule",
        'too many cards [in "STAGE"]',
        _("A card has come to a stage that holds as many as its limit allows."),
        'when too many cards in "New"',
    ),
    "given_others": Construct(
        "test",
        'given NUMBER other card|cards in "STAGE"',
        _("How many more cards there are."),
        'given 8 other cards in "New"',
    ),
    # --- pipelines
    "was": Construct(
        "pipeline",
        'stage "NEW" was "OLD"',
        _("What it was called before, so that its cards come along."),
        'stage "In progress" was "Working" {\n  next "Done"\n}',
    ),
    "uses_calendar": Construct(
        "pipeline",
        'calendar "NAME"',
        _("The calendar on which all the pipeline's clocks run. Needed."),
        'calendar "Office"',
    ),
    "priorities": Construct(
        "pipeline",
        "priorities NAME, …",
        _("Highest first. Without the line they are urgent, high, normal and low."),
        "priorities urgent, high, normal, low",
    ),
    "types": Construct(
        "pipeline", "ticket types NAME, …", _("What `type` can be."), "ticket types question, complaint, return"
    ),
    "languages": Construct(
        "pipeline",
        'languages "TAG", …',
        _("The customers' languages; the first is used where a customer's is not known."),
        'languages "pt-BR", "en"',
    ),
    "field": Construct(
        "pipeline",
        'field "NAME" TYPE [default VALUE] [required to leave "STAGE"]',
        _("Something each card holds. Conditions and tables read it, `set` writes it."),
        'field "Tier" choice gold, silver, basic default basic',
    ),
    "text_type": Construct(
        "pipeline",
        'text [matching "PATTERN"]',
        _("Any text; with a pattern (RE2) the whole text must match."),
        'field "Order number" text matching "[0-9]{6}"',
    ),
    "choice_type": Construct(
        "pipeline", "choice A, B, …", _("One of these words."), 'field "Tier" choice gold, silver, "not known"'
    ),
    "plain_type": Construct(
        "pipeline",
        "number | date | yes/no | phone | email",
        _("What kind of value the field holds."),
        'field "Refund amount" number',
    ),
    "default": Construct("pipeline", "default VALUE", _("The value of a new card."), 'field "Gift" yes/no default no'),
    "required": Construct(
        "pipeline",
        'required to leave "STAGE"',
        _("A person can't move the card on from there while the field is empty."),
        'field "Resolution" text required to leave "New"',
    ),
    "on_reopen": Construct(
        "pipeline",
        "on reopen CLOCK first only|continue|new cycle",
        _("What a clock does when a finished card comes back: stay as it ended, go on, or start afresh."),
        "on reopen resolved continue",
    ),
    "excuses": Construct(
        "pipeline",
        'excuses "WHY", … [by agent|manager|admin]',
        _("What a broken promise may be excused for, and the least role of a person who may."),
        'excuses "Carrier strike", "Outage at provider" by manager',
    ),
    "excuse": Construct(
        "rule",
        'excuse CLOCK because "WHY"',
        _("Excuses a broken promise for one of the pipeline's reasons."),
        'then excuse first reply because "Outage at provider"',
    ),
    "excuses_breach": Construct(
        "test",
        'ROLE excuses CLOCK because "WHY"',
        _("A person of that role excuses a broken promise."),
        'manager excuses first reply because "Carrier strike"',
    ),
    "withdraws_excuse": Construct(
        "test",
        "ROLE withdraws excuse of CLOCK",
        _("A person of that role takes an excuse back."),
        "admin withdraws excuse of first reply",
    ),
    "targets": Construct(
        "pipeline",
        "targets { table }",
        _("Promises as a table: conditions on the left, a duration under each clock. The first row that fits counts."),
        "targets {\n  | priority | first reply |\n  | urgent   | 15m         |\n  | else     | 8h          |\n}",
    ),
    "target_line": Construct(
        "pipeline",
        "CLOCK within DURATION [if CONDITION]",
        _("A promise. Lines with `if` are asked before tables, lines without after them."),
        "first reply within 30m if priority is urgent",
    ),
    "metric": Construct(
        "pipeline",
        "first reply | next reply | leave stage | resolved",
        _("One of the four clocks of a card."),
        "resolved within 3 working days",
    ),
    # --- stages
    "start_line": Construct("stage", "start", _("New cards come here. One stage of a pipeline has it."), "start"),
    "finish_line": Construct("stage", "finish", _("The card is resolved here, and every clock stops."), "finish"),
    "next_line": Construct(
        "stage", 'next "STAGE", …', _("Where people and rules may move a card. Left out: anywhere."), 'next "Done"'
    ),
    "stage_owner": Construct("stage", "owner WHO", _("Who gets a card that comes here."), 'owner team "Desk"'),
    "leave_total": Construct(
        "stage",
        "leave stage counts in total",
        _("One promise for all visits to the stage together, not for each anew."),
        "leave stage counts in total",
    ),
    "alert": Construct(
        "stage",
        'alert WHO at PERCENT of|DURATION before|DURATION after CLOCK [by CHANNEL] [using "TEMPLATE"]',
        _("A warning before a promise is broken, once to each person."),
        "alert owner and manager at 80% of first reply by email",
    ),
    "at_percent": Construct(
        "stage",
        "at PERCENT of CLOCK",
        _("After that part of the clock's time."),
        "alert owner at 80% of resolved",
    ),
    "before": Construct(
        "stage",
        "DURATION before CLOCK",
        _("That long before the promise is due, in the clock's own time."),
        "alert owner 30m before leave stage",
    ),
    "after_miss": Construct(
        "stage",
        "DURATION after CLOCK",
        _("That long after the clock was missed, if it still runs."),
        "alert manager 2h after first reply",
    ),
    "pause": Construct(
        "stage",
        "pause all clocks | pause CLOCK, …",
        _("Those clocks stand still while the card is in the stage."),
        "pause next reply, resolved",
    ),
    "resume": Construct(
        "stage",
        'resume [in "STAGE"] when CONDITION',
        _("Sets the paused clocks going; with `in` the card moves there as well."),
        'resume in "In progress" when customer replies',
    ),
    "silence": Construct(
        "stage",
        "after DURATION of silence ACTION",
        _("What to do when the customer does not answer. Acts once until somebody writes."),
        'after 2 calendar days of silence send "Still there?" once',
    ),
    "reopen": Construct(
        "stage",
        'reopen within DURATION to "STAGE"',
        _("In a finish stage: a customer's message within that time brings the card back."),
        'reopen within 7 calendar days to "In progress"',
    ),
    # --- escalations
    "when": Construct(
        "rule",
        "when EVENT [and CONDITION …]",
        _("The event that sets it off and what else must hold, joined by `and`, `or`, `not` and brackets."),
        "when customer replies and priority is urgent",
    ),
    "level": Construct(
        "escalation",
        "level N at once|after DURATION ACTION [then ACTION …]",
        _("A step of the ladder. Each counts from the miss, not from the level before."),
        'level 2 after 30m notify lead of "Desk" by email then raise priority',
    ),
    "at_once": Construct(
        "escalation", "at once", _("In the moment the promise is broken."), "level 1 at once notify owner"
    ),
    "after": Construct(
        "escalation", "after DURATION", _("That long after the promise was broken."), "level 2 after 1h notify manager"
    ),
    "repeat": Construct(
        "escalation",
        "repeat level N every DURATION [at most N times]",
        _("Does a level again and again until the escalation stops."),
        "repeat level 3 every 1h at most 3 times",
    ),
    "at_most": Construct(
        "escalation", "at most N times", _("How often at the most."), "repeat level 1 every 30m at most 5 times"
    ),
    "stop": Construct(
        "escalation",
        "stop when CONDITION",
        _("Ends the ladder. It also ends when the card leaves the stage or a person acknowledges it."),
        "stop when agent replies",
    ),
    # --- rules
    "mode": Construct(
        "pipeline",
        "shadow [until DATE] | off",
        _("`shadow` records what the rule would do and does nothing; `off` leaves it out."),
        'rule "Later" shadow {\n  when customer replies\n  then raise priority\n}',
    ),
    "shadow": Construct(
        "pipeline",
        "shadow [until DATE]",
        _("Records what the rule would do and does nothing; after the day named, a check asks for a decision."),
        'rule "Later" shadow until 2027-03-01 {\n  when customer replies\n  then raise priority\n}',
    ),
    "off": Construct(
        "pipeline",
        "off",
        _("Leaves the rule out."),
        'rule "Not now" off {\n  when customer replies\n  then raise priority\n}',
    ),
    "allow": Construct(
        "pipeline",
        'allow LINT "WHY"',
        _("Silences a warning: of the whole block in its first lines, else of the statement after it."),
        'allow unreachable-stage "for the yearly import"\nstage "Archive" {\n}',
    ),
    "then": Construct("rule", "then ACTION [then ACTION …]", _("What the rule does, in this order."), 'then tag "vip"'),
    # --- who
    "owner": Construct(
        "stage",
        "owner",
        _("Who has the card; where nobody has it, the lead of its team."),
        "alert owner at 80% of resolved",
    ),
    "manager": Construct("rule", "manager", _("The manager of the card's team."), "then notify manager"),
    "manager_of": Construct("rule", 'manager of "TEAM"', _("The manager of that team."), 'then notify manager of "Desk"'),
    "lead": Construct("rule", "lead", _("The lead of the card's team."), "then notify lead"),
    "lead_of": Construct("rule", 'lead of "TEAM"', _("The lead of that team."), 'then notify lead of "Desk"'),
    "team_actor": Construct(
        "rule",
        'team "TEAM"',
        _("Everybody in the team; as owner of a card, the team without a person."),
        'then notify team "Desk"',
    ),
    "agent": Construct("rule", "agent NAME", _("That person."), "then notify agent ana"),
    "level_here": Construct(
        "rule",
        "level N",
        _("Who is at that level of the card's team; where it has none, its lead."),
        "then notify level 2",
    ),
    "level_of": Construct(
        "rule",
        'level N of "TEAM"',
        _("Who is at that level of the team; given a card, the one with the fewest open cards."),
        'then notify level 2 of "Desk"',
    ),
    "least_busy": Construct(
        "rule",
        'least busy of "TEAM"',
        _("Who of the team has the fewest open cards."),
        'then assign to least busy of "Desk"',
    ),
    "round_robin": Construct(
        "rule", 'round robin of "TEAM"', _("One of the team after the other."), 'then assign to round robin of "Desk"'
    ),
    "by_channel": Construct(
        "rule",
        "by app|email|whatsapp",
        _("How the notice goes. Without it: in the app, and by e-mail to whom has an address."),
        "then notify owner by email",
    ),
    "using": Construct(
        "rule", 'using "TEMPLATE"', _("The text of the notice. Without it Duly writes one."), 'then notify owner using "T"'
    ),
    # --- events
    "card_created": Construct("rule", "card is created", _("A new card."), "when card is created"),
    "card_enters": Construct(
        "rule", 'card enters ["STAGE"]', _("The card comes into the stage, or any stage."), 'when card enters "New"'
    ),
    "card_leaves": Construct(
        "rule", 'card leaves ["STAGE"]', _("The card leaves the stage, or any stage."), 'when card leaves "New"'
    ),
    "card_reopened": Construct("rule", "card is reopened", _("A finished card came back."), "when card is reopened"),
    "card_assigned": Construct("rule", "card is assigned", _("It got another owner or team."), "when card is assigned"),
    "customer_replies": Construct(
        "rule", "customer replies", _("A message of the customer, the first one too."), "when customer replies"
    ),
    "agent_replies": Construct("rule", "agent replies", _("A person answers the customer."), "when agent replies"),
    "changes": Construct("rule", "WHAT changes", _("It got another value."), 'when "Tier" changes'),
    "missed": Construct("rule", "CLOCK is missed", _("A promise was broken."), "when first reply is missed"),
    # --- conditions
    "contains": Construct(
        "rule",
        'message contains "A", "B"',
        _("The message holds one of the words or phrases, as whole words, whatever the case."),
        'when customer replies and message contains "refund"',
    ),
    "has_tag": Construct(
        "rule", 'card has tag "TAG"', _("The card carries the tag."), 'when customer replies and card has tag "vip"'
    ),
    "card_age": Construct(
        "rule",
        "card age > DURATION",
        _("How long ago the card was created, in the duration's own time."),
        "when customer replies and card age > 48h elapsed",
    ),
    "is_value": Construct("rule", "WHAT is VALUE", _("It has that value."), "when customer replies and priority is urgent"),
    "is_not": Construct(
        "rule",
        "WHAT is not VALUE",
        _("It has another value, or none."),
        "when customer replies and tier is not gold",
    ),
    "is_one_of": Construct(
        "rule",
        "WHAT is one of A, B",
        _("It has one of the values."),
        "when customer replies and priority is one of urgent, high",
    ),
    "is_empty": Construct("rule", "WHAT is empty", _("It has no value."), "when customer replies and owner is empty"),
    "is_filled": Construct(
        "rule", "WHAT is filled", _("It has any value."), 'when customer replies and "Order number" is filled'
    ),
    "compare": Construct(
        "rule",
        "WHAT > VALUE",
        _("Numbers and dates only; never where it is empty."),
        'when customer replies and "Refund amount" > 500',
    ),
    "not_": Construct("rule", "not CONDITION", _("The contrary."), "when customer replies and not channel is email"),
    "and_": Construct("rule", "A and B", _("Both; binds closer than `or`."), "when customer replies and tier is gold"),
    "or_": Construct("rule", "A or B", _("One of them, or both."), "when customer replies or agent replies"),
    # --- actions
    "notify": Construct(
        "rule",
        'notify WHO [and WHO] [by CHANNEL] [using "TEMPLATE"]',
        _("Tells people who work here."),
        "then notify owner and manager by email",
    ),
    "set": Construct("rule", "set WHAT to VALUE", _("Writes a field, `priority` or `type`."), "then set priority to high"),
    "tag": Construct("rule", 'tag "TAG"', _("Puts a tag on the card."), 'then tag "vip"'),
    "untag": Construct("rule", 'untag "TAG"', _("Takes a tag off the card."), 'then untag "vip"'),
    "assign_to": Construct(
        "rule", "assign to WHO", _("Gives the card to an agent, a team, or one of a team."), 'then assign to team "Desk"'
    ),
    "move": Construct(
        "rule",
        'move to "STAGE" [because "why"]',
        _("Moves the card along `next`; the reason is kept in its history."),
        'then move to "Done" because "no answer"',
    ),
    "because": Construct(
        "rule", 'because "why"', _("Why the card was moved, for its history."), 'then move to "Done" because "no answer"'
    ),
    "send": Construct(
        "rule",
        'send "TEMPLATE" [once]',
        _("Sends the text to the customer by the card's connector; `once`: not twice to one card."),
        'then send "Welcome" once',
    ),
    "reply": Construct(
        "rule",
        'reply "TEXT"',
        _("Answers the customer with a text of its own, which may hold placeholders."),
        'then reply "We have your message, {customer.first_name}."',
    ),
    "call": Construct("rule", 'call "CONNECTOR"', _("Posts the card to an outgoing webhook."), 'then call "CRM"'),
    "raise_priority": Construct("rule", "raise priority", _("One step up."), "then raise priority"),
    "lower_priority": Construct("rule", "lower priority", _("One step down."), "then lower priority"),
    "add_note": Construct(
        "rule", 'add note "TEXT"', _("A note only people who work here see."), 'then add note "Came by {channel}."'
    ),
    # --- durations
    "clock_duration": Construct(
        "pipeline",
        "15m | 4h | 1h30m | 48h elapsed",
        _("Time the calendar is open; with `elapsed`, time on the wall, whatever is open."),
        "first reply within 1h30m",
    ),
    "working_days": Construct(
        "pipeline",
        "N working days",
        _("The same time of day, that many open days later."),
        "resolved within 2 working days",
    ),
    "calendar_days": Construct(
        "pipeline", "N calendar days", _("The same time of day, that many dates later."), "resolved within 2 calendar days"
    ),
    # --- doors
    "door_path": Construct(
        "connector", 'path "/in/PATH"', _("Where requests come in; left out, it is made of the name."), 'path "/in/shop"'
    ),
    "verify_hmac": Construct(
        "connector",
        'verify hmac sha256 with secret "NAME" [in header "HEADER"]',
        _("The sender signs the body with a key both know."),
        'verify hmac sha256 with secret "SHOP_KEY" in header "X-Signature"',
    ),
    "verify_token": Construct(
        "connector",
        'verify token with secret "NAME" [in header "HEADER"]',
        _("The sender shows a token."),
        'verify token with secret "FORMS_TOKEN"',
    ),
    "verify_standard": Construct(
        "connector",
        'verify standard webhooks with secret "NAME"',
        _("The sender signs id, time and body as Standard Webhooks says."),
        'verify standard webhooks with secret "PAYMENTS_KEY"',
    ),
    "verify_github": Construct(
        "connector",
        'verify github with secret "NAME"',
        _("GitHub signs the body, in the header `X-Hub-Signature-256`."),
        'verify github with secret "GITHUB_KEY"',
    ),
    "verify_stripe": Construct(
        "connector",
        'verify stripe with secret "NAME"',
        _("Stripe signs time and body, in the header `Stripe-Signature`."),
        'verify stripe with secret "STRIPE_KEY"',
    ),
    "in_header": Construct(
        "connector",
        'in header "HEADER"',
        _("Which header of the request it is in."),
        'verify token with secret "FORMS_TOKEN" in header "X-Token"',
    ),
    "open_card": Construct(
        "connector", 'open card in "PIPELINE"', _("Where new cards go. Needed."), 'open card in "Support"'
    ),
    "same_card": Construct(
        "connector",
        'same card when "PATH" [within DURATION]',
        _("Requests with the same value there belong to one card; `within` counts from the last of them."),
        'same card when "order.id" within 14 calendar days',
    ),
    "same_customer": Construct(
        "connector",
        "same card when customer [within DURATION]",
        _("All that a customer writes by this connector belongs to one card; `within` counts from the last message."),
        "same card when customer within 7 calendar days",
    ),
    "same_conversation": Construct(
        "connector",
        "same card when conversation within DURATION",
        _("A conversation belongs to one card until it has been silent for this long; then a message opens a new one."),
        "same card when conversation within 7 calendar days",
    ),
    "same_request": Construct(
        "connector",
        'same request when "PATH"',
        _("Requests with the same value there are one request, sent again: only the first one counts."),
        'same request when "event.id"',
    ),
    "same_request_header": Construct(
        "connector",
        'same request when header "HEADER"',
        _("Requests with the same value in this header are one request, sent again."),
        'same request when header "X-Event-Id"',
    ),
    "send_events": Construct(
        "connector",
        'send events EVENT, … [in "PIPELINE", …]',
        _("Posts these events as they happen; `clock` stands for all that begin with `clock.`."),
        "send events card.created, card.moved, clock",
    ),
    "events_in": Construct(
        "connector",
        'in "PIPELINE", …',
        _("Only of cards in these pipelines."),
        'send events card, clock in "Support"',
    ),
    "map": Construct(
        "connector",
        "map { table }",
        _("What the request says to which field; the paths are JMESPath."),
        "map {\n  | card field | from message | as   | if missing |\n"
        '  | message    | "text"       | text | reject     |\n}',
    ),
    "retry": Construct(
        "connector",
        "retry N times over DURATION then park",
        _("How often and how long to try again before a person has to look."),
        "retry 8 times over 1 calendar day then park",
    ),
    "setting": Construct(
        "connector", "KEY VALUE", _("A setting of the connector's kind."), 'from "Support <support@support.example>"'
    ),
    "secret_setting": Construct(
        "connector",
        'KEY secret "NAME"',
        _("A setting kept in the secret store, by its name there."),
        'server secret "SMTP_URL"',
    ),
    "subject": Construct(
        "template",
        'subject "TAG" "TEXT"',
        _("The subject in one language, which only e-mail shows."),
        'subject "en" "About your order"',
    ),
    "variant": Construct("template", '"TAG" "TEXT"', _("The text in one language."), '"en" "Thank you for writing."'),
    "header": Construct(
        "template",
        'header "TAG" "TEXT"',
        _("A line above the text in one language, with one placeholder at most."),
        'header "en" "Case {card.number}"',
    ),
    "header_media": Construct(
        "template",
        'header image|video|document "LINK"',
        _("A file above the text in every language, fetched from a link that anybody can open."),
        'header image "https://shop.example/opening-hours.png"',
    ),
    "buttons": Construct(
        "template",
        'buttons "TAG" "TEXT", …',
        _("Up to 3 answers to choose from in one language; the one chosen comes back as the customer's message."),
        'buttons "en" "My order", "A refund"',
    ),
    "list": Construct(
        "template",
        'list "TAG" "LABEL" { … }',
        _("Up to 10 answers in a list that the label opens, in one language."),
        'list "en" "Choose" {\n  "My order" "Where it is, when it comes"\n  "A refund"\n}',
    ),
    "choice": Construct(
        "list",
        '"TEXT" ["DESCRIPTION"]',
        _("An answer to choose, and a line about it."),
        '"A refund" "Money back for an order"',
    ),
    # --- tests
    "clock_starts": Construct(
        "test",
        'clock starts [WEEKDAY] DATE TIME in "CALENDAR"',
        _("When the test begins, in the calendar's time zone."),
        'clock starts monday 2026-11-09 09:00 in "Office"',
    ),
    "given": Construct(
        "test",
        'given card in "STAGE" [of "PIPELINE"] [with WHAT VALUE, …]',
        _("The card of the test and what it holds at the start."),
        'given card in "New" with priority urgent, channel whatsapp',
    ),
    "of_pipeline": Construct(
        "test",
        'of "PIPELINE"',
        _("Needed where several pipelines have such a stage."),
        'given card in "New" of "Support"',
    ),
    "step": Construct(
        "test",
        "[at MOMENT] WHAT HAPPENS | [at MOMENT] expect WHAT",
        _("A step of the story: something happens, or something is expected. Without `at`: in the same moment."),
        'at +1h customer replies "Any news?"',
    ),
    "offset": Construct(
        "test", "+TIME", _("Time on the wall since the test began: days, hours, minutes."), "at +1d2h expect nothing else"
    ),
    "customer_says": Construct(
        "test", 'customer replies ["TEXT"]', _("The customer writes."), 'customer replies "Any news?"'
    ),
    "agent_says": Construct("test", 'agent replies ["TEXT"]', _("A person answers the customer."), 'agent replies "Soon"'),
    "agent_moves": Construct(
        "test", 'agent moves card to "STAGE"', _("A person moves the card."), 'agent moves card to "Done"'
    ),
    "agent_sets": Construct("test", "set WHAT to VALUE", _("A person writes a field."), 'set "Tier" to gold'),
    "agent_acknowledges": Construct(
        "test", "agent acknowledges", _("A person acknowledges the escalation, which ends it."), "agent acknowledges"
    ),
    "agent_assigns": Construct(
        "test", "assign to agent NAME", _("A person gives the card to somebody."), "assign to agent ana"
    ),
    "agent_notes": Construct("test", 'add note "TEXT"', _("A person writes a note."), 'add note "Called the carrier"'),
    "expect_alert": Construct(
        "test",
        "expect alert to WHO about CLOCK",
        _("A warning went out."),
        "expect alert to owner about first reply",
    ),
    "expect_metric": Construct(
        "test",
        "expect CLOCK is missed|met|paused|running|excused",
        _("The state of a clock."),
        "expect first reply is missed",
    ),
    "expect_level": Construct(
        "test", 'expect level N of "ESCALATION"', _("The level was reached."), 'expect level 1 of "Late"'
    ),
    "expect_notice": Construct(
        "test", "expect notice to NAME [by CHANNEL]", _("Somebody was told."), "expect notice to ana by email"
    ),
    "expect_template": Construct(
        "test",
        'expect template "NAME" sent [once]|held',
        _("The customer got that text, or it waits: for the end of quiet hours, or for room under a rate."),
        'expect template "Welcome" sent once',
    ),
    "expect_stage": Construct("test", 'expect stage is "STAGE"', _("Where the card is."), 'expect stage is "Done"'),
    "expect_value": Construct("test", "expect WHAT is VALUE", _("What the card holds."), "expect priority is high"),
    "expect_tag": Construct("test", 'expect tag "TAG"', _("The card carries the tag."), 'expect tag "vip"'),
    "expect_due_in": Construct(
        "test", "expect CLOCK due in DURATION", _("How long the clock still has."), "expect resolved due in 2 working days"
    ),
    "expect_due_at": Construct(
        "test",
        "expect CLOCK due at DATE TIME",
        _("When the promise is due."),
        "expect next reply due at tuesday 2026-11-10 12:00",
    ),
    "nothing_else": Construct(
        "test", "expect nothing else", _("No notice, level or text beyond those expected."), "expect nothing else"
    ),
    "no_alert": Construct("test", "expect no alert", _("No warning so far."), "expect no alert"),
    "refused": Construct("test", "expect refused", _("The step just before was not allowed."), "expect refused"),
}

METRICS: dict[str, str] = {
    "first reply": _("Runs from the card's creation until a person answers the customer."),
    "next reply": _("Runs from the first unanswered message after the first reply until a person answers."),
    "leave stage": _("Runs from the card's arrival in the stage until it leaves it."),
    "resolved": _("Runs from the card's creation until it comes to a finish stage."),
}
"""The four clocks."""

COLUMNS: dict[str, str] = {
    "to": _("Who gets the card."),
    "words": _("Words or phrases in the customer's message, any of them."),
}
"""Headings that are no field and no clock."""

BUILT_IN: dict[str, str] = {
    "priority": _("How urgent the card is, one of the pipeline's priorities."),
    "type": _("The ticket type, one of the pipeline's."),
    "owner": _("The person who has the card."),
    "team": _("The team that has the card."),
    "stage": _("The stage the card is in."),
    "channel": _("How the card came: whatsapp, email, webhook, manual or api."),
    "connector": _("The connector the card came through."),
    "message": _("The text of the customer's message."),
    "title": _("What the card is called on the board."),
    "name": _("The customer's name."),
    "phone": _("The customer's phone number."),
    "email": _("The customer's e-mail address."),
}
"""What every card has."""

UNITS: dict[str, str] = {
    "business": _("Counts only while the calendar is open."),
    "elapsed": _("Counts on the wall, whatever is open."),
    "working days": _("Due at the same time of day, that many open days later."),
    "calendar days": _("Due at the same time of day, that many dates later."),
}
"""What a duration counts, by duly_dsl.units.Unit."""
