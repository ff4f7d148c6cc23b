"""Reads a video's record and the errors of OpenAI's shape, as gateways write them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from bot.domain.ids import TaskId
from bot.domain.jobs import FailureReason, Result
from bot.errors import AccountFault, ProviderAuthError, ProviderError, ProviderProtocolError
from bot.ports import Done, Pending, Refused, TaskStatus
from bot.providers import plain_codes as codes
from bot.providers.transport import Answer

# Codes under which OpenAI's moderation refused, whatever the text says.
_MODERATED = frozenset({"moderation_blocked", "content_policy_violation", "sentinel_block"})
# Codes under which OpenAI and relays refuse because the account has nothing left.
_NOTHING_LEFT = frozenset({"insufficient_quota", "insufficient_user_quota", "billing_hard_limit_reached"})


def status_of(
    record: Mapping[str, object], task_id: TaskId, content_url: str, clean: Callable[[str], str]
) -> TaskStatus:
    """What the record says; ProviderProtocolError when it is another video's record or none."""
    if record.get("id") != task_id:
        raise ProviderProtocolError("the gateway answered with the record of another video")
    status = record.get("status")
    if not isinstance(status, str) or not status:
        raise ProviderProtocolError("the gateway's record has no status")
    match status.lower():
        case "completed":
            return Done(result=Result(url=content_url, expires_at=_expires_at(record)))
        case "failed":
            code, text = code_of(record) or "no code", message_of(record) or "no text"
            return Refused(reason=_reason(code, text), detail=clean(f"[{code}] {text}"))
        case _:
            # queued and in_progress are OpenAI's; relays add "submitted" and others, and none of them is an end.
            return Pending()


def code_of(fields: Mapping[str, object] | None) -> str | None:
    """The error's code in an answer or a record."""
    code = _error(fields).get("code")
    return code if isinstance(code, str) and code else None


def message_of(fields: Mapping[str, object] | None) -> str | None:
    """The error's text; relays write it as the error itself or beside it."""
    text = _error(fields).get("message")
    if not isinstance(text, str) and fields is not None:
        error = fields.get("error")
        text = error if isinstance(error, str) else fields.get("message")
    return text if isinstance(text, str) and text.strip() else None


def text_of(answer: Answer) -> str:
    return message_of(answer.fields) or answer.text


def create_error(answer: Answer, clean: Callable[[str], str]) -> ProviderError:
    """The error for a create call's answer that is no success."""
    return _quota_error(answer, clean) or codes.create_error(answer, text_of(answer), clean)


def read_error(answer: Answer, clean: Callable[[str], str]) -> ProviderError:
    """The error for an answer that is no success, to a call that can be repeated."""
    return _quota_error(answer, clean) or codes.read_error(answer, text_of(answer), clean)


def _quota_error(answer: Answer, clean: Callable[[str], str]) -> ProviderAuthError | None:
    """An empty account: OpenAI says it with 429, relays with 403, which otherwise mean something else."""
    if code_of(answer.fields) in _NOTHING_LEFT:
        return ProviderAuthError(f"[HTTP {answer.status}] {clean(text_of(answer))}", AccountFault.BALANCE)
    return None


def _error(fields: Mapping[str, object] | None) -> Mapping[str, object]:
    error = (fields or {}).get("error")
    return error if isinstance(error, dict) else {}


def _reason(code: str, text: str) -> FailureReason:
    reason = codes.task_fault(f"{text} {code}")
    if code in _MODERATED and reason is FailureReason.UPSTREAM:
        return FailureReason.MODERATION
    return reason


def _expires_at(record: Mapping[str, object]) -> datetime | None:
    """Unix seconds, if they are plausible."""
    value = record.get("expires_at")
    if isinstance(value, (int, float)) and not isinstance(value, bool) and 1e9 < value < 1e11:
        return datetime.fromtimestamp(value, UTC)
    return None
