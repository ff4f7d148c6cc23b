"""The bot takes no new videos at the moment, whoever asks."""

from __future__ import annotations

from bot.domain.jobs import FailureReason
from bot.errors.failures import FAILURE_TEXTS
from bot.errors.trunk import UserError
from bot.i18n import N_


class BudgetReachedError(UserError):
    text = N_("The host's budget is used up. New videos are possible again {renews}.")


class CeilingReachedError(UserError):
    text = N_("The host's budget for this server is used up. New videos are possible again {renews}.")


class NotNowError(UserError):
    text = N_("The video provider takes no jobs at the moment. The host has been told; try again later.")


class AccountEmptyError(NotNowError):
    text = FAILURE_TEXTS[FailureReason.BALANCE]


class IntakeClosedError(UserError):
    text = N_("The bot is about to restart. Try again in a minute.")


class IntakePausedError(UserError):
    text = N_("The host of this bot accepts no new videos at the moment. Nothing was charged.")


class IntakePausedWithMessageError(IntakePausedError):
    text = N_("The host of this bot accepts no new videos at the moment: {message}")


class StorageTroubleError(UserError):
    text = N_("The bot cannot store new videos safely at the moment. Nothing was charged. Try again in a few minutes.")
