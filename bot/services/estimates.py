"""How long a video will take, from this bot's own history once there is one."""

from __future__ import annotations

from datetime import datetime, timedelta

from bot.domain.ids import ModelId
from bot.domain.jobs import Job, JobState
from bot.domain.models import Mode, VideoModel
from bot.ports import Clock
from bot.services.availability import Availability
from bot.store import jobs
from bot.store.database import Database

# Fewer runs than this say less than the catalogue does.
ENOUGH_RUNS = 20

# How long a history is used before it is read again.
FRESH = timedelta(minutes=1)


class Estimates:
    """Durations by model and mode, read from the store at most once a minute each."""

    def __init__(self, database: Database, clock: Clock, availability: Availability) -> None:
        self._database = database
        self._clock = clock
        self._availability = availability
        self._cache: dict[tuple[ModelId, Mode], tuple[datetime, list[timedelta]]] = {}

    async def history(self, model: ModelId, mode: Mode) -> list[timedelta]:
        """How long the newest renders took, in no particular order; empty without any."""
        now = self._clock.now()
        read_at, found = self._cache.get((model, mode), (None, []))
        if read_at is None or now - read_at > FRESH:
            found = await self._database.read(jobs.durations, model, mode)
            self._cache[model, mode] = (now, found)
        return found

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
