"""What statements mean: values worked out by hand from the language's description."""

from __future__ import annotations

import datetime as dt

import pytest

from duly_dsl import syntax
from duly_dsl.parser import MOST_BYTES, MOST_STATEMENTS, parse
from duly_dsl.source import SourceFile, Span
from duly_dsl.units import HOUR, MINUTE, SECOND, Duration, Unit


def read(text: str) -> syntax.File:
    parsed = parse(SourceFile("a.duly", text))
    assert parsed.diagnostics == ()
    return parsed.file


def pipeline(lines: str) -> syntax.Pipeline:
    return read(f'pipeline "P" {{\n{lines}\n}}\n').pipelines[0]


def condition(text: str) -> syntax.Expr:
    (rule,) = pipeline(f'rule "R" {{\nwhen {text}\n}}').rules
    assert rule.when is not None
    return rule.when


def action(text: str) -> syntax.Action:
    (made,) = pipeline(f'rule "R" {{\nthen {text}\n}}').rules[0].actions
    return made


def say(expr: syntax.Expr) -> str:
    """A condition with all its brackets."""
    match expr:
        case syntax.And(terms=terms):
            return "(" + " and ".join(map(say, terms)) + ")"
        case syntax.Or(terms=terms):
            return "(" + " or ".join(map(say, terms)) + ")"
        case syntax.Not(term=term):
            return f"not {say(term)}"
        case syntax.Is(operand=operand, values=values, negated=negated):
            return f"{operand.name.text}{'!' if negated else ''}={'/'.join(str(value.value) for value in values)}"
        case syntax.EventIs(kind=kind, stage=stage, metric=metric, operand=operand):
            of = (stage and stage.text) or (metric and metric.name) or (operand and operand.name.text) or ""
            return f"{kind}[{of}]"
        case _:
            return type(expr).__name__


@pytest.mark.parametrize(
    ("text", "unit", "amount"),
    [
        ("15m", Unit.BUSINESS, 15 * MINUTE),
        ("4h", Unit.BUSINESS, 4 * HOUR),
        ("1h30m", Unit.BUSINESS, HOUR + 30 * MINUTE),
        ("45s", Unit.BUSINESS, 45 * SECOND),
        ("1h2m3s", Unit.BUSINESS, HOUR + 2 * MINUTE + 3 * SECOND),
        ("0m", Unit.BUSINESS, 0),
        ("48h elapsed", Unit.ELAPSED, 48 * HOUR),
        ("2 working days", Unit.WORKING_DAYS, 2),
        ("1 working day", Unit.WORKING_DAYS, 1),
        ("1 calendar day", Unit.CALENDAR_DAYS, 1),
        ("14 calendar days", Unit.CALENDAR_DAYS, 14),
    ],
)
def test_durations(text: str, unit: Unit, amount: int) -> None:
    assert pipeline(f"resolved within {text}").lines[0].amount.value == Duration(unit, amount)
    table = pipeline(f"targets {{\n| priority | resolved |\n| any | {text} |\n}}").tables[0]
    cell = table.rows[0].cells[1].amount
    assert cell is not None and cell.value == Duration(unit, amount)


def test_ambiguous_days_offer_both_readings() -> None:
    (found,) = parse(SourceFile("a.duly", 'pipeline "P" {\nresolved within 3d\n}\n')).diagnostics
    assert (found.code, found.name) == ("E0120", "ambiguous-day")
    assert [fix.text for fix in found.fixes] == ["3 working days", "3 calendar days"]
    assert {fix.span for fix in found.fixes} == {Span("a.duly", 2, 17, 2, 19)}


def test_spans_are_lines_and_columns_in_code_points() -> None:
    file = read('# 字\n\n  team "São 字" {  # 🙂\n\tmembers ana,  bruno # x\n  }\n')
    (team,) = file.teams
    assert team.span == Span("a.duly", 3, 3, 5, 4)
    assert team.name.span == Span("a.duly", 3, 8, 3, 15)
    assert [name.span for name in team.members] == [Span("a.duly", 4, 10, 4, 13), Span("a.duly", 4, 16, 4, 21)]


