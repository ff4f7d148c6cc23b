"""What became of the newest tasks at the providers: all that a process that has just started knows of its models."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from bot.domain.ids import JobId, ModelId, ProviderId
from bot.domain.jobs import FailureReason, JobState
from bot.domain.models import Mode
from bot.store.tables import jobs

# More than a host sends in the hours that are asked about, unless it is a large one; there the newest tell enough.
MOST = 5000

_SENT = (
    sa.select(
        jobs.c.id,
        jobs.c.provider,
        jobs.c.model,
        jobs.c.mode,
        jobs.c.state,
        jobs.c.submitted_at,
        jobs.c.rendered_at,
        jobs.c.finished_at,
        jobs.c.failure,
    )
    .where(jobs.c.submitted_at >= sa.bindparam("since", type_=jobs.c.submitted_at.type))
    .order_by(jobs.c.submitted_at.desc())
    .limit(MOST)
)
_AT_PROVIDER = frozenset({JobState.SUBMITTING, JobState.UNKNOWN, JobState.RUNNING})


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One job that was sent to its provider, and what came of it so far."""

    job_id: JobId
    provider: ProviderId
    model: ModelId
    mode: Mode
    sent_at: datetime
    is_at_provider: bool
    rendered_at: datetime | None
    failed_at: datetime | None
    failure: FailureReason | None


def newest(connection: Connection, since: datetime) -> list[Outcome]:
    """The jobs that were sent since then, the oldest first."""
    rows = connection.execute(_SENT, {"since": since}).all()
    return [_outcome_of(row) for row in reversed(rows)]


def _outcome_of(row: sa.Row[tuple[object, ...]]) -> Outcome:
    has_failed = row.state == JobState.FAILED
    return Outcome(
        job_id=JobId(row.id),
        provider=ProviderId(row.provider),
        model=ModelId(row.model),
        mode=Mode(row.mode),
        sent_at=row.submitted_at,
        is_at_provider=row.state in _AT_PROVIDER,
        rendered_at=row.rendered_at,
        failed_at=row.finished_at if has_failed else None,
        failure=FailureReason(row.failure) if has_failed and row.failure is not None else None,
    )
