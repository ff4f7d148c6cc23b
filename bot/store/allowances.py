"""What members have used of their allowances: one running total per member and period.

A total is what the jobs paid for between its two moments have taken from the allowance, less what has gone back. So it
stays true when staff changes the length of the period or the time zone: the period that is asked for from then on gets
a total of its own, which begins with what was paid inside it, and a refund goes back to every period that it was paid
in.
"""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from bot.domain.ids import GuildId, UserId
from bot.domain.periods import LONGEST, Span
from bot.store.tables import jobs, usage

# What every command asks is put together once: for SQLAlchemy that is more work than asking.
_GUILD, _MEMBER = sa.bindparam("of_guild", type_=sa.BigInteger), sa.bindparam("of_member", type_=sa.BigInteger)
_START = sa.bindparam("from_then", type_=usage.c.starts_at.type)
_END = sa.bindparam("to_then", type_=usage.c.ends_at.type)
_AT = sa.bindparam("paid_then", type_=usage.c.starts_at.type)
_USED = sa.select(usage.c.used).where(
    usage.c.guild_id == _GUILD, usage.c.user_id == _MEMBER, usage.c.starts_at == _START, usage.c.ends_at == _END
)
_USED_LOCKED = _USED.with_for_update()
_IS_PAID_INSIDE = sa.and_(
    jobs.c.guild_id == _GUILD, jobs.c.user_id == _MEMBER, jobs.c.paid_at >= _START, jobs.c.paid_at < _END
)
_PAID_INSIDE = sa.select(sa.func.coalesce(sa.func.sum(jobs.c.paid_allowance), 0)).where(_IS_PAID_INSIDE)
_LOCK_INSIDE = sa.select(jobs.c.id).where(_IS_PAID_INSIDE).order_by(jobs.c.id).with_for_update()
# As a text, which both databases understand: SQLAlchemy puts its own ON CONFLICT together anew each time.
_OPEN = sa.text(
    "INSERT INTO usage (guild_id, user_id, starts_at, ends_at, used) "
    "VALUES (:of_guild, :of_member, :from_then, :to_then, :used) ON CONFLICT DO NOTHING"
).bindparams(_GUILD, _MEMBER, _START, _END)
_ADD = (
    sa.update(usage)
    .where(
        usage.c.guild_id == _GUILD,
        usage.c.user_id == _MEMBER,
        usage.c.starts_at <= _AT,
        # No period is longer, so of the years before it the index reads nothing.
        usage.c.starts_at > sa.bindparam("after_then", type_=usage.c.starts_at.type),
        usage.c.ends_at > _AT,
    )
    .values(used=usage.c.used + sa.bindparam("amount", type_=sa.BigInteger))
)


def used(connection: Connection, guild_id: GuildId, user_id: UserId, span: Span, *, lock: bool = False) -> int:
    """Credits that the member has used in this period. With *lock* nobody else uses more until the transaction ends."""
    whose = {"of_guild": guild_id, "of_member": user_id, "from_then": span.starts_at, "to_then": span.ends_at}
    found: int | None = connection.execute(_USED_LOCKED if lock else _USED, whose).scalar()
    if found is not None:
        return found
    if lock:
        # Nobody may take back what one of these jobs has paid between our look and our commit.
        connection.execute(_LOCK_INSIDE, whose)
    paid: int = int(connection.execute(_PAID_INSIDE, whose).scalar_one())
    if not lock:
        return paid
    connection.execute(_OPEN, {**whose, "used": paid})
    total: int = connection.execute(_USED_LOCKED, whose).scalar_one()
    return total


def add(connection: Connection, guild_id: GuildId, user_id: UserId, paid_at: datetime, amount: int) -> bool:
    """Count *amount* into every period that this moment belongs to; False when there is none."""
    changed = {
        "of_guild": guild_id,
        "of_member": user_id,
        "paid_then": paid_at,
        "after_then": paid_at - LONGEST,
        "amount": amount,
    }
    return connection.execute(_ADD, changed).rowcount > 0
