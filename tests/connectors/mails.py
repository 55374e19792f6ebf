"""Mails written after the standards and after what programs make of them. Line ends are LF; `crlf` gives the others."""

from __future__ import annotations

import base64

PNG = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==")
"""One pixel."""
_PNG = base64.encodebytes(PNG)


def crlf(mail: bytes) -> bytes:
    return mail.replace(b"\n", b"\r\n")


def mail(body: bytes, *fields: bytes, kind: bytes = b"text/plain; charset=utf-8") -> bytes:
    """A mail of Ana's with these fields more."""
    head = (
        b"From: Ana Lima <ana@cliente.example>",
        b"To: support@desk.example",
        b"Subject: Pedido 17",
        b"Message-ID: <m1@cliente.example>",
        b"Date: Mon, 2 Mar 2026 09:00:00 -0300",
        b"MIME-Version: 1.0",
        *fields,
        b"Content-Type: " + kind,
    )
    return b"\n".join(head) + b"\n\n" + body


def parts(*entities: bytes, kind: bytes = b"multipart/mixed", boundary: bytes = b"=_b1") -> tuple[bytes, bytes]:
    """(body, Content-Type) of a multipart."""
    body = b"".join(b"--" + boundary + b"\n" + entity + b"\n" for entity in entities)
    return b"This is a multi-part message.\n" + body + b"--" + boundary + b"--\n", kind + b'; boundary="' + boundary + b'"'


def multipart(*entities: bytes, kind: bytes = b"multipart/mixed", fields: tuple[bytes, ...] = ()) -> bytes:
    body, declared = parts(*entities, kind=kind)
    return mail(body, *fields, kind=declared)


PLAIN = b"Content-Type: text/plain; charset=utf-8\n\nBom dia, chegou quebrado.\n"
RICH = (
    b'Content-Type: text/html; charset=utf-8\n\n<p>Bom dia, <b>chegou</b> quebrado.</p><img src="cid:foto@x" alt="foto">\n'
)
PHOTO = (
    b"Content-Type: image/png; name=foto.png\nContent-ID: <foto@x>\nContent-Disposition: inline; filename=foto.png\n"
    b"Content-Transfer-Encoding: base64\n\n" + _PNG
)
BILL = (
    b"Content-Type: application/pdf\nContent-Transfer-Encoding: base64\n"
    b"Content-Disposition: attachment;\n filename*0*=utf-8''nota%20fis; filename*1*=cal%20;\n filename*2=17.pdf\n\n"
    b"JVBERi0xLjQK\n"
)
FORWARDED = (
    b"Content-Type: message/rfc822\n\nFrom: Loja <loja@shop.example>\nSubject: =?utf-8?Q?Confirma=C3=A7=C3=A3o?=\n"
    b"Date: Sun, 1 Mar 2026 10:00:00 +0000\n\nSeu pedido saiu.\n"
)


def _wrapped(entity: bytes, kind: bytes, boundary: bytes, *beside: bytes) -> bytes:
    body, declared = parts(entity, *beside, kind=kind, boundary=boundary)
    return b"Content-Type: " + declared + b"\n\n" + body


RETURNED = (
    b"From: Support <support@desk.example>\nTo: gone@cliente.example\nSubject: Re: Pedido\nMessage-ID:\n"
    b" <0011223344@desk.example>\nX-Other: y\n"
)
DSN_FIELDS = (
    b"Reporting-MTA: dns; mx.desk.example\nOriginal-Envelope-Id: outbox-77\n"
    b"Arrival-Date: Mon, 2 Mar 2026 12:00:00 +0000\n\n"
    b"Original-Recipient: rfc822;gone@cliente.example\nFinal-Recipient: rfc822; gone@mail.cliente.example\nAction: failed\n"
    b"Status: 5.1.1\nRemote-MTA: dns; mx.cliente.example\nDiagnostic-Code: smtp; 550 5.1.1\n"
    b" <gone@cliente.example>: user unknown\n"
)


