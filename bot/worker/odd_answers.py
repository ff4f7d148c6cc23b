"""Keeps what a provider answered when nobody understands it, so that the host can show it to somebody who does."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Collection
from datetime import datetime
from pathlib import Path

from bot import logs
from bot.domain.ids import JobId
from bot.domain.jobs import Job
from bot.domain.models import OptionName
from bot.providers.transport import last_answer

log = logs.get(__name__)

# An odd answer is an exception; a provider that answers nothing else would fill the disk.
MOST_FILES = 100
MOST_CHARACTERS = 64 * 1024
# To take shorter words out would leave nothing that can be read, and they tell nothing of whoever wrote them.
SHORTEST_WORDS = 4


class OddAnswers:
    """Files in one folder, the oldest of which make room for new ones."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def keep(self, job: Job, why: str, now: datetime) -> str | None:
        """The name of the file that holds the last answer; None when there was none or it cannot be written."""
        answer = last_answer()
        if answer is None:
            return None
        name = f"{now:%Y%m%dT%H%M%S}-job-{job.id}.txt"
        text = _without_words(answer.replace(job.callback_secret, "[secret]"), job)[:MOST_CHARACTERS]
        head = f"job {job.id}, model {job.model}, provider {job.provider}, {now:%Y-%m-%d %H:%M:%S} UTC\n{why}\n\n"
        try:
            await asyncio.to_thread(self._write, name, head + text)
        except OSError as failure:
            log.warning("odd_answer_not_kept", job=job.id, reason=failure.strerror)
            return None
        return name

    def _write(self, name: str, text: str) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        (self._folder / name).write_text(text, encoding="utf-8")
        for old in sorted(self._folder.glob("*-job-*.txt"))[:-MOST_FILES]:
            old.unlink(missing_ok=True)


def _without_words(answer: str, job: Job) -> str:
    """The answer without what the member wrote, however it is written in JSON: vendors repeat it in their records."""
    negative = job.video.options.get(OptionName.NEGATIVE)
    for words in (job.video.prompt, negative):
        if not isinstance(words, str) or len(words) < SHORTEST_WORDS:
            continue
        for written in (words, json.dumps(words)[1:-1], json.dumps(words, ensure_ascii=False)[1:-1]):
            answer = answer.replace(written, "[prompt]")
    return answer


def forget(folder: Path, job_ids: Collection[JobId]) -> None:
    """What was kept of these jobs goes: more of a request may be repeated in an answer than can be found there."""
    for job_id in job_ids:
        for path in folder.glob(f"*-job-{job_id}.txt"):
            path.unlink(missing_ok=True)
