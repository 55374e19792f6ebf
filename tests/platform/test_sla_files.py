"""Figures of promises as files: what is in them, how a Brazilian spreadsheet opens them, and texts that are no formulas."""

from __future__ import annotations

import asyncio
import csv
import datetime as dt
import io
import zipfile
from pathlib import Path
from xml.etree import ElementTree

import pytest

from duly_admin_ui.tables import as_csv, as_xlsx, safe
from support.office import RULES, Office, office, sign_in

SPACE = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"


def sheet(content: bytes) -> list[list[str]]:
    """The cells of the one sheet, as a reader of the format sees them."""
    with zipfile.ZipFile(io.BytesIO(content)) as book:
        assert book.testzip() is None
        for name in book.namelist():
            ElementTree.fromstring(book.read(name))  # every part is XML
        root = ElementTree.fromstring(book.read("xl/worksheets/sheet1.xml"))
    return [
        ["".join(text for part in cell for text in part.itertext()) for cell in row] for row in root.iter(f"{SPACE}row")
    ]


async def worked(here: Office) -> None:
    headers = await here.token("read", "write")
    for number, title in enumerate(('=HYPERLINK("http://x";"y")', "Refund"), 1):
        made = await here.client.post(
            "/api/v1/cards",
            json={"pipeline": "Support", "title": title, "fields": {"Resolution": "x"}},
            headers=headers,
        )
        assert made.status_code == 201, made.text
        await here.client.post(f"/api/v1/cards/{number}/assign", json={"owner": "ana"}, headers=headers)
    here.clock.advance(dt.timedelta(minutes=45))
    await here.client.post("/api/v1/cards/1/reply", json={"text": "hi"}, headers=headers)
    here.clock.advance(dt.timedelta(hours=2))
    await here.client.post("/api/v1/cards/2/reply", json={"text": "sorry"}, headers=headers)
    here.clock.advance(dt.timedelta(days=1))


async def rows(here: Office, query: str, delimiter: str = ",") -> list[list[str]]:
    answer = await here.client.get(f"/reports/sla.csv?{query}")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert 'filename="duly-2026-11-10.csv"' in answer.headers["content-disposition"]
    assert answer.content.startswith(b"\xef\xbb\xbf")
    return list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"), newline=""), delimiter=delimiter))


def test_figures_and_single_rows(tmp_path: Path) -> None:
    async def main() -> None:
        async with office(tmp_path, RULES) as here:
            await worked(here)
            await sign_in(here, "diogo", "manager")
            head, ana, total = await rows(here, "by=owner")
            assert head[:8] == ["From", "To", "Owner", "Count", "Met", "Missed", "Excused", "Gross"]
            assert ana[2:8] == ["Ana", "2", "1", "1", "0", "0.5"]
            assert total[2] == "Total"
            head, late, fine = await rows(here, "rows=1")
            assert head[0] == "Card"
            assert (late[0], late[1], late[3], late[10]) == ("2", "Refund", "Support", "Missed")
            assert fine[1] == '\'=HYPERLINK("http://x";"y")'
            assert fine[12:16] == ["2026-11-09 09:00:00", "2026-11-09 09:45:00", "2700", "2700"]
            one = sheet((await here.client.get("/reports/sla.xlsx?by=owner")).content)
            assert one[1][2:8] == ["Ana", "2", "1", "1", "0", "0.5"]
            each = sheet((await here.client.get("/reports/sla.xlsx?rows=1")).content)
            assert each[2][1] == '=HYPERLINK("http://x";"y")'  # a text in XLSX: there are no formulas in the file
            day = dt.datetime(1899, 12, 30, tzinfo=dt.UTC) + dt.timedelta(days=float(each[2][13]))
            assert abs(day - dt.datetime(2026, 11, 9, 9, 45, tzinfo=dt.UTC)) < dt.timedelta(milliseconds=1)
            for path in ("/reports/sla.csv?since=x", "/reports/sla.xlsx?since=2026-11-09&until=2026-11-01"):
                assert (await here.client.get(path)).status_code == 422
            await sign_in(here, "bruno", "agent")
            for path in ("/reports/sla.csv", "/reports/sla.xlsx"):
                assert (await here.client.get(path)).status_code == 403

    asyncio.run(main())


def test_a_brazilian_spreadsheet_opens_it(tmp_path: Path) -> None:
    async def main() -> None:
        async with office(tmp_path, RULES) as here:
            await worked(here)
            await sign_in(here, "diogo", "manager", language="pt-BR")
            head, ana, _ = await rows(here, "by=owner", ";")
            assert head[2] == "Responsável"
            assert ana[7] == "0,5"

    asyncio.run(main())


def test_too_many_single_rows_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("duly_admin_ui.pages.sla_files.MOST", 1)

    async def main() -> None:
        async with office(tmp_path, RULES) as here:
            await worked(here)
            await sign_in(here, "diogo", "manager")
            answer = await here.client.get("/reports/sla.csv?rows=1")
            assert answer.status_code == 422
            assert "choose a shorter period" in answer.text
            assert len(await rows(here, "by=owner")) == 3

    asyncio.run(main())


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1+1"])
def test_no_text_is_a_formula(text: str) -> None:
    assert safe(text) == f"'{text}"
    (row,) = csv.reader(io.StringIO(as_csv([[text, -1.5]], "en").removeprefix("\ufeff"), newline=""))
    assert row == [f"'{text}", "-1.5"]


def test_what_xml_can_not_hold_is_left_out() -> None:
    odd = "a\x00b\x0bc\ud800d\ufffee <&> \U0001f600"
    assert sheet(as_xlsx([[odd], [None, 3]])) == [["abcde <&> \U0001f600"], ["", "3"]]
    assert as_xlsx([["x"]]) == as_xlsx([["x"]])
