"""What the rules promise, as prose: the golden documents of the example, and what they must never leave out."""

from __future__ import annotations

from pathlib import Path

import pytest

from duly_dsl import workspace
from duly_dsl.build import build
from duly_dsl.program import Program
from duly_dsl.source import SourceFile
from duly_dsl.units import DAY, HOUR, MINUTE, SECOND, Duration, Unit
from duly_platform.cli import main
from duly_runtime.contract import Heading, Items, Paragraph, Table, as_html, as_markdown, document
from duly_runtime.contract.words import Words

EXAMPLE = Path(__file__).parents[2] / "examples" / "support_desk"
GOLDEN = Path(__file__).parent / "golden"
"""Written anew with `duly contract examples/support_desk --language TAG --format FORMAT -o FILE`."""

RICH = """
calendar "Office" {
  time zone "Europe/Lisbon"
  open monday, wednesday 22:00-06:00
  holidays from "PT"
}

calendar "Always" {
  time zone "UTC"
  open every day 00:00-24:00
}

person ana {
  name "Ana Sousa"
}

template "Still there?" {
  "en" "Hello"
}

pipeline "Desk" {
  calendar "Office"
  priorities urgent, normal
  languages "en"
  field "Tier | <b>" choice gold, basic default basic
  field "Amount" number
  excuses "supplier down"

  stage "New" {
    start
    next "Waiting", "Done"
    owner agent ana
    leave stage within 48h elapsed
    leave stage counts in total
    first reply within 1h30m if "Amount" > 500 or priority is urgent
    first reply within 1 calendar day
  }

  stage "Waiting" {
    next "New", "Done"
    pause resolved
    resume in "New" when customer replies
    resolved within 2 working days if "Tier | <b>" is one of gold, basic
    after 1h of silence send "Still there?"
  }

  stage "Done" {
    finish
    reopen within 2 calendar days to "New"
  }

  clock "Vendor answer" {
    calendar "Always"
    start when card enters "Waiting"
    stop when agent replies
    within 4h
  }
}
"""


def program_of(text: str) -> Program:
    built = build([SourceFile("a.duly", text)])
    assert built.program is not None, [problem.message for problem in built.diagnostics]
    return built.program


@pytest.fixture(scope="module")
def example() -> Program:
    program = build(workspace.load([EXAMPLE])).program
    assert program is not None
    return program


@pytest.mark.parametrize("language", ["en", "pt-BR"])
def test_the_example_reads_as_it_is_kept(example: Program, language: str) -> None:
    blocks = document(example, language)
    assert as_markdown(blocks) == (GOLDEN / f"contract.{language}.md").read_text("utf-8")
    assert as_html(blocks, language) == (GOLDEN / f"contract.{language}.html").read_text("utf-8")


def test_a_stored_program_reads_the_same(example: Program) -> None:
    assert document(Program.decode(example.encode())) == document(example)


@pytest.fixture(scope="module")
def rich() -> str:
    return as_markdown(document(program_of(RICH)))


@pytest.mark.parametrize(
    "line",
    [
        "- Monday: 22:00 to 06:00",
        "- Thursday to Sunday: closed",
        "We are closed on the public holidays of Portugal.",
        "| New  | the Amount is above 500 or the priority is urgent | 1 hour and 30 minutes |",
        "| New  | in all other cases                                | 1 calendar day        |",
        "| New  | 48 hours, day and night, all stays together |",
        "- In “Waiting” no time counts for: solution, until you write to us",
        "- In “Waiting”, after 1 hour: we write to you",
        "#### “Vendor answer”",
        "The time begins when the request comes to “Waiting”.",
        "It ends when we reply.",
        "#### Always",
        "- Monday to Sunday: 00:00 to 24:00",
        "- supplier down",
        "- Write to us within 2 calendar days after “Done”, and your request goes on in “New”.",
    ],
)
def test_everything_that_is_promised_is_said(rich: str, line: str) -> None:
    assert line in rich.splitlines()


def test_nobody_is_named(rich: str, example: Program) -> None:
    for text in (rich, as_markdown(document(example))):
        assert "ana" not in text.lower().split() and "Sousa" not in text


def test_what_authors_wrote_stays_text(rich: str) -> None:
    assert "Tier \\| \\<b\\>" in rich
    page = as_html(document(program_of(RICH)), "en")
    assert "<b>" not in page and "Tier | &lt;b&gt;" in page
    assert "<script" not in page and "href" not in page and "src=" not in page


def test_blocks_as_markdown() -> None:
    blocks = (Heading(2, "A *b*"), Paragraph("x\n y"), Items(("a_b", "# c")), Table(("h|i", "j"), (("1", "22"),)))
    assert as_markdown(blocks) == (
        "## A \\*b\\*\n\nx y\n\n- a\\_b\n- \\# c\n\n| h\\|i | j  |\n| ---- | -- |\n| 1    | 22 |\n"
    )


@pytest.mark.parametrize(
    ("unit", "amount", "english", "portuguese"),
    [
        (Unit.BUSINESS, 15 * MINUTE, "15 minutes", "15 minutos"),
        (Unit.BUSINESS, HOUR + MINUTE + SECOND, "1 hour, 1 minute and 1 second", "1 hora, 1 minuto e 1 segundo"),
        (Unit.ELAPSED, 2 * DAY, "48 hours, day and night", "48 horas, dia e noite"),
        (Unit.WORKING_DAYS, 1, "1 working day", "1 dia útil"),
        (Unit.CALENDAR_DAYS, 3, "3 calendar days", "3 dias corridos"),
    ],
)
def test_amounts_in_words(example: Program, unit: Unit, amount: int, english: str, portuguese: str) -> None:
    assert Words(example, "en").amount(Duration(unit, amount)) == english
    assert Words(example, "pt-BR").amount(Duration(unit, amount)) == portuguese


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["contract", str(EXAMPLE), "--language", "pt-BR"]) == 0
    assert capsys.readouterr().out == (GOLDEN / "contract.pt-BR.md").read_text("utf-8")
    page = tmp_path / "page.html"
    assert main(["contract", str(EXAMPLE), "--format", "html", "--language", "en", "-o", str(page)]) == 0
    assert page.read_text("utf-8") == (GOLDEN / "contract.en.html").read_text("utf-8")
    assert main(["contract", str(EXAMPLE), "--pipeline", "Sales"]) == 2
    assert "there is no pipeline" in capsys.readouterr().err
