"""docs/connectors/webhooks.md and events.json say what the catalogue of events says. Run this file to write them anew."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from duly_runtime import catalogue

FOLDER = Path(__file__).parents[2] / "docs" / "connectors"
PAGE = FOLDER / "webhooks.md"
SCHEMAS = FOLDER / "events.json"
BEGIN = "<!-- events: generated, write anew with `python tests/docs/test_webhooks_docs.py` -->\n"
END = "<!-- end of events -->\n"


def table() -> str:
    """Each event: when it is, and what `data` holds beside the card and the author."""
    rows = ["| event | when | in `data`, beside `card` and `author` |", "| --- | --- | --- |"]
    for name, made in catalogue.TYPES.items():
        schema = catalogue.schema(name)
        fields = [each for each in schema["$defs"][made.__name__]["properties"] if each not in ("card", "author")]
        rows.append(f"| `{name}` | {schema['description']} | {', '.join(f'`{each}`' for each in fields) or '–'} |")
    return "\n".join(rows) + "\n"


def schemas() -> str:
    found: dict[str, Any] = {name: catalogue.schema(name) for name in catalogue.TYPES}
    return json.dumps(found, indent=1, ensure_ascii=False) + "\n"


def test_the_table_of_events_is_up_to_date() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert text.partition(BEGIN)[2].partition(END)[0] == table(), "run `python tests/docs/test_webhooks_docs.py`"


def test_the_schemas_beside_it_are_up_to_date() -> None:
    assert SCHEMAS.read_text(encoding="utf-8") == schemas(), "run `python tests/docs/test_webhooks_docs.py`"


if __name__ == "__main__":
    head, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    PAGE.write_text(head + BEGIN + table() + END + rest.partition(END)[2], encoding="utf-8")
    SCHEMAS.write_text(schemas(), encoding="utf-8")