def test_a_calendar() -> None:
    (calendar,) = read(
        """calendar "Office" {
  time zone "Europe/Lisbon"
  open monday to wednesday, friday 09:00-12:30, 13:30-18:00
  open saturday to monday 22:00-06:00
  open every day 9:05-24:00
  open on 2026-11-28 09:00-18:00 "Sale"
  short day 24 december every year 09:00-12:00
  closed on 2026-12-25
  closed from 2026-12-28 to 2026-12-31 "Holidays"
  holidays from "PT-11"
}
"""
    ).calendars
    assert calendar.zone is not None and calendar.zone.value == "Europe/Lisbon"
    assert [line.days for line in calendar.weekly] == [(0, 1, 2, 4), (5, 6, 0), (0, 1, 2, 3, 4, 5, 6)]
    assert [[(span.opens, span.closes) for span in line.spans] for line in calendar.weekly] == [
        [(540, 750), (810, 1080)],
        [(1320, 360)],
        [(545, 1440)],
    ]
    extra, short = calendar.special
    assert (extra.kind, short.kind) == ("extra", "short")
    assert isinstance(extra.day, syntax.OnDate) and extra.day.first == extra.day.last == dt.date(2026, 11, 28)
    assert extra.reason is not None and extra.reason.value == "Sale"
    assert isinstance(short.day, syntax.EveryYear) and (short.day.month, short.day.day) == (12, 24)
    one, several = calendar.closed
    assert isinstance(one.day, syntax.OnDate) and one.reason is None
    assert isinstance(several.day, syntax.OnDate)
    assert (several.day.first, several.day.last) == (dt.date(2026, 12, 28), dt.date(2026, 12, 31))
    assert [holiday.region.value for holiday in calendar.holidays] == ["PT-11"]


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("card is created", "card is created[]"),
        ('card enters "New"', "card enters[New]"),
        ("card leaves", "card leaves[]"),
        ("card is reopened or card is assigned", "(card is reopened[] or card is assigned[])"),
        ("tier changes", "changes[tier]"),
        ('"First reply" changes', "changes[First reply]"),
        ("next reply is missed", "missed[next reply]"),
        ("a is b or c is d and e is f", "(a=b or (c=d and e=f))"),
        ("(a is b or c is d) and e is f", "((a=b or c=d) and e=f)"),
        ("not a is b and c is d", "(not a=b and c=d)"),
        ("not (a is b and c is d)", "not (a=b and c=d)"),
        ("not not a is b", "not not a=b"),
        ("a is b and c is d and e is f", "(a=b and c=d and e=f)"),
        ("((a is b))", "a=b"),
        ("tier is not gold", "tier!=gold"),
        ("tier is one of gold, silver and vip is yes", "(tier=gold/silver and vip=True)"),
    ],
)
def test_conditions_bind_not_then_and_then_or(text: str, meaning: str) -> None:
    assert say(condition(text)) == meaning


def test_other_conditions() -> None:
    contains = condition('message contains "a", "b c"')
    assert isinstance(contains, syntax.Contains) and [word.value for word in contains.words] == ["a", "b c"]
    age = condition("card age >= 24h elapsed")
    assert isinstance(age, syntax.CardAge)
    assert (age.op, age.amount.value) == (">=", Duration(Unit.ELAPSED, 24 * HOUR))
    empty, filled = condition('"Order number" is empty'), condition("order is filled")
    assert isinstance(empty, syntax.IsEmpty) and not empty.negated and empty.operand.name.quoted
    assert isinstance(filled, syntax.IsEmpty) and filled.negated and not filled.operand.name.quoted
    tag = condition('card has tag "vip"')
    assert isinstance(tag, syntax.HasTag) and tag.tag.value == "vip"


@pytest.mark.parametrize(
    ("written", "kind", "value"),
    [
        ("5", "number", 5),
        ("-2.5", "number", -2.5),
        ("gold", "word", "gold"),
        ("semi-urgent", "word", "semi-urgent"),
        ('"a \\"b\\"\\n\\\\"', "text", 'a "b"\n\\'),
        ("2026-03-05", "date", dt.date(2026, 3, 5)),
        ("yes", "yes/no", True),
        ("no", "yes/no", False),
        ("90m", "duration", Duration(Unit.BUSINESS, 90 * MINUTE)),
        ("ção", "word", "ção"),
        ("c\u0327a\u0303o", "word", "ção"),
        ("हिन्दी", "word", "हिन्दी"),
    ],
)
def test_values(written: str, kind: str, value: object) -> None:
    made = action(f"set x to {written}")
    assert isinstance(made, syntax.Set)
    assert (made.value.kind, made.value.value) == (kind, value)
    assert type(made.value.value) is type(value)


