"""What errors mean at vendors whose HTTP status says what happened: Google, Replicate, Hugging Face, imgbb."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

from bot.domain.jobs import FailureReason
from bot.errors import (
    AccountFault,
    AnswerLostError,
    ProviderAuthError,
    ProviderError,
    ProviderProtocolError,
    ProviderRejectedError,
    ProviderUnavailableError,
)
from bot.providers.failure_texts import REQUEST_FAULTS, reason_in
from bot.providers.transport import Answer

# For refusals that come without a Retry-After, and for an edge that has turned us away.
RATE_PAUSE = timedelta(seconds=15)
EDGE_PAUSE = timedelta(minutes=1)

_KEY = re.compile(r"\bapi (v\d+ )?key\b", re.IGNORECASE)

Clean = Callable[[str], str]


def create_error(answer: Answer, text: str, clean: Clean) -> ProviderError:
    """The error for a create call's answer that is no success; *text* is what the vendor says about it.

    Only an answer that proves that no task exists may become anything else than AnswerLostError. A 5xx proves nothing:
    google.rpc.Code warns of repeating what is not idempotent even after UNAVAILABLE, and an edge may have given up on a
    vendor that had already begun.
    """
    detail = f"[HTTP {answer.status}] {clean(text)}"
    shared = _shared_error(answer, text, detail)
    if shared is not None:
        return shared
    match answer.status:
        case 303 | 408 | 499:  # 303 is how a server points at what it has just made
            return AnswerLostError(detail)
        case status if 300 <= status < 500 and (answer.is_page or status < 400):
            return ProviderUnavailableError(f"turned away before the provider: {detail}", EDGE_PAUSE)
        case 404:
            return ProviderRejectedError(FailureReason.MODEL_PAUSED, detail)
        case status if 400 <= status < 500:
            return ProviderRejectedError(request_fault(text), detail)
        case _:
            return AnswerLostError(f"the create call was answered without saying whether a task exists: {detail}")


def read_error(answer: Answer, text: str, clean: Clean) -> ProviderError:
    """The error for an answer that is no success, to a call that can be repeated."""
    detail = f"[HTTP {answer.status}] {clean(text)}"
    shared = _shared_error(answer, text, detail)
    if shared is not None:
        return shared
    if answer.status == 408 or answer.status >= 500 or answer.is_page:
        return ProviderUnavailableError(detail, answer.retry_after)
    return ProviderProtocolError(detail)


def request_fault(text: str) -> FailureReason:
    """Why a request was refused: by what its text names, else without a guess."""
    reason = reason_in(text)
    return reason if reason in REQUEST_FAULTS else FailureReason.REJECTED


def task_fault(text: str) -> FailureReason:
    """Why a task failed: by what its text names, else on the vendor's side."""
    return reason_in(text) or FailureReason.UPSTREAM


def _shared_error(answer: Answer, text: str, detail: str) -> ProviderError | None:
    """What means the same everywhere: our account, our rate."""
    if answer.is_page and answer.status != 401:
        return None  # an edge's 403 is about our address and not about our key
    match answer.status:
        case 401 | 403:
            return ProviderAuthError(detail, AccountFault.KEY)
        case 400 if _KEY.search(text):  # how Google and imgbb say it
            return ProviderAuthError(detail, AccountFault.KEY)
        case 402:
            return ProviderAuthError(detail, AccountFault.BALANCE)
        case 429:
            return ProviderUnavailableError(detail, max(RATE_PAUSE, answer.retry_after or RATE_PAUSE))
        case _:
            return None
