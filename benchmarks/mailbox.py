"""A mailbox of 100 MB, 5,000 mails: read by the processes that bound it, and the whole way from Dovecot to cards.

The mails are of what customers write: short texts, answers in HTML with the history below, photos and documents; made
anew each time from one seed. Processor time counts all processes of Duly, so a figure is for one core. The whole way is
measured in a process of its own (`mailbox_desk`), by IMAP with TLS from a real Dovecot on this machine, into SQLite; where
there is no Dovecot it is left out.
"""

from __future__ import annotations

import base64
import json
import os
import random
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from duly_connectors.mail.bounded import Readers

MAILS = 5_000
BYTES = 100 * 1024 * 1024
VOCABULARY = """
pedido chegou quebrado ontem hoje entrega prazo fatura nota produto azul devolver trocar obrigada olá você não
endereço número cartão reembolso atendente resposta ainda quando porque caixa loja site senha conta plano
"""
NEW_LINE = "\r\n"
WORDS = VOCABULARY.split()


def prose(chance: random.Random, words: int) -> str:
    return " ".join(chance.choice(WORDS) + ("." if n % 12 == 11 else "\r\n" if n % 40 == 39 else "") for n in range(words))


def wrapped(data: bytes) -> bytes:
    return base64.encodebytes(data).replace(b"\n", b"\r\n")


def one(chance: random.Random, number: int) -> bytes:
    """A mail with its headers; its size by what it is."""
    who = number % 1500
    head = (
        f"Return-Path: <customer{who}@shop.example>\r\nReceived: from mx{who}.shop.example by mx.desk.example;\r\n"
        f"\tMon, 2 Mar 2026 09:{number % 60:02}:00 +0000\r\n"
        f"DKIM-Signature: v=1; a=rsa-sha256; d=shop.example; s=k; bh={'A' * 44};\r\n\tb={'B' * 300}\r\n"
        f"Authentication-Results: mx.desk.example; dmarc=pass header.from=shop.example\r\n"
        f"From: =?UTF-8?Q?Jo=C3=A3o_Cliente_{who}?= <customer{who}@shop.example>\r\nTo: Suporte <support@desk.example>\r\n"
        f"Subject: =?UTF-8?B?{base64.b64encode(f'Pedido {number} não chegou'.encode()).decode()}?=\r\n"
        f"Message-ID: <{number}.{who}@shop.example>\r\nDate: Mon, 2 Mar 2026 09:{number % 60:02}:00 -0300\r\n"
        "MIME-Version: 1.0\r\n"
    ).encode()
    text = prose(chance, chance.randrange(20, 200))
    kind = chance.random()
    if kind < 0.45:
        body = (
            f"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n{text}\r\n-- \r\nJoão\r\n"
        )
        return head + body.encode()
    history = "".join(
        f'<div class="gmail_quote"><div>Em seg., Suporte escreveu:<br></div><blockquote class="gmail_quote">'
        f'<table width="100%" style="border-collapse:collapse"><tr>'
        f'<td style="padding:4px;color:#222">{prose(chance, 80)}</td></tr>'
        f'</table><p><a href="https://shop.example/p/{n}">pedido {n}</a></p>'
        for n in range(chance.randrange(2, 25))
    )
    rich = f'<html><head><style>p{{margin:0}}</style></head><body><div dir="ltr">{text}</div><br>{history}</body></html>'
    alternative = (
        f"Content-Type: multipart/alternative; boundary=alt{number}\r\n\r\n--alt{number}\r\n"
        f"Content-Type: text/plain; charset=utf-8\r\n\r\n{text}\r\n\r\n"
        f"Em seg., Suporte escreveu:\r\n> {prose(chance, 60).replace(NEW_LINE, NEW_LINE + '> ')}\r\n--alt{number}\r\n"
        f"Content-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    ).encode()
    alternative += wrapped(rich.encode()) + f"--alt{number}--\r\n".encode()
    if kind < 0.85:
        return head + alternative
    mixed = f"Content-Type: multipart/mixed; boundary=mix{number}\r\n\r\n--mix{number}\r\n".encode() + alternative
    name = "foto.jpg" if kind < 0.95 else "nota.pdf"
    mixed += (
        f"--mix{number}\r\nContent-Type: application/octet-stream; name={name}\r\nContent-Transfer-Encoding: base64\r\n"
        f"Content-Disposition: attachment; filename={name}\r\n\r\n"
    ).encode()
    return (
        head + mixed + wrapped(chance.randbytes(int(chance.lognormvariate(10.55, 0.8)))) + f"--mix{number}--\r\n".encode()
    )


def mails() -> Iterator[bytes]:
    """5,000 mails that are 100 MB together: the last attachments grow or shrink to fit."""
    chance = random.Random(1)
    left = BYTES
    for number in range(MAILS):
        mail = one(chance, number)
        left -= len(mail)
        yield mail
    if abs(left) > BYTES // 10:
        raise RuntimeError(f"the mailbox is {left} bytes off 100 MB")


def processor_seconds() -> float:
    """Of this process and those of its children that have ended."""
    return sum(
        used.ru_utime + used.ru_stime
        for used in (resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN))
    )


