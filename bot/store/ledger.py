"""What happens to credits, each as one entry: charged, released, granted, given, taken back, funded.

Rows are locked and updated in one fixed order (guild, job, usage, accounts from pool to issued, spending), so that two
transactions on PostgreSQL wait for each other instead of dying together.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from bot.domain.credits import AccountKind, Balance, EntryKind
from bot.domain.ids import GrantId, GuildId, InteractionId, JobId, UserId
from bot.store import allowances
from bot.store.entries import NOBODY, Account, Entry, OverdrawnError, between, post
from bot.store.tables import accounts, entries, lines

_HELD: Account = (AccountKind.HELD, NOBODY)
_SPENT: Account = (AccountKind.SPENT, NOBODY)
_POOL: Account = (AccountKind.POOL, NOBODY)
_ISSUED: Account = (AccountKind.ISSUED, NOBODY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """Which bucket paid how much for a job, less what has gone back."""

    allowance: int
    bonus: int
    is_pool_limited: bool
    paid_at: datetime

    @property
    def total(self) -> int:
        return self.allowance + self.bonus

    @property
    def allowance_account(self) -> Account:
        return _source(is_pool_limited=self.is_pool_limited)


def charge(
    connection: Connection, job_id: JobId, guild_id: GuildId, user_id: UserId, payment: Payment, now: datetime
) -> None:
    """Hold the payment for the job. The caller has checked the balance under lock; the guards hold all the same."""
    _take(connection, EntryKind.CHARGE, job_id, guild_id, user_id, payment, now, to=_HELD)


def charge_late(
    connection: Connection, job_id: JobId, guild_id: GuildId, user_id: UserId, payment: Payment, now: datetime
) -> None:
    """Spend the payment for a job that was refunded. The caller has checked the balance under lock."""
    _take(connection, EntryKind.LATE, job_id, guild_id, user_id, payment, now, to=_SPENT)


def release(
    connection: Connection,
    kind: EntryKind,
    job_id: JobId,
    guild_id: GuildId,
    user_id: UserId,
    payment: Payment,
    cost: int,
    now: datetime,
    reason: str | None = None,
) -> Payment:
    """End what a job holds: *cost* is spent, the rest goes back to the buckets that paid. What stays paid is returned.

    Bonus credits go back first: they do not lapse.
    """
    to_allowance, to_bonus = _shares(payment, payment.total - cost)
    if to_allowance:
        allowances.add(connection, guild_id, user_id, payment.paid_at, -to_allowance)
    entry = Entry(
        kind=kind,
        guild_id=guild_id,
        user_id=user_id,
        actor_id=NOBODY,
        job_id=job_id,
        reason=reason,
        at=now,
        lines={
            payment.allowance_account: to_allowance,
            _bonus(user_id): to_bonus,
            _HELD: -payment.total,
            _SPENT: cost,
        },
    )
    post(connection, entry)
    return Payment(
        allowance=payment.allowance - to_allowance,
        bonus=payment.bonus - to_bonus,
        is_pool_limited=payment.is_pool_limited,
        paid_at=payment.paid_at,
    )


def with_returned(balance: Balance, payment: Payment, returned: int) -> Balance:
    """The balance as it will be once *returned* of the payment is back: yesterday's allowance is of no use today."""
    to_allowance, to_bonus = _shares(payment, returned)
    pool, left = balance.pool, balance.allowance_left
    if pool is not None and payment.is_pool_limited:
        pool += to_allowance
    if left is not None and balance.allowance is not None and payment.paid_at >= balance.starts_at:
        left = min(balance.allowance, left + to_allowance)
    return replace(balance, allowance_left=left, bonus=balance.bonus + to_bonus, pool=pool)


def _shares(payment: Payment, back: int) -> tuple[int, int]:
    """How much of what goes back belongs to the allowance and how much to the bonus, which comes first."""
    to_bonus = min(back, payment.bonus)
    return back - to_bonus, to_bonus


def reverse(
    connection: Connection,
    job_id: JobId,
    guild_id: GuildId,
    user_id: UserId,
    actor_id: UserId,
    amount: int,
    now: datetime,
) -> None:
    """Give back, as bonus credits, what a job has spent. Its buckets have paid all the same: their day may be over."""
    entry = Entry(
        kind=EntryKind.REVERSAL,
        guild_id=guild_id,
        user_id=user_id,
        actor_id=actor_id,
        job_id=job_id,
        at=now,
        lines=between(_SPENT, _bonus(user_id), amount),
    )
    post(connection, entry)


def grant(
    connection: Connection,
    guild_id: GuildId,
    user_id: UserId,
    actor_id: UserId,
    amount: int,
    reason: str | None,
    now: datetime,
    *,
    is_pool_limited: bool,
    grant_id: GrantId | None = None,
) -> None:
    """Bonus credits for a member, out of the guild's pool where that is limited. Raises OverdrawnError."""
    entry = Entry(
        kind=EntryKind.GRANT,
        guild_id=guild_id,
        user_id=user_id,
        actor_id=actor_id,
        grant_id=grant_id,
        reason=reason,
        at=now,
        lines=between(_source(is_pool_limited=is_pool_limited), _bonus(user_id), amount),
    )
    post(connection, entry)


