"""What Kie's codes and texts mean for us: the same code stands for different things, so its text decides with it.

Kie repeats the code in the body, and the body counts: the same refusal comes with HTTP 200 or with a real status.
The texts were collected from Kie's documentation and public clients; they change, so they are matched loosely.
"""

from __future__ import annotations

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

# Kie's documentation: 20 new tasks per 10 s; what exceeds that is dropped, and Retry-After is never sent.
RATE_WINDOW = timedelta(seconds=10)
# Code 455 is maintenance, and an edge that has blocked us does not change its mind at once either.
LONG_PAUSE = timedelta(minutes=5)
EDGE_PAUSE = timedelta(minutes=1)

_ACCOUNT_FAULTS = {401: AccountFault.KEY, 402: AccountFault.BALANCE, 403: AccountFault.KEY, 433: AccountFault.CAP}

# Refused before any work.
_REFUSALS = frozenset({400, 404, 405, 413, 422, 451, 505})
# "Generation failed": whatever was created is over, and failed tasks are not billed.
TASK_FAILURES = frozenset({501, 531})
# No such task, or not yet, or (Veo) not any more.
_MISSING_RECORD = ("record is null", "recordinfo is null", "record does not exist", "task not found", "within 14 days")
# Texts under code 500 (and 422) that say that the request itself was wrong, so that nothing was created.
_VALIDATION = (
    "is required",
    "not within the range",
    "please enter",
    "must be",
    "cannot be empty",
    "can not be empty",
    "not supported",
)


def code_of(answer: Answer) -> int | None:
    """The code in the body; None when the body has none, which is how an edge or a proxy answers."""
    value = answer.fields.get("code") if answer.fields is not None else None
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and value.isdecimal() and len(value) <= 5:
        return int(value)
    return None


def text_of(answer: Answer) -> str:
    """What Kie says about it: `msg` in live traffic, `message` in older documentation; without JSON all that came.

    A JSON body whose text stands nowhere says nothing: words in its other fields are not Kie's verdict.
    """
    if answer.fields is None:
        return answer.text
    for name in ("msg", "message"):
        value = answer.fields.get(name)
        if isinstance(value, str) and value.strip():
            return value
    return ""


def is_validation(text: str) -> bool:
    return _has(text, _VALIDATION)


def is_paused(text: str) -> bool:
    return _has(text, ("temporarily paused",))


def is_unknown_model(text: str) -> bool:
    return _has(text, ("model name",)) and _has(text, ("not supported", "not exist", "invalid"))


def is_missing_record(text: str) -> bool:
    """Whether Kie says that it has no such task, or none yet."""
    return _has(text, _MISSING_RECORD)


def reason_of(code: str, text: str) -> FailureReason:
    """Why a task failed or a request was refused, from its code and text together."""
    told = reason_in(text)
    if told is not None:
        return told
    match code:
        case "400" | "404" | "405" | "413" | "422":
            return FailureReason.REJECTED
        case "408":
            return FailureReason.TIMEOUT
        case "451":
            return FailureReason.IMAGE_UNREACHED
        case "505":
            return FailureReason.MODEL_PAUSED
        case _:
            return FailureReason.UPSTREAM


def create_error(answer: Answer, clean: Callable[[str], str]) -> ProviderError:
    """The error for a create call's answer that does not name a task.

    Only an answer that proves that no task exists may become anything else than AnswerLostError.
    """
    code, text = code_of(answer), text_of(answer)
    detail = f"{_told(answer)} {clean(text or answer.text)}"
    if code is None:
        return _edge_create_error(answer, detail)
    proven = _shared_error(code, answer, detail) or _refusal(code, text, detail)
    # "Internal error" and everything unheard of: the task may exist all the same.
    return proven or AnswerLostError(f"the create call was answered without saying whether a task exists: {detail}")


