"""Keeps what a provider answered when nobody understands it, so that the host can show it to somebody who does."""

from __future__ import annotations

import asyncio
from datetime import datetime
from pathlib import Path

from bot import logs
from bot.domain.jobs import Job
from bot.providers.transport import last_answer

log = logs.get(__name__)

# An odd answer is an exception; a provider that answers nothing else would fill the disk.
MOST_FILES = 100
MOST_CHARACTERS = 64 * 1024


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
        text = answer.replace(job.callback_secret, "[secret]")[:MOST_CHARACTERS]
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
