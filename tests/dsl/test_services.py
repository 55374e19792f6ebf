"""What editors ask of rule files, on the example workspace and broken versions of it."""

from __future__ import annotations

import re
import types
import typing
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsl.mutations import TEXT, shaken
from duly_connectors.registry import kinds
from duly_dsl import syntax as s
from duly_dsl import workspace
from duly_dsl.build import build
from duly_dsl.formatter import format as laid_out
from duly_dsl.parser import parse
from duly_dsl.parsing import grammar, lexing
from duly_dsl.parsing.engine import Automaton, Engine
from duly_dsl.parsing.nodes import NodeBuilder
from duly_dsl.program import Environment
from duly_dsl.services import constructs, edits, names, outline, surroundings
from duly_dsl.services.completion import Completion, complete
from duly_dsl.services.hover import hover
from duly_dsl.services.index import Index, Place
from duly_dsl.services.rename import Refused, rename, target
from duly_dsl.source import SourceFile, Span

DESK = Path(__file__).parents[2] / "examples" / "support_desk"
SOURCES = workspace.load([DESK])
INDEX = Index(SOURCES)


def place_of(needle: str, path: str = "support.duly", index: Index = INDEX) -> Place:
    """Where `¦` is in the first line that holds the needle."""
    text = index.sources[path].text
    before, _, after = needle.partition("¦")
    offset = text.index(before + after) + len(before)
    line = text.count("\n", 0, offset) + 1
    return Place(path, line, offset - text.rfind("\n", 0, offset))


def typing_at(old: str, new: str, path: str = "support.duly") -> tuple[Index, Place]:
    """The workspace with a piece of a file written anew, and the place of `¦` in it."""
    sources = [
        msgspec.structs.replace(source, text=source.text.replace(old, new.replace("¦", ""), 1))
        if source.path == path
        else source
        for source in SOURCES
    ]
    offset = INDEX.sources[path].text.index(old) + new.index("¦")
    index = Index(sources)
    text = index.sources[path].text
    line = text.count("\n", 0, offset) + 1
    return index, Place(path, line, offset - text.rfind("\n", 0, offset))


def offered(old: str, new: str, path: str = "support.duly") -> dict[str, Completion]:
    index, place = typing_at(old, new, path)
    return {each.text: each for each in complete(index, place)}


# --- tables held complete


def _holds_names(annotation: object) -> bool:
    wanted = {s.Name, s.Text, s.Value}
    if annotation in wanted:
        return True
    inner = typing.get_args(annotation) if isinstance(annotation, types.UnionType) or typing.get_args(annotation) else ()
    return any(_holds_names(each) for each in inner)


def test_every_name_and_text_of_the_tree_has_a_meaning() -> None:
    nodes = [each for each in vars(s).values() if isinstance(each, type) and issubclass(each, s.Node)]
    holding = {
        (node, field)
        for node in nodes
        for field, annotation in typing.get_type_hints(node).items()
        if _holds_names(annotation) and field in node.__struct_fields__
    }
    told = {*names.DEFINES, *names.MEANS, *names.PROSE}
    assert len(holding) > 60
    assert holding - told == set()
    assert {pair for pair in told if pair[1] not in pair[0].__struct_fields__} == set()
    assert not (names.DEFINES.keys() & names.MEANS.keys() or names.PROSE & (names.DEFINES.keys() | names.MEANS.keys()))


def test_every_statement_is_documented() -> None:
    """Each rule that ends a line, and each keyword: by a rule that begins with it or holds it."""
    tables = grammar.tables()
    statements = set()
    for state in tables.actions:
        for action in state.values():
            if action < 0:
                rule = tables.rules[~action]
                if not rule.inline and rule.name not in ("start", "table", "row"):
                    statements.add(rule.name)
    lines = {name for name in statements if re.search(rf"(?m)^!?\??{name}\b.*(?:_NL|_close|table)$", grammar.source())}
    assert len(lines) > 50
    assert sorted(lines - constructs.TABLE.keys()) == []
    words = " ".join(each.form + " " + each.example for each in constructs.TABLE.values())
    said = set(re.findall(r"[a-z]+(?:/[a-z]+)?", words))
    months_and_days = set(
        re.findall(r'"([a-z]+)"', " ".join(re.findall(r"(?ms)^!(?:weekday|month):.*?\n\n?(?=\w|_)", grammar.source())))
    )
    unclear = {tables.literals[token] for token in constructs.UNCLEAR}
    assert sorted(set(tables.keywords) - said - unclear - months_and_days - {"time", "day"}) == []


