"""Mails of every kind are read as people would read them, and nothing of a mail is lost."""

from __future__ import annotations

import base64
import datetime as dt

import pytest

from connectors import mails
from connectors.mails import ALL, PHOTO, PNG, mail, multipart
from duly_connectors.mail import headers
from duly_connectors.mail.automatic import Bounce
from duly_connectors.mail.reading import MAX_MAIL, ParsedMail, read_mail


def read(name: str) -> ParsedMail:
    return read_mail(ALL[name])


def names(parsed: ParsedMail) -> list[str]:
    return [file.name for file in parsed.files]


@pytest.mark.parametrize("name", ALL)
def test_every_mail_gives_the_same_with_both_line_ends_and_holds_together(name: str) -> None:
    parsed = read(name)
    assert {file.sha256 for file in parsed.files} == set(parsed.contents)
    assert all(file.name and file.size == len(parsed.contents[file.sha256]) for file in parsed.files)
    assert bool(parsed.problems) is (name == "empty")
    if name not in ("octets", "winmail"):  # the line ends are theirs
        other = read_mail(mails.crlf(ALL[name]))
        assert (other.text, other.subject, other.bounce, names(other)) == (
            parsed.text,
            parsed.subject,
            parsed.bounce,
            names(parsed),
        )


def test_who_and_when() -> None:
    parsed = read("plain")
    assert (parsed.from_name, parsed.from_address) == ("Ana Lima", "ana@cliente.example")
    assert parsed.to == ("support@desk.example",)
    assert (parsed.subject, parsed.message_id) == ("Pedido 17", "m1@cliente.example")
    assert parsed.date == dt.datetime(2026, 3, 2, 12, 0, tzinfo=dt.UTC)
    assert (parsed.text, parsed.quoted, parsed.html, parsed.files) == ("Olá, onde está?", "", "", ())
    assert parsed.automatic == "" and parsed.bounce is None and parsed.dmarc == "none"


def test_ids_addresses_and_places_of_delivery() -> None:
    parsed = read_mail(
        mail(
            b"x",
            b"In-Reply-To: <a@x.example> (mail of Monday)",
            b"References: <r1@x.example>\n <r2@x.example>\t<r1@x.example>",
            b"Cc: =?utf-8?Q?Silva, Jo=C3=A3o?= <Joao@Cliente.EXAMPLE>, Team: b@x.example, c@x.example;",
            b"Reply-To: <ana.private@cliente.example>",
            b"Delivered-To: support+token@desk.example",
            b"X-Original-To: help@desk.example",
        )
    )
    assert parsed.in_reply_to == "a@x.example"
    assert parsed.references == ("r1@x.example", "r2@x.example")
    assert parsed.cc == ("Joao@cliente.example", "b@x.example", "c@x.example")
    assert parsed.reply_to == "ana.private@cliente.example"
    assert parsed.delivered_to == ("support+token@desk.example", "help@desk.example")


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        (b'"Lima, Ana" <ana@x.example>', [("Lima, Ana", "ana@x.example")]),
        (b'"Ana \\"A\\" Lima" <ana@x.example>', [('Ana "A" Lima', "ana@x.example")]),
        (b"ana@x.example (Ana (at work) Lima)", [("Ana at work Lima", "ana@x.example")]),
        (b'"=?utf-8?B?Sm/Do28=?=" <j@x.example>', [("João", "j@x.example")]),
        (b"=?utf-8?B?Sm/D?= =?utf-8?B?o28=?= <j@x.example>", [("João", "j@x.example")]),
        (b"=?utf-8?Q?Ana_=3Cana=40x.example=3E?=", [("Ana", "ana@x.example")]),
        ("João <j@x.example>".encode("latin-1"), [("João", "j@x.example")]),
        ("João <j@x.example>".encode(), [("João", "j@x.example")]),
        (b'"Ana <ana@x.example>', [("Ana", "ana@x.example")]),
        (b"Ana <ana@x.example", [("Ana", "ana@x.example")]),
        (b"'ana@x.example'", [("", "ana@x.example")]),
        (b'"ana@bank.example" <eve@x.example>', [("ana@bank.example", "eve@x.example")]),
        (b"Ana Lima ana@x.example", [("Ana Lima", "ana@x.example")]),
        (b"<mailto:ana@x.example>", [("", "ana@x.example")]),
        (b"undisclosed-recipients:;", []),
        (b"<>", []),
        (b"", []),
        (b"a@x.example; b@x.example", [("", "a@x.example"), ("", "b@x.example")]),
    ],
)
def test_addresses(field: bytes, expected: list[tuple[str, str]]) -> None:
    assert headers.addresses(field) == expected


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        (b"=?iso-8859-1?Q?Ol=E1,_tudo?=\n =?iso-8859-1?Q?_bem=3F?=", "Olá, tudo bem?"),
        (b"=?utf-8?Q?with blanks =C3=A9?= after", "with blanks é after"),
        (b"=?utf-8?B?w6E", "á"),
        (b"=?utf-8?B?w6?= x", "Ã x"),
        (b"=?nobody-knows?Q?=E1?=", "á"),
        (b"=?utf-8*pt-BR?Q?=C3=A1?=", "á"),
        (b"=?x?y?z?= and =?", "=?x?y?z?= and =?"),
        (b"two=?utf-8?Q?_words?=", "two words"),
        (b"a\0b\x1b\xe2\x80\xaec", "a b c"),
    ],
)
def test_words_of_a_header(field: bytes, expected: str) -> None:
    assert headers.text(field) == expected


