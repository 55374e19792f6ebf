"""The contract suite, run by the connectors that come with Duly."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from connectors import samples
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
