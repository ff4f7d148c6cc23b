"""How long a video will take, from this bot's own history once there is one."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
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

# How often the histories are read again.
READ_EVERY = timedelta(minutes=1)


class Estimates:
    """Durations by model and mode, as of when they were last read: whoever asks never waits for the store.

    Somebody who types `/video` asks for dozens of models with each key; what a minute has added changes no estimate.
    """

    def __init__(self, database: Database, clock: Clock, availability: Availability) -> None:
        self._database = database
        self._clock = clock
        self._availability = availability
        self._histories: durations.Histories = {}
        self._medians: Mapping[tuple[ModelId, Mode], timedelta] = {}

    async def run(self, stop: asyncio.Event) -> None:
        """Read the histories now and every minute. Raises StoreError."""
        while not stop.is_set():
            await self.read()
            await self._clock.wait(stop, READ_EVERY)

    async def read(self) -> None:
        self._histories = await self._database.read(durations.of_all)
        self._medians = {
            key: timedelta(microseconds=sorted(history)[len(history) // 2])
            for key, history in self._histories.items()
            if len(history) >= ENOUGH_RUNS
        }

    def history(self, model: ModelId, mode: Mode) -> list[timedelta]:
        """How long the newest renders took, in no particular order; empty without any, and before they are read."""
        return [timedelta(microseconds=took) for took in self._histories.get((model, mode), ())]

    def typical(self, model: VideoModel, mode: Mode) -> timedelta:
        """The median of our own runs, once there are enough; the catalogue's word until then."""
        return self._medians.get((model.id, mode), model.typical)

    def ready_at(self, job: Job) -> datetime | None:
        """When the job will probably be finished; None when it is overdue and nobody can say."""
        model = self._availability.catalogue.find(job.model)
        if model is None:
            return None
        started = job.submitted_at if job.submitted_at and job.state is not JobState.QUEUED else self._clock.now()
        ready = started + self.typical(model, job.video.mode)
        return ready if ready > self._clock.now() else None
