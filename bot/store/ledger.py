"""The double-entry ledger: entries of lines that sum to zero, running balances, host spending.

Rows are locked and updated in one fixed order (guild, job, usage, accounts from pool to issued, spending), so that two
transactions on PostgreSQL wait for each other instead of dying together.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from bot.domain.credits import AccountKind, Balance, EntryKind
from bot.domain.ids import GrantId, GuildId, InteractionId, JobId, UserId
from bot.store import allowances
from bot.store.tables import accounts, entries, lines, spending

# The guild's own accounts belong to no member; the bot's own entries have no actor.
NOBODY: Final = UserId(0)

# What `balances.find` locks comes first.
_ORDER: Final = (AccountKind.POOL, AccountKind.BONUS, AccountKind.HELD, AccountKind.SPENT, AccountKind.ISSUED)

# What every command asks is put together once: for SQLAlchemy that is more work than asking.
_GUILD, _MEMBER = sa.bindparam("of_guild", type_=sa.BigInteger), sa.bindparam("of_member", type_=sa.BigInteger)
_AMOUNT = sa.bindparam("amount", type_=sa.BigInteger)
_MOVE = (
    sa.update(accounts)
    .where(
        accounts.c.guild_id == _GUILD,
        accounts.c.user_id == _MEMBER,
        accounts.c.kind == sa.bindparam("of_kind", type_=sa.Text),
    )
    .values(balance=accounts.c.balance + _AMOUNT)
    .returning(accounts.c.id)
)
_MOVE_GUARDED = _MOVE.where(accounts.c.balance + _AMOUNT >= 0)
_COUNT = (
    sa.update(spending)
    .where(spending.c.period == sa.bindparam("of_period", type_=sa.Text))
    .values(credits=spending.c.credits + _AMOUNT)
)
_COUNT_UP_TO = _COUNT.where(spending.c.credits + _AMOUNT <= sa.bindparam("most", type_=sa.BigInteger))
_ENTER = sa.insert(entries).returning(entries.c.id)
_WRITE_LINES = sa.insert(lines)
# As texts, which both databases understand: SQLAlchemy puts its own ON CONFLICT together anew each time.
_OPEN_PERIOD = sa.text("INSERT INTO spending (period, credits) VALUES (:of_period, 0) ON CONFLICT DO NOTHING")
_OPEN_ACCOUNT = sa.text(
    "INSERT INTO accounts (guild_id, user_id, kind, balance) VALUES (:of_guild, :of_member, :of_kind, :amount) "
    "ON CONFLICT (guild_id, user_id, kind) DO UPDATE SET balance = accounts.balance + excluded.balance RETURNING id"
).bindparams(_GUILD, _MEMBER, _AMOUNT)


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
    def allowance_account(self) -> AccountKind:
        return AccountKind.POOL if self.is_pool_limited else AccountKind.ISSUED


class OverdrawnError(Exception):
    """An account does not hold what should be taken; the transaction must be given up."""


def charge(
    connection: Connection, job_id: JobId, guild_id: GuildId, user_id: UserId, payment: Payment, now: datetime
) -> None:
    """Hold the payment for the job. The caller has checked the balance under lock; the guards hold all the same."""
    _take(connection, EntryKind.CHARGE, job_id, guild_id, user_id, payment, now, to=AccountKind.HELD)


def charge_late(
    connection: Connection, job_id: JobId, guild_id: GuildId, user_id: UserId, payment: Payment, now: datetime
) -> None:
    """Spend the payment for a job that was refunded. The caller has checked the balance under lock."""
    _take(connection, EntryKind.LATE, job_id, guild_id, user_id, payment, now, to=AccountKind.SPENT)


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
    _post(
        connection,
        kind=kind,
        guild_id=guild_id,
        user_id=user_id,
        actor_id=NOBODY,
        job_id=job_id,
        reason=reason,
        now=now,
        amounts={
            (payment.allowance_account, NOBODY): to_allowance,
            (AccountKind.BONUS, user_id): to_bonus,
            (AccountKind.HELD, NOBODY): -payment.total,
            (AccountKind.SPENT, NOBODY): cost,
        },
    )
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
    _post(
        connection,
        kind=EntryKind.REVERSAL,
        guild_id=guild_id,
        user_id=user_id,
        actor_id=actor_id,
        job_id=job_id,
        reason=None,
        now=now,
        amounts={(AccountKind.SPENT, NOBODY): -amount, (AccountKind.BONUS, user_id): amount},
    )


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
    source = AccountKind.POOL if is_pool_limited else AccountKind.ISSUED
    _post(
        connection,
        kind=EntryKind.GRANT,
        guild_id=guild_id,
        user_id=user_id,
        actor_id=actor_id,
        grant_id=grant_id,
        reason=reason,
        now=now,
        amounts={(source, NOBODY): -amount, (AccountKind.BONUS, user_id): amount},
    )


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
    source = AccountKind.POOL if is_pool_limited else AccountKind.ISSUED
    _post(
        connection,
        kind=EntryKind.REVOKE,
        guild_id=guild_id,
        user_id=user_id,
        actor_id=actor_id,
        interaction_id=interaction_id,
        reason=reason,
        now=now,
        amounts={(source, NOBODY): amount, (AccountKind.BONUS, user_id): -amount},
    )


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
    _post(
        connection,
        kind=EntryKind.TRANSFER,
        guild_id=guild_id,
        user_id=receiver,
        actor_id=giver,
        interaction_id=interaction_id,
        reason=None,
        now=now,
        amounts={(AccountKind.BONUS, giver): -amount, (AccountKind.BONUS, receiver): amount},
    )


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
    held = _balance_of(connection, guild_id, AccountKind.POOL, lock=True)
    change = target - held
    if change:
        _post(
            connection,
            kind=more if change > 0 else less,
            guild_id=guild_id,
            user_id=NOBODY,
            actor_id=actor_id,
            reason=None,
            now=now,
            amounts={(AccountKind.ISSUED, NOBODY): -change, (AccountKind.POOL, NOBODY): change},
        )


def balance_of(connection: Connection, guild_id: GuildId, kind: AccountKind, user_id: UserId = NOBODY) -> int:
    """What an account holds now."""
    return _balance_of(connection, guild_id, kind, user_id)


def periods(at: datetime) -> tuple[str, str]:
    """The host's day and month that a job accepted at this moment counts into."""
    return f"day {at:%Y-%m-%d}", f"month {at:%Y-%m}"


