"""Recomputes every balance from the entries and says the first thing that does not agree."""

from __future__ import annotations

from datetime import timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from bot.domain.credits import AccountKind, EntryKind
from bot.domain.jobs import JobState
from bot.store import statistics
from bot.store.spending import periods
from bot.store.statements import among
from bot.store.tables import EPOCH, accounts, entries, jobs, lines, spending, usage

# Put together once: the simulator asks after each of its runs, and the statements take longer to build than to answer.
_ENDED = among(jobs.c.state, [JobState.DELIVERED, JobState.PARKED, JobState.FAILED, JobState.CANCELLED])
_IS_OPEN = sa.not_(jobs.c.is_closed)
_PAID = jobs.c.paid_allowance + jobs.c.paid_bonus

_UNBALANCED = (
    sa.select(lines.c.entry_id, sa.func.sum(lines.c.credits).label("sum"))
    .group_by(lines.c.entry_id)
    .having(sa.func.sum(lines.c.credits) != 0)
)
_SUMMED = sa.func.coalesce(sa.func.sum(lines.c.credits), 0)
_BALANCES = (
    sa.select(accounts.c.id, accounts.c.kind, accounts.c.guild_id, accounts.c.balance, _SUMMED.label("sum"))
    .outerjoin(lines, lines.c.account_id == accounts.c.id)
    .group_by(accounts.c.id, accounts.c.kind, accounts.c.guild_id, accounts.c.balance)
    .having(accounts.c.balance != _SUMMED)
)
_PAID_BY_OPEN = sa.select(jobs.c.guild_id, sa.func.sum(_PAID).label("paid")).where(_IS_OPEN).group_by(jobs.c.guild_id)
_HELD = sa.select(accounts.c.guild_id, accounts.c.balance).where(accounts.c.kind == AccountKind.HELD)
_IS_INSIDE = sa.and_(
    jobs.c.guild_id == usage.c.guild_id,
    jobs.c.user_id == usage.c.user_id,
    jobs.c.paid_at >= usage.c.starts_at,
    jobs.c.paid_at < usage.c.ends_at,
)
_PAID_INSIDE = sa.func.coalesce(sa.func.sum(jobs.c.paid_allowance), 0)
_WRONGLY_USED = (
    sa.select(usage, _PAID_INSIDE.label("paid"))
    .outerjoin(jobs, _IS_INSIDE)
    .group_by(*usage.c)
    .having(usage.c.used != _PAID_INSIDE)
    .order_by(usage.c.guild_id, usage.c.user_id, usage.c.starts_at)
)
_UNCOUNTED = (
    sa.select(jobs.c.guild_id, jobs.c.user_id, jobs.c.paid_at, jobs.c.paid_allowance)
    .where(jobs.c.paid_allowance > 0, ~sa.select(usage.c.used).where(_IS_INSIDE).exists())
    .order_by(jobs.c.id)
)
_IS_REFUNDED = among(jobs.c.state, [JobState.FAILED, JobState.CANCELLED])
_WRONGLY_PAID = (
    sa.select(jobs.c.id, jobs.c.state, jobs.c.price, _PAID.label("paid"))
    .where(sa.or_(sa.and_(_IS_OPEN, jobs.c.price != _PAID), jobs.c.price < _PAID, sa.and_(_IS_REFUNDED, _PAID != 0)))
    .order_by(jobs.c.id)
)
_DATE = sa.type_coerce(jobs.c.created_at, sa.BigInteger) // (86_400 * 1_000_000)
_PAID_BY_DATE = sa.select(_DATE, sa.func.sum(_PAID).label("paid")).group_by(_DATE)
_SPENT = sa.select(spending)
_CHARGES = sa.func.count().filter(entries.c.kind == "charge")
_ENDS = sa.func.count().filter(among(entries.c.kind, ["settle", "refund"]))
_WRONGLY_ENTERED = (
    sa.select(jobs.c.id, jobs.c.state, _CHARGES.label("charges"), _ENDS.label("ends"))
    .outerjoin(entries, entries.c.job_id == jobs.c.id)
    .group_by(jobs.c.id, jobs.c.state, jobs.c.is_closed)
    .having(
        sa.or_(
            _CHARGES != 1,
            sa.case((jobs.c.is_closed, 1), else_=0) != _ENDS,
            sa.and_(_ENDED, sa.not_(jobs.c.is_closed)),
        )
    )
)


