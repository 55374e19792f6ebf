"""What a person's reply becomes: one message to the customer, or several where the channel takes one file at a time; and
what goes instead of a message that WhatsApp's window has shut out."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from duly_dsl import offers
from duly_runtime import offering, rendering, window
from duly_runtime.effects import MessageCustomer
from duly_runtime.engine.refusal import Refusal
from duly_runtime.engine.work import Work
from duly_runtime.events import AgentMessage, File

LONGEST_CAPTION = 1024
"""Characters beside a file on WhatsApp; a longer text goes before it, by itself."""


def messages(work: Work, body: AgentMessage) -> list[MessageCustomer]:
    """At least one. Each has its own delivery, so that one file that can't be sent does not take the others with it."""
    key = f"reply/{work.card.id}/{work.revision}/customer"
    channel = _channel(work, body)
    one = MessageCustomer(
        key=key,
        author=body.author,
        reply_to=body.reply_to,
        connector=body.connector,
        channel=channel if body.connector else "",
        address=body.address if body.connector else "",
    )
    if body.template:
        _check_template(work, body)
        return [replace(one, template=body.template, language=body.language, variables=body.variables)]
    if not body.text.strip() and not body.files:
        raise Refusal("empty-message")
    if body.choices and body.files:
        raise Refusal("choices-alone")
    if body.choices and offering.wrong(body.choices, body.text):
        raise Refusal("bad-choices", limit=str(offers.MOST_ROWS), length=str(offers.LONGEST_ROW))
    parts = _parts(body.text, body.files) if channel == window.CHANNEL else [(body.text, body.files)]
    made: list[MessageCustomer] = []
    for text, files in parts:
        each = replace(one, text=text, rendered=True, files=files, choices=body.choices)
        made.append(replace(each, key=f"{key}/{len(made) + 1}", reply_to="") if made else each)
    return made


def _channel(work: Work, body: AgentMessage) -> str:
    """What it goes by: the card's channel, or the kind of the connector it names."""
    if not body.connector:
        return work.card.channel
    connector = work.graph.program.connectors.get(body.connector)
    if connector is None or connector.direction == "receives":
        raise Refusal("unknown-connector", connector=body.connector)
    return connector.kind


def _check_template(work: Work, body: AgentMessage) -> None:
    if body.text.strip() or body.files or body.choices:
        raise Refusal("template-alone")
    template = work.graph.program.templates.get(body.template)
    if template is None:
        raise Refusal("unknown-template", template=body.template)
    if body.language and body.language not in template.texts:
        raise Refusal("unknown-language", template=body.template, language=body.language)
    known = rendering.variables(template)
    for name in body.variables:
        if name not in known:
            raise Refusal("unknown-variable", template=body.template, variable=name)


def _parts(text: str, files: Sequence[File]) -> list[tuple[str, tuple[File, ...]]]:
    """A file a message, with the text beside the first one: unless it is a sound, which has no room for one."""
    alone = not files or files[0].media_type.startswith("audio/") or len(text) > LONGEST_CAPTION
    parts: list[tuple[str, tuple[File, ...]]] = [(text, ())] if alone and text.strip() else []
    for file in files:
        parts.append((text if not parts and not alone else "", (file,)))
    return parts


def instead(work: Work) -> None:
    """Meta says of a message it had taken that the window was closed: its template goes, where it has one."""
    effect = work.world.refused
    if effect is None or effect.approved:
        return
    name = effect.outside or effect.template
    template = work.graph.program.templates.get(name)
    if template is None or template.approval is None:
        return
    key = f"{effect.key}/approved"
    work.do(replace(effect, key=key, template=name, text="", rendered=False, outside="", approved=True))
    work.say("message.out", {"template": name}, author=effect.author)
