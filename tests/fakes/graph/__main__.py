"""Runs the fake Graph as a process: prints its address on the first line, then serves until it is stopped."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
from pathlib import Path

from fakes.graph import FakeGraph, Limits, Template


async def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m fakes.graph")
    parser.add_argument("--token", required=True)
    parser.add_argument("--number-id", required=True)
    parser.add_argument("--app-secret", default="")
    parser.add_argument("--webhook", default="", help="where statuses and messages are posted")
    parser.add_argument("--statuses", default="sent,delivered")
    parser.add_argument("--log", type=Path, help="append every message taken to this file, one JSON object a line")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--account-id", default="330099", help="the WhatsApp Business account that has the templates")
    parser.add_argument("--other-number-id", action="append", default=[], help="a further number of the account")
    parser.add_argument("--windows", action="store_true", help="take free text only for 24 hours after a customer wrote")
    parser.add_argument("--no-limits", action="store_true", help="leave out the rate limits of a number and of a pair")
    parser.add_argument("--templates", type=Path, help="a JSON list of templates: name, language, body, status, …")
    given = parser.parse_args()
    graph = FakeGraph(
        token=given.token,
        number_id=given.number_id,
        app_secret=given.app_secret,
        webhook=given.webhook,
        statuses=tuple(filter(None, given.statuses.split(","))),
        log=given.log,
        port=given.port,
        account_id=given.account_id,
        other_numbers=given.other_number_id,
        windows=given.windows,
        limits=None if given.no_limits else Limits(),
        templates=[Template(**one) for one in json.loads(given.templates.read_text())] if given.templates else (),
    )
    await graph.serve(lambda url: print(url, flush=True))


with contextlib.suppress(KeyboardInterrupt):
    asyncio.run(main())
