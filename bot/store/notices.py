"""What the host is to be told of single jobs, as an outbox: written with the job's move, told afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from bot.domain.hosting import JobNotice, NoticeKind
from bot.domain.ids import JobId, ModelId
from bot.domain.jobs import JobState
from bot.store.statements import upsert
from bot.store.tables import job_notices, jobs

_UNTOLD = (
    sa.select(jobs.c.id, jobs.c.model, jobs.c.state, jobs.c.submitted_at, jobs.c.created_at)
    .join(job_notices, job_notices.c.job_id == jobs.c.id)
    .where(job_notices.c.kind == sa.bindparam("of_kind", type_=sa.Text))
    .order_by(jobs.c.id)
    .limit(sa.bindparam("most", type_=sa.Integer))
)


def note(connection: Connection, kind: NoticeKind, job_id: JobId, now: datetime) -> None:
    """Have the host told; once, while it has not been."""
    row = upsert(connection, job_notices).values(kind=kind, job_id=job_id, noted_at=now)
    connection.execute(row.on_conflict_do_nothing(index_elements=[job_notices.c.job_id, job_notices.c.kind]))


def untold(connection: Connection, kind: NoticeKind, limit: int) -> Sequence[JobNotice]:
    """What the host has not heard yet, the oldest jobs first."""
    return [
        JobNotice(
            job_id=JobId(row.id),
            model=ModelId(row.model),
            state=JobState(row.state),
            submitted_at=row.submitted_at or row.created_at,
        )
        for row in connection.execute(_UNTOLD, {"of_kind": kind, "most": limit})
    ]


def told(connection: Connection, kind: NoticeKind, notices: Sequence[JobNotice]) -> None:
    """The host has heard these."""
    heard = job_notices.c.job_id.in_([notice.job_id for notice in notices])
    connection.execute(sa.delete(job_notices).where(job_notices.c.kind == kind, heard))


def forget(connection: Connection, before: datetime) -> int:
    """Remove what could not be told for so long that it is no news any more."""
    return connection.execute(sa.delete(job_notices).where(job_notices.c.noted_at < before)).rowcount
