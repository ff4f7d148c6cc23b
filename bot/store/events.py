"""What happened to a job, one row for each step of its way."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from bot.domain.ids import JobId
from bot.domain.jobs import JobState
from bot.store.tables import job_events

# Why a job was cancelled whose member has never had an answer: for them it has not been there at all.
UNANSWERED = "Discord took no answer"

_RECORD = sa.insert(job_events)


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One line of a job's timeline."""

    at: datetime
    target: JobState
    detail: str | None


def timeline(connection: Connection, job_id: JobId) -> list[Event]:
    rows = connection.execute(sa.select(job_events).where(job_events.c.job_id == job_id).order_by(job_events.c.id))
    return [Event(at=row.at, target=JobState(row.target), detail=row.detail) for row in rows]


def has_left(connection: Connection, job_id: JobId, state: JobState) -> bool:
    """Whether the job has been in this state before and went on from it."""
    left = sa.select(job_events.c.id).where(job_events.c.job_id == job_id, job_events.c.source == state)
    return connection.execute(left.limit(1)).first() is not None


def record(
    connection: Connection,
    job_id: JobId,
    source: JobState | None,
    target: JobState,
    fence: int,
    detail: str | None,
    now: datetime,
) -> None:
    connection.execute(
        _RECORD,
        {"job_id": job_id, "at": now, "source": source, "target": target, "fence": fence, "detail": detail},
    )
