"""Grants as rows, and who has collected them: an entry of the ledger for each member, one at most."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from bot.domain.grants import Grant, Target
from bot.domain.ids import GrantId, GuildId, InteractionId, RoleId, UserId
from bot.store.statements import upsert
from bot.store.tables import entries, grants

# Whoever has not confirmed by then has forgotten it. As long as the question about a price.
QUESTION_LIFE = timedelta(days=1)

# What every command asks is put together once: for SQLAlchemy that is more work than asking.
_OPEN = (
    sa.select(grants)
    .where(
        grants.c.guild_id == sa.bindparam("of_guild", type_=sa.BigInteger),
        grants.c.ends_at > sa.bindparam("at", type_=grants.c.ends_at.type),
        ~sa.select(entries.c.id)
        .where(entries.c.grant_id == grants.c.id, entries.c.user_id == sa.bindparam("of_member", type_=sa.BigInteger))
        .exists(),
    )
    .order_by(grants.c.id)
)


def ask(
    connection: Connection,
    *,
    guild_id: GuildId,
    actor_id: UserId,
    target: Target,
    credits: int,
    reason: str | None,
    interaction_id: InteractionId,
    now: datetime,
) -> Grant:
    """Store a grant that somebody still has to confirm; the same command brings the same grant."""
    row = upsert(connection, grants).values(
        guild_id=guild_id,
        actor_id=actor_id,
        user_id=target.user_id,
        role_id=target.role_id,
        credits=credits,
        reason=reason,
        interaction_id=interaction_id,
        asked_at=now,
    )
    connection.execute(row.on_conflict_do_nothing(index_elements=[grants.c.interaction_id]))
    found = connection.execute(sa.select(grants).where(grants.c.interaction_id == interaction_id)).one()
    return _grant_of(found)


def find(connection: Connection, guild_id: GuildId, grant_id: GrantId) -> Grant | None:
    """The grant, if it is one of this guild: another guild's ids reach nothing."""
    row = connection.execute(
        sa.select(grants).where(grants.c.id == grant_id, grants.c.guild_id == guild_id)
    ).one_or_none()
    return None if row is None else _grant_of(row)


def give(connection: Connection, grant_id: GrantId, ends_at: datetime | None, now: datetime) -> Grant | None:
    """Confirm the grant; None when somebody has done so before."""
    row = connection.execute(
        sa.update(grants)
        .where(grants.c.id == grant_id, grants.c.given_at.is_(None))
        .values(given_at=now, ends_at=ends_at)
        .returning(grants)
    ).one_or_none()
    return None if row is None else _grant_of(row)


def drop(connection: Connection, guild_id: GuildId, grant_id: GrantId) -> bool:
    """Forget a grant that nobody has confirmed; False when it was, or was forgotten before."""
    gone = sa.delete(grants).where(grants.c.id == grant_id, grants.c.guild_id == guild_id, grants.c.given_at.is_(None))
    return connection.execute(gone).rowcount == 1


def forget_unanswered(connection: Connection, now: datetime) -> None:
    """Remove what nobody has confirmed in time."""
    connection.execute(sa.delete(grants).where(grants.c.given_at.is_(None), grants.c.asked_at < now - QUESTION_LIFE))


def to_collect(connection: Connection, guild_id: GuildId, user_id: UserId, now: datetime) -> list[Grant]:
    """What a role or everybody was given and this member has not collected yet, whoever they are."""
    rows = connection.execute(_OPEN, {"of_guild": guild_id, "of_member": user_id, "at": now})
    return [_grant_of(row) for row in rows]


def open_count(connection: Connection, guild_id: GuildId, now: datetime) -> int:
    """How many grants can be collected at the moment."""
    still = sa.select(sa.func.count()).where(grants.c.guild_id == guild_id, grants.c.ends_at > now)
    return connection.execute(still).scalar_one()


def _grant_of(row: sa.Row[Any]) -> Grant:
    return Grant(
        id=GrantId(row.id),
        guild_id=GuildId(row.guild_id),
        actor_id=UserId(row.actor_id),
        target=Target(
            user_id=None if row.user_id is None else UserId(row.user_id),
            role_id=None if row.role_id is None else RoleId(row.role_id),
        ),
        credits=row.credits,
        reason=row.reason,
        given_at=row.given_at,
        ends_at=row.ends_at,
    )
