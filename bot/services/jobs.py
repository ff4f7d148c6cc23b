"""What members may see of their jobs, and cancelling one."""

from __future__ import annotations

from dataclasses import dataclass

from bot.domain.ids import ChannelId, GuildId, JobId, UserId
from bot.domain.jobs import ACTIVE, Job, JobState, Move
from bot.errors.jobs import (
    AlreadyEndedError,
    NotFoundError,
    NotKeptError,
    NotWaitingError,
    NotYoursError,
    StoppedError,
    TooLateError,
)
from bot.ports import Clock
from bot.services import lifecycle
from bot.services.lifecycle import Lifecycle
from bot.services.screening import check_block
from bot.store import claims, events, jobs, moves, policies
from bot.store.database import Connection, Database
from bot.store.events import Event

PAGE = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Some of a member's jobs, newest first; `has_more` says whether there is a next page."""

    jobs: list[Job]
    number: int  # from 1
    has_more: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Details:
    """One job with its history; `charged` is what it has cost so far, in credits."""

    job: Job
    timeline: list[Event]
    charged: int


class Jobs:
    """A guild's jobs as its members see them."""

    def __init__(self, database: Database, clock: Clock, moves: Lifecycle) -> None:
        self._database = database
        self._clock = clock
        self._moves = moves

    async def page(self, guild_id: GuildId, user_id: UserId, number: int = 1) -> Page:
        number = max(1, number)
        found = await self._database.read(jobs.of_member, guild_id, user_id, PAGE + 1, (number - 1) * PAGE)
        return Page(jobs=found[:PAGE], number=number, has_more=len(found) > PAGE)

    async def details(self, guild_id: GuildId, user_id: UserId, job_id: JobId, *, is_staff: bool = False) -> Details:
        """The member's own job, or any of the guild's for its staff. Raises NotFoundError."""

        def both(connection: Connection) -> Details | None:
            job = jobs.find_in_guild(connection, guild_id, job_id)
            if job is None or (job.user_id != user_id and not is_staff):
                return None
            return Details(job=job, timeline=events.timeline(connection, job_id), charged=jobs.paid(connection, job_id))

        details = await self._database.read(both)
        if details is None:
            raise NotFoundError(job=job_id)
        return details

    async def queue_place(self, job: Job) -> int:
        """How many jobs were accepted before this one and still wait for the same provider."""
        return await self._database.read(claims.queued_before, job.id, job.provider)

    async def cancel(self, guild_id: GuildId, user_id: UserId, job_id: JobId, *, is_staff: bool = False) -> Job:
        """Stop a job that has not been sent to the provider; its credits go back at once.

        Raises NotFoundError, NotYoursError, TooLateError or AlreadyEndedError.
        """
        cancelled = await self._database.write(self._cancel, guild_id, user_id, job_id, is_staff)
        self._moves.announce(cancelled)
        return cancelled

    def _cancel(self, connection: Connection, guild_id: GuildId, user_id: UserId, job_id: JobId, is_staff: bool) -> Job:
        job = jobs.find_in_guild(connection, guild_id, job_id)
        if job is None:
            raise NotFoundError(job=job_id)
        if job.user_id != user_id and not is_staff:
            raise NotYoursError
        # A step that is just preparing this job finds its fence old and stops before the create call.
        waiting = moves.take_over(connection, job_id, JobState.QUEUED)
        if waiting is None:
            raise (TooLateError if job.state in ACTIVE else AlreadyEndedError)(job=job_id)
        move = Move(to=JobState.CANCELLED, after=None)
        return lifecycle.apply(connection, waiting, move, self._clock.now(), self._moves.policy)

    async def parked(self, user_id: UserId) -> list[Job]:
        """The member's videos that wait for them, in every guild, newest first."""
        return await self._database.read(jobs.parked_of, user_id)

    async def claim(self, user_id: UserId, job_id: JobId, channel_id: ChannelId | None, upload_limit: int) -> Job:
        """Have a video that could not be posted delivered to this channel, or to the direct messages for None.

        Works from everywhere: a member may have left the guild meanwhile. Raises NotFoundError, NotWaitingError or
        NotKeptError.
        """
        claimed = await self._database.write(self._claim, user_id, job_id, channel_id, upload_limit)
        self._moves.announce(claimed)
        return claimed

    def _claim(
        self,
        connection: Connection,
        user_id: UserId,
        job_id: JobId,
        channel_id: ChannelId | None,
        upload_limit: int,
    ) -> Job:
        job = jobs.find(connection, job_id)
        if job is None or job.user_id != user_id:
            raise NotFoundError(job=job_id)
        if job.state is JobState.PARKED and job.stored is None:
            raise NotKeptError(job=job_id)
        parked = moves.take_over(connection, job_id, JobState.PARKED)
        if parked is None:
            raise NotWaitingError(job=job_id)
        if channel_id is not None:
            # Where they are blocked nobody sees it; their direct messages are their own.
            check_block(connection, job.place.guild_id, user_id, self._clock.now())
            if policies.load(connection, job.place.guild_id).is_closed:
                raise StoppedError
        jobs.move_place(connection, job_id, channel_id, upload_limit)
        move = Move(to=JobState.DELIVERING, detail="claimed")
        return lifecycle.apply(connection, parked, move, self._clock.now(), self._moves.policy)
