"""Jobs change by compare-and-set: what a step decided is written if the job still is where the step saw it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from bot.domain.ids import JobId
from bot.domain.jobs import Job, JobState, Move
from bot.store import events
from bot.store.jobs import job_of
from bot.store.tables import jobs

# What the worker asks again and again is put together once: for SQLAlchemy that is more work than asking.
_AT = sa.bindparam("at", type_=jobs.c.due_at.type)


def move(connection: Connection, job: Job, move: Move, now: datetime, *, lease: timedelta | None = None) -> Job | None:
    """Write what a step decided, if the job still is where the step saw it; None when it is not.

    With *lease* the mover keeps the job (it is about to act) and `due_at` is the end of that lease.
    """
    stays = move.to is job.state
    due_at = None if move.after is None else now + move.after
    values: dict[str, Any] = {
        "state": move.to,
        "due_at": due_at if lease is None else now + lease,
        "lease_until": None if lease is None else now + lease,
        "attempts": _attempts(job, move, keeps=lease is not None),
        "is_hinted": False,
    }
    if lease is None:
        values["claims"] = 0
    if move.task_id is not None:
        values["task_id"] = move.task_id
    if move.result is not None:
        values |= {
            "result_url": move.result.url,
            "result_expires_at": move.result.expires_at,
            "provider_credits": move.result.credits,
        }
    if move.stored is not None:
        values |= {"stored_name": move.stored.name, "stored_size": move.stored.size}
    if move.is_cleared:
        values |= {"stored_name": None, "stored_size": None}
    if move.message_id is not None:
        values |= {"message_id": move.message_id, "message_channel_id": move.message_channel_id}
    # What these say stays true for good, so a move only ever sets them.
    values |= {
        name: True
        for name, is_set in (
            ("is_direct", move.is_direct),
            ("is_late", move.is_late),
            ("is_announced", move.is_announced),
        )
        if is_set
    }
    if move.failure is not None:
        values |= {"failure": move.failure, "failure_detail": move.detail}
    if move.is_posting:
        values["posting_at"] = now
    if not stays and not move.is_late:  # How long a late one took says nothing about the model.
        values |= _stamps(job.state, move.to, now)
    # A callback came while the step was asking: look again at once.
    heeds_hints = lease is None and move.to in {JobState.RUNNING, JobState.UNKNOWN, JobState.FAILED}
    written = {f"to_{name}": value for name, value in values.items()}
    seen = {"seen_id": job.id, "seen_state": job.state, "seen_fence": job.fence, "at": now}
    shape = _moving(frozenset(values), heeds_hints, move.is_unposted)
    row = connection.execute(shape, written | seen).one_or_none()
    if row is None:
        return None
    if not stays:
        events.record(connection, job.id, job.state, move.to, job.fence, move.detail, now)
    return job_of(row)


@cache
def _moving(columns: frozenset[str], heeds_hints: bool, is_unposted: bool) -> sa.UpdateBase:
    """The statement of `move` that writes these columns, put together once for each shape."""
    values: dict[str, Any] = {name: sa.bindparam(f"to_{name}", type_=jobs.c[name].type) for name in sorted(columns)}
    if heeds_hints:
        values["due_at"] = sa.case((jobs.c.is_hinted, _AT), else_=values["due_at"])
    if "posting_at" in columns:
        values["posting_at"] = sa.func.coalesce(jobs.c.posting_at, values["posting_at"])
    if is_unposted:
        values["posting_at"] = sa.null()
    return (
        sa.update(jobs)
        .where(
            jobs.c.id == sa.bindparam("seen_id"),
            jobs.c.state == sa.bindparam("seen_state"),
            jobs.c.fence == sa.bindparam("seen_fence"),
        )
        .values(values)
        .returning(jobs)
    )


def take_over(connection: Connection, job_id: JobId, state: JobState) -> Job | None:
    """Make whoever works on the job stale, if it is in *state*; the job with the new fence."""
    row = connection.execute(
        sa.update(jobs)
        .where(jobs.c.id == job_id, jobs.c.state == state)
        .values(fence=jobs.c.fence + 1, lease_until=None)
        .returning(jobs)
    ).one_or_none()
    return None if row is None else job_of(row)


def _attempts(job: Job, move: Move, *, keeps: bool) -> int:
    """Counted across the intent of a try and its failure: QUEUED, SUBMITTING and QUEUED again is one try."""
    if move.is_retry:
        return job.attempts + 1
    return job.attempts if keeps else 0


def _stamps(source: JobState, target: JobState, now: datetime) -> Mapping[str, datetime]:
    """The moments that a job remembers when it comes from one state into another."""
    match target:
        case JobState.SUBMITTING:
            return {"submitted_at": now}
        # A video that is fetched once more was rendered long ago.
        case JobState.FETCHING if source is not JobState.DELIVERING:
            return {"rendered_at": now}
        case JobState.DELIVERED | JobState.FAILED | JobState.CANCELLED:
            return {"finished_at": now}
        case _:
            return {}