@pytest.mark.parametrize(
    ("field", "name"),
    [
        (
            b"attachment; filename*0*=utf-8''rel%C3%A1; filename*1=torio; filename*2*=%20x.pdf; filename=y.pdf",
            "relátorio x.pdf",
        ),
        (b"attachment; filename*=iso-8859-1'pt'relat%F3rio.pdf", "relatório.pdf"),
        (b'attachment; filename="=?utf-8?B?w6EucGRm?="', "á.pdf"),
        ('attachment; filename="relatório.pdf"'.encode("latin-1"), "relatório.pdf"),
        (b'attachment; filename="a;b.pdf"; size=1', "a;b.pdf"),
        (b"attachment; filename=my report.pdf", "my report.pdf"),
        (b'attachment; filename="C:\\\\Users\\\\ana\\\\nota.pdf"', "nota.pdf"),
        (b"attachment; filename=../../etc/passwd", "passwd"),
        (b"attachment; filename=..", "file-1.pdf"),
        (b'attachment; filename="a\xe2\x80\xaefdp.exe"', "a fdp.exe"),
        (b"attachment", "file-1.pdf"),
        (b"attachment; filename=" + b"x" * 400 + b".pdf", "x" * 146 + ".pdf"),
    ],
)
def test_names_of_files(field: bytes, name: str) -> None:
    parsed = read_mail(multipart(b"Content-Type: application/pdf\nContent-Disposition: " + field + b"\n\n%PDF\n"))
    assert names(parsed) == [name]


def test_alternatives_are_one_text() -> None:
    parsed = read("alternative")
    assert parsed.text == "Bom dia, chegou quebrado."
    assert "<b>chegou</b>" in parsed.html
    assert not parsed.files


@pytest.mark.parametrize("name", ["related", "nested"])
def test_a_picture_of_the_text_is_shown_in_it(name: str) -> None:
    parsed = read(name)
    picture = parsed.files[0]
    assert (picture.name, picture.media_type, picture.inline) == ("foto.png", "image/png", "foto@x")
    assert parsed.contents[picture.sha256] == PNG
    assert 'src="cid:foto@x"' in parsed.html


def test_files_keep_their_bytes_and_names() -> None:
    parsed = read("mixed")
    (bill,) = parsed.files
    assert (bill.name, bill.media_type, bill.size, bill.inline) == ("nota fiscal 17.pdf", "application/pdf", 9, "")
    assert parsed.contents[bill.sha256] == b"%PDF-1.4\n"


def test_text_between_files_as_one_program_writes_it() -> None:
    parsed = read("apple")
    assert parsed.text == "Bom dia, chegou quebrado."
    assert parsed.html.count("quebrado") == 2
    assert names(parsed) == ["nota fiscal 17.pdf"]


def test_a_forwarded_mail_is_a_file_and_can_be_read() -> None:
    parsed = read("forwarded")
    assert names(parsed) == ["Confirmação.eml"]
    assert parsed.text == "Bom dia, chegou quebrado."
    assert "From: Loja <loja@shop.example>" in parsed.quoted and "Seu pedido saiu." in parsed.quoted
    alone = read("only forwarded")
    assert "Seu pedido saiu." in alone.text and names(alone) == ["Confirmação.eml"]
    assert names(read("digest")) == ["one.eml", "message.eml"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("signed", ["smime.p7s"]),
        ("winmail", ["winmail.dat"]),
        ("calendar", ["file-1.ics"]),
        ("octets", ["file-1.bin"]),
        ("uuencode", ["a.txt"]),
    ],
)
def test_what_is_no_text_is_a_file(name: str, expected: list[str]) -> None:
    assert names(read(name)) == expected


