"""Veo: one call starts a long-running operation, another looks at it; on the Gemini API and on the Agent Platform."""

from __future__ import annotations

import asyncio
import base64
import secrets
from collections.abc import Mapping
from pathlib import Path

from aiohttp import web

from sandbox.google_server.errors import RPC_INTERNAL, RPC_INVALID_ARGUMENT
from sandbox.google_server.files import Files
from sandbox.movies import MovieRequest
from sandbox.vendors.faults import Call
from sandbox.vendors.house import RefusedError, VendorServer, read_object
from sandbox.vendors.pictures import NoPictureError, decoded
from sandbox.vendors.works import End, Work

# Known to the Agent Platform only; the Gemini API refuses each by name.
_PLATFORM_ONLY = ("seed", "fps", "generateAudio", "storageUri", "pubsubTopic")
_CHOICES: dict[str, tuple[object, ...]] = {
    "aspectRatio": ("16:9", "9:16"),
    "durationSeconds": (4, 6, 8),
    "resolution": ("720p", "1080p", "4k"),
}
_FREE = ("personGeneration", "negativePrompt", "sampleCount", "enhancePrompt", "resizeMode", "compressionQuality")
_FILTERED = (
    "The video was not generated because it may violate our usage guidelines. You will not be charged. "
    "Support codes: 29310472"
)


