"""What the tests of the checker suppose of the world outside the files."""

from __future__ import annotations

import re2

from duly_dsl.program import ConnectorKind, Environment, SettingSpec


def pattern_ok(pattern: str) -> bool:
    options = re2.Options()
    options.log_errors = False
    try:
        re2.compile(pattern, options)
    except re2.error:
        return False
    return True


WORLD = Environment(
    connector_kinds=(
        ConnectorKind("webhook", ("receives", "sends", "connects"), (SettingSpec("url"),), accepts_map=True),
        ConnectorKind(
            "email",
            ("sends",),
            (SettingSpec("server", required=True, secret=True), SettingSpec("from", required=True)),
        ),
        ConnectorKind("whatsapp", ("receives", "sends", "connects"), (SettingSpec("phone number id", required=True),)),
    ),
    regions=frozenset({"PT", "BR", "BR-SP"}),
    secrets=frozenset({"SMTP", "SHOP_KEY"}),
    pattern_ok=pattern_ok,
)
