"""Writes a task down in the shapes of the Jobs API's records and callbacks."""

from __future__ import annotations

import json

from sandbox.kie_server.scenarios import PendingCredits, ResultShape
from sandbox.kie_server.tasks import Failed, Succeeded, Task

Record = dict[str, object]


def jobs_record(task: Task, now: float) -> Record:
    """What recordInfo says about *task*."""
    has_ended = task.shows_end_at(now)
    end = task.end if has_ended else None
    record: Record = {
        "taskId": task.id,
        "model": task.slug,
        "state": task.pending_state(now),
        "param": _param(task),
        "resultJson": "",
        "failCode": None,
        "failMsg": None,
        "costTime": None,
        "completeTime": None,
        "createTime": _ms(task.created_at),
    } | _credits(task, has_ended=has_ended)
    if end is not None and task.ended_at is not None:
        # Seconds in every recording, whatever the reference page's example suggests.
        record |= {"costTime": round(task.ended_at - task.created_at), "completeTime": _ms(task.ended_at)}
    match end:
        case Succeeded(urls):
            record |= {"state": "success", "resultJson": _result(task.scenario.shape, urls)}
        case Failed(failure):
            record |= {"state": "fail", "failCode": failure.code, "failMsg": failure.text}
        case None:
            pass
    is_newer = task.scenario.has_newer_record
    if task.model.has_newer_record if is_newer is None else is_newer:
        record |= _newer(task, end)
    return record


def jobs_callback(task: Task, now: float) -> Record:
    """The body that goes to callBackUrl; it shows the end even when the record does not yet."""
    end, ended_at = task.end, task.ended_at or now
    is_success = isinstance(end, Succeeded)
    content: Record = {
        "taskId": task.id,
        "model": task.slug,
        "state": "success" if is_success else "fail",
        "param": _param(task),
        "resultJson": _result(task.scenario.shape, end.urls) if isinstance(end, Succeeded) else None,
        "failCode": end.failure.code if isinstance(end, Failed) else None,
        "failMsg": end.failure.text if isinstance(end, Failed) else None,
        "costTime": round(ended_at - task.created_at),
        "createTime": _ms(task.created_at),
        "completeTime": _ms(ended_at),
        "updateTime": _ms(ended_at),
        "creditsConsumed": task.credits_consumed,
    }
    text = "Playground task completed successfully." if is_success else "Playground task failed."
    return {"code": 200 if is_success else 501, "msg": text, "data": content}


def _param(task: Task) -> str:
    """Encoded twice, with the defaults that the server added."""
    param: Record = {"model": task.slug, "input": json.dumps(task.filled, ensure_ascii=False)}
    if task.callback_url is not None:
        param["callBackUrl"] = task.callback_url
    return json.dumps(param, ensure_ascii=False)


def _credits(task: Task, *, has_ended: bool) -> Record:
    if has_ended:
        return {"creditsConsumed": task.credits_consumed}
    match task.scenario.pending_credits or task.model.pending_credits:
        case PendingCredits.ZERO:
            return {"creditsConsumed": 0.0}
        case PendingCredits.FULL:
            return {"creditsConsumed": task.price}
        case PendingCredits.ABSENT:
            return {}


def _result(shape: ResultShape, urls: tuple[str, ...]) -> object:
    usual = {"resultUrls": list(urls)}
    match shape:
        case ResultShape.USUAL:
            return json.dumps(usual)
        case ResultShape.AS_TEXT:
            return json.dumps({"resultUrls": json.dumps(list(urls))})
        case ResultShape.EMPTY_LIST:
            return json.dumps({"resultUrls": []})
        case ResultShape.MISSING_KEY:
            return json.dumps({"resultObject": {}})
        case ResultShape.FIRST_FRAME_LIST:
            return json.dumps(usual | {"firstFrameUrl": []})
        case ResultShape.PARSED:
            return usual
        case ResultShape.BROKEN:
            return json.dumps(usual)[:-2]
        case ResultShape.EMPTY_TEXT:
            return ""
        case ResultShape.NULL:
            return None


def _newer(task: Task, end: Succeeded | Failed | None) -> Record:
    """The fields that records have carried besides the others since September 2026."""
    extra: Record = {"operationType": task.slug, "successFlag": 0, "paramJson": _param(task)}
    match end:
        case Succeeded(urls):
            extra |= {"successFlag": 1, "response": {"resultUrls": list(urls)}}
        case Failed():
            extra |= {"successFlag": 3}
        case None:
            pass
    return extra


def _ms(moment: float) -> int:
    return round(moment * 1000)
