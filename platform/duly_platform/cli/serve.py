"""`duly serve`, `duly worker`, `duly scheduler`: the processes of a workspace."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import secrets
import signal
import socket
import sys
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import msgspec
import structlog
import uvicorn

from duly_dsl import i18n, render, workspace
from duly_platform.composition import open_desk
from duly_platform.desk import Desk
from duly_platform.secrets import SecretError
from duly_platform.settings import Settings, SettingsError, load
from duly_platform.web.app import create_app
from duly_runtime.store.api import StoreUnavailable

_ = i18n.translations("duly_platform", i18n.of_environment()).gettext

Beside = Callable[[Desk, Settings], contextlib.AbstractAsyncContextManager[None]]
"""Something that runs beside the server and needs its Desk (the demo's traffic)."""

DRAIN_SECONDS = 3
"""How long open connections (live boards) may keep a stopping server."""


class StartError(Exception):
    """The server can't start; the message is for the person at the terminal."""


class Serve:
    """Web server, and unless `--web-only` also worker and scheduler, for one workspace."""

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument(
            "folder", type=Path, nargs="?", default=Path(), metavar="FOLDER", help=_("folder of .duly files")
        )
        parser.add_argument("--host", help=_("address to listen on (DULY_HOST)"))
        parser.add_argument("--port", type=int, help=_("port to listen on, 0 for a free one (DULY_PORT)"))
        parser.add_argument("--speed", type=float, help=_("run Duly's clock this many times faster (DULY_SPEED)"))
        parser.add_argument("--publish", action="store_true", help=_("publish the folder's files before serving"))
        parser.add_argument("--web-only", action="store_true", help=_("no worker and no scheduler in this process"))

    def run(self, options: argparse.Namespace) -> int:
        roles = frozenset({"web"}) if options.web_only else None
        return guarded(lambda: serve(options, roles, publish=options.publish))


class _Background:
    """A process without a web server."""

    role: str

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument(
            "folder", type=Path, nargs="?", default=Path(), metavar="FOLDER", help=_("folder of the workspace")
        )
        parser.add_argument("--speed", type=float, help=_("run Duly's clock this many times faster (DULY_SPEED)"))

    def run(self, options: argparse.Namespace) -> int:
        return guarded(lambda: self._main(options))

    async def _main(self, options: argparse.Namespace) -> int:
        settings = load(options.folder, speed=options.speed, roles=frozenset({self.role}))
        stop = asyncio.Event()
        for name in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(name, stop.set)
        async with open_desk(settings):
            say(_("Duly {role} is running. Stop it with Ctrl+C.").format(role=self.role))
            await stop.wait()
        return 0


class Worker(_Background):
    """Handles events and delivers what is in the outbox."""

    role = "worker"


class Scheduler(_Background):
    """Fires timers and wakes what was left behind. Any number may run."""

    role = "scheduler"


def say(text: str) -> None:
    print(text, flush=True)


def guarded(main: Callable[[], Awaitable[int]]) -> int:
    """Run to the end; turns what can go wrong at the start into one line and exit code 2."""
    configure_logs()
    try:
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            return runner.run(_awaited(main))
    except (SettingsError, SecretError, StartError, StoreUnavailable, OSError) as error:
        print(f"duly: {error}", file=sys.stderr)
        return 2


async def _awaited(main: Callable[[], Awaitable[int]]) -> int:
    return await main()


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop  # not on Windows
    except ImportError:
        return None
    return uvloop.new_event_loop


def configure_logs() -> None:
    """Lines for people on a terminal, JSON elsewhere, both to standard error."""
    terminal = sys.stderr.isatty()
    # Local variables hold secrets and what customers wrote, and printing them takes seconds.
    without_locals = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *([] if terminal else [structlog.processors.ExceptionRenderer(without_locals)]),
            structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
            if terminal
            else structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
    )
    # force: a library that was imported before us may have set the root logger up its own way
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s", force=True)


def bind(host: str, port: int) -> socket.socket:
    """A listening socket; StartError where the port is taken."""
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen()  # so that whoever reads the address we print can connect at once, and waits for an answer
    except OSError as error:
        listener.close()
        raise StartError(
            _("can't listen on {host}:{port} ({reason}); choose another with --port").format(
                host=host, port=port, reason=error.strerror
            )
        ) from None
    return listener


def read_folder(folder: Path) -> dict[str, str]:
    """Path -> text of the folder's files; StartError where there are none."""
    if not folder.is_dir():
        raise StartError(_("`{folder}` is not a folder").format(folder=folder))
    sources = {source.path: source.text for source in workspace.load([folder])}
    if not sources:
        raise StartError(_("there are no .duly files in `{folder}`").format(folder=folder.resolve()))
    return sources


async def publish_folder(desk: Desk, folder: Path, sources: dict[str, str], *, force: bool) -> None:
    """The first start publishes the folder's files; later ones only say where they differ from what runs."""
    live = await desk.store.active_version()
    if live is not None and not force:
        if sources != live.sources:
            hint = _("The files in {folder} differ from the running version; --publish makes them live.")
            say(hint.format(folder=folder))
        return
    published = await desk.publish(sources, "files", _("published by duly serve"))
    if not published.hash:
        raise StartError(
            render.text(published.diagnostics, sources, color=sys.stderr.isatty())
            + "\n"
            + _("These files have errors, so nothing was published.")
        )


class Server(uvicorn.Server):
    """Uvicorn raises a signal again once it has shut down, which would end the process before the rest has stopped."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        for name in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(name, self.handle_exit, name, None)
        try:
            yield
        finally:
            for name in (signal.SIGINT, signal.SIGTERM):
                loop.remove_signal_handler(name)


async def serve(
    options: argparse.Namespace, roles: frozenset[str] | None, *, publish: bool = False, beside: Beside | None = None
) -> int:
    """Serve until a signal; the exit code."""
    settings = load(options.folder, host=options.host, port=options.port, speed=options.speed, roles=roles)
    sources = read_folder(options.folder)
    listener = bind(settings.host, settings.port)
    port = listener.getsockname()[1]
    host = "127.0.0.1" if settings.host in ("0.0.0.0", "::") else settings.host  # noqa: S104
    base_url = settings.base_url or f"http://{host}:{port}"
    settings = msgspec.structs.replace(settings, port=port, base_url=base_url)
    with contextlib.closing(listener):
        async with open_desk(settings) as desk:
            await publish_folder(desk, options.folder, sources, force=publish)
            async with contextlib.AsyncExitStack() as stack:
                if beside is not None:
                    await stack.enter_async_context(beside(desk, settings))
                token = secrets.token_urlsafe(24) if await desk.accounts.needs_setup() else ""
                config = uvicorn.Config(
                    create_app(desk, settings, setup_token=token),
                    http="httptools",
                    log_config=None,
                    access_log=False,
                    server_header=False,
                    timeout_graceful_shutdown=DRAIN_SECONDS,
                )
                server = Server(config)
                say(_("Duly is serving {folder} at {url}").format(folder=options.folder.resolve().name, url=base_url))
                if token:
                    say(_("Make the first administrator: {url}").format(url=f"{base_url}/setup?token={token}"))
                await server.serve(sockets=[listener])
    return 0
