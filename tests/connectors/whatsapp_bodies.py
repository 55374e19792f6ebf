"""Bodies of Meta's webhook, one for each kind of thing it tells. Shapes after the "Webhooks" reference of the Cloud API,
v25.0; ids, names, numbers and texts are ours. Each has a name the tests show."""

from __future__ import annotations

from typing import Any

from connectors.samples import CUSTOMER, STAMP, USER_ID, body, contact, message, status, value

PARENT_ID = "BR.ENT.5501938840012"
NEW_NUMBER = "5511955554444"
NEW_ID = "BR.9900112233445"
NEW_PARENT_ID = "BR.ENT.7701938840999"
OUR_NUMBER = "551133224455"
GROUP_ID = "Y2FwaV9ncm91cDoxMjAzNjM"
OURS = "wamid.OUT7"
"""A message of ours that others are about."""


def said(kind: str = "text", **more: Any) -> dict[str, Any]:
    return body(value(contacts=[contact()], messages=[message(kind, **more)]))


def system(**more: Any) -> dict[str, Any]:
    content = {"body": "Ana Lima changed", **more}
    old = {"from": CUSTOMER, "id": "wamid.S1", "timestamp": STAMP, "type": "system", "system": content}
    return body(value(messages=[old]))


def field(name: str, **more: Any) -> dict[str, Any]:
    return {"entry": [{"id": "330099", "changes": [{"field": name, "value": value(**more)}]}]}


def echo(kind: str = "text", **more: Any) -> dict[str, Any]:
    content = {"text": {"body": "Já enviamos hoje"}} if kind == "text" else {}
    sent = {"from": OUR_NUMBER, "to": CUSTOMER, "id": "wamid.E1", "timestamp": STAMP, "type": kind, **content, **more}
    return field("smb_message_echoes", message_echoes=[sent])


def call(event: str = "terminate", **more: Any) -> dict[str, Any]:
    made = {
        "id": "wacid.C1",
        "from": CUSTOMER,
        "to": OUR_NUMBER,
        "event": event,
        "direction": "USER_INITIATED",
        "timestamp": STAMP,
        **more,
    }
    return field("calls", contacts=[contact()], calls=[made])


def media(kind: str, mime: str, **more: Any) -> dict[str, Any]:
    found = {"mime_type": mime, "sha256": "q7x1nZ3mY2fYk0fX5W2rjY1Q0s6u1r8vT3yJm3k2u5A=", "id": "901234", **more}
    return said(kind, **{kind: found})


MESSAGES: dict[str, dict[str, Any]] = {
    "text": said(),
    "text of a business-scoped id": body(
        value(
            contacts=[
                {"profile": {"name": "Ana", "username": "ana.lima"}, "user_id": USER_ID, "parent_user_id": PARENT_ID}
            ],
            messages=[
                {
                    "from_user_id": USER_ID,
                    "from_parent_user_id": PARENT_ID,
                    "id": "wamid.U1",
                    "timestamp": STAMP,
                    "type": "text",
                    "text": {"body": "Sou eu"},
                }
            ],
        )
    ),
    "text that quotes": said(context={"from": OUR_NUMBER, "id": OURS}),
    "text that was forwarded": said(context={"forwarded": True}),
    "text about a product": said(
        context={"from": OUR_NUMBER, "id": OURS, "referred_product": {"catalog_id": "77", "product_retailer_id": "sku-9"}}
    ),
    "text after an ad": said(
        referral={
            "source_url": "https://fb.example/ad/1",
            "source_id": "120",
            "source_type": "ad",
            "headline": "Frete livre",
            "body": "Só hoje",
            "media_type": "image",
            "image_url": "https://scontent.example/1.jpg",
            "ctwa_clid": "Aff-n8",
            "welcome_message": {"text": "Oi"},
        }
    ),
    "image": media("image", "image/jpeg", caption="o rótulo"),
    "voice": media("audio", "audio/ogg; codecs=opus", voice=True),
    "audio": media("audio", "audio/mpeg", voice=False),
    "video": media("video", "video/mp4", caption="caiu"),
    "document": media("document", "application/pdf", filename="nota.pdf", caption="a nota"),
    "sticker": media("sticker", "image/webp", animated=False),
    "image without an id": said("image", image={"caption": "o rótulo"}),
    "location": said("location", location={"latitude": -23.5, "longitude": -46.6, "name": "Loja", "address": "Rua 1"}),
    "contacts": said(
        "contacts", contacts=[{"name": {"formatted_name": "Zé"}, "phones": [{"phone": "+55 11 2", "type": "CELL"}]}]
    ),
    "button reply": said(
        "interactive",
        interactive={"type": "button_reply", "button_reply": {"id": "y", "title": "Sim"}},
        context={"id": OURS},
    ),
    "list reply": said(
        "interactive",
        interactive={"type": "list_reply", "list_reply": {"id": "t", "title": "Troca", "description": "por outro"}},
    ),
    "form": said(
        "interactive",
        interactive={
            "type": "nfm_reply",
            "nfm_reply": {
                "name": "flow",
                "body": "Sent",
                "response_json": '{"flow_token":"x","size":"M","colours":["red","blue"]}',
            },
        },
    ),
    "leave to call": said(
        "interactive",
        interactive={
            "type": "call_permission_reply",
            "call_permission_reply": {"response": "accept", "is_permanent": False},
        },
    ),
    "template button": said("button", button={"text": "Quero", "payload": "q"}, context={"from": OUR_NUMBER, "id": OURS}),
    "order": said(
        "order",
        order={
            "catalog_id": "77",
            "text": "rápido",
            "product_items": [{"product_retailer_id": "sku1", "quantity": 2, "item_price": 9.5, "currency": "BRL"}],
        },
    ),
    "welcome": said("request_welcome"),
    "unsupported": said(
        "unsupported",
        errors=[{"code": 131051, "title": "Message type unknown", "error_data": {"details": "no"}}],
        unsupported={"type": "poll_creation"},
    ),
    "a type of tomorrow": said("hologram", hologram={"id": 4}),
    "message in a group": said(group_id=GROUP_ID),
    "missed call": call(status="FAILED"),
    "call": call(status="COMPLETED", start_time=STAMP, end_time=STAMP, duration=130),
    "edit that names nothing": said("edit", edit={"message": {"type": "text", "text": {"body": "novo"}}}),
}
"""Bodies whose one item is a message of the customer."""

