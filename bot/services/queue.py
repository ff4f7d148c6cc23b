"""What the worker asks the store beside its moves: claims, hints, and where things stand after a start."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from bot.domain.ids import JobId, ProviderId, TaskId
from bot.domain.jobs import TOKEN_LIFE, Job, JobState
from bot.ports import Clock
from bot.store import claims, hints, jobs, moderation
from bot.store.claims import Claimed, Due
from bot.store.database import Connection, Database


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

    async def submitted_since(self, since: datetime, provider: ProviderId) -> list[datetime]:
        """When the newest create calls left; a restart must not forget the provider's rate limit."""
        return await self._database.read(claims.submitted_since, since, provider)

    async def at_provider(self, provider: ProviderId) -> int:
        return await self._database.read(claims.at_provider, provider)

    async def hinted_task(self, job: Job) -> TaskId | None:
        return await self._database.read(hints.hinted_task, job.id)

    async def followed(self) -> list[Job]:
        """The jobs whose cards can still be edited and may not show the truth after a restart."""
        return await self._database.read(jobs.followed, self._clock.now() - TOKEN_LIFE)

    async def withheld(self, job: Job) -> str | None:
        """Why the guild must not see the job's video now, for staff; its member's direct messages are their own."""
        if job.is_direct:
            return None
        found = await self._database.read(moderation.find_block, job.place.guild_id, job.user_id, self._clock.now())
        return None if found is None else "its member is blocked"

    async def files_in_use(self) -> set[str]:
        return await self._database.read(jobs.files_in_use)

    async def counts(self) -> dict[JobState, int]:
        return await self._database.read(jobs.counts)
