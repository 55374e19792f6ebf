"""Finding plug-ins, building the doors of a version, and what is promised about the package as a whole."""

from __future__ import annotations

import asyncio
import logging
import os
import re
import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import msgspec
import pytest
from babel.messages.pofile import read_po

from connectors import samples
from duly_connectors import registry
from duly_connectors.contract import Connector, MissingSecret, Tools
from duly_connectors.registry import Guarded, Live, Plugins, build, kinds, plugins
from duly_connectors.testing import NOON
from duly_connectors.webhook import Webhook
from duly_connectors.whatsapp import WhatsApp
from duly_dsl import i18n, program
from duly_runtime.doors import Failed, Fetched, FetchOutcome, Outcome, OutFile, Outgoing, Retry, Sent, Unknown
from duly_runtime.events import File
from duly_runtime.time import FakeClock

ROOT = Path(__file__).parents[2]
TOOLS = Tools(secrets=lambda name: samples.WHATSAPP_SECRETS[name], clock=FakeClock(NOON))
MAIL = program.Connector(name="Mail", kind="email", direction="sends")


def workspace(*connectors: program.Connector) -> program.Program:
    return program.Program(
        pipelines={"Customer support": samples.PIPELINE}, connectors={one.name: one for one in connectors}
    ).sealed()


def test_the_built_in_connectors_come_by_entry_points() -> None:
    assert {"email", "webhook", "whatsapp"} <= {kind.name for kind in kinds()}
    assert not {"email", "webhook", "whatsapp"} & plugins().problems.keys()


def test_the_doors_of_a_version() -> None:
    made = build(workspace(samples.SHOP, samples.WHATSAPP, MAIL), TOOLS)
    assert made.problems == {}
    assert isinstance(made.receiver_for("/in/shop"), Webhook)
    assert isinstance(made.receiver_for("in/whatsapp/"), WhatsApp)
    assert made.receiver_for("/in/other") is None
    assert made.by_name("Shop") is None, "it only receives"
    assert made.by_name("WhatsApp") is not None
    assert made.by_kind("email") is not None
    assert made.by_kind("webhook") is None
    shop = made.connectors["Shop"]
    assert shop.pipeline is samples.PIPELINE


def test_what_can_not_be_built_is_left_out_and_reported(caplog: pytest.LogCaptureFixture) -> None:
    broken = program.Connector(name="Broken", kind="webhook", direction="receives", path="/in/broken", same_path="[")
    unknown = program.Connector(name="Fax", kind="fax", direction="sends")
    with caplog.at_level(logging.ERROR):
        made = build(workspace(broken, unknown, samples.SHOP), TOOLS)
    assert set(made.problems) == {"Broken", "Fax"}
    assert "can't be read" in made.problems["Broken"]
    assert made.problems["Fax"] == "`fax`: no connector of this kind is installed"
    assert list(made.connectors) == ["Shop"]
    assert "Broken" in caplog.text


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("no_such_module:Thing", "could not be loaded"),
        ("duly_connectors.webhook:Thing", "could not be loaded"),
        ("duly_connectors.outbound:Network", "is not a subclass"),
        ("duly_connectors.webhook:Webhook", "must have a KIND named `odd`"),
    ],
)
def test_a_plug_in_that_is_none_is_reported_never_fatal(monkeypatch: pytest.MonkeyPatch, value: str, words: str) -> None:
    entry = EntryPoint(name="odd", value=value, group=registry.GROUP)
    monkeypatch.setattr(registry, "entry_points", lambda group: [entry])
    found = plugins.__wrapped__()
    assert found.classes == {}
    assert words in found.problems["odd"]
    unbuilt = build(workspace(program.Connector(name="Odd", kind="odd", direction="sends")), TOOLS, found)
    assert words in unbuilt.problems["Odd"]


