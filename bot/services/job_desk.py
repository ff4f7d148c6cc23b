"""What a guild's staff sees of one job and does about it. Each method checks the right and does its work once."""

from __future__ import annotations

from datetime import datetime, timedelta

from bot.domain.ids import JobId
from bot.domain.job_files import JobFile, is_redeliverable
from bot.domain.jobs import ACTIVE, ARROWS, FailureReason, Job, JobState, Move
from bot.domain.staff_log import StaffEvent, StaffEventKind
from bot.errors.staff import (
    AlreadyRefundedError,
    NotEndedError,
    NothingPaidError,
    NotInGuildError,
    NotPostedError,
    WithheldError,
)
from bot.ports import Clock
from bot.services import lifecycle, waiting
from bot.services.lifecycle import Lifecycle
from bot.services.staff import Staff, check_staff
from bot.services.troubles import doubt_of
from bot.store import events, job_entries, jobs, ledger, moderation, moves, policies, staff_log, troubles
from bot.store.database import Connection, Database

# Two clicks within this time are one wish, even if the first has been fulfilled in between.
DOUBLE_CLICK = timedelta(seconds=10)


class JobDesk:
    """A guild's jobs, as its staff handles them."""

    def __init__(self, database: Database, clock: Clock, moves: Lifecycle) -> None:
        self._database = database
        self._clock = clock
        self._moves = moves

    async def open(self, staff: Staff, job_id: JobId) -> JobFile:
        """Raises NotInGuildError."""
        check_staff(staff)

        def read(connection: Connection) -> JobFile:
            job = _find(connection, staff, job_id)
            return JobFile(
                job=job,
                timeline=[(event.at, event.target) for event in events.timeline(connection, job_id)],
                entries=job_entries.of_job(connection, job_id),
                charged=jobs.paid(connection, job_id),
                given_back=job_entries.given_back(connection, job_id),
                block=moderation.find_block(connection, staff.guild_id, job.user_id, self._clock.now()),
                is_in_doubt=_is_in_doubt(connection, job),
            )

        return await self._database.read(read)

    async def cancel(self, staff: Staff, job_id: JobId) -> Job:
        """Stop a job that has not been sent, or of which nobody can see whether its video was posted.

        Raises NotInGuildError, TooLateError or AlreadyEndedError.
        """
        check_staff(staff)
        cancelled = await self._database.write(self._cancel, staff, job_id)
        self._moves.announce(cancelled)
        return cancelled

    def _cancel(self, connection: Connection, staff: Staff, job_id: JobId) -> Job:
        now = self._clock.now()
        job = _find(connection, staff, job_id)
        move = Move(to=JobState.CANCELLED, after=None, detail="cancelled by staff")
        if _is_in_doubt(connection, job):
            # It was sent long ago. Its member hears that no video came of it, and that the credits are back.
            move = Move(to=JobState.FAILED, failure=FailureReason.NO_RESULT, detail="given up by staff")
            troubles.end(connection, doubt_of(job_id), f"Job {job_id}: the server's staff has given its credits back.")
        taken = waiting.take_over(connection, job, job.state if move.failure else JobState.QUEUED)
        cancelled = lifecycle.apply(connection, taken, move, now, self._moves.policy)
        _note(connection, staff, StaffEventKind.CANCEL, job, now)
        return cancelled

    async def refund(self, staff: Staff, job_id: JobId) -> int:
        """Give back, as bonus credits, what a job that has ended has cost its member; how many credits that were.

        Raises NotInGuildError, NotEndedError, NothingPaidError or AlreadyRefundedError.
        """
        check_staff(staff)
        return await self._database.write(self._refund, staff, job_id)

    def _refund(self, connection: Connection, staff: Staff, job_id: JobId) -> int:
        now = self._clock.now()
        job = _find(connection, staff, job_id, lock=True)
        if job.state in ACTIVE and not job.is_closed:
            raise NotEndedError(job=job_id)
        if job_entries.given_back(connection, job_id) is not None:
            raise AlreadyRefundedError(job=job_id)
        paid = jobs.paid(connection, job_id)
        if paid == 0:
            raise NothingPaidError(job=job_id)
        ledger.reverse(connection, job_id, staff.guild_id, job.user_id, staff.user_id, paid, now)
        _note(connection, staff, StaffEventKind.REFUND, job, now, {"credits": paid})
        return paid

    async def redeliver(self, staff: Staff, job_id: JobId) -> Job:
        """Have the video posted once more where it belongs, under a nonce of its own; nothing is charged.

        Raises NotInGuildError, NotPostedError or WithheldError.
        """
        check_staff(staff)
        job = await self._database.write(self._redeliver, staff, job_id)
        self._moves.announce(job)
        return job

    def _redeliver(self, connection: Connection, staff: Staff, job_id: JobId) -> Job:
        now = self._clock.now()
        job = _find(connection, staff, job_id, lock=True)
        last_at = staff_log.last_at(connection, StaffEventKind.REDELIVER, staff.guild_id, job_id)
        if not is_redeliverable(job) or (last_at is not None and now - last_at < DOUBLE_CLICK):
            raise NotPostedError(job=job_id)
        # It would only be kept back again.
        if (
            policies.load(connection, staff.guild_id).is_closed
            or moderation.find_block(connection, staff.guild_id, job.user_id, now) is not None
        ):
            raise WithheldError(job=job_id)
        if moves.take_over(connection, job_id, job.state) is None:
            raise NotPostedError(job=job_id)
        again = jobs.count_redelivery(connection, job_id)
        move = Move(to=JobState.DELIVERING, detail="redelivered by staff")
        moved = lifecycle.apply(connection, again, move, now, self._moves.policy)
        _note(connection, staff, StaffEventKind.REDELIVER, job, now)
        return moved


def _find(connection: Connection, staff: Staff, job_id: JobId, *, lock: bool = False) -> Job:
    """A job of this guild and no other."""
    if lock:
        jobs.lock(connection, job_id)
    job = jobs.find_in_guild(connection, staff.guild_id, job_id)
    if job is None:
        raise NotInGuildError(job=job_id)
    return job


def _is_in_doubt(connection: Connection, job: Job) -> bool:
    return (
        JobState.FAILED in ARROWS[job.state]
        and not job.is_closed
        and job.posting_at is not None
        and troubles.find(connection, doubt_of(job.id)) is not None
    )


def _note(
    connection: Connection,
    staff: Staff,
    kind: StaffEventKind,
    job: Job,
    now: datetime,
    details: dict[str, str | int] | None = None,
) -> None:
    event = StaffEvent(
        guild_id=staff.guild_id,
        kind=kind,
        actor_id=staff.user_id,
        user_id=job.user_id,
        job_id=job.id,
        details=details or {},
    )
    staff_log.note(connection, event, now)
