"""Everything that is stored about a person: where it is, a copy of it for them, and how it goes.

Ledger lines, counts and the bare skeleton of jobs stay under a random number in place of the person, so that the books
balance for ever. What they wrote, showed and had made goes.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from bot.domain.ids import GuildId, JobId, UserId
from bot.domain.jobs import ACTIVE, Job, JobState
from bot.domain.staff_log import StaffEventKind
from bot.store import inputs, meta, tables
from bot.store.jobs import job_of
from bot.store.tables import (
    accounts,
    blocks,
    departures,
    drafts,
    entries,
    grants,
    guild_members,
    guild_terms,
    guilds,
    host_settings,
    job_events,
    jobs,
    refusals,
    rewrites,
    staff_log,
    tallies,
    usage,
    words,
)

# Every column in which a person's id may stand. A test holds this against the schema.
PERSONAL: Mapping[sa.Table, tuple[str, ...]] = {
    accounts: ("user_id",),
    blocks: ("user_id", "actor_id"),
    drafts: ("user_id",),
    entries: ("user_id", "actor_id"),
    grants: ("user_id", "actor_id"),
    guild_members: ("user_id",),
    guild_terms: ("changed_by",),
    host_settings: ("changed_by",),
    jobs: ("user_id",),
    refusals: ("user_id",),
    rewrites: ("user_id",),
    staff_log: ("user_id", "actor_id"),
    tallies: ("user_id",),
    usage: ("user_id",),
    words: ("actor_id",),
}
# These rows go whole; of all others the person is taken out.
_GONE = (drafts, guild_members, refusals, rewrites)
# Secrets of ours, or keys of somebody else's: no part of anybody's data.
_NOT_EXPORTED = frozenset({"callback_secret", "interaction_token", "fence", "lease_until", "claims", "attempts"})
# Pictures are named by their content, so two members may share a file; none is kept for longer (worker/retention.py).
_SHARED_FOR = timedelta(days=8)
# Under this name the bot keeps its own secret (services/keys.py).
_SECRET = "secret_key"  # noqa: S105 - Its name.  # nosec B105

# Every command asks this, so it is put together once.
_ANY_DEPARTURE = (
    sa.select(departures.c.id).where(departures.c.guild_id == sa.bindparam("of_guild", type_=sa.BigInteger)).limit(1)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Erased:
    """What is still on the disk of somebody who is gone from the database."""

    job_ids: Sequence[JobId]
    file_names: Collection[str]


def copy_of(connection: Connection, user_id: UserId) -> dict[str, list[dict[str, Any]]]:
    """All rows about the person, by table; other people's ids are left out of them."""
    found = {table.name: _rows(connection, table, columns, user_id) for table, columns in PERSONAL.items()}
    ids = [row["id"] for row in found["jobs"]]
    events = connection.execute(sa.select(job_events).where(job_events.c.job_id.in_(ids)).order_by(job_events.c.id))
    found["job_events"] = [_plain(row._mapping) for row in events]
    entry_ids = [row["id"] for row in found["entries"]]
    rows = connection.execute(sa.select(tables.lines).where(tables.lines.c.entry_id.in_(entry_ids)))
    found["lines"] = [_plain(row._mapping) for row in rows]
    return {name: rows for name, rows in found.items() if rows}


def file_names_of(connection: Connection, user_id: UserId) -> set[str]:
    """The pictures and kept videos that the person's jobs speak of."""
    rows = connection.execute(
        sa.select(jobs.c.picture, jobs.c.inputs, jobs.c.stored_name).where(jobs.c.user_id == user_id)
    )
    return {name for row in rows for name in (*inputs.file_names(row.picture, row.inputs), row.stored_name) if name}


def running(connection: Connection, user_id: UserId) -> list[Job]:
    """The person's jobs that are on their way, in every guild."""
    rows = connection.execute(
        sa.select(jobs).where(jobs.c.user_id == user_id, jobs.c.state.in_(ACTIVE)).order_by(jobs.c.id)
    )
    return [job_of(row) for row in rows]


def bonus_of(connection: Connection, user_id: UserId) -> int:
    """What the person would lose: bonus credits in all guilds."""
    held = sa.select(sa.func.coalesce(sa.func.sum(accounts.c.balance), 0))
    return int(connection.execute(held.where(accounts.c.user_id == user_id, accounts.c.kind == "bonus")).scalar_one())


