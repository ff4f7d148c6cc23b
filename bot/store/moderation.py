"""What a guild's moderators forbid, as rows: blocked members, forbidden words, and who was refused how often."""

from __future__ import annotations

from datetime import datetime
from functools import cache

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from bot.domain.ids import GuildId, JobId, UserId
from bot.domain.jobs import JobState
from bot.domain.safety import Block, Word, WordKind
from bot.store.statements import among, upsert
from bot.store.tables import blocks, jobs, refusals, words

# Every command asks these, so they are put together once.
_GUILD, _MEMBER = sa.bindparam("of_guild", type_=sa.BigInteger), sa.bindparam("of_member", type_=sa.BigInteger)
_BLOCK = sa.select(blocks).where(blocks.c.guild_id == _GUILD, blocks.c.user_id == _MEMBER)
_WORDS = sa.select(words.c.kind, words.c.text).where(words.c.guild_id == _GUILD).order_by(words.c.id)


def find_block(connection: Connection, guild_id: GuildId, user_id: UserId, now: datetime) -> Block | None:
    """The member's block in this guild, if it is not over."""
    row = connection.execute(_BLOCK, {"of_guild": guild_id, "of_member": user_id}).one_or_none()
    if row is None:
        return None
    block = Block(
        user_id=UserId(row.user_id), actor_id=UserId(row.actor_id), reason=row.reason, at=row.at, until=row.until
    )
    return None if block.is_over(now) else block


def block(connection: Connection, guild_id: GuildId, block: Block) -> None:
    """A new block takes the place of an earlier one."""
    values = {"actor_id": block.actor_id, "reason": block.reason, "at": block.at, "until": block.until}
    row = upsert(connection, blocks).values(guild_id=guild_id, user_id=block.user_id, **values)
    connection.execute(row.on_conflict_do_update(index_elements=[blocks.c.guild_id, blocks.c.user_id], set_=values))


def unblock(connection: Connection, guild_id: GuildId, user_id: UserId) -> bool:
    """False when there was no block."""
    gone = sa.delete(blocks).where(blocks.c.guild_id == guild_id, blocks.c.user_id == user_id)
    return connection.execute(gone).rowcount == 1


def blocked(connection: Connection, guild_id: GuildId, now: datetime, limit: int) -> list[Block]:
    """Who is blocked in the guild, the newest first."""
    rows = connection.execute(
        sa.select(blocks)
        .where(blocks.c.guild_id == guild_id, sa.or_(blocks.c.until.is_(None), blocks.c.until > now))
        .order_by(blocks.c.at.desc())
        .limit(limit)
    )
    return [
        Block(user_id=UserId(row.user_id), actor_id=UserId(row.actor_id), reason=row.reason, at=row.at, until=row.until)
        for row in rows
    ]


def waiting_of(connection: Connection, guild_id: GuildId, user_id: UserId | None = None) -> list[JobId]:
    """The jobs of the member, or of the whole guild, that have not been sent to the provider."""
    found = sa.select(jobs.c.id).where(jobs.c.guild_id == guild_id, jobs.c.state == JobState.QUEUED)
    if user_id is not None:
        found = found.where(jobs.c.user_id == user_id)
    return [JobId(job_id) for job_id in connection.execute(found.order_by(jobs.c.id)).scalars()]


def words_of(connection: Connection, guild_id: GuildId) -> tuple[Word, ...]:
    """The guild's list, in the order in which it was made."""
    rows = connection.execute(_WORDS, {"of_guild": guild_id})
    return tuple(Word(kind=WordKind(row.kind), text=row.text) for row in rows)


def add_word(connection: Connection, guild_id: GuildId, word: Word, actor_id: UserId, now: datetime) -> bool:
    """False when the list has it already."""
    row = upsert(connection, words).values(guild_id=guild_id, kind=word.kind, text=word.text, actor_id=actor_id, at=now)
    added = row.on_conflict_do_nothing(index_elements=[words.c.guild_id, words.c.kind, words.c.text])
    return connection.execute(added.returning(words.c.id)).one_or_none() is not None


def remove_word(connection: Connection, guild_id: GuildId, text: str) -> bool:
    """False when the list has no such entry, of whatever kind."""
    return connection.execute(sa.delete(words).where(words.c.guild_id == guild_id, words.c.text == text)).rowcount > 0


def count_refusal(connection: Connection, guild_id: GuildId, user_id: UserId, rule: str, now: datetime) -> int:
    """Count that *rule* has refused the member; how often it has within this hour, this time included."""
    hour = hour_of(now)
    row = upsert(connection, refusals).values(guild_id=guild_id, user_id=user_id, hour=hour, rule=rule, count=1)
    counted = row.on_conflict_do_update(
        index_elements=[refusals.c.guild_id, refusals.c.user_id, refusals.c.hour, refusals.c.rule],
        set_={"count": refusals.c.count + 1},
    )
    count: int = connection.execute(counted.returning(refusals.c.count)).scalar_one()
    return count


def strikes(connection: Connection, guild_id: GuildId, user_id: UserId, rules: frozenset[str], now: datetime) -> int:
    """How often *rules* have refused the member within this hour."""
    asked = {"of_guild": guild_id, "of_member": user_id, "in_hour": hour_of(now)}
    return int(connection.execute(_strikes(rules), asked).scalar_one())


@cache
def _strikes(rules: frozenset[str]) -> sa.Select[tuple[int]]:
    """The statement of `strikes`; every command asks it, with the same rules."""
    return sa.select(sa.func.coalesce(sa.func.sum(refusals.c.count), 0)).where(
        refusals.c.guild_id == _GUILD,
        refusals.c.user_id == _MEMBER,
        refusals.c.hour == sa.bindparam("in_hour", type_=refusals.c.hour.type),
        among(refusals.c.rule, sorted(rules)),
    )


def forget_refusals(connection: Connection, before: datetime) -> int:
    return connection.execute(sa.delete(refusals).where(refusals.c.hour < before)).rowcount


def hour_of(now: datetime) -> datetime:
    return now.replace(minute=0, second=0, microsecond=0)