def report(fields: bytes, back: bytes, kind: bytes = b"delivery-status") -> bytes:
    body, declared = parts(
        b"Content-Type: text/plain\n\nYour message could not be delivered.\n",
        b"Content-Type: message/" + kind + b"\n\n" + fields,
        back,
        kind=b"multipart/report; report-type=" + kind,
    )
    head = b"From: MAILER-DAEMON@desk.example\nTo: support@desk.example\nReturn-Path: <>\nSubject: Undelivered\n"
    return head + b"Auto-Submitted: auto-replied\nMIME-Version: 1.0\nContent-Type: " + declared + b"\n\n" + body


DSN = report(DSN_FIELDS, b"Content-Type: text/rfc822-headers\n\n" + RETURNED)
DSN_WHOLE = report(DSN_FIELDS, b"Content-Type: message/rfc822\n\n" + RETURNED + b"\nHello\n")
DSN_DELAYED = report(
    DSN_FIELDS.replace(b"failed", b"delayed").replace(b"5.1.1", b"4.4.1"),
    b"Content-Type: message/rfc822-headers\n\n" + RETURNED,
)
MDN = report(
    b"Final-Recipient: rfc822; ana@cliente.example\nDisposition: manual-action; displayed\n",
    b"\n",
    b"disposition-notification",
)
EXIM = (
    b"Return-path: <>\nFrom: Mail Delivery System <Mailer-Daemon@mx.desk.example>\nTo: support@desk.example\n"
    b"X-Failed-Recipients: gone@cliente.example\nSubject: Mail delivery failed: returning message to sender\n\n"
    b"This message was created by a mail program.\n\n  gone@cliente.example\n    host mx.cliente.example [192.0.2.1]\n"
    b"    SMTP error: 550 5.1.1 no such user\n\n------ This is a copy of the message, including all the headers. ------\n\n"
    + RETURNED
    + b"\nHello\n"
)
QMAIL = (
    b"Return-Path: <>\nFrom: MAILER-DAEMON@old.example\nTo: support@desk.example\nSubject: failure notice\n\n"
    b"Hi. This is a mail program at old.example.\n\n"
    b"<gone@cliente.example>:\nSorry, no mailbox here by that name. (#5.1.1)\n\n"
    b"--- Below this line is a copy of the message.\n\n" + RETURNED + b"\nHello\n"
)

OUTLOOK = (
    b'Content-Type: text/html; charset=utf-8\n\n<html><body><div>Ainda nada.</div><div id="appendonsend"></div><hr>'
    b'<div id="divRplyFwdMsg"><b>Skickat av:</b> Suporte<br></div><div>Vamos ver.</div></body></html>\n'
)
GMAIL = (
    b'Content-Type: text/html; charset=utf-8\n\n<div dir="ltr">Ainda nada.</div><br><div class="gmail_quote">'
    b'<div class="gmail_attr">'
    b'P&aring; m&aring;ndag skrev Suporte:<br></div><blockquote class="gmail_quote">Vamos ver.</blockquote></div>\n'
)

