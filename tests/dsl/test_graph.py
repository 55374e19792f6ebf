"""The rule graph: what it holds, and the picture: nothing overlaps, everything is escaped, the same files give the same."""

from __future__ import annotations

import itertools
import json
import random
import xml.etree.ElementTree as xml
from pathlib import Path

import pytest

from duly_dsl import workspace
from duly_dsl.build import build
from duly_dsl.graph import ANY, Graph, dot, graphs, svg
from duly_dsl.graph.layout import Arrow, Box, lay_out
from duly_dsl.program import Program
from duly_dsl.source import SourceFile
from duly_platform.cli import main

EXAMPLE = Path(__file__).parents[2] / "examples" / "support_desk"

HEAD = """calendar "Office" {
  time zone "UTC"
  open monday to friday 09:00-17:00
}

person ana {
  name "Ana"
}

"""


def program_of(*pipelines: str) -> Program:
    built = build([SourceFile("a.duly", HEAD + "\n".join(pipelines))])
    assert built.program is not None, [problem.message for problem in built.diagnostics]
    return built.program


def long_pipeline(stages: int = 12) -> str:
    """Stages in a row, with ways ahead and back."""
    parts = ['pipeline "Long" {\n  calendar "Office"\n']
    for n in range(stages):
        following = [f'"Stage {m}"' for m in (n + 1, n + 3, n - 4) if 0 <= m < stages]
        start = "    start\n" if n == 0 else ""
        end = "    finish\n" if n == stages - 1 else f"    next {', '.join(following)}\n    leave stage within {n + 1}h\n"
        parts.append(f'  stage "Stage {n}" {{\n{start}{end}  }}\n')
    parts.append('  rule "Call the engineers back in" {\n    when customer replies and stage is "Stage 9"\n')
    parts.append('    then move to "Stage 2"\n  }\n}\n')
    return "".join(parts)


def example() -> Program:
    program = build(workspace.load([EXAMPLE])).program
    assert program is not None
    return program


def test_the_example_holds_every_move():
    (graph,) = graphs(example())
    moves = {(move.source, move.target, move.kind, move.label) for move in graph.moves if move.kind != "next"}
    assert moves == {
        ("Waiting for customer", "In progress", "resume", "when customer replies"),
        ("Waiting for customer", "Done", "silence", "after 5 calendar days of silence"),
        ("Done", "In progress", "reopen", "reopen within 7 calendar days"),
    }
    assert ("New", "Triage", 24) in {(move.source, move.target, move.line) for move in graph.moves}
    assert [ladder.name for ladder in graph.ladders] == ["Late reply", "Stuck"]
    assert [(level.after, level.actions, level.repeat) for level in graph.ladders[0].levels][2] == (
        "after 2h",
        "notify manager by email then raise priority",
        "every 1h at most 3 times",
    )
    assert [(rule.name, rule.mode) for rule in graph.rules][-1] == ("Old and unanswered", "shadow")


def test_rules_and_levels_move_from_where_they_can():
    body = """pipeline "P" {
  calendar "Office"
  stage "A" {
    start
    next "B"
    leave stage within 1h
  }
  stage "B" {
    next "C"
    leave stage within 1h
  }
  stage "C" {
    finish
  }
  escalation "E" {
    when leave stage is missed
    level 1 at once move to "B"
  }
  rule "Everywhere" {
    when customer replies and message contains "stop"
    then move to "C"
  }
  rule "Only in A" {
    when customer replies and stage is "A"
    then move to "B"
  }
  rule "Not now" off {
    when customer replies and stage is "B"
    then move to "A"
  }
}
"""
    (graph,) = graphs(program_of(body))
    assert {(move.source, move.target, move.label) for move in graph.moves if move.label} == {
        (ANY, "B", "E, level 1"),
        (ANY, "C", "Everywhere"),
        ("A", "B", "Only in A"),
    }


def overlapping(boxes: list[Box]) -> list[tuple[Box, Box]]:
    return [
        (a, b)
        for a, b in itertools.combinations(boxes, 2)
        if a.x < b.x + b.width and b.x < a.x + a.width and a.y < b.y + b.height and b.y < a.y + a.height
    ]


def crossed(arrow: Arrow, boxes: list[Box]) -> list[Box]:
    """Boxes between the bends of an arrow: it runs straight through layers, and curves only between them."""
    found: list[Box] = []
    for (x, y), (nx, ny) in itertools.pairwise(arrow.points):
        for box in boxes:
            inside = y < box.y + box.height - 0.2 and box.y < ny - 0.2
            if inside and min(x, nx) < box.x + box.width and box.x < max(x, nx) + 0.01:
                found.append(box)
    return found


@pytest.mark.parametrize("seed", range(25))
def test_nothing_overlaps_whatever_the_graph(seed: int):
    chance = random.Random(seed)
    boxes = [Box(chance.uniform(60, 260), chance.uniform(30, 110)) for _ in range(chance.randint(1, 14))]
    pairs = {(chance.randrange(len(boxes)), chance.randrange(len(boxes))) for _ in range(2 * len(boxes))}
    arrows = [
        Arrow(a, b, Box(chance.uniform(40, 200), 19) if chance.random() < 0.5 else Box(2, 0))
        for a, b in sorted(pairs)
        if a != b
    ]
    width, height = lay_out(boxes, arrows)
    labels = [arrow.label for arrow in arrows if arrow.label.width > 2]
    assert overlapping([*boxes, *labels]) == []
    for box in boxes:
        assert box.x >= 0 and box.x + box.width <= width + 0.2 and box.y >= 0 and box.y + box.height <= height + 0.2
    for arrow in arrows:
        assert crossed(arrow, [box for box in boxes if box not in (boxes[arrow.source], boxes[arrow.target])]) == []
        assert crossed(arrow, [label for label in labels if label is not arrow.label]) == []
        assert all(below[1] >= above[1] - 0.2 for above, below in itertools.pairwise(arrow.points))


