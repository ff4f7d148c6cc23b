"""A guild's ledger and jobs as rows for a spreadsheet, read page by page so that no size of them fills the memory."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from bot.domain.ids import GuildId
from bot.store.tables import accounts, entries, jobs, lines

# What one read brings; a transaction that is open for long would keep the log of the database from shrinking.
PAGE = 2000


class Exported(StrEnum):
    LEDGER = "ledger"  # one row for each line of each entry
    JOBS = "jobs"


HEADS = {
    Exported.LEDGER: ("entry", "at", "kind", "member", "actor", "job", "reason", "account", "account_of", "credits"),
    Exported.JOBS: (
        "job",
        "asked_at",
        "ended_at",
        "member",
        "channel",
        "model",
        "provider",
        "mode",
        "state",
        "failure",
        "price",
        "paid_allowance",
        "paid_bonus",
        "task",
        "prompt",
    ),
}

Row = tuple[object, ...]


def page(
    connection: Connection, what: Exported, guild_id: GuildId, since: datetime, after: int
) -> tuple[Sequence[Row], int | None]:
    """The rows behind number *after*, and the number to go on from; None at the end."""
    read = _ledger if what is Exported.LEDGER else _jobs
    return read(connection, guild_id, since, after)


def _ledger(connection: Connection, guild_id: GuildId, since: datetime, after: int) -> tuple[Sequence[Row], int | None]:
    ids = list(
        connection.execute(
            sa.select(entries.c.id)
            .where(entries.c.guild_id == guild_id, entries.c.at >= since, entries.c.id > after)
            .order_by(entries.c.id)
            .limit(PAGE)
        ).scalars()
    )
    if not ids:
        return [], None
    rows = connection.execute(
        sa.select(
            entries.c.id,
            entries.c.at,
            entries.c.kind,
            entries.c.user_id,
            entries.c.actor_id,
            entries.c.job_id,
            entries.c.reason,
            accounts.c.kind,
            accounts.c.user_id,
            lines.c.credits,
        )
        .join(lines, lines.c.entry_id == entries.c.id)
        .join(accounts, accounts.c.id == lines.c.account_id)
        .where(entries.c.guild_id == guild_id, entries.c.id >= ids[0], entries.c.id <= ids[-1])
        .order_by(entries.c.id, accounts.c.id)
    )
    return [tuple(row) for row in rows], ids[-1] if len(ids) == PAGE else None


def _jobs(connection: Connection, guild_id: GuildId, since: datetime, after: int) -> tuple[Sequence[Row], int | None]:
    rows = connection.execute(
        sa.select(
            jobs.c.id,
            jobs.c.created_at,
            jobs.c.finished_at,
            jobs.c.user_id,
            jobs.c.channel_id,
            jobs.c.model,
            jobs.c.provider,
            jobs.c.mode,
            jobs.c.state,
            jobs.c.failure,
            jobs.c.price,
            jobs.c.paid_allowance,
            jobs.c.paid_bonus,
            jobs.c.task_id,
            jobs.c.prompt,
        )
        .where(jobs.c.guild_id == guild_id, jobs.c.created_at >= since, jobs.c.id > after)
        .order_by(jobs.c.id)
        .limit(PAGE)
    ).all()
    return [tuple(row) for row in rows], rows[-1].id if len(rows) == PAGE else None
