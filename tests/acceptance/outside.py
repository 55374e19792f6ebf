"""The world around Duly, for real: a mail server, somebody's webhook, Meta's API. Each logs what it took, by its key."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import email
import email.policy
import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from aiosmtpd.smtp import SMTP, Envelope, Session

from fakes.graph import FakeGraph

NUMBER_ID = "106540352242922"
APP_SECRET = "meta-app-secret"
VERIFY_TOKEN = "a-word-for-meta"
ACCESS_TOKEN = "a-system-users-token"
EVENTS_KEY = "whsec_" + "c2lnbmluZy1rZXktb2YtdGhlLXRlc3Rz"


class Mailbox:
    """The mail server's handler: `messages` in the order they came."""

    def __init__(self) -> None:
        self.messages: list[EmailMessage] = []

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        content = envelope.content
        assert isinstance(content, bytes)
        self.messages.append(email.message_from_bytes(content, policy=email.policy.default))
        return "250 OK"


@contextlib.contextmanager
def mail_server(mailbox: Mailbox) -> Iterator[str]:
    """Its address, as `smtp://…`. On a loop of its own, as aiosmtpd's controller can't take a free port."""
    loop = asyncio.new_event_loop()
    server = loop.run_until_complete(loop.create_server(lambda: SMTP(mailbox, hostname="mail.example"), "127.0.0.1", 0))
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield f"smtp://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        server.close()
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()


class Receiver(ThreadingHTTPServer):
    """A stranger's endpoint. `calls` are the bodies whose signature is right, with their `webhook-id`."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Endpoint)
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.unsigned = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/events"


class _Endpoint(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        length = int(self.headers["content-length"])
        body = self.rfile.read(length)
        if len(body) < length:  # the sender was killed in the middle: no request of HTTP, so nothing to judge
            self.close_connection = True
            return
        key = self.headers["webhook-id"]
        # By hand: a library would refuse the timestamp, which is of Duly's fast clock and ahead of ours.
        signed = f"{key}.{self.headers['webhook-timestamp']}.".encode() + body
        secret = base64.b64decode(EVENTS_KEY.removeprefix("whsec_"))
        right = base64.b64encode(hmac.new(secret, signed, hashlib.sha256).digest()).decode()
        if hmac.compare_digest(self.headers["webhook-signature"], f"v1,{right}"):
            self.server.calls.append((key, json.loads(body)))
            self.send_response(204)
        else:
            self.server.unsigned += 1
            self.send_response(401)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


class Outside:
    """Everything Duly talks to, and the secrets with which it does."""

    def __init__(self, mailbox: Mailbox, smtp: str, receiver: Receiver, graph: FakeGraph) -> None:
        self.mailbox = mailbox
        self.receiver = receiver
        self.graph = graph
        self.secrets = {
            "WHATSAPP_VERIFY_TOKEN": VERIFY_TOKEN,
            "WHATSAPP_APP_SECRET": APP_SECRET,
            "WHATSAPP_ACCESS_TOKEN": ACCESS_TOKEN,
            "WHATSAPP_API": graph.url,
            "EVENTS_URL": receiver.url,
            "EVENTS_KEY": EVENTS_KEY,
            "SMTP_URL": smtp,
        }

    def mails_to(self, address: str) -> list[EmailMessage]:
        return [mail for mail in list(self.mailbox.messages) if address in mail["To"]]


@contextlib.contextmanager
def outside() -> Iterator[Outside]:
    mailbox, receiver = Mailbox(), Receiver()
    threading.Thread(target=receiver.serve_forever, daemon=True).start()
    graph = FakeGraph(token=ACCESS_TOKEN, number_id=NUMBER_ID, app_secret=APP_SECRET)
    try:
        with mail_server(mailbox) as smtp, graph:
            yield Outside(mailbox, smtp, receiver, graph)
    finally:
        receiver.shutdown()
        receiver.server_close()


def whatsapp_body(customer: str, name: str, message_id: str, text: str, at: float) -> tuple[bytes, dict[str, str]]:
    """A message as Meta posts it, signed. `at` in seconds since 1970, of Duly's clock."""
    message = {"from": customer, "id": message_id, "timestamp": str(int(at)), "type": "text", "text": {"body": text}}
    value = {
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": "551133224455", "phone_number_id": NUMBER_ID},
        "contacts": [{"wa_id": customer, "profile": {"name": name}}],
        "messages": [message],
    }
    entry = {"id": "330099", "changes": [{"field": "messages", "value": value}]}
    body = json.dumps({"object": "whatsapp_business_account", "entry": [entry]}).encode()
    signature = hmac.new(APP_SECRET.encode(), body, hashlib.sha256).hexdigest()
    return body, {"content-type": "application/json", "x-hub-signature-256": f"sha256={signature}"}
