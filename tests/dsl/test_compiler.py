"""What the rule graph says of a workspace; expected values are worked out from the reference of the language."""

from __future__ import annotations

import pytest

from duly_dsl import program as p
from duly_dsl.build import build
from duly_dsl.compiler.doors import slug
from duly_dsl.program import FACT_KINDS, Program
from duly_dsl.source import SourceFile
from duly_dsl.units import DAY, HOUR, MINUTE, Duration, Unit
from support.world import WORLD

HEAD = """
calendar "Office" {
  time zone "Europe/Lisbon"
  open monday to friday 14:00-18:00, 09:00-13:00
  open saturday 22:00-06:00
  holidays from "PT"
  closed on 25 december every year "Christmas"
  closed from 2026-12-28 to 2026-12-31
  short day 2026-12-23 09:00-12:00 "Lunch"
  open on 2026-11-29 10:00-11:00
}

team "Desk" {
  members ana, bruno
  lead ana
  manager carla
}

template "Hello" {
  subject "en" "Hi"
  "en" "Hello"
}
"""


def compiled(lines: str = "", stage: str = "", rest: str = "", **others: str) -> Program:
    text = f"""{HEAD}
pipeline "P" {{
  calendar "Office"
  field "Tier" choice gold, silver default silver
  field "Items" number
  field "Due" date
  field "Paid" yes/no
  first reply within 4h
  next reply within 4h
  {lines}
  stage "New" {{
    start
    next "Wait", "Done"
    owner team "Desk"
    {stage}
  }}
  stage "Wait" {{
    pause all clocks
    resume in "New" when customer replies
  }}
  stage "Done" {{
    finish
  }}
  rule "Greet" {{
    when card is created and channel is whatsapp
    then send "Hello"
  }}
}}
{rest}
"""
    built = build([SourceFile("p.duly", text), *(SourceFile(f"{name}.duly", more) for name, more in others.items())], WORLD)
    assert built.program is not None, [(str(problem.span), problem.message) for problem in built.diagnostics]
    return built.program


def bare(program: Program, index: int | None) -> object:
    """A predicate without its place, its terms spelled out."""
    if index is None:
        return None
    match program.predicates[index]:
        case p.AllOf(terms=terms):
            return ("and", *(bare(program, term) for term in terms))
        case p.AnyOf(terms=terms):
            return ("or", *(bare(program, term) for term in terms))
        case p.Not(term=term):
            return ("not", bare(program, term))
        case p.EventAtom(kind=kind, stage=stage, metric=metric, subject=subject):
            return (kind, *filter(None, (stage, metric, subject)))
        case p.OneOf(operand=operand, values=values):
            return (operand, *values)
        case p.Compare(operand=operand, op=op, value=value):
            return (operand, op, value)
        case p.Empty(operand=operand):
            return (operand, "empty")
        case p.HasTag(tag=tag):
            return ("tag", tag)
        case p.ContainsAny(words=words):
            return ("words", *words)
        case p.CardAge(op=op, amount=amount):
            return ("age", op, str(amount))


def rule(when: str) -> tuple[Program, p.Rule]:
    program = compiled(f'rule "R" {{\n when {when}\n then tag "t"\n }}')
    return program, next(each for each in program.rules if each.name == "R")


