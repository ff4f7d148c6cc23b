"""Reads a task's record as Kie's Jobs API shows it; the one place that knows where a result may stand."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta

import httpx

from bot.domain.ids import TaskId
from bot.domain.jobs import Result
from bot.errors import ProviderProtocolError
from bot.ports import Done, Empty, Pending, Refused, TaskStatus
from bot.providers.kie_codes import reason_of

# Kie's documentation of the task record: result links live for 24 hours. Operators have measured far less, so nobody
# should wait for this moment.
LINK_LIFE = timedelta(hours=24)


def status_of(record: Mapping[str, object], task_id: TaskId, now: datetime, clean: Callable[[str], str]) -> TaskStatus:
    """What the record says; ProviderProtocolError when it is nobody's or another task's record."""
    named = record.get("taskId")
    if isinstance(named, str) and named and named != task_id:
        raise ProviderProtocolError("the provider answered with the record of another task")
    match _state(record):
        case "success":
            return _finished(record, now)
        case "fail":
            code, text = _text(record, "failCode", "errorCode"), _text(record, "failMsg", "errorMessage")
            return Refused(reason=reason_of(code, text), detail=clean(f"[{code or 'no code'}] {text or 'no text'}"))
        case _:
            # Kie keeps most tasks in "waiting" until the end; a state that we have never heard of is no end either.
            return Pending()


def callback_url_of(record: Mapping[str, object]) -> str | None:
    """The callback address that the record echoes from its create call."""
    address = _object(record.get("param")).get("callBackUrl")
    return address if isinstance(address, str) and address else None


def _state(record: Mapping[str, object]) -> str:
    """`state`, or for records of the newer shape without one what `successFlag` stands for."""
    state = record.get("state")
    if isinstance(state, str) and state.strip():
        return state.strip().lower()
    match record.get("successFlag"):
        case 1:
            return "success"
        case 2 | 3:
            return "fail"
        case 0:
            return "waiting"
        case _:
            raise ProviderProtocolError("the provider's record has no state")


def _finished(record: Mapping[str, object], now: datetime) -> TaskStatus:
    for url in _result_urls(record):
        expires_at = _completed_at(record, now) + LINK_LIFE
        return Done(result=Result(url=url, expires_at=expires_at, credits=_credits(record)))
    return Empty(detail="the record says success and names no result")


def _result_urls(record: Mapping[str, object]) -> Iterator[str]:
    """Web addresses under `resultUrls`, from the Jobs field first, then from the newer one.

    Nothing else in the record is looked at: `param` repeats the addresses of the input pictures.
    """
    for holder in (_object(record.get("resultJson")), _object(record.get("response"))):
        urls = holder.get("resultUrls")
        for url in [urls] if isinstance(urls, str) else urls if isinstance(urls, list) else []:
            if isinstance(url, str) and is_web_address(url.strip()):
                yield url.strip()


def is_web_address(text: str) -> bool:
    """Whether *text* is an http(s) address with a host and without a user name."""
    try:
        url = httpx.URL(text)
    except (httpx.InvalidURL, ValueError):
        return False
    return url.scheme in ("http", "https") and bool(url.host) and not url.userinfo


def _object(value: object) -> Mapping[str, object]:
    """An object that may have been sent as it is or as JSON text; empty when it is neither."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return {}
    return value if isinstance(value, dict) else {}


def _completed_at(record: Mapping[str, object], now: datetime) -> datetime:
    """When the task ended, by Kie's clock if it is plausible, else now."""
    value = record.get("completeTime")
    if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value < 1e14:
        ended = datetime.fromtimestamp(value / 1000, UTC)  # Milliseconds, in every recorded task.
        if now - timedelta(days=60) <= ended <= now + timedelta(minutes=5):
            return ended
    return now


def _credits(record: Mapping[str, object]) -> float | None:
    """What the task cost, from a finished record only: before that the number is zero or a guess.

    Zero on a finished task is read as "did not say": a missing number must not make a paid video free.
    """
    cost = number(record.get("creditsConsumed"))
    return cost if cost is not None and cost > 0 else None


def number(value: object) -> float | None:
    """A finite number, also when it was sent as text; None for everything else."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        read = float(value)
    except (ValueError, OverflowError):
        return None
    return read if math.isfinite(read) else None


def _text(record: Mapping[str, object], *names: str) -> str:
    for name in names:
        value = record.get(name)
        if isinstance(value, (str, int)) and not isinstance(value, bool) and str(value).strip():
            return str(value).strip()
    return ""
