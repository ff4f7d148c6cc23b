"""Attachments on their own origin: files on disk behind signed links that expire, served with ranges for players."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from aiohttp import web
from yarl import URL

from sandbox.discord_server.clock import Clock
from sandbox.discord_server.contents import content_type_of, sides_of
from sandbox.discord_server.snowflakes import Snowflakes
from sandbox.discord_server.wire import JSON
from sandbox.discord_server.world import Attachment, World

# Observed life of a signed link (it was 14 days before).
LINK_LIFE = timedelta(hours=24)


class CDN:
    """Owns the files and their links; `origin` is set once the server listens."""

    def __init__(self, world: World, snowflakes: Snowflakes, clock: Clock) -> None:
        self._world = world
        self._snowflakes = snowflakes
        self._clock = clock
        self._secret = secrets.token_bytes(16)
        self._folder = TemporaryDirectory(prefix="sandbox-cdn-")
        self.origin = ""
        self.app = web.Application()
        for folder in ("attachments", "ephemeral-attachments"):
            self.app.router.add_get(f"/{folder}/{{channel_id:\\d+}}/{{id:\\d+}}/{{filename}}", self._serve)

    @property
    def folder(self) -> Path:
        return Path(self._folder.name)

    def close(self) -> None:
        self._folder.cleanup()

    def new_path(self) -> Path:
        return self.folder / secrets.token_hex(12)

    def adopt(
        self,
        path: Path,
        filename: str,
        channel_id: int,
        *,
        title: str | None = None,
        description: str | None = None,
        is_ephemeral: bool = False,
    ) -> Attachment:
        """Make an attachment of a file in this folder; the file lives as long as the server."""
        content_type = content_type_of(path, filename)
        width, height = sides_of(path, content_type)
        attachment = Attachment(
            id=self._snowflakes(),
            filename=filename,
            path=path,
            size=path.stat().st_size,
            content_type=content_type,
            uploaded_at=self._clock(),
            channel_id=channel_id,
            title=title,
            description=description,
            width=width,
            height=height,
            is_ephemeral=is_ephemeral,
        )
        self._world.attachments[attachment.id] = attachment
        return attachment

    def url(self, attachment: Attachment) -> str:
        """A link that works from now until its `ex`; asking again gives a fresh one, as fetching a message does."""
        folder = "ephemeral-attachments" if attachment.is_ephemeral else "attachments"
        now = self._clock()
        issued, expires = f"{int(now.timestamp()):x}", f"{int((now + LINK_LIFE).timestamp()):x}"
        path = URL(self.origin) / folder / str(attachment.channel_id) / str(attachment.id) / attachment.filename
        signed = path.with_query({"ex": expires, "is": issued, "hm": self._signature(attachment.id, issued, expires)})
        return f"{signed}&"

    def payload(self, attachment: Attachment) -> JSON:
        url = self.url(attachment)
        shown: JSON = {
            "id": str(attachment.id),
            "filename": attachment.filename,
            "size": attachment.size,
            "url": url,
            "proxy_url": url,
            "content_type": attachment.content_type,
        }
        if attachment.title is not None:
            shown["title"] = attachment.title
        if attachment.description is not None:
            shown["description"] = attachment.description
        if attachment.width is not None:
            shown |= {"width": attachment.width, "height": attachment.height}
        if attachment.is_ephemeral:
            shown["ephemeral"] = True
        return shown

    def refreshed(self, url: str) -> str | None:
        """The same attachment under a fresh link, or None when the link names none of ours."""
        parts = URL(url).parts
        attachment = self._world.attachments.get(int(parts[-2])) if len(parts) == 5 and parts[-2].isdecimal() else None
        return self.url(attachment) if attachment else None

    def _signature(self, attachment_id: int, issued: str, expires: str) -> str:
        signed = f"{attachment_id}:{issued}:{expires}".encode()
        return hmac.new(self._secret, signed, hashlib.sha256).hexdigest()

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        attachment = self._world.attachments.get(int(request.match_info["id"]))
        if attachment is None or attachment.filename != request.match_info["filename"] or not self._admits(request):
            return web.Response(status=404, text="This content is no longer available.")
        headers = {"Content-Type": attachment.content_type, "Cache-Control": "private, max-age=31536000"}
        return web.FileResponse(attachment.path, headers=headers)

    def _admits(self, request: web.Request) -> bool:
        issued, expires, given = (request.query.get(key, "") for key in ("is", "ex", "hm"))
        if not hmac.compare_digest(given, self._signature(int(request.match_info["id"]), issued, expires)):
            return False
        return self._clock() < datetime.fromtimestamp(int(expires, 16), UTC)
