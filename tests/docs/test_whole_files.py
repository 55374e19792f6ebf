"""The workspaces of the cookbook and the tutorial have no problems, are laid out as by `duly fmt`, and pass their tests."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from duly_connectors.registry import kinds
from duly_dsl.build import build
from duly_dsl.formatter import format as laid_out
from duly_dsl.parser import parse
from duly_dsl.source import SourceFile
from duly_platform import knowledge
from duly_runtime.scenario.run import Runner

DOCS = Path(__file__).parents[2] / "docs"
SECTION = re.compile(r"^## (?P<title>.+?)$(?P<body>.*?)(?=^## |\Z)", re.M | re.S)
BLOCK = re.compile(r"^```duly\n(.*?)^```$", re.M | re.S)


def sections(name: str) -> list[tuple[str, str]]:
    """The sections that hold a workspace, with its text."""
    text = (DOCS / name).read_text(encoding="utf-8")
    return [(match["title"], block) for match in SECTION.finditer(text) for block in BLOCK.findall(match["body"])]


PAGES = [
    pytest.param(text, id=f"{page}: {title}") for page in ("cookbook.md", "tutorial.md") for title, text in sections(page)
]


@pytest.mark.parametrize("text", PAGES)
def test_a_workspace_is_sound_and_passes_its_tests(text: str) -> None:
    source = SourceFile("page.duly", text)
    built = build([source], knowledge.environment([text], kinds=kinds()))
    assert [problem.message for problem in built.diagnostics] == []
    assert built.program is not None
    assert laid_out(text) == text
    runner = Runner(built.program, [parse(source).file], [source])
    results = [runner.run(test) for test in parse(source).file.tests]
    assert [(result.name, failure.instead) for result in results for failure in result.failures] == []
    assert all(result.expectations for result in results)


def test_each_policy_of_the_cookbook_is_tested() -> None:
    policies = sections("cookbook.md")
    assert len(policies) == 12
    assert all(re.search(r"^test \"", text, re.M) for _, text in policies)


def test_the_table_of_the_cookbook_leads_to_each_policy() -> None:
    text = (DOCS / "cookbook.md").read_text(encoding="utf-8")
    linked = re.findall(r"^\| \[(.+?)\]\(#.+?\) \|", text, re.M)
    assert linked == [title for title, _ in sections("cookbook.md")]
