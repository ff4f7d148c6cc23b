"""What only the host decides."""

from __future__ import annotations

from bot.errors.trunk import UserError
from bot.i18n import N_


class NotServedError(UserError):
    text = N_("The host of this bot has not opened it for this server.")


class NotHostError(UserError):
    text = N_("Only the people who run this bot can do this.")


class BadAmountError(UserError):
    text = N_("**{field}**: `{given}` is no amount of US dollars. Write for example 5, 12.50, none or default.")


class BadServerError(UserError):
    text = N_("**server**: choose one of the suggestions, or write the server's number.")
