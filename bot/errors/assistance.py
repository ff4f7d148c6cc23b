"""The prompt assistant cannot help."""

from __future__ import annotations

from bot.errors.trunk import UserError
from bot.i18n import N_


class NoAssistantError(UserError):
    text = N_("**assist**: this bot has no prompt assistant. Leave it out.")


class AssistNotHereError(UserError):
    text = N_("**assist**: this server does not use the prompt assistant. Leave it out.")


class RewriteGoneError(UserError):
    text = N_("This offer is too old. Nothing was charged; type `/video` again.")


class RewriteUsedError(RewriteGoneError):
    """Its video is on its way, or it was cancelled: what was charged then stays charged."""

    text = N_("You have decided about this offer already. Nothing more was charged.")