def spend(connection: Connection, period: str, amount: int, limit: int | None) -> bool:
    """Count *amount* into the host's period; False, and nothing counted, when that would pass *limit*."""
    counting = _COUNT if limit is None else _COUNT_UP_TO
    counted = {"of_period": period, "amount": amount, "most": limit}
    if connection.execute(counting, counted).rowcount == 1:
        return True
    # The row is there but for the first time in its period.
    made = connection.execute(_OPEN_PERIOD, counted)
    return made.rowcount == 1 and connection.execute(counting, counted).rowcount == 1


def spent_in(connection: Connection, period: str) -> int:
    """Credits that the host's period has seen so far."""
    return connection.execute(sa.select(spending.c.credits).where(spending.c.period == period)).scalar() or 0


def _balance_of(
    connection: Connection, guild_id: GuildId, kind: AccountKind, user_id: UserId = NOBODY, *, lock: bool = False
) -> int:
    found = sa.select(accounts.c.balance).where(
        accounts.c.guild_id == guild_id, accounts.c.user_id == user_id, accounts.c.kind == kind
    )
    return connection.execute(found.with_for_update() if lock else found).scalar() or 0


def _take(
    connection: Connection,
    kind: EntryKind,
    job_id: JobId,
    guild_id: GuildId,
    user_id: UserId,
    payment: Payment,
    now: datetime,
    *,
    to: AccountKind,
) -> None:
    """Move the payment out of its buckets. Raises OverdrawnError."""
    if payment.allowance and not allowances.add(connection, guild_id, user_id, payment.paid_at, payment.allowance):
        raise OverdrawnError("usage")
    _post(
        connection,
        kind=kind,
        guild_id=guild_id,
        user_id=user_id,
        actor_id=user_id,
        job_id=job_id,
        reason=None,
        now=now,
        amounts={
            (payment.allowance_account, NOBODY): -payment.allowance,
            (AccountKind.BONUS, user_id): -payment.bonus,
            (to, NOBODY): payment.total,
        },
    )


def _post(
    connection: Connection,
    *,
    kind: EntryKind,
    guild_id: GuildId,
    user_id: UserId,
    actor_id: UserId,
    reason: str | None,
    now: datetime,
    job_id: JobId | None = None,
    grant_id: GrantId | None = None,
    interaction_id: InteractionId | None = None,
    amounts: Mapping[tuple[AccountKind, UserId], int],
) -> None:
    """Write one entry with its lines and move the balances. Raises OverdrawnError, or IntegrityError for a repeat."""
    if sum(amounts.values()) != 0:
        raise AssertionError(f"the lines of a {kind} do not sum to zero: {dict(amounts)}")
    entry = {
        "guild_id": guild_id,
        "user_id": user_id,
        "actor_id": actor_id,
        "kind": kind,
        "job_id": job_id,
        "grant_id": grant_id,
        "interaction_id": interaction_id,
        "reason": reason,
        "at": now,
    }
    entry_id = connection.execute(_ENTER, entry).scalar_one()
    written = [
        {"entry_id": entry_id, "account_id": _move(connection, guild_id, owner, account, amount), "credits": amount}
        for (account, owner), amount in sorted(amounts.items(), key=_in_order)
        if amount
    ]
    connection.execute(_WRITE_LINES, written)


def _in_order(item: tuple[tuple[AccountKind, UserId], int]) -> tuple[int, UserId]:
    (kind, owner), _ = item
    return _ORDER.index(kind), owner


def _move(connection: Connection, guild_id: GuildId, user_id: UserId, kind: AccountKind, amount: int) -> int:
    """Add *amount* to an account, which comes into being when it is first used; its id is returned."""
    is_guarded = amount < 0 and kind is not AccountKind.ISSUED
    moving = {"of_guild": guild_id, "of_member": user_id, "of_kind": kind, "amount": amount}
    moved: int | None = connection.execute(_MOVE_GUARDED if is_guarded else _MOVE, moving).scalar_one_or_none()
    if moved is not None:
        return moved
    if is_guarded:
        raise OverdrawnError(kind)
    # Somebody else may make the same account at this moment, so it is added to if it is there after all.
    added: int = connection.execute(_OPEN_ACCOUNT, moving).scalar_one()
    return added
