"""A URL that somebody else chose never makes the bot connect into the host's own network."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from bot.errors import ProviderRejectedError, ProviderUnavailableError
from bot.errors.pictures import ImageUnreachableError
from bot.media import Pictures, VideoDownloads
from tests.hostile.addresses import FLIPPING, HOSTILE_URLS, PUBLIC, PUBLIC_HOST, Internet, is_plainly_inside
from tests.loopback import always, answer, serving
from tests.media import drawings

MP4 = bytes.fromhex("00000018") + b"ftypmp42" + bytes(12) + bytes.fromhex("00000400") + b"mdat" + bytes(1016)
NO_VIDEO = (ProviderRejectedError, ProviderUnavailableError)
GOOD_URL = f"http://{PUBLIC_HOST}/v"


@pytest.fixture
def internet(monkeypatch: pytest.MonkeyPatch) -> Internet:
    here = Internet()
    here.install(monkeypatch)
    return here


@pytest.fixture
async def downloads() -> AsyncIterator[VideoDownloads]:
    here = VideoDownloads()
    yield here
    await here.aclose()


@pytest.fixture
async def pictures(tmp_path: Path) -> AsyncIterator[Pictures]:
    here = Pictures(tmp_path / "inputs")
    yield here
    await here.aclose()


async def naively_fetched(url: str) -> None:
    """The version that reads the URL, finds nothing against it, and lets a library open it."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or is_plainly_inside(parts.hostname or ""):
        return
    async with httpx.AsyncClient(trust_env=False, timeout=5, follow_redirects=True) as client:
        await client.get(url)


async def leads_inside(internet: Internet, url: str) -> bool:
    """Whether the naive version tries a connection to where it should not."""
    internet.connections.clear()
    with contextlib.suppress(httpx.HTTPError, httpx.InvalidURL, OSError, ValueError):
        await naively_fetched(url)
    return bool(internet.inside)


def test_corpus_is_large_and_nothing_is_in_it_twice() -> None:
    assert len(HOSTILE_URLS) >= 100
    assert len(set(HOSTILE_URLS)) == len(HOSTILE_URLS)


async def test_good_address_is_fetched_from_the_address_that_was_checked(
    internet: Internet, downloads: VideoDownloads, pictures: Pictures, tmp_path: Path
) -> None:
    async with serving(always(answer(MP4))) as server:
        internet.port = server.port
        assert await downloads.fetch(GOOD_URL, tmp_path / "1.mp4") == len(MP4)
    async with serving(always(answer(drawings.drawn("PNG")))) as server:
        internet.port = server.port
        await pictures.take(GOOD_URL, declared_size=100, filename="a.png")

    assert internet.connections == [PUBLIC, PUBLIC]


@pytest.mark.parametrize("url", HOSTILE_URLS)
async def test_hostile_address_gets_no_connection(
    internet: Internet, downloads: VideoDownloads, pictures: Pictures, tmp_path: Path, url: str
) -> None:
    with pytest.raises(NO_VIDEO):
        await downloads.fetch(url, tmp_path / "1.mp4")
    with pytest.raises(ImageUnreachableError):
        await pictures.take(url, declared_size=100, filename="a.png")

    assert internet.inside == []
    assert not (tmp_path / "1.mp4").exists()


async def test_redirect_to_a_hostile_address_gets_no_connection(
    internet: Internet, downloads: VideoDownloads, pictures: Pictures, tmp_path: Path
) -> None:
    followed: list[str] = []

    for url in HOSTILE_URLS:
        location = url.encode().replace(b"\r\n", b"%0D%0A").decode("latin-1")
        moved = answer(b"", status="302 Found").replace(
            b"\r\n\r\n", f"\r\nLocation: {location}\r\n\r\n".encode("latin-1")
        )
        async with serving(always(moved)) as server:
            internet.port = server.port
            with pytest.raises(NO_VIDEO):
                await downloads.fetch(GOOD_URL, tmp_path / "1.mp4")
            with pytest.raises(ImageUnreachableError):
                await pictures.take(GOOD_URL, declared_size=100, filename="a.png")
        followed += internet.inside

    assert followed == []


async def test_reading_the_address_only_would_let_many_through(internet: Internet) -> None:
    through = [url for url in HOSTILE_URLS if await leads_inside(internet, url)]
    print(f"\na check of the text lets {len(through)} of {len(HOSTILE_URLS)} through")

    assert len(through) >= 30
    assert {"http://2130706433/", "http://inside.test/", "http://127.1/", "http://0x7f.1/"} <= set(through)


async def test_reading_the_address_only_would_follow_every_redirect(internet: Internet) -> None:
    moved = answer(b"", "Location: http://169.254.169.254/latest/meta-data/", status="302 Found")
    async with serving(always(moved)) as server:
        internet.port = server.port

        assert await leads_inside(internet, GOOD_URL)


async def test_name_that_changes_its_mind_is_asked_once(
    internet: Internet, downloads: VideoDownloads, tmp_path: Path
) -> None:
    async with serving(always(answer(MP4))) as server:
        internet.port = server.port
        for number in range(20):
            internet.start_flipping()
            await downloads.fetch(f"http://{FLIPPING}/v", tmp_path / f"{number}.mp4")

    assert internet.inside == []
    assert internet.asked == [FLIPPING] * 20


async def test_name_that_has_changed_its_mind_by_the_second_hop_is_refused(
    internet: Internet, downloads: VideoDownloads, tmp_path: Path
) -> None:
    async with serving(always(answer(b"", f"Location: http://{FLIPPING}/w", status="302 Found"))) as server:
        internet.port = server.port
        with pytest.raises(ProviderRejectedError):
            await downloads.fetch(f"http://{FLIPPING}/v", tmp_path / "1.mp4")

    assert internet.connections == [PUBLIC]


async def test_checking_the_address_and_opening_the_name_would_be_fooled(internet: Internet) -> None:
    """The next version that one thinks of: resolve, judge, and hand the URL to a library, which resolves again."""
    found = await asyncio.get_running_loop().getaddrinfo(FLIPPING, 80)
    assert not is_plainly_inside(str(found[0][4][0]))

    assert await leads_inside(internet, f"http://{FLIPPING}/v")
