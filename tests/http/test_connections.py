"""The bot's HTTP server, over real sockets: however many connections are opened, it stays within its open files."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path

import aiohttp
import pytest
from prometheus_client import CollectorRegistry

from bot.domain.ids import JobId, TaskId
from bot.http import HTTPServer, Patience, VideoFiles
from bot.http.connections import BACKLOG
from bot.links import sign
from bot.providers import callback_forms
from tests.http.making import NOW, HandClock, House, RecordedCallbacks, RecordedHealth

MOST = 8
KEY = bytes(range(32))
LINK = sign(KEY, "142.mp4", NOW + timedelta(days=1))
LARGE = b"\0\0\0\x18ftypmp42" + bytes(40_000_000)  # More than the buffers of both sides hold.


class Crowd:
    """Clients that connect and then say what they are told, which is nothing at first."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.streams: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def comes(self, count: int = 1, says: bytes = b"") -> None:
        for _ in range(count):
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
            self.streams.append((reader, writer))
            writer.write(says)
            await writer.drain()

    async def downloads(self, count: int) -> None:
        """So many more of them ask for the video and read no further than its first line."""
        for _ in range(count):
            await self.comes(says=f"GET {LINK} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            assert await self.streams[-1][0].readexactly(15) == b"HTTP/1.1 200 OK"

    async def hears(self, number: int) -> bytes:
        """What this client was sent until it was cut off."""
        reader, _ = self.streams[number]
        heard = b""
        try:
            async with asyncio.timeout(10):
                while more := await reader.read(65536):
                    heard += more
        except ConnectionResetError:
            pass
        return heard

    def leaves(self) -> None:
        for _, writer in self.streams:
            writer.close()


@pytest.fixture
async def small(tmp_path: Path) -> AsyncIterator[House]:
    """A server for eight connections, with video 142."""
    (tmp_path / "142.mp4").write_bytes(LARGE)
    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(aiohttp.ClientSession())
        house = House(session, None, Patience())
        house.server = HTTPServer(
            host="127.0.0.1",
            port=0,
            health=house.health,
            callbacks=house.callbacks,
            registry=CollectorRegistry(),
            clock=house.clock,
            callback_forms={"kie": callback_forms.kie(None)},
            videos=VideoFiles(tmp_path, KEY, house.clock),
            most_connections=MOST,
        )
        await house.server.start()
        stack.push_async_callback(house.server.close)
        yield house


@pytest.fixture
async def crowd(small: House) -> AsyncIterator[Crowd]:
    many = Crowd(small.server.port)
    yield many
    many.leaves()


@pytest.mark.parametrize(
    "says",
    [
        b"",
        b"GET /healthz HTTP/1.1\r\nX-Slow: ",
        b"POST /callbacks/kie/17/s3cret HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\n{",
    ],
    ids=["nothing", "half a head", "half a body"],
)
async def test_silent_clients_give_their_places_to_the_callback(small: House, crowd: Crowd, says: bytes) -> None:
    await crowd.comes(10 * MOST, says)

    assert await small.call_back() == 200
    # The oldest were cut off, and not the newest.
    assert await crowd.hears(0) == b""
    open_ones = [number for number, (reader, _) in enumerate(crowd.streams) if not reader.at_eof()]
    assert len(open_ones) <= MOST + BACKLOG
    assert len(crowd.streams) - 1 in open_ones


async def test_callback_that_is_being_stored_is_not_cut_off_by_a_crowd(small: House, crowd: Crowd) -> None:
    arrived, may_end = asyncio.Event(), asyncio.Event()

    async def slow(job_id: JobId, secret: str, task_id: TaskId) -> bool:
        arrived.set()
        return await may_end.wait()

    small.callbacks.hint = slow  # type: ignore[method-assign]  # A commit that takes its time.
    async with asyncio.TaskGroup() as tasks:
        asked = tasks.create_task(small.call_back())
        await arrived.wait()
        await crowd.comes(10 * MOST)
        may_end.set()

    assert asked.result() == 200


async def test_download_is_not_cut_off_by_silent_clients(small: House, crowd: Crowd) -> None:
    url = f"http://127.0.0.1:{small.server.port}{LINK}"
    async with small.session.get(url) as answer:
        await crowd.comes(10 * MOST)

        assert await answer.read() == LARGE


async def test_downloads_that_nobody_reads_keep_no_callback_out(small: House, crowd: Crowd) -> None:
    await crowd.downloads(2 * MOST)

    assert await small.call_back() == 200
    assert len(await crowd.hears(0)) < len(LARGE)


async def test_who_has_just_come_is_not_cut_off_for_downloads_before_it_can_ask(small: House, crowd: Crowd) -> None:
    await crowd.downloads(MOST)
    await crowd.comes()
    reader, writer = crowd.streams[-1]
    await crowd.downloads(MOST)

    writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")

    assert await reader.readexactly(15) == b"HTTP/1.1 200 OK"


async def test_head_that_never_ends_is_not_waited_for_however_often_a_byte_comes() -> None:
    patience = Patience(asking=timedelta(milliseconds=200))
    server = HTTPServer(
        host="127.0.0.1",
        port=0,
        health=RecordedHealth(),
        callbacks=RecordedCallbacks(),
        registry=CollectorRegistry(),
        clock=HandClock(),
        patience=patience,
    )
    await server.start()
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)

    async def trickle() -> None:
        while not reader.at_eof():
            writer.write(b"G")
            await asyncio.sleep(0.02)

    async with asyncio.timeout(10):
        await asyncio.gather(trickle(), reader.read(), return_exceptions=True)
    writer.close()
    await server.close()
