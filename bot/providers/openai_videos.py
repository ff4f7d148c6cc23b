"""OpenAI's Videos API as gateways go on speaking it since OpenAI itself has switched it off."""

from __future__ import annotations

import asyncio
import re
from datetime import timedelta
from pathlib import Path

import httpx

from bot.domain.ids import ProviderId, TaskId
from bot.domain.jobs import Result
from bot.errors import AnswerLostError, ProviderUnavailableError
from bot.ports import (
    Downloads,
    NotSold,
    NotVisible,
    PictureHost,
    ProbeAnswer,
    Reference,
    Sold,
    Submission,
    TaskStatus,
    Terms,
)
from bot.providers import openai_records as records
from bot.providers.adapter import Adapter
from bot.providers.forms import form_of
from bot.providers.transport import Answer, Timeouts, Transport

# What gateways allow is in no source that was read, so the rates are careful guesses. OpenAI kept the files of a video
# for an hour and its record for longer; a record's own `expires_at` counts where it has one.
TERMS = Terms(
    creates=10,
    creates_window=timedelta(seconds=30),
    running=20,
    queries_per_second=4,
    records_kept=timedelta(days=1),
    results_kept=timedelta(hours=1),
    has_free_probe=True,
    has_public_links=False,  # a video is served to whoever has the key
)

# This field of a follow-up names the earlier video; its create call has a route of its own and takes words only.
REMIXED = "remixed_from_video_id"

# OpenAI's name for the first frame.
REFERENCE = "input_reference"

# Names are opaque; one that could lead to another route is none.
_NAME = re.compile(r"[A-Za-z0-9_.:-]{1,128}")
# A gateway's list of models can be long.
_MODEL_LIST = 8 * 1024 * 1024


class OpenAIVideos(Adapter):
    """The `Provider` port on `/videos` below a gateway's address."""

    id = ProviderId("openai_videos")
    terms = TERMS

    def __init__(
        self,
        *,
        api_key: str,
        base_url: str,
        pictures: PictureHost | None = None,
        timeouts: Timeouts | None = None,
        inner: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """*base_url* ends with the version, as in OpenAI's own client; *inner* replaces the network in tests.

        With *pictures* a picture goes there, and the gateway gets its address instead of a form with the file.
        """
        super().__init__(Transport(key=api_key, timeouts=timeouts, inner=inner))
        self._api = base_url.rstrip("/")
        self._pictures = pictures

    async def aclose(self) -> None:
        await super().aclose()
        if self._pictures is not None:
            await self._pictures.aclose()

    async def upload(self, path: Path, content_type: str) -> Reference:
        if self._pictures is None:
            return await super().upload(path, content_type)
        return await self._pictures.host(path, content_type)

    async def create(self, submission: Submission) -> TaskId:
        answer = await self._create(submission)
        if not 200 <= answer.status < 300:
            raise records.create_error(answer, self._http.clean)
        name = (answer.fields or {}).get("id")
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise AnswerLostError("the gateway accepted the video but did not name it")
        return TaskId(name)

    async def _create(self, submission: Submission) -> Answer:
        fields = {"model": submission.slug, **submission.fields}
        earlier = fields.pop(REMIXED, None)
        if earlier is not None:
            return await self._http.post_once(f"{self._video(str(earlier))}/remix", {"prompt": fields["prompt"]})
        address = fields.get(REFERENCE)
        if isinstance(address, str):
            # Documented for JSON beside the file of a form; a field of another name takes the bare address.
            return await self._http.post_once(f"{self._api}/videos", {**fields, REFERENCE: {"image_url": address}})
        form = await asyncio.to_thread(form_of, fields)
        if form.files:
            return await self._http.post_form_once(f"{self._api}/videos", form.fields, form.files)
        return await self._http.post_once(f"{self._api}/videos", fields)

    async def status(self, task_id: TaskId) -> TaskStatus:
        answer = await self._http.get(self._video(task_id))
        if answer.status == 404 and answer.fields is not None:
            return NotVisible()
        if answer.status != 200 or answer.fields is None:
            raise records.read_error(answer, self._http.clean)
        return records.status_of(answer.fields, task_id, f"{self._video(task_id)}/content", self._http.clean)

    async def fetch(self, result: Result, to: Path, downloads: Downloads) -> int:
        return await downloads.fetch(result.url, to, self._http.credentials(self._api))

    async def probe(self, slug: str) -> ProbeAnswer:
        answer = await self._http.get(f"{self._api}/models/{slug}")
        if answer.status == 200 and answer.fields is not None:
            return Sold()
        if answer.status == 404 and records.code_of(answer.fields) == "model_not_found":
            return NotSold(is_known=False, detail=self._http.clean(records.text_of(answer)))
        # Many gateways have no such route; that says nothing about the model.
        raise ProviderUnavailableError(f"[HTTP {answer.status}] the gateway does not say which models it has")

    async def credits(self) -> float | None:
        """Gateways have no common way to tell a balance; their list of models tells whether the key is taken."""
        answer = await self._http.get(f"{self._api}/models", at_most=_MODEL_LIST)
        if answer.status != 200:
            raise records.read_error(answer, self._http.clean)
        return None

    def _video(self, name: str) -> str:
        if not _NAME.fullmatch(name) or name.strip(".") == "":
            raise ProviderUnavailableError("that is not the name of a video")
        return f"{self._api}/videos/{name}"
