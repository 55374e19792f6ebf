"""What people attach to replies and notes: uploaded first, then named by its content's sha256."""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from duly_dsl.i18n import marked as _
from duly_dsl.i18n import translations
from duly_runtime.doors import MAX_FILE
from duly_runtime.events import File
from duly_runtime.store.api import Store

MOST_FILES = 10
"""Of one reply or note."""
NAME_LENGTH = 150

_UNFIT = re.compile(r"[\x00-\x1f\x7f\u0085\u2028\u2029\u202a-\u202e\u2066-\u2069]+")
"""Control characters, and those that turn the direction of writing: `exe.gpj` is no picture."""
_TYPE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,99}/[a-z0-9][a-z0-9!#$&^_.+-]{0,99}")


class CannotAttach(ValueError):
    """Says why in English; `told` in the language of the person who attaches."""

    def __init__(self, template: str, **values: str) -> None:
        super().__init__(template.format(**values))
        self._template = template
        self._values = values

    def told(self, language: str) -> str:
        return translations("duly_runtime", language).gettext(self._template).format(**self._values)


def file_name(given: str) -> str:
    """The last part of a path, without what no name holds; long ones keep their ending. `file` where nothing is left."""
    name = _UNFIT.sub(" ", given.encode("utf-8", "replace").decode()).replace("\\", "/").rpartition("/")[2].strip(". ")
    if len(name) > NAME_LENGTH:
        stem, dot, ending = name.rpartition(".")
        kept = f"{dot}{ending}" if dot and len(ending) <= 10 else ""
        name = (stem if kept else name)[: NAME_LENGTH - len(kept)] + kept
    return name or "file"


def media_type(given: str) -> str:
    """`type/subtype` in lower case; of no known type where it is not one."""
    plain = given.partition(";")[0].strip().lower()
    return plain if _TYPE.fullmatch(plain) else "application/octet-stream"


def too_large() -> CannotAttach:
    """A file, or all of a message together, has more than MAX_FILE bytes."""
    return CannotAttach(_("The files of a message can have {megabytes} MB together."), megabytes=str(MAX_FILE >> 20))


async def attached(store: Store, files: Sequence[File]) -> tuple[File, ...]:
    """The files as a command may have them: with their real sizes, clean names and types. Raises CannotAttach where they
    are too many, too large together, or one was not uploaded."""
    if len(files) > MOST_FILES:
        raise CannotAttach(_("A message can have {most} files."), most=str(MOST_FILES))
    sizes = await store.content_sizes(sorted({file.sha256 for file in files}))
    for file in files:
        if file.sha256 not in sizes:
            words = _("The file {name} has not been uploaded, or too long ago: choose it again.")
            raise CannotAttach(words, name=file_name(file.name))
    if sum(sizes[file.sha256] for file in files) > MAX_FILE:
        raise too_large()
    return tuple(
        msgspec.structs.replace(
            file,
            name=file_name(file.name),
            media_type=media_type(file.media_type),
            size=sizes[file.sha256],
            inline="",
            reference="",
        )
        for file in files
    )
