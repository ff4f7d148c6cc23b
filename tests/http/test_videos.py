"""The bot's HTTP server, over a real socket: whoever has a signed link gets the video."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import aiohttp
import pytest
from multidict import CIMultiDictProxy
from prometheus_client import CollectorRegistry
from yarl import URL

from bot.http import HTTPServer, VideoFiles
from bot.links import sign
from tests.http.making import NOW, HandClock, RecordedCallbacks, RecordedHealth

KEY = bytes(range(32))
DAY = timedelta(days=1)
MP4 = b"\0\0\0\x18ftypmp42" + bytes(range(256)) * 64
NOT_FOUND = (404, b'{"code": 404, "msg": "not found"}')


@dataclass
class House:
    """A server with a folder of results in which video 142 lies, and somebody who asks."""

    session: aiohttp.ClientSession
    server: HTTPServer
    folder: Path
    clock: HandClock

    async def ask(self, path: str, method: str = "GET", **headers: str) -> tuple[int, bytes, CIMultiDictProxy[str]]:
        url = URL(f"http://127.0.0.1:{self.server.port}{path}", encoded=True)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        async with self.session.request(method, url, headers=named, allow_redirects=False) as answer:
            return answer.status, await answer.read(), answer.headers

    async def refusal(self, path: str, method: str = "GET") -> tuple[int, bytes]:
        status, body, _ = await self.ask(path, method)
        return status, body


@pytest.fixture(params=[True])
async def house(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[House]:
    folder, clock = tmp_path / "results", HandClock()
    folder.mkdir()
    (folder / "142.mp4").write_bytes(MP4)
    server = HTTPServer(
        host="127.0.0.1",
        port=0,
        health=RecordedHealth(),
        callbacks=RecordedCallbacks(),
        registry=CollectorRegistry(),
        clock=clock,
        videos=VideoFiles(folder, KEY, clock) if request.param else None,
    )
    await server.start()
    async with aiohttp.ClientSession() as session:
        yield House(session, server, folder, clock)
    await server.close()


LINK = sign(KEY, "142.mp4", NOW + DAY)


async def test_link_gives_the_video_to_be_shown_in_place(house: House) -> None:
    status, body, headers = await house.ask(LINK)

    assert (status, body) == (200, MP4)
    assert headers["Content-Type"] == "video/mp4"
    assert headers["Content-Disposition"] == "inline"
    assert headers["Cache-Control"] == "private, max-age=86400"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Accept-Ranges"] == "bytes"


async def test_player_can_ask_for_the_size_and_for_parts(house: House) -> None:
    status, body, headers = await house.ask(LINK, "HEAD")
    assert (status, body, headers["Content-Length"]) == (200, b"", str(len(MP4)))

    status, body, headers = await house.ask(LINK, Range="bytes=100-199")
    assert (status, body) == (206, MP4[100:200])
    assert headers["Content-Range"] == f"bytes 100-199/{len(MP4)}"

    status, body, _ = await house.ask(LINK, Range="bytes=-10")
    assert (status, body) == (206, MP4[-10:])

    status, _, _ = await house.ask(LINK, Range="bytes=999999-")
    assert status == 416


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (bytes.fromhex("1a45dfa3") + bytes(20), "video/webm"),
        (b"\0\0\0\x14ftypqt  ", "video/quicktime"),
        (MP4, "video/mp4"),
    ],
)
async def test_type_is_what_the_file_is_and_not_what_it_is_called(house: House, content: bytes, expected: str) -> None:
    (house.folder / "7.mp4").write_bytes(content)

    _, _, headers = await house.ask(sign(KEY, "7.mp4", NOW + DAY))

    assert headers["Content-Type"] == expected


async def test_expired_link_is_a_404_like_any_other(house: House) -> None:
    house.clock.time = NOW + DAY

    assert await house.refusal(LINK) == NOT_FOUND


async def test_video_that_is_gone_is_a_404_like_any_other(house: House) -> None:
    assert await house.refusal(sign(KEY, "143.mp4", NOW + DAY)) == NOT_FOUND


@pytest.mark.parametrize(
    "path",
    [
        "/videos",
        "/videos/",
        "/videos/142.mp4",
        LINK.replace("142", "143"),
        LINK.replace("/videos/", "/videos//"),
        LINK + "/",
        LINK + "/..",
        LINK.replace("142.mp4", "..%2fsecret.mp4"),
        LINK.replace("142.mp4", "%2e%2e/secret.mp4"),
        LINK.replace("142.mp4", "../results/142.mp4"),
        LINK.replace("142.mp4", "142.mp4%00"),
        LINK.replace("142.mp4", "%ff.mp4"),
        LINK.replace("142.mp4", "142.mp4" * 500),
    ],
)
async def test_every_other_path_is_the_same_404(house: House, path: str) -> None:
    (house.folder.parent / "secret.mp4").write_bytes(MP4)

    assert await house.refusal(path) == NOT_FOUND


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
async def test_links_are_only_read(house: House, method: str) -> None:
    assert await house.refusal(LINK, method) == NOT_FOUND


async def test_what_is_not_a_file_of_its_own_is_not_served(house: House) -> None:
    (house.folder.parent / "secret.mp4").write_bytes(MP4)
    (house.folder / "link.mp4").symlink_to(house.folder.parent / "secret.mp4")
    (house.folder / "folder.mp4").mkdir()
    os.mkfifo(house.folder / "pipe.mp4")

    for name in ("link.mp4", "folder.mp4", "pipe.mp4"):
        assert await house.refusal(sign(KEY, name, NOW + DAY)) == NOT_FOUND, name


@pytest.mark.parametrize("house", [False], indirect=True)
async def test_without_links_there_are_none(house: House) -> None:
    assert await house.refusal(LINK) == NOT_FOUND
