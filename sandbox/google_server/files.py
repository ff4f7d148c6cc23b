"""The files of finished videos: under the API's own origin, for those with the key, for two days."""

from __future__ import annotations

import hashlib

from aiohttp import web

from sandbox.vendors.faults import Call
from sandbox.vendors.house import RefusedError, VendorServer

# Documented on the page about Veo.
LIFETIME = 2 * 86_400.0


class Files:
    def __init__(self, server: VendorServer, origin: str) -> None:
        """*origin* stands in the addresses that are given out; empty: the server's own."""
        self._server = server
        self._origin = origin
        self.redirects = False  # downloads lead on to another origin, where nobody may bring the key

    def address(self, work_id: str) -> str:
        return f"{self._origin or self._server.url}/v1beta/files/{_name(work_id)}:download?alt=media"

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get(
                "/{version:v1(?:beta)?}/files/{id:[a-z0-9]+}:download", self._server.guard(Call.RESULT, self._download)
            )
        ]

    async def _download(self, request: web.Request) -> web.StreamResponse:
        works = {_name(work.id): work for work in self._server.works}
        work = works.get(request.match_info["id"])
        if work is None or work.result is None or self._server.clock() >= work.result.stored_at + LIFETIME:
            raise RefusedError(403, "You do not have permission to access the File or it may not exist.")
        if self.redirects:
            return web.Response(status=302, headers={"Location": self._server.storage.url(work.result)})
        return self._server.served(work.result)


def _name(work_id: str) -> str:
    """Files have names of their own, of small letters and digits; Google's client relies on that."""
    return hashlib.sha256(work_id.encode()).hexdigest()[:12]
