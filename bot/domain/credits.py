"""Credits: the kinds of ledger entries and what an account holds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_CEILING, Decimal
from enum import StrEnum

from bot.domain.ids import JobId, UserId
from bot.domain.periods import Period

# Kie sells a credit for about half a US cent (several sources, agrees with measured charges).
USD_PER_CREDIT = Decimal("0.005")


class EntryKind(StrEnum):
    CHARGE = "charge"  # held for a job
    SETTLE = "settle"  # the job was delivered: its real cost is spent, the rest goes back
    REFUND = "refund"  # the job failed: everything goes back
    LATE = "late"  # a video that came after its refund is charged after all
    REVERSAL = "reversal"  # staff gives back what a job that has ended had cost
    GRANT = "grant"  # bonus credits for a member
    FUND = "fund"  # credits put into a guild's pool
    DRAIN = "drain"  # credits taken out of a guild's pool
    REFILL = "refill"  # a pool that is filled anew with each period
    EXPIRE = "expire"  # what such a pool had left over
    REVOKE = "revoke"  # bonus credits that staff takes back
    TRANSFER = "transfer"  # bonus credits that one member gave another


class AccountKind(StrEnum):
    ISSUED = "issued"  # where a guild's credits come from; the one account that may be negative
    POOL = "pool"  # what a guild with a limited pool has left
    BONUS = "bonus"  # one member's own credits; they do not expire
    HELD = "held"  # charged for jobs that have not ended
    SPENT = "spent"  # paid for delivered videos


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """What a member can spend now.

    The allowance is for the period from `starts_at` to `renews_at`; None means that it has no limit. `pool` is None
    when it is unlimited, and `pool_renews_at` when nobody fills it but staff.
    """

    allowance: int | None
    allowance_left: int | None
    period: Period = Period.DAY
    starts_at: datetime
    renews_at: datetime
    bonus: int
    held: int
    running: int = 0  # jobs that are paid for and have not ended
    pool: int | None
    pool_renews_at: datetime | None = None

    @property
    def left(self) -> int | None:
        """What allowance and pool together still give; None is no limit."""
        limits = [limit for limit in (self.allowance_left, self.pool) if limit is not None]
        return min(limits) if limits else None

    @property
    def spendable(self) -> int | None:
        """All of it; None is no limit."""
        return None if self.left is None else self.left + self.bonus


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryLine:
    """One ledger entry as its member sees it; `credits` is negative when it was taken."""

    kind: EntryKind
    credits: int
    at: datetime
    job_id: JobId | None
    reason: str | None
    other_id: UserId | None = None  # who gave it, or whom it was given to


@dataclass(frozen=True, slots=True, kw_only=True)
class JobEntry:
    """One ledger entry of a job, with what it added to each account; the lines sum to zero."""

    kind: EntryKind
    at: datetime
    actor_id: UserId
    lines: list[tuple[AccountKind, int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """Which bucket pays how much of a price."""

    allowance: int
    bonus: int


def split(price: int, balance: Balance) -> Split | None:
    """Allowance first, because it lapses, then bonus; None when both together are not enough."""
    allowance = price if balance.left is None else min(price, balance.left)
    bonus = price - allowance
    return Split(allowance=allowance, bonus=bonus) if bonus <= balance.bonus else None


def settled(price: int, provider_credits: float | None, markup: Decimal) -> int:
    """What a delivered job costs: the provider's real charge with markup, rounded up, never more than the price."""
    if provider_credits is None:
        return price
    cost = (Decimal(str(provider_credits)) * markup).to_integral_value(ROUND_CEILING)
    return min(price, max(0, int(cost)))


def day_of(now: datetime) -> datetime:
    """The start of the host's day; those are UTC days."""
    return now.replace(hour=0, minute=0, second=0, microsecond=0)


def next_day(now: datetime) -> datetime:
    return day_of(now) + timedelta(days=1)


def usd(credits: int, markup: Decimal = Decimal(1)) -> Decimal:
    """What these credits cost the host, at the provider's price."""
    return Decimal(credits) * USD_PER_CREDIT / markup
