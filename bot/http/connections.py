"""How many connections the HTTP server holds open at once, and whose place the next one takes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from aiohttp import web

from bot import logs

log = logs.get(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

# A process may usually have 1024 files open. A download has two, and the database, Discord and providers need theirs.
MOST_CONNECTIONS = 256
# How many the system holds for us between two turns of the loop; by so many there may be more for a moment.
BACKLOG = 64
SAY_EVERY = timedelta(minutes=1)


class Connections:
    """When all places are taken, a newcomer gets the place of somebody who was there for long.

    Refusing the newcomer instead would let a few hundred silent clients keep the provider's callbacks out. Half of the
    places are for those who are being answered and half for those who have still to ask, so that neither silent clients
    cut off answers, nor downloads that nobody reads a callback which has just arrived. Whichever has more than its half
    gives a place: of those who wait, whoever has waited longest; of the answers the longest, which is a download, as
    everything else takes seconds.
    """

    def __init__(self, most: int = MOST_CONNECTIONS) -> None:
        self._most = most
        self._busy: dict[web.RequestHandler, asyncio.Task[None]] = {}
        self._leaving: set[web.RequestHandler] = set()
        self._since: dict[web.RequestHandler, float] = {}  # the last change between being answered and waiting
        self._said_at: float | None = None

    @web.middleware
    async def watch(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Around every handler: what it answers is not cut off for a newcomer."""
        with self.answering(request):
            return await handler(request)

    @contextmanager
    def answering(self, request: web.Request) -> Iterator[None]:
        connection = request.protocol
        self._busy[connection] = request.task
        self._since[connection] = self._now()
        try:
            yield
        finally:
            self._busy.pop(connection, None)
            self._since[connection] = self._now()

    def make_room(self, connections: list[web.RequestHandler]) -> None:
        """Close what is too much for one more, of the open *connections* in the order in which they came."""
        self._leaving &= set(connections)
        there = [each for each in connections if each.transport is not None and each not in self._leaving]
        known = set(there)
        self._since = {each: at for each, at in self._since.items() if each in known}
        if len(there) < self._most:
            return
        self._say(len(there))
        # Who has never asked comes first, in the order of arrival.
        there.sort(key=lambda each: self._since.get(each, 0.0))
        answered = [each for each in there if each in self._busy]
        waiting = [each for each in there if each not in self._busy]
        while len(answered) + len(waiting) >= self._most:
            leaves = (answered if len(answered) > self._most // 2 else waiting).pop(0)
            self._leaving.add(leaves)
            if leaves in self._busy:
                # Its transport must not be closed below a file that is being sent: the loop would go on watching the
                # number of the closed socket, which the next one gets.
                self._busy[leaves].cancel()
            elif leaves.transport is not None:
                leaves.transport.abort()  # Not `close`: that waits for whoever does not read.

    def _say(self, count: int) -> None:
        now = self._now()
        if self._said_at is None or now - self._said_at >= SAY_EVERY.total_seconds():
            self._said_at = now
            log.warning("http_crowded", connections=count, most=self._most)

    def _now(self) -> float:
        return asyncio.get_running_loop().time()


CONNECTIONS = web.AppKey("connections", Connections)


class LimitedSite(web.BaseSite):
    """Listens like `web.TCPSite`, and makes room for each connection before it is taken."""

    __slots__ = ("_connections", "_host", "_port")

    def __init__(self, runner: web.BaseRunner, host: str, port: int, connections: Connections) -> None:
        super().__init__(runner, backlog=BACKLOG)
        self._host = host
        self._port = port
        self._connections = connections

    @property
    def name(self) -> str:
        return f"http://{self._host}:{self._port}"

    async def start(self) -> None:
        await super().start()
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._open, self._host, self._port, backlog=BACKLOG)

    def _open(self) -> asyncio.BaseProtocol:
        server = self._runner.server
        if server is None:
            raise AssertionError("nothing is accepted before the runner is set up")
        self._connections.make_room(server.connections)
        return server()
