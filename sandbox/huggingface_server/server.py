"""The hub and the router on one origin; videos come from another, as they do from fal."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Unpack

from aiohttp import web

from sandbox.movies import MovieRequest
from sandbox.vendors.faults import Call
from sandbox.vendors.house import RefusedError, Usual, VendorServer, read_object
from sandbox.vendors.pictures import NoPictureError, fetched
from sandbox.vendors.works import End, Work

_QUEUE = "https://queue.fal.run"
_POLICY = "content_policy_violation"


@dataclass(frozen=True, slots=True, kw_only=True)
class Routed:
    """A model of the hub and who runs it. `application` is what fal calls the part without the endpoint's path."""

    hub_id: str
    provider_id: str  # fal's id, with the endpoint
    task: str  # text-to-video or image-to-video
    status: str = "live"

    @property
    def application(self) -> str:
        return "/".join(self.provider_id.split("/")[:2])


# Invented ones: who runs which model changes weekly.
MODELS = (
    Routed(hub_id="sandbox/clip", provider_id="fal-ai/clip", task="text-to-video"),
    Routed(hub_id="sandbox/clip-long", provider_id="fal-ai/clip/v2/text-to-video", task="text-to-video"),
    Routed(hub_id="sandbox/clip-image", provider_id="fal-ai/clip/v2/image-to-video", task="image-to-video"),
)


class HuggingFaceServer(VendorServer):
    usual_key = "hf_sandbox_key"

    def __init__(self, **usual: Unpack[Usual]) -> None:
        super().__init__(**usual)
        self.models = {model.provider_id: model for model in MODELS}

    def routes(self) -> list[web.RouteDef]:
        guard = self.guard
        one = "/fal-ai/{application:[^/]+/[^/]+}/requests/{id}"
        return [
            web.get("/api/models/{owner}/{name}", guard(Call.ACCOUNT, self._mapping, is_public=True)),
            web.get(one + "/status", guard(Call.STATUS, self._status)),
            web.put(one + "/cancel", guard(Call.CANCEL, self._cancel)),
            web.get(one, guard(Call.STATUS, self._response)),
            web.post("/fal-ai/{model:.+}", guard(Call.CREATE, self._submit)),
        ]

    @property
    def unauthorised(self) -> RefusedError:
        return RefusedError(401, "Invalid username or password.")

    def refusal(self, path: str, status: int, text: str) -> web.Response:
        """The router's own errors are one text; fal's are in the shape of `_fault`."""
        return web.json_response({"error": text}, status=status)

    async def _mapping(self, request: web.Request) -> web.Response:
        hub_id = f"{request.match_info['owner']}/{request.match_info['name']}"
        model = next((model for model in self.models.values() if model.hub_id == hub_id), None)
        if model is None:
            raise RefusedError(404, "Repository not found")
        entry = {"provider": "fal-ai", "providerId": model.provider_id, "status": model.status, "task": model.task}
        return web.json_response({"_id": hub_id, "id": hub_id, "inferenceProviderMapping": [entry]})

    async def _submit(self, request: web.Request) -> web.Response:
        self._check_queue(request)
        model = self.models.get(request.match_info["model"])
        if model is None:
            raise RefusedError(404, f"Model {request.match_info['model']} is not supported by provider fal-ai")
        body = await read_object(request)
        prompt = body.get("prompt", "")
        if model.task == "text-to-video" and not prompt:
            return _fault(422, "prompt", "Field required", "missing")
        if not isinstance(prompt, str):
            return _fault(422, "prompt", "Input should be a valid string", "string_type")
        picture: Path | None = None
        if model.task == "image-to-video":
            address = body.get("image_url")
            if not isinstance(address, str) or not address:
                return _fault(422, "image_url", "Field required", "missing")
            try:
                picture = await fetched(address, self.storage.incoming())
            except NoPictureError:
                return _fault(422, "image_url", "Failed to download the file.", "file_download_error")
        duration = body.get("duration")
        work = self.workshop.begin(
            str(uuid.uuid4()),
            model=model.provider_id,
            body=body,
            request=MovieRequest(
                prompt=prompt,
                model=model.provider_id,
                seconds=float(duration) if isinstance(duration, int | str) and str(duration).isdecimal() else 5.0,
                aspect=str(body.get("aspect_ratio", "16:9")),
                label=str(body.get("resolution", "")),
                picture=picture,
                size=self.movie_size,
            ),
        )
        return web.json_response({"status": "IN_QUEUE", "queue_position": 0, **self._addresses(work)})

    async def _status(self, request: web.Request) -> web.Response:
        work = await self._found(request)
        shown: dict[str, object] = {"status": "IN_QUEUE", **self._addresses(work)}
        if work.end is not None:
            shown |= {"status": "COMPLETED", "logs": None, "metrics": {"inference_time": 1.0}}
        elif work.share_at(self.clock()) > 0:
            shown |= {"status": "IN_PROGRESS", "logs": None}
        else:
            shown["queue_position"] = 0
        # A work is polled until it is done, and then answered with 200; while it is not, with 202.
        return web.json_response(shown, status=200 if work.end is not None else 202)

    async def _response(self, request: web.Request) -> web.Response:
        work = await self._found(request)
        match work.end:
            case None:
                return web.json_response({"detail": "Request is still in progress"}, status=400)
            case End.FILTERED:
                return _fault(422, "prompt", "The content was flagged by a content checker.", _POLICY)
            case End.CANCELED:
                return web.json_response({"detail": "Request was cancelled"}, status=400)
            case End.FAILED:
                return web.json_response({"detail": work.text}, status=500)
            case _:
                assert work.result is not None  # noqa: S101 - narrows the type; a work that succeeded has one
                video = {
                    "url": self.storage.url(work.result),
                    "content_type": "video/mp4",
                    "file_name": "output.mp4",
                    "file_size": work.result.file.stat().st_size,
                }
                return web.json_response({"video": video, "seed": 7})

    async def _cancel(self, request: web.Request) -> web.Response:
        work = await self._found(request)
        if not self.workshop.cancel(work):
            return web.json_response({"status": "ALREADY_COMPLETED"}, status=400)
        return web.json_response({"status": "CANCELLATION_REQUESTED"}, status=202)

    async def _found(self, request: web.Request) -> Work:
        self._check_queue(request)
        work = await self.workshop.find(request.match_info["id"])
        if work is None or self.models[work.model].application != request.match_info["application"]:
            raise RefusedError(404, "Request not found")
        return work

    def _check_queue(self, request: web.Request) -> None:
        # Without it the router would ask fal's other host, which renders while the client waits.
        if request.query.get("_subdomain") != "queue":
            raise RefusedError(404, "Not found")

    def _addresses(self, work: Work) -> dict[str, str]:
        """fal names its own hosts here; the caller has to ask the router for the same paths."""
        response = f"{_QUEUE}/{self.models[work.model].application}/requests/{work.id}"
        return {
            "request_id": work.id,
            "response_url": response,
            "status_url": f"{response}/status",
            "cancel_url": f"{response}/cancel",
        }


def _fault(status: int, field: str, text: str, kind: str) -> web.Response:
    """fal's errors are a list with one entry per problem."""
    return web.json_response({"detail": [{"loc": ["body", field], "msg": text, "type": kind}]}, status=status)
