"""A sender is proved by our own mail server's word for their own domain, and by nothing else."""

from __future__ import annotations

import pytest

from connectors.mails import mail
from duly_connectors.mail.reading import read_mail


@pytest.mark.parametrize(
    ("fields", "proved"),
    [
        ((b"mx.desk.example; dmarc=pass header.from=cliente.example",), True),
        ((b"mx.desk.example; dkim=pass header.d=cliente.example header.s=k1",), True),
        ((b"MX.desk.example; dkim=pass header.i=@x header.d=Cliente.Example",), True),
        ((b"mx.desk.example; spf=pass smtp.mailfrom=bounces@cliente.example",), True),
        ((b"mx.desk.example; spf=pass smtp.mailfrom=cliente.example",), True),
        ((b"mx.desk.example; dkim=fail header.d=cliente.example; dkim=pass header.d=cliente.example",), True),
        ((b"mx.desk.example; dkim=pass header.d=cliente.example; dkim=fail header.d=list.example",), True),
        ((b"mx.desk.example; dmarc=none; dkim=pass header.d=cliente.example",), True),
        (
            (
                b"mx.desk.example; spf=pass smtp.mailfrom=x@list.example",
                b"mx.desk.example; dkim=pass header.d=cliente.example",
            ),
            True,
        ),
        ((b"mx.desk.example; dkim=pass header.d=list.example; spf=pass smtp.mailfrom=x@list.example",), False),
        ((b"mx.desk.example; dkim=pass header.d=evil-cliente.example",), False),
        ((b"mx.desk.example; dkim=pass header.d=shop.cliente.example",), False),
        ((b"mx.desk.example; dkim=pass header.d=example",), False),
        ((b"mx.desk.example; dkim=pass (header.d=cliente.example)",), False),
        ((b"mx.desk.example; spf=softfail smtp.mailfrom=ana@cliente.example",), False),
        ((b"mx.desk.example; spf=pass smtp.helo=cliente.example",), False),
        (
            (
                b"mx.desk.example; dkim=fail header.d=cliente.example",
                b"mx.desk.example; dkim=pass header.d=cliente.example",
            ),
            False,
        ),
        ((b"evil.example; dkim=pass header.d=cliente.example",), False),
        ((b"mx.desk.example; none",), False),
        ((), False),
    ],
)
def test_a_sender_is_proved_by_our_own_server_and_for_their_own_domain(fields: tuple[bytes, ...], proved: bool) -> None:
    sent = mail(b"x", *(b"Authentication-Results: " + field for field in fields))
    assert read_mail(sent, "mx.desk.example").proved is proved
    assert not read_mail(sent).proved


def test_the_domain_above_speaks_for_the_ones_below() -> None:
    sent = mail(b"x", b"Authentication-Results: mx.desk.example; dkim=pass header.d=cliente.example")
    assert read_mail(sent.replace(b"@cliente.example>", b"@mail.cliente.example>"), "mx.desk.example").proved
