"""Gemini Omni by the Interactions API: an interaction in the background, whose last step holds the video."""

from __future__ import annotations

import asyncio
import base64
import binascii
import re
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

from bot.domain.ids import ProviderId, TaskId
from bot.domain.jobs import FailureReason, Result
from bot.errors import AnswerLostError, ProviderProtocolError, ProviderRejectedError
from bot.ports import Done, Downloads, Empty, LocalFile, NotVisible, Pending, Refused, Submission, TaskStatus, Terms
from bot.providers import google_interactions as records
from bot.providers import plain_codes as codes
from bot.providers.addresses import web_address
from bot.providers.failure_texts import REQUEST_FAULTS, reason_in
from bot.providers.google import GoogleAdapter, encoded

# What the format of the result is asked for with; the names are those of Google's own client.
_FORMAT = frozenset({"aspect_ratio", "resolution", "duration"})
_NAME = re.compile(r"[\w-]{1,128}", re.ASCII)
_STOPPED = frozenset({"cancelled", "incomplete", "budget_exceeded", "requires_action", "failed"})

# We ask for an address. Should a video come inline all the same, it is at most about 4 MB (a blog's measurement), a
# third more in base64; this is room for three times that, and what is larger is not read.
INLINE_LIMIT = 16 * 1024 * 1024

# As for Veo, careful guesses; how long interactions are kept is in no source, files are kept for two days.
TERMS = Terms(
    creates=5,
    creates_window=timedelta(seconds=60),
    running=10,
    queries_per_second=2,
    records_kept=timedelta(days=1),
    results_kept=timedelta(days=1),
    has_free_probe=True,
    has_public_links=False,
    account="google",
)


class GoogleOmni(GoogleAdapter):
    """The `Provider` port on interactions."""

    id = ProviderId("google_omni")
    terms = TERMS

    async def create(self, submission: Submission) -> TaskId:
        wanted: dict[str, object] = {"type": "video", "delivery": "uri"}
        content: list[dict[str, object]] = []
        body: dict[str, object] = {"model": submission.slug, "background": True, "response_modalities": ["video"]}
        for name, value in submission.fields.items():
            if name in _FORMAT:
                wanted[name] = f"{value}s" if name == "duration" else value
            elif name == "task":
                # What the pictures are for; without it the model guesses.
                body["generation_config"] = {"video_config": {"task": value}}
            elif name == "prompt":
                content.insert(0, {"type": "text", "text": value})
            else:
                pictures = value if isinstance(value, list) else [value]
                content += [await _picture(each) for each in pictures if isinstance(each, LocalFile)]
        body |= {"input": content, "response_format": wanted}
        answer = await self._http.post_once(f"{self._api}/interactions", body)
        if answer.status != 200:
            raise self._create_error(answer)
        named = (answer.fields or {}).get("id")
        if not isinstance(named, str) or not _NAME.fullmatch(named):
            raise AnswerLostError("Google accepted the interaction but did not name it")
        return TaskId(named)

    async def status(self, task_id: TaskId) -> TaskStatus:
        address = self._address(task_id)
        answer = await self._http.get(address, at_most=INLINE_LIMIT)
        if answer.status == 404 and answer.fields is not None:
            return NotVisible()
        if answer.status != 200 or answer.fields is None:
            raise self._read_error(answer)
        shown = answer.fields.get("status")
        if not isinstance(shown, str) or not shown:
            raise ProviderProtocolError("the interaction has no status")
        if shown in _STOPPED:
            text = " ".join(records.complaints(answer.fields)) or shown
            return Refused(reason=codes.task_fault(text), detail=self._http.clean(f"[{shown}] {text}"))
        if shown != "completed":
            return Pending()  # in_progress, queued, and whatever comes to be known later
        return self._outcome(answer.fields, address)

    def _outcome(self, record: Mapping[str, object], address: str) -> TaskStatus:
        for video in records.contents(record, "video"):
            uri = web_address(video.get("uri"))
            if uri is not None:
                return Done(result=Result(url=uri, credits=records.cost(record)))
            if isinstance(video.get("data"), str):
                return Done(result=Result(url=address, credits=records.cost(record)))
        text = " ".join(
            [*records.complaints(record), *(str(each.get("text", "")) for each in records.contents(record, "text"))]
        )
        if not text.strip():
            return Empty(detail="the interaction is completed, without a video")
        # The model answers in words where it does not want to make what was asked.
        reason = reason_in(text)
        refused = reason if reason in REQUEST_FAULTS else FailureReason.REJECTED
        return Refused(reason=refused, detail=self._http.clean(f"words instead of a video: {text}"))

    async def fetch(self, result: Result, to: Path, downloads: Downloads) -> int:
        """From its address; or, if the video came inline, from the interaction once more."""
        if not result.url.startswith(f"{self._api}/interactions/"):
            return await super().fetch(result, to, downloads)
        answer = await self._http.get(result.url, at_most=INLINE_LIMIT)
        if answer.status != 200 or answer.fields is None:
            raise self._read_error(answer)
        data = next((video.get("data") for video in records.contents(answer.fields, "video")), None)
        try:
            content = await asyncio.to_thread(base64.b64decode, data if isinstance(data, str) else "", validate=True)
        except binascii.Error as err:
            raise ProviderRejectedError(FailureReason.NO_RESULT, "the video's base64 is broken") from err
        return await downloads.keep(content, to)

    async def cancel(self, task_id: TaskId) -> bool:
        answer = await self._http.post(f"{self._address(task_id)}/cancel")
        if answer.status in (400, 404) and answer.fields is not None:
            return False  # it has ended, or is not known any more
        if answer.status != 200:
            raise self._read_error(answer)
        return True

    def _address(self, task_id: TaskId) -> str:
        if not _NAME.fullmatch(task_id):
            raise ProviderProtocolError("the task's name is not that of an interaction")
        return f"{self._api}/interactions/{task_id}"


async def _picture(picture: LocalFile) -> dict[str, object]:
    return {"type": "image", "data": await encoded(picture), "mime_type": picture.content_type}
