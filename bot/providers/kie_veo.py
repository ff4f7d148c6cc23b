"""Veo through Kie.ai, on routes of its own: new videos, extensions of them, and larger versions of finished ones."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from bot.domain.ids import ProviderId, TaskId
from bot.domain.jobs import FailureReason, Result
from bot.errors import ProviderProtocolError, ProviderRejectedError
from bot.ports import Done, NotVisible, Pending, Refused, Submission, TaskStatus
from bot.providers import kie_codes as codes
from bot.providers.failure_texts import REQUEST_FAULTS
from bot.providers.kie import TERMS, Kie
from bot.providers.kie_fields import links_in, object_in
from bot.providers.kie_records import LINK_LIFE, Record, inside, record_in, status_of
from bot.providers.transport import Answer

# A model string is a tier, for a new video, or a tier and what is to be done with a finished one: "veo3_fast/extend".
EXTEND, UPSCALE = "extend", "upscale"
# Extensions name the tiers in other words.
_EXTENDERS = {"veo3": "quality", "veo3_fast": "fast", "veo3_lite": "lite"}

# Larger versions are no tasks: they are asked for by the task that made the video, again and again until they are
# there, and made and billed when they are asked for first (documentation of both calls). So no answer can be lost.
# Under these marks before that task's id they are tasks for us. No callback is ordered: it could name the task of the
# smaller video.
LARGER = {"1080p": "1080p:", "4k": "4k:"}
# The codes under which the two calls say "not yet", by their pages or by clients, and what those say for good.
_SAID_OF_LARGER = frozenset({200, 400, 404, 408, 422, 451, 500, 501, 505, 531})
_REFUSED = frozenset({404, 451, 501, 505, 531})

RECORD = "/api/v1/veo/record-info"
# What Kie says instead of a record, of a task that is not at its end.
_UNFINISHED = ("record status is not success", "record result data")


class KieVeo(Kie):
    """The `Provider` port on Kie's Veo API. Its records never say what a video cost."""

    id = ProviderId("kie_veo")
    terms = replace(TERMS, has_free_probe=False)

    async def create(self, submission: Submission) -> TaskId:
        tier, _, action = submission.slug.partition("/")
        if action == UPSCALE:
            return await self._enlarge(submission)
        model = _EXTENDERS[tier] if action == EXTEND else tier
        path = f"/api/v1/veo/{action or 'generate'}"
        return await self._created(path, {"model": model, **submission.fields}, submission.callback_url)

    async def status(self, task_id: TaskId) -> TaskStatus:
        if size := _size_of(task_id):
            return self._larger(await self._ask_larger(size, task_id.removeprefix(LARGER[size])))
        answer = await self._http.get(f"{self._api}{RECORD}", {"taskId": task_id})
        code, text = codes.code_of(answer), codes.text_of(answer)
        if code is not None and code != 200:
            reason = codes.reason_of(str(code), text)
            if reason in REQUEST_FAULTS:
                return Refused(reason=reason, detail=self._http.clean(f"[{code}] {text}"))
            if code == 422 and text.lower().startswith(_UNFINISHED):
                return Pending()
        record = record_in(answer, self._http.clean)
        if record is None:
            return NotVisible()
        return status_of(record, task_id, self._clock.now(), self._http.clean, _links)

    async def _record(self, task_id: TaskId) -> Record | None:
        return await self._recorded(RECORD, task_id)

    async def _enlarge(self, submission: Submission) -> TaskId:
        size, source = str(submission.fields["resolution"]), str(submission.fields["taskId"])
        try:
            found = self._larger(await self._ask_larger(size, source))
        except ProviderProtocolError:
            found = Pending()  # It was asked for; what the answer meant, the next ones will tell.
        if isinstance(found, Refused):
            raise ProviderRejectedError(found.reason, found.detail)
        return TaskId(LARGER[size] + source)

    async def _ask_larger(self, size: str, source: str) -> Answer:
        if size == "1080p":
            return await self._http.get(f"{self._api}/api/v1/veo/get-1080p-video", {"taskId": source, "index": "0"})
        return await self._http.post(f"{self._api}/api/v1/veo/get-4k-video", {"taskId": source, "index": 0})

    def _larger(self, answer: Answer) -> TaskStatus:
        """What an answer to such a call means. It is ready when it has a link, whatever its code says."""
        for name in ("resultUrl", "resultUrls"):
            for url in links_in(inside(answer).get(name)):
                return Done(result=Result(url=url, expires_at=self._clock.now() + LINK_LIFE))
        code, text = codes.code_of(answer), codes.text_of(answer)
        if code in _SAID_OF_LARGER:
            reason = codes.reason_of(str(code), text)
            if codes.is_paused(text):
                reason = FailureReason.MODEL_PAUSED
            elif codes.is_missing_record(text):
                reason = FailureReason.SOURCE_GONE
            is_final = reason in (FailureReason.MODEL_PAUSED, FailureReason.SOURCE_GONE) or reason in REQUEST_FAULTS
            if is_final or code in _REFUSED or text.lower().startswith(_UNFINISHED[:1]):
                return Refused(reason=reason, detail=self._http.clean(f"[{code}] {text}"))
            return Pending()
        raise codes.read_error(answer, self._http.clean)


def _size_of(task_id: TaskId) -> str | None:
    return next((size for size, mark in LARGER.items() if task_id.startswith(mark)), None)


def _links(record: Record) -> Iterator[str]:
    """Of an extension the whole video, of everything else the one that there is."""
    response = object_in(record.get("response"))
    for value in (response.get("fullResultUrls"), response.get("resultUrls"), record.get("resultUrls")):
        yield from links_in(value)
