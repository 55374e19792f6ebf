"""Runs the fake Graph as a process: prints its address on the first line, then serves until it is stopped."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
from pathlib import Path

from fakes.graph import FakeGraph


async def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m fakes.graph")
    parser.add_argument("--token", required=True)
    parser.add_argument("--number-id", required=True)
    parser.add_argument("--app-secret", default="")
    parser.add_argument("--webhook", default="", help="where statuses and messages are posted")
    parser.add_argument("--statuses", default="sent,delivered")
    parser.add_argument("--log", type=Path, help="append every message taken to this file, one JSON object a line")
    parser.add_argument("--port", type=int, default=0)
    given = parser.parse_args()
    graph = FakeGraph(
        token=given.token,
        number_id=given.number_id,
        app_secret=given.app_secret,
        webhook=given.webhook,
        statuses=tuple(filter(None, given.statuses.split(","))),
        log=given.log,
        port=given.port,
    )
    await graph.serve(lambda url: print(url, flush=True))


with contextlib.suppress(KeyboardInterrupt):
    asyncio.run(main())
