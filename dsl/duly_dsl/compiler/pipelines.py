"""A pipeline: its fields, stages, promises, alerts and ladders."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from duly_dsl import predicates
from duly_dsl import program as p
from duly_dsl import syntax as s
from duly_dsl.compiler.actions import action, actor, actors
from duly_dsl.compiler.conditions import (
    Fact,
    Pool,
    conjuncts,
    could_be,
    event,
    events_in,
    in_order,
    kinds,
    operand_of,
    scalar_for,
)
from duly_dsl.compiler.limits import limits
from duly_dsl.scope import DEFAULT_PRIORITIES, Operand, Scope
from duly_dsl.words import fold


def pipeline(scope: Scope, pool: Pool) -> p.Pipeline:
    node = scope.pipeline
    if node.calendar is None:
        raise ValueError(f"pipeline {node.name.text} has no calendar")
    priorities = scope.priorities
    return p.Pipeline(
        name=node.name.text,
        calendar=node.calendar.text,
        was=_names(node.was),
        priorities=priorities,
        default_priority=default_priority(priorities),
        types=scope.types,
        languages=tuple(each.value for each in node.languages) or ("en",),
        fields=tuple(_field(each) for each in scope.fields.values()),
        targets=_targets(node.lines, node.tables, scope, pool),
        alerts=_alerts("*", node.alerts),
        reopens={
            **{each.metric.name: each.choice for each in node.reopens},
            **{name: each.reopen for name, each in scope.clocks.items() if each.reopen is not None},
        },
        clocks=tuple(_clock(each, scope, pool) for each in scope.clocks.values()),
        stages=tuple(_stage(each, scope, pool) for each in scope.stages.values()),
        escalations=tuple(_escalation(each, scope, pool) for each in scope.escalations.values()),
        assigns=_assigns(node.assigns, scope, pool),
        excuses={reason.value: line.role for line in reversed(node.excuses) for reason in reversed(line.reasons)},
        limits=limits(scope),
        schedules=_schedules(node),
        span=node.span,
    )


def _schedules(node: s.Pipeline) -> tuple[p.Schedule, ...]:
    found: dict[str, p.Schedule] = {}
    for rule in node.rules:
        for atom in events_in(rule.when) if rule.when is not None else ():
            if (given := atom.schedule) is not None:
                interval = given.interval.value if given.interval else None
                made = p.Schedule(key=given.text, days=given.days, minutes=given.minutes, interval=interval, span=atom.span)
                found.setdefault(made.key, made)
    return tuple(found[key] for key in sorted(found))


def default_priority(priorities: tuple[str, ...] = DEFAULT_PRIORITIES) -> str:
    """`normal` where there is one, else the lowest."""
    return "normal" if "normal" in priorities else priorities[-1]


def _names(nodes: Iterable[s.Name]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(node.text for node in nodes))


def _field(node: s.Field) -> p.Field:
    choices = _names(node.choices)
    operand = Operand(predicates.FIELD + node.name.text, node.type, choices or None)
    return p.Field(
        name=node.name.text,
        was=_names(node.was),
        type=node.type,
        choices=choices,
        pattern=node.pattern.value if node.pattern else "",
        default=None if node.default is None else scalar_for(operand, node.default),
        required_to_leave=_names(node.required_to_leave),
        span=node.span,
    )


def _stage(node: s.Stage, scope: Scope, pool: Pool) -> p.Stage:
    pauses = tuple(
        dict.fromkeys(
            metric for line in node.pauses for metric in (tuple(each.name for each in line.metrics) or scope.metrics)
        )
    )
    reopen = node.reopen
    return p.Stage(
        name=node.name.text,
        was=_names(node.was),
        start=node.start,
        finish=node.finish,
        next=_names(node.next),
        owner=actor(node.owner) if node.owner else None,
        targets=_targets(node.lines, node.tables, scope, pool),
        total=node.total,
        alerts=_alerts(node.name.text, node.alerts),
        pauses=pauses,
        resumes=tuple(
            p.Resume(
                when=pool.expression(each.condition, scope),
                kinds=kinds(each.condition),
                stage=each.stage.text if each.stage else "",
                span=each.span,
            )
            for each in node.resumes
        ),
        silences=tuple(
            p.Silence(index=index, amount=each.amount.value, action=action(each.action, scope), span=each.span)
            for index, each in enumerate(node.silences)
        ),
        reopen=p.Reopen(amount=reopen.amount.value, stage=reopen.stage.text, span=reopen.span) if reopen else None,
        limit=node.limit.count if node.limit else None,
        span=node.span,
    )


def _targets(
    lines: tuple[s.TargetLine, ...], tables: tuple[s.Table, ...], scope: Scope, pool: Pool
) -> tuple[p.Target, ...]:
    """Per metric: lines with a condition, then tables, then bare lines, each in the order of the file."""
    rows: dict[str, list[p.TargetRow]] = {}
    spans: dict[str, s.Node] = {}

    def add(metric: s.Metric, row: p.TargetRow, node: s.Node) -> None:
        rows.setdefault(metric.name, []).append(row)
        spans.setdefault(metric.name, node)

    for line in lines:
        if line.condition is not None:
            when = pool.expression(line.condition, scope)
            add(line.metric, p.TargetRow(when=when, amount=line.amount.value, span=line.span), line)
    for table in tables:
        for row in table.rows:
            when = _row(table, row, scope, pool)
            for column, cell in zip(table.columns, row.cells, strict=True):
                if column.metric is not None:
                    amount = cell.amount.value if cell.amount else None
                    add(column.metric, p.TargetRow(when=when, amount=amount, span=row.span), table)
    for line in lines:
        if line.condition is None:
            add(line.metric, p.TargetRow(when=None, amount=line.amount.value, span=line.span), line)
    return tuple(
        p.Target(metric=metric, rows=tuple(found), reads=_reads(found, pool), span=spans[metric].span)
        for metric, found in sorted(rows.items(), key=lambda item: scope.metrics.index(item[0]))
    )


def _reads(rows: list[p.TargetRow], pool: Pool) -> tuple[str, ...]:
    return predicates.reads(pool.predicates, [row.when for row in rows if row.when is not None])


def _row(table: s.Table, row: s.Row, scope: Scope, pool: Pool) -> int | None:
    """The condition of a table's row, None where every cell is `any`; `else` is an `any` in the first column."""
    terms: list[int] = []
    for column, cell in zip(table.columns, row.cells, strict=True):
        if cell.any or column.kind not in ("words", "operand"):
            continue
        if column.operand is not None:
            operand = operand_of(column.operand, scope)
            values = in_order(scalar_for(operand, value) for value in cell.values)
            terms.append(pool.add(p.OneOf(operand=operand.key, values=values), cell.span))
        else:
            words = in_order(fold(str(value.value)) for value in cell.values)
            terms.append(pool.add(p.ContainsAny(words=words), cell.span))
    return pool.all_of(terms, row.span)


