"""Who works on which job: what is due, in whose turn, under a lease and with a fence."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from bot.domain.ids import JobId, ProviderId
from bot.domain.jobs import AT_PROVIDER, Job, JobState
from bot.store.jobs import job_of
from bot.store.statements import among
from bot.store.tables import job_events, jobs

# What the worker asks again and again is put together once: for SQLAlchemy that is more work than asking.
_AT = sa.bindparam("at", type_=jobs.c.due_at.type)
_IS_FREE = sa.or_(jobs.c.lease_until.is_(None), jobs.c.lease_until <= _AT)
# Asked for by the bare columns, SQLite takes the index that holds these, and with it every job that ever ended so,
# instead of the one of the few that are due: with a million jobs that is a quarter of a second, each round.
_STATE = jobs.c.state.concat("")
_KIND = (_STATE, jobs.c.provider.concat(""))
_READY = sa.select(*_KIND, sa.func.count()).where(jobs.c.due_at <= _AT, _IS_FREE).group_by(*_KIND)
_NEXT = sa.select(sa.func.min(jobs.c.due_at)).where(jobs.c.due_at > _AT, jobs.c.lease_until.is_(None))
_RELEASE = sa.update(jobs).where(jobs.c.lease_until.is_not(None)).values(lease_until=None, due_at=_AT)
_CREATES_ENDED = (
    sa.select(job_events.c.at)
    .join(jobs, jobs.c.id == job_events.c.job_id)
    .where(
        jobs.c.provider == sa.bindparam("that_provider"),
        jobs.c.submitted_at > sa.bindparam("left_since", type_=jobs.c.submitted_at.type),
        job_events.c.source == JobState.SUBMITTING,
        job_events.c.at > sa.bindparam("since", type_=job_events.c.at.type),
    )
)
_CREATES_OPEN = sa.select(sa.func.count()).where(
    jobs.c.provider == sa.bindparam("that_provider"), jobs.c.state == JobState.SUBMITTING
)
_QUEUED_BEFORE = sa.select(sa.func.count()).where(
    jobs.c.state == JobState.QUEUED,
    jobs.c.provider == sa.bindparam("that_provider"),
    jobs.c.id < sa.bindparam("that_id", type_=jobs.c.id.type),
)
# No create call is under way for longer; it spares the look through a history of years.
LONGEST_CALL = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Claimed:
    """A job under our lease. `claims` counts the claims of this state that never came back, this one included."""

    job: Job
    claims: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """How many jobs wait to be claimed, by state and provider, and when the next one comes."""

    ready: Mapping[tuple[JobState, ProviderId], int]
    next_at: datetime | None


def claim(
    connection: Connection,
    states: Sequence[JobState],
    limit: int,
    lease: timedelta,
    now: datetime,
    *,
    provider: ProviderId | None = None,
    in_hand: Collection[JobId] = (),
) -> list[Claimed]:
    """Take due jobs in these states under a lease: nobody else gets them before it ends, and our fence is newer.

    QUEUED jobs come in turn: each guild's first before any guild's second, and inside a guild each member's first
    before any member's second, counting what already runs.

    Those that the claimer still has *in_hand* are left to it even if their lease seems over: its clock has jumped.
    """
    taken = connection.execute(
        _claiming(tuple(states), has_provider=provider is not None, has_in_hand=bool(in_hand)),
        {"at": now, "that_provider": provider, "not_these": list(in_hand), "most": limit, "until": now + lease},
    )
    rows = taken.all()
    return [Claimed(job_of(row), row.claims) for row in sorted(rows, key=lambda row: (row.due_at, row.id))]


@cache
def _claiming(states: tuple[JobState, ...], *, has_provider: bool, has_in_hand: bool) -> sa.UpdateBase:
    """The statement of `claim`, put together once: that costs more than running it."""
    # Of those that are queued all are asked for, to be put in order, and the index of states has them at once.
    state = jobs.c.state if JobState.QUEUED in states else _STATE
    is_due = sa.and_(jobs.c.due_at <= _AT, among(state, states), _IS_FREE)
    if has_in_hand:
        is_due = sa.and_(is_due, jobs.c.id.not_in(sa.bindparam("not_these", expanding=True)))
    if has_provider:
        is_due = sa.and_(is_due, jobs.c.provider == sa.bindparam("that_provider"))
    most = sa.bindparam("most", type_=sa.Integer)
    if JobState.QUEUED in states:
        due = _in_turn(is_due).limit(most)
    else:
        due = sa.select(jobs.c.id).where(is_due).order_by(jobs.c.due_at, jobs.c.id).limit(most)
    # The window functions of the fair order cannot be locked themselves, so the rows are locked by id.
    locked = sa.select(jobs.c.id).where(jobs.c.id.in_(due)).with_for_update(skip_locked=True)
    lease_until = sa.bindparam("until", type_=jobs.c.lease_until.type)
    return (
        sa.update(jobs)
        .where(jobs.c.id.in_(locked), is_due)
        .values(lease_until=lease_until, fence=jobs.c.fence + 1, claims=jobs.c.claims + 1)
        .returning(jobs)
    )


def release_leases(connection: Connection, now: datetime) -> int:
    """End every lease: right after the start of the only process, nobody else can be working."""
    return connection.execute(_RELEASE, {"at": now}).rowcount


def due(connection: Connection, now: datetime) -> Due:
    """What could be claimed now, and when the next job that nobody holds is due."""
    rows = connection.execute(_READY, {"at": now})
    ready = {(JobState(state), ProviderId(provider)): count for state, provider, count in rows}
    next_at: datetime | None = connection.execute(_NEXT, {"at": now}).scalar()
    return Due(ready=ready, next_at=next_at)


def creates_ended_since(connection: Connection, since: datetime, provider: ProviderId, now: datetime) -> list[datetime]:
    """When create calls ended since then. Those whose end nobody has written down may arrive until *now*."""
    asked = {"that_provider": provider, "since": since, "left_since": since - LONGEST_CALL}
    ended = list(connection.execute(_CREATES_ENDED, asked).scalars())
    return ended + [now] * connection.execute(_CREATES_OPEN, asked).scalar_one()


def at_provider(connection: Connection, *providers: ProviderId) -> int:
    """How many jobs these providers may be working on for us."""
    return connection.execute(_count_at(providers)).scalar_one()


@cache
def _count_at(providers: tuple[ProviderId, ...]) -> sa.Select[tuple[int]]:
    """The statement of `at_provider`; a host has a handful of providers."""
    return sa.select(sa.func.count()).where(among(jobs.c.provider, providers), among(jobs.c.state, sorted(AT_PROVIDER)))


def queued_before(connection: Connection, job_id: JobId, provider: ProviderId) -> int:
    """How many jobs wait in front of this one, by age; the fair order may let it overtake some."""
    return connection.execute(_QUEUED_BEFORE, {"that_provider": provider, "that_id": job_id}).scalar_one()


def _in_turn(is_due: sa.ColumnElement[bool]) -> sa.Select[tuple[int]]:
    """Due jobs in the fair order."""
    busy = jobs.alias("busy")

    def running(*same: sa.ColumnElement[bool]) -> sa.ScalarSelect[int]:
        return sa.select(sa.func.count()).where(among(busy.c.state, sorted(AT_PROVIDER)), *same).scalar_subquery()

    of_guild = busy.c.guild_id == jobs.c.guild_id
    of_member = sa.and_(of_guild, busy.c.user_id == jobs.c.user_id)
    place_of_member = sa.func.row_number().over(
        partition_by=[jobs.c.guild_id, jobs.c.user_id], order_by=jobs.c.id
    ) + running(of_member)
    waiting = (
        sa.select(
            jobs.c.id,
            jobs.c.guild_id,
            place_of_member.label("place_of_member"),
            running(of_guild).label("running_in_guild"),
        )
        .where(is_due)
        .subquery()
    )
    place_of_guild = (
        sa.func.row_number().over(partition_by=waiting.c.guild_id, order_by=[waiting.c.place_of_member, waiting.c.id])
        + waiting.c.running_in_guild
    )
    return sa.select(waiting.c.id).order_by(place_of_guild, waiting.c.place_of_member, waiting.c.id)
