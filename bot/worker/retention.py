"""Clears away files that nobody needs any more: members' pictures after a week, linked videos when the host says."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from datetime import datetime, timedelta
from pathlib import Path

from bot import logs
from bot.domain.ids import JobId
from bot.errors import StoreError
from bot.ports import Clock
from bot.services.privacy import Privacy
from bot.services.queue import Queue
from bot.worker import odd_answers
from bot.worker.needs import Folders

log = logs.get(__name__)

SWEEP_EVERY = timedelta(hours=6)

# Long enough for "Again" in the days after; a picture is a member's own and should not lie here for ever.
PICTURES_KEPT = timedelta(days=7)

# A video that was only linked stays as long as the provider says that it keeps its own (14 days).
VIDEOS_KEPT = timedelta(days=14)


async def remove_files(folders: Folders, names: Collection[str], job_ids: Collection[JobId]) -> None:
    """Remove pictures and videos by name, and of these jobs every version of the video and every odd answer."""
    await asyncio.to_thread(_remove_all, folders, names, job_ids)


class Retention:
    """Sweeps the folders. Whatever a job on its way or a parked one needs is never touched."""

    def __init__(
        self,
        *,
        queue: Queue,
        clock: Clock,
        folders: Folders,
        videos_kept: timedelta = VIDEOS_KEPT,
        privacy: Privacy | None = None,
    ) -> None:
        self._privacy = privacy  # None where only files are swept
        self._queue = queue
        self._clock = clock
        self._folders = folders
        self._videos_kept = videos_kept

    async def run(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            try:
                await self.sweep()
            except (StoreError, OSError) as error:
                log.warning("files_not_cleared", reason=str(error))
            await self._clock.wait(stop, SWEEP_EVERY)

    async def sweep(self) -> int:
        """Remove what is old and unused; how many files that were."""
        if self._privacy is not None:
            await self._privacy.sweep(self._clock.now())
        in_use = await self._queue.files_in_use()
        now = self._clock.now()
        removed = 0
        for folder, kept in ((self._folders.inputs, PICTURES_KEPT), (self._folders.results, self._videos_kept)):
            removed += await asyncio.to_thread(_remove, folder, in_use, now - kept)
        if removed:
            log.info("files_cleared", count=removed)
        return removed


def _remove_all(folders: Folders, names: Collection[str], job_ids: Collection[JobId]) -> None:
    for folder in (folders.inputs, folders.results):
        for name in names:
            (folder / name).unlink(missing_ok=True)
    for job_id in job_ids:
        for path in (folders.results / f"{job_id}.mp4", *folders.results.glob(f"{job_id}-*.mp4")):
            path.unlink(missing_ok=True)
    if folders.odd_answers is not None:
        odd_answers.forget(folders.odd_answers, job_ids)


def _remove(folder: Path, in_use: Collection[str], before: datetime) -> int:
    old = [
        path
        for path in folder.iterdir()
        if path.is_file() and path.name not in in_use and path.stat().st_mtime < before.timestamp()
    ]
    for path in old:
        path.unlink(missing_ok=True)
    return len(old)
