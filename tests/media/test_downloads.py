"""Videos come down whole and are videos, or the disk stays as it was."""

from __future__ import annotations

import asyncio
import gzip
import socket
import tracemalloc
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from bot.domain.jobs import FailureReason
from bot.errors import ProviderRejectedError, ProviderUnavailableError
from bot.media import VideoDownloads, remove_leftovers
from bot.media.downloads import DownloadLimits
from bot.ports import Credentials
from tests.logged import logged
from tests.loopback import Handler, always, answer, reset, serving, serving_broken_tls, silence

MP4 = bytes.fromhex("00000018") + b"ftypmp42" + bytes(12) + bytes.fromhex("00000400") + b"mdat" + bytes(1016)
MOV = bytes.fromhex("00000014") + b"ftypqt  " + bytes(1000)
WEBM = bytes.fromhex("1a45dfa39f4286810142f7810142f2810442f381084282847765626d") + bytes(1000)
SHORT = timedelta(milliseconds=200)
SMALL = DownloadLimits(max_bytes=100_000)
IMPATIENT = DownloadLimits(stall=SHORT, whole=4 * SHORT)


@pytest.fixture
async def downloads() -> AsyncIterator[VideoDownloads]:
    here = VideoDownloads(allow_private=True, limits=SMALL)
    yield here
    await here.aclose()


@pytest.fixture
async def impatient() -> AsyncIterator[VideoDownloads]:
    here = VideoDownloads(allow_private=True, limits=IMPATIENT)
    yield here
    await here.aclose()


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "7.mp4"


async def fails(downloads: VideoDownloads, handler: Handler, target: Path, error: type[Exception]) -> Exception:
    """The error of a fetch, after which nothing may be on the disk."""
    async with serving(handler) as server:
        with pytest.raises(error) as failure:
            await downloads.fetch(f"{server.url}/v.mp4?sig=canary", target)
    assert list(target.parent.iterdir()) == []
    return failure.value


def content(path: Path) -> bytes:
    return path.read_bytes()