def test_a_calendar() -> None:
    office = compiled().calendars["Office"]
    assert office.zone == "Europe/Lisbon"
    assert office.holidays == ("PT",)
    assert [(window.opens, window.closes) for window in office.week[0]] == [(540, 780), (840, 1080)]
    assert [(window.opens, window.closes) for window in office.week[5]] == [(1320, 1800)]
    assert office.week[6] == ()
    days = [(day.kind, day.month, day.day, str(day.first or ""), str(day.last or ""), day.reason) for day in office.days]
    assert days == [
        ("closed", 12, 25, "", "", "Christmas"),
        ("closed", 0, 0, "2026-12-28", "2026-12-31", ""),
        ("short", 0, 0, "2026-12-23", "2026-12-23", "Lunch"),
        ("extra", 0, 0, "2026-11-29", "2026-11-29", ""),
    ]


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        ("card is created and tier is gold", ("and", ("card is created",), ("field:Tier", "gold"))),
        (
            "customer replies and priority is one of urgent, high",
            ("and", ("customer replies",), ("priority", "high", "urgent")),
        ),
        ("customer replies and tier is not gold", ("and", ("customer replies",), ("not", ("field:Tier", "gold")))),
        ('customer replies and "Items" is filled', ("and", ("customer replies",), ("not", ("field:Items", "empty")))),
        ('"Items" changes and "Items" >= 5', ("and", ("changes", "field:Items"), ("field:Items", ">=", 5.0))),
        ('card leaves "New" and due < 2026-12-24', ("and", ("card leaves", "New"), ("field:Due", "<", "2026-12-24"))),
        ("card is created and paid is yes", ("and", ("card is created",), ("field:Paid", True))),
        (
            'customer replies and message contains "Reclamação", "REFUND now"',
            ("and", ("customer replies",), ("words", "reclamação", "refund now")),
        ),
        ("first reply is missed or agent replies", ("or", ("missed", "first reply"), ("agent replies",))),
        (
            'customer replies and (card has tag "a" and card age > 2 working days)',
            ("and", ("customer replies",), ("tag", "a"), ("age", ">", "2 working days")),
        ),
    ],
)
def test_conditions(when: str, expected: object) -> None:
    program, made = rule(when)
    assert bare(program, made.when) == expected
    terms = expected[1:] if isinstance(expected, tuple) and expected[0] == "and" else (expected,)
    assert tuple(bare(program, term) for term in made.terms) == terms


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        ("customer replies", {("customer replies", stage) for stage in ("New", "Wait", "Done")}),
        ('card enters "Wait"', {("card enters", "Wait")}),
        ('card leaves "New" and priority is high', {("card leaves", "New")}),
        ('customer replies and stage is "New"', {("customer replies", "New")}),
        ('agent replies and stage is not "New"', {("agent replies", "Wait"), ("agent replies", "Done")}),
        (
            '(customer replies or card enters "Wait") and not (stage is "Done")',
            {("customer replies", "New"), ("customer replies", "Wait"), ("card enters", "Wait")},
        ),
        ("priority changes and not (card is created)", {("changes", stage) for stage in ("New", "Wait", "Done")}),
        ("first reply is missed", {("missed", stage) for stage in ("New", "Wait", "Done")}),
    ],
)
def test_the_index_holds_a_rule_where_it_could_fire(when: str, expected: set[tuple[str, str]]) -> None:
    program, made = rule(when)
    found = {(entry.kind, entry.stage) for entry in program.index if made.id in entry.rules}
    assert found == expected


def test_the_index_keeps_the_order_of_the_file() -> None:
    lines = "\n".join(f'rule "{name}" {{\n when card is created\n then tag "{name}"\n }}' for name in ("b", "a", "c"))
    program = compiled(lines)
    entry = next(each for each in program.index if (each.kind, each.stage) == ("card is created", "New"))
    assert [program.rules[number].name for number in entry.rules] == ["b", "a", "c", "Greet"]
    assert [each.kind for each in program.index] == sorted((each.kind for each in program.index), key=FACT_KINDS.index)


def test_targets_are_lines_with_a_condition_then_tables_then_bare_lines() -> None:
    program = compiled(
        stage="""leave stage within 9h
        targets {
          | priority   | tier | leave stage    | first reply |
          | high       | gold | 1h             | -           |
          | normal, low | any | 2 working days | 30m         |
        }
        leave stage within 5m if card has tag "vip"
        first reply within 2h elapsed"""
    )
    first, leave = program.pipelines["P"].stage("New").targets
    assert (first.metric, leave.metric) == ("first reply", "leave stage")
    assert [(bare(program, row.when), row.amount) for row in leave.rows] == [
        (("tag", "vip"), Duration(Unit.BUSINESS, 5 * MINUTE)),
        (("and", ("priority", "high"), ("field:Tier", "gold")), Duration(Unit.BUSINESS, HOUR)),
        (("priority", "low", "normal"), Duration(Unit.WORKING_DAYS, 2)),
        (None, Duration(Unit.BUSINESS, 9 * HOUR)),
    ]
    assert leave.reads == ("tags", "priority", "field:Tier")
    assert [(bare(program, row.when), row.amount) for row in first.rows] == [
        (("and", ("priority", "high"), ("field:Tier", "gold")), None),
        (("priority", "low", "normal"), Duration(Unit.BUSINESS, 30 * MINUTE)),
        (None, Duration(Unit.ELAPSED, 2 * HOUR)),
    ]


