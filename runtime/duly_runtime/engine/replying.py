"""What a person's reply becomes: one message to the customer, or several where the channel takes one file at a time; and
what goes instead of a message that WhatsApp's window has shut out."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from duly_dsl import offers
from duly_runtime import offering, window
from duly_runtime.effects import MessageCustomer
from duly_runtime.engine.refusal import Refusal
from duly_runtime.engine.work import Work
from duly_runtime.events import AgentMessage, File

LONGEST_CAPTION = 1024
"""Characters beside a file on WhatsApp; a longer text goes before it, by itself."""


def messages(work: Work, body: AgentMessage) -> list[MessageCustomer]:
    """At least one. Each has its own delivery, so that one file that can't be sent does not take the others with it."""
    key = f"reply/{work.card.id}/{work.revision}/customer"
    if body.template:
        if body.text.strip() or body.files or body.choices:
            raise Refusal("template-alone")
        if body.template not in work.graph.program.templates:
            raise Refusal("unknown-template", template=body.template)
        return [MessageCustomer(key=key, template=body.template, author=body.author, reply_to=body.reply_to)]
    if not body.text.strip() and not body.files:
        raise Refusal("empty-message")
    if body.choices and body.files:
        raise Refusal("choices-alone")
    if offering.wrong(body.choices, body.text if body.choices else ""):
        raise Refusal("bad-choices", limit=str(offers.MOST_ROWS), length=str(offers.LONGEST_ROW))
    parts = _parts(body.text, body.files) if work.card.channel == window.CHANNEL else [(body.text, body.files)]
    made: list[MessageCustomer] = []
    for text, files in parts:
        one = MessageCustomer(
            key=key,
            text=text,
            rendered=True,
            author=body.author,
            files=files,
            reply_to=body.reply_to,
            choices=body.choices,
        )
        made.append(replace(one, key=f"{key}/{len(made) + 1}", reply_to="") if made else one)
    return made


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
