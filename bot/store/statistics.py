"""Running counts of jobs by day, model and member, so that a year of them is read without looking at one."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from bot.domain.ids import GuildId, ModelId, UserId
from bot.domain.jobs import Job, JobState
from bot.domain.statistics import DayTally, MemberTally, RefusalTally, Statistics, Tally
from bot.store.tables import EPOCH, jobs, refusals, tallies

# The states in which a job is counted beside having been asked for, and the column that counts them.
COLUMNS: Mapping[JobState, str] = {
    JobState.DELIVERED: "delivered",
    JobState.PARKED: "kept",
    JobState.FAILED: "failed",
    JobState.CANCELLED: "cancelled",
}
_COUNTS = ("asked", *COLUMNS.values(), "spent")

# As a text, which both databases understand: SQLAlchemy puts its own ON CONFLICT together anew each time.
_ADD = sa.text(
    "INSERT INTO tallies (guild_id, day, user_id, model, asked, delivered, kept, failed, cancelled, spent) "
    "VALUES (:guild_id, :day, :user_id, :model, :asked, :delivered, :kept, :failed, :cancelled, :spent) "
    "ON CONFLICT (guild_id, day, user_id, model) DO UPDATE SET asked = tallies.asked + excluded.asked, "
    "delivered = tallies.delivered + excluded.delivered, kept = tallies.kept + excluded.kept, "
    "failed = tallies.failed + excluded.failed, cancelled = tallies.cancelled + excluded.cancelled, "
    "spent = tallies.spent + excluded.spent"
).bindparams(
    sa.bindparam("guild_id", type_=sa.BigInteger),
    sa.bindparam("user_id", type_=sa.BigInteger),
    sa.bindparam("day", type_=tallies.c.day.type),
    *(sa.bindparam(name, type_=sa.BigInteger) for name in _COUNTS),
)
_NOTHING = dict.fromkeys(_COUNTS, 0)
_COUNTED = sa.select(tallies)
_DAY = sa.type_coerce(jobs.c.created_at, sa.BigInteger) // (86_400 * 1_000_000)
_BY_JOBS = sa.select(
    jobs.c.guild_id,
    _DAY.label("day"),
    jobs.c.user_id,
    jobs.c.model,
    sa.func.count(),
    *(sa.func.sum(sa.case((jobs.c.state == state, 1), else_=0)) for state in COLUMNS),
    sa.func.sum(sa.case((jobs.c.is_closed, jobs.c.paid_allowance + jobs.c.paid_bonus), else_=0)),
).group_by(jobs.c.guild_id, _DAY, jobs.c.user_id, jobs.c.model)
_SUMS = [sa.func.sum(tallies.c[name]).label(name) for name in _COUNTS]


def asked(connection: Connection, job: Job) -> None:
    """A job was accepted."""
    _add(connection, job, {"asked": 1})


def moved(connection: Connection, source: JobState, job: Job) -> None:
    """The job has come from *source* to where it is now."""
    changes: dict[str, int] = {}
    if source in COLUMNS:
        changes[COLUMNS[source]] = -1
    if job.state in COLUMNS:
        changes[COLUMNS[job.state]] = 1
    if changes:
        _add(connection, job, changes)


def spent(connection: Connection, job: Job, credits: int) -> None:
    """The job has cost so much, for good."""
    if credits:
        _add(connection, job, {"spent": credits})


def of_guild(connection: Connection, guild_id: GuildId, since: datetime, until: datetime, top: int) -> Statistics:
    """What is counted from *since* on; *top* members, those who spent most first."""
    meant = sa.and_(tallies.c.guild_id == guild_id, tallies.c.day >= since, tallies.c.day <= until)
    days = connection.execute(
        sa.select(tallies.c.day, tallies.c.model, *_SUMS)
        .where(meant)
        .group_by(tallies.c.day, tallies.c.model)
        .order_by(tallies.c.day, tallies.c.model)
    )
    by_member = sa.select(tallies.c.user_id, *_SUMS).where(meant).group_by(tallies.c.user_id)
    most = [sa.desc("spent"), sa.desc("asked"), tallies.c.user_id]
    members = connection.execute(by_member.order_by(*most).limit(top))
    refused = connection.execute(
        sa.select(refusals.c.rule, sa.func.sum(refusals.c.count).label("count"))
        .where(refusals.c.guild_id == guild_id, refusals.c.hour >= since)
        .group_by(refusals.c.rule)
        .order_by(sa.desc("count"), refusals.c.rule)
    )
    return Statistics(
        since=since,
        until=until,
        days=[DayTally(day=row.day, model=ModelId(row.model), tally=_tally_of(row)) for row in days],
        top=[MemberTally(user_id=UserId(row.user_id), tally=_tally_of(row)) for row in members],
        refusals=[RefusalTally(rule=row.rule, count=int(row[1])) for row in refused],
    )


def differences(connection: Connection) -> list[str]:
    """Where the counts are not what the jobs say; none when all is well."""
    counted = {
        (row.guild_id, row.day, row.user_id, row.model): tuple(int(row._mapping[name]) for name in _COUNTS)
        for row in connection.execute(_COUNTED)
    }
    real = {
        (row[0], EPOCH + timedelta(days=row[1]), row[2], row[3]): tuple(int(value) for value in row[4:])
        for row in connection.execute(_BY_JOBS)
    }
    zero = (0,) * len(_COUNTS)
    return [
        f"counts of member {key[2]} of guild {key[0]} on {key[1]:%Y-%m-%d} with {key[3]}: "
        f"{counted.get(key, zero)}, jobs say {real.get(key, zero)}"
        for key in sorted(counted.keys() | real.keys())
        if counted.get(key, zero) != real.get(key, zero)
    ]


def _add(connection: Connection, job: Job, changes: Mapping[str, int]) -> None:
    # By the day on which it was asked for, however long it takes.
    day = job.created_at.replace(hour=0, minute=0, second=0, microsecond=0)
    whose = {"guild_id": job.place.guild_id, "day": day, "user_id": job.user_id, "model": job.model}
    connection.execute(_ADD, {**_NOTHING, **whose, **changes})


def _tally_of(row: sa.Row[Any]) -> Tally:
    return Tally(**{name: int(row._mapping[name]) for name in _COUNTS})
