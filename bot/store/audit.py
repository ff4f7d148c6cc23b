"""Recomputes every balance from the entries and says the first thing that does not agree."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from bot.domain.credits import AccountKind
from bot.domain.jobs import JobState
from bot.store.tables import accounts, entries, jobs, lines, usage

_OPEN = sa.not_(jobs.c.state.in_([JobState.DELIVERED, JobState.PARKED, JobState.FAILED, JobState.CANCELLED]))


def differences(connection: Connection) -> list[str]:
    """Lines for a host; none when the ledger balances."""
    return [
        *_unbalanced_entries(connection),
        *_wrong_balances(connection),
        *_wrong_holds(connection),
        *_wrong_usage(connection),
        *_jobs_without_their_entries(connection),
    ]


def totals(connection: Connection) -> dict[AccountKind, int]:
    """What all accounts of a kind hold together."""
    rows = connection.execute(sa.select(accounts.c.kind, sa.func.sum(accounts.c.balance)).group_by(accounts.c.kind))
    found = {AccountKind(kind): int(total) for kind, total in rows}
    return {kind: found.get(kind, 0) for kind in AccountKind}


def _unbalanced_entries(connection: Connection) -> list[str]:
    rows = connection.execute(
        sa.select(lines.c.entry_id, sa.func.sum(lines.c.credits).label("sum"))
        .group_by(lines.c.entry_id)
        .having(sa.func.sum(lines.c.credits) != 0)
    )
    return [f"entry {row.entry_id}: its lines sum to {row.sum}, not to zero" for row in rows]


def _wrong_balances(connection: Connection) -> list[str]:
    summed = sa.func.coalesce(sa.func.sum(lines.c.credits), 0)
    rows = connection.execute(
        sa.select(accounts.c.id, accounts.c.kind, accounts.c.guild_id, accounts.c.balance, summed.label("sum"))
        .outerjoin(lines, lines.c.account_id == accounts.c.id)
        .group_by(accounts.c.id, accounts.c.kind, accounts.c.guild_id, accounts.c.balance)
        .having(accounts.c.balance != summed)
    )
    return [
        f"account {row.id} ({row.kind} of guild {row.guild_id}): holds {row.balance}, its lines say {row.sum}"
        for row in rows
    ]


def _wrong_holds(connection: Connection) -> list[str]:
    """What a guild holds is exactly what its jobs on their way have paid."""
    paid = (
        sa.select(jobs.c.guild_id, sa.func.sum(jobs.c.paid_allowance + jobs.c.paid_bonus).label("paid"))
        .where(_OPEN)
        .group_by(jobs.c.guild_id)
    )
    open_jobs = {row.guild_id: int(row.paid) for row in connection.execute(paid)}
    held = {
        row.guild_id: row.balance
        for row in connection.execute(
            sa.select(accounts.c.guild_id, accounts.c.balance).where(accounts.c.kind == AccountKind.HELD)
        )
    }
    return [
        f"guild {guild_id}: holds {held.get(guild_id, 0)}, its open jobs have paid {open_jobs.get(guild_id, 0)}"
        for guild_id in sorted(held.keys() | open_jobs.keys())
        if held.get(guild_id, 0) != open_jobs.get(guild_id, 0)
    ]


def _wrong_usage(connection: Connection) -> list[str]:
    paid = sa.func.coalesce(sa.func.sum(jobs.c.paid_allowance), 0)
    rows = connection.execute(
        sa.select(usage.c.guild_id, usage.c.user_id, usage.c.day, usage.c.used, paid.label("paid"))
        .outerjoin(
            jobs,
            sa.and_(
                jobs.c.guild_id == usage.c.guild_id,
                jobs.c.user_id == usage.c.user_id,
                jobs.c.paid_on == usage.c.day,
            ),
        )
        .group_by(usage.c.guild_id, usage.c.user_id, usage.c.day, usage.c.used)
        .having(usage.c.used != paid)
    )
    return [
        f"member {row.user_id} of guild {row.guild_id} on {row.day:%Y-%m-%d}: used {row.used}, jobs say {row.paid}"
        for row in rows
    ]


def _jobs_without_their_entries(connection: Connection) -> list[str]:
    """One charge per job, and exactly one settle or refund when it has ended."""
    charges = sa.func.count().filter(entries.c.kind == "charge")
    ends = sa.func.count().filter(entries.c.kind.in_(["settle", "refund"]))
    wanted_ends = sa.case((_OPEN, 0), else_=1)
    rows = connection.execute(
        sa.select(jobs.c.id, jobs.c.state, charges.label("charges"), ends.label("ends"))
        .outerjoin(entries, entries.c.job_id == jobs.c.id)
        .group_by(jobs.c.id, jobs.c.state)
        .having(sa.or_(charges != 1, ends != wanted_ends))
    )
    return [f"job {row.id} ({row.state}): {row.charges} charges, {row.ends} settles or refunds" for row in rows]
