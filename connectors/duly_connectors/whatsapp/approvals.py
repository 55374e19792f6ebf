"""Templates as Meta has them: the pages of an account's list, and what webhooks tell of one.

"Message templates" of the WhatsApp Business Management API and the webhooks `message_template_status_update`,
`message_template_quality_update` and `template_category_update`, read for v25.0.
"""

from __future__ import annotations

import datetime as dt
import re
from typing import Any
from urllib.parse import urlencode

from duly_connectors.contract import clean
from duly_dsl.program import TemplateAtMeta
from duly_runtime.doors import Inbound
from duly_runtime.events import TemplateChanged

PAGE = 100
MOST_PAGES = 60
"""An account has 6,000 templates at most."""
FIELDS = "name,language,status,category,components,quality_score,rejected_reason"
FIELD_OF_STATUS = "message_template_status_update"
NOTICES = (FIELD_OF_STATUS, "message_template_quality_update", "template_category_update")
STATUS_OF = {"REINSTATED": "APPROVED", "UNARCHIVED": "APPROVED", "FLAGGED": "APPROVED", "PENDING_DELETION": "DELETED"}
"""What a word of the webhook makes of the status, where it is not the word itself."""
SAYS_NOTHING = frozenset(("LOCKED", "UNLOCKED", "LIMIT_EXCEEDED"))
"""Words that are about editing, not about sending."""
LONGEST = 512
_VARIABLE = re.compile(r"\{\{\s*(\w+)\s*\}\}")


def query(after: str) -> str:
    """Of the request for the page after a cursor, empty for the first."""
    return urlencode({"fields": FIELDS, "limit": PAGE, **({"after": after} if after else {})})


def page(tree: dict[str, Any]) -> tuple[list[TemplateAtMeta], str] | None:
    """The templates of a page and the cursor of the next one (empty for none); None where it is no page."""
    data = tree.get("data")
    if not isinstance(data, list):
        return None
    found = [template for each in data if isinstance(each, dict) and (template := _template(each)) is not None]
    paging = tree.get("paging")
    if not isinstance(paging, dict) or not paging.get("next"):
        return found, ""
    cursors = paging.get("cursors")
    after = cursors.get("after") if isinstance(cursors, dict) else None
    return found, after if isinstance(after, str) and len(after) <= 2000 else ""


def _template(tree: dict[str, Any]) -> TemplateAtMeta | None:
    name, language = _word(tree, "name"), _word(tree, "language")
    if not name or not language:
        return None
    body, header, buttons = _part(tree, "BODY"), _part(tree, "HEADER"), _part(tree, "BUTTONS").get("buttons")
    quality = tree.get("quality_score")
    reason = _word(tree, "rejected_reason")
    return TemplateAtMeta(
        name=name,
        language=language,
        status=_word(tree, "status"),
        category=_word(tree, "category").lower(),
        quality=_word(quality, "score") if isinstance(quality, dict) else "",
        reason="" if reason == "NONE" else reason,
        variables=_variables(body),
        header=_word(header, "format"),
        header_variables=_variables(header),
        buttons=tuple(
            _word(button, "text")
            for button in (buttons if isinstance(buttons, list) else [])
            if isinstance(button, dict) and button.get("type") == "QUICK_REPLY"
        ),
    )


def _part(tree: dict[str, Any], kind: str) -> dict[str, Any]:
    parts = tree.get("components")
    found = [each for each in parts if isinstance(each, dict)] if isinstance(parts, list) else []
    return next((each for each in found if _word(each, "type").upper() == kind), {})


def _variables(part: dict[str, Any]) -> int:
    text = part.get("text")
    return len(set(_VARIABLE.findall(text))) if isinstance(text, str) else 0


def told(entry: dict[str, Any], change: Any, received_at: dt.datetime) -> Inbound | None:
    """What a webhook says of a template; None where it is about something else, or about nothing that matters here."""
    if not isinstance(change, dict) or change.get("field") not in NOTICES:
        return None
    value = change.get("value")
    if not isinstance(value, dict):
        return None
    account, name = _word(entry, "id"), _word(value, "message_template_name")
    language, event = _word(value, "message_template_language").replace("-", "_"), _word(value, "event")
    if not account or not name or not language:
        return None
    said: dict[str, str] = {}
    if change["field"] == FIELD_OF_STATUS:
        if event and event not in SAYS_NOTHING:
            reason = _word(value, "reason")
            said = {"status": STATUS_OF.get(event, event), "reason": "" if reason == "NONE" else reason}
            if event == "FLAGGED":
                said["quality"] = "RED"
        if category := _word(value, "message_template_category").lower():
            said["category"] = category
    elif change["field"] == "message_template_quality_update":
        said["quality"] = _word(value, "new_quality_score")
    else:
        said["category"] = _word(value, "new_category").lower()
    if not any(said.values()):
        return None
    at = _moment(entry.get("time"), received_at)
    stamp = _word(entry, "time") or f"{received_at.timestamp():.0f}"
    key = ":".join(("template", account, name, language, stamp, *said.values()))[:480]
    return Inbound(key=key, at=at, body=TemplateChanged(account=account, name=name, language=language, **said))


def _moment(stamp: Any, received_at: dt.datetime) -> dt.datetime:
    try:
        at = dt.datetime.fromtimestamp(int(stamp), dt.UTC)
    except (ValueError, TypeError, OverflowError, OSError):
        return received_at
    return at if at.year >= 2009 and at <= received_at else received_at


def _word(tree: dict[str, Any], key: str) -> str:
    value = tree.get(key)
    if isinstance(value, bool) or not isinstance(value, str | int):
        return ""
    return clean(str(value)).strip()[:LONGEST]
