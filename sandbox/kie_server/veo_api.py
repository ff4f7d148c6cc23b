"""Veo's own routes, older than the Jobs API and different in every name."""

from __future__ import annotations

from aiohttp import web

from sandbox.kie_server.accounts import Account, CreditsInsufficientError
from sandbox.kie_server.agenda import Clock
from sandbox.kie_server.answers import RefusedError, success
from sandbox.kie_server.families import veo
from sandbox.kie_server.faults import Refusals
from sandbox.kie_server.jobs_api import read_callback_url, read_object
from sandbox.kie_server.production import Order, Production
from sandbox.kie_server.records import veo_record
from sandbox.kie_server.tasks import Service, Succeeded, Task

# "only supports records within 14 days"
_KEPT_FOR = 14 * 24 * 3600.0


class VeoAPI:
    def __init__(self, production: Production, account: Account, clock: Clock, hd_seconds: float) -> None:
        self._production = production
        self._account = account
        self._clock = clock
        self._hd_seconds = hd_seconds
        self._hd_asked_at: dict[str, float] = {}

    async def generate(self, request: web.Request) -> web.Response:
        body = await read_object(request)
        if not body.get("prompt"):
            raise RefusedError(422, "Please enter prompt")
        tier = veo.TIERS.get(str(body.get("model") or "veo3_fast"))
        if tier is None:
            raise RefusedError(422, "The model name you specified is not supported")
        order = Order(Service.VEO, tier, veo.with_type(body), read_callback_url(body))
        return success({"taskId": self._production.accept(order).id})

    async def record(self, request: web.Request) -> web.Response:
        task = await self._find(request)
        return success(veo_record(task, self._clock()))

    async def hd(self, request: web.Request) -> web.Response:
        """The 1080p version, made on the first request for it and paid then."""
        task = await self._find(request)
        now = self._clock()
        if not isinstance(task.end, Succeeded) or not task.shows_end_at(now):
            raise RefusedError(422, "record status is not success")
        if task.id not in self._hd_asked_at:
            try:
                self._account.reserve(veo.HD_CREDITS)
            except CreditsInsufficientError as err:
                raise RefusedError(Refusals.NO_CREDITS.code, Refusals.NO_CREDITS.text) from err
            self._account.settle(veo.HD_CREDITS, veo.HD_CREDITS)
            self._hd_asked_at[task.id] = now
        if now < self._hd_asked_at[task.id] + self._hd_seconds:
            raise RefusedError(500, "The 1080p video is still being processed")
        return success({"resultUrl": task.end.urls[0]})

    async def _find(self, request: web.Request) -> Task:
        task = await self._production.find(request.query.get("taskId", ""))
        now = self._clock()
        if task is None or task.service is not Service.VEO or not task.is_seen_at(now):
            raise RefusedError(422, "record is null")
        if now > task.created_at + _KEPT_FOR:
            raise RefusedError(422, "only supports records within 14 days")
        return task
