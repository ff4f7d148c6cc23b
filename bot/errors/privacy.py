"""A member's data cannot be handed out or deleted now."""

from __future__ import annotations

from bot.errors.trunk import UserError
from bot.i18n import N_


class JobsRunningError(UserError):
    text = N_("Your data cannot be deleted while videos are on their way: {jobs}. Try again {ready}.")


class ExportTooLargeError(UserError):
    text = N_("The file is larger than Discord takes here. Try again in direct messages with me, or ask the host.")
