"""The ledger as one job sees it."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from bot.domain.credits import AccountKind, EntryKind, JobEntry
from bot.domain.ids import JobId, UserId
from bot.store.tables import accounts, entries, lines


def of_job(connection: Connection, job_id: JobId) -> list[JobEntry]:
    """Every entry of the job with its lines, oldest first."""
    rows = connection.execute(
        sa.select(entries.c.id, entries.c.kind, entries.c.at, entries.c.actor_id, accounts.c.kind, lines.c.credits)
        .join(lines, lines.c.entry_id == entries.c.id)
        .join(accounts, accounts.c.id == lines.c.account_id)
        .where(entries.c.job_id == job_id)
        .order_by(entries.c.id, lines.c.credits, accounts.c.id)
    )
    found: dict[int, JobEntry] = {}
    for entry_id, kind, at, actor_id, account, credits in rows:
        entry = found.setdefault(entry_id, JobEntry(kind=EntryKind(kind), at=at, actor_id=UserId(actor_id), lines=[]))
        entry.lines.append((AccountKind(account), credits))
    return list(found.values())


def given_back(connection: Connection, job_id: JobId) -> int | None:
    """What staff has given back for the job after its end; None when it has not."""
    found = (
        sa.select(lines.c.credits)
        .join(entries, entries.c.id == lines.c.entry_id)
        .join(accounts, accounts.c.id == lines.c.account_id)
        .where(entries.c.job_id == job_id, entries.c.kind == EntryKind.REVERSAL, accounts.c.kind == AccountKind.BONUS)
    )
    return connection.execute(found).scalar_one_or_none()