class Odd(Connector):
    """Breaks in the way it is told."""

    KIND = program.ConnectorKind(name="odd", directions=("sends",))
    trouble: object = None
    closed = 0

    async def send(self, item: Outgoing) -> Outcome:
        if isinstance(self.trouble, Exception):
            raise self.trouble
        return self.trouble  # type: ignore[return-value]

    async def fetch(self, file: File) -> FetchOutcome:
        if isinstance(self.trouble, Exception):
            raise self.trouble
        return self.trouble  # type: ignore[return-value]

    async def close(self) -> None:
        type(self).closed += 1
        raise RuntimeError("does not close")


ODD = program.Connector(name="Odd", kind="odd", direction="sends")


@pytest.mark.parametrize(
    ("trouble", "kind"),
    [(MissingSecret("KEY"), Retry), (ZeroDivisionError(), Unknown), (None, Unknown), ("sent", Unknown), (Sent(), Sent)],
    ids=repr,
)
def test_sending_ends_in_an_outcome_whatever_the_connector_does(trouble: object, kind: type[Outcome]) -> None:
    made = Odd(ODD, None, TOOLS)
    made.trouble = trouble
    assert isinstance(asyncio.run(Guarded(made).send(samples.outgoing())), kind)


@pytest.mark.parametrize(
    ("trouble", "kind"),
    [
        (MissingSecret("KEY"), Retry),
        (ZeroDivisionError(), Retry),
        (None, Failed),
        (Sent(), Failed),
        (Fetched(data=b""), Fetched),
    ],
    ids=repr,
)
def test_fetching_ends_in_an_outcome_whatever_the_connector_does(trouble: object, kind: type[FetchOutcome]) -> None:
    made = Odd(ODD, None, TOOLS)
    made.trouble = trouble
    assert isinstance(asyncio.run(Guarded(made).fetch(File(reference="1"))), kind)


def test_a_connector_that_fetches_nothing_says_so() -> None:
    made = build(workspace(samples.SHOP), TOOLS).fetcher("Shop")
    assert made is not None
    assert asyncio.run(made.fetch(File(reference="1"))) == Failed(reason="This connector fetches no files.")


def test_files_are_not_left_out_by_a_connector_that_sends_none() -> None:
    item = samples.outgoing(files=(OutFile(name="a.pdf", media_type="application/pdf", data=b"%PDF"),))
    made = Odd(ODD, None, TOOLS)
    made.trouble = Sent()
    assert asyncio.run(Guarded(made).send(item)) == Failed(reason="The connector Odd can't send files.")
    made.SENDS_FILES = True  # type: ignore[misc]
    assert asyncio.run(Guarded(made).send(item)) == Sent()


def test_the_live_doors_change_with_the_version() -> None:
    async def main() -> None:
        live = Live(TOOLS, Plugins({"odd": Odd, "webhook": Webhook}, {}))
        assert live.receiver_for("/in/shop") is None
        first = await live.use(workspace(ODD))
        assert live.by_kind("odd") is not None
        assert await live.use(workspace(ODD)) is first
        await live.use(workspace(samples.SHOP))
        assert Odd.closed == 1
        assert live.by_name("Odd") is None
        assert live.receiver_for("/in/shop") is not None
        await live.close()

    asyncio.run(main())


def test_reading_kinds_imports_nothing_heavy() -> None:
    """`duly check` asks for the kinds in a git hook."""
    code = "import sys; from duly_connectors.registry import kinds; kinds(); print(*sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment())
    heavy = {"asyncio", "httpcore", "httpx", "aiosmtplib", "jmespath", "re2", "ssl", "litestar", "piccolo", "dramatiq"}
    assert heavy & set(ran.stdout.split()) == set()


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}


# --- documentation and catalogues ------------------------------------------------------------------------------------


