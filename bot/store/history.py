"""What became of a member's credits, entry by entry, as they see it themselves."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from bot.domain.credits import AccountKind, EntryKind, HistoryLine
from bot.domain.ids import GuildId, JobId, UserId
from bot.store.tables import accounts, entries, jobs, lines


def of_member(connection: Connection, guild_id: GuildId, user_id: UserId, limit: int, offset: int) -> list[HistoryLine]:
    """The member's entries, newest first; what left them is negative."""
    # Each side by its own index, and no more of it than the page can need.
    own = sa.select(entries.c.id).where(entries.c.guild_id == guild_id, entries.c.user_id == user_id)
    given = sa.select(entries.c.id).where(
        entries.c.guild_id == guild_id, entries.c.actor_id == user_id, entries.c.kind == EntryKind.TRANSFER
    )
    sides = [
        sa.select(side.order_by(entries.c.id.desc()).limit(offset + limit).subquery().c.id) for side in (own, given)
    ]
    rows = connection.execute(
        sa.select(entries, jobs.c.price, _returned().label("returned"), _of_bonus(user_id).label("bonus"))
        .outerjoin(jobs, jobs.c.id == entries.c.job_id)
        .where(entries.c.id.in_(sa.union(*sides)))
        .order_by(entries.c.id.desc())
        .limit(limit)
        .offset(offset)
    )
    return [
        HistoryLine(
            kind=EntryKind(row.kind),
            credits=_seen_by_member(EntryKind(row.kind), row.price, row.returned, row.bonus),
            at=row.at,
            job_id=None if row.job_id is None else JobId(row.job_id),
            reason=row.reason,
            other_id=_other_of(row, user_id) if row.kind == EntryKind.TRANSFER else None,
        )
        for row in rows
    ]


def _other_of(row: sa.Row[tuple[int, ...]], user_id: UserId) -> UserId:
    return UserId(row.user_id if row.actor_id == user_id else row.actor_id)


def _seen_by_member(kind: EntryKind, price: int | None, returned: int | None, bonus: int | None) -> int:
    match kind:
        case EntryKind.CHARGE:
            return -(price or 0)
        case EntryKind.SETTLE | EntryKind.REFUND | EntryKind.LATE:
            return returned or 0
        case _:
            return bonus or 0


def _returned() -> sa.ScalarSelect[int]:
    """What an entry gave back: everything that it put into a pool, a bonus or where credits come from."""
    back = accounts.c.kind.in_([AccountKind.POOL, AccountKind.BONUS, AccountKind.ISSUED])
    return _summed(back)


def _of_bonus(user_id: UserId) -> sa.ScalarSelect[int]:
    """What an entry put into the member's own account, or took out of it."""
    return _summed(sa.and_(accounts.c.kind == AccountKind.BONUS, accounts.c.user_id == user_id))


def _summed(which: sa.ColumnElement[bool]) -> sa.ScalarSelect[int]:
    return (
        sa.select(sa.func.sum(lines.c.credits))
        .join(accounts, accounts.c.id == lines.c.account_id)
        .where(lines.c.entry_id == entries.c.id, which)
        .scalar_subquery()
    )
