"""The Jobs API: one route creates tasks for every model, one tells how they are."""

from __future__ import annotations

import json
from collections.abc import Mapping

from aiohttp import web

from sandbox.kie_server.agenda import Clock
from sandbox.kie_server.answers import RefusedError, success
from sandbox.kie_server.faults import Refusals
from sandbox.kie_server.models import Model
from sandbox.kie_server.production import Order, Production
from sandbox.kie_server.records import jobs_record
from sandbox.kie_server.registry import Models
from sandbox.kie_server.scenarios import Unseen
from sandbox.kie_server.tasks import Service, Succeeded

_UNKNOWN_MODEL = "The model name you specified is not supported"


class JobsAPI:
    def __init__(self, models: Models, production: Production, clock: Clock) -> None:
        self._models = models
        self._production = production
        self._clock = clock
        self.unknown = Unseen.NULL_422  # the answer for ids that were never given out

    async def create(self, request: web.Request) -> web.Response:
        body = await read_object(request)
        slug, given = body.get("model"), body.get("input")
        model = self._models.find(slug) if isinstance(slug, str) else None
        if model is None:
            raise RefusedError(422, _UNKNOWN_MODEL)
        if model.is_paused:
            raise RefusedError(Refusals.PAUSED.code, Refusals.PAUSED.text)
        if given is None:
            raise RefusedError(500, "This field is required")
        if not isinstance(given, dict):
            raise RefusedError(422, "input must be an object")
        order = Order(Service.JOBS, model, await self._inherited(model, given), read_callback_url(body))
        task = self._production.accept(order)
        return success({"taskId": task.id, "recordId": task.id})

    async def _inherited(self, model: Model, given: Mapping[str, object]) -> Mapping[str, object]:
        """What a model that goes on with an earlier task has from that task."""
        task_id = given.get("task_id")
        if not model.works_on or not isinstance(task_id, str):
            return given
        source = await self._production.find(task_id)
        if source is None or source.slug not in model.works_on or not isinstance(source.end, Succeeded):
            # The wording is recorded nowhere; only that such a task has to exist and to have ended well.
            raise RefusedError(422, "task_id does not exist or is not finished")
        inherited = {name: source.filled[name] for name in ("resolution",) if name in source.filled}
        return {**given, **inherited} if "resolution" in {field.name for field in model.fields} else given

    async def record(self, request: web.Request) -> web.Response:
        task_id = request.query.get("taskId", "")
        if not task_id:
            raise RefusedError(400, "taskId is required")
        task = await self._production.find(task_id)
        now = self._clock()
        if task is None or task.service is not Service.JOBS:
            return unseen(self.unknown)
        if not task.is_seen_at(now):
            return unseen(task.scenario.unseen)
        return success(jobs_record(task, now))


def unseen(how: Unseen) -> web.Response:
    match how:
        case Unseen.NULL_422:
            raise RefusedError(422, "recordInfo is null")
        case Unseen.NULL_200:
            return success(None)
        case Unseen.MISSING_404:
            raise RefusedError(404, "Task not found")
        case Unseen.NOT_JSON:
            return web.Response(text="no healthy upstream")


async def read_object(request: web.Request) -> dict[str, object]:
    try:
        body = json.loads(await request.read())
    except ValueError as err:
        raise RefusedError(400, "The request body is not valid JSON") from err
    if not isinstance(body, dict):
        raise RefusedError(400, "The request body is not a JSON object")
    return body


def read_callback_url(body: dict[str, object]) -> str | None:
    url = body.get("callBackUrl")
    if url is not None and not isinstance(url, str):
        raise RefusedError(422, "callBackUrl must be a string")
    return url or None
