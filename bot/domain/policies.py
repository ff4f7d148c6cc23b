"""A guild's policy: what its staff has decided about who may spend what, where and how."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from bot.domain.ids import ChannelId, GuildId, ModelId, RoleId, UserId
from bot.domain.periods import Period, span
from bot.domain.quotas import DEFAULT_ALLOWANCE


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
