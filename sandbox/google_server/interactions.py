"""Gemini Omni: an interaction in the background, whose last step holds the video or its address."""

from __future__ import annotations

import asyncio
import base64
import re
import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path

from aiohttp import web

from sandbox.google_server.files import Files
from sandbox.movies import MovieRequest
from sandbox.vendors.faults import Call
from sandbox.vendors.house import RefusedError, VendorServer, read_object, stamp
from sandbox.vendors.pictures import NoPictureError, decoded
from sandbox.vendors.works import End, Work

# Above about this size a video is no longer sent inline (a blog's measurement).
_INLINE_LIMIT = 4_000_000
# Recorded of a ten-second clip in 720p; what the other resolutions count is not known, so all count the same.
_TOKENS = 5792
_FORMAT: dict[str, tuple[str, ...]] = {
    "aspect_ratio": ("16:9", "9:16"),
    "delivery": ("inline", "uri"),
    "resolution": ("360p", "720p", "1080p", "4k"),
}
_OF_PICTURES = ("image_to_video", "reference_to_video")
_TASKS = ("text_to_video", "image_to_video", "reference_to_video", "edit", "extend", "upscale")
_KNOWN = frozenset(
    {
        "model",
        "input",
        "background",
        "store",
        "stream",
        "response_modalities",
        "response_format",
        "generation_config",
        "labels",
        "previous_interaction_id",
        "system_instruction",
        "safety_settings",
        "service_tier",
        "webhook_config",
    }
)
_LABEL = re.compile(r"[a-z][a-z0-9_-]{0,62}")
_FILTERED = "I can't create this video because it may go against the usage guidelines."


