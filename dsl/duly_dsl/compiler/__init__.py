"""Syntax -> rule graph. Called on files the checker found no error in; what it would have to guess is the checker's to
refuse. The same files give the same graph and hash, whatever order they come in.
"""

from __future__ import annotations

from collections.abc import Sequence

from duly_dsl import program as p
from duly_dsl import syntax as s
from duly_dsl.compiler.calendars import calendar, person, team
from duly_dsl.compiler.conditions import Pool
from duly_dsl.compiler.doors import connector, template
from duly_dsl.compiler.pipelines import pipeline
from duly_dsl.compiler.reports import report
from duly_dsl.compiler.rules import rules
from duly_dsl.scope import Workspace

__all__ = ["compile_files"]


def compile_files(files: Sequence[s.File]) -> p.Program:
    """The sealed Program of a whole workspace. KeyError or ValueError where the checker was not asked first."""
    workspace = Workspace(files)
    pool = Pool()
    pipelines: dict[str, p.Pipeline] = {}
    made: list[p.Rule] = []
    index: list[p.Index] = []
    for name, scope in workspace.scopes.items():
        pipelines[name] = pipeline(scope, pool)
        new, entries = rules(scope, pool, len(made))
        made += new
        index += entries
    return p.Program(
        calendars={name: calendar(each) for name, each in workspace.calendars.items()},
        people={name: person(each) for name, each in workspace.people.items()},
        teams={name: team(each) for name, each in workspace.teams.items()},
        pipelines=pipelines,
        connectors={name: connector(each, workspace) for name, each in workspace.connectors.items()},
        templates={name: template(each) for name, each in workspace.templates.items()},
        reports={name: report(each, workspace) for name, each in workspace.reports.items()},
        rules=tuple(made),
        predicates=pool.predicates,
        index=tuple(index),
    ).sealed()
