"""Conditions as compiled code: each kind by hand, and all of them against a walk of the tree."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from duly_dsl import program as p
from duly_dsl.units import DAY, HOUR, Duration, Unit
from duly_dsl.words import fold, holds_word
from duly_runtime.card import Card
from duly_runtime.decision import RuleTrace
from duly_runtime.engine.facts import MICROSECOND, Facts
from duly_runtime.engine.matching import STRAIGHT, Matcher

NOON = dt.datetime(2026, 11, 9, 12, tzinfo=dt.UTC)
ONE_HOUR = dt.timedelta(hours=1)


def card(**values: object) -> Card:
    given = {"id": 1, "number": 1, "pipeline": "P", "stage": "New", "created_at": NOON, **values}
    return Card(**given)  # type: ignore[arg-type]


def facts(kind: str = "customer replies", message: str = "", **values: object) -> Facts:
    given: dict[str, object] = {}
    for key in ("stage", "metric", "subject"):
        if f"at_{key}" in values:
            given[key] = values.pop(f"at_{key}")
    ages = {key: values.pop(key) for key in ("at", "business", "past") if key in values}
    return Facts(kind=kind, card=card(**values), message=fold(message), **given, **ages)  # type: ignore[arg-type]


def holds(predicate: p.AnyPredicate, about: Facts) -> bool:
    return Matcher(p.Program(predicates=(predicate,))).holds(0, about)


@pytest.mark.parametrize(
    ("message", "phrase", "expected"),
    [
        ("I have a COMPLAINT!", "complaint", True),
        ("I have complaints", "complaint", False),
        ("Uma reclamação, por favor", "RECLAMAÇÃO", True),
        ("uma reclamac\u0327a\u0303o", "reclamação", True),
        ("reclamaçãozinha", "reclamação", False),
        ("I want my money\n  back now", "money back", True),
        ("money backs", "money back", False),
        ("STRASSE", "straße", True),
        ("we use c++ here", "c++", True),
        ("order_refund", "refund", False),
        ("sad :( today", ":(", True),
        ("商品を返金してください", "返金", True),
        ("私はVIPです", "vip", True),
        ("refunds refund", "refund", True),
        ("ξέρεις", "ΞΈΡΕΙΣ", True),
        ("", "refund", False),
    ],
)
def test_words_are_found_whole_in_any_script_and_case(message: str, phrase: str, expected: bool) -> None:
    assert holds_word(fold(message), fold(phrase)) is expected
    assert holds(p.ContainsAny(words=("nothing of it", fold(phrase))), facts(message=message)) is expected


@pytest.mark.parametrize(
    ("predicate", "values", "expected"),
    [
        (p.OneOf(operand="priority", values=("high", "urgent")), {"priority": "urgent"}, True),
        (p.OneOf(operand="priority", values=("high", "urgent")), {"priority": "low"}, False),
        (p.OneOf(operand="field:Tier", values=("gold",)), {"fields": {"Tier": "gold"}}, True),
        (p.OneOf(operand="field:Tier", values=("gold",)), {}, False),
        (p.OneOf(operand="stage", values=("New",)), {}, True),
        (p.Empty(operand="field:Tier"), {}, True),
        (p.Empty(operand="field:Tier"), {"fields": {"Tier": ""}}, True),
        (p.Empty(operand="field:Paid"), {"fields": {"Paid": False}}, False),
        (p.Empty(operand="field:Items"), {"fields": {"Items": 0}}, False),
        (p.Empty(operand="owner"), {}, True),
        (p.Empty(operand="owner"), {"owner": "ana"}, False),
        (p.Compare(operand="field:Items", op=">", value=5), {"fields": {"Items": 6}}, True),
        (p.Compare(operand="field:Items", op=">", value=5), {"fields": {"Items": 5.0}}, False),
        (p.Compare(operand="field:Items", op="<", value=5), {}, False),
        (p.Compare(operand="field:Items", op="<", value=5), {"fields": {"Items": "4"}}, False),
        (p.Compare(operand="field:Due", op="<", value="2026-11-09"), {"fields": {"Due": "2026-11-08"}}, True),
        (p.Compare(operand="field:Due", op="<", value="2026-11-09"), {"fields": {"Due": ""}}, False),
        (p.HasTag(tag="vip"), {"tags": ("new", "vip")}, True),
        (p.HasTag(tag="vi"), {"tags": ("new", "vip")}, False),
        (p.CardAge(op=">", amount=Duration(Unit.ELAPSED, 48 * HOUR)), {"at": NOON + 48 * ONE_HOUR + MICROSECOND}, True),
        (p.CardAge(op=">", amount=Duration(Unit.ELAPSED, 48 * HOUR)), {"at": NOON + 48 * ONE_HOUR}, False),
        (p.CardAge(op=">=", amount=Duration(Unit.BUSINESS, HOUR)), {"business": lambda: HOUR}, True),
        (p.CardAge(op="<", amount=Duration(Unit.BUSINESS, HOUR)), {"business": lambda: HOUR}, False),
        (p.CardAge(op=">=", amount=Duration(Unit.CALENDAR_DAYS, 2)), {"past": lambda d: 0 if d.amount == 2 else -1}, True),
        (p.CardAge(op=">", amount=Duration(Unit.WORKING_DAYS, 2)), {"past": lambda d: -DAY}, False),
        (p.EventAtom(kind="customer replies"), {}, True),
        (p.EventAtom(kind="missed", metric="first reply"), {"kind": "missed", "at_metric": "first reply"}, True),
        (p.EventAtom(kind="missed", metric="first reply"), {"kind": "missed", "at_metric": "resolved"}, False),
        (p.EventAtom(kind="changes", subject="field:Tier"), {"kind": "changes", "at_subject": "field:Tier"}, True),
        (p.EventAtom(kind="card enters", stage="New"), {"kind": "card enters", "at_stage": "New"}, True),
        (p.EventAtom(kind="card leaves", stage="Old"), {"kind": "card leaves", "at_stage": "New"}, False),
    ],
)
def test_each_kind_of_condition(predicate: p.AnyPredicate, values: dict[str, object], expected: bool) -> None:
    assert holds(predicate, facts(**values)) is expected  # type: ignore[arg-type]


def test_business_age_is_worked_out_once_and_only_when_asked() -> None:
    asked: list[int] = []

    def business() -> int:
        asked.append(1)
        return 3 * HOUR

    about = facts(business=business)
    assert not holds(p.OneOf(operand="owner", values=("ana",)), about)
    assert asked == []
    age = p.CardAge(op=">", amount=Duration(Unit.BUSINESS, HOUR))
    older = p.CardAge(op=">", amount=Duration(Unit.BUSINESS, 2 * HOUR))
    matcher = Matcher(p.Program(predicates=(age, older)))
    assert matcher.holds(0, about) and matcher.holds(1, about)
    assert asked == [1]


def test_the_trace_names_the_first_false_term_and_leaves_out_rules_that_are_off() -> None:
    predicates = (
        p.EventAtom(kind="customer replies"),
        p.OneOf(operand="priority", values=("high",)),
        p.HasTag(tag="vip"),
    )

    def rule(number: int, mode: str, *terms: int) -> p.Rule:
        return p.Rule(id=number, pipeline="P", name=str(number), mode=mode, when=0, terms=terms, actions=())

    program = p.Program(
        predicates=predicates,
        rules=(rule(0, "on", 0, 1), rule(1, "off", 0), rule(2, "shadow", 0), rule(3, "on", 0, 1, 2)),
        index=(p.Index(pipeline="P", kind="customer replies", stage="New", rules=(0, 1, 2, 3)),),
    )
    matcher = Matcher(program)
    assert matcher.match("P", facts(priority="high")) == (
        RuleTrace(0, True),
        RuleTrace(2, True, shadow=True),
        RuleTrace(3, False, 2),
    )
    assert matcher.match("P", facts(priority="low", tags=("vip",))) == (
        RuleTrace(0, False, 1),
        RuleTrace(2, True, shadow=True),
        RuleTrace(3, False, 1),
    )
    assert matcher.match("P", facts("agent replies")) == ()
    assert matcher.match("Q", facts()) == ()
    assert matcher.values("P", facts(priority="low", tags=("vip", "new"))) == {"priority": "low", "tags": "vip, new"}


# --- against a walk of the tree --------------------------------------------------------------------------------------

COMPARED = {"<": lambda a, b: a < b, "<=": lambda a, b: a <= b, ">": lambda a, b: a > b, ">=": lambda a, b: a >= b}


def operand_value(operand: str, about: Facts) -> object:
    if operand.startswith("field:"):
        return about.card.fields.get(operand.removeprefix("field:"))
    return getattr(about.card, operand)


def walk(predicates: tuple[p.AnyPredicate, ...], index: int, about: Facts) -> bool:
    """What the predicates mean, told once more and slowly."""
    match predicates[index]:
        case p.EventAtom(kind=kind, stage=stage, metric=metric, subject=subject):
            return (
                about.kind == kind
                and stage in ("", about.stage)
                and metric in ("", about.metric)
                and subject in ("", about.subject)
            )
        case p.ContainsAny(words=words):
            tokens = about.message.split()
            return any(tokens[at : at + len(word.split())] == word.split() for word in words for at in range(len(tokens)))
        case p.HasTag(tag=tag):
            return tag in about.card.tags
        case p.CardAge(op=op, amount=amount):
            if amount.unit is Unit.ELAPSED:
                assert about.at is not None
                return COMPARED[op]((about.at - NOON) // MICROSECOND, amount.amount)
            if amount.unit is Unit.BUSINESS:
                return COMPARED[op](about.business(), amount.amount)
            return COMPARED[op](about.past(amount), 0)
        case p.OneOf(operand=operand, values=values):
            value = operand_value(operand, about)
            return value is not None and value in values
        case p.Empty(operand=operand):
            return operand_value(operand, about) in (None, "")
        case p.Compare(operand=operand, op=op, value=value):
            actual = operand_value(operand, about)
            if actual is None or actual == "" or isinstance(actual, str) != isinstance(value, str):
                return False
            return COMPARED[op](actual, value)
        case p.Not(term=term):
            return not walk(predicates, term, about)
        case p.AllOf(terms=terms):
            return all(walk(predicates, term, about) for term in terms)
        case p.AnyOf(terms=terms):
            return any(walk(predicates, term, about) for term in terms)


METRICS = st.sampled_from(["", *p.METRICS])
STAGES = ("New", "Old")
WORDS = st.lists(st.sampled_from(["money", "back", "money back", "refund"]), min_size=1, max_size=3).map(tuple)
OPS = st.sampled_from(["<", "<=", ">", ">="])
AMOUNTS = st.builds(Duration, st.sampled_from(list(Unit)), st.integers(0, 3))
OPERANDS = st.sampled_from(["priority", "owner", "stage", "field:Tier", "field:Items"])
SCALARS = st.sampled_from(["high", "gold", "New", "Old", "", 1, 2.0, True])


@st.composite
def atoms(draw: st.DrawFn) -> p.EventAtom:
    kind = draw(st.sampled_from(["customer replies", "card enters", "card leaves", "missed", "changes"]))
    return p.EventAtom(
        kind=kind,
        stage=draw(st.sampled_from(["", *STAGES])) if kind in ("card enters", "card leaves") else "",
        metric=draw(METRICS) if kind == "missed" else "",
        subject=draw(st.sampled_from(["", "priority", "field:Tier"])) if kind == "changes" else "",
    )


LEAVES = st.one_of(
    atoms(),
    st.builds(p.ContainsAny, words=WORDS),
    st.builds(p.HasTag, tag=st.sampled_from(["vip", "new"])),
    st.builds(p.CardAge, op=OPS, amount=AMOUNTS),
    st.builds(p.OneOf, operand=OPERANDS, values=st.lists(SCALARS, min_size=1, max_size=3).map(tuple)),
    st.builds(p.Empty, operand=OPERANDS),
    st.builds(p.Compare, operand=OPERANDS, op=OPS, value=st.sampled_from([1.5, 2, "high", "n"])),
)


@st.composite
def programs(draw: st.DrawFn, rules: int) -> p.Program:
    predicates: list[p.AnyPredicate] = draw(st.lists(LEAVES, min_size=3, max_size=10))
    for _ in range(draw(st.integers(0, 8))):
        earlier = st.integers(0, len(predicates) - 1)
        several = st.lists(earlier, min_size=1, max_size=3).map(tuple)
        predicates.append(
            draw(
                st.one_of(
                    st.builds(p.Not, term=earlier),
                    st.builds(p.AllOf, terms=several),
                    st.builds(p.AnyOf, terms=several),
                )
            )
        )
    places = st.integers(0, len(predicates) - 1)
    made = [
        p.Rule(
            id=number,
            pipeline="P",
            name=str(number),
            mode=draw(st.sampled_from(["on", "on", "shadow", "off"])),
            when=0,
            terms=tuple(draw(st.lists(places, min_size=1, max_size=4))),
            actions=(),
        )
        for number in range(rules)
    ]
    index = tuple(
        p.Index(pipeline="P", kind=kind, stage=stage, rules=tuple(range(rules)))
        for kind in p.FACT_KINDS
        for stage in STAGES
    )
    return p.Program(predicates=tuple(predicates), rules=tuple(made), index=index)


@st.composite
def some_facts(draw: st.DrawFn) -> Facts:
    kind = draw(st.sampled_from(["customer replies", "card enters", "card leaves", "missed", "changes"]))
    stage = draw(st.sampled_from(STAGES))
    fields = draw(st.dictionaries(st.sampled_from(["Tier", "Items"]), SCALARS))
    business, past = draw(st.integers(0, 3)), draw(st.integers(-1, 1))
    return Facts(
        kind=kind,
        card=card(
            stage=stage,
            priority=draw(st.sampled_from(["high", "low", ""])),
            owner=draw(st.sampled_from(["", "gold"])),
            fields=fields,
            tags=draw(st.lists(st.sampled_from(["vip", "new"]), unique=True).map(tuple)),
        ),
        stage=stage if kind in ("card enters", "card leaves") else "",
        metric=draw(st.sampled_from(p.METRICS)) if kind == "missed" else "",
        subject=draw(st.sampled_from(["priority", "field:Tier", "owner"])) if kind == "changes" else "",
        message=draw(st.lists(st.sampled_from(["money", "back", "refund", "please"]), max_size=4).map(" ".join)),
        at=NOON + draw(st.integers(0, 3)) * MICROSECOND,
        business=lambda: business,
        past=lambda _: past,
    )


@settings(max_examples=150, deadline=None)
@given(programs(0), st.lists(some_facts(), min_size=1, max_size=4))
def test_one_predicate_means_what_the_tree_says(program: p.Program, about: list[Facts]) -> None:
    matcher = Matcher(program)
    for each in about:
        for index in range(len(program.predicates)):
            assert matcher.holds(index, each) is walk(program.predicates, index, each)


@settings(max_examples=100, deadline=None)
@given(st.one_of(programs(4), programs(STRAIGHT + 6)), st.lists(some_facts(), min_size=1, max_size=4))
def test_the_trace_is_what_the_tree_says(program: p.Program, about: list[Facts]) -> None:
    matcher = Matcher(program)
    for each in about:
        expected: list[RuleTrace] = []
        for rule in program.rules:
            if rule.mode == "off":
                continue
            failed = next((n for n, term in enumerate(rule.terms) if not walk(program.predicates, term, each)), -1)
            expected.append(RuleTrace(rule.id, failed < 0, failed, rule.mode == "shadow"))
        assert matcher.match("P", each) == tuple(expected)
