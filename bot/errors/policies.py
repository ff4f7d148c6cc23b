"""A rule of the guild's staff refuses, with its numbers."""

from __future__ import annotations

from collections.abc import Mapping

from bot.domain.admission import PolicyRule, Refusal
from bot.errors.trunk import UserError
from bot.i18n import N_, Texts

POLICY_TEXTS: Mapping[PolicyRule, str] = {
    PolicyRule.CLOSED: N_("The moderators of this server have switched the bot off for now."),
    PolicyRule.CLOSED_REASON: N_("The moderators of this server have switched the bot off for now: {reason}"),
    PolicyRule.CHANNEL: N_("In this server videos can only be asked for in {channels}."),
    PolicyRule.ROLE: N_("In this server only members with one of these roles can ask for videos: {roles}."),
    PolicyRule.RESTRICTED_ONLY: N_("In this server videos can only be asked for in age-restricted channels."),
    PolicyRule.MODEL: N_("**model**: this server does not allow `{model}`. It allows {models}."),
    PolicyRule.RESTRICTED_MODEL: N_("**model**: `{model}` can only be used in age-restricted channels here."),
    PolicyRule.PRICE: N_("This video costs {needed} credits; in this server one may cost at most {limit}."),
    PolicyRule.MEMBER_JOBS: N_(
        "{running} of your videos are on their way, and this server allows {limit} per member. Ask again when one is "
        "done."
    ),
    PolicyRule.GUILD_JOBS: N_(
        "{running} videos of this server are on their way, and it allows {limit}. Ask again when one is done."
    ),
    PolicyRule.COOLDOWN: N_("This server allows one video per member every {seconds} seconds. Your next: {renews}."),
    PolicyRule.ALLOWANCE: N_(
        "This video costs {needed} credits; you have {balance}: {left} of your allowance of {allowance}, and {bonus} "
        "bonus. Your allowance renews {renews}."
    ),
    PolicyRule.ALLOWANCE_TOO_SMALL: N_(
        "This video costs {needed} credits; you have {balance}. Your whole allowance of {allowance} would not be "
        "enough either. It renews {renews}."
    ),
    PolicyRule.POOL: N_(
        "This video costs {needed} credits; this server's pool has {balance} left. Ask its moderators."
    ),
    PolicyRule.POOL_REFILLED: N_(
        "This video costs {needed} credits; this server's pool has {balance} left. It is refilled {renews}."
    ),
}


class PolicyRefusedError(UserError):
    """A rule of the guild refuses, with its numbers and the moment from which asking again helps."""

    text = ""  # One text per rule.

    def __init__(self, refusal: Refusal) -> None:
        # Discord shows the moment in the reader's own time.
        renews = {} if refusal.renews_at is None else {"renews": f"<t:{int(refusal.renews_at.timestamp())}:R>"}
        super().__init__(rule=refusal.rule, **refusal.values, **renews)
        self.refusal = refusal

    def message(self, texts: Texts, **shown: object) -> str:
        return texts(POLICY_TEXTS[self.refusal.rule], **{**self.values, **shown})


class InsufficientCreditsError(PolicyRefusedError):
    """The member has too little."""


class PoolEmptyError(PolicyRefusedError):
    """All members together have too little."""


def refused(refusal: Refusal) -> PolicyRefusedError:
    """The error for a refusal."""
    match refusal.rule:
        case PolicyRule.ALLOWANCE | PolicyRule.ALLOWANCE_TOO_SMALL:
            return InsufficientCreditsError(refusal)
        case PolicyRule.POOL | PolicyRule.POOL_REFILLED:
            return PoolEmptyError(refusal)
        case _:
            return PolicyRefusedError(refusal)