class _Noting(NodeBuilder):
    """Also notes the rules it builds."""

    def __init__(self) -> None:
        super().__init__("a.duly")
        self.built: set[str] = set()

    def build(self, name: str, span: Span, parts: list[typing.Any]) -> typing.Any:
        self.built.add(name)
        return super().build(name, span, parts)


AROUND = {
    "": "{}",
    "pipeline": 'pipeline "P" {{\n{}\n}}',
    "stage": 'pipeline "P" {{\nstage "S" {{\n{}\n}}\n}}',
    "rule": 'pipeline "P" {{\nrule "R" {{\n{}\n}}\n}}',
    "clock": 'pipeline "P" {{\nclock "C" {{\n{}\n}}\n}}',
    "escalation": 'pipeline "P" {{\nescalation "E" {{\n{}\n}}\n}}',
    "person": "person ana {{\n{}\n}}",
    "send limits": "send limits {{\n{}\n}}",
    "connector": 'connector "C" receives webhook {{\n{}\n}}',
    "list": 'template "T" {{\nlist "en" "Choose" {{\n{}\n}}\n}}',
}


@pytest.mark.parametrize("rule", constructs.TABLE)
def test_the_example_of_a_construct_is_one(rule: str) -> None:
    construct = constructs.TABLE[rule]
    around = AROUND.get(construct.part, construct.part + ' "X" {{\n{}\n}}')
    lines, problems = lexing.lines("a.duly", around.format(construct.example) + "\n")
    builder = _Noting()
    Engine(Automaton("a.duly", grammar.tables(), builder), builder.problems, layout=False).run(lines)
    assert [problem.message for problem in [*problems, *builder.problems]] == []
    assert rule in builder.built


# --- names


def test_definitions_and_references_cross_files() -> None:
    (defined,) = INDEX.definition(place_of('owner team "Fr¦ont desk"'))
    assert (defined.path, SOURCES[1].path) == ("people.duly", "doors.duly")
    found = INDEX.references(place_of('owner team "Fr¦ont desk"'))
    assert {span.path for span in found} == {"people.duly", "support.duly"}
    assert len(found) == 5
    assert len(INDEX.references(place_of('owner team "Fr¦ont desk"'), definitions=False)) == 4


@pytest.mark.parametrize(
    ("needle", "path", "kind", "count"),
    [
        ('stage "Tri¦age"', "support.duly", "stage", 2),
        ('calendar "São Pau¦lo office"', "support.duly", "calendar", 5),
        ("agent an¦a", "support.duly", "person", 0),
        ("tier is go¦ld", "support.duly", "choice", 0),
        ('"Refund am¦ount" > 500', "support.duly", "field", 3),
        ("set priority to hi¦gh", "support.duly", "priority", 0),
        ("set type to compl¦aint", "support.duly", "type", 2),
        ('then send "Welcome V¦IP"', "support.duly", "template", 3),
        ('call "Shop ev¦ents"', "support.duly", "connector", 2),
        ('level 1 of "Late re¦ply"', "support.tests.duly", "escalation", 3),
        ('expect tag "vi¦p"', "support.tests.duly", "tag", 2),
        ('rule "VIP goes f¦irst"', "support.duly", "rule", 1),
        ('with "Ti¦er" gold', "support.tests.duly", "field", 0),
        ('| "Ti¦er" ', "doors.duly", "field", 0),
        ('open card in "Customer s¦upport"', "doors.duly", "pipeline", 3),
    ],
)
def test_a_name_is_known_by_its_kind(needle: str, path: str, kind: str, count: int) -> None:
    mention = INDEX.at(place_of(needle, path))
    assert mention is not None and mention.symbol.kind == kind
    (defined,) = INDEX.definition(place_of(needle, path))[:1]
    assert any(span == defined for span in INDEX.references(place_of(needle, path)))
    if count:
        assert len(INDEX.references(place_of(needle, path))) == count


