"""Every connection Duly opens to an address that people configured goes through here.

The name is resolved once, every address it has is checked against the ranges that are not the public Internet, and the
connection goes to a checked address while TLS and the Host header keep the name (so a second answer of the DNS can't lead
inside). No redirects, no proxies from the environment, answers read up to a cap. A new connection each time: nothing is
sent into a connection that the other side is just closing, so only a real time-out is ambiguous.

What the network needs is imported where it is used: `duly check` imports this module and connects to nothing.

Ranges: the IANA special-purpose address registries (RFC 6890 and its successors), NAT64 RFC 6052 and RFC 8215.
"""

from __future__ import annotations

import base64
import contextlib
import datetime as dt
import functools
import ipaddress
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import msgspec

from duly_connectors.wording import Worded, _

if TYPE_CHECKING:
    import socket
    import ssl

CONNECT_SECONDS = 5.0
TOTAL_SECONDS = 10.0
"""Below the 15 seconds the runtime gives a send, so that the connector names the outcome itself."""
ANSWER_CAP = 1024 * 1024
TOLD_BYTES = 1000
"""Of an answer's body, for people."""
LONGEST_WAIT = 24 * 3600.0
"""Seconds of a Retry-After we obey; beyond it the other side's clock is broken."""

_CLOSED_V4 = tuple(
    ipaddress.IPv4Network(text)
    for text in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
    )
)
_OPEN_V6 = ipaddress.IPv6Network("2000::/3")
_CLOSED_V6 = tuple(
    ipaddress.IPv6Network(text) for text in ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")
)  # Teredo and protocol assignments, documentation, 6to4
_MAPPED = ipaddress.IPv6Network("::ffff:0:0/96")
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


class NotSent(Worded):
    """It surely did not arrive: no address, no connection, no TLS."""


class Blocked(NotSent):
    """We won't connect there, now or later."""


class Interrupted(Worded):
    """The request (or part of it) went out and no answer came back: it may have arrived."""


class Response(msgspec.Struct, frozen=True, kw_only=True):
    """What came back. Header names are lower case; `body` is cut at the cap."""

    status: int
    headers: dict[str, str] = {}
    body: bytes = b""

    def told(self) -> str:
        """The answer as people read it in the log of deliveries: the status, and the beginning of a body that is text."""
        body = self.body[:TOLD_BYTES].decode("utf-8", "replace").replace("\0", "\ufffd").strip()
        return f"{self.status}\n{body}" if body else str(self.status)

    def retry_after(self, now: dt.datetime) -> float:
        """Seconds the other side asks us to wait (RFC 9110, 10.2.3); 0 where it says nothing we can read."""
        from email.utils import parsedate_to_datetime

        text = self.headers.get("retry-after", "").strip()
        if text.isascii() and text.isdigit():
            return min(float(text), LONGEST_WAIT)
        try:
            at = parsedate_to_datetime(text)
        except (ValueError, TypeError):
            return 0
        if at.tzinfo is None:
            at = at.replace(tzinfo=dt.UTC)
        return max(0.0, min((at - now).total_seconds(), LONGEST_WAIT))


