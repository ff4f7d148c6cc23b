"""A guild's policy: who may spend what, where and how, and which of its rules refuses a request.

Nothing here reads a clock or a database: the store brings what has happened so far, and what is decided here holds
inside the transaction that charges.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from bot.domain.credits import Balance
from bot.domain.ids import ChannelId, GuildId, ModelId, RoleId, UserId
from bot.domain.periods import Period, span
from bot.domain.quotas import DEFAULT_ALLOWANCE

# So many channels, roles or models are named in a refusal; the others are a guess away.
SHOWN_NAMES = 10


class Spoilers(StrEnum):
    """Which videos are posted behind a spoiler."""

    NEVER = "never"
    RESTRICTED = "restricted"  # those of age-restricted models
    ALWAYS = "always"


class AssistMode(StrEnum):
    """What the prompt assistant may do in a guild."""

    OFF = "off"
    ASSIST = "assist"  # always a shot description
    MEME = "meme"  # always short and punchy
    FREE = "free"  # each member chooses


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleRule:
    """What a role means. Exempt: its members are not bound by what limits one member."""

    allowance: int | None = None
    is_exempt: bool = False
    is_allowed: bool = False  # named as one of the roles that may use the bot

    @property
    def is_empty(self) -> bool:
        return self == RoleRule()


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRule:
    """What a model means. As soon as one is allowed by name, the others are not."""

    is_allowed: bool = False
    is_restricted: bool = False  # only in channels that Discord knows as age-restricted

    @property
    def is_empty(self) -> bool:
        return self == ModelRule()


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """What all members of a guild together may spend.

    With `refill` and `period` it is brought to that many credits at the start of each period. `refilled_at` is when it
    was last set, by that or by staff.
    """

    refill: int | None = None
    period: Period | None = None
    refilled_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Gifts:
    """Whether members may give bonus credits to each other, and how many at once and in a period of the allowance."""

    are_allowed: bool = False
    most_at_once: int | None = None
    most_per_period: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GuildPolicy:
    """Everything that a guild's staff has decided. The values here are those of a guild that has decided nothing."""

    guild_id: GuildId
    # Who may spend what.
    allowance: int = DEFAULT_ALLOWANCE
    period: Period = Period.DAY
    time_zone: str = "UTC"
    pool: Pool | None = None  # None: unlimited
    highest_price: int | None = None  # of one job
    member_jobs: int | None = None  # on their way at once
    guild_jobs: int | None = None
    cooldown: timedelta = timedelta(0)
    confirm_above: int | None = None  # a price above it is asked about first
    gifts: Gifts = Gifts()
    # What, where and for whom.
    roles: Mapping[RoleId, RoleRule] = field(default_factory=dict)
    models: Mapping[ModelId, ModelRule] = field(default_factory=dict)
    channels: frozenset[ChannelId] = frozenset()  # empty: all
    is_restricted_only: bool = False  # the whole bot works in age-restricted channels only
    # How it behaves.
    is_closed: bool = False  # the kill switch
    closed_reason: str | None = None
    language: str | None = None  # None: what Discord says of the guild
    spoilers: Spoilers = Spoilers.NEVER
    assist: AssistMode = AssistMode.FREE
    may_offer_successor: bool = True  # one button runs a waiting job on another model when its own is broken
    # What staff hears and what is kept.
    log_channel_id: ChannelId | None = None
    report_channel_id: ChannelId | None = None
    are_prompts_logged: bool = True
    keep_prompts_days: int | None = None  # None: for good
    keep_media_days: int | None = None  # None: as the host says

    @property
    def allowed_roles(self) -> frozenset[RoleId]:
        return frozenset(role for role, rule in self.roles.items() if rule.is_allowed)

    @property
    def allowed_models(self) -> frozenset[ModelId]:
        return frozenset(model for model, rule in self.models.items() if rule.is_allowed)

    def is_refill_due(self, now: datetime) -> bool:
        """Whether the pool's period has begun since the pool was last set."""
        if self.pool is None or self.pool.period is None:
            return False
        begun = span(now, self.pool.period, self.time_zone).starts_at
        return self.pool.refilled_at is None or self.pool.refilled_at < begun

    def pool_renews_at(self, now: datetime) -> datetime | None:
        if self.pool is None or self.pool.period is None:
            return None
        return span(now, self.pool.period, self.time_zone).ends_at

    def is_model_restricted(self, model: ModelId) -> bool:
        rule = self.models.get(model)
        return rule is not None and rule.is_restricted

    def is_exempt(self, role_ids: frozenset[RoleId]) -> bool:
        return any(rule.is_exempt for role, rule in self.roles.items() if role in role_ids)

    def that_matter(self, role_ids: frozenset[RoleId]) -> frozenset[RoleId]:
        """Those of the roles that say something about credits."""
        return frozenset(
            role
            for role, rule in self.roles.items()
            if role in role_ids and (rule.is_exempt or rule.allowance is not None)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberRule:
    """What staff has decided about one member, whatever their roles. `allowance` None: no limit."""

    allowance: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """A guild's policy, and where its credits are. `pool` None means unlimited."""

    policy: GuildPolicy
    members: Mapping[UserId, MemberRule]
    pool: int | None
    held: int
    spent: int
    open_grants: int  # that members can still collect


@dataclass(frozen=True, slots=True, kw_only=True)
class Requester:
    """What Discord said, in the interaction itself, about who asks and where. The defaults give no right."""

    role_ids: frozenset[RoleId] = frozenset()
    joined_at: datetime | None = None
    parent_id: ChannelId | None = None  # of the thread that was asked in
    is_restricted_channel: bool = False  # Discord's own mark of the channel


# Whom nothing gives a right to anything.
NOBODY_SPECIAL = Requester()


def allowance_of(policy: GuildPolicy, member: MemberRule | None, role_ids: frozenset[RoleId]) -> int | None:
    """What one member may spend per period; None is no limit.

    A rule for the member stands above roles, in both directions. Of the roles the best one wins, and none of them takes
    away from what everybody has.
    """
    if member is not None:
        return member.allowance
    if policy.is_exempt(role_ids):
        return None
    of_roles = (rule.allowance for role, rule in policy.roles.items() if role in role_ids)
    return max([policy.allowance, *(allowance for allowance in of_roles if allowance is not None)])


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


class Section(StrEnum):
    """What staff sets together, and puts back together."""

    LIMITS = "limits"
    CHANNELS = "channels"
    ROLES = "roles"
    MODELS = "models"
    LANGUAGE = "language"
    VIDEOS = "videos"
    GIFTS = "gifts"
    LOG = "log"
    PRIVACY = "privacy"


FIELDS: Mapping[Section, tuple[str, ...]] = {
    Section.LIMITS: ("highest_price", "member_jobs", "guild_jobs", "cooldown", "confirm_above"),
    Section.CHANNELS: ("channels", "is_restricted_only"),
    Section.ROLES: (),
    Section.MODELS: ("models",),
    Section.LANGUAGE: ("language", "time_zone"),
    Section.VIDEOS: ("spoilers", "assist", "may_offer_successor"),
    Section.GIFTS: ("gifts",),
    Section.LOG: ("log_channel_id", "report_channel_id"),
    Section.PRIVACY: ("are_prompts_logged", "keep_prompts_days", "keep_media_days"),
}


def without(policy: GuildPolicy, section: Section) -> GuildPolicy:
    """The policy with one section put back to how a new guild has it."""
    new = GuildPolicy(guild_id=policy.guild_id)
    reset = replace(policy, **{name: getattr(new, name) for name in FIELDS[section]})
    # What a role may spend is not a matter of who may use the bot at all.
    return with_allowed_roles(reset, frozenset()) if section is Section.ROLES else reset


def with_allowed_roles(policy: GuildPolicy, roles: frozenset[RoleId]) -> GuildPolicy:
    """The policy in which exactly these roles may use the bot; none means that everybody may."""
    rules = {role: replace(rule, is_allowed=role in roles) for role, rule in policy.roles.items()}
    rules |= {role: RoleRule(is_allowed=True) for role in roles if role not in rules}
    return replace(policy, roles={role: rule for role, rule in rules.items() if not rule.is_empty})


def with_allowed_models(policy: GuildPolicy, offered: frozenset[ModelId], chosen: frozenset[ModelId]) -> GuildPolicy:
    """The policy in which, of the models that were *offered*, exactly the *chosen* ones are allowed by name."""

    def decide(rule: ModelRule, *, is_chosen: bool) -> ModelRule:
        return replace(rule, is_allowed=is_chosen)

    return _with_models(policy, offered, chosen, decide)


def with_restricted_models(policy: GuildPolicy, offered: frozenset[ModelId], chosen: frozenset[ModelId]) -> GuildPolicy:
    """The policy in which, of the models that were *offered*, exactly the *chosen* ones are age-restricted."""

    def decide(rule: ModelRule, *, is_chosen: bool) -> ModelRule:
        return replace(rule, is_restricted=is_chosen)

    return _with_models(policy, offered, chosen, decide)


class _Decide(Protocol):
    def __call__(self, rule: ModelRule, *, is_chosen: bool) -> ModelRule: ...


def _with_models(
    policy: GuildPolicy, offered: frozenset[ModelId], chosen: frozenset[ModelId], decide: _Decide
) -> GuildPolicy:
    rules = dict(policy.models)
    for model in offered:
        rules[model] = decide(rules.get(model, ModelRule()), is_chosen=model in chosen)
    return replace(policy, models={model: rule for model, rule in rules.items() if not rule.is_empty})
