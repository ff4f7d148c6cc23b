"""Reads request bodies, JSON or multipart, and streams files to disk so that a hundred uploads never sit in memory."""

from __future__ import annotations

import asyncio
import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from aiohttp import BodyPartReader, web

from sandbox.discord_server import errors
from sandbox.discord_server.cdn import CDN
from sandbox.discord_server.wire import JSONValue

CHUNK = 128 * 1024
FILE_PART = re.compile(r"^files?\[?(\d*)\]?$")


@dataclass(slots=True)
class Upload:
    index: int  # n of the part's name files[n]
    filename: str
    path: Path
    size: int


@dataclass(slots=True)
class Body:
    """What a request carried; files nobody adopted are deleted when the request ends."""

    json: JSONValue = None
    files: list[Upload] = field(default_factory=list)

    def discard(self) -> None:
        for upload in self.files:
            upload.path.unlink(missing_ok=True)


async def read_body(request: web.Request, cdn: CDN) -> Body:
    if not request.body_exists:
        return Body()
    if request.content_type.startswith("multipart/"):
        return await _read_multipart(request, cdn)
    raw = await request.read()
    return Body(json=_parsed(raw) if raw else None)


def _parsed(raw: bytes) -> JSONValue:
    try:
        return json.loads(raw)
    except ValueError as error:
        raise errors.malformed_json() from error


async def _read_multipart(request: web.Request, cdn: CDN) -> Body:
    body = Body()
    try:
        async for part in await request.multipart():
            named = FILE_PART.match(part.name or "") if isinstance(part, BodyPartReader) else None
            if not isinstance(part, BodyPartReader):
                continue  # Discord knows no nested multipart either.
            if part.name == "payload_json":
                body.json = _parsed(bytes(await part.read(decode=True)))
            elif named and part.filename is not None:
                body.files.append(await _saved(part, int(named[1] or 0), cdn))
            else:
                await part.release()
    except BaseException:
        # Also when the client goes away in the middle: half a file must not stay behind.
        body.discard()
        raise
    return body


async def _saved(part: BodyPartReader, index: int, cdn: CDN) -> Upload:
    path = cdn.new_path()
    size = 0
    file: BinaryIO = await asyncio.to_thread(path.open, "wb")
    try:
        while chunk := await part.read_chunk(CHUNK):
            size += len(chunk)
            # A write of this size into the page cache is shorter than a hop to a thread.
            file.write(chunk)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    finally:
        file.close()
    return Upload(index=index, filename=part.filename or "unknown", path=path, size=size)
