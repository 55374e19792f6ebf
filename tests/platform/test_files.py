"""Files over the API: uploaded, sent, taken home again, and served so that nothing in them runs here."""

from __future__ import annotations

import asyncio
import datetime as dt
import hashlib
from collections.abc import Awaitable, Callable
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from connectors.servers import mail
from duly_runtime.doors import MAX_FILE, Inbound
from duly_runtime.events import Contact, CustomerMessage, File
from duly_runtime.store.api import User
from duly_runtime.store.schedule import FILE_TRIES
from support.office import PASSWORD, RULES, Office, office

PDF = b"%PDF-1.7\r\n.\r\n" + bytes(range(256)) * 40
HTML = b"<script>alert(document.domain)</script>"


def run(folder: Path, body: Callable[[Office], Awaitable[None]], rules: str = RULES) -> None:
    async def main() -> None:
        async with office(folder, rules, {"DULY_ALLOW_PRIVATE_ADDRESSES": "1"}) as here:
            await body(here)

    asyncio.run(main())


async def card(here: Office, **fields: object) -> tuple[dict[str, str], str]:
    """Headers that may work, and the address of a new card."""
    headers = await here.token("read", "write")
    answer = await here.client.post("/api/v1/cards", json={"pipeline": "Support", **fields}, headers=headers)
    return headers, f"/api/v1/cards/{answer.json()['number']}"


async def uploaded(here: Office, headers: dict[str, str], data: bytes, name: str, kind: str) -> dict[str, Any]:
    answer = await here.client.post(
        "/api/v1/files", params={"name": name}, content=data, headers={**headers, "Content-Type": kind}
    )
    assert answer.status_code == 201, answer.text
    return answer.json()


async def received(here: Office, file: File, data: bytes | None = None) -> tuple[dict[str, str], str, dict[str, Any]]:
    """A customer's message with a file: headers, the card's address, and the file as the API shows it."""
    body = CustomerMessage(
        text="See here",
        contact=Contact(name="Rita"),
        connector="Shop",
        conversation="rita",
        pipeline="Support",
        files=(file,),
    )
    contents = {} if data is None else {file.sha256: data}
    item = Inbound(key="m1", at=here.clock.now(), body=body, contents=contents)
    accepted = await here.desk.store.accept("Shop", None, [item], here.clock.now())
    handled = await here.desk.node.handle(accepted.event_ids[0])
    if not handled.done:
        handled = await here.desk.store.outcome(accepted.event_ids[0])
    at = f"/api/v1/cards/{(await here.desk.store.card(handled.card_id)).number}"
    headers = await here.token("read", "write")
    (message,) = (await here.client.get(f"{at}/messages", headers=headers)).json()
    return headers, at, message["files"][0]


def brought(data: bytes, name: str, kind: str) -> File:
    return File(name=name, media_type=kind, size=len(data), sha256=hashlib.sha256(data).hexdigest())


def test_a_file_is_uploaded_sent_and_downloaded(tmp_path: Path) -> None:
    async def body(here: Office) -> None:
        headers, at = await card(here)
        file = await uploaded(here, headers, PDF, "folder/relatório.pdf", "application/pdf")
        assert file == {
            "sha256": hashlib.sha256(PDF).hexdigest(),
            "name": "relatório.pdf",
            "media_type": "application/pdf",
            "size": len(PDF),
        }
        reply = await here.client.post(f"{at}/reply", json={"text": "Here", "files": [file]}, headers=headers)
        assert reply.status_code == 200, reply.text
        note = await here.client.post(f"{at}/note", json={"files": [file]}, headers=headers)
        assert note.status_code == 200, note.text
        messages = (await here.client.get(f"{at}/messages", headers=headers)).json()
        assert [(m["direction"], len(m["files"])) for m in messages] == [("out", 1), ("note", 1)]
        got = messages[0]["files"][0]
        assert (got["name"], got["size"], got["state"]) == ("relatório.pdf", len(PDF), "stored")
        answer = await here.client.get(f"{at}/files/{got['key']}", headers={**headers, "Accept-Encoding": "gzip"})
        assert answer.content == PDF
        assert answer.headers["content-type"] == "application/octet-stream"
        assert answer.headers["content-disposition"] == (
            "attachment; filename=\"relatorio.pdf\"; filename*=UTF-8''relat%C3%B3rio.pdf"
        )
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "sandbox" in answer.headers["content-security-policy"]

    run(tmp_path, body)


