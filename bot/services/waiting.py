"""A job that waits may still be stopped: whose it is, and whether it waits yet."""

from __future__ import annotations

from bot.domain.ids import GuildId, JobId, UserId
from bot.domain.jobs import ACTIVE, Job, JobState
from bot.errors.jobs import AlreadyEndedError, NotFoundError, NotYoursError, TooLateError
from bot.store import jobs, moves
from bot.store.database import Connection


def get_own(
    connection: Connection, guild_id: GuildId, user_id: UserId, job_id: JobId, *, is_staff: bool = False
) -> Job:
    """The guild's job, for whoever asked for it and for staff. Raises NotFoundError or NotYoursError."""
    job = jobs.find_in_guild(connection, guild_id, job_id)
    if job is None:
        raise NotFoundError(job=job_id)
    if job.user_id != user_id and not is_staff:
        raise NotYoursError
    return job


def check_waiting(job: Job) -> None:
    """Raises TooLateError or AlreadyEndedError."""
    if job.state is not JobState.QUEUED:
        raise _past(job)


def take_over(connection: Connection, job: Job, state: JobState = JobState.QUEUED) -> Job:
    """The job with a new fence: a step that is just preparing it finds its own old and stops before the create call.

    Raises TooLateError or AlreadyEndedError when the job is not in *state* any more.
    """
    taken = moves.take_over(connection, job.id, state)
    if taken is None:
        raise _past(job)
    return taken


def _past(job: Job) -> TooLateError | AlreadyEndedError:
    return TooLateError(job=job.id) if job.state in ACTIVE else AlreadyEndedError(job=job.id)
