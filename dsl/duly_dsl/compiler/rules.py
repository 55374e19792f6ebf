"""Rules, and the index that says which of them an event may concern."""

from __future__ import annotations

from duly_dsl import program as p
from duly_dsl import syntax as s
from duly_dsl.compiler.actions import action
from duly_dsl.compiler.conditions import Fact, Pool, conjuncts, could_be, events_in
from duly_dsl.scope import Scope
from duly_dsl.source import Span


def rules(scope: Scope, pool: Pool, first: int) -> tuple[list[p.Rule], list[p.Index]]:
    """The rules of a pipeline, numbered from `first`, and their places in the index."""
    made: list[p.Rule] = []
    filed: dict[tuple[str, str], list[int]] = {}
    stages = tuple(scope.stages)
    for node in scope.pipeline.rules:
        if node.when is None:
            raise ValueError(f"rule {node.name.text} has no `when`")
        number = first + len(made)
        # Twice the same term is one: `terms` are what the trace names.
        terms: dict[int, Span] = {}
        for term in conjuncts(node.when):
            terms.setdefault(pool.expression(term, scope), term.span)
        made.append(
            p.Rule(
                id=number,
                pipeline=scope.pipeline.name.text,
                name=node.name.text,
                mode=node.mode,
                when=pool.expression(node.when, scope),
                terms=tuple(terms),
                term_spans=tuple(terms.values()),
                actions=tuple(action(each, scope) for each in node.actions),
                span=node.span,
            )
        )
        for kind, stage in triggers(node.when, stages):
            filed.setdefault((kind, stage), []).append(number)
    name = scope.pipeline.name.text
    order = {kind: place for place, kind in enumerate(p.FACT_KINDS)}
    places = {stage: place for place, stage in enumerate(stages)}
    return made, [
        p.Index(pipeline=name, kind=kind, stage=stage, rules=tuple(numbers), span=scope.pipeline.span)
        for (kind, stage), numbers in sorted(filed.items(), key=lambda item: (order[item[0][0]], places[item[0][1]]))
    ]


def triggers(when: s.Expr, stages: tuple[str, ...]) -> list[tuple[str, str]]:
    """The (fact kind, stage) pairs a condition could be true for.

    A condition that could hold with no event at all has no trigger of its own; the checker refuses it, and here it
    stands under the kinds it names.
    """
    named = dict.fromkeys(atom.kind for atom in events_in(when))
    return [(kind, stage) for kind in named for stage in stages if could_be(when, Fact(kind, stage))[0]]