def test_uuencode_is_read() -> None:
    parsed = read("uuencode")
    assert parsed.contents[parsed.files[0].sha256] == b"hi\n"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("latin-1 as utf-8", "Não chegou. João"),
        ("unknown charset", "Não chegou"),
        ("no charset", "Здравствуйте, где мой заказ?"),
        ("quoted-printable", "Não chegou ainda ="),
        ("japanese", "注文はどこですか"),
        ("no boundary", "Bom dia, chegou quebrado."),
        ("wrong boundary", "Bom dia, chegou quebrado."),
        ("no end", "Bom dia, chegou quebrado."),
        ("no parts", "Just this."),
        ("no blank line", "This is the text already.\nAnd more."),
        ("no header", "Just a text.\nNothing else."),
        ("empty", ""),
        ("bad base64", "Ola, tudo bem?"),
        ("not base64", "This is plain text, whatever it says: it has blanks & signs."),
    ],
)
def test_what_breaks_the_rules_is_read_as_it_was_meant(name: str, text: str) -> None:
    assert read(name).text == text


def test_a_footer_below_base64_is_text() -> None:
    parsed = read("base64 with a footer")
    assert (parsed.text, parsed.quoted) == ("Olá, chegou.", "--\nTo leave this list, write to us.")


def test_words_that_ran_into_base64_are_text() -> None:
    """A picture's end was lost, and the head of the text after it."""
    whole = multipart(PHOTO, b"Content-Type: text/plain\n\nBom dia amigo\n")
    begin = whole.index(b"iVBOR")
    parsed = read_mail(whole[: begin + 65] + whole[whole.index(b"om dia") :])
    assert parsed.text + parsed.quoted == whole[begin : begin + 65].decode() + "om dia amigo"
    assert names(parsed) == ["foto.png"]


def test_base64_with_blanks_all_over_is_no_text() -> None:
    data = base64.encodebytes(bytes(range(256)) * 40).replace(b"A", b"A ")
    parsed = read_mail(mail(data, b"Content-Transfer-Encoding: base64", kind=b"application/octet-stream"))
    assert (parsed.text, parsed.quoted) == ("", "")
    assert list(parsed.contents.values()) == [bytes(range(256)) * 40]


def test_files_survive_a_missing_boundary() -> None:
    assert [names(read(name)) for name in ("no boundary", "wrong boundary", "no end")] == [["nota fiscal 17.pdf"]] * 3


def test_headers_in_bytes_of_two_charsets() -> None:
    parsed = read("8-bit headers")
    assert (parsed.subject, parsed.from_name) == ("Pedido não chegou", "Ana Conceição")


def test_soft_line_breaks() -> None:
    parsed = read("flowed")
    assert parsed.text == "This goes on here."
    assert parsed.quoted == "> an old line\n-- \nAna".replace("-- ", "--")


def test_pictures_written_into_the_html_become_files() -> None:
    parsed = read("embedded")
    (picture,) = parsed.files
    assert parsed.contents[picture.sha256] == PNG and picture.inline
    assert f'src="cid:{picture.inline}"' in parsed.html


def test_the_limits_are_named_and_leave_the_rest() -> None:
    many = multipart(PLAIN_PART, *[b"Content-Type: image/png\n\nx"] * 300)
    parsed = read_mail(many)
    assert parsed.problems == ("it has more than 200 parts",)
    assert parsed.text == "Here." and len(parsed.files) == 198
    deep = b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(40))
    assert read_mail(deep).problems == ("its parts are nested deeper than 20 levels",)
    assert read_mail(b"X-A: y\n" * 3000 + b"From: a@x.example\n\nHere.").problems == (
        "it has more than 2,000 header fields",
    )
    assert read_mail(b"x" * (MAX_MAIL + 1)).problems == ("it is larger than 25 MB",)
    nested = read_mail(b"Content-Type: message/rfc822\n\n" * 40 + b"Here.")
    assert nested.problems == ("its parts are nested deeper than 20 levels",) and nested.files


PLAIN_PART = b"\nHere."


def test_a_long_header_line_is_cut() -> None:
    parsed = read_mail(mail(b"Here.", b"X-Long: " + b"y" * 9000, b"Cc: b@x.example"))
    assert parsed.notes == ("a header line was cut",)
    assert (parsed.text, parsed.cc) == ("Here.", ("b@x.example",))