class Interactions:
    def __init__(self, server: VendorServer, files: Files) -> None:
        self._server = server
        self._files = files
        # The longest clip in seconds of each model that is sold.
        self.sold = {"gemini-omni-flash-preview": 10, "gemini-omni-1.1-flash": 10, "gemini-omni-1.2-flash": 15}

    def routes(self) -> list[web.RouteDef]:
        guard = self._server.guard
        return [
            web.post("/{version:v1(?:beta)?}/interactions", guard(Call.CREATE, self._create)),
            web.get("/{version:v1(?:beta)?}/interactions/{id}", guard(Call.STATUS, self._status)),
            web.post("/{version:v1(?:beta)?}/interactions/{id}/cancel", guard(Call.CANCEL, self._cancel)),
        ]

    async def _create(self, request: web.Request) -> web.Response:
        body = await read_object(request)
        model = body.get("model")
        if not isinstance(model, str) or model not in self.sold:
            raise RefusedError(404, f"models/{model} is not found for API version v1beta.")
        for name in body:
            if name not in _KNOWN:
                raise RefusedError(400, f"Unknown parameter '{name}'.")
        for key in _object(body.get("labels", {}), "labels"):
            if not _LABEL.fullmatch(key):
                raise RefusedError(400, "Label keys must start with a letter and hold only lowercase letters.")
        if body.get("background") is not True:
            raise RefusedError(400, "This sandbox only knows interactions in the background.")
        wanted = _object(body.get("response_format", {}), "response_format")
        for name, choices in _FORMAT.items():
            if name in wanted and wanted[name] not in choices:
                raise RefusedError(400, f"Invalid value for response_format.{name}: {wanted[name]}")
        config = _object(body.get("generation_config", {}), "generation_config")
        task = _object(config.get("video_config", {}), "video_config").get("task")
        if task is not None and task not in _TASKS:
            raise RefusedError(400, f"Invalid value for video_config.task: {task}")
        seconds = _seconds(wanted.get("duration"), self.sold[model])
        prompt, pictures = await self._read_input(body.get("input"))
        if (task == "text_to_video" and pictures) or (
            task in ("image_to_video", "reference_to_video") and not pictures
        ):
            raise RefusedError(400, f"The input does not fit the task {task}")
        work = self._server.workshop.begin(
            "v1_" + secrets.token_urlsafe(24),
            model=model,
            body=body,
            request=MovieRequest(
                prompt=prompt,
                model=model,
                seconds=seconds,
                aspect=str(wanted.get("aspect_ratio", "16:9")),
                label=str(wanted.get("resolution", "720p")),
                has_sound=True,
                picture=pictures[0] if pictures else None,
                last_picture=pictures[1] if len(pictures) > 1 else None,
                size=self._server.movie_size,
            ),
        )
        return web.json_response(await self._shown(work))

    async def _read_input(self, given: object) -> tuple[str, list[Path]]:
        """The prompt and the pictures: a text, a list of content blocks, or a list of steps that hold such blocks."""
        if isinstance(given, str) and given:
            return given, []
        if not isinstance(given, list) or not given:
            raise RefusedError(400, "input is required")
        texts: list[str] = []
        pictures: list[Path] = []
        for content in _blocks(given):
            match content.get("type"):
                case "text":
                    texts.append(str(content.get("text", "")))
                case "image":
                    data = content.get("data")
                    if not isinstance(data, str) or not isinstance(content.get("mime_type"), str):
                        raise RefusedError(400, "An image needs data and mime_type, or a uri.")
                    try:
                        pictures.append(await asyncio.to_thread(decoded, data, self._server.storage.incoming()))
                    except NoPictureError as err:
                        raise RefusedError(400, f"Invalid image: {err}") from err
                case kind:
                    raise RefusedError(400, f"Unsupported input content type: {kind}")
        return "\n".join(texts), pictures

    async def _status(self, request: web.Request) -> web.Response:
        work = await self._server.workshop.find(request.match_info["id"])
        if work is None:
            raise RefusedError(404, "Requested entity was not found.")
        return web.json_response(await self._shown(work))

    async def _cancel(self, request: web.Request) -> web.Response:
        work = await self._server.workshop.find(request.match_info["id"])
        if work is None:
            raise RefusedError(404, "Requested entity was not found.")
        if not self._server.workshop.cancel(work):
            raise RefusedError(400, "The interaction has already ended.")
        return web.json_response(await self._shown(work))

    async def _shown(self, work: Work) -> dict[str, object]:
        statuses = {End.SUCCEEDED: "completed", End.FILTERED: "completed", End.FAILED: "failed"}
        shown: dict[str, object] = {
            "id": work.id,
            "object": "interaction",
            "model": work.model,
            "status": "in_progress" if work.end is None else statuses.get(work.end, "cancelled"),
            "created": stamp(work.created_at),
            "updated": stamp(work.ended_at or work.created_at),
        }
        if "labels" in work.body:
            shown["labels"] = work.body["labels"]
        if work.end is End.FAILED:
            shown["errors"] = [{"code": "internal", "message": work.text}]
        if work.end is End.FILTERED:
            shown["steps"] = [{"type": "model_output", "content": [{"type": "text", "text": _FILTERED}]}]
        if work.end is End.SUCCEEDED:
            output = {"type": "model_output", "content": [await self._video(work)]}
            shown["steps"] = [{"type": "thought", "signature": secrets.token_hex(8)}, output]
            tokens = round(_TOKENS * work.seconds)
            shown["usage"] = {"output_tokens_by_modality": [{"modality": "video", "tokens": tokens}]}
        return shown

    async def _video(self, work: Work) -> dict[str, object]:
        assert work.result is not None  # noqa: S101 - narrows the type; a work that succeeded has one
        wanted = _object(work.body.get("response_format", {}), "response_format")
        is_large = work.result.file.stat().st_size > _INLINE_LIMIT
        if is_large or wanted.get("delivery") == "uri":
            return {"type": "video", "mime_type": "video/mp4", "uri": self._files.address(work.id)}
        content = await asyncio.to_thread(work.result.file.read_bytes)
        return {"type": "video", "mime_type": "video/mp4", "data": base64.b64encode(content).decode()}


def _blocks(given: list[object]) -> Iterator[Mapping[str, object]]:
    for entry in given:
        content = _object(entry, "input")
        if content.get("type") == "user_input":
            inside = content.get("content")
            yield from _blocks(inside if isinstance(inside, list) else [])
        else:
            yield content


def _object(value: object, name: str) -> Mapping[str, object]:
    if isinstance(value, list) and len(value) == 1 and name == "response_format":
        value = value[0]
    if not isinstance(value, dict):
        raise RefusedError(400, f"Invalid value for {name}: not an object")
    return value


def _seconds(given: object, longest: int) -> float:
    """A duration as protocol buffers write it in JSON: "8s"."""
    if given is None:
        return 8.0
    read = re.fullmatch(r"([0-9]{1,3})s", given) if isinstance(given, str) else None
    if read is None or not 3 <= int(read[1]) <= longest:
        raise RefusedError(400, f"Invalid value for response_format.duration: {given}")
    return float(read[1])
