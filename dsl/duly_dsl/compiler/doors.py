"""Connectors and templates."""

from __future__ import annotations

import hashlib
import re
import unicodedata

from duly_dsl import program as p
from duly_dsl import syntax as s
from duly_dsl.compiler.conditions import scalar, scalar_for
from duly_dsl.events import named
from duly_dsl.scope import MAP_TARGETS, Workspace
from duly_dsl.units import Duration


def slug(name: str) -> str:
    """`Loja São Paulo` -> `loja-sao-paulo`; letters of other scripts stay."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", name.casefold()) if not unicodedata.combining(c))
    return re.sub(r"[\W_]+", "-", unicodedata.normalize("NFC", plain)).strip("-") or "door"


def path_of(node: s.Connector) -> str:
    """Where a connector's requests come in: as the file says, else by its name; empty for one that only sends."""
    if node.path is not None:
        return node.path.value
    return "" if node.direction == "sends" else f"/in/{slug(node.name.text)}"


def connector(node: s.Connector, workspace: Workspace) -> p.Connector:
    pipeline = node.pipeline.text if node.pipeline else ""
    return p.Connector(
        name=node.name.text,
        kind=node.kind.text,
        direction=node.direction,
        path=path_of(node),
        verify_scheme=node.verify.scheme if node.verify else "",
        verify_algorithm=node.verify.algorithm if node.verify else "",
        verify_secret=node.verify.secret.value if node.verify else "",
        verify_header=node.verify.header.value if node.verify and node.verify.header else "",
        pipeline=pipeline,
        same_path=node.same.path.value if node.same and node.same.path else "",
        same_customer=node.same is not None and node.same.customer,
        same_within=node.same.amount.value if node.same and node.same.amount else None,
        key_path=node.request.path.value if node.request and node.request.path else "",
        key_header=node.request.header.value if node.request and node.request.header else "",
        map=tuple(_row(row, pipeline, workspace) for row in node.map),
        events=named([name.text for name in node.events.names]) if node.events else (),
        events_in=tuple(name.text for name in node.events.pipelines) if node.events else (),
        retry_times=node.retry.times if node.retry else None,
        retry_over=node.retry.over.value if node.retry else None,
        settings={
            each.key: p.Setting(value=_setting(each.value), secret=each.secret, span=each.span) for each in node.settings
        },
        span=node.span,
    )


def _setting(value: s.Value) -> str | float | bool | Duration:
    return value.value if isinstance(value.value, Duration) else scalar(value)


def _row(node: s.MapRow, pipeline: str, workspace: Workspace) -> p.MapRow:
    if not node.target.quoted and node.target.text in MAP_TARGETS:
        target, operand = node.target.text, None
    else:
        operand = workspace.scopes[pipeline].operand(node.target)
        if operand is None:
            raise KeyError(node.target.text)
        target = operand.key
    if node.missing is None:
        default = None
    else:
        default = scalar_for(operand, node.missing) if operand else scalar(node.missing)
    return p.MapRow(
        target=target,
        path=node.path.value,
        type=node.type,
        missing="skip" if node.skip else "reject" if node.missing is None else "default",
        default=default,
        span=node.span,
    )


def meta_name(node: s.Template) -> str:
    """What a template that needs approval is called at Meta: as the file says, else its name in small letters and `_`."""
    if node.approval is not None and node.approval.name is not None:
        return node.approval.name.value
    plain = re.sub(r"[^a-z0-9]+", "_", slug(node.name.text)).strip("_")
    return plain or f"template_{hashlib.sha256(node.name.text.encode()).hexdigest()[:8]}"


def _approval(node: s.Template) -> p.Approval | None:
    if node.approval is None:
        return None
    category = node.approval.category.text if node.approval.category else "utility"
    return p.Approval(name=meta_name(node), category=category, span=node.approval.span)


def _header(node: s.Template) -> p.Header | None:
    if not node.headers:
        return None
    media = next((each for each in node.headers if each.media), None)
    if media is not None:
        return p.Header(media=media.media, link=media.text.value, span=media.span)
    texts = {each.language.value: each.text.value for each in node.headers if each.language is not None}
    return p.Header(texts=texts, span=node.headers[0].span)


def _choices(node: s.Choices) -> p.Choices:
    rows = tuple(
        p.Choice(title=row.title.value, description=row.description.value if row.description else "", span=row.span)
        for row in node.rows
    )
    return p.Choices(rows=rows, label=node.label.value if node.label else "", span=node.span)


def template(node: s.Template) -> p.Template:
    return p.Template(
        name=node.name.text,
        texts={each.language.value: each.text.value for each in node.variants},
        subjects={each.language.value: each.text.value for each in node.subject},
        header=_header(node),
        choices={each.language.value: _choices(each) for each in node.choices},
        approval=_approval(node),
        span=node.span,
    )
