"""OpenAI's routes under /videos and /models, with signed webhooks to one address for the whole account."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Unpack

from aiohttp import web

from sandbox.movies import MovieRequest
from sandbox.openai_server.forms import read_form
from sandbox.replicate_server.webhooks import Webhooks
from sandbox.vendors.faults import Call
from sandbox.vendors.house import RefusedError, Usual, VendorServer, read_object
from sandbox.vendors.pictures import NoPictureError, fetched
from sandbox.vendors.works import End, Work

# The files of a video can be had for an hour, as its record's `expires_at` says.
KEPT = 3600.0
SIZES = {
    "sora-2": ("720x1280", "1280x720"),
    "sora-2-pro": ("720x1280", "1280x720", "1024x1792", "1792x1024", "1080x1920", "1920x1080"),
}
SECONDS = ("4", "8", "12", "16", "20")
_LONGEST_PROMPT = 32_000
_TYPES = {400: "invalid_request_error", 401: "invalid_request_error", 404: "invalid_request_error", 429: "requests"}


class OpenAIServer(VendorServer):
    """Point a client at `base_url`. Set `webhook_url` to be called; `first_status` is what relays call "queued"."""

    usual_key = "sk-sandbox-key"

    def __init__(self, **usual: Unpack[Usual]) -> None:
        super().__init__(**usual)
        self.webhooks = Webhooks(self.clock)
        self.webhook_url: str | None = None
        self.first_status = "queued"
        self.sizes = dict(SIZES)
        self.lengths = list(SECONDS)
        self._deleted: set[str] = set()

    @property
    def base_url(self) -> str:
        return f"{self.url}/v1"

    def routes(self) -> list[web.RouteDef]:
        guard = self.guard
        return [
            web.post("/v1/videos", guard(Call.CREATE, self._create)),
            web.get("/v1/videos", guard(Call.LIST, self._list)),
            web.get("/v1/videos/{id}", guard(Call.STATUS, self._status)),
            web.delete("/v1/videos/{id}", guard(Call.CANCEL, self._delete)),
            web.get("/v1/videos/{id}/content", guard(Call.RESULT, self._content)),
            web.post("/v1/videos/{id}/remix", guard(Call.CREATE, self._remix)),
            web.get("/v1/models", guard(Call.ACCOUNT, self._models)),
            web.get("/v1/models/{model}", guard(Call.ACCOUNT, self._model)),
        ]

    @property
    def unauthorised(self) -> RefusedError:
        return RefusedError(401, "invalid_api_key: Incorrect API key provided.")

    def refusal(self, path: str, status: int, text: str) -> web.Response:
        """A text of the form `code: words` carries the error's code."""
        code, separator, words = text.partition(": ")
        has_code = bool(separator) and code.replace("_", "").isalnum()
        error = {
            "message": words if has_code else text,
            "type": _TYPES.get(status, "server_error"),
            "param": None,
            "code": code if has_code else None,
        }
        return web.json_response({"error": error}, status=status)

    async def _create(self, request: web.Request) -> web.Response:
        picture: Path | None = None
        if request.content_type.startswith("multipart/"):
            given, picture = await read_form(request, self.storage.incoming)
        else:
            given = await read_object(request)
        body: dict[str, object] = {"model": "sora-2", "seconds": "4", "size": "720x1280", **given}
        self._check(body)
        reference = body.get("input_reference")
        if picture is None and isinstance(reference, dict):
            picture = await self._fetched(reference.get("image_url"))
        return await self._begin(body, picture, None)

    def _check(self, body: Mapping[str, object]) -> None:
        prompt, model = body.get("prompt"), body["model"]
        if not isinstance(prompt, str) or not prompt:
            raise RefusedError(400, "missing_required_parameter: Missing required parameter: 'prompt'.")
        if len(prompt) > _LONGEST_PROMPT:
            raise RefusedError(400, "string_above_max_length: Invalid 'prompt': string too long.")
        if model not in self.sizes:
            raise RefusedError(404, f"model_not_found: The model '{model}' does not exist.")
        if body["seconds"] not in self.lengths:
            raise RefusedError(400, f"invalid_value: Invalid value: '{body['seconds']}'. Supported values are texts.")
        if body["size"] not in self.sizes[str(model)]:
            raise RefusedError(400, f"invalid_value: Invalid value: '{body['size']}' for this model.")

    async def _fetched(self, address: object) -> Path:
        try:
            return await fetched(str(address), self.storage.incoming())
        except NoPictureError as err:
            raise RefusedError(400, f"invalid_image_url: {err}") from err

    async def _begin(self, body: dict[str, object], picture: Path | None, remixed: str | None) -> web.Response:
        width, height = (int(side) for side in str(body["size"]).split("x"))
        work = self.workshop.begin(
            "video_" + secrets.token_hex(16),
            model=str(body["model"]),
            body={**body, "remixed_from_video_id": remixed},
            request=MovieRequest(
                prompt=str(body["prompt"]),
                model=str(body["model"]),
                seconds=float(str(body["seconds"])),
                aspect="16:9" if width > height else "9:16",
                label=str(body["size"]),
                picture=picture,
                size=self.movie_size,
            ),
            ended=self._tell,
        )
        return web.json_response(self._shown(work))

    async def _tell(self, work: Work) -> None:
        if self.webhook_url is None:
            return
        event = {
            "id": "evt_" + secrets.token_hex(12),
            "object": "event",
            "created_at": int(self.clock()),
            "type": "video.completed" if work.end is End.SUCCEEDED else "video.failed",
            "data": {"id": work.id},
        }
        for _ in range(work.plan.callbacks):
            await self.webhooks.send(self.webhook_url, event)

    async def _status(self, request: web.Request) -> web.Response:
        return web.json_response(self._shown(await self._found(request)))

    async def _list(self, request: web.Request) -> web.Response:
        """The newest first unless asked otherwise, a page at a time."""
        limit = min(100, int(request.query.get("limit", "20")))
        known = [work for work in self.works if work.id not in self._deleted]
        ordered = known if request.query.get("order") == "asc" else known[::-1]
        names = [work.id for work in ordered]
        after = request.query.get("after")
        start = names.index(after) + 1 if after in names else 0
        page = ordered[start : start + limit]
        for work in page:
            await self.workshop.settle(work)
        shown = [self._shown(work) for work in page]
        body = {
            "object": "list",
            "data": shown,
            "first_id": page[0].id if page else None,
            "last_id": page[-1].id if page else None,
            "has_more": len(ordered) > start + limit,
        }
        return web.json_response(body)

    async def _delete(self, request: web.Request) -> web.Response:
        work = await self._found(request)
        if work.end is None:
            raise RefusedError(400, "video_not_finished: Only a finished video can be deleted.")
        self._deleted.add(work.id)
        return web.json_response({"id": work.id, "object": "video.deleted", "deleted": True})

    async def _content(self, request: web.Request) -> web.StreamResponse:
        work = await self._found(request)
        if request.query.get("variant", "video") != "video":
            raise RefusedError(400, "unsupported_variant: The sandbox renders no thumbnails.")
        if work.result is None:
            raise RefusedError(404, "not_ready: The video is not ready yet.")
        if self.clock() >= work.result.stored_at + KEPT:
            raise RefusedError(404, "expired: The assets of this video have expired.")
        return self.served(work.result)

    async def _remix(self, request: web.Request) -> web.Response:
        earlier = await self._found(request)
        given = await read_object(request)
        if earlier.end is not End.SUCCEEDED:
            raise RefusedError(400, "video_not_finished: Only a completed video can be remixed.")
        body: dict[str, object] = {**earlier.body, "prompt": given.get("prompt")}
        self._check(body)
        return await self._begin(body, None, earlier.id)

    async def _models(self, _request: web.Request) -> web.Response:
        return web.json_response({"object": "list", "data": [_model(name) for name in self.sizes]})

    async def _model(self, request: web.Request) -> web.Response:
        name = request.match_info["model"]
        if name not in self.sizes:
            raise RefusedError(404, f"model_not_found: The model '{name}' does not exist.")
        return web.json_response(_model(name))

    async def _found(self, request: web.Request) -> Work:
        name = request.match_info["id"]
        work = await self.workshop.find(name)
        if work is None or name in self._deleted:
            raise RefusedError(404, f"not_found: Video with id '{name}' not found.")
        return work

    def _shown(self, work: Work) -> dict[str, object]:
        share = work.share_at(self.clock())
        shown: dict[str, object] = {
            "id": work.id,
            "object": "video",
            "model": work.model,
            "status": "in_progress" if share > 0 else self.first_status,
            "progress": min(99, int(share * 100)),
            "created_at": int(work.created_at),
            "completed_at": None,
            "expires_at": None,
            "prompt": work.body["prompt"],
            "size": work.body["size"],
            "seconds": work.body["seconds"],
            "remixed_from_video_id": work.body["remixed_from_video_id"],
            "error": None,
        }
        match work.end:
            case End.SUCCEEDED if work.ended_at is not None:
                shown |= {"status": "completed", "progress": 100, "completed_at": int(work.ended_at)}
                shown["expires_at"] = int(work.ended_at + KEPT)
            case End.FILTERED:
                text = "Your request was blocked by our moderation system."
                shown |= {"status": "failed", "error": {"code": "moderation_blocked", "message": text}}
            case End.FAILED:
                shown |= {"status": "failed", "error": {"code": "video_generation_failed", "message": work.text}}
            case _:
                pass
        return shown


def _model(name: str) -> dict[str, object]:
    return {"id": name, "object": "model", "created": 1_759_000_000, "owned_by": "system"}
