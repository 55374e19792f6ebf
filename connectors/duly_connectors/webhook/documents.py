"""The body of a request as one document that paths can be followed in: JSON, a form, or a form with files."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

import msgspec

from duly_connectors.contract import clean
from duly_runtime.doors import Raw, Refused
from duly_runtime.events import File

FORM_FIELDS = 1_000
_FORM = "application/x-www-form-urlencoded"
_MULTIPART = "multipart/form-data"
_BOM = b"\xef\xbb\xbf"
_PAYLOAD = "payload"
"""A form with this field alone, and an object in it, is that object: so GitHub and Slack post JSON as a form."""

LONGEST_NAME = 255
"""Characters of a file's name: what file systems take."""

Fields = dict[str, list[Any]]


class Document(NamedTuple):
    """`tree` is the body as JSON values; `files` came with it, their `contents` by sha256."""

    tree: Any
    files: tuple[File, ...] = ()
    contents: Mapping[str, bytes] = MappingProxyType({})


def document(raw: Raw) -> Document:
    """A form becomes an object of texts, lists where a name is repeated; a file in one the object `{name, type, size}`.
    Refused(400) where the body is nothing of the kind."""
    kind = raw.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == _FORM:
        return Document(_merged(_form(raw.body)))
    if kind == _MULTIPART:
        return _multipart(raw)
    try:
        return Document(msgspec.json.decode(raw.body.removeprefix(_BOM)))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Refused(400, f"the body is not JSON: {error}") from error


def _merged(fields: Fields) -> Any:
    if list(fields) == [_PAYLOAD] and len(fields[_PAYLOAD]) == 1:
        try:
            return msgspec.json.decode(fields[_PAYLOAD][0], type=dict[str, Any])
        except (msgspec.DecodeError, msgspec.ValidationError, RecursionError, TypeError):
            pass  # a field that only happens to be called so
    return {name: found[0] if len(found) == 1 else found for name, found in fields.items()}


def _form(body: bytes) -> Fields:
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=FORM_FIELDS, errors="strict")
    except ValueError as error:
        raise Refused(400, "the body is not a form of at most 1000 fields in UTF-8") from error
    values: Fields = {}
    for name, value in pairs:
        values.setdefault(name, []).append(value)
    return values


def _multipart(raw: Raw) -> Document:
    import multipart  # imported late: rule files are checked without it

    _, options = multipart.parse_options_header(raw.headers.get("content-type", ""))
    values: Fields = {}
    files: list[File] = []
    contents: dict[str, bytes] = {}
    segment: Any = None
    content = bytearray()
    try:
        with multipart.PushMultipartParser(options.get("boundary", ""), max_segment_count=FORM_FIELDS) as parser:
            for event in parser.parse(raw.body):
                if isinstance(event, multipart.MultipartSegment):
                    segment, content = event, bytearray()
                elif event is not None:
                    content += event
                elif segment.filename is None:
                    text = content.decode(segment.charset or "utf-8")
                    values.setdefault(segment.name or "", []).append(text)
                elif segment.filename or content:  # a browser sends a nameless, empty part where no file was chosen
                    file = _file(segment, bytes(content))
                    described = {"name": file.name, "type": file.media_type, "size": file.size}
                    values.setdefault(segment.name or "", []).append(described)
                    files.append(file)
                    contents[file.sha256] = bytes(content)
    except (multipart.MultipartError, UnicodeDecodeError, LookupError) as error:
        raise Refused(400, "the body is not a form of at most 1000 fields in UTF-8") from error
    return Document(_merged(values), tuple(files), contents)


def _file(segment: Any, content: bytes) -> File:
    name, kind = clean(segment.filename)[:LONGEST_NAME], clean(segment.content_type or "")[:LONGEST_NAME]
    return File(name=name, media_type=kind, size=len(content), sha256=hashlib.sha256(content).hexdigest())
