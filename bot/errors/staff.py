"""What a guild's staff wants cannot be done, or whoever wants it is not staff."""

from __future__ import annotations

from bot.errors.trunk import UserError
from bot.i18n import N_


class NotAllowedError(UserError):
    text = N_("Only people who may manage this server can do this.")


class BadNumberError(UserError):
    text = N_("**{field}**: `{given}` is not a whole number from {lowest} to {highest}. Leave it empty for no limit.")


class BadZoneError(UserError):
    text = N_("`{given}` is not a time zone that I know. Write one like `Europe/Berlin` or `UTC`.")


class BadSpanError(UserError):
    text = N_("**expiry**: `{given}` is no span of time. Write 30m, 12h, 3d, 2w or forever.")


class NotBlockedError(UserError):
    text = N_("<@{member}> is not blocked in this server.")


class AlreadyStoppedError(UserError):
    text = N_("Videos are stopped in this server already.")


class NotStoppedError(UserError):
    text = N_("Videos are not stopped in this server.")


class NotInGuildError(UserError):
    text = N_("There is no job {job} in this server.")


class NotEndedError(UserError):
    text = N_("Job {job} is still on its way: when it fails its credits come back by themselves.")


class NothingPaidError(UserError):
    text = N_("Job {job} has cost nothing.")


class AlreadyRefundedError(UserError):
    text = N_("What job {job} has cost was given back already.")


class NotPostedError(UserError):
    text = N_("Job {job} has no video that could be delivered again now.")


class WithheldError(UserError):
    text = N_("Job {job} is kept back: its member is blocked, or videos are stopped here. End that first.")
