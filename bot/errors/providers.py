"""What can go wrong with a provider, by what may be done next. Handled in steps, never shown raw."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum

from bot.domain.jobs import FailureReason
from bot.errors.trunk import CutsceneError


class ProviderError(CutsceneError):
    """Something about the provider; steps decide what becomes of the job."""


class ProviderUnavailableError(ProviderError):
    """Come back later; provably nothing was created. `retry_after` is the provider's wish, if it had one."""

    def __init__(self, message: str, retry_after: timedelta | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class ProviderRejectedError(ProviderError):
    """The provider will never do this. `detail` is its own text: for staff, not for members."""

    def __init__(self, reason: FailureReason, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


class DeadLinkError(ProviderRejectedError):
    """Nothing is to be had at the address of a result any more, or not for us; the file itself may still be there."""

    def __init__(self, detail: str) -> None:
        super().__init__(FailureReason.NO_RESULT, detail)


class AccountFault(StrEnum):
    """What is wrong with the host's account at a provider."""

    KEY = "key"  # missing, wrong, or not allowed from this address
    BALANCE = "balance"  # nothing left to spend
    CAP = "cap"  # the key's own spending limit is reached


class ProviderAuthError(ProviderError):
    """Our key was refused or our balance there is empty: no job of anybody can succeed until the host acts."""

    def __init__(self, message: str, fault: AccountFault = AccountFault.KEY) -> None:
        super().__init__(message)
        self.fault = fault


class ProviderProtocolError(ProviderError):
    """An answer that nobody documented."""


class AnswerLostError(ProviderError):
    """A create call left and its answer did not come, or does not say: a task may exist and be billed."""