def revoke(
    connection: Connection,
    guild_id: GuildId,
    user_id: UserId,
    actor_id: UserId,
    amount: int,
    reason: str | None,
    now: datetime,
    *,
    is_pool_limited: bool,
    interaction_id: InteractionId,
) -> None:
    """Take bonus credits back to where they came from. Raises OverdrawnError."""
    entry = Entry(
        kind=EntryKind.REVOKE,
        guild_id=guild_id,
        user_id=user_id,
        actor_id=actor_id,
        interaction_id=interaction_id,
        reason=reason,
        at=now,
        lines=between(_bonus(user_id), _source(is_pool_limited=is_pool_limited), amount),
    )
    post(connection, entry)


def transfer(
    connection: Connection,
    guild_id: GuildId,
    giver: UserId,
    receiver: UserId,
    amount: int,
    now: datetime,
    *,
    interaction_id: InteractionId,
) -> None:
    """Bonus credits from one member to another. Raises OverdrawnError."""
    entry = Entry(
        kind=EntryKind.TRANSFER,
        guild_id=guild_id,
        user_id=receiver,
        actor_id=giver,
        interaction_id=interaction_id,
        at=now,
        lines=between(_bonus(giver), _bonus(receiver), amount),
    )
    post(connection, entry)


def is_done(connection: Connection, interaction_id: InteractionId) -> bool:
    """Whether this command has moved credits before."""
    found = sa.select(entries.c.id).where(entries.c.interaction_id == interaction_id)
    return connection.execute(found).scalar() is not None


def given_since(connection: Connection, guild_id: GuildId, giver: UserId, since: datetime) -> int:
    """How much a member has given to others since then."""
    gifts = (
        sa.select(sa.func.coalesce(sa.func.sum(lines.c.credits), 0))
        .select_from(entries)
        .join(lines, lines.c.entry_id == entries.c.id)
        .where(
            entries.c.guild_id == guild_id,
            entries.c.actor_id == giver,
            entries.c.kind == EntryKind.TRANSFER,
            entries.c.at >= since,
            lines.c.credits > 0,
        )
    )
    return int(connection.execute(gifts).scalar_one())


def balance_of(
    connection: Connection, guild_id: GuildId, kind: AccountKind, user_id: UserId = NOBODY, *, lock: bool = False
) -> int:
    """What an account holds now. With *lock* nobody else moves it until the transaction ends."""
    found = sa.select(accounts.c.balance).where(
        accounts.c.guild_id == guild_id, accounts.c.user_id == user_id, accounts.c.kind == kind
    )
    return connection.execute(found.with_for_update() if lock else found).scalar() or 0


def set_pool(connection: Connection, guild_id: GuildId, actor_id: UserId, target: int, now: datetime) -> None:
    """Bring the pool to *target* by an entry for the difference."""
    _bring_pool_to(connection, guild_id, actor_id, target, now, more=EntryKind.FUND, less=EntryKind.DRAIN)


def refill_pool(connection: Connection, guild_id: GuildId, target: int, now: datetime) -> None:
    """A new period of the pool begins: what it had left lapses, what it lacks is filled up."""
    _bring_pool_to(connection, guild_id, NOBODY, target, now, more=EntryKind.REFILL, less=EntryKind.EXPIRE)


def _bring_pool_to(
    connection: Connection,
    guild_id: GuildId,
    actor_id: UserId,
    target: int,
    now: datetime,
    *,
    more: EntryKind,
    less: EntryKind,
) -> None:
    held = balance_of(connection, guild_id, AccountKind.POOL, lock=True)
    change = target - held
    if change:
        entry = Entry(
            kind=more if change > 0 else less,
            guild_id=guild_id,
            user_id=NOBODY,
            actor_id=actor_id,
            at=now,
            lines=between(_ISSUED, _POOL, change),
        )
        post(connection, entry)


def _bonus(user_id: UserId) -> Account:
    return AccountKind.BONUS, user_id


def _source(*, is_pool_limited: bool) -> Account:
    """Where a guild's members get their credits from."""
    return _POOL if is_pool_limited else _ISSUED


def _take(
    connection: Connection,
    kind: EntryKind,
    job_id: JobId,
    guild_id: GuildId,
    user_id: UserId,
    payment: Payment,
    now: datetime,
    *,
    to: Account,
) -> None:
    """Move the payment out of its buckets. Raises OverdrawnError."""
    if payment.allowance and not allowances.add(connection, guild_id, user_id, payment.paid_at, payment.allowance):
        raise OverdrawnError("usage")
    entry = Entry(
        kind=kind,
        guild_id=guild_id,
        user_id=user_id,
        actor_id=user_id,
        job_id=job_id,
        at=now,
        lines={
            payment.allowance_account: -payment.allowance,
            _bonus(user_id): -payment.bonus,
            to: payment.total,
        },
    )
    post(connection, entry)