# --- HTML ----------------------------------------------------------------------------------------------------------------


def html(source: str) -> ParsedMail:
    return read_mail(mail(source.encode(), kind=b"text/html; charset=utf-8"))


@pytest.mark.parametrize(
    "source",
    [
        "<script>alert(1)</script>",
        "<img src=https://evil.example/track.gif>",
        "<img src=//evil.example/t.gif><img src='cid:nothing'><img srcset=x.png>",
        "<div style='background:url(https://evil.example/x)'>",
        "<div style='position:fixed;top:0;z-index:99'>",
        "<style>@import 'https://evil.example/x.css'</style>",
        "<link rel=stylesheet href=https://evil.example/x.css>",
        "<a href='javascript:alert(1)'>x</a>",
        "<a href='data:text/html,x'>x</a>",
        "<form action=https://evil.example><input name=password></form>",
        "<iframe src=https://evil.example></iframe>",
        "<svg><image href=https://evil.example/x /></svg>",
        "<body background=https://evil.example/x onload=alert(1)>",
        "<table background=https://evil.example/x>",
        "<meta http-equiv=refresh content='0;url=https://evil.example'>",
        "<base href=https://evil.example>",
        "<p class=card id=main>",
    ],
)
def test_html_can_do_nothing(source: str) -> None:
    shown = html(f"<p>before</p>{source}<p>after</p>").html
    for word in ("evil.example", "script", "alert", "position", "src=", "srcset", "form", "data:", "class", "id="):
        assert word not in shown
    assert "before" in shown and "after" in shown


def test_html_keeps_its_looks_and_links() -> None:
    shown = html('<p style="color: red; position: fixed">a <a href="https://x.example/?a=1&amp;b=2">b</a></p>').html
    assert 'style="color:red"' in shown
    assert 'href="https://x.example/?a=1&amp;b=2"' in shown and 'rel="noopener noreferrer nofollow"' in shown


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("<p>One</p><p>Two<br>three</p>", "One\n\nTwo\nthree"),
        ("<div>One</div><div>Two</div>", "One\nTwo"),
        ("a  <b> b</b>\n c&nbsp;d &lt;e&gt; &eacute;", "a b c d <e> é"),
        ("<ul><li>One<li>Two</ul>", "- One\n- Two"),
        ("<ol start=3><li>One<li>Two<ul><li>In</ul></ol>", "3. One\n4. Two\n  - In"),
        ("<table><tr><td>A<td>B<tr><td>C<td>D</table>", "A B\nC D"),
        ("<pre>a\n  b</pre>", "a\n  b"),
        ('<a href="https://x.example/y">here</a>', "here (https://x.example/y)"),
        (
            '<a href="https://x.example/">x.example</a> <a href="mailto:a@x.example">a@x.example</a>',
            "x.example a@x.example",
        ),
        ('<img alt="Our logo" src="https://x.example/l.png">', "[Our logo]"),
        ("<div style='display:none'>preheader</div>shown", "shown"),
        ("<title>t</title><style>p{}</style>shown", "shown"),
        ("x &amp;lt;b&amp;gt;", "x &lt;b&gt;"),
        ('<p title="a > b">c</p>', "c"),
    ],
)
def test_html_as_text(source: str, text: str) -> None:
    assert html(source).text == text


def test_marks_of_programs_tell_old_from_new_in_every_language() -> None:
    assert (read("outlook").text, read("gmail").text) == ("Ainda nada.", "Ainda nada.")
    assert "Vamos ver." in read("outlook").quoted and "Vamos ver." in read("gmail").quoted


# --- machines ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "reason"),
    [
        (b"Auto-Submitted: auto-replied (vacation)", "Auto-Submitted: auto-replied (vacation)"),
        (b"Auto-Submitted: auto-generated; owner-email=x", "Auto-Submitted: auto-generated"),
        (b"Precedence: bulk", "Precedence: bulk"),
        (b"List-Id: <news.x.example>", "List-Id: <news.x.example>"),
        (b"List-Unsubscribe: <mailto:x@x.example>", "List-Unsubscribe: <mailto:x@x.example>"),
        (b"X-Auto-Response-Suppress: OOF, AutoReply", "X-Auto-Response-Suppress: oof, autoreply"),
        (b"X-Autoreply: yes", "X-Autoreply: yes"),
        (b"X-Autorespond: 1", "X-Autorespond: 1"),
        (b"Return-Path: <>", "an empty Return-Path"),
        (b"X-Duly: automatic", "X-Duly: automatic"),
        (b"Auto-Submitted: no", ""),
        (b"Return-Path: <ana@cliente.example>", ""),
        (b"Precedence: first-class", ""),
        (b"X-Autoreply: no", ""),
    ],
)
def test_machines_say_so(field: bytes, reason: str) -> None:
    assert read_mail(mail(b"x", field)).automatic == reason