def test_a_part_of_a_file(tmp_path: Path) -> None:
    async def body(here: Office) -> None:
        headers, at, file = await received(here, brought(PDF, "a.pdf", "application/pdf"), PDF)
        for asked, data, told in (
            ("bytes=5-9", PDF[5:10], f"bytes 5-9/{len(PDF)}"),
            ("bytes=100-", PDF[100:], f"bytes 100-{len(PDF) - 1}/{len(PDF)}"),
            ("bytes=-7", PDF[-7:], f"bytes {len(PDF) - 7}-{len(PDF) - 1}/{len(PDF)}"),
            ("bytes=0-999999", PDF, f"bytes 0-{len(PDF) - 1}/{len(PDF)}"),
        ):
            answer = await here.client.get(
                f"{at}/files/{file['key']}", headers={**headers, "Range": asked, "Accept-Encoding": "gzip"}
            )
            assert (answer.status_code, answer.content) == (206, data), asked
            assert answer.headers["content-range"] == told
            assert "content-encoding" not in answer.headers
        beyond = await here.client.get(f"{at}/files/{file['key']}", headers={**headers, "Range": "bytes=99999-"})
        assert (beyond.status_code, beyond.headers["content-range"]) == (416, f"bytes */{len(PDF)}")
        for whole in ("lines=1-2", "bytes=-", "bytes=1-2,4-5", "bytes=x"):
            answer = await here.client.get(f"{at}/files/{file['key']}", headers={**headers, "Range": whole})
            assert (answer.status_code, answer.content) == (200, PDF), whole

    run(tmp_path, body)


def test_a_reply_with_a_file_arrives_by_mail(tmp_path: Path) -> None:
    rules = RULES + '\nconnector "Mail" sends email {\n  server secret "SMTP"\n  from "Support <support@desk.example>"\n}\n'

    async def body(here: Office) -> None:
        async with mail() as server:
            here.desk.secrets.set("SMTP", f"smtp://127.0.0.1:{server.port}")
            assert (await here.desk.publish({"support.duly": rules}, "tester", "first")).hash
            headers, at = await card(here, email="rita@cliente.example", text="Where is my invoice?")
            file = await uploaded(here, headers, PDF, "invoice.pdf", "application/pdf")
            reply = await here.client.post(f"{at}/reply", json={"text": "Here", "files": [file]}, headers=headers)
            assert reply.status_code == 200, reply.text
            for _ in range(500):
                if server.messages:
                    break
                await asyncio.sleep(0.02)
            message = message_from_bytes(server.messages[0].removesuffix(b".\r\n"), policy=policy.default)
            assert isinstance(message, EmailMessage)
            (attachment,) = message.iter_attachments()
            assert attachment.get_filename() == "invoice.pdf"
            assert attachment.get_payload(decode=True) == PDF

    run(tmp_path, body, "")


def test_what_can_not_be_attached_says_why(tmp_path: Path) -> None:
    async def body(here: Office) -> None:
        headers, at = await card(here)
        file = await uploaded(here, headers, PDF, "a.pdf", "application/pdf")
        for said, status, words in (
            ({"files": [{"sha256": "0" * 64, "name": "b.pdf"}]}, 422, "b.pdf has not been uploaded"),
            ({"files": [file] * 11}, 400, "length <= 10"),
            ({"files": [{"sha256": "../x"}]}, 400, "matching regex"),
            ({"text": " ", "files": []}, 422, "give a text, files or both"),
            ({}, 422, "give a text, files or both"),
        ):
            for what in ("reply", "note"):
                answer = await here.client.post(f"{at}/{what}", json=said, headers=headers)
                assert answer.status_code == status, answer.text
                assert words in answer.text
        assert (await here.client.get(f"{at}/messages", headers=headers)).json() == []

    run(tmp_path, body)


