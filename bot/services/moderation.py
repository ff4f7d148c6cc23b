"""What a guild's moderators do against abuse: block members, stop the guild. Every method checks the right itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bot.domain.ids import GuildId, UserId
from bot.domain.jobs import Job, JobState, Move
from bot.domain.safety import Block
from bot.domain.staff_log import StaffEvent, StaffEventKind
from bot.errors.staff import AlreadyStoppedError, NotBlockedError, NotStoppedError
from bot.ports import Clock
from bot.services import lifecycle
from bot.services.lifecycle import Lifecycle, Policy
from bot.services.staff import Staff, check_staff
from bot.store import moderation, moves, policies, staff_log
from bot.store.database import Connection, Database

# As many as a card shows.
SHOWN_BLOCKS = 25


@dataclass(frozen=True, slots=True, kw_only=True)
class Blocked:
    """A block that was just made, and the waiting jobs that were cancelled and refunded with it."""

    block: Block
    cancelled: Sequence[Job]


class Moderation:
    """Who may make no videos in a guild, or that nobody may."""

    def __init__(self, database: Database, clock: Clock, moves: Lifecycle) -> None:
        self._database = database
        self._clock = clock
        self._moves = moves

    async def block(self, staff: Staff, member: UserId, reason: str, span: timedelta | None) -> Blocked:
        """No new videos for the member; those that wait are cancelled and refunded, finished ones are kept back."""
        check_staff(staff)
        done = await self._database.write(self._block, staff, member, reason, span)
        for job in done.cancelled:
            self._moves.announce(job)
        return done

    def _block(
        self, connection: Connection, staff: Staff, member: UserId, reason: str, span: timedelta | None
    ) -> Blocked:
        now = self._clock.now()
        # The guild's requests come one after the other: a job that is being accepted at this moment is either found
        # below, or its acceptance finds the block.
        policies.load(connection, staff.guild_id, lock=True)
        made = Block(
            user_id=member, actor_id=staff.user_id, reason=reason, at=now, until=None if span is None else now + span
        )
        moderation.block(connection, staff.guild_id, made)
        cancelled = cancel_waiting(connection, self._moves.policy, staff.guild_id, member, now)
        event = StaffEvent(
            guild_id=staff.guild_id,
            kind=StaffEventKind.BLOCK,
            actor_id=staff.user_id,
            user_id=member,
            reason=reason,
            details={
                "until": 0 if made.until is None else int(made.until.timestamp()),
                "cancelled": len(cancelled),
            },
        )
        staff_log.note(connection, event, now)
        return Blocked(block=made, cancelled=cancelled)

    async def stop(self, staff: Staff, reason: str) -> Sequence[Job]:
        """No videos for anybody in the guild, from this moment: what waits is cancelled, finished ones are kept back.

        The jobs that were cancelled and refunded. Raises AlreadyStoppedError.
        """
        check_staff(staff)
        cancelled = await self._database.write(self._stop, staff, reason)
        for job in cancelled:
            self._moves.announce(job)
        return cancelled

    def _stop(self, connection: Connection, staff: Staff, reason: str) -> list[Job]:
        now = self._clock.now()
        policy = policies.load(connection, staff.guild_id, lock=True)
        if policy.is_closed:
            raise AlreadyStoppedError
        policies.save(connection, replace(policy, is_closed=True, closed_reason=reason))
        cancelled = cancel_waiting(connection, self._moves.policy, staff.guild_id, None, now)
        event = StaffEvent(
            guild_id=staff.guild_id,
            kind=StaffEventKind.STOP,
            actor_id=staff.user_id,
            reason=reason,
            details={"cancelled": len(cancelled)},
        )
        staff_log.note(connection, event, now)
        return cancelled

    async def resume(self, staff: Staff, reason: str | None) -> None:
        """Raises NotStoppedError."""
        check_staff(staff)
        now = self._clock.now()

        def change(connection: Connection) -> None:
            policy = policies.load(connection, staff.guild_id, lock=True)
            if not policy.is_closed:
                raise NotStoppedError
            policies.save(connection, replace(policy, is_closed=False, closed_reason=None))
            event = StaffEvent(
                guild_id=staff.guild_id, kind=StaffEventKind.RESUME, actor_id=staff.user_id, reason=reason
            )
            staff_log.note(connection, event, now)

        await self._database.write(change)

    async def unblock(self, staff: Staff, member: UserId, reason: str | None) -> None:
        """Raises NotBlockedError."""
        check_staff(staff)
        now = self._clock.now()

        def change(connection: Connection) -> None:
            if moderation.find_block(connection, staff.guild_id, member, now) is None:
                raise NotBlockedError(member=member)
            moderation.unblock(connection, staff.guild_id, member)
            event = StaffEvent(
                guild_id=staff.guild_id,
                kind=StaffEventKind.UNBLOCK,
                actor_id=staff.user_id,
                user_id=member,
                reason=reason,
            )
            staff_log.note(connection, event, now)

        await self._database.write(change)

    async def blocked(self, staff: Staff) -> list[Block]:
        """Who is blocked now, the newest first."""
        check_staff(staff)
        return await self._database.read(moderation.blocked, staff.guild_id, self._clock.now(), SHOWN_BLOCKS)


def cancel_waiting(
    connection: Connection, policy: Policy, guild_id: GuildId, member: UserId | None, now: datetime
) -> list[Job]:
    """Cancel and refund what has not been sent to the provider: of one member, or of the whole guild."""
    cancelled = []
    for job_id in moderation.waiting_of(connection, guild_id, member):
        # A step that is just preparing this job finds its fence old and stops before the create call.
        waiting = moves.take_over(connection, job_id, JobState.QUEUED)
        if waiting is not None:
            move = Move(to=JobState.CANCELLED, after=None, detail="stopped by moderators")
            cancelled.append(lifecycle.apply(connection, waiting, move, now, policy))
    return cancelled
