"""Reports as files: CSV as spreadsheets of the reader's language open it, and XLSX.

A text that a spreadsheet would take for a formula gets an apostrophe before it; in XLSX texts are texts anyway.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import re
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from xml.sax.saxutils import escape

from babel.numbers import format_decimal

Cell = str | int | float | dt.datetime | None
"""Instants are written without their zone, which is in the column's name."""

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""How a text begins that a spreadsheet may run as a formula. https://owasp.org/www-community/attacks/CSV_Injection"""
BOM = "\ufeff"


def safe(text: str) -> str:
    """The text as no spreadsheet runs it."""
    return f"'{text}" if text.startswith(FORMULA) else text


def as_csv(rows: Iterable[Sequence[Cell]], language: str) -> str:
    """Portuguese spreadsheets part cells by `;` and decimals by a comma; the BOM says that it is UTF-8."""
    portuguese = language.startswith("pt")
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=";" if portuguese else ",", lineterminator="\r\n")
    for row in rows:
        writer.writerow([_text(cell, language) for cell in row])
    return BOM + out.getvalue()


def _text(cell: Cell, language: str) -> str:
    match cell:
        case None:
            return ""
        case str():
            return safe(cell)
        case float():
            return format_decimal(round(cell, 6), "0.######", locale=language.replace("-", "_"))
        case dt.datetime():
            return f"{cell:%Y-%m-%d %H:%M:%S}"
        case _:
            return str(cell)


# --- XLSX: the few parts of Office Open XML (ECMA-376) that a table needs ----------------------------------------------

SPREADSHEET = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
RELATIONS = "http://schemas.openxmlformats.org/package/2006/relationships"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
TYPES = "application/vnd.openxmlformats-officedocument.spreadsheetml"
MEDIA_TYPE = f"{TYPES}.sheet"
HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
EPOCH = dt.datetime(1899, 12, 30)  # noqa: DTZ001 - day 0 of spreadsheets, which know no zones
MOST_ROWS = 1_048_576
"""Of a sheet."""
LONGEST = 32_767
"""Characters of a cell."""
UNFIT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")

PARTS = {
    "[Content_Types].xml": (
        '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        '<Default Extension="xml" ContentType="application/xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{TYPES}.sheet.main+xml"/>'
        f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{TYPES}.worksheet+xml"/>'
        f'<Override PartName="/xl/styles.xml" ContentType="{TYPES}.styles+xml"/></Types>'
    ),
    "_rels/.rels": (
        f'<Relationships xmlns="{RELATIONS}">'
        f'<Relationship Id="rId1" Type="{OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>'
    ),
    "xl/_rels/workbook.xml.rels": (
        f'<Relationships xmlns="{RELATIONS}">'
        f'<Relationship Id="rId1" Type="{OFFICE}/worksheet" Target="worksheets/sheet1.xml"/>'
        f'<Relationship Id="rId2" Type="{OFFICE}/styles" Target="styles.xml"/></Relationships>'
    ),
    "xl/workbook.xml": (
        f'<workbook xmlns="{SPREADSHEET}" xmlns:r="{OFFICE}"><sheets><sheet name="Duly" sheetId="1" r:id="rId1"/></sheets>'
        "</workbook>"
    ),
    # Cell formats: 0 as it is, 1 an instant, 2 the bold of the first row.
    "xl/styles.xml": (
        f'<styleSheet xmlns="{SPREADSHEET}"><numFmts count="1">'
        '<numFmt numFmtId="164" formatCode="yyyy\\-mm\\-dd hh:mm:ss"/></numFmts>'
        '<fonts count="2"><font><sz val="11"/><name val="Calibri"/></font>'
        '<font><b/><sz val="11"/><name val="Calibri"/></font></fonts>'
        '<fills count="2"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill>'
        '</fills><borders count="1"><border/></borders><cellStyleXfs count="1"><xf/></cellStyleXfs><cellXfs count="3">'
        '<xf xfId="0"/><xf numFmtId="164" xfId="0" applyNumberFormat="1"/><xf fontId="1" xfId="0" applyFont="1"/>'
        "</cellXfs></styleSheet>"
    ),
}


def as_xlsx(rows: Iterable[Sequence[Cell]]) -> bytes:
    """A workbook of one sheet whose first row stays in sight; rows beyond what a sheet can hold are left out."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as book:
        for name, text in PARTS.items():
            book.writestr(_part(name), HEAD + text)
        with book.open(_part("xl/worksheets/sheet1.xml"), "w") as sheet:
            for text in _sheet(rows):
                sheet.write(text.encode())
    return out.getvalue()


def _part(name: str) -> zipfile.ZipInfo:
    """With a date that never changes: the same report gives the same bytes."""
    part = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
    part.compress_type = zipfile.ZIP_DEFLATED
    return part


def _sheet(rows: Iterable[Sequence[Cell]]) -> Iterator[str]:
    yield (
        f'{HEAD}<worksheet xmlns="{SPREADSHEET}"><sheetViews><sheetView workbookViewId="0">'
        '<pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/></sheetView></sheetViews><sheetData>'
    )
    for number, row in enumerate(rows):
        if number >= MOST_ROWS:
            break
        yield f"<row>{''.join(_cell(cell, head=number == 0) for cell in row)}</row>"
    yield "</sheetData></worksheet>"


def _cell(cell: Cell, *, head: bool) -> str:
    match cell:
        case None:
            return "<c/>"
        case str():
            style = ' s="2"' if head else ""
            return f'<c t="inlineStr"{style}><is><t xml:space="preserve">{escape(_clean(cell))}</t></is></c>'
        case dt.datetime():
            return f'<c s="1"><v>{(cell - EPOCH).total_seconds() / 86_400!r}</v></c>'
        case _:
            return f"<c><v>{cell!r}</v></c>"


def _clean(text: str) -> str:
    """Without what XML can't hold (https://www.w3.org/TR/xml/#charsets)."""
    return UNFIT.sub("", text[:LONGEST])
