"""What every pass gets: the files, the names in them, and ways to walk them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import msgspec

from duly_dsl import syntax as s
from duly_dsl.catalogue import Kind
from duly_dsl.diagnostics import Diagnostic, Fix
from duly_dsl.nearest import nearest
from duly_dsl.program import Environment
from duly_dsl.scope import Scope, Workspace


class Condition(msgspec.Struct, frozen=True):
    """An expression and what it is for: `rule`, `escalation`, `stop`, `resume`, `target`, `clock`."""

    expr: s.Expr
    use: str


class Checking:
    def __init__(self, files: Sequence[s.File], environment: Environment) -> None:
        self.environment = environment
        self.workspace = Workspace(files, environment.people or ())
        self.files = self.workspace.files

    @property
    def scopes(self) -> tuple[Scope, ...]:
        return tuple(self.workspace.scopes.values())

    @property
    def knows_people(self) -> bool:
        """Whether a name that is no known person is wrong: in a folder with no `person` at all nobody can say."""
        return bool(self.workspace.people) or self.environment.people is not None


def quoted(text: str) -> str:
    """A name as the files write it."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def unknown(kind: Kind, name: s.Name, choices: Iterable[str], meant: str = "", **values: str) -> Diagnostic:
    """`name` is none of `choices`; the one that is `meant`, or else the nearest, is offered as a fix."""
    close = meant or nearest(name.text, choices)
    text = quoted(close) if name.quoted else close
    fixes = (Fix("write `%(text)s`", name.span, text),) if close else ()
    return kind.at(name.span, close, fixes, (), name=name.text, **values)


def conditions_of(pipeline: s.Pipeline) -> Iterator[Condition]:
    for line in pipeline.lines:
        if line.condition is not None:
            yield Condition(line.condition, "target")
    for stage in pipeline.stages:
        for line in stage.lines:
            if line.condition is not None:
                yield Condition(line.condition, "target")
        for resume in stage.resumes:
            yield Condition(resume.condition, "resume")
    for clock in pipeline.clocks:
        for line in clock.lines:
            if line.condition is not None:
                yield Condition(line.condition, "target")
        for expr in conditions_of_clock(clock):
            yield Condition(expr, "clock")
    for escalation in pipeline.escalations:
        if escalation.when is not None:
            yield Condition(escalation.when, "escalation")
        if escalation.stop is not None:
            yield Condition(escalation.stop, "stop")
    for rule in pipeline.rules:
        if rule.when is not None:
            yield Condition(rule.when, "rule")


def conditions_of_clock(clock: s.Clock) -> Iterator[s.Expr]:
    """Its `start`, `pause`, `resume` and `stop`, as far as they are said."""
    for expr in (clock.start, clock.pause, clock.resume, clock.stop):
        if expr is not None:
            yield expr


def atoms(expr: s.Expr) -> Iterator[s.Expr]:
    """The leaves of an expression."""
    match expr:
        case s.Not(term=term):
            yield from atoms(term)
        case s.And(terms=terms) | s.Or(terms=terms):
            for term in terms:
                yield from atoms(term)
        case _:
            yield expr


def all_atoms(pipeline: s.Pipeline) -> Iterator[s.Expr]:
    for condition in conditions_of(pipeline):
        yield from atoms(condition.expr)
    for assign in pipeline.assigns:
        yield assign.event


def actions_of(pipeline: s.Pipeline) -> Iterator[s.Action]:
    for stage in pipeline.stages:
        for silence in stage.silences:
            yield silence.action
    for escalation in pipeline.escalations:
        for level in escalation.levels:
            yield from level.actions
    for rule in pipeline.rules:
        yield from rule.actions


def templates_of(action: s.Action) -> Iterator[s.Name]:
    """The templates an action names."""
    names = [getattr(action, "template", None), getattr(action, "outside", None)]
    yield from (name for name in names if isinstance(name, s.Name))


def alerts_of(pipeline: s.Pipeline) -> Iterator[s.Alert]:
    yield from pipeline.alerts
    for stage in pipeline.stages:
        yield from stage.alerts
    for clock in pipeline.clocks:
        yield from clock.alerts


def tables_of(pipeline: s.Pipeline) -> Iterator[s.Table]:
    yield from pipeline.tables
    for stage in pipeline.stages:
        yield from stage.tables
    for clock in pipeline.clocks:
        yield from clock.tables
    for assign in pipeline.assigns:
        yield assign.table


def lines_of(pipeline: s.Pipeline) -> Iterator[s.TargetLine]:
    yield from pipeline.lines
    for stage in pipeline.stages:
        yield from stage.lines
    for clock in pipeline.clocks:
        yield from clock.lines


def owners_of(pipeline: s.Pipeline) -> Iterator[s.Actor]:
    """Actors a card is given to."""
    for stage in pipeline.stages:
        if stage.owner is not None:
            yield stage.owner
    for action in actions_of(pipeline):
        if isinstance(action, s.AssignTo):
            yield action.actor
    for assign in pipeline.assigns:
        for row in assign.table.rows:
            yield from (cell.actor for cell in row.cells if cell.actor is not None)


def told_of(pipeline: s.Pipeline) -> Iterator[tuple[s.Actor, s.Name | None]]:
    """Actors that are told something, and by which channel."""
    for alert in alerts_of(pipeline):
        yield from ((actor, alert.channel) for actor in alert.actors)
    for action in actions_of(pipeline):
        if isinstance(action, s.Notify):
            yield from ((actor, action.channel) for actor in action.actors)


def metrics_of(stage: s.Stage | s.Pipeline | s.Clock) -> set[str]:
    """The metrics a stage, or the pipeline itself, promises; of a named clock itself, where it has a target."""
    found = {line.metric.name for line in stage.lines}
    for table in stage.tables:
        for place, column in enumerate(table.columns):
            if column.metric is not None and any(row.cells[place].amount for row in table.rows):
                found.add(column.metric.name)
    return found


def promised(pipeline: s.Pipeline) -> set[str]:
    """The metrics promised anywhere in a pipeline."""
    return metrics_of(pipeline).union(*(metrics_of(place) for place in (*pipeline.stages, *pipeline.clocks)))