ALL: dict[str, bytes] = {
    "plain": mail("Olá, onde está?\n".encode()),
    "alternative": multipart(PLAIN, RICH, kind=b"multipart/alternative"),
    "related": multipart(_wrapped(PLAIN, b"multipart/alternative", b"=_b2", RICH), PHOTO, kind=b"multipart/related"),
    "mixed": multipart(PLAIN, BILL),
    "nested": multipart(
        _wrapped(_wrapped(PLAIN, b"multipart/alternative", b"=_b3", RICH), b"multipart/related", b"=_b2", PHOTO), BILL
    ),
    "apple": multipart(PLAIN, _wrapped(RICH, b"multipart/mixed", b"=_b2", BILL, RICH), kind=b"multipart/alternative"),
    "signed": multipart(PLAIN, b"Content-Type: application/pkcs7-signature\n\nMIIB\n", kind=b"multipart/signed"),
    "forwarded": multipart(PLAIN, FORWARDED),
    "only forwarded": multipart(FORWARDED),
    "digest": multipart(
        b"\nFrom: a@x.example\nSubject: one\n\nfirst\n", b"\nFrom: b@x.example\n\nsecond\n", kind=b"multipart/digest"
    ),
    "winmail": multipart(PLAIN, b'Content-Type: application/ms-tnef; name=winmail.dat\n\nx\x9f>"\n'),
    "calendar": multipart(
        PLAIN, b"Content-Type: text/calendar; method=REQUEST\n\nBEGIN:VCALENDAR\n", kind=b"multipart/alternative"
    ),
    "latin-1 as utf-8": mail("Não chegou. João\n".encode("latin-1")),
    "unknown charset": mail("Não chegou\n".encode("latin-1"), kind=b"text/plain; charset=x-nobody-knows"),
    "no charset": mail("Здравствуйте, где мой заказ?\n".encode("koi8-r"), kind=b"text/plain"),
    "quoted-printable": mail(
        b"N=E3o chegou=\n ainda =3D=\n",
        b"Content-Transfer-Encoding: quoted-printable",
        kind=b"text/plain; charset=iso-8859-1",
    ),
    "japanese": mail("注文はどこですか\n".encode("iso2022_jp"), kind=b"text/plain; charset=iso-2022-jp"),
    "8-bit headers": mail(b"x\n")
    .replace(b"Pedido 17", "Pedido não chegou".encode("latin-1"))
    .replace(b"Ana Lima", "Ana Conceição".encode()),
    "flowed": mail(b"This goes \non here.\n> an old \n> line\n-- \nAna\n", kind=b"text/plain; format=flowed"),
    "no boundary": mail(parts(PLAIN, BILL)[0], kind=b"multipart/mixed"),
    "wrong boundary": mail(parts(PLAIN, BILL)[0], kind=b"multipart/mixed; boundary=other"),
    "no end": multipart(PLAIN, BILL)[:-9],
    "no parts": mail(b"Just this.\n", kind=b"multipart/mixed; boundary=x"),
    "no blank line": mail(b"").rstrip(b"\n") + b"\nThis is the text already.\nAnd more.\n",
    "no header": b"Just a text.\nNothing else.\n",
    "only a header": mail(b"").rstrip(b"\n"),
    "empty": b"",
    "bad base64": mail(b"T2xh=LCB0dWRv!\nIGJlbT8\n", b"Content-Transfer-Encoding: base64"),
    "base64 with a footer": mail(
        base64.encodebytes("Olá, chegou.\n".encode()) + b"\n-- \nTo leave this list, write to us.\n",
        b"Content-Transfer-Encoding: base64",
    ),
    "not base64": mail(
        b"This is plain text, whatever it says: it has blanks & signs.\n", b"Content-Transfer-Encoding: base64"
    ),
    "octets": mail(bytes(range(256)) * 4, kind=b"application/octet-stream"),
    "outlook": multipart(OUTLOOK),
    "gmail": multipart(GMAIL),
    "dsn": DSN,
    "dsn whole": DSN_WHOLE,
    "dsn delayed": DSN_DELAYED,
    "mdn": MDN,
    "exim": EXIM,
    "qmail": QMAIL,
    "quotes": mail(b"hi\n").replace(b"Ana Lima", b'"' * 60_000),
    "embedded": mail(b'<p>x<img src="data:image/png;base64,' + base64.b64encode(PNG) + b'"></p>', kind=b"text/html"),
    "uuencode": multipart(
        PLAIN,
        b"Content-Type: application/x-y; name=a.txt\nContent-Transfer-Encoding: x-uuencode\n\n"
        b"begin 644 a.txt\n#:&D*\n`\nend\n",
    ),
}
"""By what is special about them."""
