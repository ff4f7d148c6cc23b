"""The rules that refuse, in a few words each: for lists and logs, not for the person who was refused."""

from __future__ import annotations

from collections.abc import Mapping

from bot.domain.admission import PolicyRule
from bot.domain.safety import Strike
from bot.i18n import N_, Texts

# By the name under which a refusal is counted (`rule_of` in bot/services/screening.py).
RULES: Mapping[str, str] = {
    Strike.WORDS: N_("forbidden words"),
    Strike.MODERATION: N_("the moderation service"),
    Strike.MODEL: N_("a model's own filter"),
    "TooManyRefusals": N_("too many refused prompts"),
    "Blocked": N_("blocked for a time"),
    "BlockedForGood": N_("blocked for good"),
    "Departed": N_("data deleted after the allowance was used"),
    PolicyRule.CLOSED: N_("the server is stopped"),
    PolicyRule.CLOSED_REASON: N_("the server is stopped"),
    PolicyRule.CHANNEL: N_("not in this channel"),
    PolicyRule.ROLE: N_("not with these roles"),
    PolicyRule.RESTRICTED_ONLY: N_("only in age-restricted channels"),
    PolicyRule.MODEL: N_("not this model"),
    PolicyRule.RESTRICTED_MODEL: N_("an age-restricted model"),
    PolicyRule.PRICE: N_("too expensive"),
    PolicyRule.MEMBER_JOBS: N_("too many videos of one member at once"),
    PolicyRule.GUILD_JOBS: N_("too many videos of the server at once"),
    PolicyRule.COOLDOWN: N_("too soon after the last one"),
    PolicyRule.ALLOWANCE: N_("not enough credits"),
    PolicyRule.ALLOWANCE_TOO_SMALL: N_("not enough credits"),
    PolicyRule.POOL: N_("the pool is empty"),
    PolicyRule.POOL_REFILLED: N_("the pool is empty"),
    "ModerationUnavailable": N_("prompts could not be checked"),
}


def rule_name(_: Texts, rule: str) -> str:
    """The name of a rule that only another version knows is all that there is to say."""
    return _(RULES[rule]) if rule in RULES else f"`{rule}`"