def read_error(answer: Answer, clean: Callable[[str], str]) -> ProviderError:
    """The error for an answer other than success to a call that can be repeated."""
    code, text = code_of(answer), text_of(answer)
    detail = f"{_told(answer)} {clean(text or answer.text)}"
    if code is None:
        return _edge_read_error(answer, detail)
    shared = _shared_error(code, answer, detail)
    if shared is not None:
        return shared
    if code == 408 or code >= 500:
        return ProviderUnavailableError(detail)
    return ProviderProtocolError(detail)


def _shared_error(code: int, answer: Answer, detail: str) -> ProviderError | None:
    """The codes that mean the same everywhere: our account, our rate, maintenance."""
    if code in _ACCOUNT_FAULTS:
        return ProviderAuthError(detail, _ACCOUNT_FAULTS[code])
    if code == 429:
        return ProviderUnavailableError(detail, max(RATE_WINDOW, answer.retry_after or RATE_WINDOW))
    if code == 455:
        return ProviderUnavailableError(detail, max(LONG_PAUSE, answer.retry_after or LONG_PAUSE))
    return None


def _refusal(code: int, text: str, detail: str) -> ProviderError | None:
    """The error for a create call that was refused, or whose task has already ended unbilled; None when unsure."""
    if is_paused(text) or is_unknown_model(text):
        return ProviderRejectedError(FailureReason.MODEL_PAUSED, detail)
    reason = reason_of(str(code), text)
    if reason is FailureReason.BALANCE and (code == 500 or code in _REFUSALS | TASK_FAILURES):
        return ProviderAuthError(detail, AccountFault.BALANCE)
    if code in _REFUSALS and is_missing_record(text):
        return ProviderRejectedError(FailureReason.SOURCE_GONE, detail)  # The task that it was to go on with.
    if code in _REFUSALS or (code == 500 and is_validation(text)):
        # The request was turned down before it reached the upstream, whatever the text says about that.
        upstream = reason in (FailureReason.TIMEOUT, FailureReason.UPSTREAM)
        return ProviderRejectedError(FailureReason.REJECTED if upstream else reason, detail)
    if code in TASK_FAILURES or (code == 500 and reason in REQUEST_FAULTS):
        return ProviderRejectedError(reason, detail)
    return None


def _edge_create_error(answer: Answer, detail: str) -> ProviderError:
    """An answer to a create call that Kie itself did not write.

    The edge stands before Kie: its 4xx (a blocked address or User-Agent, a wrong path, a redirect) is a request that
    was turned away at the door, so nothing was created. Its 5xx says that Kie did not answer the edge, which may be
    after the task was created. Success without a code is no answer at all.
    """
    match answer.status:
        case 401:
            return ProviderAuthError(detail, AccountFault.KEY)
        case 408 | 499:
            return AnswerLostError(detail)
        case 413 | 422:
            return ProviderRejectedError(FailureReason.REJECTED, detail)
        case 429:
            return ProviderUnavailableError(detail, max(RATE_WINDOW, answer.retry_after or RATE_WINDOW))
        case status if 300 <= status < 500 and status != 303:
            return ProviderUnavailableError(f"turned away before the provider: {detail}", EDGE_PAUSE)
        case _:
            return AnswerLostError(f"the create call's answer is not the provider's: {detail}")


def _edge_read_error(answer: Answer, detail: str) -> ProviderError:
    """An answer that Kie itself did not write, to a call that can be repeated."""
    if answer.status == 401:
        return ProviderAuthError(detail, AccountFault.KEY)
    if answer.status == 429:
        return ProviderUnavailableError(detail, max(RATE_WINDOW, answer.retry_after or RATE_WINDOW))
    if answer.is_page or answer.status >= 300:
        return ProviderUnavailableError(f"not the provider's answer: {detail}", answer.retry_after)
    return ProviderProtocolError(detail)


def _told(answer: Answer) -> str:
    code = code_of(answer)
    return f"[HTTP {answer.status}]" if code is None else f"[{code}]"


def _has(text: str, needles: tuple[str, ...]) -> bool:
    lowered = text.lower()
    return any(needle in lowered for needle in needles)
