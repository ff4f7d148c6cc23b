"""The part of a local vendor that is the same for all: two origins, a clock, a gate, and an end without leftovers."""

from __future__ import annotations

import asyncio
import json
import shutil
import tempfile
import time
from abc import ABC, abstractmethod
from collections import Counter, deque
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Self, TypedDict

from aiohttp import web

from sandbox.kie_server.agenda import Agenda, Clock
from sandbox.kie_server.gate import drop
from sandbox.kie_server.storage import Storage, Stored
from sandbox.listening import Origins
from sandbox.movies import MovieSize, shared_studio
from sandbox.strangers import Leak, Stranger
from sandbox.vendors.faults import Body, Call, Fault, Faults, LostAnswer, Refusal, Slow
from sandbox.vendors.works import Plan, Work, Workshop

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

# The largest body is a picture in base64.
_MAX_BODY = 64_000_000
_SHUTDOWN = 0.5
_NOTED_BODY = 8192


class RefusedError(Exception):
    """The request is answered with an error and nothing was done."""

    def __init__(self, status: int, text: str, headers: tuple[tuple[str, str], ...] = ()) -> None:
        super().__init__(text)
        self.status = status
        self.text = text
        self.headers = headers


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One request and how it was answered."""

    call: Call
    method: str
    path: str  # with the query
    headers: dict[str, str]  # names in small letters
    body: str
    status: int


class Usual(TypedDict, total=False):
    """What every vendor can be given; what is left out is as `VendorServer` has it."""

    key: str | None
    clock: Clock
    seconds: float
    movie_size: MovieSize
    directory: Path | None


class VendorServer(ABC):
    """Start it, point a client at `url`, and ask it afterwards what it has seen."""

    usual_key: ClassVar[str]

    def __init__(
        self,
        *,
        key: str | None = None,
        clock: Clock = time.time,
        seconds: float = 0.3,
        movie_size: MovieSize = MovieSize.DRAFT,
        directory: Path | None = None,
    ) -> None:
        self.key = key or self.usual_key
        self.clock = clock
        self.movie_size = movie_size
        self.faults = Faults()
        self.url = self.result_url = ""
        self.requests: deque[Seen] = deque(maxlen=10_000)
        self.counts: Counter[Call] = Counter()
        self.closing = asyncio.Event()
        self._own_directory = None if directory else Path(tempfile.mkdtemp(prefix="sandbox-vendor-"))
        self.storage = Storage(directory or self._own_directory or Path(), clock)
        self._agenda = Agenda(clock)
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="vendor-movies")
        self.workshop = Workshop(
            clock=clock,
            agenda=self._agenda,
            storage=self.storage,
            studio=shared_studio(),
            executor=self._executor,
            usual_seconds=seconds,
        )
        self._origins = Origins(patience=_SHUTDOWN)
        self._stranger = Stranger(self.key)

    @abstractmethod
    def routes(self) -> list[web.RouteDef]:
        """The API's routes, each behind `guard`."""

    def is_authorised(self, request: web.Request) -> bool:
        """Whether the request carries the key where this vendor wants it: most take a bearer token."""
        return request.headers.get("Authorization") == f"Bearer {self.key}"

    @abstractmethod
    def refusal(self, path: str, status: int, text: str) -> web.Response:
        """An error in the shape that this vendor has on that *path*."""

    @property
    def unauthorised(self) -> RefusedError:
        return RefusedError(401, "Unauthorized")

    @property
    def works(self) -> list[Work]:
        """Every work that was ever accepted, oldest first."""
        return list(self.workshop.works.values())

    @property
    def leaks(self) -> list[Leak]:
        """Requests that brought a key to the host of results, where it has no business."""
        return self._stranger.leaks

    def plan(self, *plans: Plan) -> None:
        """Each of *plans* goes to one coming work, in order."""
        self.workshop.plan(*plans)

    async def start(self, host: str = "127.0.0.1") -> None:
        api = web.Application(client_max_size=_MAX_BODY)
        api.add_routes(self.routes())
        results = web.Application(middlewares=[self._stranger.guard])
        results.router.add_get("/{path:.+}", self.guard(Call.RESULT, self._result, is_public=True))
        try:
            self.url = await self._origins.open(api, host)
            self.result_url = self.storage.origin = await self._origins.open(results, host)
        except OSError:
            await self.close()
            raise
        self._agenda.start()

    async def close(self) -> None:
        """Stop at once; safe to repeat."""
        self.closing.set()
        async with AsyncExitStack() as last:  # everything is closed even when a part of it cannot be
            if self._own_directory is not None:
                last.push_async_callback(asyncio.to_thread, shutil.rmtree, self._own_directory, ignore_errors=True)
            last.push_async_callback(asyncio.to_thread, self._executor.shutdown, wait=True, cancel_futures=True)
            last.push_async_callback(self._agenda.close)
            last.push_async_callback(self._origins.close)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def guard(self, call: Call, handler: Handler, *, is_public: bool = False) -> Handler:
        """*handler* behind planned faults and the key, with a note of every request."""

        async def guarded(request: web.Request) -> web.StreamResponse:
            self.counts[call] += 1
            # A form is read by its handler, piece by piece.
            body = b"" if request.content_type.startswith("multipart/") else await request.read()
            fault = self.faults.take(call)
            answer = await self._answer(request, handler, fault, is_public=is_public)
            self.requests.append(
                Seen(
                    call=call,
                    method=request.method,
                    path=request.path_qs,
                    headers={name.lower(): value for name, value in request.headers.items()},
                    body=body[:_NOTED_BODY].decode(errors="replace"),
                    status=answer.status,
                )
            )
            match fault:
                case Slow(seconds):
                    await self.pause(seconds)
                case LostAnswer():
                    drop(request)
                case _:
                    pass
            return answer

        return guarded

    async def _answer(
        self, request: web.Request, handler: Handler, fault: Fault | None, *, is_public: bool
    ) -> web.StreamResponse:
        match fault:
            case Refusal(status=status, text=text, headers=headers):
                return self._refused(request, RefusedError(status, text, headers))
            case Body(text=text, status=status, content_type=kind):
                return web.Response(status=status, text=text, content_type=kind)
            case LostAnswer(took_effect=False):
                return web.Response()
            case _:
                pass
        try:
            if not is_public and not self.is_authorised(request):
                raise self.unauthorised
            return await handler(request)
        except RefusedError as refused:
            return self._refused(request, refused)

    def _refused(self, request: web.Request, refused: RefusedError) -> web.Response:
        answer = self.refusal(request.path, refused.status, refused.text)
        answer.headers.update(refused.headers)
        return answer

    async def pause(self, seconds: float) -> None:
        """Wait in real time, but no longer than the server lives."""
        try:
            async with asyncio.timeout(seconds):
                await self.closing.wait()
        except TimeoutError:
            pass

    async def _result(self, request: web.Request) -> web.StreamResponse:
        stored = self.storage.find(request.match_info["path"])
        if stored is None:
            return web.Response(status=404, text="there is no such file")
        return self.served(stored)

    def served(self, stored: Stored) -> web.StreamResponse:
        """The file, or what its plan has come to."""
        plan = stored.download
        if plan.expires_after is not None and self.clock() >= stored.stored_at + plan.expires_after:
            return web.Response(status=plan.expired_status, text="the link has expired")
        if plan.status != 200:
            return web.Response(status=plan.status, text=f"HTTP {plan.status}")
        return web.FileResponse(stored.file, headers={"Content-Type": plan.content_type or stored.content_type})


async def read_object(request: web.Request) -> dict[str, object]:
    """The request's JSON object; a vendor refuses everything else with 400."""
    try:
        body = json.loads(await request.read())
    except ValueError as err:
        raise RefusedError(400, "The request body is not valid JSON") from err
    if not isinstance(body, dict):
        raise RefusedError(400, "The request body is not a JSON object")
    return body


def stamp(at: float) -> str:
    """The time as these vendors write it."""
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at)) + f".{int(at % 1 * 1000):03d}Z"
