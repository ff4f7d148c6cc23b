"""What the provider posts to a task's callBackUrl; each service has its own body."""

from __future__ import annotations

from collections.abc import Callable

from sandbox.kie_server.families import veo
from sandbox.kie_server.older_records import picture_of, veo_response
from sandbox.kie_server.records import Record, jobs_callback
from sandbox.kie_server.tasks import Failed, Service, Succeeded, Task

# An address that no resolver knows: a client that downloads from here has believed a forged body.
FORGED_URL = "https://forged.invalid/video.mp4"


def told(task: Task, now: float) -> Record:
    """The body for a task that has ended."""
    match task.service, task.end:
        case Service.JOBS, _:
            return jobs_callback(task, now)
        case _, None:
            raise ValueError(f"task {task.id} has not ended")
        case service, Failed(failure):
            return {"code": int(failure.code), "msg": failure.text, "data": _FAILURES[service](task)}
        case service, Succeeded(urls):
            return _success(task, urls)


def forged(task: Task, now: float) -> Record:
    """What somebody could send who has seen one signed request: the signature stays valid for any body."""
    if task.service is not Service.JOBS:
        return _success(task, (FORGED_URL,))
    content = {
        "taskId": task.id,
        "model": task.slug,
        "state": "success",
        "resultJson": f'{{"resultUrls":["{FORGED_URL}"]}}',
        "creditsConsumed": 0,
        "completeTime": round(now * 1000),
    }
    return {"code": 200, "msg": "Playground task completed successfully.", "data": content}


def _success(task: Task, urls: tuple[str, ...]) -> Record:
    text, content = "All generated successfully.", _snake(task, urls)
    if task.service is Service.VEO:
        text = "Veo3.1 video generated successfully."
        content = {"taskId": task.id, "info": veo_response(task, urls), "fallbackFlag": False}
        if task.model is veo.UHD:
            text = "4K Video generated successfully."
            content = {"taskId": task.id, "info": {"resultUrls": [urls[0]], "imageUrls": [picture_of(urls)]}}
    return {"code": 200, "msg": text, "data": content}


def _snake(task: Task, urls: tuple[str, ...]) -> Record:
    """Runway and Aleph write their callbacks in snake case, unlike everything else of theirs."""
    return {
        "task_id": task.id,
        "video_id": f"video-{task.id}",
        "video_url": urls[0],
        "image_url": picture_of(urls),
    }


def _nothing_in_snake_case(task: Task) -> Record:
    return {"task_id": task.id, "video_id": "", "video_url": "", "image_url": ""}


_FAILURES: dict[Service, Callable[[Task], Record]] = {
    Service.VEO: lambda task: {"taskId": task.id, "fallbackFlag": False},
    Service.RUNWAY: _nothing_in_snake_case,
    Service.ALEPH: _nothing_in_snake_case,
}
