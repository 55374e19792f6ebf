"""Matching: one event against the rules it may concern, conditions to actions.

Every engine gets the same rules, written in its own way, and the same events, and must name the same rules; this is
checked before anything is timed. A rule asks for an event, a stage and two of: a priority (or one of two), a choice, an
amount, a tag. With 10 rules on each (event, stage) an event has 10 candidates, however many rules there are.

Duly's time runs from the card and the event to the list of actions, and includes making the Facts and the trace of all
candidates. The function by hand is the fastest we could think of: a dictionary of straight-line functions, with no trace.
Rounds are interleaved, each ratio is taken within a round, and the median of the rounds is reported. Times are processor
time of the whole process, so that a busy machine doesn't count.

How the number of rules tells is measured on the same events, with the same 10 candidates, among 90 and among 9,990 other
rules. Spread over all 1,000 pairs of event and stage, functions fall out of the processor's caches: that costs the function
by hand as much, and is shown as a ratio to it.
"""

from __future__ import annotations

import datetime as dt
import json
import random
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from durable import engine as durable_engine
from durable import lang as durable
from zen import ZenDecision, ZenEngine

from duly_dsl.build import build
from duly_dsl.program import AnyAction, Program
from duly_dsl.source import SourceFile
from duly_runtime.card import Card
from duly_runtime.engine.facts import Facts
from duly_runtime.engine.matching import Matcher

KINDS = ("customer replies", "agent replies", "card is created", "card is assigned", "card is reopened")
PRIORITIES = ("urgent", "high", "normal", "low")
TIERS = ("gold", "silver", "basic")
TAGS = ("vip", "fraud", "press")
CANDIDATES = 10
EVENTS = 1_000
ROUNDS = 15
PEER_ROUNDS = 3
WARM_UP = 3
NOW = dt.datetime(2026, 11, 9, 12, tzinfo=dt.UTC)


@dataclass(frozen=True)
class Spec:
    """A rule as data, from which each engine's own form is written."""

    number: int
    pipeline: str
    kind: str
    stage: str
    priorities: tuple[str, ...] = ()
    tier: str = ""
    above: int | None = None
    tag: str = ""


@dataclass(frozen=True)
class Happening:
    kind: str
    card: Card


def specs(rules: int) -> list[Spec]:
    """`rules` rules, ten on each (kind, stage), up to a thousand in a pipeline."""
    chance = random.Random(1)
    made: list[Spec] = []
    while len(made) < rules:
        place = len(made) // CANDIDATES
        kind, stage = KINDS[place % 5], f"S{place // 5 % 20}"
        asked = chance.sample(("priority", "tier", "above", "tag"), 2)
        made.append(
            Spec(
                len(made),
                f"P{len(made) // 1000}",
                kind,
                stage,
                tuple(chance.sample(PRIORITIES, chance.choice((1, 2)))) if "priority" in asked else (),
                chance.choice(TIERS) if "tier" in asked else "",
                chance.randrange(1000) if "above" in asked else None,
                chance.choice(TAGS) if "tag" in asked else "",
            )
        )
    return made


def events(rules: Sequence[Spec], wanted: int = EVENTS) -> list[Happening]:
    """Events spread evenly over all (kind, stage) that have rules."""
    chance = random.Random(7)
    made: list[Happening] = []
    for number in range(wanted):
        rule = rules[chance.randrange(len(rules))]
        card = Card(
            id=number,
            number=number,
            pipeline=rule.pipeline,
            stage=rule.stage,
            priority=chance.choice(PRIORITIES),
            fields={"Tier": chance.choice(TIERS), "Amount": float(chance.randrange(1000))},
            tags=tuple(tag for tag in TAGS if chance.random() < 0.3),
            created_at=NOW,
        )
        made.append(Happening(rule.kind, card))
    return made


# --- Duly ------------------------------------------------------------------------------------------------------------


