"""The parts of a guild's policy that its staff sets together, and what the policy is after a change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from enum import StrEnum
from typing import Protocol

from bot.domain.ids import ModelId, RoleId
from bot.domain.policies import GuildPolicy, ModelRule, RoleRule


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
