"""Pipelines: stages, escalations, assignment, rules."""

from __future__ import annotations

from typing import Any, cast

import msgspec

from duly_dsl import syntax
from duly_dsl.parsing import tables, values
from duly_dsl.parsing.base import Nodes, Said
from duly_dsl.parsing.engine import BROKEN, Broken
from duly_dsl.parsing.lexing import Token
from duly_dsl.source import Span


class FlowNodes(Nodes):
    """Statements of a `pipeline` and the blocks in it."""

    def pipeline(self, span: Span, parts: list[Any]) -> Any:
        made = self._block(syntax.Pipeline, span, {"name": self._name(parts[0])}, parts[1:])
        misses, self.misses = self.misses, []
        return made if isinstance(made, Broken) else self._decided(made, misses)

    def _decided(self, pipeline: syntax.Pipeline, misses: list[syntax.EventIs]) -> syntax.Pipeline:
        """With `"X" is missed` read as a value where X is a field and no clock."""
        fields = {field.name.text.casefold() for field in pipeline.fields if misses}
        clocks = {clock.name.text for clock in pipeline.clocks}
        made: dict[Span, syntax.Is] = {}
        for event in misses:
            metric = event.metric
            if metric is not None and metric.name not in clocks and metric.name.casefold() in fields:
                name = syntax.Name(span=metric.span, text=metric.name, quoted=True)
                operand = syntax.Operand(span=metric.span, name=name)
                value = self._state(event.span, "missed")
                made[event.span] = syntax.Is(span=event.span, operand=operand, values=(value,))
        return _replaced(pipeline, made) if made else pipeline

    def was(self, span: Span, parts: list[Any]) -> Any:
        return self._said("was", self._names(parts), span)

    def uses_calendar(self, span: Span, parts: list[Any]) -> Any:
        return self._said("calendar", self._name(parts[0]), span)

    def priorities(self, span: Span, parts: list[Any]) -> Any:
        return self._said("priorities", self._names(parts), span)

    def types(self, span: Span, parts: list[Any]) -> Any:
        return self._said("types", self._names(parts), span)

    def languages(self, span: Span, parts: list[Any]) -> Any:
        return self._said("languages", self._texts(parts), span)

    def on_reopen(self, span: Span, parts: list[Any]) -> Any:
        return self._made(syntax.OnReopen, span, metric=parts[0], choice=parts[1])

    def reopen_choice(self, span: Span, parts: list[Any]) -> Any:
        return " ".join(part.text for part in parts)

    def field(self, span: Span, parts: list[Any]) -> Any:
        more: dict[str, Any] = {}
        for part in parts[1:]:
            if isinstance(part, dict):
                more.update(cast(dict[str, Any], part))
            else:  # what it was called, which blocks say as a line of theirs
                more["was"] = BROKEN if part is BROKEN else part.value
        return self._made(syntax.Field, span, name=self._name(parts[0]), **more)

    def text_type(self, span: Span, parts: list[Any]) -> Any:
        pattern: Any = None
        if parts:
            pattern = syntax.Text(span=self._span(parts[0]), value=values.read_pattern(parts[0].text))
        return {"type": "text", "pattern": pattern}

    def choice_type(self, span: Span, parts: list[Any]) -> Any:
        return {"type": "choice", "choices": self._names(parts)}

    def plain_type(self, span: Span, parts: list[Any]) -> Any:
        return {"type": parts[0].text}

    def default(self, span: Span, parts: list[Any]) -> Any:
        return {"default": parts[0]}

    def required(self, span: Span, parts: list[Any]) -> Any:
        return {"required_to_leave": self._names(parts)}

    def stage(self, span: Span, parts: list[Any]) -> Any:
        return self._block(syntax.Stage, span, {"name": self._name(parts[0])}, parts[1:])

    def start_line(self, span: Span, parts: list[Any]) -> Any:
        return self._said("start", True, span)

    def finish_line(self, span: Span, parts: list[Any]) -> Any:
        return self._said("finish", True, span)

    def next_line(self, span: Span, parts: list[Any]) -> Any:
        return self._said("next", self._names(parts), span)

    def stage_owner(self, span: Span, parts: list[Any]) -> Any:
        return self._said("owner", parts[0], span)

    def leave_total(self, span: Span, parts: list[Any]) -> Any:
        return self._said("total", True, span)

    def targets(self, span: Span, parts: list[Any]) -> Any:
        return self._table(parts[0], tables.TARGETS)

    def target_line(self, span: Span, parts: list[Any]) -> Any:
        condition = parts[2] if len(parts) > 2 else None
        return self._made(syntax.TargetLine, span, metric=parts[0], amount=parts[1], condition=condition)

    def alert(self, span: Span, parts: list[Any]) -> Any:
        actors, more = self._actors(parts)
        return self._made(syntax.Alert, span, actors=actors, **more)

    def at_percent(self, span: Span, parts: list[Any]) -> Any:
        number = self._checked(values.read_count(parts[0].text[:-1], self._span(parts[0])))
        return BROKEN if isinstance(number, Broken) else {"percent": number, "metric": parts[1]}

    def before(self, span: Span, parts: list[Any]) -> Any:
        return {"before": parts[0], "metric": parts[1]}

    def after_miss(self, span: Span, parts: list[Any]) -> Any:
        return {"after": parts[0], "metric": parts[1]}

    def pause(self, span: Span, parts: list[Any]) -> Any:
        return self._made(syntax.Pause, span, metrics=tuple(parts))

    def resume(self, span: Span, parts: list[Any]) -> Any:
        stage = self._name(parts[0]) if len(parts) > 1 else None
        return self._made(syntax.Resume, span, condition=parts[-1], stage=stage)

    def silence(self, span: Span, parts: list[Any]) -> Any:
        return self._made(syntax.Silence, span, amount=parts[0], action=parts[1])

    def wip_limit(self, span: Span, parts: list[Any]) -> Any:
        return self._made(syntax.WipLimit, span, count=self._count(parts[0]))

    def reopen(self, span: Span, parts: list[Any]) -> Any:
        return self._made(syntax.Reopen, span, amount=parts[0], stage=self._name(parts[1]))

    def escalation(self, span: Span, parts: list[Any]) -> Any:
        return self._block(syntax.Escalation, span, {"name": self._name(parts[0])}, parts[1:])

    def when(self, span: Span, parts: list[Any]) -> Any:
        return self._said("when", parts[0], span)

    def level(self, span: Span, parts: list[Any]) -> Any:
        after = None if parts[1] == "at once" else parts[1]
        return self._made(syntax.Level, span, number=self._count(parts[0]), after=after, actions=tuple(parts[2:]))

    def at_once(self, span: Span, parts: list[Any]) -> Any:
        return "at once"

    def after(self, span: Span, parts: list[Any]) -> Any:
        return parts[0]

    def repeat(self, span: Span, parts: list[Any]) -> Any:
        at_most = parts[2] if len(parts) > 2 else None
        return self._made(syntax.Repeat, span, level=self._count(parts[0]), every=parts[1], at_most=at_most)

    def at_most(self, span: Span, parts: list[Any]) -> Any:
        return self._count(parts[0])

    def stop(self, span: Span, parts: list[Any]) -> Any:
        return self._said("stop", parts[0], span)

    def assign(self, span: Span, parts: list[Any]) -> Any:
        if isinstance(parts[1], tables.RawTable) and not isinstance(parts[0], Broken):
            return self._made(syntax.Assign, span, event=parts[0], table=self._table(parts[1], tables.ASSIGN))
        return BROKEN

    def rule(self, span: Span, parts: list[Any]) -> Any:
        actions: list[Any] = []
        statements: list[Any] = []
        mode, until = "on", None
        for part in parts[1:]:
            if isinstance(part, Said) and part.field == "actions":
                actions.extend(part.value)
            elif isinstance(part, Said) and part.field == "mode":
                mode, until = part.value
            else:
                statements.append(part)
        fixed = {"name": self._name(parts[0]), "mode": mode, "until": until, "actions": tuple(actions)}
        return self._block(syntax.Rule, span, fixed, statements)

    def excuses(self, span: Span, parts: list[Any]) -> Any:
        reasons = self._texts([part for part in parts if isinstance(part, Token)])
        role = next((part for part in parts if isinstance(part, str)), "manager")
        return self._made(syntax.Excuses, span, reasons=reasons, role=role)

    def by_role(self, span: Span, parts: list[Any]) -> Any:
        return parts[0]

    def role(self, span: Span, parts: list[Any]) -> Any:
        return parts[0].text

    def mode(self, span: Span, parts: list[Any]) -> Any:
        return parts[0]

    def shadow(self, span: Span, parts: list[Any]) -> Any:
        return self._said("mode", ("shadow", self._date(parts[0]) if parts else None), span)

    def off(self, span: Span, parts: list[Any]) -> Any:
        return self._said("mode", ("off", None), span)

    def then(self, span: Span, parts: list[Any]) -> Any:
        return self._said("actions", tuple(parts), span)

    def table(self, span: Span, parts: list[Any]) -> Any:
        rows = [part for part in parts if not isinstance(part, Broken)]
        return tables.RawTable(span, rows, damaged=len(rows) < len(parts))

    def row(self, span: Span, parts: list[Any]) -> Any:
        return tables.RawRow(span, parts[:-1])

    def _table(self, raw: tables.RawTable, kind: tables.TableKind) -> Any:
        made, problems = tables.read(raw, kind, self.path)
        self.problems += problems
        return BROKEN if made is None else made


def _replaced(node: Any, made: dict[Span, syntax.Is]) -> Any:
    """The tree with the misses at those places exchanged."""
    if isinstance(node, tuple):
        return tuple(_replaced(each, made) for each in cast(tuple[Any, ...], node))
    if not isinstance(node, syntax.Node):
        return node
    if isinstance(node, syntax.EventIs) and node.span in made:
        return made[node.span]
    fields = {name: getattr(node, name) for name in node.__struct_fields__}
    fresh = {name: _replaced(value, made) for name, value in fields.items() if isinstance(value, (tuple, syntax.Node))}
    return msgspec.structs.replace(node, **fresh) if fresh else node
