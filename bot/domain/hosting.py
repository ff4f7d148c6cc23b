"""What the host decides while the bot runs: budgets, ceilings, whether anything is accepted, and for which servers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal, InvalidOperation
from enum import StrEnum

from bot.domain.credits import USD_PER_CREDIT
from bot.domain.ids import GuildId, JobId, ModelId, ProviderId
from bot.domain.jobs import JobState
from bot.domain.models import ModelState

# What is written for "no limit", as opposed to nothing, which is the setting of the environment.
NO_LIMIT = "none"
# A budget above this is a slip of the finger.
MOST_USD = Decimal(1_000_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class GuildTerms:
    """What the host has decided about one server; None where nothing."""

    guild_id: GuildId
    is_allowed: bool | None = None
    daily_usd: Decimal | None = None
    monthly_usd: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HostTerms:
    """What the host has decided for the whole bot. Budgets are as they were written: an amount, NO_LIMIT, or None."""

    pause_message: str | None = None  # None while new videos are accepted; may be empty
    is_invitation_only: bool = False  # only servers that were allowed are served
    daily_usd: str | None = None
    monthly_usd: str | None = None
    guilds: Mapping[GuildId, GuildTerms] = field(default_factory=dict)
    models: Mapping[ModelId, ModelState] = field(default_factory=dict)  # states that stand above the catalogue's

    def serves(self, guild_id: GuildId) -> bool:
        terms = self.guilds.get(guild_id)
        if terms is None or terms.is_allowed is None:
            return not self.is_invitation_only
        return terms.is_allowed


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What one server had made with one model over some days."""

    guild_id: GuildId
    model: ModelId
    jobs: int
    credits: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a provider said was left on the host's account, and when."""

    credits: float
    read_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """How much of a period's budget is used, in US dollars; `limit` is None where there is none."""

    period: str
    spent: Decimal
    limit: Decimal | None
    unanswered: Decimal = Decimal(0)  # the part of `spent` for tasks that may exist: create calls never answered

    @property
    def share(self) -> float:
        """Used up at 1."""
        if self.limit is None:
            return 0.0
        return float(self.spent / self.limit) if self.limit else 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A job in few words; `since` is when it was last expected to do something."""

    job_id: JobId
    guild_id: GuildId
    model: ModelId
    provider: ProviderId
    state: JobState
    since: datetime
    orphan_cost: int = 0  # credits that the host's periods count for a task that may exist


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Some jobs, the oldest first, and how many there are in all."""

    jobs: tuple[Found, ...] = ()
    total: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """One trouble as stored; `end_text` is there once it is over and that is still to be told."""

    name: str
    began_at: datetime
    text: str
    is_told: bool
    end_text: str | None


class NoticeKind(StrEnum):
    """What the host is told of single jobs; nothing of it ever ends."""

    ORPHAN = "orphan"  # its create call was never answered, so the provider may have made and billed it
    PUT_ASIDE = "put aside"  # it took the process down again and again


@dataclass(frozen=True, slots=True, kw_only=True)
class JobNotice:
    """Something of a job that the host has not heard yet, and the job as it is now."""

    job_id: JobId
    model: ModelId
    state: JobState
    submitted_at: datetime  # or accepted, where it was never submitted


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """The bot that was started last."""

    version: str
    started_at: datetime

    def as_text(self) -> str:
        return f"{self.version} {self.started_at.isoformat()}"

    @classmethod
    def of_text(cls, text: str | None) -> Process | None:
        version, _, started_at = (text or "").partition(" ")
        return cls(version=version, started_at=datetime.fromisoformat(started_at)) if started_at else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Space:
    """What the data folder's disk has left, and how much the database's file takes; bytes."""

    free: int
    database: int | None  # None where the database is no file of ours


@dataclass(frozen=True, slots=True, kw_only=True)
class HostStatus:
    """How the bot is doing, as far as the database knows."""

    terms: HostTerms
    budget: Sequence[Spent]
    jobs: Mapping[JobState, int]
    readings: Mapping[ProviderId, Reading]
    troubles: Sequence[Trouble]
    stuck: int
    orphans: int
    process: Process | None
    storage: Space | None = None


def usd_of(text: str) -> Decimal | None:
    """The amount that somebody typed, with or without a dollar sign; None when it is none that makes sense."""
    cleaned = text.strip().removeprefix("$").removesuffix("$").strip().replace(",", ".")
    try:
        amount = Decimal(cleaned)
    except InvalidOperation:
        return None
    return amount if amount.is_finite() and 0 <= amount <= MOST_USD else None


def credits_of_usd(usd: Decimal, markup: Decimal) -> int:
    """How many credits of members' prices, markup included, cost the host this much."""
    return int(usd / USD_PER_CREDIT * markup)


def in_force(written: str | None, default: int | None, markup: Decimal) -> int | None:
    """The limit in credits: what the host has written, or else the default; None for none."""
    if written is None:
        return default
    return None if written == NO_LIMIT else credits_of_usd(Decimal(written), markup)


def money(amount: Decimal) -> str:
    """ "$1.20"; what is not worth a cent is not hidden: "$0.005"."""
    cents = amount.quantize(Decimal("0.01"))
    return f"${cents}" if cents == amount or amount >= 1 else f"${amount.normalize():f}"