@pytest.mark.parametrize(
    ("written", "kind", "name"),
    [
        ("owner", "owner", None),
        ("manager", "manager", None),
        ("lead", "lead_of_owner", None),
        ('lead of "T"', "lead", "T"),
        ('manager of "T"', "manager_of", "T"),
        ('team "T"', "team", "T"),
        ("agent ana", "agent", "ana"),
        ('least busy of "T"', "least_busy", "T"),
        ('round robin of "T"', "round_robin", "T"),
    ],
)
def test_actors_in_actions_and_in_tables(written: str, kind: str, name: str | None) -> None:
    made = action(f"assign to {written}")
    assert isinstance(made, syntax.AssignTo)
    table = pipeline(f"assign when card is created {{\n| to |\n| {written} |\n}}").assigns[0].table
    cell = table.rows[0].cells[0].actor
    for actor in (made.actor, cell):
        assert actor is not None
        assert (actor.kind, actor.name.text if actor.name else None) == (kind, name)


def test_actions() -> None:
    notify = action('notify owner and lead of "T" by email using "Late"')
    assert isinstance(notify, syntax.Notify)
    assert [actor.kind for actor in notify.actors] == ["owner", "lead"]
    assert notify.channel is not None and notify.channel.text == "email"
    assert notify.template is not None and notify.template.text == "Late"
    tag, untag = action('tag "a"'), action('untag "a"')
    assert isinstance(tag, syntax.Tag) and isinstance(untag, syntax.Tag) and (tag.remove, untag.remove) == (False, True)
    move = action('move to "Done" because "no answer"')
    assert isinstance(move, syntax.Move) and move.reason is not None and move.reason.value == "no answer"
    once, always = action('send "T" once'), action('send "T"')
    assert isinstance(once, syntax.Send) and isinstance(always, syntax.Send) and (once.once, always.once) == (True, False)
    up, down = action("raise priority"), action("lower priority")
    assert isinstance(up, syntax.ShiftPriority) and isinstance(down, syntax.ShiftPriority)
    assert (up.raised, down.raised) == (True, False)
    assert isinstance(action('reply "Hi {customer.name}"'), syntax.Reply)
    assert isinstance(action('call "CRM"'), syntax.Call)
    assert isinstance(action('add note "x"'), syntax.AddNote)


def test_a_table_of_targets() -> None:
    (table,) = pipeline(
        """targets {
| priority     | "Tier" | first reply | resolved    |
| urgent, high | any    | 15m         | -           |
| else         | any    | 8h          | 48h elapsed |
}"""
    ).tables
    assert [column.kind for column in table.columns] == ["operand", "operand", "metric", "metric"]
    assert [column.operand.name.quoted for column in table.columns if column.operand] == [False, True]
    first, last = table.rows
    assert [value.value for value in first.cells[0].values] == ["urgent", "high"]
    assert (first.otherwise, last.otherwise) == (False, True)
    assert first.cells[1].any and last.cells[0].any
    assert first.cells[3].none and first.cells[3].amount is None
    assert last.cells[3].amount is not None and last.cells[3].amount.value.unit is Unit.ELAPSED


def test_words_in_an_assignment_table_are_texts_quoted_or_not() -> None:
    (assign,) = pipeline('assign when card enters "New" {\n| words | to |\n| "money back", refund | owner |\n}').assigns
    assert assign.event.kind == "card enters" and assign.event.stage is not None
    assert [column.kind for column in assign.table.columns] == ["words", "to"]
    assert [(value.kind, value.value) for value in assign.table.rows[0].cells[0].values] == [
        ("text", "money back"),
        ("text", "refund"),
    ]


def test_a_stage() -> None:
    (stage,) = pipeline(
        """stage "Doing" was "Working", "Busy" {
  start
  next "Waiting", "Done"
  owner agent ana
  leave stage within 30m if priority is urgent
  leave stage counts in total
  alert owner and manager at 80% of first reply by email using "Late"
  alert lead 2h before leave stage
  pause next reply, resolved
  resume in "In progress" when customer replies
  after 2 calendar days of silence send "Still there?" once
  reopen within 7 calendar days to "Doing"
}"""
    ).stages
    assert [name.text for name in stage.was] == ["Working", "Busy"]
    assert stage.start and not stage.finish and stage.total
    assert [name.text for name in stage.next] == ["Waiting", "Done"]
    assert stage.lines[0].metric.name == "leave stage" and isinstance(stage.lines[0].condition, syntax.Is)
    percent, before = stage.alerts
    assert (percent.percent, percent.before, percent.metric.name) == (80, None, "first reply")
    assert before.percent is None and before.before is not None and before.before.value.amount == 2 * HOUR
    assert [metric.name for metric in stage.pauses[0].metrics] == ["next reply", "resolved"]
    assert stage.resumes[0].stage is not None and stage.resumes[0].stage.text == "In progress"
    assert isinstance(stage.silences[0].action, syntax.Send) and stage.silences[0].action.once
    assert stage.reopen is not None and stage.reopen.stage.text == "Doing"
    assert pipeline('stage "W" {\npause all clocks\n}').stages[0].pauses[0].metrics == ()