def test_the_example_of_the_documentation_holds_to_the_contract(tmp_path: Path) -> None:
    page = (ROOT / "docs/connectors/adding.md").read_text(encoding="utf-8")
    files = re.findall(r"```python\n# (\w+\.py)\n(.*?)```", page, re.DOTALL)
    assert [name for name, _ in files] == ["duly_pager.py", "test_pager.py"]
    for name, text in files:
        (tmp_path / name).write_text(text, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(tmp_path), str(tmp_path)]
    examples = "" if os.environ.get("DULY_FULL") == "1" else "50"  # the built-in ones are tried with more
    environ = {**environment(), "DULY_EXAMPLES": examples}
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, env=environ, check=False)
    assert ran.returncode == 0, ran.stdout


def test_the_documentation_names_what_there_is() -> None:
    page = (ROOT / "docs/connectors/adding.md").read_text(encoding="utf-8")
    for word in ("challenge", "authenticate", "parse", "send", "fetch", "check", "close"):
        assert callable(getattr(Connector, word))
    for word in (
        "challenge(raw)",
        "authenticate(raw)",
        "parse(raw)",
        "send(item)",
        "fetch(file)",
        "check()",
        "sources()",
        "self.peers",
        "Inbound.connector",
        "SourceContract",
        "Sent",
        "Retry",
        "Failed",
        "Unknown",
    ):
        assert word in page


def test_every_text_has_its_portuguese() -> None:
    path = ROOT / "connectors/duly_connectors/locale/pt_BR/LC_MESSAGES/duly_connectors.po"
    with path.open("rb") as file:
        catalogue = read_po(file, locale="pt_BR")
    messages = [message for message in catalogue if message.id]
    assert len(messages) > 60
    compiled = i18n.translations("duly_connectors", "pt-BR")
    for message in messages:
        assert message.string, message.id
        assert "fuzzy" not in message.flags
        assert set(re.findall(r"{\w+}", str(message.id))) == set(re.findall(r"{\w+}", str(message.string)))
        assert compiled.gettext(str(message.id)) == message.string, "run `make messages`"


def test_every_text_of_the_code_is_in_the_catalogue() -> None:
    compiled = i18n.translations("duly_connectors", "pt-BR")
    folder = ROOT / "connectors/duly_connectors"
    texts = [
        text
        for path in folder.rglob("*.py")
        for text in re.findall(r"\b_\(\s*\"((?:[^\"\\]|\\.)+)\"\s*\)", path.read_text(encoding="utf-8"))
    ]
    assert len(texts) > 60
    known = set(getattr(compiled, "_catalog"))  # noqa: B009 (gettext offers no other way to ask)
    assert [text for text in texts if text not in known] == []


@pytest.mark.parametrize("kind", [Sent, Failed, Retry, Unknown])
def test_secrets_are_taken_out_of_what_is_kept_and_shown(kind: type[Any]) -> None:
    definition = msgspec.structs.replace(ODD, settings={"key": program.Setting(value="KEY", secret=True)})
    tools = Tools(secrets=lambda name: "the new one", previous=lambda name: "the old one", clock=FakeClock(NOON))
    made = Odd(definition, None, tools)
    said = "401: neither `the new one` nor `the old one` is known"
    made.trouble = kind(answer=said) if kind is Sent else kind(reason=said, answer=said)
    outcome = asyncio.run(Guarded(made).send(samples.outgoing()))
    assert isinstance(outcome, Sent | Failed | Retry | Unknown)
    assert outcome.answer == getattr(outcome, "reason", outcome.answer) == "401: neither `•••` nor `•••` is known"


def test_a_word_too_short_to_be_a_secret_tears_no_sentence_apart() -> None:
    definition = msgspec.structs.replace(ODD, settings={"key": program.Setting(value="KEY", secret=True)})
    made = Odd(definition, None, Tools(secrets=lambda name: "no", clock=FakeClock(NOON)))
    made.trouble = Failed(reason="nobody knows")
    assert asyncio.run(Guarded(made).send(samples.outgoing())) == Failed(reason="nobody knows")
