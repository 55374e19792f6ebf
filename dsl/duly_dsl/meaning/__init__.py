"""What changes between two rule graphs, by meaning: `changes(old, new)`, said by `Words(language).sentence(change)`.

Pure. A line that only moved, a comment and a new layout are no change; every other difference is at least one.
"""

from __future__ import annotations

from duly_dsl.meaning.change import Change, Place
from duly_dsl.meaning.compare import changes, essence
from duly_dsl.meaning.words import Words

__all__ = ["Change", "Place", "Words", "changes", "essence"]