def test_a_use_leads_to_its_file() -> None:
    assert INDEX.definition(place_of('use "peo¦ple.duly"')) == [Span("people.duly", 1, 1, 1, 1)]


def test_fields_are_known_in_the_braces_of_texts() -> None:
    index, place = typing_at("stuck in {stage}", "stuck in {Refund am¦ount}")
    mention = index.at(place)
    assert mention is not None and mention.form == "placeholder" and mention.symbol.kind == "field"
    assert place.line in [span.line for span in index.references(place)]


# --- completion


def test_names_of_the_kind_that_fits_are_offered() -> None:
    stages = ['"New"', '"Triage"', '"In progress"', '"Waiting for customer"', '"Done"']
    assert list(offered('next "Triage", "In progress", "Done"', "next ¦"))[:5] == stages
    assert list(offered('next "Triage", "In progress", "Done"', 'next "Triage", "In¦')) == stages
    assert next(iter(offered('then send "Welcome VIP"', "then send ¦"))) == '"Nearly late"'
    assert [*offered("set priority to high", "set priority to ¦")] == ["urgent", "high", "normal", "low"]
    assert {"gold", "silver", "basic", "not", "one of"} <= offered("tier is gold", "tier is ¦").keys()
    assert list(offered("agent ana ", "agent ¦ ")) == ["ana", "bruno", "carla", "diogo", "elisa"]
    assert {"complaint", "question"} <= offered("set type to complaint", "set type to ¦").keys()
    assert [*offered('call "Shop events"', 'call "¦"')][:1] == ['"WhatsApp"']
    assert {'"vip"', '"big refund"'} == offered('then tag "vip"', "then tag ¦").keys()
    assert list(offered('calendar "São Paulo office"', "calendar ¦")) == ['"São Paulo office"', '"Night watch"']
    assert "people.duly" in str(offered('use "people.duly"', "use ¦"))
    assert '"Late reply"' in offered('level 1 of "Late reply"', "level 1 of ¦", "support.tests.duly")
    assert {"message", "tier", "priority"} <= offered(
        'channel whatsapp, message "Where', "channel whatsapp, ¦", "support.tests.duly"
    ).keys()
    assert '"New"' in offered('given card in "New"', "given card in ¦", "support.tests.duly")
    assert "app" in offered("alert manager at 90% of leave stage by email", "alert manager at 90% of leave stage by ¦")
    assert "email" in offered("alert manager at 90% of leave stage by email", "alert manager at 90% of leave stage by ¦")


def test_words_of_the_grammar_are_offered_as_phrases() -> None:
    found = offered('calendar "São Paulo office"', "¦")
    assert {"ticket types", "first reply within", "escalation", "on reopen resolved"} <= found.keys()
    assert found["escalation"].detail.startswith("escalation ") and "level by level" in found["escalation"].doc
    assert "stage is" not in found and "time zone" not in found
    assert {"time zone", "closed on", "holidays from"} <= offered(
        "  holidays from", "  ¦\n holidays from", "calendar.duly"
    ).keys()
    assert list(offered("first reply is missed or", "first ¦")) == ["reply is missed"]
    top = offered('use "people.duly"', "¦")
    assert [each for each in top if each != "allow"] == [
        "calendar",
        "connector",
        "person",
        "pipeline",
        "report",
        "send limits",
        "team",
        "template",
        "test",
        "use",
    ]


