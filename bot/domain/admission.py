"""Whether a guild's policy lets a request in, and if not, which of its rules refuses.

Nothing here reads a clock or a database: the store brings what has happened so far, and what is decided here holds
inside the transaction that charges.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from bot.domain.credits import Balance
from bot.domain.ids import ChannelId, ModelId, RoleId
from bot.domain.policies import GuildPolicy

# So many channels, roles or models are named in a refusal; the others are a guess away.
SHOWN_NAMES = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Requester:
    """What Discord said, in the interaction itself, about who asks and where. The defaults give no right."""

    role_ids: frozenset[RoleId] = frozenset()
    joined_at: datetime | None = None
    parent_id: ChannelId | None = None  # of the thread that was asked in
    is_restricted_channel: bool = False  # Discord's own mark of the channel


# Whom nothing gives a right to anything.
NOBODY_SPECIAL = Requester()


class PolicyRule(StrEnum):
    """The rule that refused; each has its text in `bot/errors/policies.py`."""

    CLOSED = "closed"
    CLOSED_REASON = "closed_reason"
    CHANNEL = "channel"
    ROLE = "role"
    RESTRICTED_ONLY = "restricted_only"
    MODEL = "model"
    RESTRICTED_MODEL = "restricted_model"
    PRICE = "price"
    MEMBER_JOBS = "member_jobs"
    GUILD_JOBS = "guild_jobs"
    COOLDOWN = "cooldown"
    ALLOWANCE = "allowance"  # not enough now, enough once it renews
    ALLOWANCE_TOO_SMALL = "allowance_too_small"  # not enough even then
    POOL = "pool"
    POOL_REFILLED = "pool_refilled"  # not enough now, and it is refilled


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Which rule refused, with its numbers, and when asking again helps; None when only staff can change it."""

    rule: PolicyRule
    values: Mapping[str, object] = field(default_factory=dict)
    renews_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is asked for, as far as a policy cares."""

    channel_id: ChannelId
    model: ModelId
    price: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SoFar:
    """What has happened before, read under lock by whoever is about to charge."""

    balance: Balance
    member_jobs: int  # on their way
    guild_jobs: int
    last_at: datetime | None  # when the member's newest job was accepted


def refusal_of_place(policy: GuildPolicy, requester: Requester, asked: Asked) -> Refusal | None:
    """The first rule that refuses whatever the numbers are, or None."""
    if policy.is_closed:
        if policy.closed_reason:
            return Refusal(rule=PolicyRule.CLOSED_REASON, values={"reason": policy.closed_reason})
        return Refusal(rule=PolicyRule.CLOSED)
    if policy.channels and not policy.channels & {asked.channel_id, requester.parent_id}:
        named = [f"<#{channel}>" for channel in sorted(policy.channels)]
        return Refusal(rule=PolicyRule.CHANNEL, values={"channels": _listed(named)})
    if policy.allowed_roles and not policy.allowed_roles & requester.role_ids:
        named = [f"<@&{role}>" for role in sorted(policy.allowed_roles)]
        return Refusal(rule=PolicyRule.ROLE, values={"roles": _listed(named)})
    if policy.is_restricted_only and not requester.is_restricted_channel:
        return Refusal(rule=PolicyRule.RESTRICTED_ONLY)
    if policy.allowed_models and asked.model not in policy.allowed_models:
        named = [f"`{model}`" for model in sorted(policy.allowed_models)]
        return Refusal(rule=PolicyRule.MODEL, values={"model": asked.model, "models": _listed(named)})
    if policy.is_model_restricted(asked.model) and not requester.is_restricted_channel:
        return Refusal(rule=PolicyRule.RESTRICTED_MODEL, values={"model": asked.model})
    return None


def refusal_of_showing(policy: GuildPolicy, requester: Requester, asked: Asked) -> Refusal | None:
    """The first rule that keeps a finished video out of the channel. Who may ask for which is another question."""
    models = {model: replace(rule, is_allowed=False) for model, rule in policy.models.items()}
    return refusal_of_place(replace(policy, roles={}, models=models), requester, asked)


def refusal(policy: GuildPolicy, requester: Requester, asked: Asked, so_far: SoFar, now: datetime) -> Refusal | None:
    """The first rule that refuses, or None: then the price can be paid out of `so_far.balance`."""
    return (
        refusal_of_place(policy, requester, asked)
        or _refusal_of_numbers(policy, requester, asked, so_far, now)
        or _refusal_of_credits(asked.price, so_far.balance)
    )


def _refusal_of_numbers(
    policy: GuildPolicy, requester: Requester, asked: Asked, so_far: SoFar, now: datetime
) -> Refusal | None:
    # What limits one member does not bind those with an exempt role; what limits all of them together does.
    is_bound = not policy.is_exempt(requester.role_ids)
    if is_bound and policy.highest_price is not None and asked.price > policy.highest_price:
        return Refusal(rule=PolicyRule.PRICE, values={"needed": asked.price, "limit": policy.highest_price})
    if is_bound and policy.member_jobs is not None and so_far.member_jobs >= policy.member_jobs:
        values = {"running": so_far.member_jobs, "limit": policy.member_jobs}
        return Refusal(rule=PolicyRule.MEMBER_JOBS, values=values)
    if policy.guild_jobs is not None and so_far.guild_jobs >= policy.guild_jobs:
        values = {"running": so_far.guild_jobs, "limit": policy.guild_jobs}
        return Refusal(rule=PolicyRule.GUILD_JOBS, values=values)
    if is_bound and so_far.last_at is not None and now < so_far.last_at + policy.cooldown:
        values = {"seconds": round(policy.cooldown.total_seconds())}
        return Refusal(rule=PolicyRule.COOLDOWN, values=values, renews_at=so_far.last_at + policy.cooldown)
    return None


def _refusal_of_credits(price: int, balance: Balance) -> Refusal | None:
    spendable = balance.spendable
    if spendable is None or price <= spendable:
        return None
    own = None if balance.allowance_left is None else balance.allowance_left + balance.bonus
    if balance.pool is not None and (own is None or price <= own):
        # Alone the member could pay: it is the pool that all share.
        values = {"needed": price, "balance": balance.pool}
        if balance.pool_renews_at is None:
            return Refusal(rule=PolicyRule.POOL, values=values)
        return Refusal(rule=PolicyRule.POOL_REFILLED, values=values, renews_at=balance.pool_renews_at)
    allowance = balance.allowance or 0
    values = {"needed": price, "balance": spendable, "left": balance.allowance_left or 0, "allowance": allowance}
    values |= {"bonus": balance.bonus}
    is_enough_then = price <= allowance + balance.bonus
    rule = PolicyRule.ALLOWANCE if is_enough_then else PolicyRule.ALLOWANCE_TOO_SMALL
    return Refusal(rule=rule, values=values, renews_at=balance.renews_at)


def _listed(names: list[str]) -> str:
    shown = names[:SHOWN_NAMES]
    return ", ".join([*shown, "…"] if len(names) > len(shown) else shown)
