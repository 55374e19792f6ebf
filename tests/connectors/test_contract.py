"""The contract suite, run by the connectors that come with Duly."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import connectors.mails as mails
import connectors.samples as samples
import connectors.whatsapp_bodies as bodies
from duly_connectors.contract import Connector, Tools
from duly_connectors.email import Email
from duly_connectors.testing import FetcherContract, ReceiverContract, SenderContract
from duly_connectors.webhook import Webhook
from duly_connectors.whatsapp import WhatsApp
from duly_dsl import program
from duly_runtime.doors import Outgoing, Raw
from duly_runtime.events import File


class TestWebhook(ReceiverContract, SenderContract):
    secrets: ClassVar = {"SHOP_KEY": samples.SHOP_KEY, "SHOP_URL": "https://shop.example/hook?code=of-ours"}

    def make(self, tools: Tools) -> Connector:
        url = {
            "url": program.Setting(value="SHOP_URL", secret=True),
            "sign with": program.Setting(value="SHOP_KEY", secret=True),
        }
        both = program.Connector(
            name="Shop",
            kind="webhook",
            direction="connects",
            path="/in/shop",
            verify_scheme="hmac",
            verify_algorithm="sha256",
            verify_secret="SHOP_KEY",
            verify_header="X-Shop-Signature",
            same_path="order.id",
            map=samples.SHOP.map,
            settings=url,
        )
        return Webhook(both, samples.PIPELINE, tools)

    def samples(self) -> Sequence[Raw]:
        small = {"text": "Hi", "order": {"id": "200001"}}
        return [samples.shop_request(samples.ORDER), samples.shop_request(small, {"idempotency-key": "d-1"})]

    def mixed(self) -> Sequence[tuple[Raw, int]]:
        return [(self.sign(samples.shop_request({**samples.ORDER, "refund": "plenty", "gift": "perhaps"})), 0)]

    def sign(self, raw: Raw) -> Raw:
        return samples.sign_shop(raw)

    def outgoing(self) -> Sequence[Outgoing]:
        return [samples.outgoing(kind="call", event="card.created", payload=b'{"type":"card.created"}')]


class TestWebhookToken(TestWebhook):
    signs_body = False

    def make(self, tools: Tools) -> Connector:
        made = super().make(tools).definition
        door = program.Connector(
            name=made.name,
            kind="webhook",
            direction="connects",
            path=made.path,
            verify_scheme="token",
            verify_secret="SHOP_KEY",
            map=made.map,
            settings=made.settings,
        )
        return Webhook(door, samples.PIPELINE, tools)

    def samples(self) -> Sequence[Raw]:
        return [self.sign(raw) for raw in super().samples()]

    def sign(self, raw: Raw) -> Raw:
        return samples.request(raw.body, {**raw.headers, "authorization": f"Bearer {samples.SHOP_KEY}"})


class TestWhatsApp(ReceiverContract, SenderContract, FetcherContract):
    secrets: ClassVar = samples.WHATSAPP_SECRETS

    def make(self, tools: Tools) -> Connector:
        return WhatsApp(samples.WHATSAPP, samples.PIPELINE, tools)

    def samples(self) -> Sequence[Raw]:
        kinds = [
            samples.message(),
            samples.message("image", "wamid.A2", image={"id": "1", "caption": "o rótulo"}),
            samples.message(
                "interactive", "wamid.A3", interactive={"type": "button_reply", "button_reply": {"title": "Sim"}}
            ),
            samples.message(
                "contacts", "wamid.A4", contacts=[{"name": {"formatted_name": "Zé"}, "phones": [{"phone": "1"}]}]
            ),
            samples.message("order", "wamid.A5", order={"product_items": [{"quantity": 2, "product_retailer_id": "x"}]}),
        ]
        many = samples.body(samples.value(contacts=[samples.contact()], messages=kinds))
        told = samples.body(
            samples.value(statuses=[samples.status("sent"), samples.status("failed", errors=[{"code": 131047}])])
        )
        return [samples.wa_request(many), samples.wa_request(told)]

    def mixed(self) -> Sequence[tuple[Raw, int]]:
        """Good ones before and after, in the same value, in another one, and in another entry."""
        good = [samples.message(name=f"wamid.M{number}") for number in range(3)]
        nameless = {"from": samples.CUSTOMER, "type": "text", "text": {"body": "no id, but a message"}}
        one = samples.value(contacts=[samples.contact()], messages=[good[0], nameless, good[1], 7])
        other = samples.value(contacts=[samples.contact()], messages=[good[2]], statuses=[{}, samples.status("read")])
        tree = samples.body(one, other)
        tree["entry"] += [
            {"id": "9", "changes": ["?"]},
            *samples.body(samples.value(statuses=[samples.status("sent")]))["entry"],
        ]
        alone = [(samples.wa_request(wrong), 0) for wrong in bodies.PROBLEMS.values()]
        return [(samples.wa_request(tree), 6), *alone]

    def sign(self, raw: Raw) -> Raw:
        return samples.sign_whatsapp(raw)

    def outgoing(self) -> Sequence[Outgoing]:
        return [samples.outgoing(), samples.outgoing(kind="notice")]

    def files(self) -> Sequence[File]:
        return [File(name="rótulo", reference="1037543291543636")]


class TestEmail(SenderContract):
    secrets: ClassVar = {"SMTP_URL": "smtp://desk:pass-of-ours@mail.example:2525"}

    def make(self, tools: Tools) -> Connector:
        sender = program.Setting(value="Support <support@desk.example>")
        door = program.Connector(
            name="Mail",
            kind="email",
            direction="sends",
            settings={"server": program.Setting(value="SMTP_URL", secret=True), "from": sender},
        )
        return Email(door, None, tools)

    def outgoing(self) -> Sequence[Outgoing]:
        return [samples.outgoing(), samples.outgoing(kind="notice")]


class TestMailDoor(ReceiverContract):
    """Mail that is posted to the door."""

    secrets: ClassVar = {"MAIL_TOKEN": "token-of-the-mail-door"}
    signs_body = False

    def make(self, tools: Tools) -> Connector:
        door = program.Connector(
            name="Mail",
            kind="email",
            direction="receives",
            path="/in/mail",
            pipeline="Customer support",
            verify_scheme="token",
            verify_secret="MAIL_TOKEN",
        )
        return Email(door, samples.PIPELINE, tools)

    def samples(self) -> Sequence[Raw]:
        return [self._posted(mails.ALL[name]) for name in ("plain", "mixed", "dsn", "japanese")]

    def mixed(self) -> Sequence[tuple[Raw, int]]:
        many = mails.multipart(mails.PLAIN, *[b"Content-Type: image/png\n\nx"] * 300)
        return [(self._posted(many), 1), (self._posted(b""), 0)]

    def sign(self, raw: Raw) -> Raw:
        headers = {**raw.headers, "authorization": f"Bearer {self.secrets['MAIL_TOKEN']}"}
        return samples.request(raw.body, headers, path="/in/mail")

    def _posted(self, data: bytes) -> Raw:
        return self.sign(samples.request(data, {"content-type": "message/rfc822"}, path="/in/mail"))