def test_cells_are_completed_by_their_column() -> None:
    row = "| high     | any  | 1h          | 2h             |"
    assert [*offered(row, "| high | ¦")] == ["any", "gold", "silver", "basic"]
    assert [*offered(row, "| ¦ | any | 1h | 2h |")] == ["any", "else", "urgent", "high", "normal", "low"]
    assert {"30m", "2 working days", "-"} <= offered(row, "| high | any | ¦").keys()
    row = '| any      | any  | any                   | least busy of "Front desk" |'
    assert {"round robin of", "agent", "team"} <= offered(row, "| any | any | any | ¦").keys()
    assert [*offered(row, "| any | any | any | least busy of ¦")] == ['"Front desk"', '"Billing"']
    assert {"to", "words", "tier", "channel"} <= offered("| channel  | tier | words ", "| ¦").keys()
    row = '| "Tier"         | "customer.tier"  | choice | basic      |'
    assert {"reject", "skip", "gold"} <= offered(row, '| "Tier" | "x" | choice | ¦', "doors.duly").keys()
    assert {"message", '"Tier"', "priority"} <= offered(row, "| ¦", "doors.duly").keys()
    assert {"yes/no", "choice"} <= offered(row, '| "Tier" | "x" | ¦', "doors.duly").keys()


def test_values_of_settings_are_offered_where_the_kind_knows_them() -> None:
    def values(key: str) -> set[str]:
        text = f'connector "Mail" receives email {{\n{key} \n}}\n'
        index = Index([SourceFile("a.duly", text)], Environment(connector_kinds=kinds()))
        return {each.text for each in complete(index, Place("a.duly", 2, len(key) + 2))}

    assert {"now", "always", "48h", "2 calendar days"} <= values("take mail since")
    assert not {"now", "always"} & values("authentication server")


def test_placeholders_are_offered_inside_messages_only() -> None:
    index, place = typing_at("stuck in {stage}", "stuck in {ord¦")
    found = {each.label: each for each in complete(index, place)}
    assert {"Order number", "customer.first_name"} <= found.keys()
    assert found["Order number"].text == "Order number}"
    assert found["Order number"].span.column == place.column - 3
    index, place = typing_at("stuck in {stage}", "stuck in {ord¦}")
    assert "Order number" in {each.text for each in complete(index, place)}
    assert offered('because "no answer"', 'because "no {¦"') == {}


def test_nothing_is_offered_in_a_comment_or_after_nonsense() -> None:
    assert offered('calendar "São Paulo office"', "# calen¦") == {}
    assert offered('calendar "São Paulo office"', "flub ¦") == {}


def test_docs_come_in_portuguese() -> None:
    index, place = typing_at('calendar "São Paulo office"', "esc¦")
    (found,) = [each for each in complete(index, place, "pt-BR") if each.text == "escalation"]
    assert "nível" in found.doc


# --- hover


@pytest.mark.parametrize(
    ("needle", "text"),
    [
        ('owner team "Front d¦esk"', "members"),
        ("al¦ert owner at 80%", "before a promise is broken"),
        ("at 80% o¦f first reply", "part of the clock"),
        ("| first re¦ply | leave stage", "until a person answers"),
        ("leave stage within 2¦h", "Counts only while the calendar is open. Calendar: São Paulo office."),
        ("| 2 work¦ing days |", "that many open days later"),
        ("after 1h ela¦psed", "Counts on the wall"),
        ("ti¦er is gold", 'field "Tier" choice'),
        ("channel i¦s email", "It has that value"),
        ("chan¦nel is email", "How the card came"),
        ("or¦ next reply is missed", "One of them"),
        ('stage "New" ¦{', ""),
    ],
)
def test_hover(needle: str, text: str) -> None:
    found = hover(INDEX, place_of(needle))
    if text:
        assert found is not None and text in found.text
    else:
        assert found is None


def test_hover_shows_the_comment_above_a_definition() -> None:
    found = hover(INDEX, place_of('calendar "São Pa¦ulo office"'))
    assert found is not None and "Every clock of the support desk" in found.text and "calendar.duly:2" in found.text


def test_hover_on_a_broken_line_says_what_its_words_mean() -> None:
    index, place = typing_at("alert manager at 90% of leave stage by email", "al¦ert manager at of nothing")
    found = hover(index, place)
    assert found is not None and "before a promise is broken" in found.text


# --- rename


