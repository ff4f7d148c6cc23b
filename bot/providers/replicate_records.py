"""What a prediction's record says: how it is, and where its output lies for an hour."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from bot.domain.jobs import FailureReason, Result
from bot.errors import ProviderProtocolError
from bot.ports import Done, Empty, Pending, Refused, TaskStatus
from bot.providers import plain_codes as codes
from bot.providers.addresses import web_address
from bot.providers.transport import Answer

# Inputs and outputs of predictions made through the API are deleted after an hour (documentation).
RESULTS_KEPT = timedelta(hours=1)


def status_of(record: Mapping[str, object], clean: Callable[[str], str]) -> TaskStatus:
    """What the record says; ProviderProtocolError when it is none."""
    status = record.get("status")
    if not isinstance(status, str) or not status:
        raise ProviderProtocolError("the prediction has no status")
    match status:
        case "succeeded":
            return _outcome(record)
        case "failed":
            text = str(record.get("error") or "")
            return Refused(reason=codes.task_fault(text), detail=clean(text))
        case "canceled" | "aborted" as ended:
            return Refused(reason=FailureReason.UPSTREAM, detail=f"the prediction was {ended}")
        case _:  # starting, processing, and whatever comes to be known later
            return Pending()


def _outcome(record: Mapping[str, object]) -> TaskStatus:
    """The first address of the output, which is one address or a list of them, as the model likes."""
    output = record.get("output")
    for each in output if isinstance(output, list) else [output]:
        url = web_address(each)
        if url is not None:
            return Done(result=Result(url=url, expires_at=_expiry(record.get("completed_at"))))
    gone = "; it was deleted after its hour" if record.get("data_removed") else ""
    return Empty(detail=f"the prediction has no address in its output{gone}")


def _expiry(ended: object) -> datetime | None:
    try:
        ended_at = datetime.fromisoformat(ended) if isinstance(ended, str) else None
        return ended_at + RESULTS_KEPT if ended_at is not None and ended_at.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None


def text_of(answer: Answer) -> str:
    """What Replicate says about a request that it did not carry out."""
    detail = answer.fields.get("detail") if answer.fields is not None else None
    return detail if isinstance(detail, str) else answer.text
