"""Real mail servers, for whichever test asks for them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from connectors.mailservers import Authority, Dovecot, dovecot, open_folder


@pytest.fixture(scope="module")
def authority() -> Iterator[Authority]:
    with open_folder() as folder:
        yield Authority(folder)


@pytest.fixture
def server(authority: Authority) -> Iterator[Dovecot]:
    with dovecot(authority) as running:
        yield running
