"""Takes files in, three ways, under names that decide how they are served later."""

from __future__ import annotations

import asyncio
import base64
import binascii
import mimetypes
from collections.abc import AsyncIterable
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

import aiohttp
from aiohttp import web
from aiohttp.multipart import BodyPartReader

from sandbox.kie_server.agenda import Clock
from sandbox.kie_server.answers import RefusedError, upload_envelope
from sandbox.kie_server.callbacks import is_loopback
from sandbox.kie_server.jobs_api import read_object
from sandbox.kie_server.storage import Storage

MAX_BYTES = 100_000_000
# Documented for file-url-upload.
FETCH_TIMEOUT = 30.0


class UploadAPI:
    def __init__(self, storage: Storage, clock: Clock) -> None:
        self._storage = storage
        self._clock = clock

    async def stream(self, request: web.Request) -> web.Response:
        if not request.content_type.startswith("multipart/"):
            raise RefusedError(400, "Content-Type must be multipart/form-data")
        arrived = self._storage.incoming()
        texts: dict[str, str] = {}
        suffix: str | None = None
        try:
            async for part in await request.multipart():
                if not isinstance(part, BodyPartReader):
                    raise RefusedError(400, "Nested multipart bodies are not supported")
                if part.name == "file":
                    suffix = _suffix(part.filename or "", part.headers.get("Content-Type", ""))
                    await _save(_chunks(part), arrived)
                elif part.name is not None:
                    texts[part.name] = await part.text()
            if suffix is None:
                raise RefusedError(400, "file is required")
            return self._keep(arrived, texts.get("uploadPath"), texts.get("fileName"), suffix)
        except ValueError as err:
            raise RefusedError(400, "The multipart body is malformed") from err
        finally:
            arrived.unlink(missing_ok=True)

    async def base64(self, request: web.Request) -> web.Response:
        body = await read_object(request)
        encoded = body.get("base64Data")
        if not isinstance(encoded, str) or not encoded:
            raise RefusedError(400, "base64Data is required")
        kind = ""
        if encoded.startswith("data:"):
            header, _, encoded = encoded.partition(",")
            kind = header.removeprefix("data:").removesuffix(";base64")
        try:
            raw = base64.b64decode(encoded, validate=True)
        except binascii.Error as err:
            raise RefusedError(400, "base64Data is not valid base64") from err
        arrived = self._storage.incoming()
        try:
            await asyncio.to_thread(arrived.write_bytes, raw)
            return self._keep(arrived, body.get("uploadPath"), body.get("fileName"), _suffix("", kind))
        finally:
            arrived.unlink(missing_ok=True)

    async def url(self, request: web.Request) -> web.Response:
        body = await read_object(request)
        url = body.get("fileUrl")
        if not isinstance(url, str) or not url:
            raise RefusedError(400, "fileUrl is required")
        if not is_loopback(url):
            # The sandbox reaches nothing outside; this is also what CDNs have told this host before.
            raise RefusedError(500, "Failed to download the file: HTTP 403")
        arrived = self._storage.incoming()
        try:
            kind = await _fetch(url, arrived)
            suffix = _suffix(PurePosixPath(urlsplit(url).path).name, kind)
            return self._keep(arrived, body.get("uploadPath"), body.get("fileName"), suffix)
        finally:
            arrived.unlink(missing_ok=True)

    def _keep(self, arrived: Path, folder: object, name: object, suffix: str) -> web.Response:
        if not isinstance(folder, str) or not folder:
            raise RefusedError(400, "uploadPath is required")
        if name is not None and not isinstance(name, str):
            raise RefusedError(400, "fileName must be a string")
        size = arrived.stat().st_size
        if not size:
            raise RefusedError(400, "The file is empty")
        stored = self._storage.keep_upload(arrived, folder, name, suffix)
        moment = datetime.fromtimestamp(self._clock(), UTC)
        content = {
            "success": True,
            "fileName": PurePosixPath(stored.path).name,
            "filePath": stored.path,
            "downloadUrl": self._storage.url(stored),
            "fileSize": size,
            "mimeType": stored.content_type,
            "uploadedAt": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        }
        return upload_envelope(200, "File uploaded successfully", content)


async def _chunks(part: BodyPartReader) -> AsyncIterable[bytes]:
    while chunk := await part.read_chunk(1 << 16):
        yield chunk


async def _save(chunks: AsyncIterable[bytes], path: Path) -> None:
    file = await asyncio.to_thread(path.open, "wb")
    try:
        size = 0
        async for chunk in chunks:
            size += len(chunk)
            if size > MAX_BYTES:
                raise RefusedError(413, "The file is too large")
            await asyncio.to_thread(file.write, chunk)
    finally:
        await asyncio.to_thread(file.close)


async def _fetch(url: str, path: Path) -> str:
    """Save what is at *url* and return its Content-Type."""
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=FETCH_TIMEOUT)) as session,
            session.get(url, allow_redirects=False) as answer,
        ):
            if answer.status != 200:
                raise RefusedError(500, f"Failed to download the file: HTTP {answer.status}")
            await _save(answer.content.iter_chunked(1 << 16), path)
            return answer.content_type
    except (aiohttp.ClientError, TimeoutError) as err:
        raise RefusedError(500, "Failed to download the file") from err


def _suffix(name: str, kind: str) -> str:
    return PurePosixPath(name).suffix or mimetypes.guess_extension(kind.partition(";")[0].strip()) or ""
