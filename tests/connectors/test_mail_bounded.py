"""No mail takes more than its share of time and memory, and none takes its reader away from the next."""

from __future__ import annotations

import asyncio
import base64
import resource
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from connectors.mails import ALL, mail
from duly_connectors.mail import bounded
from duly_connectors.mail.bounded import BROKEN, TOO_MUCH_MEMORY, TOO_MUCH_TIME, Readers
from duly_connectors.mail.reading import MAX_MAIL, read_mail

ENDLESS = mail(b"<div>" * 100_000, kind=b"text/html")
"""An HTML parser needs time by the square of the depth."""


@pytest.fixture
def readers() -> Iterator[Readers]:
    made = Readers(1)
    yield made
    made.close()


@pytest.mark.parametrize("name", ["nested", "dsn", "empty"])
def test_it_reads_as_without_a_process(readers: Readers, name: str) -> None:
    assert readers.read(ALL[name]) == read_mail(ALL[name])


def test_sixty_kilobytes_of_quotes_are_a_name_like_others(readers: Readers) -> None:
    for quotes in (b'"' * 60_000, b'\\"' * 30_000, b'"' * 59_999 + b"x", b"\n ".join([b'"' * 1000] * 60)):
        parsed = readers.read(b"From: " + quotes + b" <ana@cliente.example>\nSubject: 17\n\nHello")
        assert (parsed.subject, parsed.text, parsed.problems) == ("17", "Hello", ())


def test_too_much_time_ends_the_process_and_not_the_next_mail(readers: Readers) -> None:
    assert readers.read(ENDLESS).problems == (TOO_MUCH_TIME,)
    assert readers.read(ALL["plain"]).text == "Olá, onde está?"


def test_the_wall_clock_holds_where_processor_time_is_not_limited() -> None:
    readers = Readers(1, seconds=600, wall=0.5)
    assert readers.read(ENDLESS).problems == (TOO_MUCH_TIME,)
    readers.close()


def test_too_much_memory_ends_the_process_and_not_the_next_mail() -> None:
    readers = Readers(1, memory=100 * 1024 * 1024)
    large = mail(
        base64.encodebytes(b"x" * (15 * 1024 * 1024)), b"Content-Transfer-Encoding: base64", kind=b"application/x-y"
    )
    assert readers.read(ALL["plain"]).text
    assert readers.read(large).problems == (TOO_MUCH_MEMORY,)
    assert readers.read(ALL["plain"]).text
    readers.close()


def test_the_largest_mail_fits(readers: Readers) -> None:
    head = b"Content-Type: application/pdf; name=big.pdf\nContent-Transfer-Encoding: base64\n\n"
    line = base64.b64encode(b"x" * 57) + b"\r\n"
    count = (MAX_MAIL - len(head)) // len(line)
    parsed = readers.read(head + line * count)
    assert parsed.problems == ()
    assert [file.size for file in parsed.files] == [57 * count]
    eight_bit = b"Content-Type: text/plain\n\n" + b"\xe1" * (MAX_MAIL - 100)
    assert readers.read(eight_bit).notes == ("the text was cut",)


def test_a_mail_that_is_too_large_starts_nothing(readers: Readers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounded, "_Process", None)
    assert readers.read(b"x" * (MAX_MAIL + 1)).problems == ("it is larger than 25 MB",)


def test_a_process_that_was_ended_by_others_is_replaced(readers: Readers) -> None:
    assert readers.read(ALL["plain"]).text
    process = readers._free.get_nowait()
    assert process is not None
    process._popen.kill()
    process._popen.wait()
    readers._free.put(process)
    assert readers.read(ALL["plain"]).text


def test_a_reader_that_breaks_is_told_from_one_that_takes_too_long(
    readers: Readers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounded.worker, "__name__", "duly_connectors.mail.no_such_module")
    assert readers.read(ALL["plain"]).problems == (BROKEN,)


def test_many_threads_share_the_processes() -> None:
    readers = Readers(2)
    found: list[str] = []
    threads = [threading.Thread(target=lambda: found.append(readers.read(ALL["plain"]).subject)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    readers.close()
    assert found == ["Pedido 17"] * 8


def test_an_event_loop_goes_on_meanwhile(readers: Readers) -> None:
    async def main() -> list[str]:
        order: list[str] = []

        async def slow() -> None:
            order.append((await readers.aread(ENDLESS)).problems[0])

        async def other() -> None:
            order.append("meanwhile")

        await asyncio.gather(slow(), other())
        return order

    assert asyncio.run(main()) == ["meanwhile", TOO_MUCH_TIME]


def test_the_process_knows_no_secrets(readers: Readers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DULY_SECRET_KEY", "canary")
    given: dict[str, str] = {}
    real = subprocess.Popen

    def popen(*arguments: object, **named: object) -> object:
        given.update(named["env"])  # type: ignore[call-overload]
        return real(*arguments, **named)  # type: ignore[call-overload]

    monkeypatch.setattr(bounded.subprocess, "Popen", popen)
    assert readers.read(ALL["plain"]).text
    assert given and "canary" not in given.values()


def test_the_process_confines_itself() -> None:
    script = "from duly_connectors.mail.worker import confine; confine(2**28); import resource as r\n"
    script += "print(*(r.getrlimit(k) for k in (r.RLIMIT_AS, r.RLIMIT_FSIZE, r.RLIMIT_CORE)))"
    path = ":".join(sys.path)
    said = subprocess.run(
        [sys.executable, "-c", script], env={"PYTHONPATH": path}, capture_output=True, text=True, check=True
    )
    assert said.stdout.split("\n")[0] == f"({2**28}, {2**28}) (0, 0) (0, 0)"
    assert resource.getrlimit(resource.RLIMIT_AS) != (2**28, 2**28)


def test_one_set_of_readers_a_process() -> None:
    assert bounded.shared() is bounded.shared()