def texts(picture: str) -> list[str]:
    return ["".join(each.itertext()) for each in xml.fromstring(picture).iter("{http://www.w3.org/2000/svg}text")]


def test_a_long_pipeline_is_drawn_whole():
    picture = svg.draw(graphs(program_of(long_pipeline())))
    shown = texts(picture)
    assert [text for text in shown if text.startswith("Stage ")] == [
        "Stage 0 (starts here)",
        *(f"Stage {n}" for n in range(1, 11)),
        "Stage 11 (ends here)",
    ]
    assert "Call the engineers back in" in shown and "leave stage 11h" in shown


def test_names_are_escaped_everywhere():
    body = long_pipeline(3).replace('"Stage 1"', "\"<script>&amp; '1'\"").replace('"Long"', '"]]> -->"')
    program = program_of(body.replace('stage is "Stage 9"', 'stage is "Stage 0"'))
    picture = svg.draw(graphs(program))
    assert "<script" not in picture
    assert "<script>&amp; '1'" in texts(picture)
    text = dot.write(graphs(program))
    assert text.count("\"0/<script>&amp; '1'\"") > 1
    assert dot.quoted('a"b\\c\nd') == '"a\\"b\\\\c\\nd"'


def test_long_words_are_cut_and_whole_in_the_title():
    name = "A very long name of a stage that nobody could ever read in a box of a graph"
    picture = svg.draw(graphs(program_of(long_pipeline(3).replace("Stage 1", name).replace("Stage 9", "Stage 0"))))
    assert f"<title>{name}</title>" in picture


def test_the_same_files_give_the_same_and_stored_programs_too():
    program = example()
    again = Program.decode(program.encode())
    for show in (svg.draw, dot.write):
        assert show(graphs(program)) == show(graphs(again))
    assert "url(" not in svg.draw(graphs(program)) and "href" not in svg.draw(graphs(program))


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["graph", str(EXAMPLE), "--format", "json"]) == 0
    (told,) = json.loads(capsys.readouterr().out)
    assert (told["pipeline"], told["calendar"], len(told["stages"])) == ("Customer support", "São Paulo office", 5)
    assert told["stages"][0]["promises"][0]["rows"][0] == ["priority is urgent", "15m"]
    assert main(["graph", str(EXAMPLE), "-o", str(tmp_path / "graph.svg")]) == 0
    assert xml.parse(tmp_path / "graph.svg").getroot().tag.endswith("svg")
    assert main(["graph", str(EXAMPLE), "--format", "dot", "--pipeline", "Customer support"]) == 0
    assert capsys.readouterr().out.startswith("digraph duly {")


def test_what_the_command_refuses(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["graph", str(EXAMPLE), "--pipeline", "Customer suport"]) == 2
    assert "did you mean `Customer support`?" in capsys.readouterr().err
    (tmp_path / "a.duly").write_text(HEAD, encoding="utf-8")
    assert main(["graph", str(tmp_path)]) == 2
    assert "no pipeline" in capsys.readouterr().err
    (tmp_path / "a.duly").write_text("nonsense", encoding="utf-8")
    assert main(["graph", str(tmp_path)]) == 1
    assert "a.duly:1" in capsys.readouterr().err
    assert main(["graph", str(EXAMPLE), "-o", str(tmp_path / "no" / "graph.svg")]) == 2


def test_several_pipelines_are_below_one_another():
    other = long_pipeline(3).replace('"Long"', '"Short"').replace("Stage 9", "Stage 0")
    found = graphs(program_of(long_pipeline(), other))
    assert [graph.pipeline for graph in found] == ["Long", "Short"]
    assert isinstance(found[0], Graph)
    picture = svg.draw(found)
    assert picture.count('class="title"') == 2


def test_what_a_missed_promise_does_is_drawn_apart_from_ways_back_and_what_nothing_leads_to() -> None:
    program = program_of(
        'pipeline "P" {\n  calendar "Office"\n  stage "A" {\n    start\n    next "B"\n    leave stage within 1h\n  }\n'
        '  stage "B" {\n    next "A", "C"\n    leave stage within 1h\n  }\n  stage "C" {\n    finish\n  }\n'
        '  stage "Late" {\n    next "C"\n    leave stage within 2h\n  }\n'
        '  stage "Lost" {\n    next "C"\n    leave stage within 2h\n  }\n'
        '  rule "R" {\n    when leave stage is missed and stage is "B"\n    then move to "Late"\n  }\n}\n'
    )
    (found,) = graphs(program)
    assert found.unreachable() == {"Lost"}
    assert [(move.source, move.target) for move in found.moves if move.breach] == [("B", "Late")]
    picture = svg.draw([found])
    assert picture.count('class="arrow breach"') == 2  # around its label
    assert picture.count('class="arrow back"') == 1
    assert picture.count('class="box unreached"') == 1
    assert "Lost (nothing leads here)" in picture


def test_in_a_page_stages_are_links_and_the_style_is_the_page_s() -> None:
    (found,) = graphs(example())
    page = svg.Page(lambda stage: f"/at?{stage.line}&x", {("Customer support", "New"): ["3 <cards>"]}, "A & B")
    drawn = svg.draw([found], page=page)
    root = xml.fromstring(drawn)
    links = root.findall(".//{http://www.w3.org/2000/svg}a")
    assert [link.get("href") for link in links] == [f"/at?{stage.line}&x" for stage in found.stages]
    assert "".join(links[0].itertext()).endswith("3 <cards>")
    assert root.get("aria-label") == "A & B"
    assert "<style>" not in drawn and "Escalation" not in drawn
