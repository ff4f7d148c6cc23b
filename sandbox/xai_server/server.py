"""xAI's routes for videos, as guides by others describe them; no source says more."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Unpack

from aiohttp import web

from sandbox.movies import MovieRequest
from sandbox.vendors.faults import Call
from sandbox.vendors.house import RefusedError, Usual, VendorServer, read_object
from sandbox.vendors.pictures import NoPictureError, fetched
from sandbox.vendors.works import End, Work

MODELS = ("grok-imagine-video",)
ASPECTS = ("16:9", "9:16", "1:1", "4:3", "3:4", "3:2", "2:3")
QUALITIES = ("480p", "720p")
LONGEST = 15


class XAIServer(VendorServer):
    usual_key = "xai-sandbox-key"

    def __init__(self, **usual: Unpack[Usual]) -> None:
        super().__init__(**usual)
        self.models = list(MODELS)

    @property
    def base_url(self) -> str:
        return f"{self.url}/v1"

    def routes(self) -> list[web.RouteDef]:
        guard = self.guard
        return [
            web.post("/v1/videos/generations", guard(Call.CREATE, self._create)),
            web.get("/v1/videos/{id}", guard(Call.STATUS, self._status)),
            web.get("/v1/models", guard(Call.ACCOUNT, self._models)),
            web.get("/v1/models/{model}", guard(Call.ACCOUNT, self._model)),
        ]

    def refusal(self, path: str, status: int, text: str) -> web.Response:
        return web.json_response({"code": f"HTTP {status}", "error": text}, status=status)

    async def _create(self, request: web.Request) -> web.Response:
        body = await read_object(request)
        prompt, duration = body.get("prompt"), body.get("duration", 6)
        aspect, quality = body.get("aspect_ratio", "16:9"), body.get("resolution", "480p")
        if body.get("model") not in self.models:
            raise RefusedError(404, f"The model {body.get('model')} does not exist or your team does not have access")
        if not isinstance(prompt, str) or not prompt:
            raise RefusedError(422, "prompt is required")
        if not isinstance(duration, int) or isinstance(duration, bool) or not 1 <= duration <= LONGEST:
            raise RefusedError(422, f"duration must be a whole number from 1 to {LONGEST}")
        if aspect not in ASPECTS or quality not in QUALITIES:
            raise RefusedError(422, "aspect_ratio or resolution is not supported")
        work = self.workshop.begin(
            str(uuid.uuid4()),
            model=str(body["model"]),
            body=body,
            request=MovieRequest(
                prompt=prompt,
                model=str(body["model"]),
                seconds=float(duration),
                aspect=str(aspect),
                label=str(quality),
                picture=await self._picture(body.get("image")),
                size=self.movie_size,
            ),
        )
        return web.json_response({"request_id": work.id})

    async def _picture(self, given: object) -> Path | None:
        if given is None:
            return None
        if not isinstance(given, dict) or not isinstance(given.get("url"), str):
            raise RefusedError(422, "image must be an object with a url")
        try:
            return await fetched(given["url"], self.storage.incoming())
        except NoPictureError as err:
            raise RefusedError(400, f"invalid image: {err}") from err

    async def _status(self, request: web.Request) -> web.Response:
        work = await self.workshop.find(request.match_info["id"])
        if work is None:
            raise RefusedError(404, "no such request")
        return web.json_response(self._shown(work), status=202 if work.end is None else 200)

    def _shown(self, work: Work) -> dict[str, object]:
        match work.end:
            case End.SUCCEEDED if work.result is not None:
                video = {
                    "url": self.storage.url(work.result),
                    "duration": work.body.get("duration", 6),
                    "respect_moderation": True,
                }
                return {"status": "done", "video": video, "model": work.model}
            case End.FILTERED:
                video = {"url": "", "duration": 0, "respect_moderation": False}
                return {"status": "done", "video": video, "model": work.model}
            case End.FAILED:
                return {"status": "failed", "error": work.text}
            case _:
                return {"status": "processing"}

    async def _models(self, _request: web.Request) -> web.Response:
        return web.json_response({"object": "list", "data": [{"id": name, "object": "model"} for name in self.models]})

    async def _model(self, request: web.Request) -> web.Response:
        name = request.match_info["model"]
        if name not in self.models:
            raise RefusedError(404, f"The model {name} does not exist or your team does not have access to it")
        return web.json_response({"id": name, "object": "model"})
