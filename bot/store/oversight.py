"""What the host wants to see of all jobs at once: those that stand still, and those that may be billed for nothing."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from bot.domain.hosting import Finding, Found
from bot.domain.ids import GuildId, JobId, ModelId, ProviderId
from bot.domain.jobs import ACTIVE, FailureReason, JobState
from bot.store.tables import jobs

_ORPHAN_COSTS = sa.select(sa.func.coalesce(sa.func.sum(jobs.c.orphan_cost), 0)).where(
    jobs.c.orphan_cost.is_not(None), jobs.c.created_at >= sa.bindparam("since", type_=jobs.c.created_at.type)
)

# More than anybody reads; the number of all is told beside them.
SHOWN = 20


def stuck(connection: Connection, overdue_since: datetime, accepted_before: datetime) -> Finding:
    """Jobs on their way that nobody has taken up for long, or that have been on their way for far too long."""
    is_free = sa.or_(jobs.c.lease_until.is_(None), jobs.c.lease_until < overdue_since)
    is_stuck = sa.and_(
        jobs.c.state.in_(sorted(ACTIVE)),
        sa.or_(
            sa.and_(jobs.c.due_at < overdue_since, is_free),
            jobs.c.created_at < accepted_before,
            jobs.c.due_at.is_(None),
        ),
    )
    return _find(connection, is_stuck, sa.func.coalesce(jobs.c.due_at, jobs.c.created_at))


def orphans(connection: Connection, since: datetime) -> Finding:
    """Create calls that were never answered: refunded here, perhaps rendered and billed there."""
    may_be_orphan = sa.or_(jobs.c.failure == FailureReason.NO_ANSWER, jobs.c.orphan_cost.is_not(None))
    return _find(connection, sa.and_(jobs.c.submitted_at >= since, may_be_orphan), jobs.c.submitted_at)


def orphan_costs(connection: Connection, since: datetime) -> int:
    """Credits that the jobs accepted since then count for tasks that may exist."""
    return int(connection.execute(_ORPHAN_COSTS, {"since": since}).scalar_one())


def _find(
    connection: Connection, is_meant: sa.ColumnElement[bool], since: sa.ColumnElement[datetime] | sa.Function[datetime]
) -> Finding:
    total = connection.execute(sa.select(sa.func.count()).select_from(jobs).where(is_meant)).scalar_one()
    moment = sa.type_coerce(since, jobs.c.created_at.type).label("since")
    rows = connection.execute(
        sa.select(jobs.c.id, jobs.c.guild_id, jobs.c.model, jobs.c.provider, jobs.c.state, jobs.c.orphan_cost, moment)
        .where(is_meant)
        .order_by(moment, jobs.c.id)
        .limit(SHOWN)
    )
    found = tuple(
        Found(
            job_id=JobId(row.id),
            guild_id=GuildId(row.guild_id),
            model=ModelId(row.model),
            provider=ProviderId(row.provider),
            state=JobState(row.state),
            since=row.since,
            orphan_cost=row.orphan_cost or 0,
        )
        for row in rows
    )
    return Finding(jobs=found, total=total)
