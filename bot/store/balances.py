"""What a member can spend now: their allowance by the guild's policy, what they have used of it, bonus and pool."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import replace
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from bot.domain import periods
from bot.domain.admission import SoFar
from bot.domain.credits import AccountKind, Balance
from bot.domain.ids import GuildId, RoleId, UserId
from bot.domain.jobs import JobState
from bot.domain.policies import GuildPolicy, allowance_of
from bot.store import allowances, ledger, policies
from bot.store.entries import NOBODY
from bot.store.events import UNANSWERED
from bot.store.tables import accounts, job_events, jobs

# What every command asks is put together once: for SQLAlchemy that is more work than asking.
_GUILD, _MEMBER = sa.bindparam("of_guild", type_=sa.BigInteger), sa.bindparam("of_member", type_=sa.BigInteger)
_HELD = sa.select(accounts.c.kind, accounts.c.balance).where(
    accounts.c.guild_id == _GUILD,
    sa.or_(
        sa.and_(accounts.c.kind == AccountKind.BONUS, accounts.c.user_id == _MEMBER),
        sa.and_(accounts.c.kind == AccountKind.POOL, accounts.c.user_id == NOBODY),
    ),
)
_HELD_LOCKED = _HELD.order_by(accounts.c.kind.desc()).with_for_update()  # The pool first.
_IS_OPEN = sa.not_(jobs.c.is_closed)
_RUNNING = (
    sa.select(sa.func.count().label("jobs"), sa.func.coalesce(sa.func.sum(jobs.c.price), 0).label("credits"))
    .select_from(jobs)
    .where(jobs.c.guild_id == _GUILD, jobs.c.user_id == _MEMBER, _IS_OPEN)
)
_RUNNING_IN_GUILD = sa.select(sa.func.count()).select_from(jobs).where(jobs.c.guild_id == _GUILD, _IS_OPEN)
_IS_TAKEN_BACK = sa.and_(
    jobs.c.state == JobState.CANCELLED,
    sa.exists().where(job_events.c.job_id == jobs.c.id, job_events.c.detail == UNANSWERED),
)
_NEWEST = (
    sa.select(jobs.c.created_at)
    .where(jobs.c.guild_id == _GUILD, jobs.c.user_id == _MEMBER, sa.not_(_IS_TAKEN_BACK))
    .order_by(jobs.c.id.desc())
    .limit(1)
)


def find(
    connection: Connection,
    guild_id: GuildId,
    user_id: UserId,
    now: datetime,
    *,
    role_ids: Set[RoleId] = frozenset(),
    policy: GuildPolicy | None = None,
    lock: bool = False,
) -> Balance:
    """What the member can spend. With *lock* nobody else can spend it until the transaction ends."""
    policy = policy or policies.load(connection, guild_id)
    if lock:
        policy = refill(connection, policy, now)
    whose = {"of_guild": guild_id, "of_member": user_id}
    span = periods.span(now, policy.period, policy.time_zone)
    allowance = allowance_of(policy, policies.member(connection, guild_id, user_id), frozenset(role_ids))
    used = allowances.used(connection, guild_id, user_id, span, lock=lock)
    held = {row.kind: row.balance for row in connection.execute(_HELD_LOCKED if lock else _HELD, whose)}
    running = connection.execute(_RUNNING, whose).one()
    return Balance(
        allowance=allowance,
        allowance_left=None if allowance is None else max(0, allowance - used),
        period=policy.period,
        starts_at=span.starts_at,
        renews_at=span.ends_at,
        bonus=held.get(AccountKind.BONUS, 0),
        held=int(running.credits),
        running=running.jobs,
        pool=_pool(policy, held.get(AccountKind.POOL, 0), now),
        pool_renews_at=policy.pool_renews_at(now),
    )


def so_far(connection: Connection, policy: GuildPolicy, user_id: UserId, balance: Balance) -> SoFar:
    """What else the policy wants to know of the member and of the guild."""
    whose = {"of_guild": policy.guild_id, "of_member": user_id}
    return SoFar(
        balance=balance,
        member_jobs=balance.running,
        # Counted only where somebody limits it.
        guild_jobs=0 if policy.guild_jobs is None else connection.execute(_RUNNING_IN_GUILD, whose).scalar_one(),
        last_at=connection.execute(_NEWEST, whose).scalar() if policy.cooldown else None,
    )


def refill(connection: Connection, policy: GuildPolicy, now: datetime) -> GuildPolicy:
    """Bring the pool to what the policy says if its period has begun since it was last set; the policy after that."""
    pool = policy.pool
    if pool is None or pool.refill is None or not policy.is_refill_due(now):
        return policy
    if not policies.note_refill(connection, policy, now):
        # Somebody was faster than this policy is old.
        return policies.load(connection, policy.guild_id)
    ledger.refill_pool(connection, policy.guild_id, pool.refill, now)
    return replace(policy, pool=replace(pool, refilled_at=now))


def pool(connection: Connection, policy: GuildPolicy, now: datetime) -> int | None:
    """What all members together have left now; None is no limit."""
    return _pool(policy, ledger.balance_of(connection, policy.guild_id, AccountKind.POOL), now)


def _pool(policy: GuildPolicy, held: int, now: datetime) -> int | None:
    if policy.pool is None:
        return None
    # Nobody has spent since the period began: the first who does finds it refilled.
    return policy.pool.refill if policy.is_refill_due(now) else held
