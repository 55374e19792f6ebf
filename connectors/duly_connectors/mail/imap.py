"""Mailboxes read by IMAP (RFC 9051 and 3501), with IDLE (RFC 2177) where the server has it, else by looking each minute.

Order of things, for each mail: fetched without being marked, taken in (committed), then marked `\\Seen`; nothing is ever
deleted or moved. How far a mailbox has been read is kept as its UIDVALIDITY and the last UID (RFC 9051, 2.3.1.1). Where
the UIDVALIDITY has changed (the mailbox was made anew), what is unseen or not older than the last mail is read again: mails
that came before have the same keys and count once.

What was in a mailbox when it was first connected is left alone, unless the connector takes unseen mail since some time
before (`take mail since`). It is told from what came later by its UID, and where those have changed by when it came.

The protocol runs in a thread of the mailbox's own; being cancelled closes the connection, which ends the thread's wait.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import socket
import ssl
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeVar, cast

import msgspec

from duly_connectors.contract import Tools
from duly_connectors.mail.access import OAuth, Place, SignInFailed, bearer
from duly_connectors.mail.reached import Came, Reached, search_date, stamp
from duly_connectors.mail.reading import MAX_MAIL
from duly_connectors.outbound import Blocked, NotSent
from duly_connectors.wording import Worded, _
from duly_dsl import i18n
from duly_runtime.doors import Feed, Raw
from duly_runtime.time import monotonic

if TYPE_CHECKING:
    import imaplib

STEP_SECONDS = 30.0
"""For each answer of the server."""
IDLE_SECONDS = 9 * 60.0
"""An IDLE is begun anew after this long: servers end one after 29 minutes, and routers forget quiet connections sooner."""
POLL_SECONDS = 60.0
"""Between two looks where the server has no IDLE."""
GAPS = (2.0, 5.0, 15.0, 60.0, 300.0)
"""Seconds before a connection is tried again; the last one for good."""
REFUSALS = 3
"""So often a server may refuse to give out a mail (Exchange does, where it can't convert one); then a person is told to
look at it, and it is passed over."""
LOOK_SECONDS = 5.0
"""Between two looks, while nothing can be read, whether the settings have been set right."""
GROUP_MAILS = 50
GROUP_BYTES = 4 * 1024 * 1024
"""Of mails fetched at once."""

PORTS = (993, 143)
Result = TypeVar("Result")


class _Changed(Exception):
    """The settings are others than those we began with."""


class Trouble(Worded):
    """The mailbox can't be read now; the message says why."""


_reached = msgspec.json.Decoder(Reached)


def boxes(text: str) -> tuple[Place, ...] | None:
    """The mailboxes of a setting: URLs with blanks between them, `imaps://user:password@host/INBOX`; None where one can't
    be read."""
    found = [Place.read(url, "imap", PORTS) for url in text.split()]
    return tuple(place for place in found if place is not None) if found and all(found) else None


def label(place: Place) -> str:
    """How people and the database know a mailbox."""
    return f"{place.path or 'INBOX'} {place.user}@{place.host}"


class Mailboxes:
    """The source of a connector: all its mailboxes, each on a connection of its own. `settings` reads the secrets anew each
    time: the URLs, and what OAuth2 needs. It raises Worded where they can't be used. `before`: unseen mail is taken that
    came so long before the first connection; None for all there is."""

    name = "mailbox"

    def __init__(
        self,
        tools: Tools,
        settings: Callable[[], tuple[tuple[Place, ...], OAuth]],
        before: dt.timedelta | None = dt.timedelta(),
    ) -> None:
        self._tools = tools
        self._settings = settings
        self.before = before

    async def run(self, feed: Feed) -> None:
        while True:
            try:
                places, oauth = self._settings()
            except Worded as error:
                await feed.tell(self.name, "bad", error.told(_words(self._tools)))
                await asyncio.sleep(LOOK_SECONDS)
                continue
            await feed.forget((self.name, *map(label, places)))
            await feed.tell(self.name, "ok")
            try:
                async with asyncio.TaskGroup() as group:
                    for place in places:
                        group.create_task(self._read(feed, place, oauth), name=f"mailbox {label(place)}")
            except* _Changed:
                pass  # somebody has set something right

    async def _read(self, feed: Feed, place: Place, oauth: OAuth) -> None:
        tries = 0
        refused: dict[tuple[int, int], int] = {}
        while True:
            mailbox = Mailbox(self._tools, place, oauth, refused)
            try:
                await mailbox.open()
                await mailbox.follow(feed, self.before)
            except Worded as error:
                await feed.tell(label(place), "bad", error.told(_words(self._tools)))
            finally:
                mailbox.close()
            # Only what could be read to its end begins anew with the short gaps: not what breaks again at the same mail.
            tries = 0 if mailbox.followed else tries + 1
            await self._rest(GAPS[min(tries, len(GAPS) - 1)], place, oauth)

    async def _rest(self, seconds: float, place: Place, oauth: OAuth) -> None:
        """Wait; raises _Changed as soon as the settings are others."""
        until, given = monotonic() + seconds, dict(oauth.given)
        while (left := until - monotonic()) > 0:
            await asyncio.sleep(min(left, LOOK_SECONDS))
            try:
                places, now = self._settings()
            except Worded:
                continue
            if place not in places or now.given != given:
                raise _Changed


class Mailbox:
    """One connection to one folder. Raises Trouble, NotSent or SignInFailed."""

    def __init__(self, tools: Tools, place: Place, oauth: OAuth, refused: dict[tuple[int, int], int] | None = None) -> None:
        self._tools = tools
        self._place = place
        self._oauth = oauth
        self._refused = {} if refused is None else refused
        """(UIDVALIDITY, UID) -> how often the server would not give out a mail, over several connections. Those named here
        are fetched alone."""
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="imap")
        self._sock: socket.socket | None = None
        self._client: Any = None
        self._closed = False
        self.followed = False
        """What was there has been read; from then on it waited for more."""

    # --- connection ---------------------------------------------------------------------------------------------------

    async def open(self) -> None:
        """Connect, secure, sign in."""
        place, network = self._place, self._tools.network
        sock = await network.connect(place.host, place.port)
        self._sock = sock
        sock.setblocking(True)
        sock.settimeout(STEP_SECONDS)
        context = network.tls()
        await self._do(lambda: self._greet(sock, context))
        secured = place.secure
        if not secured and place.starttls is not False:
            offered = await self._do(lambda: bool(self._client.has_capability("STARTTLS")))
            if offered:
                await self._do(lambda: self._secure(context))
                secured = True
        if not secured and (place.starttls or not network.allow_private):
            raise Blocked(_("the mail server offers no TLS, so nobody signs in: use imaps://"))
        await self._sign_in()

    async def _sign_in(self) -> None:
        from imapclient.exceptions import LoginError  # imported late: rule files are checked without a network

        place = self._place
        token = await self._oauth.token() if self._oauth and not place.password else ""
        try:
            if token:
                await self._do(lambda: self._show(token))
            else:
                await self._do(lambda: self._client.login(place.user, place.password))
        except _Answered as error:
            self._oauth.forget()
            if isinstance(error.__cause__, LoginError):
                raise SignInFailed(_("the mail server refuses to let us in: {error}"), error=error.words) from error
            raise Trouble(_("the mail server answered: {error}"), error=error.words) from error

    def _show(self, token: str) -> None:
        """Sign in with an access token: by OAUTHBEARER where it is offered, else by XOAUTH2."""
        from imapclient.exceptions import IMAPClientError, LoginError

        client = self._client
        if not client.has_capability("AUTH=OAUTHBEARER"):
            client.oauth2_login(self._place.user, token)
            return
        # Why a token is refused is told in a challenge, which one octet answers (RFC 7628, 3.2.3).
        said = iter((bearer(self._place, token),))
        try:
            client._command_and_check("authenticate", "OAUTHBEARER", lambda _challenge: next(said, "\x01"))
        except IMAPClientError as error:
            raise LoginError(str(error)) from error

    def _greet(self, sock: socket.socket, context: ssl.SSLContext) -> None:
        if self._place.secure:
            sock = self._sock = context.wrap_socket(sock, server_hostname=self._place.host)
        self._client = _client_on(sock, self._place.host)

    def _secure(self, context: ssl.SSLContext) -> None:
        self._client.starttls(context)
        self._sock = self._client.socket()  # the one before is an empty shell now, and closing it would end nothing

    def close(self) -> None:
        """Whatever goes on ends: what waits for the server hears that there is none, and its thread cleans up."""
        if self._closed:
            return
        self._closed = True
        if self._sock is not None:
            with contextlib.suppress(OSError):
                self._sock.shutdown(socket.SHUT_RDWR)
        self._thread.submit(self._let_go)
        self._thread.shutdown(wait=False)

    def _let_go(self) -> None:
        with contextlib.suppress(OSError):
            if self._client is not None:
                self._client.shutdown()  # the file it reads from would keep the connection
            if self._sock is not None:
                self._sock.close()

    async def _do(self, work: Callable[[], Result]) -> Result:
        """A step of the protocol, in the mailbox's thread."""
        from imapclient.exceptions import IMAPClientError

        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work)
        except asyncio.CancelledError:
            self.close()
            raise
        except ssl.SSLError as error:
            raise NotSent(_("no secure connection to `{host}`: {error}"), host=self._place.host, error=error) from error
        except (OSError, EOFError) as error:
            words = str(error) or type(error).__name__
            raise NotSent(_("the connection to `{host}` broke: {error}"), host=self._place.host, error=words) from error
        except IMAPClientError as error:
            goodbye = self._client is not None and self._client._imap.untagged_responses.get("BYE")
            if goodbye:
                raise Trouble(
                    _("the mail server ended the connection: {error}"), error=goodbye[-1].decode("utf-8", "replace")[:300]
                ) from error
            if isinstance(error, _abort()):
                raise NotSent(_("the connection to `{host}` broke: {error}"), host=self._place.host, error=error) from error
            raise _Answered(str(error)) from error

    # --- reading ------------------------------------------------------------------------------------------------------

    async def follow(self, feed: Feed, before: dt.timedelta | None = dt.timedelta()) -> None:
        """Take in what is there and what comes, until the connection breaks. `before` as in `Mailboxes`."""
        reached = await self._select(feed)
        reached = await self._take_before(feed, reached, before)
        await self._tell(feed, reached)
        idles = await self._do(lambda: bool(self._client.has_capability("IDLE")))
        while True:
            reached = await self._take_new(feed, reached)
            self.followed = True
            if idles:
                await self._asked(self._idle)
            else:
                await self._tools.clock.sleep(POLL_SECONDS)
                await self._asked(lambda: self._client.noop())

    async def check(self) -> tuple[int, int]:
        """How many mails the folder holds, and how many of them are unseen."""
        told = await self._open_folder(readonly=True)
        return int(told.get(b"EXISTS", 0)), len(await self._asked(lambda: self._client.search(["UNSEEN"])))

    async def _tell(self, feed: Feed, reached: Reached) -> None:
        """That it goes well, and what was left alone."""
        left = 0
        if reached.begun and reached.since and reached.uid:
            left = len(await self._asked(lambda: self._client.search(["UNSEEN", "UID", f"1:{reached.uid}"])))
        words = ""
        if left:
            words = _words(self._tools)(
                _("Unseen mails from before it was connected, which are left alone: {count} (see `take mail since`)")
            ).format(count=left)
        await feed.tell(label(self._place), "ok", words)

    async def _open_folder(self, *, readonly: bool = False) -> dict[bytes, Any]:
        """What the server says of it."""
        folder = self._place.path or "INBOX"
        try:
            return await self._do(lambda: self._client.select_folder(folder, readonly=readonly))
        except _Answered as error:
            raise Trouble(_("the folder can't be opened: {error}"), error=error.words) from error

    async def _select(self, feed: Feed) -> Reached:
        told = await self._open_folder()
        validity = int(told.get(b"UIDVALIDITY", 0))
        kept = await feed.position(label(self._place))
        try:
            reached = _reached.decode(kept) if kept else None
        except msgspec.DecodeError:
            reached = None
        if reached is not None and reached.validity == validity:
            return reached
        past = await self._last_uid(told)
        if reached is None:
            return await self._begin(feed, validity, past)
        return await self._again(feed, msgspec.structs.replace(reached, validity=validity, uid=0), past)

    async def _begin(self, feed: Feed, validity: int, past: int) -> Reached:
        """New to us: nothing of what is there has been taken, and what comes from now on will be."""
        now = feed.now()
        uids = await self._asked(lambda: self._client.search(["SINCE", search_date(now.date() - dt.timedelta(days=1))]))
        came = (await self._came(sorted(uid for uid in uids if uid <= past))).values()
        # A mail that claims to come from the future tells nothing of those that come later.
        dates = [each.at for each in came if each.at <= stamp(now)]
        last = max(dates, default=stamp(now - dt.timedelta(days=1)))
        sizes = tuple(sorted({each.size for each in came if each.at == last}))
        reached = Reached(validity, past, begun=stamp(now))
        if past:
            reached = Reached(validity, past, begun=stamp(now), since=stamp(now), last=last, sizes=sizes)
        await self._keep(feed, reached)
        return reached

    async def _again(self, feed: Feed, reached: Reached, past: int) -> Reached:
        """Made anew: what nobody has seen, and what came since the last mail we took; but not what was left alone."""
        unseen = await self._asked(lambda: self._client.search(["UNSEEN"]))
        found = set(unseen)
        if reached.day:
            # A day before: the server's days may begin at another hour.
            since = search_date(dt.date.fromisoformat(reached.day) - dt.timedelta(days=1))
            found |= set(await self._asked(lambda: self._client.search(["SINCE", since])))
        uids = sorted(uid for uid in found if uid <= past)
        if reached.begun:
            came, fresh = await self._came(uids), set(unseen)
            uids = [
                uid
                for uid in uids
                if uid in came
                and (came[uid].later(reached) or (uid in fresh and reached.since <= came[uid].at < reached.begun))
            ]
        return await self._take(feed, reached, uids, past)

    async def _take_before(self, feed: Feed, reached: Reached, before: dt.timedelta | None) -> Reached:
        """Unseen mail from before the first connection, as far back as the connector wants it and has not been taken."""
        if not reached.begun or not reached.since:
            return reached
        since = "" if before is None else stamp(dt.datetime.fromisoformat(reached.begun) - before)
        if since >= reached.since:
            return reached
        wanted = (
            ["UNSEEN", "SINCE", search_date(dt.date.fromisoformat(since[:10]) - dt.timedelta(days=1))]
            if since
            else ["UNSEEN"]
        )
        uids = await self._asked(lambda: self._client.search(wanted))
        uids = sorted(uid for uid in uids if uid <= reached.uid)
        if since:
            came = await self._came(uids)
            uids = [uid for uid in uids if uid in came and came[uid].at >= since]
        return await self._take(feed, msgspec.structs.replace(reached, since=since), uids, reached.uid)

    async def _came(self, uids: list[int]) -> dict[int, Came]:
        found: dict[int, Came] = {}
        for part in _parts(uids, 500):
            told = await self._asked(lambda part=part: self._client.fetch(part, ["INTERNALDATE", "RFC822.SIZE"]))
            for uid, data in told.items():
                at = data.get(b"INTERNALDATE")
                if isinstance(at, dt.datetime):
                    found[uid] = Came(stamp(at), int(data.get(b"RFC822.SIZE", 0)))
        return found

    async def _last_uid(self, told: dict[bytes, Any]) -> int:
        """The last one there was before anything was searched for: later ones are new."""
        if b"UIDNEXT" in told:
            return int(told[b"UIDNEXT"]) - 1
        uids = await self._asked(lambda: self._client.search(["UID", "*"]))
        return max(uids, default=0)

    async def _take_new(self, feed: Feed, reached: Reached) -> Reached:
        uids = await self._asked(lambda: self._client.search(["UID", f"{reached.uid + 1}:*"]))
        # `N:*` names the last mail also where its number is below N.
        return await self._take(feed, reached, sorted(uid for uid in uids if uid > reached.uid))

    async def _take(self, feed: Feed, reached: Reached, uids: list[int], past: int = 0) -> Reached:
        """Take in these mails, in order. `past`: how far it has been read once they are."""
        for group, sizes in await self._groups(uids, reached.validity):
            for uid, raw, day in await self._fetched(feed, group, sizes, reached.validity):
                await feed.take(raw)
                furthest = max(uid, reached.uid) if not past else reached.uid
                reached = msgspec.structs.replace(reached, uid=furthest, day=max(day, reached.day))
            given = [uid for uid in group if self._refused.get((reached.validity, uid), 0) < REFUSALS]
            await self._asked(lambda given=given: self._client.add_flags(given, [b"\\Seen"], silent=True))
            if not past:
                await self._keep(feed, reached)
        if past or not reached.uid:
            reached = msgspec.structs.replace(reached, uid=max(past, reached.uid))
            await self._keep(feed, reached)
        return reached

    async def _keep(self, feed: Feed, reached: Reached) -> None:
        await feed.keep(label(self._place), msgspec.json.encode(reached).decode())

    async def _groups(self, uids: list[int], validity: int) -> Iterable[tuple[list[int], dict[int, int]]]:
        """What is fetched at once, with sizes in bytes."""
        sizes: dict[int, int] = {}
        for part in _parts(uids, 500):
            told = await self._asked(lambda part=part: self._client.fetch(part, ["RFC822.SIZE"]))
            sizes |= {uid: int(data.get(b"RFC822.SIZE", 0)) for uid, data in told.items()}
        groups: list[tuple[list[int], dict[int, int]]] = []
        group: list[int] = []
        total = 0
        for uid in uids:
            if uid not in sizes:
                continue  # it is gone meanwhile
            size = sizes[uid]
            alone = (validity, uid) in self._refused
            if group and (total + size > GROUP_BYTES or len(group) >= GROUP_MAILS or alone):
                groups.append((group, sizes))
                group, total = [], 0
            group.append(uid)
            total += GROUP_BYTES if alone else size
        if group:
            groups.append((group, sizes))
        return groups

    async def _fetched(
        self, feed: Feed, group: list[int], sizes: dict[int, int], validity: int
    ) -> list[tuple[int, Raw, str]]:
        """A mail that the server won't give out is passed over after a while: it must not hold up the others for ever."""
        refusals = self._refused.get((validity, group[0]), 0)
        if refusals >= REFUSALS:
            why = _words(self._tools)(_("the mail server would not give it out"))
            query = {"uid": str(group[0]), "uidvalidity": str(validity), "refused": why}
            return [(group[0], Raw(method="MAIL", path=label(self._place), query=query, received_at=feed.now()), "")]
        try:
            return await self._fetch(feed, group, sizes, validity)
        except Trouble:
            # Servers often end the connection along with it. On the next one, each of these is fetched alone.
            alone = len(group) == 1
            self._refused |= {(validity, uid): refusals + 1 if alone else 0 for uid in group}
            raise

    async def _fetch(
        self, feed: Feed, group: list[int], sizes: dict[int, int], validity: int
    ) -> list[tuple[int, Raw, str]]:
        whole = [uid for uid in group if sizes[uid] <= MAX_MAIL]
        large = [uid for uid in group if sizes[uid] > MAX_MAIL]
        found: dict[int, Any] = {}
        if whole:
            found |= await self._asked(lambda: self._client.fetch(whole, ["BODY.PEEK[]", "INTERNALDATE"]))
        if large:
            found |= await self._asked(lambda: self._client.fetch(large, ["BODY.PEEK[HEADER]", "INTERNALDATE"]))
        mails: list[tuple[int, Raw, str]] = []
        now = feed.now()
        for uid in group:
            data = found.get(uid)
            body = None if data is None else data.get(b"BODY[HEADER]" if uid in large else b"BODY[]")
            if data is None or body is None:
                continue
            came = data.get(b"INTERNALDATE")
            at = came.astimezone(dt.UTC) if isinstance(came, dt.datetime) else now
            query = {"uid": str(uid), "uidvalidity": str(validity), "arrived": min(at, now).isoformat()}
            if uid in large:
                query["cut"] = str(sizes[uid])
            raw = Raw(method="MAIL", path=label(self._place), query=query, body=bytes(body), received_at=now)
            mails.append((uid, raw, at.date().isoformat()))
        return mails

    async def _asked(self, work: Callable[[], Result]) -> Result:
        try:
            return await self._do(work)
        except _Answered as error:
            raise Trouble(_("the mail server answered: {error}"), error=error.words) from error

    def _idle(self) -> None:
        """Wait until something happens in the folder, or for IDLE_SECONDS."""
        client = self._client
        if client._imap.untagged_responses.pop("EXISTS", None):
            return  # said along with another answer: it would not be said again
        told = self._begin_idle()
        try:
            told = told or self._heard() or bool(client.idle_check(timeout=IDLE_SECONDS))
        finally:
            client.idle_done()
        if not told:
            client.noop()  # a dead connection shows itself here

    def _begin_idle(self) -> bool:
        """Whether something has happened since the last look: then it is told before the server begins to wait, which the
        library's own `idle` takes for an error."""
        client, imap = self._client, self._client._imap
        tag = imap._command("IDLE")
        told = False
        while imap._get_response() is not None:
            if imap.tagged_commands[tag] is not None:
                raise Trouble(_("the mail server answered: {error}"), error="IDLE is refused")
            told = True
        client._idle_tag = tag
        return told

    def _heard(self) -> bool:
        """Whether something came in one piece with the beginning: it is read already, so the connection shows nothing."""
        from imapclient.exceptions import IMAPClientAbortError

        client = self._client
        client.socket().setblocking(False)
        try:
            client._imap._get_line()
        except (OSError, IMAPClientAbortError):
            return False
        finally:
            client.socket().setblocking(True)
            client._set_read_timeout()
        return True


def _words(tools: Tools) -> Callable[[str], str]:
    return i18n.translations("duly_connectors", tools.language).gettext


class _Answered(Exception):
    """The server said no to a command; `words` is what it said."""

    def __init__(self, words: str) -> None:
        super().__init__(words)
        self.words = words[:300]


def _abort() -> type[Exception]:
    from imapclient.exceptions import IMAPClientAbortError

    return IMAPClientAbortError


def _client_on(sock: socket.socket, host: str) -> Any:
    """A client on a connection that is there already, to an address that was checked."""
    import imaplib

    import imapclient
    from imapclient.imapclient import SocketTimeout

    class Connected(imaplib.IMAP4):
        def _create_socket(self, timeout: float | None) -> socket.socket:
            return sock

    class Client(imapclient.IMAPClient):
        def _create_IMAP4(self) -> imaplib.IMAP4:
            return Connected(host)

    timeout: Any = SocketTimeout(STEP_SECONDS, STEP_SECONDS)
    return cast(Any, Client(host, ssl=False, timeout=timeout))


def _parts(uids: list[int], size: int) -> Iterator[list[int]]:
    for start in range(0, len(uids), size):
        yield uids[start : start + size]