def erase(connection: Connection, user_id: UserId, now: datetime) -> Erased:
    """Take the person out. The caller has made sure that none of their jobs is on its way."""
    erased = _files(connection, user_id, now)
    _leave_marks(connection, user_id, now)
    # Negative, so that it can never be an id of Discord's; random, so that it leads back to nobody.
    stranger = -1 - secrets.randbelow(2**62)
    ids = sa.select(jobs.c.id).where(jobs.c.user_id == user_id)
    connection.execute(sa.update(job_events).where(job_events.c.job_id.in_(ids)).values(detail=None))
    connection.execute(sa.update(jobs).where(jobs.c.user_id == user_id).values(**_skeleton()))
    for table in _GONE:
        connection.execute(sa.delete(table).where(table.c.user_id == user_id))
    connection.execute(sa.delete(blocks).where(blocks.c.user_id == user_id))
    is_theirs = sa.and_(staff_log.c.actor_id == user_id, staff_log.c.kind == StaffEventKind.REPORT)
    connection.execute(sa.delete(staff_log).where(sa.or_(staff_log.c.user_id == user_id, is_theirs)))
    # What others wrote about them, and the commands behind it.
    connection.execute(sa.update(entries).where(entries.c.user_id == user_id).values(reason=None, interaction_id=None))
    connection.execute(sa.update(grants).where(grants.c.user_id == user_id).values(reason=None))
    for table, columns in PERSONAL.items():
        for name in columns:
            column = table.c[name]
            connection.execute(sa.update(table).where(column == user_id).values({name: stranger}))
    return erased


def find_departure(
    connection: Connection, guild_id: GuildId, user_id: UserId, now: datetime
) -> tuple[datetime | None, str | None] | None:
    """Until when, and why, somebody who had themselves forgotten gets no videos in the guild; None when they do."""
    # Nearly everywhere there is none, and then there is nothing to be hashed.
    if connection.execute(_ANY_DEPARTURE, {"of_guild": guild_id}).one_or_none() is None:
        return None
    rows = connection.execute(
        sa.select(departures).where(departures.c.guild_id == guild_id, departures.c.mark == _mark(connection, user_id))
    )
    held = [row for row in rows if row.until is None or row.until > now]
    if not held:
        return None
    row = next((row for row in held if row.until is None), max(held, key=lambda row: row.until or now))
    return row.until, row.reason


def forget_departures(connection: Connection, now: datetime) -> int:
    return connection.execute(sa.delete(departures).where(departures.c.until <= now)).rowcount


def forget_prompts(connection: Connection, now: datetime) -> int:
    """Remove what members wrote where a guild keeps it only for so long; of how many jobs that was."""
    limits = connection.execute(
        sa.select(guilds.c.guild_id, guilds.c.keep_prompts_days).where(guilds.c.keep_prompts_days.is_not(None))
    )
    count = 0
    for guild_id, days in limits.all():
        is_old = sa.and_(
            jobs.c.guild_id == guild_id,
            jobs.c.created_at < now - timedelta(days=days),
            jobs.c.state.not_in(ACTIVE),
            jobs.c.prompt != "",
        )
        ids = list(connection.execute(sa.select(jobs.c.id).where(is_old)).scalars())
        connection.execute(sa.update(job_events).where(job_events.c.job_id.in_(ids)).values(detail=None))
        connection.execute(sa.update(jobs).where(jobs.c.id.in_(ids)).values(prompt="", options={}, failure_detail=None))
        count += len(ids)
    return count


def forget_media(connection: Connection, now: datetime) -> set[str]:
    """Take pictures and kept videos out of jobs where a guild keeps them only for so long; files that nobody needs."""
    limits = connection.execute(
        sa.select(guilds.c.guild_id, guilds.c.keep_media_days).where(guilds.c.keep_media_days.is_not(None))
    )
    names: set[str] = set()
    for guild_id, days in limits.all():
        is_old = sa.and_(
            jobs.c.guild_id == guild_id,
            jobs.c.created_at < now - timedelta(days=days),
            jobs.c.state.not_in(ACTIVE),
        )
        has_pictures = sa.or_(jobs.c.picture.is_not(None), jobs.c.inputs.is_not(None))
        rows = connection.execute(sa.select(jobs.c.id, jobs.c.picture, jobs.c.inputs).where(is_old, has_pictures)).all()
        names |= {name for row in rows for name in inputs.file_names(row.picture, row.inputs)}
        ids = [row.id for row in rows]
        connection.execute(sa.update(jobs).where(jobs.c.id.in_(ids)).values(picture=None, inputs=None))
        # The step that clears kept videos away does it at once.
        is_kept = sa.and_(is_old, jobs.c.state == JobState.PARKED, jobs.c.due_at > now)
        connection.execute(sa.update(jobs).where(is_kept).values(due_at=now))
    return names - _needed(connection, now)


