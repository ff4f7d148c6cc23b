"""Finds and reads the records that Kie keeps of its tasks; its products differ in where a result stands in them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta

from bot.domain.ids import TaskId
from bot.domain.jobs import Result
from bot.errors import ProviderProtocolError
from bot.ports import Done, Empty, Pending, Refused, TaskStatus
from bot.providers import kie_codes as codes
from bot.providers.failure_texts import REQUEST_FAULTS, reason_in
from bot.providers.kie_fields import links_in, moment_in, number_in, object_in, text_in
from bot.providers.transport import Answer

Record = Mapping[str, object]

# Kie's documentation of the task record: result links live for 24 hours. Operators have measured far less, so nobody
# should wait for this moment.
LINK_LIFE = timedelta(hours=24)
# Where records say why their task failed.
_FAILURE = ("failCode", "errorCode", "failMsg", "errorMessage")


def inside(answer: Answer) -> dict[str, object]:
    """The answer's `data` object; empty when there is none."""
    data = (answer.fields or {}).get("data")
    return data if isinstance(data, dict) else {}


def record_in(answer: Answer, clean: Callable[[str], str]) -> Record | None:
    """The record that was asked for; None when Kie has none, or none yet."""
    code, text = codes.code_of(answer), codes.text_of(answer)
    if code == 200:
        data = (answer.fields or {}).get("data")
        if data is not None and not isinstance(data, dict):
            raise ProviderProtocolError("the provider's record is not an object")
        return data
    if code in codes.TASK_FAILURES:
        return _failure_in(answer, clean)
    if code == 404 or (code is None and answer.status == 404 and not answer.is_page):
        return None
    if codes.is_missing_record(text) and not answer.is_page:
        return None
    raise codes.read_error(answer, clean)


def _failure_in(answer: Answer, clean: Callable[[str], str]) -> Record:
    """The record of an answer whose code is a failed task's: callbacks have it so, and Veo's page has it of records.

    Nobody has seen such an answer to a question, and the same code could speak of the question alone. So what the
    record says goes before the code, and a bare code is not understood. When it stays, that ends the job as well, a
    minute and a half later, and a video that is made all the same is still looked for.
    """
    code, text = codes.code_of(answer), codes.text_of(answer)
    told = {name: value for name, value in inside(answer).items() if value is not None}
    if not told.keys() & {"state", "successFlag"}:
        # What is wrong with the words or pictures of the request is wrong with nobody's question.
        if not (text_in(told, *_FAILURE) or reason_in(text) in REQUEST_FAULTS):
            raise ProviderProtocolError(f"[{code}] {clean(text)}: no record, so perhaps not the task's end")
        told["state"] = "fail"
    return {"errorCode": code, "errorMessage": text, **told}


def jobs_links(record: Record) -> Iterator[str]:
    """The results of the Jobs API, from its own field first, then from the newer one.

    Nothing else in the record is looked at: `param` repeats the addresses of the input pictures.
    """
    for holder in ("resultJson", "response"):
        yield from links_in(object_in(record.get(holder)).get("resultUrls"))


def status_of(
    record: Record,
    task_id: TaskId,
    now: datetime,
    clean: Callable[[str], str],
    links: Callable[[Record], Iterator[str]] = jobs_links,
) -> TaskStatus:
    """What the record says; ProviderProtocolError when it is nobody's or another task's record."""
    named = record.get("taskId")
    if isinstance(named, str) and named and named != task_id:
        raise ProviderProtocolError("the provider answered with the record of another task")
    match _state(record):
        case "success":
            return _finished(record, now, links)
        case "fail":
            code, text = text_in(record, "failCode", "errorCode"), text_in(record, "failMsg", "errorMessage")
            detail = clean(f"[{code or 'no code'}] {text or 'no text'}")
            return Refused(reason=codes.reason_of(code, text), detail=detail)
        case _:
            # Kie keeps most tasks in "waiting" until the end; a state that we have never heard of is no end either.
            return Pending()


def callback_url_of(record: Record) -> str | None:
    """The callback address that the record echoes from its create call."""
    for name in ("param", "paramJson"):
        address = object_in(record.get(name)).get("callBackUrl")
        if isinstance(address, str) and address:
            return address
    return None


def _state(record: Record) -> str:
    """`state`, or for records without one what `successFlag` stands for."""
    state = record.get("state")
    if isinstance(state, str) and state.strip():
        return state.strip().lower()
    match number_in(record.get("successFlag")):
        case 1:
            return "success"
        case 2 | 3:
            return "fail"
        case 0:
            return "waiting"
        case _:
            raise ProviderProtocolError("the provider's record has no state")


def _finished(record: Record, now: datetime, links: Callable[[Record], Iterator[str]]) -> TaskStatus:
    for url in links(record):
        expires_at = moment_in(record.get("completeTime"), now) + LINK_LIFE
        return Done(result=Result(url=url, expires_at=expires_at, credits=_credits(record)))
    return Empty(detail="the record says success and names no result")


def _credits(record: Record) -> float | None:
    """What the task cost, from a finished record only: before that the number is zero or a guess.

    Zero on a finished task is read as "did not say": a missing number must not make a paid video free.
    """
    cost = number_in(record.get("creditsConsumed"))
    return cost if cost is not None and cost > 0 else None
