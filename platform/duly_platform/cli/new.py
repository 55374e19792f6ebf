"""`duly new`: a workspace to start from."""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

from duly_dsl import i18n
from duly_dsl.i18n import marked
from duly_platform.cli.language import fail, listed

LANGUAGE = i18n.of_environment()
_ = i18n.translations("duly_platform", LANGUAGE).gettext

GALLERY = Path(__file__).parents[1] / "gallery"

TEMPLATES = {
    "support": marked("questions and complaints, from the first message to the answer"),
    "incidents": marked("something is broken: somebody on duty at any hour"),
    "returns": marked("from the wish to send something back to the refund"),
    "billing": marked("questions about invoices, and disputes"),
}
"""Name -> what it is for. Each is a folder of the gallery, with tests that pass."""


class New:
    """`duly new FOLDER [--template NAME]`; without a folder, the list of templates. Nothing there is overwritten."""

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("folder", nargs="?", type=Path, metavar="FOLDER", help=_("folder to make"))
        parser.add_argument(
            "--template", choices=tuple(TEMPLATES), default="support", help=_("what to start from; support where not given")
        )

    def run(self, options: argparse.Namespace) -> int:
        if options.folder is None:
            width = max(map(len, TEMPLATES))
            for name, purpose in TEMPLATES.items():
                print(f"{name:<{width}}  {_(purpose)}")
            return 0
        folder: Path = options.folder
        files = sorted(path for path in (GALLERY / options.template).iterdir() if path.is_file())
        there = [folder / path.name for path in files if (folder / path.name).exists()]
        if folder.exists() and not folder.is_dir():
            return fail(_("`{path}` is no folder").format(path=folder))
        if there:
            return fail(_("these files are there already, and nothing was written: {paths}").format(paths=listed(there)))
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for path in files:
                shutil.copyfile(path, folder / path.name)
                print(folder / path.name)
        except OSError as error:
            reason = error.strerror
            return fail(_("`{path}` can't be written: {reason}").format(path=error.filename, reason=reason))
        print()
        print(_("Put your own people into `people.duly`, then:"))
        for command in ("check", "test", "serve"):
            print(f"  duly {command} {folder}")
        return 0
