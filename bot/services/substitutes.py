"""Another model for a job whose own is broken: the same video at no higher price, if the guild lets that be offered."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from bot.domain.ids import GuildId, JobId, ModelId, UserId
from bot.domain.jobs import Job, JobState
from bot.domain.models import Mode, VideoModel
from bot.domain.policies import GuildPolicy
from bot.domain.substitutes import Substitute, fitted
from bot.errors.jobs import OfferOverError
from bot.services import waiting
from bot.services.availability import Availability, ProviderGate
from bot.services.model_health import ModelHealth
from bot.store import policies
from bot.store.database import Database


class Substitutes:
    """Finds them; nothing is changed here."""

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

    async def find(self, job: Job) -> Substitute | None:
        """What the member may have instead; None while the job's own model works, or when there is nothing to offer."""
        return next(await self._candidates(job), None)

    async def get(self, guild_id: GuildId, user_id: UserId, job_id: JobId, model_id: ModelId) -> Substitute:
        """What stands under the button of this model now. Raises UserError when nothing does."""
        job = await self._database.read(waiting.get_own, guild_id, user_id, job_id)
        waiting.check_waiting(job)
        # The button has named a model: that one or none, even if another one would be offered by now.
        found = next((each for each in await self._candidates(job) if each.model.id == model_id), None)
        if found is None:
            raise OfferOverError(job=job_id)
        return found

    async def _candidates(self, job: Job) -> Iterator[Substitute]:
        """Everything that may be offered, the best first."""
        if not self.is_broken(job):
            return iter(())
        policy = await self._database.read(policies.load, job.place.guild_id)
        return self._substitutes(job, policy) if policy.may_offer_successor else iter(())

    def _substitutes(self, job: Job, policy: GuildPolicy) -> Iterator[Substitute]:
        for model in self._others(job):
            if not _is_allowed(policy, job, model.id):
                continue
            substitute = fitted(job.video, model, self._markup)
            if substitute is not None and substitute.video.price <= job.video.price:
                yield substitute

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


def _is_allowed(policy: GuildPolicy, job: Job, model: ModelId) -> bool:
    """Whether the guild lets the model be used where the job's own could be."""
    if policy.allowed_models and model not in policy.allowed_models:
        return False
    # Whether the channel has an age limit is not known here; the job's own model tells.
    return policy.is_model_restricted(job.model) or not policy.is_model_restricted(model)
