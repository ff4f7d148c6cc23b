"""Writes a task down as the services with routes of their own do: Veo, Runway and Aleph, each with its own names."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from sandbox.kie_server.records import Record
from sandbox.kie_server.scenarios import ResultShape
from sandbox.kie_server.tasks import Failed, Succeeded, Task

# Runway spells the two states that it shares with the Jobs API its own way.
_RUNWAY_STATES = {"waiting": "wait", "queuing": "queueing"}
# Documented for Runway: links are valid for 14 days, then expireFlag is 1.
RUNWAY_KEPT_FOR = 14 * 24 * 3600.0


def veo_record(task: Task, now: float) -> Record:
    """What /veo/record-info says: a flag instead of a state, and times as text."""
    end = task.end if task.shows_end_at(now) else None
    record: Record = {
        "taskId": task.id,
        "paramJson": json.dumps(task.filled, ensure_ascii=False),
        "createTime": text_time(task.created_at),
        "completeTime": text_time(task.ended_at) if end is not None and task.ended_at is not None else None,
        "response": None,
        "successFlag": 0,
        "errorCode": None,
        "errorMessage": "",
        "fallbackFlag": False,
    }
    match end:
        case Succeeded(urls):
            record |= {"successFlag": 1, "response": _veo_result(task, urls)}
        case Failed(failure):
            # 2: failed, 3: created but the generation failed. What moderation stops was never generated.
            flag = 2 if failure.code == "400" else 3
            record |= {"successFlag": flag, "errorCode": int(failure.code), "errorMessage": failure.text}
        case None:
            pass
    return record


def veo_response(task: Task, urls: tuple[str, ...]) -> Record:
    """The links of a finished Veo task as callbacks have them."""
    return {"resultUrls": [urls[0]], "originUrls": [urls[0]], "resolution": task.filled.get("resolution", "720p")}


def runway_record(task: Task, now: float) -> Record:
    """What /runway/record-detail says: a state in its own spelling, and one video instead of a list."""
    end = task.end if task.shows_end_at(now) else None
    pending = task.pending_state(now)
    record: Record = {
        "taskId": task.id,
        "parentTaskId": "" if task.source is None else task.source.id,
        "generateParam": {
            "prompt": task.prompt,
            "imageUrl": task.filled.get("imageUrl", ""),
            "expandPrompt": True,
        },
        "state": _RUNWAY_STATES.get(pending, pending),
        "generateTime": text_time(task.created_at),
        "videoInfo": None,
        "failCode": None,
        "failMsg": "",
        "expireFlag": 0,
    }
    match end:
        case Succeeded(urls):
            record |= {"state": "success", "videoInfo": _runway_result(task, urls)}
            if task.ended_at is not None and now > task.ended_at + RUNWAY_KEPT_FOR:
                record["expireFlag"] = 1
        case Failed(failure):
            record |= {"state": "fail", "failCode": int(failure.code), "failMsg": failure.text}
        case None:
            pass
    return record


def aleph_record(task: Task, now: float) -> Record:
    """What /aleph/record-info says: Veo's flag, the Jobs API's times, and one video."""
    end = task.end if task.shows_end_at(now) else None
    record: Record = {
        "taskId": task.id,
        "paramJson": json.dumps(task.filled, ensure_ascii=False),
        # Milliseconds, but rounded to whole seconds in the recordings.
        "createTime": round(task.created_at) * 1000,
        "completeTime": round(task.ended_at) * 1000 if end is not None and task.ended_at is not None else None,
        "response": None,
        "successFlag": 0,
        "errorCode": None,
        "errorMessage": None,
    }
    match end:
        case Succeeded(urls):
            result = {} if task.scenario.shape is ResultShape.MISSING_KEY else {"resultVideoUrl": urls[0]}
            record |= {"successFlag": 1, "response": {"taskId": task.id, "resultImageUrl": picture_of(urls)} | result}
        case Failed(failure):
            flag = 2 if failure.code == "400" else 3
            record |= {"successFlag": flag, "errorCode": int(failure.code), "errorMessage": failure.text}
        case None:
            pass
    return record


def picture_of(urls: tuple[str, ...]) -> str:
    """Where the provider would keep a still of the video; nothing is there."""
    return urls[0].removesuffix(".mp4") + ".jpg"


def text_time(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d %H:%M:%S")


def _veo_result(task: Task, urls: tuple[str, ...]) -> object:
    # An extension is a clip and the whole that it belongs to.
    usual = veo_response(task, urls) | {"taskId": task.id, "fullResultUrls": [urls[-1]]}
    listed = {name: usual[name] for name in ("resultUrls", "originUrls", "fullResultUrls")}
    match task.scenario.shape:
        case ResultShape.AS_TEXT:
            return usual | {name: json.dumps(value) for name, value in listed.items()}
        case ResultShape.EMPTY_LIST:
            return usual | {name: [] for name in listed}
        case ResultShape.MISSING_KEY:
            return {name: value for name, value in usual.items() if name not in listed}
        case ResultShape.BROKEN:
            return usual | {name: json.dumps(value)[:-2] for name, value in listed.items()}
        case ResultShape.EMPTY_TEXT:
            return ""
        case ResultShape.NULL:
            return None
        case _:
            return usual


def _runway_result(task: Task, urls: tuple[str, ...]) -> Record | None:
    if task.scenario.shape is ResultShape.NULL:
        return None
    link = "" if task.scenario.shape in (ResultShape.EMPTY_LIST, ResultShape.EMPTY_TEXT) else urls[0]
    return {"videoId": f"video-{task.id}", "taskId": task.id, "videoUrl": link, "imageUrl": picture_of(urls)}
