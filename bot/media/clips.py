"""Finished videos that something is done with: fetched back from where they were posted, or kept since."""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
from pathlib import Path

from bot import logs
from bot.domain.ids import JobId
from bot.domain.jobs import StoredVideo
from bot.domain.pictures import Clip
from bot.errors import ProviderError
from bot.errors.pictures import VideoGoneError
from bot.media.downloads import PART, VideoDownloads

log = logs.get(__name__)


class Clips:
    """Copies in the folder of inputs, one for each job; they are cleared away with the pictures there."""

    def __init__(self, *, inputs: Path, results: Path, downloads: VideoDownloads) -> None:
        self._inputs = inputs
        self._results = results
        self._downloads = downloads

    def path(self, clip: Clip) -> Path:
        return self._inputs / clip.name

    async def take(self, job_id: JobId, stored: StoredVideo | None, url: str | None) -> Clip:
        """The video of that job: our own file where it is still kept, else the one at *url*. Raises VideoGoneError."""
        target = self._inputs / f"clip-{job_id}.mp4"
        if stored is not None and await asyncio.to_thread(_shared, self._results / stored.name, target):
            return Clip(name=target.name, size=stored.size)
        if url is None:
            raise VideoGoneError
        try:
            return Clip(name=target.name, size=await self._downloads.fetch(url, target))
        except ProviderError as error:
            log.info("clip_not_fetched", job=job_id, reason=str(error))
            raise VideoGoneError from error


def _shared(source: Path, target: Path) -> bool:
    """Whether *target* is now another name of *source*, so that each may be cleared away without the other.

    It is put in place whole and at once: a second click may do the same, and an earlier job may be reading it.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f"{target.name}.{secrets.token_hex(4)}{PART}")
    try:
        try:
            os.link(source, part)
        except FileNotFoundError:
            raise
        except OSError:
            # Not every file system has hard links: exFAT and many network shares have none.
            shutil.copyfile(source, part)
        os.utime(part)
        part.replace(target)
    except FileNotFoundError:
        return False
    finally:
        # Where it is the same file already, to replace does nothing and leaves the other name.
        part.unlink(missing_ok=True)
    return True