def test_too_large_an_upload_is_refused(tmp_path: Path) -> None:
    async def body(here: Office) -> None:
        headers = await here.token("read", "write")
        answer = await here.client.post("/api/v1/files", content=bytes(MAX_FILE + 1), headers=headers)
        assert answer.status_code == 413, answer.text
        assert answer.headers["content-type"] == "application/problem+json"
        whole = await uploaded(here, headers, bytes(MAX_FILE), "big.bin", "application/octet-stream")
        assert whole["size"] == MAX_FILE

    run(tmp_path, body)


def test_files_of_other_cards_and_files_that_are_not_there(tmp_path: Path) -> None:
    async def body(here: Office) -> None:
        headers, at, file = await received(here, brought(PDF, "a.pdf", "application/pdf"), PDF)
        _, other = await card(here)
        assert other != at
        for address in (f"{other}/files/{file['key']}", f"{at}/files/nothing", f"/api/v1/cards/99/files/{file['key']}"):
            assert (await here.client.get(address, headers=headers)).status_code == 404
        lost = await here.client.post(f"{at}/files/{file['key']}/fetch", headers=headers)
        assert lost.status_code == 409

    run(tmp_path, body)


def test_a_file_that_could_not_be_fetched_is_fetched_again(tmp_path: Path) -> None:
    async def body(here: Office) -> None:
        file = File(name="v.ogg", media_type="audio/ogg", reference="media-1")
        headers, at, got = await received(here, file)
        assert got["state"] == "waiting" and got["fetchable"]
        address = f"{at}/files/{got['key']}"
        assert (await here.client.get(address, headers=headers)).status_code == 404, "not there yet"
        for tries in range(1, FILE_TRIES + 1):
            for _ in range(500):
                found = await here.desk.store.file(got["key"])
                if found.attempts == tries and (found.state == "failed" or tries < FILE_TRIES):
                    break
                if found.next_at is not None and found.attempts < tries:
                    here.clock.advance(max(found.next_at - here.clock.now(), dt.timedelta(seconds=1)))
                await asyncio.sleep(0.01)
            assert found.attempts == tries
        messages = (await here.client.get(f"{at}/messages", headers=headers)).json()
        file_now = messages[0]["files"][0]
        assert (file_now["state"], file_now["error"]) == ("failed", "there is no connector `Shop`")
        again = await here.client.post(f"{address}/fetch", headers=headers)
        assert (again.status_code, again.json()["state"]) == (200, "waiting")

    run(tmp_path, body)