def _files(connection: Connection, user_id: UserId, now: datetime) -> Erased:
    names = file_names_of(connection, user_id)
    ids = connection.execute(sa.select(jobs.c.id).where(jobs.c.user_id == user_id)).scalars()
    return Erased(
        job_ids=[JobId(job_id) for job_id in ids], file_names=names - _needed(connection, now, without=user_id)
    )


def _needed(connection: Connection, now: datetime, *, without: UserId | None = None) -> set[str]:
    """The pictures of everybody's newest jobs, of those on their way and of parked ones."""
    is_used = sa.or_(jobs.c.created_at > now - _SHARED_FOR, jobs.c.state.in_([*ACTIVE, JobState.PARKED]))
    rows = connection.execute(
        sa.select(jobs.c.picture, jobs.c.inputs).where(
            is_used, sa.true() if without is None else jobs.c.user_id != without
        )
    )
    return {name for row in rows for name in inputs.file_names(row.picture, row.inputs)}


def _skeleton() -> dict[str, Any]:
    """What is left of a job: its model, its price, how and when it ended."""
    return {
        "interaction_id": -jobs.c.id,
        "locale": "en-US",
        **dict.fromkeys(("interaction_token", "prompt"), ""),
        "options": {},
        "picture": None,
        "inputs": None,
        "role_ids": None,
        # Nobody will call back about it, and nobody looks for its video any more: not even who is just doing it.
        "fence": jobs.c.fence + 1,
        "lease_until": None,
        "callback_secret": secrets.token_urlsafe(24),
        "due_at": None,
        "hinted_task_id": None,
        "task_id": None,
        "result_url": None,
        "result_expires_at": None,
        "stored_name": None,
        "stored_size": None,
        "message_id": sa.case((jobs.c.message_id.is_(None), None), else_=0),
        "message_channel_id": None,
        "failure_detail": None,
    }


def _leave_marks(connection: Connection, user_id: UserId, now: datetime) -> None:
    """Blocks stay, and an allowance that was used up does not come back by being forgotten.

    The mark is a keyed hash: it answers whether somebody who comes again is the one, and tells nobody who that was.
    """
    mark = _mark(connection, user_id)
    rows = connection.execute(
        sa.select(blocks).where(blocks.c.user_id == user_id, sa.or_(blocks.c.until.is_(None), blocks.c.until > now))
    )
    marks = [{"guild_id": row.guild_id, "reason": row.reason, "until": row.until} for row in rows]
    used = connection.execute(
        sa.select(usage.c.guild_id, sa.func.max(usage.c.ends_at))
        .where(usage.c.user_id == user_id, usage.c.ends_at > now, usage.c.used > 0)
        .group_by(usage.c.guild_id)
    )
    marks += [{"guild_id": guild_id, "reason": None, "until": ends_at} for guild_id, ends_at in used]
    # Grants for everybody are collected once by each.
    collected = connection.execute(
        sa.select(grants.c.guild_id, sa.func.max(grants.c.ends_at))
        .join(entries, entries.c.grant_id == grants.c.id)
        .where(entries.c.user_id == user_id, grants.c.ends_at > now)
        .group_by(grants.c.guild_id)
    )
    marks += [{"guild_id": guild_id, "reason": None, "until": ends_at} for guild_id, ends_at in collected]
    if marks:
        connection.execute(sa.insert(departures), [{"mark": mark, **each} for each in marks])


def _mark(connection: Connection, user_id: UserId) -> str:
    secret = meta.recall(connection, _SECRET)
    if secret is None:
        secret = secrets.token_hex(32)
        meta.remember(connection, _SECRET, secret)
    return hmac.new(bytes.fromhex(secret), b"departure %d" % user_id, hashlib.sha256).hexdigest()


def _rows(connection: Connection, table: sa.Table, columns: tuple[str, ...], user_id: UserId) -> list[dict[str, Any]]:
    is_theirs = sa.or_(*(table.c[name] == user_id for name in columns))
    found = []
    for row in connection.execute(sa.select(table).where(is_theirs)):
        values = _plain(row._mapping)
        for name in columns:
            if values[name] not in {user_id, 0, None}:
                values[name] = "somebody else"
        found.append(values)
    return found


def _plain(row: Mapping[Any, Any]) -> dict[str, Any]:
    return {
        str(name): value.isoformat() if isinstance(value, datetime) else value
        for name, value in row.items()
        if name not in _NOT_EXPORTED
    }