def test_else_is_any_in_its_column() -> None:
    program = compiled(
        stage="""targets {
          | priority | tier | leave stage |
          | high     | any  | 1h          |
          | else     | gold | 2h          |
          | else     | any  | 3h          |
        }"""
    )
    leave = program.pipelines["P"].stage("New").targets[0]
    assert [bare(program, row.when) for row in leave.rows] == [("priority", "high"), ("field:Tier", "gold"), None]


def test_alerts_have_keys_of_their_own() -> None:
    program = compiled(
        "alert owner at 50% of next reply",
        stage="""alert owner at 80% of first reply
        alert lead of "Desk" and lead at 80% of first reply by app using "Hello"
        alert manager 30m before first reply""",
    )
    pipeline = program.pipelines["P"]
    alerts = pipeline.stage("New").alerts
    assert [alert.key for alert in alerts] == [
        "New/first reply/80%",
        "New/first reply/80% 2",
        "New/first reply/30m before",
    ]
    assert [alert.key for alert in pipeline.alerts] == ["*/next reply/50%"]
    assert [(actor.kind, actor.name) for actor in alerts[1].actors] == [("lead_of", "Desk"), ("lead", "")]
    assert (alerts[1].channel, alerts[1].template) == ("app", "Hello")
    assert (alerts[2].percent, alerts[2].before) == (None, Duration(Unit.BUSINESS, 30 * MINUTE))


def test_an_escalation_is_its_misses_and_its_other_conditions() -> None:
    program = compiled(
        """escalation "E" {
          when (first reply is missed or next reply is missed) and tier is gold
          level 1 at once notify manager of "Desk"
          level 2 after 30m assign to least busy of "Desk" then raise priority
          repeat level 2 every 1h at most 3 times
          stop when agent replies or card leaves "New"
        }
        escalation "Mixed" {
          when first reply is missed or next reply is missed and tier is gold
          level 1 at once notify owner
        }"""
    )
    first, mixed = program.pipelines["P"].escalations
    assert first.metrics == ("first reply", "next reply")
    assert bare(program, first.when) == ("field:Tier", "gold")
    assert [(level.number, level.after, level.repeat_every, level.repeat_at_most) for level in first.levels] == [
        (1, None, None, None),
        (2, Duration(Unit.BUSINESS, 30 * MINUTE), Duration(Unit.BUSINESS, HOUR), 3),
    ]
    assert [type(action).__name__ for action in first.levels[1].actions] == ["AssignTo", "ShiftPriority"]
    assert first.stop_kinds == ("card leaves", "agent replies")
    assert mixed.metrics == ("first reply", "next reply")
    assert bare(program, mixed.when) == (
        "or",
        ("missed", "first reply"),
        ("and", ("missed", "next reply"), ("field:Tier", "gold")),
    )


def test_a_stage() -> None:
    program = compiled(
        stage="""leave stage counts in total
        leave stage within 1h
        after 2 calendar days of silence send "Hello" once
        after 5 calendar days of silence move to "Done" because "silent" """
    )
    new, wait, done = program.pipelines["P"].stages
    assert (new.start, new.finish, new.next, new.total) == (True, False, ("Wait", "Done"), True)
    assert new.owner is not None
    assert (new.owner.kind, new.owner.name) == ("team", "Desk")
    assert [(silence.index, silence.amount.amount) for silence in new.silences] == [(0, 2), (1, 5)]
    assert new.silences[1].action == p.Move(stage="Done", reason="silent", span=new.silences[1].action.span)
    assert wait.pauses == p.METRICS
    assert [(resume.kinds, resume.stage) for resume in wait.resumes] == [(("customer replies",), "New")]
    assert (done.finish, done.reopen) == (True, None)