def program(rules: Sequence[Spec]) -> Program:
    """Written as `.duly` files, read, checked and compiled."""
    head = 'calendar "Office" {\n  time zone "Europe/Lisbon"\n  open monday to friday 09:00-18:00\n}\n'
    sources = [SourceFile("calendar.duly", head)]
    for name in dict.fromkeys(rule.pipeline for rule in rules):
        lines = [f'pipeline "{name}" {{', '  calendar "Office"', "  priorities urgent, high, normal, low"]
        lines += ['  field "Tier" choice gold, silver, basic', '  field "Amount" number']
        for place in range(20):
            lines += [f'  stage "S{place}" {{', "    start" if place == 0 else '    next "End"', "  }"]
        lines += ['  stage "End" {', "    finish", "  }"]
        for rule in (each for each in rules if each.pipeline == name):
            when = [rule.kind, f'stage is "{rule.stage}"']
            if rule.priorities:
                when.append(f"priority is one of {', '.join(rule.priorities)}")
            if rule.tier:
                when.append(f"tier is {rule.tier}")
            if rule.above is not None:
                when.append(f'"Amount" > {rule.above}')
            if rule.tag:
                when.append(f'card has tag "{rule.tag}"')
            lines += [
                f'  rule "{rule.number}" {{',
                f"    when {' and '.join(when)}",
                f'    then tag "r{rule.number}"',
                "  }",
            ]
        sources.append(SourceFile(f"{name}.duly", "\n".join([*lines, "}", ""])))
    built = build(sources)
    if built.program is None:
        raise RuntimeError(built.diagnostics[0].message)
    return built.program


class Duly:
    def __init__(self, rules: Sequence[Spec]) -> None:
        self.program = program(rules)
        self.matcher = Matcher(self.program)
        self.actions = tuple(rule.actions for rule in self.program.rules)

    def run(self, happenings: Sequence[Happening]) -> list[list[AnyAction]]:
        match, actions = self.matcher.match, self.actions
        found: list[list[AnyAction]] = []
        for happening in happenings:
            card = happening.card
            facts = Facts(kind=happening.kind, card=card)
            done: list[AnyAction] = []
            for trace in match(card.pipeline, facts):
                if trace.fired and not trace.shadow:
                    done += actions[trace.rule]
            found.append(done)
        return found


# --- by hand ---------------------------------------------------------------------------------------------------------


class Hand:
    """What a programmer writes who knows that every event has its own short list of rules."""

    def __init__(self, rules: Sequence[Spec], actions: Sequence[tuple[AnyAction, ...]]) -> None:
        self.functions: dict[tuple[str, str, str], Callable[[Card, list[AnyAction]], None]] = {}
        keys: dict[tuple[str, str, str], list[Spec]] = {}
        for rule in rules:
            keys.setdefault((rule.pipeline, rule.kind, rule.stage), []).append(rule)
        for key, several in keys.items():
            lines = ["def rules(card, done):"]
            for rule in several:
                tests: list[str] = []
                if len(rule.priorities) == 1:
                    tests.append(f"card.priority == {rule.priorities[0]!r}")
                elif rule.priorities:
                    tests.append(f"card.priority in {rule.priorities!r}")
                if rule.tier:
                    tests.append(f"card.fields.get('Tier') == {rule.tier!r}")
                if rule.above is not None:
                    tests.append(f"card.fields.get('Amount', 0) > {rule.above}")
                if rule.tag:
                    tests.append(f"{rule.tag!r} in card.tags")
                lines += [f"    if {' and '.join(tests)}:", f"        done += ACTIONS[{rule.number}]"]
            scope: dict[str, object] = {"ACTIONS": actions}
            exec("\n".join(lines), scope)
            self.functions[key] = scope["rules"]  # type: ignore[assignment]

    def run(self, happenings: Sequence[Happening]) -> list[list[AnyAction]]:
        functions = self.functions
        found: list[list[AnyAction]] = []
        for happening in happenings:
            card = happening.card
            done: list[AnyAction] = []
            functions[card.pipeline, happening.kind, card.stage](card, done)
            found.append(done)
        return found


# --- peers -----------------------------------------------------------------------------------------------------------


