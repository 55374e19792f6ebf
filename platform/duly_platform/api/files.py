"""Files over the API: upload what a reply is to carry, download what messages have."""

from __future__ import annotations

import dataclasses
from typing import Annotated, Any

import msgspec
from litestar import Request, Response, Router, get, post
from litestar.datastructures import State
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import OpenAPIFormat, OpenAPIMediaType, OpenAPIType, Operation, RequestBody, Schema
from litestar.params import FromPath, QueryParameter

from duly_admin_ui.originals import POLICY
from duly_admin_ui.serving import answer
from duly_platform.api.access import needs
from duly_platform.api.cards import READ, WORK, desk
from duly_runtime.attaching import file_name, media_type
from duly_runtime.doors import MAX_FILE
from duly_runtime.store.api import Missing
from duly_runtime.store.files_api import FileRow


@dataclasses.dataclass
class Upload(Operation):
    """As the reference shows it: the body is the file, which no parameter of the handler says."""

    def __post_init__(self) -> None:
        content = OpenAPIMediaType(schema=Schema(type=OpenAPIType.STRING, format=OpenAPIFormat.BINARY))
        self.request_body = RequestBody(
            description="The file's content", content={"application/octet-stream": content}, required=True
        )


class Uploaded(msgspec.Struct, frozen=True, kw_only=True):
    """What to put into `files` of a reply or a note, within a day."""

    sha256: str
    name: str
    media_type: str
    size: int


@post(
    "/files",
    guards=[needs("write", "cards.work")],
    summary="Upload a file for a reply or a note",
    request_max_body_size=MAX_FILE,
    operation_class=Upload,
)
async def upload(
    request: Request[Any, Any, State],
    state: State,
    name: Annotated[str, QueryParameter(name="name", max_length=500)] = "",
) -> Uploaded:
    """The body is the file's content and `Content-Type` its type; at most 25 MB. The answer goes into `files` of a reply or
    a note. What nothing has used within a day is removed."""
    data = await request.body()
    sha256 = await desk(state).store.upload(data, desk(state).now())
    kind = media_type(request.headers.get("content-type", ""))
    return Uploaded(sha256=sha256, name=file_name(name), media_type=kind, size=len(data))


async def _of_card(state: State, number: int, key: str) -> FileRow:
    store = desk(state).store
    file = await store.file(key)
    if file.card_id != await store.card_id(number):
        raise Missing("there is no such file")
    return file


@get(
    "/cards/{number:int}/files/{key:str}",
    guards=READ,
    summary="The content of a message's file",
    responses={200: ResponseSpec(bytes, description="The content", media_type="application/octet-stream")},
)
async def download(
    request: Request[Any, Any, State], state: State, number: FromPath[int], key: FromPath[str]
) -> Response[Any]:
    """`key` is from the file of a message (`GET /cards/{number}/messages`). 404 while the content is not there."""
    file = await _of_card(state, number, key)
    return await answer(desk(state).store, file, ranged=request.headers.get("range", ""))


@get(
    "/cards/{number:int}/messages/{message:int}/html",
    guards=READ,
    summary="A mail as it was written",
    responses={200: ResponseSpec(str, description="The HTML", media_type="text/html")},
)
async def original(state: State, number: FromPath[int], message: FromPath[int]) -> Response[Any]:
    """The HTML of a message that has `html`: cleaned, its pictures `cid:` and the `inline` of one of its files. 404 for a
    message that came as text alone."""
    store = desk(state).store
    found = next((said for said in await store.messages(await store.card_id(number)) if said.id == message), None)
    if found is None or not found.html:
        raise Missing("there is no such message, or it is text and nothing else")
    headers = {"content-security-policy": POLICY, "content-disposition": "attachment"}
    return Response(await store.content(found.html), media_type="text/html", headers=headers)


@post("/cards/{number:int}/files/{key:str}/fetch", guards=WORK, status_code=200, summary="Try again to fetch a file")
async def fetch_again(state: State, number: FromPath[int], key: FromPath[str]) -> FileRow:
    """For a file in the state `failed` that came by reference; 409 for any other."""
    await desk(state).fetch_again((await _of_card(state, number, key)).key)
    return await desk(state).store.file(key)


router = Router("/", tags=["files"], route_handlers=[upload, download, original, fetch_again])
