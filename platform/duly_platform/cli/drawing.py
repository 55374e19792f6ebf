"""`duly graph` and `duly contract`: rule files shown to people."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import msgspec

from duly_dsl import i18n, render
from duly_dsl.build import build
from duly_dsl.diagnostics import Severity
from duly_dsl.nearest import nearest
from duly_dsl.program import Program
from duly_platform.cli.language import fail, load, unreadable

LANGUAGE = i18n.of_environment()
_ = i18n.translations("duly_platform", LANGUAGE).gettext


class Broken(Exception):
    """The files can't be shown; `code` is the exit code, and all has been said."""

    def __init__(self, code: int) -> None:
        self.code = code


def compiled(paths: list[Path], pipeline: str) -> Program:
    """The program of a workspace; Broken, with the reason said, where it has errors or no such pipeline."""
    try:
        prefix, sources = load(paths or [Path()])
    except (OSError, ValueError) as error:
        raise Broken(fail(unreadable(error))) from None
    built = build(sources)
    if built.program is None:
        errors = [problem.under(prefix) for problem in built.diagnostics if problem.severity is Severity.ERROR]
        texts = {prefix + source.path: source.text for source in sources}
        print(render.text(errors, texts, color=sys.stderr.isatty(), language=LANGUAGE), file=sys.stderr)
        raise Broken(1)
    names = sorted(built.program.pipelines)
    if pipeline and pipeline not in names:
        sentence = _("there is no pipeline `{name}`").format(name=pipeline)
        close = nearest(pipeline, names)
        raise Broken(fail(sentence + ("; " + _("did you mean `{name}`?").format(name=close) if close else "")))
    if not names:
        raise Broken(fail(_("the files have no pipeline")))
    return built.program


def put(text: str, output: Path | None) -> int:
    if output is None:
        sys.stdout.write(text)
        return 0
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        return fail(_("`{path}` can't be written: {reason}").format(path=output, reason=error.strerror))
    return 0


class Graph:
    """`duly graph [PATH…] [--format svg|dot|json] [--pipeline NAME] [--output FILE]`."""

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument(
            "paths", nargs="*", type=Path, metavar="PATH", help=_("folder of a workspace, or some of its files")
        )
        parser.add_argument(
            "--format",
            choices=("svg", "dot", "json"),
            default="svg",
            help=_("a picture, the text Graphviz reads, or the form for programs"),
        )
        parser.add_argument("--pipeline", default="", metavar="NAME", help=_("only this pipeline"))
        parser.add_argument("--output", "-o", type=Path, metavar="FILE", help=_("write to a file"))

    def run(self, options: argparse.Namespace) -> int:
        from duly_dsl.graph import dot, graphs, svg

        try:
            found = graphs(compiled(options.paths, options.pipeline), options.pipeline)
        except Broken as broken:
            return broken.code
        if options.format == "json":
            text = msgspec.json.format(msgspec.json.encode(found), indent=2).decode() + "\n"
        elif options.format == "dot":
            text = dot.write(found)
        else:
            text = svg.draw(found, LANGUAGE)
        return put(text, options.output)


class Contract:
    """`duly contract [PATH…] [--format markdown|html] [--language TAG] [--pipeline NAME] [--output FILE]`."""

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument(
            "paths", nargs="*", type=Path, metavar="PATH", help=_("folder of a workspace, or some of its files")
        )
        parser.add_argument(
            "--format", choices=("markdown", "html"), default="markdown", help=_("Markdown, or a page that prints")
        )
        parser.add_argument("--language", choices=i18n.LANGUAGES, default=LANGUAGE, help=_("the language it is written in"))
        parser.add_argument("--pipeline", default="", metavar="NAME", help=_("only this pipeline"))
        parser.add_argument("--output", "-o", type=Path, metavar="FILE", help=_("write to a file"))

    def run(self, options: argparse.Namespace) -> int:
        from duly_runtime import contract

        try:
            program = compiled(options.paths, options.pipeline)
        except Broken as broken:
            return broken.code
        blocks = contract.document(program, options.language, options.pipeline)
        if options.format == "html":
            return put(contract.as_html(blocks, options.language), options.output)
        return put(contract.as_markdown(blocks), options.output)
