"""Credits cannot be given, granted or taken back that way."""

from __future__ import annotations

from bot.errors.trunk import UserError
from bot.i18n import N_


class NoGiftsError(UserError):
    text = N_("Members of this server cannot give credits to each other.")


class SelfGiftError(UserError):
    text = N_("You cannot give credits to yourself.")


class BotGiftError(UserError):
    text = N_("Bots have no use for credits.")


class GiftTooLargeError(UserError):
    text = N_("In this server you can give at most {limit} credits at once.")


class GiftsPerPeriodError(UserError):
    text = N_("You have given {given} credits; this server allows {limit} until your allowance renews {renews}.")


class TooLittleBonusError(UserError):
    text = N_("You have {balance} bonus credits; only those can be given away.")


class NoTargetError(UserError):
    text = N_("Name a **member** or a **role**, and not both. The role @everyone stands for all members.")


class AlreadyGivenError(UserError):
    text = N_("This has been decided before, or the question is more than a day old. Nothing more was given.")


class NothingToRevokeError(UserError):
    text = N_("This member has no bonus credits that could be taken back.")


class PoolTooSmallError(UserError):
    text = N_("This server's pool has {balance} credits left; {needed} cannot be granted.")
