"""Signed links: what we signed is served until it expires; everything else is the same nothing."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDictProxy
from prometheus_client import CollectorRegistry
from yarl import URL

from bot.domain.ids import JobId, ProviderId, TaskId
from bot.http import HTTPServer, VideoFiles
from bot.links import NAME, sign, verify

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
KEY = bytes(range(32))
DAY = timedelta(days=1)
MP4 = b"\0\0\0\x18ftypmp42" + bytes(range(256)) * 64
NOT_FOUND = (404, b'{"code": 404, "msg": "not found"}')


def parts(path: str) -> tuple[str, str, str]:
    _, videos, expires, signature, name = path.split("/")
    assert videos == "videos"
    return expires, signature, name


# Signing


def test_signed_path_is_good_until_it_expires() -> None:
    path = parts(sign(KEY, "142.mp4", NOW + DAY))

    assert path[0] == str(int((NOW + DAY).timestamp()))
    assert verify(KEY, *path, NOW)
    assert verify(KEY, *path, NOW + DAY - timedelta(seconds=1))
    assert not verify(KEY, *path, NOW + DAY)


def test_signature_is_the_documented_one() -> None:
    # Computed once outside Python: printf 'cutscene video link 1\n1763726400\n142.mp4' through openssl's HMAC-SHA256.
    expires = datetime.fromtimestamp(1763726400, UTC)

    assert (
        sign(b"0123456789abcdef", "142.mp4", expires)
        == "/videos/1763726400/0Jw61Ix0oGGSdmN4xmEzRphsuEl3driEt2Uj0L_CdyU/142.mp4"
    )


@given(st.sampled_from([0, 1, 2]), st.integers(0, 200), st.characters(codec="utf-8"))
def test_no_part_can_be_changed(part: int, position: int, character: str) -> None:
    genuine = list(parts(sign(KEY, "142.mp4", NOW + DAY)))
    text = genuine[part]
    position %= len(text)
    changed = genuine.copy()
    changed[part] = text[:position] + character + text[position + 1 :]

    assert verify(KEY, *changed, NOW) is (changed == genuine)


@pytest.mark.parametrize("expires", ["0", "-1", "1e9", "+1795262400", "01795262400", "١٧٩٥٢٦٢٤٠٠", "9" * 5000, ""])
def test_odd_times_are_no_times(expires: str) -> None:
    _, signature, name = parts(sign(KEY, "142.mp4", NOW + DAY))

    assert not verify(KEY, expires, signature, name, NOW)


def test_other_key_makes_another_link() -> None:
    path = parts(sign(KEY, "142.mp4", NOW + DAY))

    assert not verify(bytes(32), *path, NOW)


@pytest.mark.parametrize(
    "name",
    ["", ".mp4", "..", "../142.mp4", "a/b.mp4", "a\\b.mp4", "142.mp4\n", "142.MP4", "142.mp4.part", "142.db", "ж.mp4"],
)
def test_only_names_of_videos_are_signed(name: str) -> None:
    with pytest.raises(ValueError, match="not the name"):
        sign(KEY, name, NOW + DAY)


@pytest.mark.parametrize("name", ["142.mp4", "142.small.mp4", "a-b_c.webm", "x.mov"])
def test_names_that_results_have_are_signed(name: str) -> None:
    assert NAME.fullmatch(name)
    assert verify(KEY, *parts(sign(KEY, name, NOW + DAY)), NOW)


def test_short_key_signs_nothing() -> None:
    with pytest.raises(ValueError, match="too short"):
        sign(b"", "142.mp4", NOW + DAY)


# Serving


class HandClock:
    def __init__(self) -> None:
        self.time = NOW

    def now(self) -> datetime:
        return self.time

    async def wait(self, wake: asyncio.Event, at_most: timedelta) -> None:
        await wake.wait()


class Well:
    """Nothing is broken, and nobody calls back."""

    async def broken(self) -> list[str]:
        return []

    async def missing(self) -> list[str]:
        return []

    async def hint_task(self, provider: ProviderId, task_id: TaskId) -> bool:
        raise AssertionError("nobody here has one address for all jobs")

    async def hint(self, job_id: JobId, secret: str, task_id: TaskId) -> bool:
        return False


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
        health=Well(),
        callbacks=Well(),
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