CHANGES: dict[str, dict[str, Any]] = {
    "reaction": said("reaction", reaction={"message_id": OURS, "emoji": "👍"}),
    "reaction taken back": said("reaction", reaction={"message_id": OURS}),
    "reaction in a group": said("reaction", reaction={"message_id": OURS, "emoji": "🎉"}, group_id=GROUP_ID),
    "edit": said(
        "edit",
        edit={
            "original_message_id": "wamid.A0",
            "message": {"type": "text", "text": {"body": "novo"}, "context": {"id": "0"}},
        },
    ),
    "edit of a caption": said(
        "edit",
        edit={
            "original_message_id": "wamid.A0",
            "message": {"type": "image", "image": {"id": "901", "mime_type": "image/jpeg", "caption": "agora sim"}},
        },
    ),
    "revoke": said("revoke", revoke={"original_message_id": "wamid.A0"}),
    "edit from our phone": echo(
        "edit", edit={"original_message_id": "wamid.E0", "message": {"text": {"body": "corrigido"}}}
    ),
    "revoke from our phone": echo("revoke", revoke={"original_message_id": "wamid.E0"}),
}
"""Bodies whose one item changes another message."""

ECHOES: dict[str, dict[str, Any]] = {
    "echo": echo(),
    "echo of an image": echo("image", image={"id": "902", "mime_type": "image/png", "caption": "o comprovante"}),
    "our call": call(direction="BUSINESS_INITIATED", to=CUSTOMER, status="COMPLETED", duration=61, **{"from": OUR_NUMBER}),
    "our call, not taken": call(direction="BUSINESS_INITIATED", to=CUSTOMER, status="FAILED", **{"from": OUR_NUMBER}),
}
"""Bodies whose one item was sent by another way than Duly."""

IDENTITIES: dict[str, dict[str, Any]] = {
    "another number": system(
        type="user_changed_number",
        wa_id=NEW_NUMBER,
        user_id=NEW_ID,
        parent_user_id=NEW_PARENT_ID,
        previous_user_id=USER_ID,
        previous_parent_user_id=PARENT_ID,
    ),
    "another number, as of old": system(type="customer_changed_number", new_wa_id=NEW_NUMBER, customer=CUSTOMER),
    "another user id": system(type="user_changed_user_id", user_id=NEW_ID, previous_user_id=USER_ID),
    "another security code": system(type="user_identity_changed", identity="x", user="y"),
}
"""Bodies whose one item says who a customer is."""

STATUSES: dict[str, dict[str, Any]] = {
    word: body(
        value(
            statuses=[
                status(
                    word,
                    biz_opaque_callback_data="77",
                    conversation={"id": "c", "origin": {"type": "service"}},
                    pricing={"billable": True, "pricing_model": "PMP", "category": "service", "type": "regular"},
                    recipient_user_id=USER_ID,
                )
            ]
        )
    )
    for word in ("sent", "delivered", "read", "played")
} | {
    "failed": body(
        value(
            statuses=[
                status(
                    "failed",
                    errors=[
                        {"code": 131047, "title": "Re-engagement message", "error_data": {"details": "late"}, "href": "u"}
                    ],
                )
            ]
        )
    ),
    "delivered in a group": body(
        value(statuses=[status("delivered", recipient_type="group", recipient_id=GROUP_ID, recipient_participant_id="1")])
    ),
}
"""Bodies whose one item is a status."""

PROBLEMS: dict[str, dict[str, Any]] = {
    "an error of the number": body(value(errors=[{"code": 130429, "title": "Rate limit hit"}])),
    "a reaction to nothing": said("reaction", reaction={"emoji": "👍"}),
    "a revoke of nothing": said("revoke", revoke={}),
    "another number, not said which": system(type="user_changed_number"),
    "an echo to nobody": field(
        "smb_message_echoes", message_echoes=[{"id": "wamid.E9", "type": "text", "text": {"body": "?"}}]
    ),
    "a call event of tomorrow": call("transferred"),
    "a history of messages": field("history", history=[{"metadata": {}, "threads": []}]),
    "a list of tomorrow": body(value(newthings=[1])),
}
"""Bodies that hold one thing for a person to see, and no event."""

NOTHING: dict[str, dict[str, Any]] = {
    "a call begins": call("connect", session={"sdp_type": "offer", "sdp": "v=0"}),
    "a call of ours rings": field("calls", statuses=[{"id": "wacid.C1", "type": "call", "status": "RINGING"}]),
    "a notice about a template": {
        "entry": [
            {"id": "1", "changes": [{"field": "message_template_status_update", "value": {"event": "APPROVED", "id": 5}}]}
        ]
    },
    "somebody joins a group": field("group_participants_update", groups=[{"group_id": GROUP_ID, "type": "joined"}]),
}
"""Bodies that hold no event: the raw request is all that is kept."""

EVERY = {**MESSAGES, **CHANGES, **ECHOES, **IDENTITIES, **STATUSES, **PROBLEMS, **NOTHING}

PASSING = ("connect", "ringing", "accepted", "rejected")
"""What a call says of itself before it ends."""