def reading() -> list[tuple[str, float, str, str]]:
    readers = Readers(1)
    began, wall, size = processor_seconds(), time.perf_counter(), 0
    for number, mail in enumerate(mails()):
        size += len(mail)
        parsed = readers.read(mail, "mx.desk.example")
        if parsed.problems or not parsed.text or parsed.message_id != f"{number}.{number % 1500}@shop.example":
            raise RuntimeError(f"mail {number} was not read")
    took = time.perf_counter() - wall
    readers.close()
    used = processor_seconds() - began
    largest = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    return [
        (f"mails a second a core, read ({size / 1024 / 1024:.0f} MB)", MAILS / used, ">= 100", f"{took:.1f} s"),
        ("MB of memory of a reading process", largest, "< 300", ""),
    ]


def whole() -> list[tuple[str, float, str, str]]:
    """From the mailbox to cards."""
    from connectors.mailservers import PASSWORD, Authority, Dovecot, open_folder

    with open_folder() as folder:
        authority = Authority(folder)
        dovecot = Dovecot(folder, authority)
        fill(dovecot.mail)
        dovecot.start()
        url = f"imaps://support:{PASSWORD}@127.0.0.1:{dovecot.imaps}/INBOX"
        command = [
            sys.executable,
            "-m",
            "benchmarks.mailbox_desk",
            str(folder),
            url,
            str(authority.certificate),
            str(MAILS),
        ]
        path = os.pathsep.join(entry or os.getcwd() for entry in sys.path)
        try:
            ended = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": path})
        finally:
            dovecot.stop()
    if ended.returncode:
        raise RuntimeError(ended.stderr[-2000:])
    found = json.loads(ended.stdout)
    return [
        ("mails a second a core, from Dovecot to cards", MAILS / found["processor"], ">= 100", f"{found['seconds']:.1f} s"),
        ("MB of memory of the process that takes them in", found["memory"], "< 300", ""),
    ]


def fill(mail: Path) -> None:
    """A Maildir for `support`."""
    owner = mail.stat()
    for name in ("", "cur", "new", "tmp"):
        folder = mail / "support" / name
        folder.mkdir()
        os.chown(folder, owner.st_uid, owner.st_gid)
    for number, data in enumerate(mails()):
        file = mail / "support" / "new" / f"{1_700_000_000 + number}.M{number}P1.desk"
        file.write_bytes(data)
        os.chown(file, owner.st_uid, owner.st_gid)


def run() -> list[tuple[str, float, str, str]]:
    rows = reading()
    if shutil.which("dovecot", path=os.environ.get("PATH", "") + ":/usr/sbin"):
        rows += whole()
    return rows
