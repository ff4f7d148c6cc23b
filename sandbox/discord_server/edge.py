"""What every API request passes on its way in and out: audit, faults, rate limits, authorisation, error bodies."""

from __future__ import annotations

import asyncio
import json
import re
from dataclasses import dataclass

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from sandbox.discord_server import errors, wire
from sandbox.discord_server.audit import Audit, RecordedRequest
from sandbox.discord_server.cdn import CDN
from sandbox.discord_server.changes import Changes
from sandbox.discord_server.clock import Clock
from sandbox.discord_server.faults import VIA, Faults, too_many_requests
from sandbox.discord_server.ratelimits import Throttle
from sandbox.discord_server.uploads import Body, read_body

BODY: web.RequestKey[Body] = web.RequestKey("body", Body)
API = re.compile(r"^/api(/v\d+)?(?=/)")
# Their token is in the path.
WITHOUT_AUTHORIZATION = re.compile(r"^/(interactions/\d+/|webhooks/\d+/|gateway$)")


@dataclass(slots=True)
class Edge:
    token: str
    cdn: CDN
    changes: Changes
    clock: Clock
    audit: Audit
    faults: Faults
    throttle: Throttle

    def middleware(self) -> Middleware:
        @web.middleware
        async def pass_edge(request: web.Request, handler: Handler) -> web.StreamResponse:
            prefix = API.match(request.path)
            if not prefix:
                return await handler(request)
            return await self._pass(request, handler, request.path[prefix.end() :])

        return pass_edge

    async def _pass(self, request: web.Request, handler: Handler, path: str) -> web.StreamResponse:
        record = RecordedRequest(
            request.method, path, self.clock(), query=dict(request.query), headers=dict(request.headers)
        )
        self.audit.append(record)
        try:
            response = await self._with_body(request, handler, path, record)
            if not record.was_dropped:
                record.status = response.status
            if response.content_type == wire.CONTENT_TYPE and isinstance(response, web.Response) and response.body:
                record.answer = json.loads(bytes(response.body))  # type: ignore[arg-type]  # our answers are bytes
            return response
        finally:
            self.changes.publish("REQUEST", record, "requests")

    async def _with_body(
        self, request: web.Request, handler: Handler, path: str, record: RecordedRequest
    ) -> web.StreamResponse:
        body = Body()
        try:
            body = await read_body(request, self.cdn)
            request[BODY] = body
            record.json = body.json
            record.files = [(upload.filename, upload.size) for upload in body.files]
            self.changes.publish("ARRIVAL", record, "arrivals")
            return await self._answer(request, handler, path, record)
        except errors.APIError as refusal:
            return wire.answer(refusal.body(), refusal.status)
        finally:
            body.discard()

    async def _answer(
        self, request: web.Request, handler: Handler, path: str, record: RecordedRequest
    ) -> web.StreamResponse:
        verdict = self.throttle.check(request.method, path)
        if verdict.retry_after is not None:
            refusal = too_many_requests(verdict.retry_after, is_global=verdict.is_global)
            refusal.headers.update(verdict.headers)
            return refusal
        fault = self.faults.striking(request.method, path, record.json)
        if fault:
            await asyncio.sleep(fault.delay)
            if fault.hold:
                await fault.hold.wait()
        instead = fault.response() if fault else None
        if fault and not fault.after_effect and (fault.drop or instead):
            return self._dropped(request, record) if fault.drop or not instead else instead
        response = await self._handled(request, handler, path)
        response.headers.update(verdict.headers)
        response.headers.update(VIA)
        if fault and fault.drop:
            return self._dropped(request, record)
        return instead or response

    async def _handled(self, request: web.Request, handler: Handler, path: str) -> web.StreamResponse:
        try:
            if not WITHOUT_AUTHORIZATION.match(path) and request.headers.get("Authorization") != f"Bot {self.token}":
                raise errors.unauthorized()
            return await handler(request)
        except errors.APIError as error:
            return wire.answer(error.body(), error.status)
        except web.HTTPNotFound:
            return wire.answer(errors.no_such_route().body(), 404)
        except web.HTTPMethodNotAllowed:
            return wire.answer(errors.method_not_allowed().body(), 405)

    @staticmethod
    def _dropped(request: web.Request, record: RecordedRequest) -> web.Response:
        """Cut the connection; the response object goes nowhere."""
        record.was_dropped = True
        if request.transport:
            request.transport.abort()
        return web.Response()
