"""What people attach: names that are only names, types that are only types, and no more than a message can have."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from duly_runtime import attaching
from duly_runtime.attaching import MOST_FILES, NAME_LENGTH, CannotAttach, attached, file_name, media_type
from duly_runtime.events import File
from runtime.workspace import START, opened


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("report.pdf", "report.pdf"),
        ("relatório final.pdf", "relatório final.pdf"),
        ("../../etc/passwd", "passwd"),
        ("C:\\fakepath\\a.png", "a.png"),
        ("a\r\nSet-Cookie: x.txt", "a Set-Cookie: x.txt"),
        ("harmless\u202egpj.exe", "harmless gpj.exe"),
        ("nul\0.txt", "nul .txt"),
        ("half \ud800.txt", "half ?.txt"),
        (".htaccess", "htaccess"),
        ("..", "file"),
        ("folder/", "file"),
        ("", "file"),
        ("x" * 300 + ".docx", "x" * (NAME_LENGTH - 5) + ".docx"),
        ("y" * 300, "y" * NAME_LENGTH),
    ],
)
def test_names(given: str, name: str) -> None:
    assert file_name(given) == name


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        ("image/PNG", "image/png"),
        ("text/html; charset=utf-8", "text/html"),
        ("application/vnd.oasis.opendocument.text", "application/vnd.oasis.opendocument.text"),
        ("", "application/octet-stream"),
        ("image", "application/octet-stream"),
        ("image/png\r\nX: y", "application/octet-stream"),
        ("a/b/c", "application/octet-stream"),
    ],
)
def test_types(given: str, kind: str) -> None:
    assert media_type(given) == kind


def test_what_is_attached_has_its_real_size_and_nothing_a_provider_would_say(tmp_path: Path) -> None:
    async def main() -> None:
        async with opened(tmp_path) as store:
            sha256 = await store.upload(b"%PDF", START)
            given = File(
                name="a/b.pdf", media_type="Application/PDF", size=1, sha256=sha256, inline="logo", reference="media-1"
            )
            (file,) = await attached(store, [given])
            assert file == File(name="b.pdf", media_type="application/pdf", size=4, sha256=sha256)

    asyncio.run(main())


def test_what_a_message_can_not_have(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        async with opened(tmp_path) as store:
            file = File(name="a.pdf", sha256=await store.upload(b"%PDF", START))
            assert len(await attached(store, [file] * MOST_FILES)) == MOST_FILES
            with pytest.raises(CannotAttach, match="10 files"):
                await attached(store, [file] * (MOST_FILES + 1))
            with pytest.raises(CannotAttach, match=r"b\.pdf has not been uploaded") as told:
                await attached(store, [file, File(name="b.pdf", sha256="0" * 64)])
            assert told.value.told("pt-BR").startswith("O arquivo b.pdf não foi enviado")
            monkeypatch.setattr(attaching, "MAX_FILE", 7)
            with pytest.raises(CannotAttach, match="MB together"):
                await attached(store, [file, file])

    asyncio.run(main())
