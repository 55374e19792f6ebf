"""What is new in a mail and what repeats older ones. Each case is (text, new, old); None for all of it and
for whatever is left."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duly_connectors.mail.quoting import split

CASES: dict[str, tuple[str, str | None, str | None]] = {
    "nothing old": ("Oi.\n\nTudo bem?", "Oi.\n\nTudo bem?", ""),
    "attribution and marks": (
        "Obrigada!\n\nEm seg., 2 de mar. de 2026 às 09:00, Suporte <s@desk.example>\nescreveu:\n\n> Vamos ver.\n> Até já.",
        "Obrigada!",
        "Em seg., 2 de mar. de 2026 às 09:00, Suporte <s@desk.example>\nescreveu:\n\n> Vamos ver.\n> Até já.",
    ),
    "attribution without marks": (
        "Thanks.\n\nOn Mon, Mar 2, 2026 at 9:00 AM Support wrote:\nWe look at it.\n\nBye",
        "Thanks.",
        "On Mon, Mar 2, 2026 at 9:00 AM Support wrote:\nWe look at it.\n\nBye",
    ),
    "spanish": ("Sí.\nEl lun, 2 mar 2026 a las 9:00, S (<s@x.example>) escribió:\n> A", "Sí.", None),
    "french": ("Oui.\nLe lun. 2 mars 2026 à 09:00, S <s@x.example> a écrit :\n> A", "Oui.", None),
    "german": ("Ja.\nAm 02.03.2026 um 09:00 schrieb S <s@x.example>:\n> A", "Ja.", None),
    "a language of no list": ("Bai.\nS <s@x.example>-k 2026-03-02 09:00 idatzi zuen:\n> A", "Bai.", None),
    "outlook": (
        "Not yet.\n\nFrom: Support <s@desk.example>\nSent: Monday, March 2, 2026 9:00 AM\nTo: Ana\nSubject: RE: 17\n\nA",
        "Not yet.",
        None,
    ),
    "outlook in portuguese": (
        "Ainda não.\n________________________________\nDe: Suporte\nEnviado: segunda-feira\nPara: Ana\nAssunto: 17\n\nA",
        "Ainda não.",
        None,
    ),
    "original message": (
        "Ok.\n\n-----Mensagem original-----\nDe: S\n\nA",
        "Ok.",
        "-----Mensagem original-----\nDe: S\n\nA",
    ),
    "below the question": (
        "On Monday Support wrote:\n> Which one?\n\nThe red one.",
        "The red one.",
        "On Monday Support wrote:\n> Which one?",
    ),
    "between the questions": (
        "On Monday Support wrote:\n> Which one?\nThe red one.\n> Since when?\nMonday.\n> Thanks\n",
        "On Monday Support wrote:\n> Which one?\nThe red one.\n> Since when?\nMonday.",
        "> Thanks",
    ),
    "signature": ("Hello\n-- \nAna Lima\n+55 11 5555", "Hello", "--\nAna Lima\n+55 11 5555"),
    "signature above the old": (
        "Hello\n-- \nAna\n\nOn Monday S wrote:\n> A",
        "Hello",
        "--\nAna\n\nOn Monday S wrote:\n> A",
    ),
    "two dashes in a text": ("One\n--\n" + "\n".join(f"line {n}" for n in range(30)), None, ""),
    "a telephone signs": ("Sim, chegou.\n\nEnviado do meu iPhone", "Sim, chegou.", "Enviado do meu iPhone"),
    "a telephone signs above the old": (
        "Yes.\n\nGet Outlook for Android\n\nFrom: S\nSent: Monday\nTo: Ana\nSubject: 17\nA",
        "Yes.",
        None,
    ),
    "somebody forwards": (
        "---------- Forwarded message ---------\nFrom: Loja\nDate: Mon\nSubject: x\nTo: Ana\n\nThe bill",
        "---------- Forwarded message ---------\nFrom: Loja\nDate: Mon\nSubject: x\nTo: Ana\n\nThe bill",
        "",
    ),
    "only marks": ("> all\n> of it", "> all\n> of it", ""),
    "sentences that look like it": (
        "From: where do I get it?\nOn the box I wrote:\n\nnumber 5",
        "From: where do I get it?",
        "On the box I wrote:\n\nnumber 5",
    ),
    "empty": ("", "", ""),
}


@pytest.mark.parametrize("name", CASES)
def test_new_and_old(name: str) -> None:
    text, new, old = CASES[name]
    found = split(text)
    assert found[0] == (text if new is None else new)
    if old is not None:
        assert found[1] == old
    else:
        assert found[1]


_LINES = st.sampled_from(
    [
        "",
        "text",
        "> old",
        ">> older",
        "On Monday S wrote:",
        "-- ",
        "--",
        "From: S <s@x.example>",
        "Sent: Monday",
        "To: Ana",
        "Subject: x",
        "\x01",
    ]
) | st.text(max_size=30)


@given(st.lists(_LINES, max_size=20))
def test_nothing_is_lost(lines: list[str]) -> None:
    text = "\n".join(lines)
    new, old = split(text)
    words = sorted(text.replace("\x01", "").split())
    assert sorted((new + "\n" + old).split()) == words
    assert new.strip() or not words
