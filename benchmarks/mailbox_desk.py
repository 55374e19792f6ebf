"""What `mailbox` starts: Duly on the embedded database, which reads a mailbox until all its mails are cards.

`python -m benchmarks.mailbox_desk FOLDER URL CERTIFICATE MAILS` prints the processor seconds of all its processes and the
peak of its own memory (MB) as JSON.
"""

from __future__ import annotations

import asyncio
import json
import logging
import resource
import ssl
import sys
import time
from pathlib import Path

import structlog
import uvloop

from duly_connectors import registry
from duly_connectors.contract import Tools
from duly_connectors.mail import bounded
from duly_connectors.outbound import Network
from duly_connectors.registry import Live
from duly_dsl.build import build
from duly_dsl.program import Environment
from duly_dsl.source import SourceFile
from duly_runtime.node import Node, NodeConfig
from duly_runtime.store.database import open_store
from duly_runtime.time import SystemClock

DESK = """
calendar "Always" {
  time zone "UTC"
  open every day 00:00-24:00
}

pipeline "Support" {
  calendar "Always"
  first reply within 1h
  resolved within 4h
  stage "New" {
    start
    next "Done"
  }
  stage "Done" {
    finish
  }
}

connector "Mail" receives email {
  mailbox secret "IMAP_URL"
  take mail since always
  address "support@desk.example"
  authentication server "mx.desk.example"
  open card in "Support"
}
"""
LONGEST = 1800
"""Seconds."""


async def read(folder: Path, url: str, certificate: str, mails: int) -> float:
    """Seconds from the start of the node to the last card."""
    program = build([SourceFile("desk.duly", DESK)], Environment(connector_kinds=registry.kinds())).program
    if program is None:
        raise RuntimeError("the rules have errors")
    clock = SystemClock()
    network = Network(allow_private=True)
    network._tls = ssl.create_default_context(cafile=certificate)
    store = open_store(f"sqlite:///{folder / 'duly.sqlite'}")
    await store.start()
    await store.publish(program.hash, program.encode(), {}, "benchmark", "", clock.now())
    doors = Live(Tools(secrets=lambda name: url, clock=clock, network=network))
    node = Node(NodeConfig(store=store, clock=clock, doors=doors))
    began = time.perf_counter()
    await node.start()
    while True:
        counts = await store.counts()
        if counts["cards"] == mails and not counts["unhandled"]:
            break
        if time.perf_counter() - began > LONGEST:
            raise RuntimeError(f"not all mails were read: {counts}")
        await asyncio.sleep(0.2)
    took = time.perf_counter() - began
    await node.stop()
    await store.stop()
    return took


def main() -> None:
    logging.disable(logging.WARNING)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    folder, url, certificate, mails = sys.argv[1:]
    took = uvloop.run(read(Path(folder), url, certificate, int(mails)))
    bounded.shared().close()
    own, others = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    processor = own.ru_utime + own.ru_stime + others.ru_utime + others.ru_stime
    print(json.dumps({"seconds": took, "processor": processor, "memory": own.ru_maxrss / 1024}))


if __name__ == "__main__":
    main()
