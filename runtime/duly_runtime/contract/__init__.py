"""What the rules promise customers, as prose in either language: `document(program, language)`, shown as Markdown or HTML.

Only what the files say; nothing of who works here but their roles. The same files give the same text.
"""

from __future__ import annotations

from duly_runtime.contract.document import document
from duly_runtime.contract.showing import Block, Heading, Items, Paragraph, Table, as_html, as_markdown

__all__ = ["Block", "Heading", "Items", "Paragraph", "Table", "as_html", "as_markdown", "document"]
