"""Calls of the provider about jobs: kept as hints that make a job due, and never believed."""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from bot.domain.ids import JobId, ProviderId, TaskId
from bot.domain.jobs import Job, JobState
from bot.store.jobs import find
from bot.store.tables import jobs

_AT = sa.bindparam("at", type_=jobs.c.due_at.type)
_SECRETS = sa.select(jobs.c.id, jobs.c.callback_secret).where(jobs.c.id.in_(sa.bindparam("those_ids", expanding=True)))
_HINTING = (
    sa.update(jobs)
    .where(jobs.c.id == sa.bindparam("that_id"))
    .values(
        is_hinted=True,
        hinted_task_id=sa.case(
            (jobs.c.task_id.is_(None), sa.bindparam("named", type_=jobs.c.hinted_task_id.type)),
            else_=jobs.c.hinted_task_id,
        ),
        due_at=sa.case(
            (
                # FAILED: its task may have finished after all.
                sa.and_(
                    sa.or_(*(jobs.c.state == each for each in (JobState.RUNNING, JobState.UNKNOWN, JobState.FAILED))),
                    jobs.c.lease_until.is_(None),
                ),
                _AT,
            ),
            else_=jobs.c.due_at,
        ),
    )
)


@dataclass(frozen=True, slots=True)
class Hint:
    """What a callback says: this task, made for this job, has ended."""

    job_id: JobId
    secret: str
    task_id: TaskId


def note(connection: Connection, job_id: JobId, secret: str, task_id: TaskId, now: datetime) -> Job | None:
    """Note one call of the provider about a job; None when id and secret do not belong together."""
    (is_known,) = note_all(connection, [Hint(job_id, secret, task_id)], now)
    return find(connection, job_id) if is_known else None


def note_all(connection: Connection, calls: Sequence[Hint], now: datetime) -> list[bool]:
    """Note that the provider called about these jobs: they are looked at now. For each, whether the secret is right.

    The task id is only kept where we have none of our own; what the task really is, the provider is asked.
    """
    rows = connection.execute(_SECRETS, {"those_ids": list({call.job_id for call in calls})})
    secrets = {row.id: row.callback_secret for row in rows}
    are_known = [
        call.job_id in secrets and hmac.compare_digest(secrets[call.job_id].encode(), call.secret.encode())
        for call in calls
    ]
    # One statement for all of them: each on its own would cost more than the commit that they share.
    values = [
        {"that_id": call.job_id, "named": call.task_id, "at": now}
        for call, is_known in zip(calls, are_known, strict=True)
        if is_known
    ]
    if values:
        connection.execute(_HINTING, values)
    return are_known


def note_task(connection: Connection, provider: ProviderId, task_id: TaskId, now: datetime) -> bool:
    """Note that the provider called about one of its tasks; False when no running job has it."""
    is_it = sa.and_(jobs.c.state == JobState.RUNNING, jobs.c.provider == provider, jobs.c.task_id == task_id)
    found = connection.execute(sa.select(jobs.c.id).where(is_it)).scalars().all()
    if found:
        connection.execute(_HINTING, [{"that_id": job_id, "named": task_id, "at": now} for job_id in found])
    return bool(found)


def hinted_task(connection: Connection, job_id: JobId) -> TaskId | None:
    """The task that a callback named for a job whose create call was never answered."""
    found = connection.execute(sa.select(jobs.c.hinted_task_id).where(jobs.c.id == job_id)).scalar_one_or_none()
    return None if found is None else TaskId(found)
