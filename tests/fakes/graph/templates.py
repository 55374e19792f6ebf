"""Templates as an account at Meta has them, and what a message that uses one must hold."""

from __future__ import annotations

import dataclasses
import itertools
import re
from typing import Any
from urllib.parse import urlencode

from fakes.graph.errors import Answer, error

_ids = itertools.count(594425479261596)


@dataclasses.dataclass
class Template:
    """`body` with its variables (`{{1}}`), `header` a text (or `header_format` `IMAGE`, `VIDEO`, `DOCUMENT`), `buttons` the
    texts of quick replies."""

    name: str
    language: str
    body: str = "Hello"
    status: str = "APPROVED"
    category: str = "UTILITY"
    header: str = ""
    header_format: str = ""
    buttons: tuple[str, ...] = ()
    quality: str = "GREEN"
    reason: str = "NONE"
    id: str = dataclasses.field(default_factory=lambda: str(next(_ids)))

    @property
    def variables(self) -> int:
        return len(set(re.findall(r"\{\{(\w+)\}\}", self.body)))

    def shown(self) -> dict[str, Any]:
        """As the API lists it."""
        parts: list[dict[str, Any]] = []
        if self.header_format or self.header:
            part: dict[str, Any] = {"type": "HEADER", "format": self.header_format or "TEXT"}
            parts.append(part | ({"text": self.header} if self.header else {}))
        body: dict[str, Any] = {"type": "BODY", "text": self.body}
        if self.variables:
            body["example"] = {"body_text": [[f"example {n}" for n in range(self.variables)]]}
        parts.append(body)
        if self.buttons:
            parts.append({"type": "BUTTONS", "buttons": [{"type": "QUICK_REPLY", "text": text} for text in self.buttons]})
        return {
            "name": self.name,
            "parameter_format": "POSITIONAL",
            "components": parts,
            "language": self.language,
            "status": self.status,
            "category": self.category,
            "rejected_reason": self.reason,
            "quality_score": {"score": self.quality, "date": 1772000000},
            "id": self.id,
        }


class Templates:
    def __init__(self, templates: tuple[Template, ...] = ()) -> None:
        self.all: dict[tuple[str, str], Template] = {(one.name, one.language): one for one in templates}

    def add(self, template: Template) -> None:
        self.all[template.name, template.language] = template

    def page(self, url: str, query: dict[str, str]) -> Answer:
        """A page of the list; the cursor is the place of the first one of the next page."""
        try:
            limit, start = int(query.get("limit", "25")), int(query.get("after", "0"))
        except ValueError:
            return error(100, "Invalid cursor")
        if not 1 <= limit <= 1000:
            return error(100, "limit must be 1 to 1000")
        wanted = [one for one in self.all.values() if query.get("name", one.name) == one.name]
        part = wanted[start : start + limit]
        fields = query.get("fields", "name,status,category,language,components,id").split(",")
        shown = [{key: text for key, text in one.shown().items() if key in (*fields, "id")} for one in part]
        answer: dict[str, Any] = {"data": shown, "paging": {"cursors": {"before": str(start), "after": str(start + limit)}}}
        if start + limit < len(wanted):
            answer["paging"]["next"] = f"{url}?{urlencode({**query, 'after': str(start + limit)})}"
        return 200, answer

    def refusal(self, message: dict[str, Any]) -> Answer | None:
        """What Meta says no to in a well-formed message with a template."""
        given = message["template"]
        found = self.all.get((given["name"], given["language"]["code"]))
        if found is None or found.status not in ("APPROVED", "PAUSED", "DISABLED"):
            return error(132001, f"template name ({given['name']}) does not exist in {given['language']['code']}")
        if found.status != "APPROVED":
            return error(132015 if found.status == "PAUSED" else 132016)
        parts = {part["type"]: part.get("parameters", []) for part in given.get("components", [])}
        if len(parts.get("body", [])) != found.variables:
            return error(132000, f"body: {len(parts.get('body', []))} localizable_params, expected {found.variables}")
        header = parts.get("header", [])
        wanted = 1 if found.header_format not in ("", "TEXT") or "{{1}}" in found.header else 0
        if len(header) != wanted:
            return error(132012 if wanted else 132000, f"header: {len(header)} parameters, expected {wanted}")
        if found.header_format not in ("", "TEXT") and header[0]["type"] != found.header_format.lower():
            return error(132012, f"header: format mismatch, expected {found.header_format}")
        if found.category == "AUTHENTICATION" and "to" not in message:
            return error(131062)
        return None


def values(template: dict[str, Any]) -> list[str]:
    """The variables of the body of a template in a message."""
    return [
        value["text"]
        for part in template.get("components", [])
        if part["type"] == "body"
        for value in part.get("parameters", [])
    ]
