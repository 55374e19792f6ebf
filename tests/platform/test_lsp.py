"""The language server through its pipes, as an editor speaks with it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlparse

import pytest

from duly_dsl.services import describe, index, names
from duly_platform.lsp.folders import Folders
from duly_platform.lsp.protocol import SYMBOLS, points, units
from duly_platform.lsp.timers import Debounce
from support.lsp_client import Client, Failed, applied

DESK = Path(__file__).parents[2] / "examples" / "support_desk"


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """A repository with two workspaces, so that files of one must not speak to the other."""
    shutil.copytree(DESK, tmp_path / "repo" / "desk")
    shutil.copytree(DESK, tmp_path / "repo" / "other" / "rules")
    return tmp_path / "repo" / "desk"


Start = Callable[..., Client]


@pytest.fixture
def start() -> Iterator[Start]:
    clients: list[Client] = []

    def started(root: Path, **options: Any) -> Client:
        clients.append(Client(root, **options))
        return clients[-1]

    yield started
    for client in clients:
        client.kill()


def where(root: Path, path: str, needle: str) -> tuple[int, int]:
    """Line and UTF-16 character of `¦` in the first line of a file that holds the needle."""
    before, _, after = needle.partition("¦")
    for number, line in enumerate((root / path).read_text(encoding="utf-8").split("\n")):
        if before + after in line:
            return number, len(line[: line.index(before + after) + len(before)].encode("utf-16-le")) // 2
    raise AssertionError(needle)


def test_the_whole_way(desk: Path, start: Start) -> None:
    client = start(desk.parent)
    assert client.server["serverInfo"]["name"] == "duly"
    text = (desk / "support.duly").read_text(encoding="utf-8")
    client.open("desk/support.duly", text.replace("alert manager", "alrt manager"))

    (problem,) = client.told("desk/support.duly", 1)
    assert (problem["code"], problem["source"], problem["severity"]) == ("E0102", "duly", 1)
    assert "`alrt`" in problem["message"] and "alert" in problem["message"]
    page = Path(unquote(urlparse(problem["codeDescription"]["href"]).path)).read_text(encoding="utf-8")
    assert page.startswith("# E0102 misspelt-word")
    line = problem["range"]["start"]["line"]

    (action,) = client.of("codeAction", "desk/support.duly", range=problem["range"], context={"diagnostics": [problem]})
    assert (action["kind"], action["isPreferred"], action["title"]) == ("quickfix", True, "Write `alert`")
    (change,) = action["edit"]["documentChanges"]
    assert change["textDocument"] == {"uri": client.uri("desk/support.duly"), "version": 1}
    mended = applied(text.replace("alert manager", "alrt manager"), change["edits"])
    assert mended == text
    client.change("desk/support.duly", 2, {"range": problem["range"], "text": "alert"})
    assert client.told("desk/support.duly", 2) == []

    client.change("desk/support.duly", 3, {"range": _at(line, 0, line, 0), "text": "    next \n"})
    found = client.at("completion", "desk/support.duly", line, 9)
    labels = [item["label"] for item in found["items"]]
    assert labels[:3] == ['"New"', '"Triage"', '"In progress"']
    assert found["items"][1]["textEdit"]["range"] == _at(line, 9, line, 9)
    assert found["items"][1]["detail"] == "stage of Customer support"
    client.change("desk/support.duly", 4, {"text": text})

    spot = where(desk, "support.duly", 'owner team "Fr¦ont desk"')
    found = client.at("hover", "desk/support.duly", *spot)
    assert found["contents"]["kind"] == "markdown" and "members" in found["contents"]["value"]
    (definition,) = client.at("definition", "desk/support.duly", *spot)
    assert definition["uri"] == client.uri("desk/people.duly")
    found = client.at("references", "desk/support.duly", *spot, context={"includeDeclaration": True})
    assert {each["uri"] for each in found} == {client.uri("desk/people.duly"), client.uri("desk/support.duly")}
    assert len(client.at("documentHighlight", "desk/support.duly", *spot)) == len(found) - 1

    symbols = client.of("documentSymbol", "desk/support.duly")
    assert [symbol["name"] for symbol in symbols] == ["Customer support"]
    assert {"New", "Triage"} <= {child["name"] for child in symbols[0]["children"]}
    found = client.ask("workspace/symbol", query="front")
    assert [(each["name"], each["location"]["uri"]) for each in found] == [("Front desk", client.uri("desk/people.duly"))]
    folds = client.of("foldingRange", "desk/support.duly")
    assert {"startLine": 0, "endLine": 3, "kind": "imports"} in folds
    assert client.leave() == 0


def _at(line: int, character: int, end: int, end_character: int) -> dict[str, Any]:
    return {"start": {"line": line, "character": character}, "end": {"line": end, "character": end_character}}


def test_a_rename_changes_all_files(desk: Path, start: Start) -> None:
    client = start(desk)
    client.open("support.duly")
    assert client.told("support.duly") == []
    spot = where(desk, "support.duly", 'stage "In pro¦gress"')
    found = client.at("prepareRename", "support.duly", *spot)
    assert found["placeholder"] == "In progress"
    with pytest.raises(Failed, match="there is a stage called `Done` already"):
        client.at("rename", "support.duly", *spot, newName="Done")
    assert client.errors == []  # who asked was told; the log is for trouble
    found = client.at("rename", "support.duly", *spot, newName="Doing")
    for change in found["documentChanges"]:
        path = desk / Path(unquote(urlparse(change["textDocument"]["uri"]).path)).name
        path.write_text(applied(path.read_text(encoding="utf-8"), change["edits"]), encoding="utf-8")
    assert 'stage "Doing" was "Working", "In progress" {' in (desk / "support.duly").read_text(encoding="utf-8")
    assert 'given card in "Doing"' in (desk / "support.tests.duly").read_text(encoding="utf-8")
    client.change("support.duly", 2, {"text": (desk / "support.duly").read_text(encoding="utf-8")})
    client.tell("workspace/didChangeWatchedFiles", changes=[{"uri": client.uri("support.tests.duly"), "type": 2}])
    assert client.told("support.duly", 2) == []


def test_an_open_buffer_counts_over_the_file_and_problems_show_in_others(desk: Path, start: Start) -> None:
    client = start(desk)
    client.open("people.duly")
    assert client.told("people.duly") == []
    text = (desk / "people.duly").read_text(encoding="utf-8")
    client.change("people.duly", 2, {"text": text.replace('team "Billing"', 'team "Bills"')})
    codes = {each["code"] for each in client.told("support.duly")}
    assert codes == {"E0204"}
    client.close("people.duly")
    assert client.told("support.duly") == []


def test_files_changed_by_others_are_read_again(desk: Path, start: Start) -> None:
    client = start(desk)
    client.open("support.duly")
    assert client.told("support.duly") == []
    methods = [each["params"]["registrations"][0]["method"] for each in client.asked]
    assert methods == ["workspace/didChangeWatchedFiles"]
    (desk / "duly.toml").write_text("flub = 1\n")
    client.tell("workspace/didChangeWatchedFiles", changes=[{"uri": client.uri("duly.toml"), "type": 1}])
    assert client.told("duly.toml")
    (desk / "duly.toml").unlink()
    client.tell("workspace/didChangeWatchedFiles", changes=[{"uri": client.uri("duly.toml"), "type": 3}])
    assert client.told("duly.toml") == []
    people = (desk / "people.duly").read_text(encoding="utf-8")
    (desk / "people.duly").write_text(people.replace('team "Billing"', 'team "Bills"'), encoding="utf-8")
    client.tell("workspace/didChangeWatchedFiles", changes=[{"uri": client.uri("people.duly"), "type": 2}])
    assert {each["code"] for each in client.told("support.duly")} == {"E0204"}
    (desk / "people.duly").write_text(people, encoding="utf-8")
    client.tell("textDocument/didSave", textDocument={"uri": client.uri("people.duly")})
    assert client.told("support.duly") == []


def test_only_the_last_of_many_changes_is_checked(desk: Path, start: Start) -> None:
    client = start(desk)
    client.open("support.duly")
    assert client.told("support.duly", 1) == []
    text = (desk / "support.duly").read_text(encoding="utf-8")
    for version in range(2, 12):
        client.change("support.duly", version, {"text": text + "flub\n" * version})
    assert len(client.told("support.duly", 11)) == 11
    versions = client.diagnostics[client.uri("support.duly")]["version"]
    assert versions == 11


@pytest.mark.parametrize(("encodings", "length"), [(None, 2), (["utf-8", "utf-16"], 4), (["utf-32"], 1), (["utf-16"], 2)])
def test_positions_are_counted_as_the_client_wants(
    tmp_path: Path, start: Start, encodings: list[str] | None, length: int
) -> None:
    (tmp_path / "w").mkdir()
    client = start(tmp_path / "w", encodings=encodings)
    assert client.server["capabilities"]["positionEncoding"] == (encodings or ["utf-16"])[0]
    text = 'team "😀😀" {\n  members ana\n}\n\nteam "😀" { flub\n'
    client.open("a.duly", text)
    found = client.told("a.duly", 1)
    assert found
    (place,) = client.at("definition", "a.duly", 0, 6)
    assert place["range"] == _at(0, 5, 0, 7 + 2 * length)
    client.change("a.duly", 2, {"range": _at(0, 6 + length, 0, 6 + 2 * length), "text": "é"})
    (symbol, *_) = client.of("documentSymbol", "a.duly")
    assert symbol["name"] == "😀é"


def test_formatting_and_fixing_all(tmp_path: Path, start: Start) -> None:
    (tmp_path / "w").mkdir()
    client = start(tmp_path / "w", documents=False)
    text = 'calendar "Offi😀" {\ntiem   zone "Europe/Lisbon" # 😀\n    open monday to fryday 09:00-17:00\n}\n'
    client.open("a.duly", text)
    assert {each["code"] for each in client.told("a.duly")} == {"E0102"}
    edits = client.of("formatting", "a.duly", options={"tabSize": 2, "insertSpaces": True})
    assert applied(text, edits).split("\n")[1] == '  tiem zone "Europe/Lisbon"  # 😀'
    whole = _at(0, 0, 3, 0)
    context = {"diagnostics": [], "only": ["source.fixAll"]}
    (action,) = client.of("codeAction", "a.duly", range=whole, context=context)
    assert action["kind"] == "source.fixAll.duly"
    client.change("a.duly", 2, {"text": applied(text, action["edit"]["changes"][client.uri("a.duly")])})
    assert client.told("a.duly", 2) == []


def test_texts_are_in_the_language_of_the_editor(tmp_path: Path, start: Start) -> None:
    (tmp_path / "w").mkdir()
    client = start(tmp_path / "w", locale="pt-br")
    client.open("a.duly", "tiem zone\n")
    (problem,) = client.told("a.duly")
    assert "não" in problem["message"]


def test_a_buffer_that_is_no_file_is_a_workspace_of_its_own(desk: Path, start: Start) -> None:
    client = start(desk)
    document = {"uri": "untitled:Untitled-1", "languageId": "duly", "version": 1, "text": 'team "T" {\n'}
    client.tell("textDocument/didOpen", textDocument=document)
    client.open("support.duly")
    assert client.told("support.duly") == []
    found = client.diagnostics["untitled:Untitled-1"]["diagnostics"]
    assert "E0109" in {each["code"] for each in found}
    found = client.ask("textDocument/documentSymbol", textDocument={"uri": "untitled:Untitled-1"})
    assert [each["name"] for each in found] == ["T"]
    client.tell("textDocument/didClose", textDocument={"uri": "untitled:Untitled-1"})
    assert client.ask("workspace/symbol", query="t")
    assert client.diagnostics["untitled:Untitled-1"]["diagnostics"] == []


def test_nonsense_does_not_end_it(desk: Path, start: Start) -> None:
    client = start(desk)
    client.send(b"{not json")
    client.send(json.dumps({"jsonrpc": "2.0", "id": "x", "method": "flub/flub"}).encode())
    client.send(json.dumps({"jsonrpc": "2.0", "method": "textDocument/didChange", "params": {"flub": 1}}).encode())
    with pytest.raises(Failed):
        client.ask("textDocument/hover", flub=1)
    assert client.at("hover", "nowhere.duly", 0, 0) is None
    assert client.of("documentSymbol", "nowhere.duly") == []
    client.open("support.duly", "\ufffd\x00 \r \u2028 {{{ \ud83d\n")
    assert client.told("support.duly")
    assert client.at("completion", "support.duly", 99, 99)["items"] == []
    client.open("people.duly")
    assert client.of("documentSymbol", "people.duly")
    assert client.leave() == 0
    assert any(b"duly lsp" in line for line in client.errors)


# --- parts


def test_a_debounce_runs_the_last_call_only() -> None:
    class Later:
        def __init__(self, delay: float, action: Callable[[], None]) -> None:
            self.delay, self.action, self.cancelled = delay, action, False

        def cancel(self) -> None:
            self.cancelled = True

    later: list[Later] = []
    done: list[str] = []

    def schedule(delay: float, action: Callable[[], None]) -> Later:
        later.append(Later(delay, action))
        return later[-1]

    debounce = Debounce(schedule)
    debounce.call("a", 0.15, lambda: done.append("first"))
    debounce.call("b", 0.15, lambda: done.append("other"))
    debounce.call("a", 0.15, lambda: done.append("second"))
    assert [each.cancelled for each in later] == [True, False, False]
    for each in later:
        if not each.cancelled:
            each.action()
    assert done == ["other", "second"]
    debounce.call("a", 0, lambda: done.append("third"))
    debounce.cancel_all()
    assert later[-1].cancelled


def test_units_of_positions() -> None:
    line = "aé😀b"
    assert [units(line, each) for each in ("utf-8", "utf-16", "utf-32")] == [8, 5, 4]
    assert [points(line, 5, each) for each in ("utf-8", "utf-16", "utf-32")] == [2, 4, 4]
    assert points(line, 99, "utf-16") == 4


def test_every_kind_of_thing_has_a_word_and_a_symbol() -> None:
    assert {*names.DEFINES.values(), "tag"} == describe.KINDS.keys()
    assert set(index.KINDS.values()) == SYMBOLS.keys()


def test_the_workspace_of_a_file_is_the_topmost_folder_with_rule_files(tmp_path: Path) -> None:
    for name in ("one/a.duly", "one/deep/b.duly", "two/x/c.duly"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    folders = Folders(lambda sources: (), lambda sources: None)  # type: ignore[arg-type,return-value]
    folders.roots = [tmp_path]
    folder, path = folders.of((tmp_path / "one" / "deep" / "b.duly").as_uri())
    assert (folder.root, path) == (tmp_path / "one", "deep/b.duly")
    assert [source.path for source in folder.sources()] == ["a.duly", "deep/b.duly"]
    assert folders.of((tmp_path / "two" / "x" / "c.duly").as_uri())[0].root == tmp_path / "two" / "x"
    assert folders.of((tmp_path.parent / "else.duly").as_uri())[0].root == tmp_path.parent
