"""Attachments: types, ranges, links that expire and are renewed, and uploads that never sit in memory."""

from __future__ import annotations

import asyncio
import io
from typing import Any

import aiohttp
import pytest
from PIL import Image

from sandbox.discord_server import Channel, DiscordServer, Fault


def png(width: int, height: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (width, height)).save(buffer, "PNG")
    return buffer.getvalue()


async def posted(rest: Any, channel: Channel, content: bytes, filename: str) -> dict[str, Any]:
    form = aiohttp.FormData()
    form.add_field("files[0]", content, filename=filename, content_type="application/octet-stream")
    _, message = await rest("POST", f"/channels/{channel.id}/messages", data=form)
    attachment: dict[str, Any] = message["attachments"][0]
    return attachment


@pytest.mark.parametrize(
    ("content", "filename", "content_type"),
    [
        (png(4, 2), "any.bin", "image/png"),
        (b"\xff\xd8\xff\xe0", "a.jpg", "image/jpeg"),
        (b"\x00\x00\x00\x18ftypisom", "a.dat", "video/mp4"),
        (b"RIFF\x00\x00\x00\x00WEBP", "a", "image/webp"),
        (b"plain", "a.txt", "text/plain"),
        (b"?", "a.strange", "application/octet-stream"),
    ],
)
async def test_type_comes_from_the_content_and_then_from_the_name(
    content: bytes, filename: str, content_type: str, rest: Any, channel: Channel
) -> None:
    attachment = await posted(rest, channel, content, filename)

    async with aiohttp.ClientSession() as session, session.get(attachment["url"]) as response:
        served = await response.read()

    assert (attachment["content_type"], response.headers["Content-Type"]) == (content_type, content_type)
    assert served == content


async def test_pictures_tell_their_size(rest: Any, channel: Channel) -> None:
    attachment = await posted(rest, channel, png(40, 20), "a.png")

    assert (attachment["width"], attachment["height"]) == (40, 20)


def box(kind: bytes, *inner: bytes) -> bytes:
    content = b"".join(inner)
    return (8 + len(content)).to_bytes(4, "big") + kind + content


def tkhd(width: int, height: int) -> bytes:
    return box(b"tkhd", bytes(76), (width << 16).to_bytes(4, "big"), (height << 16).to_bytes(4, "big"))


@pytest.mark.parametrize(
    ("content", "sides"),
    [
        (box(b"mdat", bytes(100)) + box(b"moov", box(b"trak", tkhd(0, 0)), box(b"trak", tkhd(640, 360))), (640, 360)),
        (box(b"moov", box(b"trak", tkhd(0, 0))), (None, None)),
        (b"\x00\x00\x00\x04free", (None, None)),
        (b"\x00\x00\xff\xffmoov\x00\x00\xff\xfftkhd", (None, None)),
    ],
)
async def test_videos_tell_their_size_when_they_have_one(
    content: bytes, sides: tuple[int | None, int | None], rest: Any, channel: Channel
) -> None:
    attachment = await posted(rest, channel, box(b"ftyp", b"isom") + content, "a.mp4")

    assert (attachment.get("width"), attachment.get("height")) == sides


async def test_players_get_ranges(rest: Any, channel: Channel) -> None:
    attachment = await posted(rest, channel, b"0123456789", "a.mp4")

    headers = {"Range": "bytes=2-4"}
    async with aiohttp.ClientSession() as session, session.get(attachment["url"], headers=headers) as response:
        part = await response.read()

    assert (response.status, part, response.headers["Content-Range"]) == (206, b"234", "bytes 2-4/10")


async def test_link_dies_after_a_day_and_fetching_the_message_renews_it(
    rest: Any, server: DiscordServer, channel: Channel
) -> None:
    attachment = await posted(rest, channel, b"x", "a.txt")
    server.advance(minutes=24 * 60 + 1)
    _, [message] = await rest("GET", f"/channels/{channel.id}/messages")
    _, renewed = await rest("POST", "/attachments/refresh-urls", {"attachment_urls": [attachment["url"]]})

    async with aiohttp.ClientSession() as session:
        got = []
        for url in (attachment["url"], message["attachments"][0]["url"], renewed["refreshed_urls"][0]["refreshed"]):
            async with session.get(url) as response:
                got.append(response.status)

    assert got == [404, 200, 200]


@pytest.mark.parametrize("change", [("hm=", "hm=0"), ("?ex=", "?no="), ("a.txt", "b.txt")])
async def test_forged_link_gives_nothing(change: tuple[str, str], rest: Any, channel: Channel) -> None:
    url = (await posted(rest, channel, b"x", "a.txt"))["url"].replace(*change)

    async with aiohttp.ClientSession() as session, session.get(url) as response:
        assert response.status == 404


async def test_attachments_come_from_another_origin(server: DiscordServer, rest: Any, channel: Channel) -> None:
    attachment = await posted(rest, channel, b"x", "a.txt")

    assert attachment["url"].startswith(f"{server.cdn_url}/attachments/{channel.id}/{attachment['id']}/a.txt?ex=")
    assert server.cdn_url != server.origin


async def test_refused_and_broken_off_uploads_leave_no_file(rest: Any, server: DiscordServer, channel: Channel) -> None:
    form = aiohttp.FormData()
    form.add_field("payload_json", '{"content": "' + "x" * 2001 + '"}')
    form.add_field("files[0]", b"x" * 1000, filename="a.bin")
    refused = await rest("POST", f"/channels/{channel.id}/messages", data=form)
    server.faults.add(Fault(path="/messages", status=502))
    lost = aiohttp.FormData()
    lost.add_field("files[0]", b"x", filename="a.bin")
    failed = await rest("POST", f"/channels/{channel.id}/messages", data=lost)

    assert (refused[0], failed[0]) == (400, 502)
    assert list(server.cdn.folder.iterdir()) == []


async def test_upload_cut_off_in_the_middle_leaves_no_file(server: DiscordServer, channel: Channel) -> None:
    host, port = server.origin.removeprefix("http://").split(":")
    _, writer = await asyncio.open_connection(host, int(port))
    head = (
        f"POST /api/v10/channels/{channel.id}/messages HTTP/1.1\r\nHost: x\r\nAuthorization: Bot {server.token}\r\n"
        "Content-Type: multipart/form-data; boundary=b\r\nContent-Length: 100000\r\n\r\n"
        '--b\r\nContent-Disposition: form-data; name="files[0]"; filename="a.bin"\r\n\r\n'
    )
    writer.write(head.encode() + b"x" * 5000)
    await writer.drain()
    with server.changes.listening("requests") as news:
        writer.close()
        await writer.wait_closed()
        async with asyncio.timeout(5):
            lost = (await news.get()).subject

    assert lost.status is None
    assert list(server.cdn.folder.iterdir()) == []
    assert not channel.messages


async def test_folder_is_gone_after_closing() -> None:
    async with DiscordServer() as server:
        folder = server.cdn.folder
        assert folder.exists()

    assert not folder.exists()
