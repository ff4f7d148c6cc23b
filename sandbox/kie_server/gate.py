"""Stands before every route: notes the request, lets planned faults happen, asks for the key, counts and limits."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from aiohttp import web

from sandbox.kie_server.agenda import Clock
from sandbox.kie_server.answers import RefusedError, edge_page, envelope
from sandbox.kie_server.faults import Body, Call, EdgePage, Fault, Faults, LostAnswer, Refusal, Refusals, Slow
from sandbox.kie_server.limits import SlidingWindow

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Envelope = Callable[..., web.Response]

_NOTED_BODY = 8192


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One request and how it was answered."""

    at: float
    call: Call
    method: str
    path: str  # with the query
    user_agent: str
    body: str  # of create requests
    code: int  # the body's code where there is one, else the HTTP status
    fault: Fault | None


class Gate:
    def __init__(self, *, clock: Clock, api_key: str, faults: Faults, latency: float) -> None:
        self._clock = clock
        self._api_key = api_key
        self._faults = faults
        self._latency = latency
        self._busy: Counter[Call] = Counter()
        self.has_http_status = False  # errors carry their code as HTTP status too
        self.closing = asyncio.Event()
        self.requests: deque[Seen] = deque(maxlen=10_000)
        self.counts: Counter[Call] = Counter()
        self.peaks: Counter[Call] = Counter()  # most requests of a kind at the same time

    def guard(
        self,
        call: Call,
        handler: Handler,
        *,
        is_public: bool = False,
        window: SlidingWindow | None = None,
        wrap: Envelope = envelope,
    ) -> Handler:
        async def guarded(request: web.Request) -> web.StreamResponse:
            self.counts[call] += 1
            self._busy[call] += 1
            self.peaks[call] = max(self.peaks[call], self._busy[call])
            try:
                return await self._pass(call, request, handler, is_public=is_public, window=window, wrap=wrap)
            finally:
                self._busy[call] -= 1

        return guarded

    async def _pass(
        self,
        call: Call,
        request: web.Request,
        handler: Handler,
        *,
        is_public: bool,
        window: SlidingWindow | None,
        wrap: Envelope,
    ) -> web.StreamResponse:
        body = await request.read() if call in (Call.CREATE, Call.UPGRADE) or self._reads_body(call) else b""
        fault = self._faults.take(call, request.path_qs.encode() + b"\n" + body)
        if self._latency:
            await self.pause(self._latency)
        code = 200
        answer: web.StreamResponse
        try:
            ready = self._unasked(request, fault, wrap)
            if ready is not None:
                code, answer = ready
            else:
                if not is_public:
                    self._authorise(request)
                if window is not None and not window.admits():
                    raise RefusedError(Refusals.TOO_MANY.code, Refusals.TOO_MANY.text)  # noqa: TRY301 - one way to refuse
                answer = await handler(request)
                code = answer.status
        except RefusedError as refused:
            code, answer = refused.code, self._refusal(refused.code, refused.text, wrap)
        self.requests.append(
            Seen(
                at=self._clock(),
                call=call,
                method=request.method,
                path=request.path_qs,
                user_agent=request.headers.get("User-Agent", ""),
                body=body[:_NOTED_BODY].decode(errors="replace"),
                code=code,
                fault=fault,
            )
        )
        return await self._spoiled(request, fault, answer)

    async def pause(self, seconds: float) -> None:
        """Wait in real time, but no longer than the server lives."""
        try:
            async with asyncio.timeout(seconds):
                await self.closing.wait()
        except TimeoutError:
            pass

    def _reads_body(self, call: Call) -> bool:
        # An upload is read by its handler, piece by piece.
        return call is not Call.UPLOAD and self._faults.wants_body(call)

    def _unasked(
        self, request: web.Request, fault: Fault | None, wrap: Envelope
    ) -> tuple[int, web.StreamResponse] | None:
        """The answer, if there is one without asking the route."""
        if request.headers.get("User-Agent", "").startswith("Python-urllib"):
            # One client met this at the edge in front of the API.
            return 403, web.Response(status=403, text="error code: 1010")
        match fault:
            case Refusal(code=code, text=text, status=status):
                return code, self._refusal(code, text, wrap, status)
            case EdgePage(status=status, took_effect=False):
                return status, edge_page(status)
            case Body(text=text, status=status, content_type=kind):
                return status, web.Response(text=text, status=status, content_type=kind)
            case LostAnswer(took_effect=False):
                return 0, web.Response()
            case _:
                return None

    async def _spoiled(
        self, request: web.Request, fault: Fault | None, answer: web.StreamResponse
    ) -> web.StreamResponse:
        match fault:
            case Slow(seconds):
                await self.pause(seconds)
            case EdgePage(status=status, took_effect=True):
                return edge_page(status)
            case LostAnswer():
                drop(request)
            case _:
                pass
        return answer

    def _authorise(self, request: web.Request) -> None:
        if request.headers.get("Authorization") != f"Bearer {self._api_key}":
            raise RefusedError(Refusals.UNAUTHORIZED.code, Refusals.UNAUTHORIZED.text)

    def _refusal(self, code: int, text: str, wrap: Envelope, status: int | None = None) -> web.Response:
        mirrored = code if self.has_http_status and 400 <= code < 600 else 200
        return wrap(code, text, status=mirrored if status is None else status)


def drop(request: web.Request) -> None:
    """Hang up at once, without a goodbye."""
    if request.transport is not None:
        request.transport.abort()