class Durable:
    """durable_rules: one ruleset. An event posted is used up by the first rule that fires, so to learn of all of them it
    is asserted as a fact and retracted afterwards, which is what its documentation gives for this."""

    def __init__(self, rules: Sequence[Spec]) -> None:
        self.fired: list[int] = []
        self.name = f"rules{len(rules)}"
        m, item = durable.m, durable.item
        with durable.ruleset(self.name):
            for rule in rules:
                wanted = (m.kind == rule.kind) & (m.stage == rule.stage)
                if len(rule.priorities) == 1:
                    wanted = wanted & (m.priority == rule.priorities[0])
                elif rule.priorities:
                    wanted = wanted & ((m.priority == rule.priorities[0]) | (m.priority == rule.priorities[1]))
                if rule.tier:
                    wanted = wanted & (m.tier == rule.tier)
                if rule.above is not None:
                    wanted = wanted & (m.amount > rule.above)
                if rule.tag:
                    wanted = wanted & m.tags.anyItem(item == rule.tag)
                durable.when_all(wanted)(self._action(rule.number))
        # The first event builds the network; that is not what is measured.
        self.run([self.message(Happening("none", events(rules, 1)[0].card))])

    def _action(self, number: int) -> Callable[[object], None]:
        def act(_context: object) -> None:
            self.fired.append(number)

        act.__name__ = f"rule{number}"
        return act

    @staticmethod
    def message(happening: Happening) -> dict[str, object]:
        card = happening.card
        return {
            "id": str(card.id),
            "kind": happening.kind,
            "stage": card.stage,
            "priority": card.priority,
            "tier": card.fields["Tier"],
            "amount": card.fields["Amount"],
            "tags": list(card.tags),
        }

    def run(self, messages: Sequence[dict[str, object]]) -> list[list[int]]:
        found: list[list[int]] = []
        for message in messages:
            self.fired = []
            try:
                durable.assert_fact(self.name, message)
                durable.retract_fact(self.name, message)
            except durable_engine.MessageNotHandledException:
                pass  # No rule fired.
            found.append(self.fired)
        return found


class Zen:
    """zen-engine: a decision table with `collect`, evaluated through its Python binding."""

    def __init__(self, rules: Sequence[Spec]) -> None:
        self.decision: ZenDecision = ZenEngine().create_decision(json.dumps(self._table(rules)))

    @staticmethod
    def _table(rules: Sequence[Spec]) -> dict[str, object]:
        fields = ("kind", "stage", "priority", "tier", "amount")
        inputs = [{"id": field, "name": field, "type": "expression", "field": field} for field in fields]
        inputs.append({"id": "tags", "name": "tags", "type": "expression", "field": ""})
        rows = [
            {
                "_id": str(rule.number),
                "kind": json.dumps(rule.kind),
                "stage": json.dumps(rule.stage),
                "priority": ", ".join(json.dumps(priority) for priority in rule.priorities),
                "tier": json.dumps(rule.tier) if rule.tier else "",
                "amount": f"> {rule.above}" if rule.above is not None else "",
                "tags": f"some(tags, # == {json.dumps(rule.tag)})" if rule.tag else "",
                "rule": str(rule.number),
            }
            for rule in rules
        ]
        outputs = [{"id": "rule", "name": "rule", "type": "expression", "field": "rule"}]
        content = {"hitPolicy": "collect", "inputs": inputs, "outputs": outputs, "rules": rows}
        at = {"x": 0, "y": 0}
        return {
            "nodes": [
                {"id": "in", "type": "inputNode", "name": "in", "position": at},
                {"id": "table", "type": "decisionTableNode", "name": "table", "position": at, "content": content},
                {"id": "out", "type": "outputNode", "name": "out", "position": at},
            ],
            "edges": [
                {"id": "1", "type": "edge", "sourceId": "in", "targetId": "table"},
                {"id": "2", "type": "edge", "sourceId": "table", "targetId": "out"},
            ],
        }

    def run(self, messages: Sequence[dict[str, object]]) -> list[list[int]]:
        evaluate = self.decision.evaluate
        return [[row["rule"] for row in evaluate(message)["result"]] for message in messages]


# --- figures ---------------------------------------------------------------------------------------------------------


def seconds(action: Callable[[], object]) -> float:
    start = time.process_time()
    action()
    return time.process_time() - start


def ratios(one: Callable[[], object], other: Callable[[], object], rounds: int) -> tuple[float, float, float]:
    """The median of one's time over the other's, round by round, and the median time of each."""
    for _ in range(WARM_UP):  # CPython specialises code after some calls.
        one(), other()
    pairs = [(seconds(one), seconds(other)) for _ in range(rounds)]
    return (
        statistics.median(left / right for left, right in pairs),
        statistics.median(left for left, _ in pairs),
        statistics.median(right for _, right in pairs),
    )


