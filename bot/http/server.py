"""Where the server listens and what it answers on which path; health and metrics are its own answers."""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import timedelta
from typing import Protocol

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from bot import logs
from bot.domain.ids import ProviderId
from bot.errors import ConfigurationError
from bot.http.callbacks import LARGEST_BODY, CallbackReceiver, Callbacks
from bot.http.connections import CONNECTIONS, MOST_CONNECTIONS, Connections, Handler, LimitedSite
from bot.http.patience import USUAL, Patience
from bot.http.videos import VideoFiles
from bot.ports import Clock
from bot.refusals import Refusals
from bot.signatures import CallbackForm

log = logs.get(__name__)


class Health(Protocol):
    """Each answers with reasons, short words such as `database`; none means that all is well."""

    async def broken(self) -> Sequence[str]:
        """What keeps the bot from storing anything: asked by /healthz. It may heal by itself, or need the host."""
        ...

    async def missing(self) -> Sequence[str]:
        """What keeps the bot from working just now (gateway, database, worker): asked by /readyz."""
        ...


class HTTPServer:
    """Serves until closed. Everything that is not meant for the asker is the same 404."""

    def __init__(
        self,
        *,
        host: str,
        port: int,
        health: Health,
        callbacks: Callbacks,
        registry: CollectorRegistry,
        clock: Clock,
        callback_forms: Mapping[str, CallbackForm] = {},
        videos: VideoFiles | None = None,
        patience: Patience = USUAL,
        most_connections: int = MOST_CONNECTIONS,
    ) -> None:
        """Callbacks arrive under the names of *callback_forms*. Without *videos* there are no links: each is a 404."""
        self._host = host
        self._wanted_port = port
        self._health = health
        self._registry = registry
        self._patience = patience
        self._videos = videos
        self._connections = Connections(most_connections)
        refusals = Refusals(clock, registry)
        self._receivers = {
            name: CallbackReceiver(ProviderId(name), callbacks, clock, form, patience, refusals)
            for name, form in callback_forms.items()
        }
        self._runner: web.AppRunner | None = None

    @property
    def port(self) -> int:
        """The port that it listens on; another than asked for when that was 0."""
        if self._runner is None:
            raise RuntimeError("the HTTP server is not running")
        port: int = self._runner.addresses[0][1]
        return port

    async def start(self) -> None:
        """Listen. Raises ConfigurationError when the address cannot be had."""
        app = web.Application(client_max_size=LARGEST_BODY, middlewares=[self._connections.watch, _plain_errors])
        app[CONNECTIONS] = self._connections
        app.on_response_prepare.append(_add_headers)
        app.router.add_get("/healthz", self._healthz)
        app.router.add_get("/readyz", self._readyz)
        app.router.add_get("/metrics", self._metrics)
        for name, receiver in self._receivers.items():
            if receiver.is_account_wide:
                app.router.add_post(f"/callbacks/{name}", receiver.receive_for_account)
                continue
            app.router.add_post(
                rf"/callbacks/{name}/{{job_id:[0-9]{{1,19}}}}/{{secret:[A-Za-z0-9_-]{{1,128}}}}", receiver.receive
            )
        if self._videos is not None:
            app.router.add_get("/videos/{expires}/{signature}/{name}", self._videos.serve)  # HEAD, too
        logging.getLogger("aiohttp.server").addFilter(_is_our_trouble)
        # No access log: the paths of callbacks and videos hold secrets.
        runner = web.AppRunner(
            app,
            access_log=None,
            keepalive_timeout=self._patience.asking.total_seconds(),
            shutdown_timeout=self._patience.close.total_seconds(),
        )
        try:
            await runner.setup()
            await LimitedSite(runner, self._host, self._wanted_port, self._connections).start()
        except OSError as err:
            await runner.cleanup()
            raise ConfigurationError([self._why_not(err)]) from err
        self._runner = runner
        log.info("http_listening", host=self._host, port=self.port)

    async def close(self) -> None:
        """Stop listening and let requests that are being answered end."""
        if self._runner is not None:
            runner, self._runner = self._runner, None
            await runner.cleanup()

    def _why_not(self, err: OSError) -> str:
        match err.errno:
            case errno.EADDRINUSE:
                return (
                    f"HTTP_PORT: {self._wanted_port} on {self._host} is taken by another program. "
                    "Choose another port, or 0 for any free one."
                )
            case errno.EACCES:
                return f"HTTP_PORT: {self._wanted_port} needs more rights than the bot has. Choose one from 1024 on."
        # From Python 3.13 on asyncio says itself, and without a number, that none of the addresses is there.
        if isinstance(err, socket.gaierror) or err.errno in {errno.EADDRNOTAVAIL, None}:
            return f"HTTP_HOST: {self._host} is no address of this machine. Example: 127.0.0.1"
        return f"HTTP_HOST: cannot listen on {self._host} ({err.strerror}). Example: 127.0.0.1"

    async def _healthz(self, _request: web.Request) -> web.Response:
        return await _checked(self._health.broken, self._patience.check)

    async def _readyz(self, _request: web.Request) -> web.Response:
        return await _checked(self._health.missing, self._patience.check)

    async def _metrics(self, _request: web.Request) -> web.Response:
        return web.Response(body=generate_latest(self._registry), headers={"Content-Type": CONTENT_TYPE_LATEST})


def _is_our_trouble(record: logging.LogRecord) -> bool:
    """Strangers send nonsense to every open port. It is answered with 400 and closed; it fills nobody's log."""
    error = record.exc_info[1] if record.exc_info else None
    return not isinstance(error, HttpProcessingError)


async def _checked(check: Callable[[], Awaitable[Sequence[str]]], patience: timedelta) -> web.Response:
    try:
        async with asyncio.timeout(patience.total_seconds()):
            reasons = list(await check())
    except TimeoutError:
        reasons = ["check timed out"]
    if reasons:
        return web.json_response({"status": "unavailable", "reasons": reasons}, status=503)
    return web.json_response({"status": "ok"})


@web.middleware
async def _plain_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Errors say their status and nothing else; a wrong method or path looks like any other nothing."""
    try:
        return await handler(request)
    except web.HTTPException as err:
        status = 404 if err.status == 405 else err.status
        return web.json_response({"code": status, "msg": "not found" if status == 404 else err.reason}, status=status)


async def _add_headers(_request: web.Request, response: web.StreamResponse) -> None:
    response.headers["Server"] = "cutscene"
    response.headers.setdefault("Cache-Control", "no-store")
    response.headers["X-Content-Type-Options"] = "nosniff"
