"""The `duly` command. Each sub-command lives in a module of its own, imported only when it is called: the light ones
(`check`, `fmt`, `test`) must start without the web server, the database or the queue.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence

from duly_dsl import i18n
from duly_dsl.i18n import marked as _
from duly_platform.cli import usage

COMMANDS = {
    "new": ("duly_platform.cli.new:New", _("Start a workspace from a template")),
    "check": ("duly_platform.cli.language:Check", _("Check rule files and report every problem")),
    "lint": ("duly_platform.cli.mending:Lint", _("Check rule files strictly, and mend what can be mended")),
    "fmt": ("duly_platform.cli.language:Format", _("Format rule files, keeping every comment")),
    "explain": (
        "duly_platform.cli.language:Explain",
        _("Explain a problem's code (E0203), or a card's clocks and rules (12)"),
    ),
    "test": ("duly_platform.cli.scenarios:Test", _("Run the tests of rule files in simulated time")),
    "backtest": (
        "duly_platform.cli.backtest:Backtest",
        _("Replay the past under rule files and compare what would have happened"),
    ),
    "lsp": (
        "duly_platform.cli.lsp:LanguageServer",
        _("Serve an editor: the language server, over standard input and output"),
    ),
    "report": ("duly_platform.cli.report:Report", _("Show the figures of a report the rules define")),
    "plan": ("duly_platform.cli.plan:PlanCommand", _("Show what publishing rule files would change")),
    "publish": ("duly_platform.cli.plan:Publish", _("Make rule files the running version, after showing the plan")),
    "versions": ("duly_platform.cli.versions:Versions", _("List, show and compare the versions of a server")),
    "rollback": ("duly_platform.cli.plan:Rollback", _("Publish an earlier version again, after showing the plan")),
    "pull": ("duly_platform.cli.versions:Pull", _("Write the running version's files into a folder")),
    "export": ("duly_platform.cli.versions:Export", _("Write a version's files into an archive")),
    "graph": ("duly_platform.cli.drawing:Graph", _("Draw the stages, moves and escalations of a pipeline")),
    "contract": ("duly_platform.cli.drawing:Contract", _("Write what the rules promise customers, as prose")),
    "serve": (
        "duly_platform.cli.serve:Serve",
        _("Serve a workspace: web, connectors and worker in one process"),
    ),
    "demo": ("duly_platform.cli.demo:Demo", _("Serve a demo workspace with live traffic")),
    "worker": ("duly_platform.cli.serve:Worker", _("Run a worker process (PostgreSQL with Redis or RabbitMQ)")),
    "scheduler": ("duly_platform.cli.serve:Scheduler", _("Run a scheduler process: timers and the outbox")),
    "connectors": ("duly_platform.cli.connectors:Connectors", _("Show the connectors and run their checks")),
    "user": ("duly_platform.cli.accounts:UserCommand", _("Make an account or set a password")),
    "parked": ("duly_platform.cli.parked:Parked", _("List what waits for a person; try it again or discard it")),
    "secret": ("duly_platform.cli.accounts:SecretCommand", _("Store a secret that rule files refer to by name")),
}
"""Name -> (where, help). A command is a class with `arguments(parser)` and `run(namespace) -> exit code`."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run `duly`; the exit code. 0 is success, 1 means problems were found, 2 that it could not run as asked."""
    words = list(sys.argv[1:] if argv is None else argv)
    catalogue = i18n.translations("duly_platform", i18n.of_environment())
    usage.speak(catalogue)
    translate = catalogue.gettext
    parser = argparse.ArgumentParser(
        prog="duly", description=translate("Customer-service pipelines that keep their promises.")
    )
    parser.add_argument("--version", action="store_true", help=translate("show the version and leave"))
    commands = parser.add_subparsers(dest="command", metavar=translate("COMMAND"))
    named = next((word for word in words if not word.startswith("-")), None)
    for name, (where, text) in COMMANDS.items():
        sub = commands.add_parser(name, help=translate(text), description=translate(text))
        if name == named:
            module, attribute = where.split(":")
            command = getattr(importlib.import_module(module), attribute)()
            command.arguments(sub)
            sub.set_defaults(run=command.run)
    options = parser.parse_args(words)
    if options.version:
        from importlib.metadata import version  # imported late: it is slow and rarely wanted

        print("duly", version("duly"))
        return 0
    if options.command is None:
        parser.print_help()
        return 2
    try:
        return int(options.run(options))
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        return 0
