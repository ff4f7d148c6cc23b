"""A real server on loopback that misbehaves as told: resets, stalls, cut-off and endless bodies cannot be mocked."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

Handler = Callable[[bytes, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Loopback:
    """What the server saw: the head and body of every request, and how many connections."""

    port: int = 0
    requests: list[bytes] = field(default_factory=list)
    connections: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@asynccontextmanager
async def serving(handler: Handler) -> AsyncIterator[Loopback]:
    """Answer every request with *handler*, which gets the request and writes whatever it likes."""
    seen = Loopback()
    tasks: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        seen.connections += 1
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                while not writer.is_closing():
                    request = await _read_request(reader)
                    seen.requests.append(request)
                    await handler(request, writer)
                    await writer.drain()
        except asyncio.CancelledError:
            pass  # The test is over.
        finally:
            tasks.discard(task)
            writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    seen.port = server.sockets[0].getsockname()[1]
    try:
        yield seen
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await server.wait_closed()


async def _read_request(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return head + await reader.readexactly(int(line.split(b":")[1]))
    return head


def answer(body: bytes, *headers: str, status: str = "200 OK", length: int | None = None) -> bytes:
    """A whole HTTP answer; *length* lies about the body's length."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body) if length is None else length}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def always(raw: bytes, *, then_close: bool = False) -> Handler:
    """A handler that answers everything with the same bytes."""

    async def handle(_: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(raw)
        await writer.drain()
        if then_close:
            writer.close()

    return handle


async def reset(_: bytes, writer: asyncio.StreamWriter) -> None:
    """Take the request and break the connection without an answer."""
    writer.transport.abort()


async def silence(_request: bytes, _writer: asyncio.StreamWriter) -> None:
    """Take the request and never answer, as long as the server lives."""
    await asyncio.Event().wait()
