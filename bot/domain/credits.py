"""Credits: the kinds of ledger entries and what an account holds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_CEILING, Decimal
from enum import StrEnum

from bot.domain.ids import JobId

# Kie sells a credit for about half a US cent (several sources, agrees with measured charges).
USD_PER_CREDIT = Decimal("0.005")


class EntryKind(StrEnum):
    CHARGE = "charge"  # held for a job
    SETTLE = "settle"  # the job was delivered: its real cost is spent, the rest goes back
    REFUND = "refund"  # the job failed: everything goes back
    LATE = "late"  # a video that came after its refund is charged after all
    GRANT = "grant"  # bonus credits for a member
    FUND = "fund"  # credits put into a guild's pool
    DRAIN = "drain"  # credits taken out of a guild's pool


class AccountKind(StrEnum):
    ISSUED = "issued"  # where a guild's credits come from; the one account that may be negative
    POOL = "pool"  # what a guild with a limited pool has left
    BONUS = "bonus"  # one member's own credits; they do not expire
    HELD = "held"  # charged for jobs that have not ended
    SPENT = "spent"  # paid for delivered videos


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """What a member can spend now. `allowance_left` renews at `renews_at`; `pool` is None when it is unlimited."""

    allowance: int
    allowance_left: int
    renews_at: datetime
    bonus: int
    held: int
    pool: int | None

    @property
    def spendable(self) -> int:
        allowance = self.allowance_left if self.pool is None else min(self.allowance_left, self.pool)
        return allowance + self.bonus


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryLine:
    """One ledger entry as its member sees it; `credits` is negative when it was taken."""

    kind: EntryKind
    credits: int
    at: datetime
    job_id: JobId | None
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """Which bucket pays how much of a price."""

    allowance: int
    bonus: int


def split(price: int, balance: Balance) -> Split | None:
    """Allowance first, because it lapses, then bonus; None when both together are not enough."""
    left = balance.allowance_left if balance.pool is None else min(balance.allowance_left, balance.pool)
    allowance = min(price, left)
    bonus = price - allowance
    return Split(allowance=allowance, bonus=bonus) if bonus <= balance.bonus else None


def settled(price: int, provider_credits: float | None, markup: Decimal) -> int:
    """What a delivered job costs: the provider's real charge with markup, rounded up, never more than the price."""
    if provider_credits is None:
        return price
    cost = (Decimal(str(provider_credits)) * markup).to_integral_value(ROUND_CEILING)
    return min(price, max(0, int(cost)))


def day_of(now: datetime) -> datetime:
    """The start of the allowance's day; days are UTC days."""
    return now.replace(hour=0, minute=0, second=0, microsecond=0)


def next_day(now: datetime) -> datetime:
    return day_of(now) + timedelta(days=1)


def usd(credits: int, markup: Decimal = Decimal(1)) -> Decimal:
    """What these credits cost the host, at the provider's price."""
    return Decimal(credits) * USD_PER_CREDIT / markup