def renamed(needle: str, name: str, path: str = "support.duly", index: Index = INDEX) -> tuple[dict[str, str], str]:
    """The texts after a rename, and all of them as one."""
    done = rename(index, place_of(needle, path, index), name)
    sources = edits.apply_all(index.sources, [*done.edits, *done.keeping])
    errors = [each.message for each in build(sources).diagnostics if each.severity == "error"]
    assert errors == []
    texts = {source.path: source.text for source in sources}
    return texts, "\n".join(texts.values())


def test_a_stage_is_renamed_everywhere_and_keeps_its_cards() -> None:
    texts, _ = renamed('stage "Tri¦age"', "Sorting out")
    assert 'stage "Sorting out" was "Triage" {' in texts["support.duly"]
    assert 'next "Sorting out", "In progress", "Done"' in texts["support.duly"]
    texts, _ = renamed('stage "In p¦rogress"', '"Doing"')
    assert 'stage "Doing" was "Working", "In progress" {' in texts["support.duly"]
    assert 'given card in "Doing"' in texts["support.tests.duly"]
    texts, _ = renamed('stage "In p¦rogress"', "Working")
    assert 'stage "Working" was "In progress" {' in texts["support.duly"]


def test_a_rename_keeps_the_quoting() -> None:
    texts, all_text = renamed('field "Ti¦er"', "Class")
    assert "class is gold" in texts["support.duly"] and '| "Class" ' in texts["doors.duly"]
    assert 'field "Class" was "Tier" choice' in texts["support.duly"]
    assert all_text.count('"Tier"') == 1 and "tier" not in all_text.replace("customer.tier", "")
    texts, _ = renamed('field "Ti¦er"', "Level")  # a word of the language
    assert '"Level" is gold' in texts["support.duly"]
    texts, _ = renamed('field "Ti¦er"', "Kind of customer")
    assert '"Kind of customer" is gold' in texts["support.duly"]
    texts, _ = renamed("agent an¦a", "anna")
    assert "person anna {" in texts["people.duly"] and "expect owner is anna" in texts["support.tests.duly"]
    texts, _ = renamed("set priority to hi¦gh", "soon")
    assert "priorities urgent, soon, normal, low" in texts["support.duly"]
    texts, _ = renamed("tier is go¦ld", "best of all")
    assert (
        'choice "best of all", silver' in texts["support.duly"]
        and 'with "Tier" "best of all"' in texts["support.tests.duly"]
    )


def test_a_field_is_renamed_in_the_braces_of_texts() -> None:
    index, _ = typing_at("stuck in {stage}", "order {Order number}¦")
    texts, _ = renamed('field "Order n¦umber"', "Purchase", index=index)
    assert "order {Purchase}" in texts["support.duly"] and '| "Purchase" |' in texts["doors.duly"].replace("  ", "")


@pytest.mark.parametrize(
    ("needle", "name", "why"),
    [
        ('stage "Tri¦age"', "Done", "there is a stage called `Done` already"),
        ('field "Ti¦er"', "resolution", "there is a field called `resolution` already"),
        ('stage "Tri¦age"', "  ", "a name can't be empty"),
        ("agent an¦a", "ana maria", "can't be written without quotes"),
        ("chan¦nel is email", "x", "nothing here has a name of its own"),
        ("al¦ert owner at", "x", "nothing here has a name of its own"),
        ('stage "In p¦rogress"', 'a"b\\', ""),
    ],
)
def test_a_rename_that_would_break_something_is_refused(needle: str, name: str, why: str) -> None:
    if not why:
        texts, _ = renamed(needle, name)
        assert 'stage "a\\"b\\\\" was' in texts["support.duly"]
        return
    with pytest.raises(Refused, match=re.escape(why)):
        rename(INDEX, place_of(needle), name)


def test_refusals_are_said_in_portuguese() -> None:
    with pytest.raises(Refused, match="já existe"):
        rename(INDEX, place_of('stage "Tri¦age"'), "Done", "pt-BR")


def test_what_would_be_renamed() -> None:
    assert target(INDEX, place_of('next "Tri¦age"')) == (Span("support.duly", 26, 10, 26, 18), "Triage")
    assert target(INDEX, place_of("wi¦thin 2h")) is None