async def drip(_: bytes, writer: asyncio.StreamWriter) -> None:
    """A video that arrives so slowly that it never stalls and never ends."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 90000\r\n\r\n" + MP4)
    while not writer.is_closing():
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.02)


async def endless(_: bytes, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    writer.write(f"{len(MP4):x}\r\n".encode() + MP4 + b"\r\n")
    while not writer.is_closing():
        writer.write(b"1000\r\n" + bytes(0x1000) + b"\r\n")
        await writer.drain()


async def stall(_: bytes, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 90000\r\n\r\n" + MP4)
    await writer.drain()
    await asyncio.Event().wait()


@pytest.mark.parametrize("body", [MP4, MOV, WEBM])
@pytest.mark.parametrize("declared", ["video/mp4", "application/octet-stream", "text/html"])
async def test_video_arrives_whatever_its_content_type_says(
    downloads: VideoDownloads, target: Path, body: bytes, declared: str
) -> None:
    async with serving(always(answer(body, f"Content-Type: {declared}"))) as server:
        size = await downloads.fetch(f"{server.url}/v.mp4", target)

    assert size == len(body)
    assert content(target) == body
    assert [path.name for path in target.parent.iterdir()] == ["7.mp4"]


async def test_video_replaces_what_an_earlier_fetch_left(downloads: VideoDownloads, target: Path) -> None:
    async with serving(always(answer(WEBM))) as server:
        await downloads.fetch(server.url, target)
    async with serving(always(answer(MP4))) as server:
        await downloads.fetch(server.url, target)

    assert content(target) == MP4


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"x",
        b"<!DOCTYPE html><html>error</html>" + b" " * 100,
        b'{"code":404}',
        b"\x89PNG\r\n\x1a\n" + bytes(100),
        b"#EXTM3U\n#EXT-X-VERSION:3\nfile:///etc/passwd\n" + bytes(100),
    ],
)
async def test_what_is_no_video_is_no_result(downloads: VideoDownloads, target: Path, body: bytes) -> None:
    error = await fails(downloads, always(answer(body, "Content-Type: video/mp4")), target, ProviderRejectedError)

    assert isinstance(error, ProviderRejectedError)
    assert error.reason is FailureReason.NO_RESULT


@pytest.mark.parametrize(
    "status", ["401 No", "403 Forbidden", "404 Not Found", "410 Gone", "204 No Content", "304 Same"]
)
async def test_dead_link_is_no_result(downloads: VideoDownloads, target: Path, status: str) -> None:
    raw = f"HTTP/1.1 {status}\r\n\r\n".encode() if status[0] != "4" else answer(b"gone", status=status)
    error = await fails(downloads, always(raw), target, ProviderRejectedError)

    assert isinstance(error, ProviderRejectedError)
    assert error.reason is FailureReason.NO_RESULT


@pytest.mark.parametrize("status", ["429 Slow", "500 Oops", "502 Bad Gateway", "503 Busy", "524 Timeout"])
async def test_busy_host_is_asked_again_later(downloads: VideoDownloads, target: Path, status: str) -> None:
    await fails(downloads, always(answer(b"", status=status)), target, ProviderUnavailableError)


@pytest.mark.parametrize(
    "handler",
    [
        reset,
        always(answer(MP4, length=len(MP4) + 1), then_close=True),
        always(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n400\r\n" + MP4[:100], then_close=True),
        always(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + MP4[:-1], then_close=True),
        always(b"garbage\r\n\r\n", then_close=True),
    ],
    ids=["reset", "short", "short chunk", "short without a length", "garbage"],
)
async def test_video_that_does_not_arrive_whole_is_fetched_again_later(
    downloads: VideoDownloads, target: Path, handler: Handler
) -> None:
    await fails(downloads, handler, target, ProviderUnavailableError)


@pytest.mark.parametrize("handler", [silence, stall, drip])
async def test_host_that_is_too_slow_is_asked_again_later(
    impatient: VideoDownloads, target: Path, handler: Handler
) -> None:
    await fails(impatient, handler, target, ProviderUnavailableError)


async def test_whole_video_without_a_length_is_accepted(downloads: VideoDownloads, target: Path) -> None:
    raw = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + MP4
    async with serving(always(raw, then_close=True)) as server:
        assert await downloads.fetch(server.url, target) == len(MP4)


@pytest.mark.parametrize("handler", [endless, always(answer(MP4, length=100_001))], ids=["endless", "declared"])
async def test_video_without_an_end_is_no_result(downloads: VideoDownloads, target: Path, handler: Handler) -> None:
    await fails(downloads, handler, target, ProviderRejectedError)


async def test_compression_does_not_hide_the_size(downloads: VideoDownloads, target: Path) -> None:
    raw = answer(gzip.compress(MP4 + bytes(5_000_000)), "Content-Encoding: gzip")

    await fails(downloads, always(raw), target, ProviderRejectedError)


@pytest.mark.parametrize("encoding", ["gzip", "gzip, gzip"])
async def test_compression_does_not_fill_the_memory_either(
    downloads: VideoDownloads, target: Path, encoding: str
) -> None:
    raw = gzip.compress(MP4 + bytes(50_000_000))
    raw = gzip.compress(raw) if "," in encoding else raw
    async with serving(always(answer(raw, f"Content-Encoding: {encoding}"))) as server:
        tracemalloc.start()
        try:
            with pytest.raises(ProviderRejectedError):
                await downloads.fetch(f"{server.url}/v.mp4", target)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()

    assert peak < 6 * 1024 * 1024


@pytest.mark.parametrize("encoding", ["gzip", "X-GZip"])
async def test_video_that_comes_compressed_is_a_video(downloads: VideoDownloads, target: Path, encoding: str) -> None:
    video = MP4 + bytes(90_000)
    async with serving(always(answer(gzip.compress(video), f"Content-Encoding: {encoding}"))) as server:
        assert await downloads.fetch(f"{server.url}/v.mp4", target) == len(video)

    assert content(target) == video


async def test_video_whose_compression_is_broken_is_fetched_again(downloads: VideoDownloads, target: Path) -> None:
    raw = answer(b"\x1f\x8b\x08\x00" + bytes(100), "Content-Encoding: gzip")

    await fails(downloads, always(raw), target, ProviderUnavailableError)


async def test_refused_connection_is_tried_again_later(downloads: VideoDownloads, target: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))

        with pytest.raises(ProviderUnavailableError):
            await downloads.fetch(f"http://127.0.0.1:{taken.getsockname()[1]}/", target)


async def redirecting(hops: int, request: bytes, writer: asyncio.StreamWriter) -> None:
    """Answer /n with a redirect to /n+1 until *hops* are over, then with the video."""
    here = int(request.split()[1].strip(b"/") or b"0")
    target = answer(MP4) if here == hops else answer(b"", f"Location: /{here + 1}", status="302 Found")
    writer.write(target)


async def test_a_few_redirects_are_followed(downloads: VideoDownloads, target: Path) -> None:
    async with serving(lambda request, writer: redirecting(3, request, writer)) as server:
        assert await downloads.fetch(f"{server.url}/0", target) == len(MP4)


async def keyed(elsewhere: str, request: bytes, writer: asyncio.StreamWriter) -> None:
    """Whoever shows the key is sent on; nobody else gets anything."""
    has_key = b"authorization: bearer k" in request.lower()
    writer.write(answer(b"", f"Location: {elsewhere}", status="302 Found") if has_key else answer(b"", status="401 No"))


async def test_the_key_is_shown_to_its_own_origin_and_to_nobody_else(downloads: VideoDownloads, target: Path) -> None:
    async with (
        serving(always(answer(MP4))) as files,
        serving(lambda request, writer: keyed(f"{files.url}/v.mp4", request, writer)) as vendor,
    ):
        credentials = Credentials(origin=vendor.url, headers={"Authorization": "Bearer k"})
        await downloads.fetch(f"{vendor.url}/content", target, credentials)
        await downloads.fetch(f"{files.url}/v.mp4", target, credentials)

    assert content(target) == MP4
    assert not any(b"authorization" in request.lower() for request in files.requests)


async def test_encryption_that_breaks_under_a_video_costs_a_retry(
    target: Path, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    async with serving_broken_tls(tmp_path_factory.mktemp("tls"), monkeypatch) as url:
        downloads = VideoDownloads(allow_private=True)

        with pytest.raises(ProviderUnavailableError):
            await downloads.fetch(f"{url}/v.mp4", target)
        await downloads.aclose()


async def test_a_key_that_is_refused_does_not_cost_the_video(downloads: VideoDownloads, target: Path) -> None:
    async with serving(always(answer(b"", status="401 Unauthorized"))) as vendor:
        credentials = Credentials(origin=vendor.url, headers={"Authorization": "Bearer old"})

        with pytest.raises(ProviderUnavailableError):
            await downloads.fetch(f"{vendor.url}/content", target, credentials)
        with pytest.raises(ProviderRejectedError):
            await downloads.fetch(f"{vendor.url}/content", target)


async def test_video_that_came_inside_of_an_answer_is_kept_under_the_same_rules(
    downloads: VideoDownloads, target: Path
) -> None:
    page = target.with_name("page.mp4")
    assert await downloads.keep(MP4, target) == len(MP4)
    assert content(target) == MP4

    with pytest.raises(ProviderRejectedError):
        await downloads.keep(b"<html>" + bytes(100), page)
    with pytest.raises(ProviderRejectedError):
        await downloads.keep(b"", page)

    assert [path.name for path in target.parent.iterdir()] == [target.name]


async def test_many_redirects_are_no_result(downloads: VideoDownloads, target: Path) -> None:
    async with serving(lambda request, writer: redirecting(4, request, writer)) as server:
        with pytest.raises(ProviderRejectedError):
            await downloads.fetch(f"{server.url}/0", target)

    assert len(server.requests) == 4


@pytest.mark.parametrize(
    "where", ["http://169.254.169.254/", "file:///etc/passwd", "ftp://127.0.0.1/", "http://u:p@x/"]
)
async def test_redirect_to_where_nothing_may_go_is_no_result(
    downloads: VideoDownloads, target: Path, where: str
) -> None:
    raw = answer(b"", f"Location: {where}", status="302 Found")

    await fails(downloads, always(raw), target, ProviderRejectedError)


async def test_redirect_to_a_name_inside_is_judged_like_the_first(target: Path) -> None:
    names = {"outside.test": ["127.0.0.1"], "inside.test": ["169.254.169.254"]}

    async def resolver(host: str, _port: int) -> list[str]:
        return names.pop(host)  # Each name is asked for once.

    downloads = VideoDownloads(allow_private=True, resolver=resolver)
    raw = answer(b"", "Location: http://inside.test/latest", status="307 Elsewhere")
    async with serving(always(raw)) as server:
        with pytest.raises(ProviderRejectedError, match="private network"):
            await downloads.fetch(f"http://outside.test:{server.port}/", target)
    await downloads.aclose()

    assert len(server.requests) == 1


async def test_private_address_is_not_opened_unless_the_host_allows_it(target: Path) -> None:
    downloads = VideoDownloads()
    async with serving(always(answer(MP4))) as server:
        with pytest.raises(ProviderRejectedError, match="private network"):
            await downloads.fetch(server.url, target)
    await downloads.aclose()

    assert server.connections == 0


@pytest.mark.parametrize(
    "url",
    [
        "",
        "v.mp4",
        "file:///etc/passwd",
        "http://",
        "http://[::1",
        "https://u:p@x.test/",
        "http://a..test/v.mp4",
        f"http://{'a' * 64}.test/v.mp4",
        "http://xn--/v.mp4",
        "http://127.0.0.1:70000/v.mp4",
    ],
)
async def test_address_that_is_none_is_no_result(downloads: VideoDownloads, target: Path, url: str) -> None:
    with pytest.raises(ProviderRejectedError):
        await downloads.fetch(url, target)


async def test_redirect_to_what_is_no_address_is_no_result(downloads: VideoDownloads, target: Path) -> None:
    for there in ("http://a..test/v.mp4", "http://xn--/v.mp4", "http://127.0.0.1:70000/v.mp4"):
        handler = always(answer(b"", f"Location: {there}", status="302 Found"))
        await fails(downloads, handler, target, ProviderRejectedError)


async def test_cancelled_fetch_leaves_nothing(downloads: VideoDownloads, target: Path) -> None:
    asked = asyncio.Event()

    async def stop(request: bytes, writer: asyncio.StreamWriter) -> None:
        asked.set()
        await stall(request, writer)

    async with serving(stop) as server:
        fetch = asyncio.create_task(downloads.fetch(server.url, target))
        await asked.wait()

        fetch.cancel()

        with pytest.raises(asyncio.CancelledError):
            await fetch
    assert list(target.parent.iterdir()) == []


async def test_two_fetches_of_one_job_do_not_disturb_each_other(downloads: VideoDownloads, target: Path) -> None:
    async with serving(always(answer(MP4))) as server:
        sizes = await asyncio.gather(*(downloads.fetch(server.url, target) for _ in range(3)))

    assert sizes == [len(MP4)] * 3
    assert content(target) == MP4


async def test_only_so_many_transfers_run_side_by_side(target: Path) -> None:
    running, most = 0, 0
    may_end = asyncio.Event()

    async def count(_: bytes, writer: asyncio.StreamWriter) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        if running == 2:
            may_end.set()
        await may_end.wait()
        running -= 1
        writer.write(answer(MP4))

    downloads = VideoDownloads(allow_private=True, limits=DownloadLimits(at_once=2))
    async with serving(count) as server:
        await asyncio.gather(*(downloads.fetch(server.url, target.with_name(f"{n}.mp4")) for n in range(6)))
    await downloads.aclose()

    assert most == 2


async def test_large_video_is_never_whole_in_memory(target: Path) -> None:
    block = bytes(64 * 1024)

    async def large(_: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(f"HTTP/1.1 200 OK\r\nContent-Length: {len(MP4) + 384 * len(block)}\r\n\r\n".encode() + MP4)
        for _i in range(384):
            writer.write(block)
            await writer.drain()

    downloads = VideoDownloads(allow_private=True)
    async with serving(large) as server:
        tracemalloc.start()
        try:
            size = await downloads.fetch(server.url, target)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    await downloads.aclose()

    assert size > 24 * 1024 * 1024
    assert peak < 6 * 1024 * 1024


async def test_signed_address_stands_in_no_log_and_no_error(downloads: VideoDownloads, target: Path) -> None:
    with logged() as log:
        error = await fails(downloads, always(answer(b"", status="403 No")), target, ProviderRejectedError)

    assert "canary" not in log.getvalue()
    assert "canary" not in f"{error!r} {error}"


def test_leftovers_of_a_crash_are_removed_and_videos_are_not(tmp_path: Path) -> None:
    (tmp_path / "7.mp4").write_bytes(MP4)
    (tmp_path / "8.mp4.0a1b2c3d.part").write_bytes(MP4[:10])

    (tmp_path / "export-0a1b.part").mkdir()
    (tmp_path / "export-0a1b.part" / "jobs-1.zip").write_bytes(b"what members wrote")

    assert remove_leftovers(tmp_path) == 2
    assert [path.name for path in tmp_path.iterdir()] == ["7.mp4"]
