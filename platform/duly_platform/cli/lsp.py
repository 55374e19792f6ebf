"""`duly lsp`: the language server, over standard input and output."""

from __future__ import annotations

import argparse
import logging
import os
import sys

from duly_dsl import i18n

_ = i18n.translations("duly_platform", i18n.of_environment()).gettext


class LanguageServer:
    """`duly lsp`: started by an editor, which speaks the Language Server Protocol with it. What goes wrong is told on the
    standard error; DULY_LSP_LOG=debug tells more."""

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument(
            "--stdio", action="store_true", help=_("use the standard input and output, the only way there is")
        )

    def run(self, options: argparse.Namespace) -> int:
        level = os.environ.get("DULY_LSP_LOG", "warning").upper()
        logging.basicConfig(stream=sys.stderr, format="duly lsp: %(levelname)s %(message)s")
        logging.getLogger().setLevel(level if level in logging.getLevelNamesMapping() else "WARNING")
        from duly_platform.lsp.server import Server, untold  # late: only this command needs the protocol

        logging.getLogger("pygls.protocol.json_rpc").addFilter(untold)
        Server().start_io()
        return 0
