"""Finished videos behind signed links."""

from __future__ import annotations

import asyncio
import os
import stat
from pathlib import Path

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter

from bot import links
from bot.http.connections import CONNECTIONS
from bot.ports import Clock

_EBML = bytes.fromhex("1a45dfa3")  # how WebM begins


class VideoFiles:
    """Serves finished videos to whoever has a link that we signed, and tells nobody else whether they exist."""

    def __init__(self, folder: Path, key: bytes, clock: Clock) -> None:
        self._folder = folder
        self._key = key
        self._clock = clock

    async def serve(self, request: web.Request) -> web.StreamResponse:
        parts = request.match_info
        name, now = parts["name"], self._clock.now()
        if not links.verify(self._key, parts["expires"], parts["signature"], name, now):
            raise web.HTTPNotFound
        path = self._folder / name
        content_type = await asyncio.to_thread(_type_of_video, path)
        if content_type is None:
            raise web.HTTPNotFound
        left = int(parts["expires"]) - int(now.timestamp())
        headers = {
            "Content-Type": content_type,
            "Content-Disposition": "inline",
            "Cache-Control": f"private, max-age={left}",
        }
        return _Download(path, headers=headers)  # It answers ranges, which players ask for to seek.


class _Download(web.FileResponse):
    """Sent after its handler has returned, so it says by itself that somebody is being answered."""

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        if not isinstance(request, web.Request):
            raise TypeError("a download comes through the router")
        with request.app[CONNECTIONS].answering(request):
            return await super().prepare(request)


def _type_of_video(path: Path) -> str | None:
    """By the first bytes, as a WebM may have been stored under any name; None when there is no such regular file."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return None
        head = os.read(descriptor, 12)
    finally:
        os.close(descriptor)
    if head.startswith(_EBML):
        return "video/webm"
    return "video/quicktime" if head[4:12] == b"ftypqt  " else "video/mp4"