def test_an_assignment_table() -> None:
    program = compiled(
        """assign when card enters "New" {
          | channel | words             | to                    |
          | email   | "Refund", "money" | agent ana             |
          | any     | any               | round robin of "Desk" |
        }"""
    )
    (assign,) = program.pipelines["P"].assigns
    assert (assign.key, assign.kind, assign.stage) == ("card enters New", "card enters", "New")
    assert bare(program, assign.event) == ("card enters", "New")
    assert [(bare(program, row.when), row.to.kind, row.to.name) for row in assign.rows] == [
        (("and", ("channel", "email"), ("words", "money", "refund")), "agent", "ana"),
        (None, "round_robin", "Desk"),
    ]


def test_defaults() -> None:
    pipeline = compiled().pipelines["P"]
    assert pipeline.priorities == ("urgent", "high", "normal", "low")
    assert pipeline.default_priority == "normal"
    assert pipeline.languages == ("en",)
    assert [(field.name, field.default) for field in pipeline.fields][:2] == [("Tier", "silver"), ("Items", None)]
    assert compiled("priorities now, later").pipelines["P"].default_priority == "later"


def test_connectors() -> None:
    program = compiled(
        rest="""connector "Loja São Paulo" receives webhook {
          verify hmac sha256 with secret "SHOP_KEY" in header "X-S"
          open card in "P"
          same card when "order.id" within 14 calendar days
          map {
            | card field | from message | as     | if missing |
            | message    | "text"       | text   | reject     |
            | "Items"    | "items"      | number | 1          |
            | tier       | "tier"       | choice | gold       |
            | title      | "subject"    | text   | skip       |
          }
        }
        connector "Mail" sends email {
          server secret "SMTP"
          from "a@example.com"
          retry 3 times over 1h elapsed then park
        }"""
    )
    shop, mail = program.connectors["Loja São Paulo"], program.connectors["Mail"]
    assert shop.path == "/in/loja-sao-paulo"
    assert (shop.verify_scheme, shop.verify_algorithm, shop.verify_secret) == ("hmac", "sha256", "SHOP_KEY")
    assert (shop.same_path, shop.same_within) == ("order.id", Duration(Unit.CALENDAR_DAYS, 14))
    assert [(row.target, row.missing, row.default) for row in shop.map] == [
        ("message", "reject", None),
        ("field:Items", "default", 1.0),
        ("field:Tier", "default", "gold"),
        ("title", "skip", None),
    ]
    assert mail.path == ""
    assert {key: (setting.value, setting.secret) for key, setting in mail.settings.items()} == {
        "server": ("SMTP", True),
        "from": ("a@example.com", False),
    }
    assert (mail.retry_times, mail.retry_over) == (3, Duration(Unit.ELAPSED, HOUR))


@pytest.mark.parametrize(
    ("name", "expected"), [("Shop", "shop"), ("Loja São Paulo!", "loja-sao-paulo"), ("  a/b_c ", "a-b-c"), ("***", "door")]
)
def test_the_path_of_a_name(name: str, expected: str) -> None:
    assert slug(name) == expected


def test_equal_conditions_are_one_node_and_come_before_what_holds_them() -> None:
    program = compiled(
        'rule "A" {\n when customer replies and (tier is one of gold, silver or "Items" > 3)\n then tag "a"\n }\n'
        'rule "B" {\n when agent replies and (tier is one of silver, gold or "Items" > 3)\n then tag "b"\n }'
    )
    first, second = program.rules[:2]
    assert first.terms[1] == second.terms[1]
    for index, predicate in enumerate(program.predicates):
        below = {p.Not: lambda each: (each.term,), p.AllOf: lambda each: each.terms, p.AnyOf: lambda each: each.terms}
        assert all(child < index for child in below.get(type(predicate), lambda each: ())(predicate))