def test_an_escalation() -> None:
    (ladder,) = pipeline(
        """escalation "Late" {
  when first reply is missed or next reply is missed
  level 1 at once notify owner
  level 2 after 30m notify manager then raise priority
  repeat level 2 every 1h at most 3 times
  stop when agent replies
}"""
    ).escalations
    assert [level.after.value.amount if level.after else None for level in ladder.levels] == [None, 30 * MINUTE]
    assert [len(level.actions) for level in ladder.levels] == [1, 2]
    assert (ladder.repeats[0].level, ladder.repeats[0].at_most) == (2, 3)
    assert ladder.stop is not None and say(ladder.stop) == "agent replies[]"


def test_rules_and_fields() -> None:
    made = pipeline(
        """calendar "Office"
  priorities urgent, low
  ticket types question
  languages "pt-BR", "en"
  field "Code" text matching "^\\d{6} \\"x\\"$" required to leave "New", "Doing"
  field "Tier" choice gold, "very big" default gold
  field "Old" yes/no default no
  on reopen first reply first only
  on reopen next reply new cycle
  rule "On" {
    when card is created
    then tag "a" then tag "b"
    then tag "c"
  }
  rule "Shadow" shadow {
  }
  rule "Off" off {
  }"""
    )
    code, tier, old = made.fields
    assert code.pattern is not None and code.pattern.value == '^\\d{6} "x"$'
    assert [name.text for name in code.required_to_leave] == ["New", "Doing"]
    assert [(name.text, name.quoted) for name in tier.choices] == [("gold", False), ("very big", True)]
    assert tier.default is not None and (tier.default.kind, tier.default.value) == ("word", "gold")
    assert old.default is not None and old.type == "yes/no" and old.default.value is False
    assert [line.choice for line in made.reopens] == ["first only", "new cycle"]
    assert [rule.mode for rule in made.rules] == ["on", "shadow", "off"]
    assert [item.tag.value for item in made.rules[0].actions if isinstance(item, syntax.Tag)] == ["a", "b", "c"]


def test_a_connector_and_its_own_settings() -> None:
    (door,) = read(
        """connector "Shop" receives webhook {
  path "/in/shop"
  verify hmac sha256 with secret "KEY" in header "X-Sig"
  open card in "Desk"
  same card when "order.id" within 14 calendar days
  map {
    | card field | from message | as     | if missing |
    | message    | "text"       | text   | reject     |
    | "Tier"     | "c.tier"     | choice | basic      |
    | title      | "subject"    | text   | skip       |
  }
  retry 8 times over 3 calendar days then park
  app secret secret "A"
  api secret "B"
  sign with secret "C"
  verify token secret "D"
  phone number id "1055"
  timeout 10s
  limit 3
}
"""
    ).connectors
    assert (door.direction, door.kind.text) == ("receives", "webhook")
    assert door.verify is not None and (door.verify.scheme, door.verify.algorithm) == ("hmac", "sha256")
    assert door.verify.header is not None and door.verify.header.value == "X-Sig"
    assert door.same is not None and door.same.path is not None and door.same.path.value == "order.id"
    assert door.retry is not None and door.retry.times == 8
    message, tier, title = door.map
    assert (message.target.text, message.target.quoted, message.missing, message.skip) == ("message", False, None, False)
    assert tier.target.quoted and tier.missing is not None and tier.missing.value == "basic"
    assert title.missing is None and title.skip
    assert [(each.key, each.value.value, each.secret) for each in door.settings] == [
        ("app secret", "A", True),
        ("api", "B", True),
        ("sign with", "C", True),
        ("verify token", "D", True),
        ("phone number id", "1055", False),
        ("timeout", Duration(Unit.BUSINESS, 10 * SECOND), False),
        ("limit", 3, False),
    ]
    token = read('connector "C" receives webhook {\nverify token with secret "T"\n}\n').connectors[0].verify
    assert token is not None and (token.scheme, token.algorithm, token.header) == ("token", "", None)


