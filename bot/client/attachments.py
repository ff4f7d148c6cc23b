"""The pictures that are attached to a command: stand-ins until they may be fetched, and then the real ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import discord

from bot.domain.ids import JobId
from bot.domain.jobs import StoredVideo
from bot.domain.models import VideoModel
from bot.domain.pictures import UNREAD, Clip, Picture, unread_picture
from bot.domain.videos import VideoRequest
from bot.errors.pictures import BadImageError


class Pictures(Protocol):
    """Where members' pictures are kept."""

    async def take(self, url: str, *, declared_size: int, filename: str) -> Picture: ...

    def path(self, picture: Picture) -> Path: ...


class Clips(Protocol):
    """Where finished videos are brought that something is done with."""

    async def take(self, job_id: JobId, stored: StoredVideo | None, url: str | None) -> Clip: ...

    def path(self, clip: Clip) -> Path: ...


class Attachments:
    """First frame, last frame and references of one command."""

    def __init__(
        self,
        image: discord.Attachment | None,
        last_frame: discord.Attachment | None,
        references: Sequence[discord.Attachment],
    ) -> None:
        self._image = image
        self._last_frame = last_frame
        self._references = references

    def __bool__(self) -> bool:
        """Whether there is anything to fetch."""
        return self._image is not None or self._last_frame is not None or bool(self._references)

    def unread(self, request: VideoRequest, model: VideoModel) -> VideoRequest:
        """The request as if the pictures broke no rule, for checking the rest before they are fetched."""
        # Which mode it is depends on the pictures, so they are put in first.
        marked = self._filled(request, UNREAD)
        spec = model.modes.get(marked.mode)
        frame = unread_picture(spec.image if spec else None)
        reference = unread_picture(spec.references if spec else None)
        return replace(
            marked,
            picture=marked.picture and frame,
            last_frame=marked.last_frame and frame,
            references=tuple(reference for _ in marked.references),
        )

    async def read(self, request: VideoRequest, pictures: Pictures) -> VideoRequest:
        """The request with the pictures themselves, fetched and looked at. Raises BadImageError."""

        async def take(field: str, attachment: discord.Attachment | None) -> Picture | None:
            if attachment is None:
                return None
            try:
                return await pictures.take(attachment.url, declared_size=attachment.size, filename=attachment.filename)
            except BadImageError as error:
                error.field = field
                raise

        references = [await take(f"reference{n}", each) for n, each in enumerate(self._references, start=1)]
        return replace(
            request,
            picture=await take("image", self._image),
            last_frame=await take("last_frame", self._last_frame),
            references=tuple(found for found in references if found is not None),
        )

    def _filled(self, request: VideoRequest, picture: Picture) -> VideoRequest:
        return replace(
            request,
            picture=None if self._image is None else picture,
            last_frame=None if self._last_frame is None else picture,
            references=tuple(picture for _ in self._references),
        )