def test_a_clock_of_ones_own_is_renamed_wherever_it_is_named() -> None:
    text = (
        'calendar "Office" {\n  time zone "UTC"\n  open every day 09:00-17:00\n}\n\n'
        'pipeline "P" {\n  calendar "Office"\n  clock "Hand over" {\n    start when card enters "B"\n'
        '    stop when card leaves "B"\n    within 2h\n  }\n'
        '  stage "A" {\n    start\n    next "B"\n  }\n  stage "B" {\n    next "C"\n    pause "Hand over"\n'
        "    resume when customer replies\n  }\n"
        '  stage "C" {\n    finish\n  }\n'
        '  rule "Late" {\n    when "Hand over" is missed\n    then tag "late"\n  }\n}\n'
    )
    index = Index([SourceFile("a.duly", text)])
    place = place_of('clock "Hand¦ over"', "a.duly", index)
    assert len(index.references(place)) == 3
    texts, _ = renamed('clock "Hand¦ over"', "Pass on", "a.duly", index)
    assert 'clock "Pass on" was "Hand over" {' in texts["a.duly"]
    assert 'pause "Pass on"' in texts["a.duly"] and 'when "Pass on" is missed' in texts["a.duly"]
    found = hover(index, place)
    assert found is not None and "within 2h" in found.text


# --- outline, folding, formatting, fixes


def test_the_outline_nests_what_a_pipeline_holds() -> None:
    (pipeline,) = outline.outline(INDEX.sources["support.duly"])
    assert (pipeline.name, pipeline.kind) == ("Customer support", "pipeline")
    kinds = [child.kind for child in pipeline.children]
    assert kinds.count("stage") == 5 and kinds.count("rule") == 5 and kinds.count("field") == 5
    assert all(entry.span.line <= entry.name_span.line <= entry.span.end_line for entry in pipeline.children)
    assert [entry.kind for entry in outline.outline(INDEX.sources["people.duly"])][:2] == ["person", "person"]


def test_blocks_comments_and_uses_fold() -> None:
    folds = outline.folds(INDEX.sources["support.duly"].text)
    assert outline.Fold(1, 4, "imports") in folds
    lines = INDEX.sources["support.duly"].text.split("\n")
    blocks = [fold for fold in folds if fold.kind == "block"]
    assert all(lines[fold.first - 1].endswith("{") and lines[fold.last].strip() == "}" for fold in blocks)
    assert outline.folds("# a\n# b\n\nteam {\n x\n}\n") == [outline.Fold(1, 2, "comment"), outline.Fold(4, 5, "block")]


@given(shaken())
@settings(max_examples=100, deadline=None)
def test_formatting_edits_make_the_formatted_text(text: str) -> None:
    source = SourceFile("a.duly", text)
    assert edits.apply(text, outline.formatting(source)) == laid_out(text)


def test_formatting_touches_only_what_changes() -> None:
    text = INDEX.sources["support.duly"].text
    assert outline.formatting(INDEX.sources["support.duly"]) == []
    (edit,) = outline.formatting(SourceFile("a.duly", text.replace("    start\n", "start\n")))
    assert edit.text == "    start\n" and edit.span.end_line - edit.span.line == 1


def test_fixes_of_a_place_and_sure_fixes_mend_a_file() -> None:
    broken = 'calendar "Office" {\n  tiem zone "Europe/Lisbon"\n  open monday to fryday 09:00-17:00\n}\n'
    source = SourceFile("a.duly", broken)
    problems = parse(source).diagnostics
    ((problem, fix),) = edits.fixes_at(problems, Span("a.duly", 2, 4, 2, 4))
    assert (problem.code, fix.text) == ("E0102", "time")
    mended = edits.apply(broken, edits.sure_fixes(problems, "a.duly"))
    assert parse(SourceFile("a.duly", mended)).diagnostics == ()


# --- whatever the text


