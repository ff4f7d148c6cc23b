"""What the host allows, enforced where the credits are taken: in the same transaction, so that nobody slips past."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from bot.domain.credits import day_of, next_day
from bot.domain.hosting import HostTerms, credits_of_usd, in_force
from bot.domain.ids import GuildId, ModelId
from bot.errors.host import NotServedError
from bot.errors.intake import BudgetReachedError, CeilingReachedError, IntakePausedError, IntakePausedWithMessageError
from bot.store import host_costs, hosting, spending
from bot.store.database import Connection

# Under this name rewritten prompts stand among the models in a guild's usage.
ASSISTANT = ModelId("prompt-assistant")


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """The limits of the settings in credits per UTC day and month, None for none; the host may write others."""

    daily: int | None = None
    monthly: int | None = None
    markup: Decimal = Decimal(1)

    @classmethod
    def of_usd(cls, daily: Decimal | None, monthly: Decimal | None, markup: Decimal) -> Budget:
        def in_credits(usd: Decimal | None) -> int | None:
            return None if usd is None else credits_of_usd(usd, markup)

        return cls(daily=in_credits(daily), monthly=in_credits(monthly), markup=markup)

    def as_written(self, terms: HostTerms) -> Budget:
        """The budget that counts: what the host has written while the bot ran, else this one."""
        return Budget(
            daily=in_force(terms.daily_usd, self.daily, self.markup),
            monthly=in_force(terms.monthly_usd, self.monthly, self.markup),
            markup=self.markup,
        )


def check_open(terms: HostTerms) -> None:
    """Raise UserError while the host accepts nothing."""
    if terms.pause_message is not None:
        if terms.pause_message:
            raise IntakePausedWithMessageError(message=terms.pause_message)
        raise IntakePausedError


def admit(connection: Connection, guild_id: GuildId) -> HostTerms:
    """What the host has decided, read in the transaction that charges. Raises UserError when it says no."""
    terms = hosting.terms_for(connection, guild_id)
    if not terms.serves(guild_id):
        raise NotServedError
    check_open(terms)
    return terms


def count(
    connection: Connection,
    terms: HostTerms,
    budget: Budget,
    guild_id: GuildId,
    model: ModelId,
    price: int,
    now: datetime,
) -> None:
    """Count the price into the host's periods and the guild's. Raises UserError where a limit would be passed."""
    written = budget.as_written(terms)
    day, month = spending.periods(now)
    # Everybody's transactions take turns at these rows, so that what is read of the guild below stays true.
    if not spending.spend(connection, day, price, _left_for_jobs(connection, day, written.daily)):
        raise BudgetReachedError(renews=_timestamp(next_day(now)))
    if not spending.spend(connection, month, price, _left_for_jobs(connection, month, written.monthly)):
        raise BudgetReachedError(renews=_timestamp(next_month(now)))
    guild = terms.guilds.get(guild_id)
    if guild is not None:
        for usd, since, renews in (
            (guild.daily_usd, day_of(now), next_day(now)),
            (guild.monthly_usd, month_of(now), next_month(now)),
        ):
            if usd is None:
                continue
            if hosting.used_since(connection, guild_id, since) + price > credits_of_usd(usd, budget.markup):
                raise CeilingReachedError(renews=_timestamp(renews))
    hosting.count(connection, guild_id, day_of(now), model, price)


def give_back(connection: Connection, guild_id: GuildId, model: ModelId, credits: int, accepted_at: datetime) -> None:
    """Take out of the periods what a job did not cost after all."""
    for period in spending.periods(accepted_at):
        spending.spend(connection, period, -credits, None)
    hosting.give_back(connection, guild_id, day_of(accepted_at), model, credits)


def keep_orphan(connection: Connection, credits: int, accepted_at: datetime) -> None:
    """A job is given back whose task may exist: its member has not paid for it, but the host perhaps will.

    What its guild has used stays as it is.
    """
    periods = spending.periods(accepted_at)
    for period in periods:
        spending.spend(connection, period, -credits, None)
    for period in periods:
        host_costs.add(connection, period, credits * host_costs.MICROS)


def recount(
    connection: Connection,
    guild_id: GuildId,
    model: ModelId,
    accepted_at: datetime,
    *,
    paid: int = 0,
    unpaid: int = 0,
    orphan: int = 0,
) -> None:
    """Count a job that was given back by what is known of it now; it was let in long ago, so no limit stops it.

    Its member has *paid* for it after all, or it was made and nobody pays for it but the host (*unpaid*). Either takes
    the place of what it counted as a possible *orphan*.
    """
    periods = spending.periods(accepted_at)
    # Everybody writes these rows in the same order: spending, the host's costs, the guild's usage.
    for period in periods:
        if paid:
            spending.spend(connection, period, paid, None)
    own = unpaid - orphan
    for period in periods:
        if own > 0:
            host_costs.add(connection, period, own * host_costs.MICROS)
        elif own < 0:
            host_costs.take_back(connection, period, -own * host_costs.MICROS)
    more = paid + own
    if more > 0:
        hosting.count(connection, guild_id, day_of(accepted_at), model, more, jobs=0)
    elif more < 0:
        hosting.give_back(connection, guild_id, day_of(accepted_at), model, -more)


def spent_in(connection: Connection, period: str) -> int:
    """Credits that the host's period has seen, whoever paid: for jobs, late videos and rewritten prompts.

    With those for create calls that were never answered: nobody knows that they cost nothing.
    """
    return spending.spent_in(connection, period) + host_costs.cost_in(connection, period)


def is_used_up(connection: Connection, budget: Budget, now: datetime) -> bool:
    """Whether nothing is left of the host's day or month."""
    written = budget.as_written(hosting.terms(connection))
    limits = (written.daily, written.monthly)
    return any(
        limit is not None and spent_in(connection, period) >= limit
        for period, limit in zip(spending.periods(now), limits, strict=True)
    )


def count_assistant(connection: Connection, budget: Budget, guild_id: GuildId, credits: float, now: datetime) -> None:
    """Count a rewritten prompt, which costs a part of a credit.

    The budget counts members' prices, so the host's markup is put on it here, too.
    """
    micros = math.ceil(credits * float(budget.markup) * host_costs.MICROS)
    day, month = spending.periods(now)
    whole = host_costs.add(connection, day, micros)
    host_costs.add(connection, month, micros)
    if whole:
        # Whose question made it whole pays for the parts of others; over time that is just.
        hosting.count(connection, guild_id, day_of(now), ASSISTANT, whole, jobs=0)


def _left_for_jobs(connection: Connection, period: str, limit: int | None) -> int | None:
    return None if limit is None else limit - host_costs.cost_in(connection, period)


def month_of(now: datetime) -> datetime:
    return day_of(now).replace(day=1)


def next_month(now: datetime) -> datetime:
    return (month_of(now) + timedelta(days=32)).replace(day=1)


def _timestamp(at: datetime) -> str:
    """A moment that Discord shows in the reader's own time."""
    return f"<t:{int(at.timestamp())}:R>"
