"""The rules that refuse, in a few words each: for lists and logs, not for the person who was refused."""

from __future__ import annotations

from collections.abc import Mapping

from bot.i18n import N_, Texts

# By the name under which a refusal is counted (`rule_of` in bot/services/screening.py).
RULES: Mapping[str, str] = {
    "ForbiddenWords": N_("forbidden words"),
    "Moderation": N_("the moderation service"),
    "ModelFilter": N_("a model's own filter"),
    "TooManyRefusals": N_("too many refused prompts"),
    "Blocked": N_("blocked for a time"),
    "BlockedForGood": N_("blocked for good"),
    "InsufficientCredits": N_("not enough credits"),
    "PoolEmpty": N_("the pool is empty"),
    "ModerationUnavailable": N_("prompts could not be checked"),
}


def rule_name(_: Texts, rule: str) -> str:
    """The name of a rule that only another version knows is all that there is to say."""
    return _(RULES[rule]) if rule in RULES else f"`{rule}`"
