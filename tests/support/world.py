"""What the tests of the checker suppose of the world outside the files."""

from __future__ import annotations

import datetime as dt

from duly_dsl.program import ConnectorKind, Environment, SettingSpec
from duly_platform.knowledge import pattern_ok

WORLD = Environment(
    connector_kinds=(
        ConnectorKind(
            "webhook", ("receives", "sends", "connects"), (SettingSpec("url"),), accepts_map=True, accepts_events=True
        ),
        ConnectorKind(
            "email",
            ("sends",),
            (SettingSpec("server", required=True, secret=True), SettingSpec("from", required=True)),
        ),
        ConnectorKind("whatsapp", ("receives", "sends", "connects"), (SettingSpec("phone number id", required=True),)),
    ),
    regions=frozenset({"PT", "BR", "BR-SP", "LK"}),
    secrets=frozenset({"SMTP", "SHOP_KEY"}),
    pattern_ok=pattern_ok,
    today=dt.date(2026, 11, 9),
    holidays_until={"LK": 2026},
)