def numbers(actions: Sequence[Sequence[AnyAction]]) -> list[list[int]]:
    """The rules behind actions: each rule's only one is a tag with its number."""
    return [[int(str(getattr(action, "tag", "")).removeprefix("r")) for action in done] for done in actions]


def agree(name: str, expected: list[list[int]], found: list[list[int]]) -> None:
    if [sorted(each) for each in found] != expected:
        raise RuntimeError(f"{name} names other rules than the function by hand")


def run() -> list[tuple[str, float, str, str]]:
    rules = specs(1_000)
    happenings = events(rules)
    duly = Duly(rules)
    hand = Hand(rules, duly.actions)
    expected = numbers(hand.run(happenings))
    agree("Duly", expected, numbers(duly.run(happenings)))
    fired = sum(map(len, expected)) / len(expected)
    rows: list[tuple[str, float, str, str]] = []

    ratio, ours, theirs = ratios(lambda: duly.run(happenings), lambda: hand.run(happenings), ROUNDS)
    detail = f"{ours / EVENTS * 1e6:.2f} µs against {theirs / EVENTS * 1e6:.2f}; {fired:.1f} of 10 candidates fire"
    rows.append(("1,000 rules: time over a function by hand", ratio, "<= 3", detail))

    few = happenings[:100]
    messages = [Durable.message(happening) for happening in few]
    for name, peer, goal in (("durable_rules", Durable(rules), ">= 5"), ("zen-engine", Zen(rules), ">= 100")):
        agree(name, expected[:100], peer.run(messages))
        ratio, theirs, ours = ratios(lambda p=peer: p.run(messages), lambda: duly.run(few), PEER_ROUNDS)
        detail = f"{theirs / len(few) * 1e6:.0f} µs against {ours / len(few) * 1e6:.2f}"
        rows.append((f"1,000 rules: times faster than {name}", ratio, goal, detail))

    by_key: dict[tuple[str, str], list[Spec]] = {}
    for rule in rules:
        by_key.setdefault((rule.kind, rule.stage), []).append(rule)
    tables = {key: Zen(several) for key, several in by_key.items()}

    def parted() -> list[list[int]]:
        return [tables[str(each["kind"]), str(each["stage"])].run([each])[0] for each in messages]

    agree("zen-engine by key", expected[:100], parted())
    ratio, theirs, ours = ratios(parted, lambda: duly.run(few), PEER_ROUNDS)
    detail = f"{theirs / len(few) * 1e6:.0f} µs; with a table of 10 rows for each event and stage, chosen by hand"
    rows.append(("1,000 rules: times faster than zen-engine, indexed by hand", ratio, "", detail))

    small, large = specs(100), specs(10_000)
    less, more = Duly(small), Duly(large)
    same = events(small)
    by_hand = Hand(large, more.actions)
    agree("Duly at 10,000", numbers(by_hand.run(same)), numbers(more.run(same)))
    ratio, ours, theirs = ratios(lambda: more.run(same), lambda: less.run(same), ROUNDS)
    detail = f"{ours / EVENTS * 1e6:.2f} µs against {theirs / EVENTS * 1e6:.2f}, same events"
    rows.append(("10,000 rules: time over that at 100 rules", ratio, "<= 1.3", detail))

    spread = events(large)
    agree("Duly at 10,000", numbers(by_hand.run(spread)), numbers(more.run(spread)))
    ratio, ours, theirs = ratios(lambda: more.run(spread), lambda: by_hand.run(spread), ROUNDS)
    detail = f"{ours / EVENTS * 1e6:.2f} µs against {theirs / EVENTS * 1e6:.2f}, events spread over all 1,000 pairs"
    rows.append(("10,000 rules: time over a function by hand", ratio, "", detail))

    pair = [replace(rule, kind=KINDS[0], stage="S0") for rule in rules]
    crowded = events(pair)
    crowd = Duly(pair)
    hand = Hand(pair, crowd.actions)
    agree("Duly on one pair", numbers(hand.run(crowded)), numbers(crowd.run(crowded)))
    ratio, ours, theirs = ratios(lambda: crowd.run(crowded[:200]), lambda: hand.run(crowded[:200]), PEER_ROUNDS)
    detail = f"{ours / 200 * 1e6:.0f} µs against {theirs / 200 * 1e6:.0f}, 1,000 candidates, each with its trace"
    rows.append(("1,000 rules on one pair: time over a function by hand", ratio, "", detail))
    return rows
