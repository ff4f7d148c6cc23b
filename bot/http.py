"""The bot's own small HTTP server: health and metrics for the host, provider callbacks, signed links to videos."""

from __future__ import annotations

import asyncio
import errno
import json
import logging
import os
import socket
import stat
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final, Protocol

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from bot import links, logs
from bot.domain.ids import JobId, ProviderId, TaskId
from bot.errors import ConfigurationError
from bot.ports import Clock
from bot.refusals import Refusal, Refusals
from bot.signatures import CallbackForm, Replays

log = logs.get(__name__)

# A callback is a few kilobytes; its largest part is the echo of the prompt.
LARGEST_BODY = 64 * 1024
LARGEST_JOB_ID = 2**63 - 1
_EBML = bytes.fromhex("1a45dfa3")  # how WebM begins
LONGEST_TASK_ID = 128  # Task ids are opaque; none longer was ever seen.
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long each thing may take. The provider waits 15 s for our answer, a probe less: answer before they leave."""

    body: timedelta = timedelta(seconds=5)
    answer: timedelta = timedelta(seconds=8)
    check: timedelta = timedelta(seconds=3)
    close: timedelta = timedelta(seconds=5)


class Health(Protocol):
    """Each answers with reasons, short words such as `database`; none means that all is well."""

    async def broken(self) -> Sequence[str]:
        """What keeps the bot from storing anything: asked by /healthz. It may heal by itself, or need the host."""
        ...

    async def missing(self) -> Sequence[str]:
        """What keeps the bot from working just now (gateway, database, worker): asked by /readyz."""
        ...


class Callbacks(Protocol):
    """Takes the provider's hints that a task has ended."""

    async def hint(self, job_id: JobId, secret: str, task_id: TaskId) -> bool:
        """Make the job due if *secret* is its own; False when there is no such job. Returns after the commit."""
        ...

    async def hint_task(self, provider: ProviderId, task_id: TaskId) -> bool:
        """Make the job of that task due; False when no job that runs has it. Returns after the commit."""
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
        patience: Patience = Patience(),
    ) -> None:
        """Callbacks arrive under the names of *callback_forms*. Without *videos* there are no links: each is a 404."""
        self._host = host
        self._wanted_port = port
        self._health = health
        self._registry = registry
        self._patience = patience
        self._videos = videos
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
        app = web.Application(client_max_size=LARGEST_BODY, middlewares=[_plain_errors])
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
            app, access_log=None, keepalive_timeout=15, shutdown_timeout=self._patience.close.total_seconds()
        )
        try:
            await runner.setup()
            await web.TCPSite(runner, self._host, self._wanted_port).start()
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
        if isinstance(err, socket.gaierror) or err.errno == errno.EADDRNOTAVAIL:
            return f"HTTP_HOST: {self._host} is no address of this machine. Example: 127.0.0.1"
        # From Python 3.13 on asyncio raises its own OSError, with a text and no number.
        return f"HTTP_HOST: cannot listen on {self._host} ({err.strerror or err}). Example: 127.0.0.1"

    async def _healthz(self, _request: web.Request) -> web.Response:
        return await _checked(self._health.broken, self._patience.check)

    async def _readyz(self, _request: web.Request) -> web.Response:
        return await _checked(self._health.missing, self._patience.check)

    async def _metrics(self, _request: web.Request) -> web.Response:
        return web.Response(body=generate_latest(self._registry), headers={"Content-Type": CONTENT_TYPE_LATEST})


