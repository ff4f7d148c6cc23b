"""Veo's own routes, older than the Jobs API and different in every name."""

from __future__ import annotations

from aiohttp import web

from sandbox.kie_server.agenda import Clock
from sandbox.kie_server.answers import RefusedError, envelope, success
from sandbox.kie_server.families import veo
from sandbox.kie_server.jobs_api import read_callback_url, read_object
from sandbox.kie_server.models import Model
from sandbox.kie_server.older_records import picture_of, veo_record
from sandbox.kie_server.production import Order, Production
from sandbox.kie_server.tasks import Failed, Service, Succeeded, Task

# "only supports records within 14 days"
_KEPT_FOR = 14 * 24 * 3600.0


class VeoAPI:
    def __init__(self, production: Production, clock: Clock) -> None:
        self._production = production
        self._clock = clock
        self._upgrades: dict[tuple[str, str], Task] = {}  # by source and kind; asked for again, they are not made again
        self._told: set[str] = set()  # upgrades whose failure has been answered: asked for again, they are made anew
        # Whether a 4K upgrade is a task with an id of its own, or goes by the id of the video that it is made from:
        # one page shows the one, clients have met the other.
        self.names_upgrades = True
        # The code while a 1080p version is made: clients have met both.
        self.unready_code = 500
        self.is_paused = False

    async def generate(self, request: web.Request) -> web.Response:
        body = await read_object(request)
        self._check_switch()
        if not body.get("prompt"):
            raise RefusedError(422, "Please enter prompt")
        tier = veo.TIERS.get(str(body.get("model") or "veo3_fast"))
        if tier is None:
            raise RefusedError(422, "The model name you specified is not supported")
        order = Order(Service.VEO, tier, veo.with_type(body), read_callback_url(body))
        return success({"taskId": self._production.accept(order).id})

    async def record(self, request: web.Request) -> web.Response:
        task = await self._find(request.query.get("taskId", ""))
        return success(veo_record(task, self._clock()))

    async def extend(self, request: web.Request) -> web.Response:
        """A new task that goes on where a finished video ends."""
        body = await read_object(request)
        self._check_switch()
        source = await self._finished(str(body.get("taskId") or ""))
        if source.model.is_copy or source.filled.get("resolution", "720p") != "720p":
            raise RefusedError(422, "1080p videos cannot be extended")
        order = Order(Service.VEO, veo.EXTEND, body, read_callback_url(body), source)
        return success({"taskId": self._production.accept(order).id})

    async def hd(self, request: web.Request) -> web.Response:
        """The 1080p version, made on the first request for it and paid then."""
        source = await self._finished(request.query.get("taskId", ""))
        given = {"taskId": source.id, "index": _index(request.query.get("index", "0"))}
        task = await self._upgraded(source, veo.HD, given, None)
        match task.end:
            case Succeeded(urls):
                return success({"resultUrl": urls[0]})
            case Failed(failure):
                self._told.add(task.id)
                raise RefusedError(int(failure.code), failure.text)
            case None:
                raise RefusedError(self.unready_code, "The 1080p video is still being processed")

    async def uhd(self, request: web.Request) -> web.Response:
        """The 4K version. It answers 422 as long as it is made, and 422 with links when it is ready."""
        body = await read_object(request)
        source = await self._finished(str(body.get("taskId") or ""))
        given = {"taskId": source.id, "index": _index(body.get("index", 0))}
        task = await self._upgraded(source, veo.UHD, given, read_callback_url(body))
        named = task.id if self.names_upgrades else source.id
        match task.end:
            case Succeeded(urls):
                found = {"taskId": named, "resultUrls": [urls[0]], "imageUrls": [picture_of(urls)]}
                return envelope(422, "The 4K video has been generated", found)
            case Failed(failure):
                self._told.add(task.id)
                raise RefusedError(int(failure.code), failure.text)
            case None:
                nothing = {"taskId": named, "resultUrls": None, "imageUrls": None}
                return envelope(422, "4k is processing. It should be ready in 5-10 minutes", nothing)

    async def _upgraded(self, source: Task, model: Model, given: dict[str, object], callback: str | None) -> Task:
        key = (source.id, model.slug)
        task = self._upgrades.get(key)
        if task is None or task.id in self._told:
            task = self._production.accept(Order(Service.VEO, model, given, callback, source))
            self._upgrades[key] = task
        await self._production.bring_to_end(task)
        return task

    async def _finished(self, task_id: str) -> Task:
        task = await self._find(task_id)
        if not isinstance(task.end, Succeeded) or not task.shows_end_at(self._clock()):
            raise RefusedError(422, "record status is not success")
        return task

    async def _find(self, task_id: str) -> Task:
        task = await self._production.find(task_id)
        now = self._clock()
        if task is None or task.service is not Service.VEO or not task.is_seen_at(now):
            raise RefusedError(422, "record is null")
        if now > task.created_at + _KEPT_FOR:
            raise RefusedError(422, "only supports records within 14 days")
        return task

    def _check_switch(self) -> None:
        if self.is_paused:
            raise RefusedError(500, "This interface is temporarily paused")


def _index(given: object) -> int:
    """A task has one video, so there is one index."""
    if str(given) != "0":
        raise RefusedError(422, "record result data not exist")
    return 0
