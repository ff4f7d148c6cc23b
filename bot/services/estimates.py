"""How long a video will take, from this bot's own history once there is one."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

from bot.domain.ids import ModelId
from bot.domain.jobs import Job, JobState
from bot.domain.models import Mode, VideoModel
from bot.ports import Clock
from bot.services.availability import Availability
from bot.store import durations
from bot.store.database import Database

# Fewer runs than this say less than the catalogue does.
ENOUGH_RUNS = 20

# How long the histories are used before they are read again.
FRESH = timedelta(minutes=1)


class Estimates:
    """Durations by model and mode, all of them read from the store together and at most once a minute."""

    def __init__(self, database: Database, clock: Clock, availability: Availability) -> None:
        self._database = database
        self._clock = clock
        self._availability = availability
        self._histories: durations.Histories = {}
        self._read_at: datetime | None = None
        self._reading = asyncio.Lock()

    async def history(self, model: ModelId, mode: Mode) -> list[timedelta]:
        """How long the newest renders took, in no particular order; empty without any."""
        # Those who ask while it is being read wait for the same answer.
        async with self._reading:
            now = self._clock.now()
            if self._read_at is None or now - self._read_at > FRESH:
                self._histories = await self._database.read(durations.of_all)
                self._read_at = now
        return self._histories.get((model, mode), [])

    async def typical(self, model: VideoModel, mode: Mode) -> timedelta:
        """The median of our own runs, once there are enough; the catalogue's word until then."""
        history = await self.history(model.id, mode)
        return sorted(history)[len(history) // 2] if len(history) >= ENOUGH_RUNS else model.typical

    async def ready_at(self, job: Job) -> datetime | None:
        """When the job will probably be finished; None when it is overdue and nobody can say."""
        model = self._availability.catalogue.find(job.model)
        if model is None:
            return None
        started = job.submitted_at if job.submitted_at and job.state is not JobState.QUEUED else self._clock.now()
        ready = started + await self.typical(model, job.video.mode)
        return ready if ready > self._clock.now() else None
