"""Actors and actions."""

from __future__ import annotations

from duly_dsl import program as p
from duly_dsl import syntax as s
from duly_dsl.compiler.conditions import operand_of, scalar_for
from duly_dsl.scope import Scope

_KINDS = {"lead": "lead_of", "lead_of_owner": "lead"}
"""The syntax names the plain form after the longer one; the graph the other way round."""


def actor(node: s.Actor) -> p.Actor:
    name = node.name.text if node.name else ""
    return p.Actor(kind=_KINDS.get(node.kind, node.kind), name=name, level=node.level, span=node.span)


def actors(nodes: tuple[s.Actor, ...]) -> tuple[p.Actor, ...]:
    return tuple(actor(node) for node in nodes)


def action(node: s.Action, scope: Scope) -> p.AnyAction:
    span = node.span
    match node:
        case s.Notify():
            return p.Notify(
                actors=actors(node.actors), channel=_name(node.channel), template=_name(node.template), span=span
            )
        case s.Set():
            operand = operand_of(node.operand, scope)
            return p.SetField(operand=operand.key, value=scalar_for(operand, node.value), span=span)
        case s.Tag():
            return p.Tag(tag=node.tag.value, remove=node.remove, span=span)
        case s.AssignTo():
            return p.AssignTo(actor=actor(node.actor), span=span)
        case s.Move():
            return p.Move(stage=node.stage.text, reason=node.reason.value if node.reason else "", span=span)
        case s.Send():
            return p.Send(template=node.template.text, once=node.once, outside=_name(node.outside), span=span)
        case s.Reply():
            return p.Reply(text=node.text.value, outside=_name(node.outside), span=span)
        case s.Call():
            return p.Call(connector=node.connector.text, span=span)
        case s.ShiftPriority():
            return p.ShiftPriority(raised=node.raised, span=span)
        case s.ExcuseMiss():
            return p.ExcuseMiss(metric=node.metric.name, reason=node.reason.value, span=span)
        case s.AddNote():
            return p.AddNote(text=node.text.value, span=span)
        case s.RunClock():
            return p.RunClock(clock=node.clock.name, starts=node.starts, span=span)


def _name(node: s.Name | None) -> str:
    return node.text if node else ""
