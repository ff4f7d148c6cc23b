"""The store of input files: a file is named by an address that only Replicate's own models can read without a token."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from pathlib import Path

from aiohttp import web

from sandbox.vendors.house import RefusedError, VendorServer, stamp

# The client's record of a file has a time at which it goes away; a day is what is commonly seen.
_LIFETIME = 86_400.0


class Files:
    def __init__(self, server: VendorServer) -> None:
        self._server = server
        self._kept: dict[str, Path] = {}

    def find(self, address: str) -> Path | None:
        """The file that an input names, if it is one of ours."""
        return self._kept.get(address)

    async def create(self, request: web.Request) -> web.Response:
        form = await request.post()
        given = form.get("content")
        if not isinstance(given, web.FileField):
            raise RefusedError(400, "Missing content")
        content = await asyncio.to_thread(given.file.read)
        file = self._server.storage.incoming()
        await asyncio.to_thread(file.write_bytes, content)
        name = secrets.token_urlsafe(20)
        address = f"{self._server.url}/v1/files/{name}"
        self._kept[address] = file
        now = self._server.clock()
        shown = {
            "id": name,
            "name": given.filename,
            "content_type": given.content_type,
            "size": len(content),
            "etag": secrets.token_hex(16),
            "checksums": {"sha256": hashlib.sha256(content).hexdigest()},
            "metadata": {},
            "created_at": stamp(now),
            "expires_at": stamp(now + _LIFETIME),
            "urls": {"get": address},
        }
        return web.json_response(shown, status=201)
