"""Aleph, Runway's editor of videos, through Kie.ai: Veo's flags, the Jobs API's times, and fields of its own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from bot.domain.ids import ProviderId, TaskId
from bot.ports import NotVisible, Submission, TaskStatus
from bot.providers.kie import TERMS, Kie
from bot.providers.kie_fields import links_in, object_in
from bot.providers.kie_records import Record, status_of


class KieAleph(Kie):
    """The `Provider` port on Kie's Aleph API. Its records never say what a video cost."""

    id = ProviderId("kie_aleph")
    terms = replace(TERMS, has_free_probe=False)

    async def create(self, submission: Submission) -> TaskId:
        return await self._created("/api/v1/aleph/generate", submission.fields, submission.callback_url)

    async def status(self, task_id: TaskId) -> TaskStatus:
        record = await self._record(task_id)
        if record is None:  # An unknown id is a success without a record here.
            return NotVisible()
        return status_of(record, task_id, self._clock.now(), self._http.clean, _link)

    async def _record(self, task_id: TaskId) -> Record | None:
        return await self._recorded("/api/v1/aleph/record-info", task_id)


def _link(record: Record) -> Iterator[str]:
    yield from links_in(object_in(record.get("response")).get("resultVideoUrl"))
