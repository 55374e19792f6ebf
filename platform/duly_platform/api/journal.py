"""The journal over the API: what backtests elsewhere replay."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated

from litestar import Router, get
from litestar.datastructures import State
from litestar.params import FromQuery, QueryParameter
from litestar.response import Stream

from duly_platform.api.access import needs
from duly_platform.api.cards import desk
from duly_runtime.backtest import lines
from duly_runtime.store.api import Store

PAGE = 1000
"""Events read at once."""


@get("/journal", guards=[needs("read", "journal.read")], summary="The journal as NDJSON, oldest first, for backtests")
async def journal(
    state: State,
    after: Annotated[int, QueryParameter(name="after", ge=0, le=2**62)] = 0,
    texts: FromQuery[bool] = False,
) -> Stream:
    """One JSON object a line: what people did and what came in, with ids above `after`. Without `texts`, what people wrote
    and who the customer is are left out (values of fields are not)."""
    return Stream(_lines(desk(state).store, after, texts), media_type="application/x-ndjson")


async def _lines(store: Store, after: int, texts: bool) -> AsyncIterator[bytes]:
    while page := await store.past_events(after, PAGE, lines.LEFT_OUT):
        after = page[-1].id
        found = [lines.of_past(event) for event in page]
        yield b"".join((line if texts else lines.bare(line)) + b"\n" for line in found)


router = Router("/", tags=["journal"], route_handlers=[journal])