class Veo:
    def __init__(self, server: VendorServer, files: Files) -> None:
        self._server = server
        self._files = files
        # Google switched the last of these off on 2026-10-22; tests sell them again by their names.
        self.sold: set[str] = set()
        self.platform_sold = {"veo-3.1-generate-001", "veo-3.1-fast-generate-001"}

    def routes(self) -> list[web.RouteDef]:
        guard = self._server.guard
        platform = (
            "/{version:v1|v1beta1}/{scope:publishers/google|projects/[^:]+/publishers/google}/models/{model:[^/:]+}"
        )
        return [
            web.post(
                "/{version:v1(?:beta)?}/models/{model:[^/:]+}:predictLongRunning", guard(Call.CREATE, self._create)
            ),
            web.get("/{version:v1(?:beta)?}/models/{model:[^/:]+}/operations/{id}", guard(Call.STATUS, self._status)),
            web.post(platform + ":predictLongRunning", guard(Call.CREATE, self._create_on_platform)),
            web.post(platform + ":fetchPredictOperation", guard(Call.STATUS, self._status_on_platform)),
        ]

    async def _create(self, request: web.Request) -> web.Response:
        model = request.match_info["model"]
        if model not in self.sold:
            raise RefusedError(
                404,
                f"models/{model} is not found for API version v1beta, or is not supported for predictLongRunning. "
                "Call ListModels to see the list of available models and their supported methods.",
            )
        body = await read_object(request)
        for name in _PLATFORM_ONLY:
            if name in _object(body.get("parameters", {}), "parameters"):
                raise RefusedError(400, f"`{name}` isn't supported by this model. Please remove it and try again.")
        work = await self._begin(model, body)
        return web.json_response({"name": f"models/{model}/operations/{work.id}"})

    async def _create_on_platform(self, request: web.Request) -> web.Response:
        model = request.match_info["model"]
        if model not in self.platform_sold:
            raise RefusedError(404, f"Publisher Model `publishers/google/models/{model}` was not found")
        work = await self._begin(model, await read_object(request))
        return web.json_response({"name": f"{request.match_info['scope']}/models/{model}/operations/{work.id}"})

    async def _begin(self, model: str, body: Mapping[str, object]) -> Work:
        instances = body.get("instances")
        if not isinstance(instances, list) or len(instances) != 1:
            raise RefusedError(400, "Exactly one instance is required")
        instance = _object(instances[0], "instances[0]")
        parameters = _object(body.get("parameters", {}), "parameters")
        prompt = instance.get("prompt", "")
        if not isinstance(prompt, str) or not (prompt or "image" in instance):
            raise RefusedError(400, "Text prompt or image input is required")
        for name, value in parameters.items():
            if name not in _CHOICES and name not in _FREE and name not in _PLATFORM_ONLY:
                raise RefusedError(400, f"Unknown parameter `{name}`")
            if name in _CHOICES and (value not in _CHOICES[name] or isinstance(value, bool)):
                raise RefusedError(400, f"`{name}` has an unsupported value: {value}")
        duration = parameters.get("durationSeconds", 8)
        first = await self._picture(instance, "image")
        last = await self._picture(instance, "lastFrame")
        return self._server.workshop.begin(
            secrets.token_hex(6),
            model=model,
            body=body,
            request=MovieRequest(
                prompt=prompt,
                model=model,
                seconds=float(duration) if isinstance(duration, int) else 8.0,
                aspect=str(parameters.get("aspectRatio", "16:9")),
                label=str(parameters.get("resolution", "720p")),
                has_sound=True,
                picture=first,
                last_picture=last,
                size=self._server.movie_size,
            ),
        )

    async def _picture(self, instance: Mapping[str, object], name: str) -> Path | None:
        if name not in instance:
            return None
        image = _object(instance[name], name)
        content, kind = image.get("bytesBase64Encoded"), image.get("mimeType")
        if not isinstance(content, str) or not isinstance(kind, str):
            raise RefusedError(
                400, "Input instance with `image` should contain both `bytesBase64Encoded` and `mimeType`"
            )
        try:
            return await asyncio.to_thread(decoded, content, self._server.storage.incoming())
        except NoPictureError as err:
            raise RefusedError(400, f"Invalid value at `{name}`: {err}") from err

    async def _status(self, request: web.Request) -> web.Response:
        work = await self._found(request.match_info["id"], request.match_info["model"])
        name = f"models/{work.model}/operations/{work.id}"
        if work.end is None:
            return web.json_response({"name": name})
        if work.end is End.FAILED:
            return web.json_response({"name": name, "done": True, "error": _operation_error(work)})
        answer: dict[str, object] = {}
        if work.end is End.FILTERED:
            answer = {"raiMediaFilteredCount": 1, "raiMediaFilteredReasons": [_FILTERED]}
        elif work.result is not None:
            answer = {"generatedSamples": [{"video": {"uri": self._files.address(work.id)}}]}
        kind = "type.googleapis.com/google.ai.generativelanguage.v1beta.PredictLongRunningResponse"
        response = {"@type": kind, "generateVideoResponse": answer}
        return web.json_response({"name": name, "done": True, "response": response})

    async def _status_on_platform(self, request: web.Request) -> web.Response:
        name = (await read_object(request)).get("operationName")
        if not isinstance(name, str):
            raise RefusedError(400, "operationName is required")
        work = await self._found(name.rpartition("/")[2], request.match_info["model"])
        if work.end is None:
            return web.json_response({"name": name})
        if work.end is End.FAILED:
            return web.json_response({"name": name, "done": True, "error": _operation_error(work)})
        response: dict[str, object] = {"raiMediaFilteredCount": 0}
        if work.end is End.FILTERED:
            response = {"raiMediaFilteredCount": 1, "raiMediaFilteredReasons": [_FILTERED]}
        elif work.result is not None:
            content = await asyncio.to_thread(work.result.file.read_bytes)
            video = {"bytesBase64Encoded": base64.b64encode(content).decode(), "mimeType": "video/mp4"}
            response["videos"] = [video]
        return web.json_response({"name": name, "done": True, "response": response})

    async def _found(self, work_id: str, model: str) -> Work:
        work = await self._server.workshop.find(work_id)
        if work is None or work.model != model:
            raise RefusedError(404, "Requested entity was not found.")
        return work


def _object(value: object, name: str) -> Mapping[str, object]:
    if not isinstance(value, dict):
        raise RefusedError(400, f"Invalid value at `{name}`: not an object")
    return value


def _operation_error(work: Work) -> dict[str, object]:
    is_input = "image" in work.text
    return {"code": RPC_INVALID_ARGUMENT if is_input else RPC_INTERNAL, "message": work.text}