def _alerts(place: str, nodes: tuple[s.Alert, ...]) -> tuple[p.Alert, ...]:
    """Keys are `New/first reply/80%`; a second alert at one threshold is `New/first reply/80% 2`."""
    seen: Counter[str] = Counter()
    made: list[p.Alert] = []
    for node in nodes:
        key = f"{place}/{node.metric.name}/{_threshold(node)}"
        seen[key] += 1
        made.append(
            p.Alert(
                key=key if seen[key] == 1 else f"{key} {seen[key]}",
                metric=node.metric.name,
                actors=actors(node.actors),
                percent=node.percent,
                before=node.before.value if node.before else None,
                after=node.after.value if node.after else None,
                channel=node.channel.text if node.channel else "",
                template=node.template.text if node.template else "",
                span=node.span,
            )
        )
    return tuple(made)


def _threshold(node: s.Alert) -> str:
    if node.after is not None:
        return f"{node.after.value} after"
    return f"{node.before.value} before" if node.before is not None else f"{node.percent}%"


def _clock(node: s.Clock, scope: Scope, pool: Pool) -> p.NamedClock:
    name = node.name.text
    conditions = [each for each in (node.start, node.pause, node.resume, node.stop) if each is not None]
    found = {kind for condition in conditions for kind in kinds(condition)}

    def index(condition: s.Expr | None) -> int | None:
        return None if condition is None else pool.expression(condition, scope)

    target = next(iter(_targets(node.lines, node.tables, scope, pool)), None)
    if target is None:
        raise ValueError(f"clock {name} promises nothing")
    return p.NamedClock(
        name=name,
        was=_names(node.was),
        calendar=node.calendar.text if node.calendar else "",
        start=index(node.start),
        pause=index(node.pause),
        resume=index(node.resume),
        stop=index(node.stop),
        kinds=tuple(kind for kind in p.FACT_KINDS if kind in found),
        target=target,
        alerts=_alerts("**", node.alerts),
        span=node.span,
    )


def _escalation(node: s.Escalation, scope: Scope, pool: Pool) -> p.Escalation:
    if node.when is None:
        raise ValueError(f"escalation {node.name.text} has no `when`")
    metrics = tuple(metric for metric in scope.metrics if could_be(node.when, Fact("missed", metric=metric))[0])
    # Terms that only name misses are told by `metrics`; what else there is must hold of the miss too.
    others = [term for term in conjuncts(node.when) if not only_misses(term)]
    repeats = {each.level: each for each in node.repeats}
    return p.Escalation(
        name=node.name.text,
        metrics=metrics,
        when=pool.all_of([pool.expression(term, scope) for term in others], node.when.span),
        levels=tuple(
            p.Level(
                number=level.number,
                after=level.after.value if level.after else None,
                actions=tuple(action(each, scope) for each in level.actions),
                repeat_every=repeats[level.number].every.value if level.number in repeats else None,
                repeat_at_most=repeats[level.number].at_most if level.number in repeats else None,
                span=level.span,
            )
            for level in sorted(node.levels, key=lambda level: level.number)
        ),
        stop=pool.expression(node.stop, scope) if node.stop else None,
        stop_kinds=kinds(node.stop) if node.stop else (),
        span=node.span,
    )


def only_misses(expr: s.Expr) -> bool:
    """`first reply is missed or next reply is missed`: nothing but misses joined by `or`."""
    if isinstance(expr, s.Or):
        return all(only_misses(term) for term in expr.terms)
    return isinstance(expr, s.EventIs) and expr.kind == "missed"


def _assigns(nodes: tuple[s.Assign, ...], scope: Scope, pool: Pool) -> tuple[p.Assign, ...]:
    seen: Counter[str] = Counter()
    made: list[p.Assign] = []
    for node in nodes:
        atom = event(node.event, scope)
        key = " ".join(filter(None, (atom.kind, atom.stage, atom.metric, atom.subject)))
        seen[key] += 1
        rows: list[p.AssignRow] = []
        for row in node.table.rows:
            to = next(cell.actor for column, cell in zip(node.table.columns, row.cells, strict=True) if column.kind == "to")
            if to is not None:
                rows.append(p.AssignRow(when=_row(node.table, row, scope, pool), to=actor(to), span=row.span))
        made.append(
            p.Assign(
                key=key if seen[key] == 1 else f"{key} {seen[key]}",
                event=pool.add(atom, node.event.span),
                kind=atom.kind,
                stage=atom.stage,
                rows=tuple(rows),
                span=node.span,
            )
        )
    return tuple(made)
