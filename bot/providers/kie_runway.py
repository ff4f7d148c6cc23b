"""Runway through Kie.ai, on routes of its own: one video instead of a list, and states in another spelling."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from bot.domain.ids import ProviderId, TaskId
from bot.domain.jobs import FailureReason
from bot.ports import NotVisible, Refused, Submission, TaskStatus
from bot.providers.kie import TERMS, Kie
from bot.providers.kie_fields import links_in, number_in, object_in
from bot.providers.kie_records import Record, status_of

# The model string of an extension; everything else is a new video.
EXTEND = "runway/extend"


class KieRunway(Kie):
    """The `Provider` port on Kie's Runway API. Its records never say what a video cost."""

    id = ProviderId("kie_runway")
    terms = replace(TERMS, has_free_probe=False)

    async def create(self, submission: Submission) -> TaskId:
        action = "extend" if submission.slug == EXTEND else "generate"
        return await self._created(f"/api/v1/runway/{action}", submission.fields, submission.callback_url)

    async def status(self, task_id: TaskId) -> TaskStatus:
        record = await self._record(task_id)
        if record is None:
            return NotVisible()
        status = status_of(record, task_id, self._clock.now(), self._http.clean, _link)
        if number_in(record.get("expireFlag")) == 1 and not isinstance(status, Refused):
            # Documented: 14 days after the video was made, and then there is nothing left to wait for.
            return Refused(reason=FailureReason.NO_RESULT, detail="the provider does not keep the video any more")
        return status

    async def _record(self, task_id: TaskId) -> Record | None:
        return await self._recorded("/api/v1/runway/record-detail", task_id)


def _link(record: Record) -> Iterator[str]:
    yield from links_in(object_in(record.get("videoInfo")).get("videoUrl"))
