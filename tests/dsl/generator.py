"""Programs of the whole language with comments everywhere, for properties: each comment is another one, so that none can be
lost, doubled or moved unseen. What they say need not make sense; it can be read."""

from __future__ import annotations

import random

from hypothesis import strategies as st

_NAMES = ("New", "In progress", "Waiting", "Done", "São Paulo", 'a "quoted" one', "日本", "a # b", "x {y}", "c:\\d")


_NOTES = ("note", "a { brace", "a } brace", 'say "hi"', "| bar |", "#", "ç é")


class _Writer:
    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.lines: list[str] = []
        self.depth = 0
        self.comments = 0

    # --- comments and space

    def comment(self) -> str:
        self.comments += 1
        return f"# {self.comments} {self.chance.choice(_NOTES)}"

    def indent(self) -> str:
        return "  " * self.depth if self.chance.random() < 0.9 else self.chance.choice(("", "\t", "     "))

    def between(self) -> None:
        """Blank lines and comments, attached or not."""
        while self.chance.random() < 0.35:
            self.lines.append(self.indent() + self.comment() if self.chance.random() < 0.7 else "")

    def say(self, line: str) -> None:
        self.between()
        tail = "  " + self.comment() if self.chance.random() < 0.2 else ""
        self.lines.append(self.indent() + line + tail)

    def block(self, head: str, *inside: str | tuple[str, ...]) -> None:
        self.say(head + " {")
        self.depth += 1
        for each in inside:
            if isinstance(each, tuple):
                self.block(*each)
            else:
                self.say(each)
        self.between()
        self.depth -= 1
        tail = " " + self.comment() if self.chance.random() < 0.2 else ""
        self.lines.append(self.indent() + "}" + tail)

    # --- words

    def name(self) -> str:
        text = self.chance.choice(_NAMES) + self.chance.choice(("", "", f" {self.chance.randint(1, 99)}"))
        return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'

    def word(self) -> str:
        return self.chance.choice(("ana", "gold", "urgent", "stage", "start", "José", "b.c-d"))

    def amount(self) -> str:
        return self.chance.choice(("15m", "1h30m", "2 working days", "3 calendar days", "48h elapsed", "1 working day"))

    def metric(self) -> str:
        return self.chance.choice(("first reply", "next reply", "leave stage", "resolved"))

    def actor(self) -> str:
        kinds = ("owner", "manager", "lead", f"agent {self.word()}", f"team {self.name()}", f"least busy of {self.name()}")
        return self.chance.choice(kinds)

    def value(self) -> str:
        return self.chance.choice((self.word(), self.name(), "5", "-2.5", "2026-12-24", "yes"))

    def condition(self, depth: int = 0) -> str:
        atoms = (
            "card is created",
            f"card enters {self.name()}",
            f"{self.word()} is {self.value()}",
            f"{self.name()} is one of {self.word()}, {self.word()}",
            f"{self.name()} >= 5",
            f"message contains {self.name()}, {self.name()}",
            f"card has tag {self.name()}",
            f"{self.metric()} is missed",
        )
        if depth > 2 or self.chance.random() < 0.5:
            return self.chance.choice(atoms)
        left, right = self.condition(depth + 1), self.condition(depth + 1)
        return self.chance.choice((f"not ({left})", f"{left} and {right}", f"({left} or {right})"))

    def action(self) -> str:
        return self.chance.choice(
            (
                f"notify {self.actor()} and {self.actor()} by email using {self.name()}",
                f"set {self.word()} to {self.value()}",
                f"tag {self.name()}",
                f"move to {self.name()} because {self.name()}",
                f"reply {self.name()}",
                "raise priority",
                f"assign to {self.actor()}",
            )
        )

    def several(self, make: str, most: int) -> list[str]:
        return [getattr(self, make)() for _each in range(self.chance.randint(1, most))]

    def targets(self) -> tuple[str, ...]:
        rows = [f"| {self.word()} | {self.amount()} | - |" for _row in range(self.chance.randint(1, 3))]
        return ("targets", "| priority | first reply | leave stage |", *rows)

    # --- statements

    def calendar(self) -> None:
        lines = ("open monday to friday 09:00-13:00, 14:00-18:00", "closed on 24 december every year", 'holidays from "PT"')
        self.block(f"calendar {self.name()}", 'time zone "Europe/Lisbon"', *lines[: self.chance.randint(0, 3)])

    def stage(self) -> tuple[str, ...]:
        lines: list[str | tuple[str, ...]] = ["start", f"next {', '.join(self.several('name', 3))}", "pause all clocks"]
        lines += [f"leave stage within {self.amount()}", f"alert {self.actor()} at 80% of {self.metric()}", self.targets()]
        lines += [f"resume when {self.condition()}", f"after {self.amount()} of silence {self.action()}"]
        self.chance.shuffle(lines)
        return (f"stage {self.name()}", *lines[: self.chance.randint(0, 6)])  # type: ignore[return-value]

    def pipeline(self) -> None:
        lines: list[object] = [f"calendar {self.name()}", "priorities urgent, high", self.targets()]
        lines += [f"field {self.name()} choice gold, silver default gold", f'field {self.name()} text matching "^\\d+$"']
        lines += [self.stage() for _stage in range(self.chance.randint(0, 3))]
        lines += [
            (f"rule {self.name()}", f"when {self.condition()}", *(f"then {each}" for each in self.several("action", 3))),
            (f"rule {self.name()} shadow until 2027-01-31", f"when {self.condition()}", 'allow silent-loop "why"'),
            (
                f"escalation {self.name()}",
                f"when {self.metric()} is missed",
                f"level 1 at once {self.action()}",
                f"level 2 after {self.amount()} {self.action()} then {self.action()}",
            ),
            ("assign when card is created", "| words | to |", f"| {self.name()} | {self.actor()} |", "| any | lead |"),
        ]
        self.chance.shuffle(lines)
        self.block(f"pipeline {self.name()}", *lines[: self.chance.randint(1, len(lines))])  # type: ignore[arg-type]

    def connector(self) -> None:
        rows = ("| card field | from message | as | if missing |", '| message | "text" | text | reject |')
        self.block(
            f"connector {self.name()} receives webhook", 'path "/in/shop"', ("map", *rows, '| "Gift" | "g" | yes/no | no |')
        )

    def test(self) -> None:
        steps = ("at +15m expect alert to owner about resolved", f"expect stage is {self.name()}", "expect nothing else")
        given = f"given card in {self.name()} with {self.word()} {self.value()}"
        self.block(f"test {self.name()}", 'clock starts monday 2026-11-09 09:00 in "Office"', given, *steps)

    def people(self) -> None:
        self.block(f"person {self.word()}", f"name {self.name()}", 'email "ana@support.example"')
        self.block(f"team {self.name()}", f"members {self.word()}, {self.word()}", f"lead {self.word()}")

    def template(self) -> None:
        self.block(
            f"template {self.name()}",
            f'"en" {self.name()}',
            f'"pt-BR" {self.name()}',
            f'header "en" {self.name()}',
            f'buttons "en" {self.name()}, {self.name()}',
            (f'list "pt-BR" {self.name()}', f"{self.name()} {self.name()}", self.name()),
        )

    def program(self) -> str:
        makers = [self.calendar, self.pipeline, self.connector, self.test, self.people, self.template]
        for _each in range(self.chance.randint(1, 4)):
            self.chance.choice(makers)()
        self.pipeline()
        self.between()
        newline = self.chance.choice(("\n", "\n", "\n", "\r\n"))
        return newline.join(self.lines) + self.chance.choice((newline, newline, ""))


def programs() -> st.SearchStrategy[str]:
    """Texts that can be read, with comments everywhere."""
    return st.integers(0, 2**32).map(lambda seed: _Writer(seed).program())