class CallbackReceiver:
    """Turns a callback into a hint. Of the body only the task id is read, and the poll confirms even that."""

    def __init__(
        self,
        provider: ProviderId,
        callbacks: Callbacks,
        clock: Clock,
        form: CallbackForm,
        patience: Patience,
        refusals: Refusals,
    ) -> None:
        self._provider = provider
        self._callbacks = callbacks
        self._refusals = refusals
        self._clock = clock
        self._form = form
        self._patience = patience
        self._replays: Final = Replays()

    @property
    def is_account_wide(self) -> bool:
        return self._form.is_account_wide

    async def receive(self, request: web.Request) -> web.Response:
        """A call to the address of one job."""
        body = await _body(request, self._patience.body)
        task_id = _task_id(self._form.task_ids(_json_object(body)))
        job_id = int(request.match_info["job_id"])
        if job_id > LARGEST_JOB_ID:
            raise web.HTTPNotFound
        seal = self._checked_seal(request, body, task_id)
        hint = self._callbacks.hint(JobId(job_id), request.match_info["secret"], task_id)
        if not await self._noted(hint, seal, job_id):
            self._refusals.note(Refusal.UNKNOWN_JOB)
            raise web.HTTPNotFound
        return web.json_response({"code": 200, "msg": "success"})

    async def receive_for_account(self, request: web.Request) -> web.Response:
        """A call to the address of all jobs, which holds no secret: nothing counts but the signature.

        Calls about other tasks of the account are taken, too; who calls would repeat them for days.
        """
        if self._form.signature is None:
            raise web.HTTPNotFound
        body = await _body(request, self._patience.body)
        content = _json_object(body)
        seal = self._checked_seal(request, body, "")
        task_id = _task_id(self._form.task_ids(content))
        await self._noted(self._callbacks.hint_task(self._provider, task_id), seal, None)
        return web.json_response({"code": 200, "msg": "success"})

    async def _noted(self, hint: Awaitable[bool], seal: tuple[str, str] | None, job_id: int | None) -> bool:
        """Whether there is such a job; a signature whose call was not stored may come again."""
        is_accepted = False
        try:
            async with asyncio.timeout(self._patience.answer.total_seconds()):
                is_accepted = await hint
        except TimeoutError as err:
            log.warning("callback_slow", job=job_id)
            raise web.HTTPServiceUnavailable from err
        finally:
            if seal is not None and not is_accepted:
                self._replays.give_back(seal)
        return is_accepted

    def _checked_seal(self, request: web.Request, body: bytes, task_id: str) -> tuple[str, str] | None:
        """What the signature is known by, or None when none is asked for. Raises when it is wrong or has been used."""
        if self._form.signature is None:
            return None
        now = self._clock.now()
        seal = self._form.signature.seal(request.headers, body, task_id, now)
        if seal is None:
            self._refusals.note(Refusal.WRONG_SIGNATURE)
            raise web.HTTPNotFound
        if not self._replays.take(seal, now):
            self._refusals.note(Refusal.USED_SIGNATURE)
            raise web.HTTPNotFound
        return seal


class VideoFiles:
    """Serves finished videos to whoever has a link that we signed, and tells nobody else whether they exist."""

    def __init__(self, folder: Path, key: bytes, clock: Clock) -> None:
        self._folder = folder
        self._key = key
        self._clock = clock

    async def serve(self, request: web.Request) -> web.StreamResponse:
        parts = request.match_info
        name, now = parts["name"], self._clock.now()
        if not links.verify(self._key, parts["expires"], parts["signature"], name, now):
            raise web.HTTPNotFound
        path = self._folder / name
        content_type = await asyncio.to_thread(_type_of_video, path)
        if content_type is None:
            raise web.HTTPNotFound
        left = int(parts["expires"]) - int(now.timestamp())
        headers = {
            "Content-Type": content_type,
            "Content-Disposition": "inline",
            "Cache-Control": f"private, max-age={left}",
        }
        return web.FileResponse(path, headers=headers)  # It answers ranges, which players ask for to seek.


def _type_of_video(path: Path) -> str | None:
    """By the first bytes, as a WebM may have been stored under any name; None when there is no such regular file."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return None
        head = os.read(descriptor, 12)
    finally:
        os.close(descriptor)
    if head.startswith(_EBML):
        return "video/webm"
    return "video/quicktime" if head[4:12] == b"ftypqt  " else "video/mp4"


def _is_our_trouble(record: logging.LogRecord) -> bool:
    """Strangers send nonsense to every open port. It is answered with 400 and closed; it fills nobody's log."""
    error = record.exc_info[1] if record.exc_info else None
    return not isinstance(error, HttpProcessingError)


async def _body(request: web.Request, patience: timedelta) -> bytes:
    try:
        async with asyncio.timeout(patience.total_seconds()):
            return await request.read()
    except TimeoutError as err:
        raise web.HTTPRequestTimeout from err
    except (ConnectionError, web.RequestPayloadError) as err:  # They left in the middle, or sent what is no body.
        raise web.HTTPBadRequest from err


def _json_object(body: bytes) -> Mapping[str, object]:
    try:
        parsed = json.loads(body)
    except (ValueError, RecursionError) as err:  # The latter: nested thousands of levels deep.
        raise web.HTTPBadRequest from err
    if not isinstance(parsed, dict):
        raise web.HTTPBadRequest
    return parsed


def _task_id(places: Iterable[object]) -> TaskId:
    for found in places:
        if isinstance(found, str) and 0 < len(found) <= LONGEST_TASK_ID and found.isascii() and found.isprintable():
            return TaskId(found)
    raise web.HTTPBadRequest


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
