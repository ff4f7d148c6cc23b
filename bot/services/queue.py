"""What the worker asks the store beside its moves: claims, hints, and where things stand after a start."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.domain.ids import JobId, ProviderId, TaskId
from bot.domain.jobs import TOKEN_LIFE, Job, JobState
from bot.domain.policies import Spoilers
from bot.domain.videos import VideoSpec
from bot.ports import Clock
from bot.store import claims, hints, jobs, moderation, policies
from bot.store.claims import Claimed, Due
from bot.store.database import Connection, Database


@dataclass(frozen=True, slots=True, kw_only=True)
class Showing:
    """What a guild has decided about the post of a video. `withheld` says, for staff, why there must be none now."""

    withheld: str | None = None
    is_spoiler: bool = False


class Queue:
    """The queue as the worker sees it."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def take_back_leases(self) -> int:
        """Right after the start of the only process: nobody else can be working, so every lease is over."""
        if not self._database.is_sqlite:
            return 0
        return await self._database.write(claims.release_leases, self._clock.now())

    async def due(self) -> Due:
        """What could be claimed now, by state and provider, and when the next job is due."""
        return await self._database.read(claims.due, self._clock.now())

    async def claim(
        self,
        states: Sequence[JobState],
        limit: int,
        lease: timedelta,
        provider: ProviderId | None = None,
        in_hand: Collection[JobId] = (),
    ) -> list[Claimed]:
        now = self._clock.now()

        def take(connection: Connection) -> list[Claimed]:
            return claims.claim(connection, states, limit, lease, now, provider=provider, in_hand=in_hand)

        return await self._database.write(take)

    async def creates_ended_since(self, since: datetime, provider: ProviderId) -> list[datetime]:
        """When the newest create calls ended; a restart must not forget the provider's rate limit."""
        return await self._database.read(claims.creates_ended_since, since, provider, self._clock.now())

    async def at_provider(self, *providers: ProviderId) -> int:
        return await self._database.read(claims.at_provider, *providers)

    async def hinted_task(self, job: Job) -> TaskId | None:
        return await self._database.read(hints.hinted_task, job.id)

    async def followed(self) -> list[Job]:
        """The jobs whose cards can still be edited and may not show the truth after a restart."""
        return await self._database.read(jobs.followed, self._clock.now() - TOKEN_LIFE)

    async def showing(self, job: Job) -> Showing:
        """How the guild may see the job's video, as it stands now; its member's direct messages are their own."""
        if job.is_direct:
            return Showing()
        return await self._database.read(_showing, job, self._clock.now())

    async def charges(self) -> list[tuple[VideoSpec, float]]:
        """What providers charged for the newest delivered videos, in their credits."""
        return await self._database.read(jobs.charges)

    async def files_in_use(self) -> set[str]:
        return await self._database.read(jobs.files_in_use)

    async def reach(self) -> None:
        """See that the database answers, whatever its size: raises StoreError where it does not."""
        await self._database.read(jobs.reach)

    async def counts(self) -> dict[JobState, int]:
        return await self._database.read(jobs.counts)


def _showing(connection: Connection, job: Job, now: datetime) -> Showing:
    policy = policies.load(connection, job.place.guild_id)
    is_spoiler = policy.spoilers is Spoilers.ALWAYS or (
        policy.spoilers is Spoilers.RESTRICTED and policy.is_model_restricted(job.model)
    )
    if policy.is_closed:
        return Showing(withheld="the guild is stopped", is_spoiler=is_spoiler)
    if moderation.find_block(connection, job.place.guild_id, job.user_id, now) is not None:
        return Showing(withheld="its member is blocked", is_spoiler=is_spoiler)
    return Showing(is_spoiler=is_spoiler)