def test_a_test() -> None:
    (made,) = read(
        """test "T" {
  clock starts friday 2026-03-06 17:30 in "Office"
  given card in "New" of "Desk" with priority urgent, "Tier" gold, message "hello"
  at +2d4h expect alert to owner about first reply
  at monday 2026-03-09 09:00 customer replies "hi"
  agent replies
  agent moves card to "Done"
  set "Order" to "12"
  agent acknowledges
  assign to agent bruno
  add note "x"
  expect first reply is met
  expect level 2 of "Late"
  expect notice to ana by email
  expect template "T" sent once
  expect stage is "Done"
  expect owner is ana
  expect tag "vip"
  expect resolved due in 1h
  expect resolved due at 2026-03-10 12:00
  expect nothing else
  expect no alert
  expect refused
}
"""
    ).tests
    assert made.starts is not None and made.zone_of is not None and made.zone_of.text == "Office"
    assert (made.starts.weekday, made.starts.date, made.starts.minutes) == (4, dt.date(2026, 3, 6), 1050)
    assert made.given is not None and made.given.pipeline is not None
    assert [(operand.name.text, value.value) for operand, value in made.given.values] == [
        ("priority", "urgent"),
        ("Tier", "gold"),
        ("message", "hello"),
    ]
    first, second = made.steps[:2]
    assert first.at is not None and first.at.offset == 52 * HOUR
    assert second.at is not None and (second.at.offset, second.at.weekday) == (None, 0)
    assert [step.what.kind for step in made.steps] == [
        *("alert", "customer replies", "agent replies", "agent moves card", "set", "agent acknowledges", "assign", "note"),
        *("met", "level", "notice", "template", "stage", "set", "tag", "due in", "due at", "nothing else", "no alert"),
        "refused",
    ]


def test_templates() -> None:
    (made,) = read('template "T" {\n  subject "en" "Hi"\n  "en" "Hello\\nyou"\n  "pt-BR" "Olá"\n}\n').templates
    assert [(variant.language.value, variant.text.value) for variant in made.variants] == [
        ("en", "Hello\nyou"),
        ("pt-BR", "Olá"),
    ]
    assert made.subject[0].text.value == "Hi"


def test_the_first_of_two_lines_that_say_one_thing_counts() -> None:
    parsed = parse(SourceFile("a.duly", 'team "T" {\n  lead ana\n  lead bruno\n}\n'))
    (found,) = parsed.diagnostics
    assert found.span.line == 3 and found.related[0][0].line == 2
    assert parsed.file.teams[0].lead is not None and parsed.file.teams[0].lead.text == "ana"


def test_a_broken_statement_is_left_out_and_hides_nothing_after_it() -> None:
    parsed = parse(SourceFile("a.duly", 'team "T" {\n  members ana bruno\n  lead ana\n}\nuse "b.duly"\n'))
    assert [found.span for found in parsed.diagnostics] == [Span("a.duly", 2, 15, 2, 20)]
    assert parsed.file.teams[0].members == () and parsed.file.teams[0].lead is not None
    assert [use.path.value for use in parsed.file.uses] == ["b.duly"]


def test_misspelt_words_are_read_as_what_they_are_close_to() -> None:
    parsed = parse(SourceFile("a.duly", 'Team "T" {\n  membres ana\n}\n'))
    assert [(found.nearest, found.fixes[0].text) for found in parsed.diagnostics] == [
        ("team", "team"),
        ("members", "members"),
    ]
    assert parsed.file.teams[0].members[0].text == "ana"


def test_limits_are_the_documented_ones() -> None:
    assert (MOST_BYTES, MOST_STATEMENTS) == (262_144, 10_000)
    line = 'use "a"\n'
    assert parse(SourceFile("a.duly", line * 10_000)).diagnostics == ()
    assert [found.code for found in parse(SourceFile("a.duly", line * 10_001)).diagnostics] == ["E0141"]
    filler = "# " + "x" * (262_144 - 3) + "\n"
    assert parse(SourceFile("a.duly", filler)).diagnostics == ()
    assert [found.code for found in parse(SourceFile("a.duly", filler + "\n")).diagnostics] == ["E0140"]


def test_newlines_of_all_systems_and_a_byte_order_mark() -> None:
    text = '\ufeffteam "T" {\n  members ana\n}\n'
    for newline in ("\n", "\r\n", "\r"):
        assert read(text.replace("\n", newline)).teams[0].span.end_line == 3


def test_a_bar_left_out_of_a_row_is_told_at_the_row_not_at_a_heading() -> None:
    rows = ("| priority | type | first reply |", "| urgent | any | 15m |", "| normal any | 1h |")
    text = 'pipeline "P" {\n  targets {\n' + "\n".join(rows) + "\n  }\n}\n"
    assert [(each.span.line, each.code) for each in parse(SourceFile("a.duly", text)).diagnostics] == [(5, "E0131")]
