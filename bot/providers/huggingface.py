"""Hugging Face Inference Providers: its router passes a request on to fal's queue, and bills it to the host's token."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from datetime import timedelta
from urllib.parse import urlsplit

import httpx

from bot.domain.ids import ProviderId, TaskId
from bot.domain.jobs import FailureReason, Result
from bot.errors import AnswerLostError, ProviderError, ProviderProtocolError
from bot.ports import Done, Empty, LocalFile, NotVisible, Pending, Refused, Submission, TaskStatus, Terms
from bot.providers import plain_codes as codes
from bot.providers.adapter import Adapter
from bot.providers.addresses import web_address
from bot.providers.failure_texts import reason_in
from bot.providers.forms import data_address
from bot.providers.transport import Answer, Timeouts, Transport

# Without this the router asks fal's other host, which keeps the caller waiting until the video is there.
QUEUE = {"_subdomain": "queue"}

# Neither the router's rates nor how long fal keeps what it made is in a source that was read: careful guesses.
TERMS = Terms(
    creates=5,
    creates_window=timedelta(seconds=10),
    running=10,
    queries_per_second=2,
    records_kept=timedelta(days=1),
    results_kept=timedelta(hours=1),
    has_free_probe=False,
)

_REQUEST = re.compile(r"[\w.-]{1,40}/[\w.-]{1,40}/requests/[\w-]{1,48}", re.ASCII)
# fal's word for what its checkers refuse; the entry's `loc` names the field.
_POLICY = "content_policy_violation"


class HuggingFace(Adapter):
    """The `Provider` port on the router's queue. A model string is the id under which fal runs it.

    A task is known by its path: fal shortens the model's id in it, so that it cannot be put together from the id.
    """

    id = ProviderId("huggingface")
    terms = TERMS

    def __init__(
        self,
        *,
        api_token: str,
        base_url: str,
        timeouts: Timeouts | None = None,
        inner: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """*base_url* is a bare origin; *inner* replaces the network in tests."""
        super().__init__(Transport(key=api_token, timeouts=timeouts, inner=inner))
        self._api = f"{base_url.rstrip('/')}/fal-ai"

    async def create(self, submission: Submission) -> TaskId:
        body = {name: await _spelled(value) for name, value in submission.fields.items()}
        answer = await self._http.post_once(f"{self._api}/{submission.slug}?_subdomain=queue", body)
        if answer.status not in (200, 201, 202):
            raise codes.create_error(answer, _text_of(answer), self._http.clean)
        return _task_of(answer.fields or {})

    async def status(self, task_id: TaskId) -> TaskStatus:
        if not _REQUEST.fullmatch(task_id):
            raise ProviderProtocolError("the task's name is not the path of a request")
        answer = await self._http.get(f"{self._api}/{task_id}/status", QUEUE)
        if answer.status == 404 and answer.fields is not None:
            return NotVisible()
        if answer.status not in (200, 202) or answer.fields is None:
            raise self._read_error(answer)
        shown = answer.fields.get("status")
        if not isinstance(shown, str) or not shown:
            raise ProviderProtocolError("the request has no status")
        if shown != "COMPLETED":
            return Pending()  # IN_QUEUE, IN_PROGRESS, and whatever comes to be known later
        return self._outcome(await self._http.get(f"{self._api}/{task_id}", QUEUE))

    def _outcome(self, answer: Answer) -> TaskStatus:
        """A request is also completed when it failed; then its response is an error."""
        if answer.status in (401, 402, 403, 429) or answer.is_page or answer.status in (502, 503, 504):
            raise self._read_error(answer)
        if answer.status != 200:
            return Refused(reason=_reason(answer), detail=self._http.clean(f"[{answer.status}] {_text_of(answer)}"))
        video = (answer.fields or {}).get("video")
        url = web_address(video.get("url")) if isinstance(video, dict) else None
        if url is not None:
            return Done(result=Result(url=url))
        return Empty(detail="the request is completed, without a video")

    async def credits(self) -> float | None:
        """The router names no balance; a question about no request tells whether it takes the token."""
        answer = await self._http.get(f"{self._api}/fal-ai/none/requests/none/status", QUEUE)
        error = self._read_error(answer)
        if answer.status != 200 and not isinstance(error, ProviderProtocolError):
            raise error
        return None

    def _read_error(self, answer: Answer) -> ProviderError:
        return codes.read_error(answer, _text_of(answer), self._http.clean)


async def _spelled(value: object) -> object:
    """A picture as a data: address, which is how Hugging Face's own client sends it."""
    if isinstance(value, list):
        return [await _spelled(each) for each in value]
    if not isinstance(value, LocalFile):
        return value
    return await asyncio.to_thread(data_address, value)


def _task_of(accepted: Mapping[str, object]) -> TaskId:
    address, name = accepted.get("response_url"), accepted.get("request_id")
    known = web_address(address)
    path = "" if known is None else urlsplit(known).path.strip("/")
    if not _REQUEST.fullmatch(path) or not isinstance(name, str) or not path.endswith(f"/{name}"):
        raise AnswerLostError("the router accepted the request but did not name it")
    return TaskId(path)


def _faults(answer: Answer) -> list[Mapping[str, object]]:
    detail = answer.fields.get("detail") if answer.fields is not None else None
    return [fault for fault in detail if isinstance(fault, dict)] if isinstance(detail, list) else []


def _text_of(answer: Answer) -> str:
    """fal's list of problems, or the one text of fal or the router."""
    if answer.fields is None:
        return answer.text
    told = [f"{fault.get('loc')}: {fault.get('msg')} ({fault.get('type')})" for fault in _faults(answer)]
    texts = (answer.fields.get(name) for name in ("detail", "error", "message"))
    return "; ".join(told) or next((text for text in texts if isinstance(text, str)), answer.text)


def _reason(answer: Answer) -> FailureReason:
    for fault in _faults(answer):
        if fault.get("type") == _POLICY:
            place = str(fault.get("loc"))
            is_picture = "image" in place
            return FailureReason.MODERATION_IMAGE if is_picture else FailureReason.MODERATION_PROMPT
    if answer.status == 422:
        return codes.request_fault(_text_of(answer))
    return reason_in(_text_of(answer)) or FailureReason.UPSTREAM
