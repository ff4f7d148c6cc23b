"""What members may see of their jobs, and cancelling one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from bot.domain.admission import Asked, Requester, refusal_of_showing
from bot.domain.ids import ChannelId, GuildId, JobId, UserId
from bot.domain.jobs import Job, JobState, Move
from bot.domain.models import Catalogue
from bot.errors.jobs import NotFoundError, NotKeptError, NotWaitingError, StoppedError
from bot.errors.policies import refused
from bot.errors.requests import AdultsOnlyError
from bot.ports import Clock
from bot.services import lifecycle, waiting
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """A channel in which a kept video is claimed: in whose guild, and what Discord says of it and of the member."""

    guild_id: GuildId
    channel_id: ChannelId
    requester: Requester
    catalogue: Catalogue


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
        job = waiting.get_own(connection, guild_id, user_id, job_id, is_staff=is_staff)
        taken = waiting.take_over(connection, job)
        move = Move(to=JobState.CANCELLED, after=None)
        return lifecycle.apply(connection, taken, move, self._clock.now(), self._moves.policy)

    async def parked(self, user_id: UserId) -> list[Job]:
        """The member's videos that wait for them, in every guild, newest first."""
        return await self._database.read(jobs.parked_of, user_id)

    async def claim(self, user_id: UserId, job_id: JobId, spot: Spot | None, upload_limit: int) -> Job:
        """Have a video that could not be posted delivered to this channel, or to the direct messages for None.

        Works from everywhere: a member may have left the guild meanwhile. Raises NotFoundError, NotWaitingError,
        NotKeptError, or what keeps such a video out of the channel.
        """
        claimed = await self._database.write(self._claim, user_id, job_id, spot, upload_limit)
        self._moves.announce(claimed)
        return claimed

    def _claim(
        self,
        connection: Connection,
        user_id: UserId,
        job_id: JobId,
        spot: Spot | None,
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
        if spot is not None:
            # Where they are blocked nobody sees it; their direct messages are their own.
            for guild_id in {job.place.guild_id, spot.guild_id}:
                _check_showing(connection, guild_id, job, spot, self._clock.now())
        channel = None if spot is None else (spot.guild_id, spot.channel_id)
        jobs.move_place(connection, job, channel, upload_limit)
        move = Move(to=JobState.DELIVERING, detail="claimed")
        return lifecycle.apply(connection, parked, move, self._clock.now(), self._moves.policy)


def _check_showing(connection: Connection, guild_id: GuildId, job: Job, spot: Spot, now: datetime) -> None:
    """Whether the video may be seen in that channel by the rules of the guild that has them. Raises UserError."""
    check_block(connection, guild_id, job.user_id, now)
    policy = policies.load(connection, guild_id)
    if policy.is_closed:
        raise StoppedError
    if guild_id != spot.guild_id:
        # Its channels are somewhere else; whom it spares the sight of such videos is not.
        policy = replace(policy, channels=frozenset())
    asked = Asked(channel_id=spot.channel_id, model=job.video.model, price=job.video.price)
    why_not = refusal_of_showing(policy, spot.requester, asked)
    if why_not is not None:
        raise refused(why_not)
    model = spot.catalogue.find(job.video.model)
    adult = None if model is None else model.adult_option(job.video.mode, job.video.options)
    if adult is not None and not spot.requester.is_restricted_channel:
        raise AdultsOnlyError(field=adult, given=job.video.options[adult])
