"""Errors in Meta's shape, with the HTTP status each code comes with."""

from __future__ import annotations

from typing import Any

ERRORS: dict[int, tuple[int, str]] = {
    1: (400, "An unknown error occurred"),
    2: (503, "Service temporarily unavailable"),
    4: (429, "Application request limit reached"),
    10: (403, "Application does not have permission for this action"),
    100: (400, "Invalid parameter"),
    190: (401, "Access token has expired"),
    200: (403, "Permissions error"),
    368: (403, "Temporarily blocked for policies violations"),
    80007: (429, "Rate limit issues"),
    130429: (429, "Rate limit hit"),
    130472: (400, "User's number is part of an experiment"),
    131000: (500, "Something went wrong"),
    131016: (503, "Service unavailable"),
    131026: (400, "Message undeliverable"),
    131031: (403, "Account has been locked"),
    131042: (400, "Business eligibility payment issue"),
    131047: (400, "Re-engagement message"),
    131048: (400, "Spam rate limit hit"),
    131049: (400, "Message not sent to keep the ecosystem healthy"),
    131051: (501, "Unsupported message type"),
    131052: (400, "Media download error"),
    131053: (400, "Media upload error"),
    131056: (400, "Pair rate limit hit"),
    131057: (500, "Account in maintenance mode"),
    131062: (400, "Business-scoped user id recipients not supported"),
    132000: (400, "Number of parameters does not match the expected number of params"),
    132001: (404, "Template name does not exist in the translation"),
    132012: (400, "Parameter format does not match"),
    132015: (400, "Template is paused"),
    132016: (400, "Template is disabled"),
    133016: (400, "Account register deregister rate limit exceeded"),
}

Answer = tuple[int, Any]


def error(code: int, details: str = "", subcode: int = 0, status: int = 0) -> Answer:
    """Status and body of an answer that says no."""
    usual, title = ERRORS[code]
    told: dict[str, Any] = {
        "message": f"(#{code}) {title}",
        "type": "OAuthException",
        "code": code,
        "error_data": {"messaging_product": "whatsapp", "details": details or title},
        "fbtrace_id": "AfakeTrace",
    }
    if subcode:
        told["error_subcode"] = subcode
    return status or usual, {"error": told}


def told(code: int) -> dict[str, Any]:
    """An error as a status webhook holds it."""
    title = ERRORS[code][1]
    return {"code": code, "title": title, "message": title, "error_data": {"details": title}}
