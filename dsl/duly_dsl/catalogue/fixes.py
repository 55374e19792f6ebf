"""What the fixes of problems are called; `%(text)s` is the text of the fix."""

from __future__ import annotations

from duly_dsl.catalogue.kind import _

WRITE = _("write `%(text)s`")
ADD = _("add `%(text)s`")
REMOVE = _("remove it")
INSERT = _("add the line `%(text)s`")
OMIT = _("remove the line")
SPLIT = _("put each line of the block on its own")
SWAP = _("write the earlier one first")
CLOSE = _("close the block here")
ESCAPE = _("write `%(text)s` for a plain backslash")
ADD_WAS = _("say what it was called: `%(text)s`")