@given(shaken(), st.data())
@settings(max_examples=150, deadline=None)
def test_nothing_fails_on_a_broken_text(text: str, data: st.DataObject) -> None:
    lines = text.split("\n")
    line = data.draw(st.integers(1, len(lines) + 1))
    column = data.draw(st.integers(1, len(lines[line - 1]) + 2 if line <= len(lines) else 2))
    index = Index([SourceFile("a.duly", text), *SOURCES])
    place = Place("a.duly", line, column)
    for found in complete(index, place):
        assert found.span.line == line and found.text
    hover(index, place)
    index.definition(place)
    index.references(place)
    outline.outline(index.sources["a.duly"])
    outline.folds(text)


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_what_stands_in_a_sound_file_is_among_what_is_offered(data: st.DataObject) -> None:
    """Wherever a line of the example goes on, its next word is offered there, or is a name or value of its own."""
    lines, _ = lexing.lines("a.duly", TEXT)
    line = data.draw(st.sampled_from([each for each in lines if each.tokens[0].type not in ("VBAR", "RBRACE")]))
    token = data.draw(st.sampled_from(line.tokens[:-1]))
    if token.type not in grammar.tables().keywords.values():
        return
    if line.tokens[0].type == "CONNECTOR" and token.type in ("EMAIL", "WHATSAPP"):
        return  # a kind, which the environment knows
    cut = TEXT.split("\n")
    cut[token.line - 1] = cut[token.line - 1][: token.column - 1]
    index = Index([SourceFile("a.duly", "\n".join(cut))], Environment(connector_kinds=kinds()))
    found = complete(index, Place("a.duly", token.line, token.column))
    blocks = surroundings.of(TEXT, token.line, 1).blocks
    if blocks and blocks[-1].header[0].type == "CONNECTOR":
        return  # the words of a connector's settings are its kind's own
    words = {each.text.split(" ")[0] for each in found}
    assert token.text in words


CLOCKED = (Path(__file__).parents[1] / "runtime" / "scenarios" / "clocks.duly").read_text(encoding="utf-8")
CLOCKS = ['"Vendor answer"', '"On-call look"', '"First look"', '"Bench time"', '"Courier"']


@pytest.mark.parametrize(
    ("old", "new", "wanted"),
    [
        ('alert owner 30m before "Vendor answer"', 'alert owner 30m before "¦', CLOCKS),
        ('pause "Vendor answer", "Bench time"', 'pause "¦', CLOCKS),
        ('start clock "Courier"', 'start clock "¦', CLOCKS),
        ('when "Vendor answer" is missed\n    level', 'when "¦\n    level', ['"Part"', *CLOCKS]),
        ('expect "Vendor answer" is running', 'expect "¦', ['"Part"', *CLOCKS]),
        ('set "Part" to', 'set "¦', ['"Part"']),
        ('expect "Vendor answer" due in 4h', 'expect "Vendor answer" ¦', ["due at", "due in", "is"]),
        ("    on reopen continue", "    on reopen ¦", ["continue", "first only", "new cycle"]),
    ],
)
def test_named_clocks_are_offered(old: str, new: str, wanted: list[str]) -> None:
    assert old in CLOCKED
    text = CLOCKED.replace(old, new.replace("¦", ""), 1)
    start = text.index(new.replace("¦", "")) + new.index("¦")
    line = text.count("\n", 0, start) + 1
    index = Index([SourceFile("c.duly", text)])
    found = complete(index, Place("c.duly", line, start - text.rfind("\n", 0, start)))
    assert [each.text for each in found] == wanted


def test_a_named_clock_is_found_wherever_it_is_named() -> None:
    index = Index([SourceFile("c.duly", CLOCKED)])
    mention = '30m before "Vendor answer"'
    start = CLOCKED.index(mention) + len(mention) - 5
    place = Place("c.duly", CLOCKED.count("\n", 0, start) + 1, start - CLOCKED.rfind("\n", 0, start))
    found = index.references(place)
    assert len(found) == CLOCKED.count('"Vendor answer"')
    assert {CLOCKED.split("\n")[span.line - 1][span.column - 1 : span.end_column - 1] for span in found} == {
        '"Vendor answer"'
    }
