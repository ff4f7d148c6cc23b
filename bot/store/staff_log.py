"""The staff's log as an outbox: written in the transaction of what it tells of, told afterwards, at least once."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from bot.domain.ids import GuildId, JobId, UserId
from bot.domain.staff_log import StaffEvent, StaffEventKind, StaffLine
from bot.store.tables import staff_log


def note(connection: Connection, event: StaffEvent, now: datetime) -> None:
    """Have the guild's staff told of *event*; it is due at once, and forgotten with the transaction."""
    connection.execute(
        sa.insert(staff_log).values(
            guild_id=event.guild_id,
            at=now,
            kind=event.kind,
            actor_id=event.actor_id,
            user_id=event.user_id,
            job_id=event.job_id,
            reason=event.reason,
            details=dict(event.details),
            attempts=0,
            due_at=now,
        )
    )


def has(connection: Connection, kind: StaffEventKind, guild_id: GuildId, actor_id: UserId, job_id: JobId) -> bool:
    """Whether this person has done this about this job before."""
    found = sa.select(staff_log.c.id).where(
        staff_log.c.guild_id == guild_id,
        staff_log.c.kind == kind,
        staff_log.c.actor_id == actor_id,
        staff_log.c.job_id == job_id,
    )
    return connection.execute(found.limit(1)).scalar() is not None


def last_at(connection: Connection, kind: StaffEventKind, guild_id: GuildId, job_id: JobId) -> datetime | None:
    """When this was last done about the job."""
    found = sa.select(sa.func.max(staff_log.c.at)).where(
        staff_log.c.guild_id == guild_id, staff_log.c.kind == kind, staff_log.c.job_id == job_id
    )
    at: datetime | None = connection.execute(found).scalar()
    return at


def guilds_due(connection: Connection, now: datetime) -> list[GuildId]:
    """The guilds with something to tell, those that wait longest first."""
    rows = connection.execute(
        sa.select(staff_log.c.guild_id)
        .where(staff_log.c.due_at <= now)
        .group_by(staff_log.c.guild_id)
        .order_by(sa.func.min(staff_log.c.id))
    )
    return [GuildId(guild_id) for guild_id in rows.scalars()]


def due(connection: Connection, guild_id: GuildId, now: datetime, limit: int) -> list[StaffLine]:
    """What is to be told in the guild, the oldest first."""
    rows = connection.execute(
        sa.select(staff_log)
        .where(staff_log.c.guild_id == guild_id, staff_log.c.due_at <= now)
        .order_by(staff_log.c.id)
        .limit(limit)
    )
    return [_line_of(row) for row in rows]


def told(connection: Connection, ids: Collection[int]) -> None:
    connection.execute(sa.update(staff_log).where(staff_log.c.id.in_(ids)).values(due_at=None))


def later(connection: Connection, ids: Collection[int], due_at: datetime) -> None:
    """They could not be told now."""
    connection.execute(
        sa.update(staff_log).where(staff_log.c.id.in_(ids)).values(due_at=due_at, attempts=staff_log.c.attempts + 1)
    )


def forget(connection: Connection, before: datetime) -> int:
    """Remove what was told long ago."""
    return connection.execute(
        sa.delete(staff_log).where(staff_log.c.due_at.is_(None), staff_log.c.at < before)
    ).rowcount


def newest(connection: Connection, guild_id: GuildId, limit: int) -> Sequence[StaffLine]:
    rows = connection.execute(
        sa.select(staff_log).where(staff_log.c.guild_id == guild_id).order_by(staff_log.c.id.desc()).limit(limit)
    )
    return [_line_of(row) for row in rows]


def who_set(connection: Connection, guild_id: GuildId, names: Collection[str]) -> UserId | None:
    """The person who last changed one of these settings, as far as the log goes back."""
    rows = connection.execute(
        sa.select(staff_log.c.actor_id, staff_log.c.details)
        .where(
            staff_log.c.guild_id == guild_id,
            staff_log.c.kind == StaffEventKind.SETTING,
            staff_log.c.actor_id.is_not(None),
        )
        .order_by(staff_log.c.id.desc())
    )
    return next((UserId(row.actor_id) for row in rows if row.details.get("name") in names), None)


def _line_of(row: sa.Row[Any]) -> StaffLine:
    event = StaffEvent(
        guild_id=GuildId(row.guild_id),
        kind=StaffEventKind(row.kind),
        actor_id=None if row.actor_id is None else UserId(row.actor_id),
        user_id=None if row.user_id is None else UserId(row.user_id),
        job_id=None if row.job_id is None else JobId(row.job_id),
        reason=row.reason,
        details=row.details,
    )
    return StaffLine(id=row.id, event=event, at=row.at, attempts=row.attempts)
