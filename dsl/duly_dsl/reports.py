"""Problems as other tools read them: SARIF 2.1.0, and the code quality reports of GitLab. The same problems always give the
same bytes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from duly_dsl.catalogue import Kind, every
from duly_dsl.diagnostics import Diagnostic, Fix, Severity
from duly_dsl.render import Words
from duly_dsl.source import Span

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
ROOT = "%SRCROOT%"
"""What SARIF calls the folder paths are relative to."""


def sarif(
    problems: Sequence[Diagnostic], texts: Mapping[str, str], *, version: str = "", language: str | None = None
) -> str:
    """A SARIF log with one run: a rule for each code found, a result for each problem, with its fixes. `texts` are the
    files by path; `version` is Duly's."""
    words = Words(language)
    codes = sorted({problem.code for problem in problems})
    places = {code: number for number, code in enumerate(codes)}
    marks = fingerprints(problems, texts)
    results = [_result(problem, places[problem.code], mark, words) for problem, mark in zip(problems, marks, strict=True)]
    kinds = every()
    driver: dict[str, Any] = {"name": "duly", "rules": [_rule(kinds[code], words) for code in codes]}
    if version:
        driver["version"] = version
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {ROOT: {"description": {"text": "the folder duly was started in"}}},
        "results": results,
    }
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, ensure_ascii=False, indent=2)


def gitlab(problems: Sequence[Diagnostic], texts: Mapping[str, str], *, language: str | None = None) -> str:
    """A code quality report: a list of issues with a fingerprint each."""
    words = Words(language)
    found = [
        {
            "description": words.message(problem),
            "check_name": f"{problem.code} {problem.name}",
            "fingerprint": mark,
            "severity": "major" if problem.severity is Severity.ERROR else "minor",
            "location": {"path": problem.span.path, "lines": {"begin": max(problem.span.line, 1)}},
        }
        for problem, mark in zip(problems, fingerprints(problems, texts), strict=True)
    ]
    return json.dumps(found, ensure_ascii=False, indent=2)


def fingerprints(problems: Sequence[Diagnostic], texts: Mapping[str, str]) -> list[str]:
    """What tells each problem from the others and stays the same while lines move: its code, its file and its line's words,
    and how many like it came before."""
    found: list[str] = []
    seen: dict[str, int] = {}
    lines: dict[str, list[str]] = {}
    for problem in problems:
        span = problem.span
        if span.path not in lines:
            lines[span.path] = texts.get(span.path, "").replace("\r\n", "\n").replace("\r", "\n").split("\n")
        line = lines[span.path][span.line - 1] if 0 < span.line <= len(lines[span.path]) else ""
        said = "\0".join((problem.code, span.path, " ".join(line.split()), problem.message))
        count = seen[said] = seen.get(said, 0) + 1
        found.append(hashlib.sha256(f"{said}\0{count}".encode("utf-8", "replace")).hexdigest()[:32])
    return found


def _rule(kind: Kind, words: Words) -> dict[str, Any]:
    explained = words.gettext(kind.explanation)
    title = kind.name.replace("-", " ")
    return {
        "id": kind.code,
        "name": "".join(word.capitalize() for word in kind.name.split("-")),
        "shortDescription": {"text": f"{kind.code} {title}"},
        "fullDescription": {"text": explained.split("\n\n")[0]},
        "help": {
            "text": f"{explained}\n\n{kind.example}",
            "markdown": f"{explained}\n\n```duly\n{kind.example.rstrip()}\n```\n\n`duly explain {kind.code}`",
        },
        "defaultConfiguration": {"level": kind.severity.value},
    }


def _result(problem: Diagnostic, rule: int, mark: str, words: Words) -> dict[str, Any]:
    said = _sentence(words.message(problem))
    if mended := words.help(problem):
        said += " " + _sentence(mended)
    found: dict[str, Any] = {
        "ruleId": problem.code,
        "ruleIndex": rule,
        "level": problem.severity.value,
        "message": {"text": said},
        "locations": [{"physicalLocation": _place(problem.span)}],
        "partialFingerprints": {"duly/v1": mark},
    }
    if problem.related:
        found["relatedLocations"] = [
            {"id": number, "message": {"text": words.note(problem, note)}, "physicalLocation": _place(span)}
            for number, (span, note) in enumerate(problem.related, 1)
        ]
    if problem.fixes:
        found["fixes"] = [_fix(fix, words.title(problem, fix)) for fix in problem.fixes]
    return found


def _fix(fix: Fix, title: str) -> dict[str, Any]:
    replacement: dict[str, Any] = {"deletedRegion": _region(fix.span)}
    if fix.text:
        replacement["insertedContent"] = {"text": fix.text}
    return {
        "description": {"text": _sentence(title)},
        "artifactChanges": [{"artifactLocation": _file(fix.span.path), "replacements": [replacement]}],
    }


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}" + ("" if text.endswith(".") else ".")


def _place(span: Span) -> dict[str, Any]:
    return {"artifactLocation": _file(span.path), "region": _region(span)}


def _file(path: str) -> dict[str, str]:
    if path.startswith("/"):
        return {"uri": "file://" + quote(path)}
    return {"uri": quote(path), "uriBaseId": ROOT}


def _region(span: Span) -> dict[str, int]:
    line, column = max(span.line, 1), max(span.column, 1)
    return {
        "startLine": line,
        "startColumn": column,
        "endLine": max(span.end_line, line),
        "endColumn": max(span.end_column, 1),
    }
