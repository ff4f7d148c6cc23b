"""Replicate's HTTP API as far as videos need it."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Unpack

from aiohttp import web

from sandbox.movies import MovieRequest
from sandbox.replicate_server.files import Files
from sandbox.replicate_server.models import MODELS, Model
from sandbox.replicate_server.webhooks import Webhooks
from sandbox.vendors.faults import Call
from sandbox.vendors.house import RefusedError, Usual, VendorServer, read_object, stamp
from sandbox.vendors.pictures import NoPictureError, fetched
from sandbox.vendors.works import End, Work

# Documented: inputs and outputs of predictions made through the API are deleted after an hour.
KEPT = 3600.0
_PAGE = 100
_EVENTS = ("start", "output", "logs", "completed")
_TITLES = {401: "Unauthenticated", 402: "Insufficient credit", 404: "Not found", 422: "Input validation failed"}
# "30s", "5m", "1h30m45s" and plain seconds.
_CANCEL_AFTER = re.compile(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s?)?")


class ReplicateServer(VendorServer):
    usual_key = "r8_sandbox_key"

    def __init__(self, **usual: Unpack[Usual]) -> None:
        super().__init__(**usual)
        self.webhooks = Webhooks(self.clock)
        self.files = Files(self)
        self.models = {model.slug: model for model in MODELS}
        self.takes_plain_webhooks = False  # documented: HTTPS only; a test on one machine has no certificate
        self.has_webhook_in_records = False  # no page says that a record names the webhook it was made with

    def routes(self) -> list[web.RouteDef]:
        guard = self.guard
        return [
            web.post("/v1/predictions", guard(Call.CREATE, self._create_by_version)),
            web.post("/v1/models/{owner}/{name}/predictions", guard(Call.CREATE, self._create_by_model)),
            web.get("/v1/models/{owner}/{name}", guard(Call.ACCOUNT, self._model)),
            web.get("/v1/predictions", guard(Call.LIST, self._list)),
            web.get("/v1/predictions/{id}", guard(Call.STATUS, self._status)),
            web.post("/v1/predictions/{id}/cancel", guard(Call.CANCEL, self._cancel)),
            web.get("/v1/webhooks/default/secret", guard(Call.ACCOUNT, self._secret)),
            web.get("/v1/account", guard(Call.ACCOUNT, self._account)),
            web.post("/v1/files", guard(Call.UPLOAD, self.files.create)),
        ]

    @property
    def unauthorised(self) -> RefusedError:
        return RefusedError(401, "You did not pass a valid authentication token")

    def refusal(self, path: str, status: int, text: str) -> web.Response:
        body: dict[str, object] = {"detail": text, "status": status}
        if status in _TITLES:
            body["title"] = _TITLES[status]
        return web.json_response(body, status=status, content_type="application/problem+json")

    async def _create_by_version(self, request: web.Request) -> web.Response:
        body = await read_object(request)
        named = str(body.get("version", "")).rpartition(":")[2]
        model = next((model for model in self.models.values() if named in (model.version, model.slug)), None)
        if model is None:
            raise RefusedError(422, "Invalid version or not permitted")
        return await self._create(request, model, body)

    async def _create_by_model(self, request: web.Request) -> web.Response:
        model = self._find_model(request)
        if not model.is_official:
            raise RefusedError(404, "The requested resource could not be found.")
        return await self._create(request, model, await read_object(request))

    async def _create(self, request: web.Request, model: Model, body: Mapping[str, object]) -> web.Response:
        given = body.get("input")
        if not isinstance(given, dict):
            raise RefusedError(422, "input is required")
        wrong = model.faults(given)
        if wrong:
            raise RefusedError(422, "\n".join(f"- input.{name}: {text}" for name, text in wrong))
        webhook = body.get("webhook")
        schemes = ("https://", "http://") if self.takes_plain_webhooks else ("https://",)
        if webhook is not None and (not isinstance(webhook, str) or not webhook.startswith(schemes)):
            raise RefusedError(422, "webhook must be an absolute HTTPS URL")
        events = body.get("webhook_events_filter", list(_EVENTS))
        if not isinstance(events, list) or any(event not in _EVENTS for event in events):
            raise RefusedError(422, "webhook_events_filter holds an unknown event")
        deadline = _cancel_after(request.headers.get("Cancel-After"))
        work = await self._begin(model, body, given, webhook)
        if deadline is not None and deadline < work.ends_at - work.created_at:
            self._agenda.at(work.created_at + deadline, lambda: self._abort(work))
        if webhook is not None and "start" in events:
            await self.webhooks.send(webhook, self._shown(work))
        waiting = re.fullmatch(r"wait(?:=(\d{1,2}))?", request.headers.get("Prefer", ""))
        if waiting:
            await self._wait(work, min(60.0, float(waiting[1] or 60)))
        return web.json_response(self._shown(work), status=201)

    async def _begin(
        self, model: Model, body: Mapping[str, object], given: Mapping[str, object], webhook: str | None
    ) -> Work:
        picture: Path | None = None
        trouble = ""
        if isinstance(given.get("image"), str):
            try:
                address = str(given["image"])
                picture = self.files.find(address) or await fetched(address, self.storage.incoming())
            except NoPictureError as err:
                trouble = f"Failed to download the input image: {err}"
        duration = given.get("duration")
        work = self.workshop.begin(
            secrets.token_hex(13),
            model=model.slug,
            body=body,
            request=MovieRequest(
                prompt=str(given["prompt"]),
                model=model.slug,
                seconds=float(duration) if isinstance(duration, int) else 5.0,
                aspect=str(given.get("aspect_ratio", "16:9")),
                label=str(given.get("resolution", "")),
                picture=picture,
                size=self.movie_size,
            ),
            callback_url=webhook,
            ended=self._tell,
        )
        work.text = trouble
        return work

    async def _tell(self, work: Work) -> None:
        if work.callback_url is not None:
            for _ in range(work.plan.callbacks):
                await self.webhooks.send(work.callback_url, self._shown(work))

    async def _abort(self, work: Work) -> None:
        if self.workshop.cancel(work):
            await self._tell(work)

    async def _wait(self, work: Work, seconds: float) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until and not self.closing.is_set():
            await self.workshop.settle(work)
            if work.end is not None:
                return
            await self.pause(0.05)

    async def _status(self, request: web.Request) -> web.Response:
        return web.json_response(self._shown(await self._found(request)))

    async def _cancel(self, request: web.Request) -> web.Response:
        work = await self._found(request)
        await self._abort(work)
        return web.json_response(self._shown(work))

    async def _list(self, request: web.Request) -> web.Response:
        """The newest first, a page at a time."""
        start = int(request.query.get("cursor", "0"))
        newest = self.works[::-1]
        for work in newest[start : start + _PAGE]:
            await self.workshop.settle(work)
        following = f"{self.url}/v1/predictions?cursor={start + _PAGE}" if len(newest) > start + _PAGE else None
        page = [self._shown(work) for work in newest[start : start + _PAGE]]
        return web.json_response({"previous": None, "next": following, "results": page})

    async def _model(self, request: web.Request) -> web.Response:
        model = self._find_model(request)
        body = {
            "url": f"{self.url}/{model.slug}",
            "owner": model.owner,
            "name": model.name,
            "description": None,
            "visibility": "public",
            "run_count": 0,
            "latest_version": {"id": model.version, "created_at": stamp(0), "cog_version": "", "openapi_schema": {}},
        }
        return web.json_response(body)

    async def _secret(self, request: web.Request) -> web.Response:
        return web.json_response({"key": self.webhooks.secret})

    async def _account(self, request: web.Request) -> web.Response:
        return web.json_response({"type": "organization", "username": "sandbox", "name": "Sandbox", "github_url": ""})

    def _find_model(self, request: web.Request) -> Model:
        model = self.models.get(f"{request.match_info['owner']}/{request.match_info['name']}")
        if model is None:
            raise RefusedError(404, "The requested resource could not be found.")
        return model

    async def _found(self, request: web.Request) -> Work:
        work = await self.workshop.find(request.match_info["id"])
        if work is None:
            raise RefusedError(404, "The requested resource could not be found.")
        return work

    def _shown(self, work: Work) -> dict[str, object]:
        now, model = self.clock(), self.models[work.model]
        has_started = work.share_at(now) > 0 or work.ends_at == work.created_at
        is_removed = work.ended_at is not None and now >= work.ended_at + KEPT
        shown: dict[str, object] = {
            "id": work.id,
            "model": work.model,
            "version": model.version,
            "input": {} if is_removed else work.body["input"],
            "logs": "",
            "output": None,
            "data_removed": is_removed,
            "error": work.text or None if work.end is End.FAILED else None,
            "source": "api",
            "status": "processing" if has_started else "starting",
            "created_at": stamp(work.created_at),
            "started_at": stamp(work.created_at) if has_started else None,
            "completed_at": stamp(work.ended_at) if work.ended_at is not None else None,
            "metrics": {"predict_time": work.ended_at - work.created_at} if work.ended_at is not None else {},
            "urls": {
                "get": f"{self.url}/v1/predictions/{work.id}",
                "cancel": f"{self.url}/v1/predictions/{work.id}/cancel",
            },
        }
        if self.has_webhook_in_records:
            shown["webhook"] = work.callback_url
        match work.end:
            case End.SUCCEEDED if work.result is not None:
                address = self.storage.url(work.result)
                shown["status"] = "succeeded"
                shown["output"] = None if is_removed else [address] if model.is_list else address
            case End.FAILED | End.FILTERED:
                shown["status"] = "failed"
                if work.end is End.FILTERED:
                    shown["error"] = (
                        "The output was flagged as sensitive. Please try again with different inputs. (E005)"
                    )
            case End.CANCELED:
                # Documented: what is stopped before it has started counts as aborted, and is not billed.
                shown["status"] = "canceled" if has_started else "aborted"
            case _:
                pass
        return shown


def _cancel_after(given: str | None) -> float | None:
    """The header's duration in seconds; at least five are asked for."""
    if given is None:
        return None
    read = _CANCEL_AFTER.fullmatch(given)
    if not given or read is None:
        raise RefusedError(400, "Cancel-After is not a duration")
    hours, minutes, seconds = (int(part or 0) for part in read.groups())
    total = hours * 3600 + minutes * 60 + seconds
    if total < 5:
        raise RefusedError(400, "Cancel-After must be at least 5 seconds")
    return float(total)
