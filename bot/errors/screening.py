"""The words of a prompt are refused, or the member who wrote them."""

from __future__ import annotations

from bot.errors.trunk import UserError
from bot.i18n import N_


class ForbiddenWordsError(UserError):
    text = N_("This server does not allow what the prompt says. Nothing was charged; write it differently.")


class ModerationError(UserError):
    text = N_("The host's moderation service objects to this prompt ({categories}). Nothing was charged.")


class ModerationUnavailableError(UserError):
    text = N_("Prompts cannot be checked at the moment, so no new videos are accepted. Nothing was charged.")


class TooManyRefusalsError(UserError):
    text = N_(
        "Your last prompts were refused {count} times within an hour, here or by a model's safety filter. "
        "You can ask for videos again {renews}."
    )


class BlockedError(UserError):
    text = N_("You are blocked from making videos in this server. Reason: {reason}. It ends {until}.")


class BlockedForGoodError(BlockedError):
    text = N_("You are blocked from making videos in this server. Reason: {reason}. Ask its moderators.")


class DepartedError(UserError):
    text = N_(
        "You have had your data deleted after you used your allowance here. New videos are possible again {renews}."
    )