def test_the_same_files_give_the_same_hash_and_the_stored_form_is_read_back() -> None:
    more = {"z": 'template "Z" {\n  "en" "z"\n}\n', "a": 'template "A" {\n  "en" "a"\n}\n'}
    one = compiled(**more)
    other = compiled(**dict(reversed(list(more.items()))))
    assert one.hash == other.hash and len(one.hash) == 64
    assert Program.decode(one.encode()) == one
    assert compiled(**{**more, "a": more["a"].replace('"a"', '"b"')}).hash != one.hash
    assert one.sealed().hash == one.hash


def test_every_node_has_its_place() -> None:
    program = compiled()
    assert program.rules[0].span.path == "p.duly"
    assert all(predicate.span.path == "p.duly" for predicate in program.predicates)
    assert all(predicate.span.line > HEAD.count("\n") for predicate in program.predicates)


def test_working_days_are_no_hours() -> None:
    program, made = rule("customer replies and card age > 24h elapsed and card age < 2 calendar days")
    ages = [program.predicates[term] for term in made.terms[1:]]
    assert [age.amount for age in ages if isinstance(age, p.CardAge)] == [
        Duration(Unit.ELAPSED, DAY),
        Duration(Unit.CALENDAR_DAYS, 2),
    ]


LIMITS = """send limits {
  quiet hours monday to friday, sunday 22:00-08:00, 12:00-13:00 in time zone "Asia/Tokyo" for people and customers
  quiet hours 09:00-10:00 in "Office" for people
  at most 3 messages per card per 1h
  digest alerts and notices every 30m
}
"""


def test_send_limits_of_the_workspace_hold_for_a_pipeline_without_its_own() -> None:
    limits = compiled(rest=LIMITS).pipelines["P"].limits
    assert limits is not None
    first, second = limits.quiet
    assert (first.zone, first.customers, first.people) == ("Asia/Tokyo", True, True)
    assert [(window.opens, window.closes) for window in first.week[6]] == [(720, 780), (1320, 1920)]
    assert [bool(day) for day in first.week] == [True] * 5 + [False, True]
    assert (second.zone, second.customers, second.people) == ("Europe/Lisbon", False, True)
    assert all(second.week)
    assert [(rate.messages, rate.period) for rate in limits.rates] == [(3, Duration(Unit.BUSINESS, HOUR))]
    assert [(digest.kinds, digest.every.amount) for digest in limits.digests] == [(("alerts", "notices"), 30 * MINUTE)]


def test_a_pipelines_own_send_limits_count_alone() -> None:
    program = compiled("send limits {\n  at most 1 message per card per 1 calendar day\n}", rest=LIMITS)
    limits = program.pipelines["P"].limits
    assert limits is not None
    assert (len(limits.quiet), len(limits.rates), len(limits.digests)) == (0, 1, 0)
    assert compiled().pipelines["P"].limits is None


def test_schedules_of_rules() -> None:
    program = compiled(
        'rule "A" {\n when every friday, monday 09:00 and tier is gold\n then tag "a"\n }\n'
        'rule "B" {\n when every monday, friday 9:00 or every working day 18:30 or every 4h\n then tag "b"\n }\n'
        'rule "C" {\n when every monday to sunday 00:00\n then tag "c"\n }'
    )
    schedules = program.pipelines["P"].schedules
    assert [(each.key, each.days, each.minutes, str(each.interval or "")) for each in schedules] == [
        ("4h", None, 0, "4h"),
        ("day 00:00", (0, 1, 2, 3, 4, 5, 6), 0, ""),
        ("monday, friday 09:00", (0, 4), 540, ""),
        ("working day 18:30", None, 1110, ""),
    ]
    first = next(rule for rule in program.rules if rule.name == "A")
    assert bare(program, first.terms[0]) == ("every", "monday, friday 09:00")
    asked = {(entry.stage, entry.rules) for entry in program.index if entry.kind == "every"}
    assert {stage for stage, _ in asked} == {"New", "Wait", "Done"}
    assert compiled().pipelines["P"].schedules == ()