def test_screens_show_pictures_and_sounds_and_nothing_that_could_act(tmp_path: Path) -> None:
    """Whatever a file says it is: only what is on the list is shown, under the type on the list, and guessed is nothing."""
    told = {
        "image/png": "image/png",
        "IMAGE/JPEG": "image/jpeg",
        "audio/ogg; codecs=opus": "audio/ogg",
        "video/mp4": "video/mp4",
        "image/svg+xml": "",
        "text/html": "",
        "application/pdf": "",
        "application/xhtml+xml": "",
        "text/plain": "",
        "image/png, text/html": "",
        "": "",
    }

    async def body(here: Office) -> None:
        files = [brought(HTML + str(n).encode(), "x.html", kind) for n, kind in enumerate(told)]
        body = CustomerMessage(
            text="",
            contact=Contact(name="Rita"),
            connector="Shop",
            conversation="r",
            pipeline="Support",
            files=tuple(files),
        )
        contents = {file.sha256: HTML + str(n).encode() for n, file in enumerate(files)}
        item = Inbound(key="m1", at=here.clock.now(), body=body, contents=contents)
        accepted = await here.desk.store.accept("Shop", None, [item], here.clock.now())
        for _ in range(200):
            if (await here.desk.store.outcome(accepted.event_ids[0])).done:
                break
            await here.desk.node.handle(accepted.event_ids[0])
        (message,) = await here.desk.store.messages(1)
        assert (await here.desk.store.card(1)).title == "x.html", "a card is called by something"
        stranger = await here.client.get(f"/cards/1/files/{message.files[0].key}/view", follow_redirects=False)
        assert stranger.status_code == 303 and stranger.headers["location"].startswith("/login")
        await _sign_in(here)
        for file, expected in zip(message.files, told.values(), strict=True):
            for way in ("", "/view"):
                answer = await here.client.get(f"/cards/1/files/{file.key}{way}")
                assert answer.status_code == 200
                shown = bool(expected) and way == "/view"
                assert answer.headers["content-type"] == (expected if shown else "application/octet-stream")
                assert answer.headers["content-disposition"].startswith("inline" if shown else "attachment")
                assert answer.headers["x-content-type-options"] == "nosniff"
                assert answer.headers["content-security-policy"].startswith("default-src 'none'")
                assert "sandbox" in answer.headers["content-security-policy"]
        assert (await here.client.get(f"/cards/2/files/{message.files[0].key}")).status_code == 404

    run(tmp_path, body)


def test_a_mail_as_it_was_written(tmp_path: Path) -> None:
    html = '<p>Olá</p><img src="cid:photo@x"><img src="cid:other">'.encode()

    async def body(here: Office) -> None:
        photo = File(
            name="a.png", media_type="image/png", size=3, sha256=hashlib.sha256(b"PNG").hexdigest(), inline="photo@x"
        )
        body = CustomerMessage(
            text="Olá",
            quoted="> Before",
            html=hashlib.sha256(html).hexdigest(),
            contact=Contact(name="Rita"),
            connector="Shop",
            conversation="r",
            pipeline="Support",
            files=(photo,),
        )
        item = Inbound(key="m1", at=here.clock.now(), body=body, contents={body.html: html, photo.sha256: b"PNG"})
        accepted = await here.desk.store.accept("Shop", None, [item], here.clock.now())
        for _ in range(200):
            if (await here.desk.store.outcome(accepted.event_ids[0])).done:
                break
            await here.desk.node.handle(accepted.event_ids[0])
        (message,) = await here.desk.store.messages(1)
        headers = await here.token("read")
        answer = await here.client.get(f"/api/v1/cards/1/messages/{message.id}/html", headers=headers)
        assert answer.content == html and answer.headers["content-type"] == "text/html; charset=utf-8"
        assert "sandbox" in answer.headers["content-security-policy"]
        (told,) = (await here.client.get("/api/v1/cards/1/messages", headers=headers)).json()
        assert (told["quoted"], told["html"], told["files"][0]["inline"]) == ("> Before", body.html, "photo@x")
        for path in ("1/messages/999", f"2/messages/{message.id}"):
            assert (await here.client.get(f"/api/v1/cards/{path}/html", headers=headers)).status_code == 404
        assert (await here.client.get("/cards/1/messages/1/original", follow_redirects=False)).status_code == 303
        await _sign_in(here)
        page = await here.client.get(f"/cards/1/messages/{message.id}/original")
        assert f'src="/cards/1/files/{message.files[0].key}/view"' in page.text and "cid:" not in page.text
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        policy = page.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; img-src 'self';") and "allow-scripts" not in policy
        assert "script-src" not in policy and "sandbox" in policy

    run(tmp_path, body)


async def _sign_in(here: Office) -> None:
    """As somebody who may only read."""
    vera = User(name="vera", full_name="", email="", phone="", role="viewer", language="", active=True)
    await here.desk.accounts.save(vera, PASSWORD)
    await here.client.get("/login")
    token = here.client.cookies["duly_csrf"]
    answer = await here.client.post(
        "/login", data={"name": "vera", "password": PASSWORD, "_csrf_token": token}, follow_redirects=False
    )
    assert answer.status_code == 303, answer.text
