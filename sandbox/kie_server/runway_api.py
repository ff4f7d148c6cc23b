"""The routes of Runway and of Aleph, its editor: one creates, one tells how it is, each in its own words."""

from __future__ import annotations

from aiohttp import web

from sandbox.kie_server.agenda import Clock
from sandbox.kie_server.answers import RefusedError, success
from sandbox.kie_server.families import runway
from sandbox.kie_server.jobs_api import read_callback_url, read_object
from sandbox.kie_server.models import Model
from sandbox.kie_server.older_records import aleph_record, runway_record
from sandbox.kie_server.production import Order, Production
from sandbox.kie_server.tasks import Service, Succeeded, Task


class RunwayAPI:
    def __init__(self, production: Production, clock: Clock) -> None:
        self._production = production
        self._clock = clock
        self.is_paused = False

    async def generate(self, request: web.Request) -> web.Response:
        return self._accept(Service.RUNWAY, runway.GENERATE, await read_object(request))

    async def extend(self, request: web.Request) -> web.Response:
        body = await read_object(request)
        source = await self._find(str(body.get("taskId") or ""), Service.RUNWAY)
        if source is None:
            raise RefusedError(404, "task not found")
        if not isinstance(source.end, Succeeded):
            raise RefusedError(422, "record status is not success")
        return self._accept(Service.RUNWAY, runway.EXTEND, body, source)

    async def edit(self, request: web.Request) -> web.Response:
        """Aleph: a new version of a video. Whether the video can be fetched at all turns out later."""
        return self._accept(Service.ALEPH, runway.ALEPH, await read_object(request))

    async def record(self, request: web.Request) -> web.Response:
        task = await self._find(request.query.get("taskId", ""), Service.RUNWAY)
        if task is None:
            raise RefusedError(422, "record is null")
        return success(runway_record(task, self._clock()))

    async def edit_record(self, request: web.Request) -> web.Response:
        task = await self._find(request.query.get("taskId", ""), Service.ALEPH)
        # In the recordings an unknown id is a success without a record.
        return success(None if task is None else aleph_record(task, self._clock()))

    def _accept(
        self, service: Service, model: Model, body: dict[str, object], source: Task | None = None
    ) -> web.Response:
        if self.is_paused:
            raise RefusedError(500, "This interface is temporarily paused")
        order = Order(service, model, body, read_callback_url(body), source)
        return success({"taskId": self._production.accept(order).id})

    async def _find(self, task_id: str, service: Service) -> Task | None:
        task = await self._production.find(task_id)
        is_there = task is not None and task.service is service and task.is_seen_at(self._clock())
        return task if is_there else None
