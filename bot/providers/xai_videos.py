"""xAI's video API, and whoever imitates it: `/videos/generations` makes a request, `/videos/<id>` tells of it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping
from datetime import timedelta

import httpx

from bot.domain.ids import ProviderId, TaskId
from bot.domain.jobs import FailureReason, Result
from bot.errors import AnswerLostError, ProviderError, ProviderProtocolError
from bot.ports import (
    Done,
    Empty,
    LocalFile,
    NotSold,
    NotVisible,
    Pending,
    ProbeAnswer,
    Refused,
    Sold,
    Submission,
    TaskStatus,
    Terms,
)
from bot.providers import plain_codes as codes
from bot.providers.adapter import Adapter
from bot.providers.forms import data_address
from bot.providers.openai_records import code_of, message_of, text_of
from bot.providers.transport import Answer, Timeouts, Transport, is_web_address

# The rates, and how long a video is kept, are in no source that was read, so these are careful guesses.
TERMS = Terms(
    creates=5,
    creates_window=timedelta(seconds=10),
    running=20,
    queries_per_second=4,
    records_kept=timedelta(days=1),
    results_kept=timedelta(hours=1),
    has_free_probe=True,
)

_NAME = re.compile(r"[A-Za-z0-9_-]{1,128}")


class XAIVideos(Adapter):
    """The `Provider` port on xAI's route. A picture travels as an address that holds all of it."""

    id = ProviderId("xai_videos")
    terms = TERMS

    def __init__(
        self,
        *,
        api_key: str,
        base_url: str,
        timeouts: Timeouts | None = None,
        inner: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """*base_url* ends with the version; *inner* replaces the network in tests."""
        super().__init__(Transport(key=api_key, timeouts=timeouts, inner=inner))
        self._api = base_url.rstrip("/")

    async def create(self, submission: Submission) -> TaskId:
        body: dict[str, object] = {"model": submission.slug, **submission.fields}
        for field, value in submission.fields.items():
            if isinstance(value, LocalFile):
                body[field] = {"url": await asyncio.to_thread(data_address, value)}
        answer = await self._http.post_once(f"{self._api}/videos/generations", body)
        if not 200 <= answer.status < 300:
            raise codes.create_error(answer, text_of(answer), self._http.clean)
        name = (answer.fields or {}).get("request_id")
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise AnswerLostError("the request was accepted but not named")
        return TaskId(name)

    async def status(self, task_id: TaskId) -> TaskStatus:
        if not _NAME.fullmatch(task_id):
            raise ProviderProtocolError("that is not the name of a request")
        answer = await self._http.get(f"{self._api}/videos/{task_id}")
        if answer.status == 404 and answer.fields is not None:
            return NotVisible()
        # While it works, some answer with 202.
        if answer.status not in (200, 202) or answer.fields is None:
            raise self._read_error(answer)
        return _status_of(answer.fields, self._http.clean)

    async def probe(self, slug: str) -> ProbeAnswer:
        answer = await self._http.get(f"{self._api}/models/{slug}")
        if answer.status == 200 and answer.fields is not None:
            return Sold()
        if answer.status == 404 and answer.fields is not None:
            return NotSold(is_known=False, detail=self._http.clean(text_of(answer)))
        raise self._read_error(answer)

    async def credits(self) -> float | None:
        """No balance is told; the list of models tells whether the key is taken."""
        answer = await self._http.get(f"{self._api}/models")
        if answer.status != 200:
            raise self._read_error(answer)
        return None

    def _read_error(self, answer: Answer) -> ProviderError:
        return codes.read_error(answer, text_of(answer), self._http.clean)


def _status_of(record: Mapping[str, object], clean: Callable[[str], str]) -> TaskStatus:
    status = record.get("status")
    if not isinstance(status, str) or not status:
        raise ProviderProtocolError("the record has no status")
    match status.lower():
        case "done":
            return _finished(record)
        case "failed":
            code, text = code_of(record) or "no code", message_of(record) or "no text"
            return Refused(reason=codes.task_fault(text), detail=clean(f"[{code}] {text}"))
        case _:
            # Guides name "processing"; what else there is nobody has written down, so it is no end.
            return Pending()


def _finished(record: Mapping[str, object]) -> TaskStatus:
    """The address stands in `video.url`, at imitators in `url`."""
    video = record.get("video")
    inner = video if isinstance(video, dict) else {}
    if inner.get("respect_moderation") is False:
        return Refused(reason=FailureReason.MODERATION_RESULT, detail="the result did not pass the vendor's filter")
    for url in (inner.get("url"), record.get("url")):
        if isinstance(url, str) and is_web_address(url.strip()):
            return Done(result=Result(url=url.strip()))
    return Empty(detail="the record says done and names no video")
