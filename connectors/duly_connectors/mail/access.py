"""Signing in to mail servers: with a password, or with OAuth2 (OAUTHBEARER, RFC 7628, where the server offers it,
else XOAUTH2, as Microsoft takes it).

OAuth2: a refresh token is changed for an access token (RFC 6749, 6) at the provider's token endpoint; the access token is
kept in memory until shortly before it ends. Where the provider gives another refresh token along, that one is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

import msgspec

from duly_connectors.outbound import Interrupted, Network, NotSent
from duly_connectors.wording import Worded, _
from duly_runtime.time import monotonic

EARLY_SECONDS = 60.0
"""An access token is changed for a new one this long before it ends."""
USUAL_SECONDS = 3600.0


class SignInFailed(Worded):
    """The server, or the provider of tokens, refuses us: a person must set something right."""


@dataclass(frozen=True, slots=True)
class Place:
    """A server as a URL names it. `secure`: TLS from the start. `starttls`: True demands it, None takes it where it is."""

    host: str
    port: int
    secure: bool = False
    starttls: bool | None = None
    user: str = ""
    password: str = field(default="", repr=False)
    path: str = ""

    @staticmethod
    def read(url: str, scheme: str, ports: tuple[int, int]) -> Place | None:
        """`scheme://user:password@host:port/path?starttls=1`, or the scheme with an `s`; None where it is neither. `ports`:
        the usual one with TLS from the start, and without."""
        try:
            parts = urlsplit(url.strip())
            host, port = parts.hostname, parts.port
        except ValueError:
            return None
        if parts.scheme not in (scheme, f"{scheme}s") or not host:
            return None
        secure = parts.scheme == f"{scheme}s"
        wish = parse_qs(parts.query).get("starttls", [""])[-1].lower()
        starttls = None if not wish else wish in ("1", "true", "yes")
        return Place(
            host,
            port or ports[0 if secure else 1],
            secure,
            False if secure else starttls,
            unquote(parts.username or ""),
            unquote(parts.password or ""),
            unquote(parts.path.strip("/")),
        )


def bearer(place: Place, token: str) -> str:
    """What OAUTHBEARER says first (RFC 7628, 3.1)."""
    user = place.user.replace("=", "=3D").replace(",", "=2C")
    return f"n,a={user},\x01host={place.host}\x01port={place.port}\x01auth=Bearer {token}\x01\x01"


def base_address(address: str) -> str:
    """An address in lower case, without what follows a plus in its local part (RFC 5233)."""
    local, at, domain = address.strip().strip("<>").lower().rpartition("@")
    return local.partition("+")[0] + at + domain


REFRESH = "refresh token"


class OAuth:
    """Access tokens: by a refresh token, or by the application's own secret where there is none (RFC 6749, 4.4). All parts
    may be empty: then there is none. `renewed` is told of the refresh token that takes the place of the one before."""

    def __init__(
        self, network: Network, given: Mapping[str, str], renewed: Callable[[str], None] = lambda token: None
    ) -> None:
        self._network = network
        self.given = dict(given)
        self._stored = self.given.get(REFRESH, "")
        self._renewed = renewed
        self._token = ""
        self._until = 0.0

    def __bool__(self) -> bool:
        return bool(self.given.get("endpoint") and (self.given.get(REFRESH) or self.given.get("client secret")))

    def follows(self, given: Mapping[str, str]) -> bool:
        """Whether this is still the one for these settings. Another refresh token is taken over; the access token stays."""
        if {**given, REFRESH: ""} != {**self.given, REFRESH: ""}:
            return False
        if given.get(REFRESH, "") != self._stored:
            self._stored = self.given[REFRESH] = given.get(REFRESH, "")
        return True

    def forget(self) -> None:
        """The server did not take the token: ask for another one next time."""
        self._token = ""

    async def token(self) -> str:
        """A valid access token. Raises NotSent (no answer: try again) or SignInFailed (refused)."""
        if self._token and monotonic() < self._until:
            return self._token
        refresh = self.given.get(REFRESH)
        form = {"grant_type": "client_credentials"}
        if refresh:
            form = {"grant_type": "refresh_token", "refresh_token": refresh}
        form |= {key: self.given[name] for key, name in _FORM if self.given.get(name)}
        headers = {"content-type": "application/x-www-form-urlencoded", "accept": "application/json"}
        endpoint = self.given["endpoint"]
        try:
            answer = await self._network.request("POST", endpoint, headers=headers, body=urlencode(form).encode())
        except Interrupted as error:
            raise NotSent(_("no answer from `{host}`"), host=urlsplit(endpoint).hostname) from error
        told = _object(answer.body)
        token = told.get("access_token")
        if answer.status >= 500 or answer.status == 429:
            raise NotSent(_("the token endpoint answered {status}"), status=answer.status)
        if answer.status != 200 or not isinstance(token, str) or not token:
            why = str(told.get("error_description") or told.get("error") or answer.status)[:300]
            if refresh:
                raise SignInFailed(
                    _("the token endpoint refuses: {why}. Sign in anew and store the refresh token"), why=why
                )
            raise SignInFailed(_("the token endpoint refuses: {why}"), why=why)
        try:
            seconds = float(cast(Any, told.get("expires_in")) or USUAL_SECONDS)
        except (TypeError, ValueError):
            seconds = USUAL_SECONDS
        self._token, self._until = token, monotonic() + max(0.0, seconds - EARLY_SECONDS)
        newer = told.get("refresh_token")
        if refresh and isinstance(newer, str) and newer.strip() and newer != refresh:
            # Microsoft's end after 90 days, used or not; some providers take each only once.
            self.given[REFRESH] = newer
            self._renewed(newer)
        return token


_FORM = (("client_id", "client id"), ("client_secret", "client secret"), ("scope", "scope"))


def _object(body: bytes) -> dict[str, object]:
    try:
        return msgspec.json.decode(body, type=dict[str, object])
    except msgspec.DecodeError:
        return {}
