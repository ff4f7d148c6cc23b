"""Another model for a job whose own is broken: the same video at no higher price, if the guild lets that be offered."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal

from bot.domain.ids import GuildId, JobId
from bot.domain.jobs import Job, JobState
from bot.domain.models import Mode, VideoModel
from bot.domain.videos import VideoRequest, VideoSpec, resolve
from bot.errors.jobs import NotFoundError
from bot.errors.requests import StaleControlError
from bot.services.availability import Availability, ProviderGate
from bot.services.generation import request_of
from bot.services.model_health import ModelHealth
from bot.store import jobs, policies
from bot.store.database import Connection, Database


@dataclass(frozen=True, slots=True, kw_only=True)
class Substitute:
    """What would be made instead, and what it costs."""

    model: VideoModel
    request: VideoRequest
    price: int


class Substitutes:
    """Knows what to offer; nothing is changed here."""

    def __init__(
        self,
        *,
        database: Database,
        availability: Availability,
        gate: ProviderGate,
        health: ModelHealth,
        markup: Decimal,
    ) -> None:
        self._database = database
        self._availability = availability
        self._gate = gate
        self._health = health
        self._markup = markup

    def is_broken(self, job: Job) -> bool:
        """Whether the job waits because its model fails again and again."""
        return job.state is JobState.QUEUED and self._health.is_broken(job)

    async def offer(self, job: Job) -> Substitute | None:
        """What the member may have instead; None while the job's own model works, or when there is nothing to offer."""
        if not self.is_broken(job):
            return None
        found = next(self._candidates(job), None)
        if found is None or not await self._database.read(_may_offer, job.place.guild_id):
            return None
        return found

    async def offered(self, guild_id: GuildId, job_id: JobId) -> tuple[Job, Substitute]:
        """The job and what stands under its button now. Raises NotFoundError or StaleControlError."""
        job = await self._database.read(jobs.find_in_guild, guild_id, job_id)
        if job is None:
            raise NotFoundError(job=job_id)
        found = await self.offer(job)
        if found is None:
            raise StaleControlError
        return job, found

    def _candidates(self, job: Job) -> Iterator[Substitute]:
        asked = request_of(job.video)
        for model in self._others(job):
            video = self._fitting(replace(asked, model=model.id), model)
            if video is not None and video[1].price <= job.video.price:
                yield Substitute(model=model, request=video[0], price=video[1].price)

    def _others(self, job: Job) -> Iterator[VideoModel]:
        """The named successors, then every model in the order of offer, as far as they work in this mode now."""
        own = self._availability.catalogue.find(job.model)
        seen = {job.model}
        named = [] if own is None else [own.successor]
        while named and named[0] is not None and named[0] not in seen:
            successor = self._availability.catalogue.get(named[0])
            seen.add(successor.id)
            named = [successor.successor]
            if self._works(successor, job.video.mode):
                yield successor
        for model in self._availability.offered():
            if model.id not in seen and self._works(model, job.video.mode):
                yield model

    def _works(self, model: VideoModel, mode: Mode) -> bool:
        return (
            mode in self._availability.modes(model)
            and self._gate.find(model.provider) is None
            and self._health.is_well(model)
        )

    def _fitting(self, request: VideoRequest, model: VideoModel) -> tuple[VideoRequest, VideoSpec] | None:
        """The request as the model can do it: what it does not know is left to it."""
        for simpler in (request, replace(request, style=None, seed=None, negative=None), _plain(request)):
            video = resolve(simpler, model, self._markup)
            if isinstance(video, VideoSpec):
                return simpler, video
        return None


def _plain(request: VideoRequest) -> VideoRequest:
    """The prompt and the pictures, and everything else as the model likes it."""
    return replace(request, style=None, seed=None, negative=None, audio=None, quality=None, aspect=None, duration=None)


def _may_offer(connection: Connection, guild_id: GuildId) -> bool:
    return policies.load(connection, guild_id).may_offer_successor
