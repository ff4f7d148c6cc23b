"""Writes a task down in the shapes that the provider's record endpoints and callbacks have."""

from __future__ import annotations

import json
from datetime import UTC, datetime

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


def veo_record(task: Task, now: float) -> Record:
    """What /veo/record-info says: its own field names, and times as text."""
    end = task.end if task.shows_end_at(now) else None
    record: Record = {
        "taskId": task.id,
        "paramJson": json.dumps(task.filled, ensure_ascii=False),
        "createTime": _text_time(task.created_at),
        "completeTime": _text_time(task.ended_at) if end is not None and task.ended_at is not None else None,
        "response": None,
        "successFlag": 0,
        "errorCode": None,
        "errorMessage": "",
        "fallbackFlag": False,
    }
    match end:
        case Succeeded(urls):
            response = _veo_response(task, urls) | {"taskId": task.id, "fullResultUrls": list(urls)}
            record |= {"successFlag": 1, "response": response}
        case Failed(failure):
            # 2: failed, 3: created but the generation failed. What moderation stops was never generated.
            flag = 2 if failure.code == "400" else 3
            record |= {"successFlag": flag, "errorCode": int(failure.code), "errorMessage": failure.text}
        case None:
            pass
    return record


def veo_callback(task: Task) -> Record:
    match task.end:
        case Succeeded(urls):
            content: Record = {"taskId": task.id, "info": _veo_response(task, urls), "fallbackFlag": False}
            return {"code": 200, "msg": "Veo3.1 video generated successfully.", "data": content}
        case Failed(failure):
            content = {"taskId": task.id, "fallbackFlag": False}
            return {"code": int(failure.code), "msg": failure.text, "data": content}
        case None:
            raise ValueError(f"task {task.id} has not ended")


def _veo_response(task: Task, urls: tuple[str, ...]) -> Record:
    return {"resultUrls": list(urls), "originUrls": list(urls), "resolution": task.filled.get("resolution", "720p")}


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


def _text_time(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d %H:%M:%S")