def is_public(address: str) -> bool:
    """Whether an IP address is on the public Internet. What carries an IPv4 address inside is judged by that one."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False  # scoped addresses (fe80::1%eth0) and the like
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.scope_id:
            return False
        if ip in _MAPPED or ip in _NAT64:
            ip = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        else:
            return ip in _OPEN_V6 and not any(ip in network for network in _CLOSED_V6)
    return not any(ip in network for network in _CLOSED_V4)


@functools.cache
def _usual_tls() -> ssl.SSLContext:
    """One for the process: to read all authorities takes a tenth of a second."""
    import ssl

    import certifi

    made = ssl.create_default_context(cafile=certifi.where())
    with contextlib.suppress(OSError):
        made.load_default_certs()  # a company's own authority
    return made


class Network:
    """Opens connections for connectors. `allow_private` is for development, tests and servers inside a private network;
    `seconds` is how long one request may take in all."""

    def __init__(self, *, allow_private: bool = False, seconds: float = TOTAL_SECONDS) -> None:
        self.allow_private = allow_private
        self.seconds = seconds
        self._tls: ssl.SSLContext | None = None

    def tls(self) -> ssl.SSLContext:
        """The client side of TLS, with the usual certificate checks."""
        return self._tls or _usual_tls()

    async def addresses(self, host: str, port: int) -> tuple[str, ...]:
        """The checked addresses of a host. NotSent where it has none, Blocked where one of them is not public."""
        import asyncio
        import socket

        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except TimeoutError as error:
            raise NotSent(_("no answer from the DNS for `{host}`"), host=host) from error
        except (OSError, UnicodeError) as error:
            raise NotSent(_("`{host}` has no address"), host=host) from error
        addresses = tuple(dict.fromkeys(str(entry[4][0]) for entry in found))
        if not self.allow_private:
            for address in addresses:
                if not is_public(address):
                    raise Blocked(
                        _("`{host}` leads to {address}, which is not on the public Internet"), host=host, address=address
                    )
        return addresses

    async def connect(self, host: str, port: int) -> socket.socket:
        """A connected, non-blocking socket to a checked address; NotSent where there is none."""
        import asyncio
        import socket

        loop = asyncio.get_running_loop()
        problem: Exception | None = None
        for address in await self.addresses(host, port):
            sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
            sock.setblocking(False)
            try:
                async with asyncio.timeout(CONNECT_SECONDS):
                    await loop.sock_connect(sock, (address, port))
            except (OSError, TimeoutError) as error:
                sock.close()
                problem = error
            except BaseException:
                sock.close()
                raise
            else:
                return sock
        raise NotSent(_("no connection to `{host}`: {error}"), host=f"{host}:{port}", error=_words(problem)) from problem

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        cap: int = ANSWER_CAP,
        seconds: float = 0,
    ) -> Response:
        """One HTTP request. Raises NotSent (Blocked where it never will be) or Interrupted; every status is an answer.
        `cap`: bytes of the answer that are read; `seconds`: how long it may take, where that is not the network's own."""
        sent = _headers(headers or {}, url, allow_http=self.allow_private)
        import asyncio

        import httpcore

        went_out = False

        async def trace(event: str, _info: Any) -> None:
            nonlocal went_out
            if event == "http11.send_request_headers.started":
                went_out = True

        try:
            async with (
                asyncio.timeout(seconds or self.seconds),
                httpcore.AsyncConnectionPool(
                    ssl_context=self.tls(), max_connections=1, network_backend=_checked_backend(self)
                ) as pool,
                pool.stream(
                    method,
                    url,
                    headers=sent,
                    content=body,
                    extensions={"trace": trace, "timeout": {"connect": CONNECT_SECONDS}},
                ) as answer,
            ):
                read = bytearray()
                async for chunk in answer.aiter_stream():
                    read += chunk
                    if len(read) >= cap:
                        break
                return Response(
                    status=answer.status,
                    headers={k.decode("latin-1").lower(): v.decode("latin-1") for k, v in answer.headers},
                    body=bytes(read[:cap]),
                )
        except NotSent:
            raise
        except (TimeoutError, OSError, httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError) as error:
            host = urlsplit(url).hostname
            if went_out:
                raise Interrupted(_("no answer from `{host}`: {error}"), host=host, error=_words(error)) from error
            raise NotSent(_("no connection to `{host}`: {error}"), host=host, error=_words(error)) from error
        except (ValueError, UnicodeError, httpcore.UnsupportedProtocol) as error:
            raise Blocked(_("the address can't be read as a URL")) from error


def _headers(given: Mapping[str, str], url: str, *, allow_http: bool) -> list[tuple[bytes, bytes]]:
    """The request's headers as bytes; Blocked where the URL is not one to post to."""
    try:
        parts = urlsplit(url)
        host = parts.hostname if parts.port is None or parts.port > 0 else ""
    except ValueError as error:
        raise Blocked(_("the address can't be read as a URL")) from error
    if parts.scheme not in ("http", "https") or not host:
        raise Blocked(_("the address must start with https://"))
    if parts.scheme == "http" and not allow_http:
        raise Blocked(_("the address must start with https://: what we send is private"))
    headers = {"user-agent": "Duly", "accept": "*/*", **{k.lower(): v for k, v in given.items()}}
    if parts.username is not None and "authorization" not in headers:
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        headers["authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
    if any(c in v for v in headers.values() for c in "\r\n\0"):
        raise Blocked(_("a header would hold a line break"))
    return [(k.encode("ascii"), v.encode("utf-8", "replace")) for k, v in headers.items()]


def _checked_backend(network: Network) -> Any:
    """An httpcore backend that connects to checked addresses only; httpcore keeps the name for TLS and Host."""
    import httpcore

    class Checked(httpcore.AsyncNetworkBackend):
        def __init__(self) -> None:
            self.plain: Any = httpcore.AnyIOBackend()

        async def connect_tcp(self, host: str, port: int, *rest: Any, **more: Any) -> Any:
            problem: Exception | None = None
            for address in await network.addresses(host, port):
                try:
                    return await self.plain.connect_tcp(address, port, *rest, **more)
                except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                    problem = error
            raise NotSent(
                _("no connection to `{host}`: {error}"), host=f"{host}:{port}", error=_words(problem)
            ) from problem

        async def connect_unix_socket(self, path: str, *rest: Any, **more: Any) -> Any:
            raise Blocked(_("we don't send to sockets of this machine"))

        async def sleep(self, seconds: float) -> None:
            await self.plain.sleep(seconds)

    return Checked()


def _words(error: BaseException | None) -> str:
    """What went wrong, for people: the error's text, or its kind where it has none."""
    if error is None:
        return "it has no address"
    if isinstance(error, TimeoutError) or "Timeout" in type(error).__name__:
        return "time-out"
    return str(error) or type(error).__name__