@pytest.mark.parametrize(
    "subject", ["Automatic reply: x", "Resposta automática: x", "Out of Office", "Abwesenheitsnotiz: x"]
)
def test_subjects_of_machines(subject: str) -> None:
    sent = mail(b"x").replace(b"Pedido 17", subject.encode())
    assert read_mail(sent).automatic == f"Subject: {subject}"
    assert read_mail(sent.replace(b"Subject: ", b"Subject: Re: ")).automatic == ""


GONE = Bounce(
    original="0011223344@desk.example",
    envelope="outbox-77",
    recipient="gone@cliente.example",
    action="failed",
    status="5.1.1",
    diagnostic="550 5.1.1 <gone@cliente.example>: user unknown",
)


@pytest.mark.parametrize("name", ["dsn", "dsn whole"])
def test_a_report_is_matched_by_what_came_back(name: str) -> None:
    parsed = read(name)
    assert parsed.bounce == GONE
    assert parsed.automatic == "Auto-Submitted: auto-replied"


def test_a_delay_is_no_failure() -> None:
    bounce = read("dsn delayed").bounce
    assert bounce is not None and (bounce.action, bounce.status, bounce.original) == ("delayed", "4.4.1", GONE.original)


def test_the_worst_of_several_recipients_counts() -> None:
    fields = b"Reporting-MTA: dns; x\n\nFinal-Recipient: rfc822; a@x.example\nAction: delivered\nStatus: 2.0.0\n\n"
    fields += b"Final-Recipient: rfc822; b@x.example\nAction: FAILED (for good)\nStatus: 5.2.2 (full)\n"
    bounce = read_mail(mails.report(fields, b"Content-Type: text/rfc822-headers\n\n" + mails.RETURNED)).bounce
    assert bounce is not None and (bounce.recipient, bounce.action, bounce.status) == ("b@x.example", "failed", "5.2.2")


@pytest.mark.parametrize("name", ["exim", "qmail"])
def test_reports_in_no_standard_form(name: str) -> None:
    bounce = read(name).bounce
    assert bounce is not None
    assert (bounce.original, bounce.recipient, bounce.status, bounce.action) == (
        GONE.original,
        GONE.recipient,
        "5.1.1",
        "failed",
    )


def test_a_receipt_is_automatic_and_no_bounce() -> None:
    receipt = read_mail(ALL["mdn"].replace(b"Auto-Submitted: auto-replied\n", b""))
    assert (receipt.bounce, receipt.automatic) == (None, "a receipt")


def test_people_may_write_about_bounces() -> None:
    assert read_mail(mail(b"I got 550 5.1.1 for this:\n" + mails.RETURNED)).bounce is None


# --- authentication ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "result"),
    [
        ((b"mx.desk.example; dmarc=pass header.from=cliente.example",), "pass"),
        ((b"MX.desk.example 1; spf=pass smtp.mailfrom=x; dkim=pass; dmarc=fail (p=none dis=none) header.from=x",), "fail"),
        ((b"mx.desk.example; dkim=pass", b"mx.desk.example; dmarc=fail header.from=x"), "fail"),
        ((b"mx.desk.example; dmarc=fail header.from=x", b"mx.desk.example; dmarc=pass header.from=x"), "fail"),
        ((b"evil.example; dmarc=pass", b"mx.desk.example; dmarc=fail"), "fail"),
        ((b"evil.example; dmarc=pass",), "none"),
        ((b"mx.desk.example; dmarc=none",), "none"),
        ((b"mx.desk.example; dmarc=temperror",), "none"),
        ((b"mx.desk.example; none",), "none"),
        ((b"mx.desk.example; spf=pass (dmarc=pass; dmarc=pass)",), "none"),
        ((b'mx.desk.example; spf=pass reason="; dmarc=pass"',), "none"),
        ((b"mx.desk.example.evil.example; dmarc=pass",), "none"),
        ((), "none"),
    ],
)
def test_only_our_own_server_is_believed(fields: tuple[bytes, ...], result: str) -> None:
    sent = mail(b"x", *(b"Authentication-Results: " + field for field in fields))
    assert read_mail(sent, "mx.desk.example").dmarc == result
    assert read_mail(sent).dmarc == "none"
