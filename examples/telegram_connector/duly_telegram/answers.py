"""What Telegram's answers mean. All are `{"ok": true, "result": …}` or `{"ok": false, "error_code": …, "description": …}`,
with `parameters` where a person or program can do something about it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import msgspec

from duly_connectors.contract import clean
from duly_connectors.outbound import LONGEST_WAIT, Response
from duly_runtime.doors import Failed, Outcome, Retry, Sent, Unknown

Gettext = Callable[[str], str]
Judge = Callable[[dict[str, object]], tuple[str, str]]
"""State and detail of a check, from a result."""
MENDED = frozenset((401, 404, 408, 425, 429))
"""What is said of a wrong token (401, 404), or of now: another time it may go."""


def outcome_of(answer: Response, now: dt.datetime, _: Gettext) -> Outcome:
    tree = tree_of(answer)
    if tree.get("ok") is True and answer.status < 300:
        result = tree.get("result")
        name = name_of(result) if isinstance(result, dict) else ""
        return Sent(provider_id=name) if name else Unknown(reason=_("Telegram answered without the message's id."))
    if tree.get("ok") is False:
        return refused(answer, tree, now, _)
    # No answer of the Bot API's: a gateway's page.
    words = _("Telegram answered {status}.").format(status=answer.status)
    if answer.status in (408, 425, 429, 503):
        return Retry(reason=words, after=answer.retry_after(now))
    return Failed(reason=words) if 300 <= answer.status < 500 else Unknown(reason=words)


def refused(answer: Response, tree: dict[str, Any], now: dt.datetime, _: Gettext) -> Retry | Failed:
    """A clear no of the Bot API: not now, or never."""
    given = tree.get("error_code")
    code = given if isinstance(given, int) and not isinstance(given, bool) else answer.status
    parameters = tree.get("parameters") if isinstance(tree.get("parameters"), dict) else {}
    words = _("Telegram said no ({code}): {description}").format(code=code, description=text(tree, "description") or "-")
    moved = parameters.get("migrate_to_chat_id") if parameters else None
    if isinstance(moved, int):
        words += " " + _("The group is now the chat {chat}.").format(chat=moved)
    after = parameters.get("retry_after") if parameters else None
    if code in MENDED or code >= 500:
        wait = float(after) if isinstance(after, int) and not isinstance(after, bool) and after > 0 else 0.0
        return Retry(reason=words, after=min(max(wait, answer.retry_after(now)), LONGEST_WAIT))
    return Failed(reason=words)


def name_of(message: dict[str, Any]) -> str:
    """How a message is named over all chats; empty where the result is none."""
    chat, number = message.get("chat"), message.get("message_id")
    found = chat.get("id") if isinstance(chat, dict) else None
    if not isinstance(found, int) or not isinstance(number, int):
        return ""
    return f"{found}/{number}"


def file_path(answer: Response, now: dt.datetime, _: Gettext) -> str | Retry | Failed:
    """Where a file can be had; the path is Telegram's, but no way out of its folder is taken."""
    tree = tree_of(answer)
    if tree.get("ok") is False:
        return refused(answer, tree, now, _)
    result = tree.get("result")
    path = text(result, "file_path") if isinstance(result, dict) else ""
    if answer.status == 200 and path and ".." not in path.split("/") and "\\" not in path:
        return path.lstrip("/")
    return Retry(reason=_("Telegram answered {status}.").format(status=answer.status), after=answer.retry_after(now))


def judged(answer: Response, judge: Judge, _: Gettext) -> tuple[str, str]:
    tree = tree_of(answer)
    result = tree.get("result")
    if tree.get("ok") is True and isinstance(result, dict):
        return judge(result)
    if tree.get("ok") is False:
        return "bad", text(tree, "description")
    return "unknown", _("Telegram answered {status}.").format(status=answer.status)


def bot_of(result: dict[str, object]) -> tuple[str, str]:
    return "ok", " · ".join(part for part in (text(result, "first_name"), text(result, "username")) if part)


def text(tree: dict[str, Any], key: str) -> str:
    found = tree.get(key)
    return clean(found)[:300] if isinstance(found, str) else ""


def tree_of(answer: Response) -> dict[str, Any]:
    """The JSON object of an answer, empty where it is none."""
    try:
        tree = msgspec.json.decode(answer.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}
    return tree if isinstance(tree, dict) else {}
