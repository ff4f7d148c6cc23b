"""An entry of a guild's list of forbidden words cannot be as it is."""

from __future__ import annotations

from bot.errors.trunk import UserError
from bot.i18n import N_


class BadWordError(UserError):
    text = N_("`{given}` has no letter or digit that could be found in a prompt.")


class BadPatternError(UserError):
    text = N_(
        "The pattern `{given}` does not work: {problem}. Look-around and back-references are not possible, because "
        "they could take for ever; everything else of RE2 is."
    )


class TooManyWordsError(UserError):
    text = N_("This server's list has {limit} entries, which is as many as it may have. Remove some first.")


class UnknownWordError(UserError):
    text = N_("`{given}` is not in this server's list.")
