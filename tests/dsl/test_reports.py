"""Problems as SARIF and as GitLab's code quality report."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from duly_dsl import reports
from duly_dsl.build import build
from duly_dsl.catalogue import every
from duly_dsl.services import edits
from duly_dsl.source import SourceFile, Span
from duly_platform.cli import main

SHAPES: dict[str, tuple[set[str], dict[str, str]]] = {
    "log": ({"version", "runs"}, {"runs": "run"}),
    "run": ({"tool"}, {"tool": "tool", "results": "result", "originalUriBaseIds": "", "columnKind": ""}),
    "tool": ({"driver"}, {"driver": "driver"}),
    "driver": ({"name"}, {"rules": "rule", "version": "", "name": ""}),
    "rule": (
        {"id"},
        {
            "id": "",
            "name": "",
            "shortDescription": "multi",
            "fullDescription": "multi",
            "help": "multi",
            "defaultConfiguration": "configuration",
        },
    ),
    "configuration": (set(), {"level": ""}),
    "multi": ({"text"}, {"text": "", "markdown": ""}),
    "message": ({"text"}, {"text": ""}),
    "result": (
        {"message"},
        {
            "ruleId": "",
            "ruleIndex": "",
            "level": "",
            "message": "message",
            "locations": "location",
            "relatedLocations": "location",
            "fixes": "fix",
            "partialFingerprints": "",
        },
    ),
    "location": (set(), {"id": "", "message": "message", "physicalLocation": "place"}),
    "place": ({"artifactLocation"}, {"artifactLocation": "file", "region": "region"}),
    "file": (set(), {"uri": "", "uriBaseId": ""}),
    "region": (set(), {"startLine": "", "startColumn": "", "endLine": "", "endColumn": ""}),
    "fix": ({"artifactChanges"}, {"description": "message", "artifactChanges": "change"}),
    "change": ({"artifactLocation", "replacements"}, {"artifactLocation": "file", "replacements": "replacement"}),
    "replacement": ({"deletedRegion"}, {"deletedRegion": "region", "insertedContent": "message"}),
}
"""Objects of SARIF 2.1.0: the properties that must be there, and those that may, with their objects."""


def check(value: Any, shape: str = "log") -> None:
    """Whether a log keeps to the schema, as far as it is written here."""
    required, known = SHAPES[shape]
    assert isinstance(value, dict)
    assert required <= value.keys() <= {*known, *required, "$schema"}, (shape, value.keys())
    for key, inner in value.items():
        if not known.get(key):
            continue
        for each in inner if isinstance(inner, list) else [inner]:
            check(each, known[key])
    if shape == "region":
        assert all(isinstance(number, int) and number >= 1 for number in value.values())
        assert (value["startLine"], value["startColumn"]) <= (value["endLine"], value["endColumn"])
    if "level" in value:
        assert value["level"] in ("none", "note", "warning", "error")
    if shape == "change":
        assert value["replacements"]


@pytest.mark.parametrize("kind", every().values(), ids=lambda kind: kind.code)
def test_the_problem_of_every_code_is_sound_sarif(kind: Any) -> None:
    text = kind.example
    problems = build([SourceFile("a folder/é.duly", text)]).diagnostics
    written = reports.sarif(problems, {"a folder/é.duly": text}, version="1.2.3", language="en")
    log = json.loads(written)
    check(log)
    (run,) = log["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert len(run["results"]) == len(problems)
    for result, problem in zip(run["results"], problems, strict=True):
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"] == problem.code
        assert result["level"] == problem.severity.value
        assert len(result.get("fixes", [])) == len(problem.fixes)
        assert result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "a%20folder/%C3%A9.duly"
    assert len({result["partialFingerprints"]["duly/v1"] for result in run["results"]}) == len(problems)
    assert reports.sarif(problems, {"a folder/é.duly": text}, version="1.2.3", language="en") == written


def test_a_fix_of_sarif_mends_the_file() -> None:
    text = 'calendar "Office" {\n  tiem zone "Europe/Lisbon"\n  open monday 09:00-17:00\n}\n'
    problems = build([SourceFile("a.duly", text)]).diagnostics
    log = json.loads(reports.sarif(problems, {"a.duly": text}, language="en"))
    (result,) = log["runs"][0]["results"]
    assert result["message"]["text"].startswith("`tiem` is no word")
    (replacement,) = result["fixes"][0]["artifactChanges"][0]["replacements"]
    region = replacement["deletedRegion"]
    span = Span("a.duly", region["startLine"], region["startColumn"], region["endLine"], region["endColumn"])
    assert "time zone" in edits.apply(text, [edits.Edit(span, replacement["insertedContent"]["text"])])


def test_a_problem_is_known_again_when_lines_move() -> None:
    text = 'calendar "Office" {\n  tiem zone "Europe/Lisbon"\n}\nflub\nflub\n'
    before = build([SourceFile("a.duly", text)]).diagnostics
    after = build([SourceFile("a.duly", "# new\n\n" + text)]).diagnostics
    assert reports.fingerprints(before, {"a.duly": text}) == reports.fingerprints(after, {"a.duly": "# new\n\n" + text})
    assert len(set(reports.fingerprints(before, {"a.duly": text}))) == len(before)


def test_the_command_writes_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.duly").write_text('team "A" {\n  membrs ana\n}\n')
    assert main(["check", "--format", "sarif"]) == 1
    log = json.loads(capsys.readouterr().out)
    check(log)
    assert log["runs"][0]["tool"]["driver"]["version"]
    assert {result["ruleId"] for result in log["runs"][0]["results"]} >= {"E0102"}
    assert main(["check", "--format", "gitlab"]) == 1
    issue = json.loads(capsys.readouterr().out)[0]
    assert (issue["location"], issue["severity"]) == ({"path": "a.duly", "lines": {"begin": 2}}, "major")
    assert issue["check_name"] == "E0102 misspelt-word" and len(issue["fingerprint"]) == 32
    (tmp_path / "a.duly").write_text('team "A" {\n  members ana\n}\n')
    assert main(["check", "--format", "sarif"]) == 0
    assert json.loads(capsys.readouterr().out)["runs"][0]["results"] == []
    assert main(["check", "--format", "gitlab"]) == 0
    assert json.loads(capsys.readouterr().out) == []


def test_files_elsewhere_have_an_address_of_their_own() -> None:
    text = "flub\n"
    (problem,) = build([SourceFile("a.duly", text)]).diagnostics
    log = json.loads(reports.sarif([problem.under("/srv/rules/")], {}, language="en"))
    place = log["runs"][0]["results"][0]["locations"][0]["physicalLocation"]
    assert place["artifactLocation"] == {"uri": "file:///srv/rules/a.duly"}