# Staff gives back exactly what a job that has ended had cost.
_TAKEN_BACK = sa.func.coalesce(sa.func.sum(lines.c.credits).filter(accounts.c.kind == AccountKind.SPENT), 0)
_WRONGLY_REVERSED = (
    sa.select(jobs.c.id, _PAID.label("paid"), _TAKEN_BACK.label("back"))
    .join(entries, sa.and_(entries.c.job_id == jobs.c.id, entries.c.kind == EntryKind.REVERSAL))
    .outerjoin(lines, lines.c.entry_id == entries.c.id)
    .outerjoin(accounts, accounts.c.id == lines.c.account_id)
    .group_by(jobs.c.id, jobs.c.is_closed, jobs.c.paid_allowance, jobs.c.paid_bonus)
    .having(sa.or_(_TAKEN_BACK != -_PAID, sa.not_(jobs.c.is_closed)))
)


def differences(connection: Connection) -> list[str]:
    """Lines for a host; none when the ledger balances."""
    return [
        *_unbalanced_entries(connection),
        *_wrong_balances(connection),
        *_wrong_holds(connection),
        *_wrong_usage(connection),
        *_jobs_without_their_entries(connection),
        *_wrong_payments(connection),
        *_wrong_spending(connection),
        *_wrong_reversals(connection),
        *statistics.differences(connection),
    ]


def totals(connection: Connection) -> dict[AccountKind, int]:
    """What all accounts of a kind hold together."""
    rows = connection.execute(sa.select(accounts.c.kind, sa.func.sum(accounts.c.balance)).group_by(accounts.c.kind))
    found = {AccountKind(kind): int(total) for kind, total in rows}
    return {kind: found.get(kind, 0) for kind in AccountKind}


def _unbalanced_entries(connection: Connection) -> list[str]:
    rows = connection.execute(_UNBALANCED)
    return [f"entry {row.entry_id}: its lines sum to {row.sum}, not to zero" for row in rows]


def _wrong_balances(connection: Connection) -> list[str]:
    rows = connection.execute(_BALANCES)
    return [
        f"account {row.id} ({row.kind} of guild {row.guild_id}): holds {row.balance}, its lines say {row.sum}"
        for row in rows
    ]


def _wrong_holds(connection: Connection) -> list[str]:
    """What a guild holds is exactly what its jobs on their way have paid."""
    open_jobs = {row.guild_id: int(row.paid) for row in connection.execute(_PAID_BY_OPEN)}
    held = {row.guild_id: row.balance for row in connection.execute(_HELD)}
    return [
        f"guild {guild_id}: holds {held.get(guild_id, 0)}, its open jobs have paid {open_jobs.get(guild_id, 0)}"
        for guild_id in sorted(held.keys() | open_jobs.keys())
        if held.get(guild_id, 0) != open_jobs.get(guild_id, 0)
    ]


def _wrong_usage(connection: Connection) -> list[str]:
    """What a member has used in a period is exactly what their jobs paid for in it have taken from the allowance.

    And nothing was taken outside of every period that is counted.
    """
    counted, uncounted = connection.execute(_WRONGLY_USED), connection.execute(_UNCOUNTED)
    return [
        f"member {row.user_id} of guild {row.guild_id} from {row.starts_at:%Y-%m-%d %H:%M}: "
        f"used {row.used}, jobs say {row.paid}"
        for row in counted
    ] + [
        f"member {row.user_id} of guild {row.guild_id} on {row.paid_at:%Y-%m-%d %H:%M}: "
        f"used 0, jobs say {row.paid_allowance}"
        for row in uncounted
    ]


def _wrong_reversals(connection: Connection) -> list[str]:
    """What staff gave back for a job is what it had cost, and only after its end."""
    rows = connection.execute(_WRONGLY_REVERSED)
    return [f"job {row.id}: has paid {row.paid}, {-row.back} were given back" for row in rows]


def _wrong_payments(connection: Connection) -> list[str]:
    """A job on its way has paid its price, one that has ended at most that, and a refunded one nothing, ever."""
    rows = connection.execute(_WRONGLY_PAID)
    return [f"job {row.id} ({row.state}): has paid {row.paid} of {row.price}" for row in rows]


def _wrong_spending(connection: Connection) -> list[str]:
    """The host's days and months have seen what the jobs accepted in them have paid."""
    by_jobs: dict[str, int] = {}
    for number, total in connection.execute(_PAID_BY_DATE):
        for period in periods(EPOCH + timedelta(days=number)):
            by_jobs[period] = by_jobs.get(period, 0) + int(total)
    counted = {row.period: row.credits for row in connection.execute(_SPENT)}
    return [
        f"the host's {period}: spent {counted.get(period, 0)}, jobs say {by_jobs.get(period, 0)}"
        for period in sorted(by_jobs.keys() | counted.keys())
        if by_jobs.get(period, 0) != counted.get(period, 0)
    ]


def _jobs_without_their_entries(connection: Connection) -> list[str]:
    """One charge per job, and exactly one settle or refund when it has ended."""
    rows = connection.execute(_WRONGLY_ENTERED)
    return [f"job {row.id} ({row.state}): {row.charges} charges, {row.ends} settles or refunds" for row in rows]
