"""Serves finished videos and uploaded files from disk, as well or as badly as their scenario says."""

from __future__ import annotations

import asyncio

from aiohttp import web

from sandbox.kie_server.agenda import Clock
from sandbox.kie_server.gate import Gate, drop
from sandbox.kie_server.storage import Storage, Stored

_CHUNK = 1 << 16


class ResultHost:
    def __init__(self, storage: Storage, clock: Clock, gate: Gate) -> None:
        self._storage = storage
        self._clock = clock
        self._gate = gate

    async def file(self, request: web.Request) -> web.StreamResponse:
        stored = self._storage.find(request.match_info["path"])
        if stored is None:
            return _gone(404)
        plan = stored.download
        if plan.expires_after is not None and self._clock() >= stored.stored_at + plan.expires_after:
            return _gone(plan.expired_status)
        return _gone(plan.status) if plan.status != 200 else await self._serve(request, stored)

    async def behind_link(self, request: web.Request) -> web.StreamResponse:
        """A temporary link outlives the address that it was made from, but not the file."""
        stored = self._storage.behind_link(request.match_info["token"])
        if stored is None or stored.download.status == 404:
            return _gone(404)
        return await self._serve(request, stored)

    async def _serve(self, request: web.Request, stored: Stored) -> web.StreamResponse:
        plan = stored.download
        kind = plan.content_type or stored.content_type
        if plan.is_empty:
            return web.Response(body=b"", content_type=kind)
        if plan.is_endless:
            return await self._endless(request, kind)
        if plan.truncated_to is not None:
            return await self._partly(request, stored, kind, plan.truncated_to, hangs_up=True)
        if plan.stalled_after is not None:
            return await self._partly(request, stored, kind, plan.stalled_after, hangs_up=False)
        return web.FileResponse(stored.file, chunk_size=_CHUNK, headers={"Content-Type": kind})

    async def _partly(
        self, request: web.Request, stored: Stored, kind: str, length: int, *, hangs_up: bool
    ) -> web.StreamResponse:
        answer = web.StreamResponse(headers={"Content-Type": kind})
        answer.content_length = stored.file.stat().st_size
        await answer.prepare(request)
        file = await asyncio.to_thread(stored.file.open, "rb")
        try:
            while length > 0 and (chunk := await asyncio.to_thread(file.read, min(_CHUNK, length))):
                await answer.write(chunk)
                length -= len(chunk)
        finally:
            file.close()
        if not hangs_up:
            await self._gate.closing.wait()
        drop(request)
        return answer

    async def _endless(self, request: web.Request, kind: str) -> web.StreamResponse:
        answer = web.StreamResponse(headers={"Content-Type": kind})
        answer.enable_chunked_encoding()
        await answer.prepare(request)
        try:
            while not self._gate.closing.is_set():
                await answer.write(bytes(_CHUNK))
        except ConnectionError:
            return answer  # the client has had enough
        drop(request)
        return answer


def _gone(status: int) -> web.Response:
    texts = {403: "AccessDenied: the link has expired", 404: "NoSuchKey: the file does not exist"}
    return web.Response(status=status, text=texts.get(status, f"HTTP {status}"))
