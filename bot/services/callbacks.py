"""Takes the provider's calls as hints: the job is looked at now, and the provider is asked for the truth."""

from __future__ import annotations

from collections.abc import Callable

from bot.domain.ids import JobId, TaskId
from bot.ports import Clock
from bot.store import jobs
from bot.store.database import Database

# What the job table's key can hold; the address of a forged callback may name any number.
LARGEST_ID = 2**63 - 1


class Callbacks:
    """What the HTTP server hands on."""

    def __init__(self, database: Database, clock: Clock, wake: Callable[[], None]) -> None:
        self._database = database
        self._clock = clock
        self._wake = wake

    async def hint(self, job_id: int, secret: str, task_id: str) -> bool:
        """True once the hint is stored; False when job and secret do not belong together."""
        if not 0 < job_id <= LARGEST_ID:
            return False
        known = await self._database.write(jobs.hint, JobId(job_id), secret, TaskId(task_id), self._clock.now())
        if known is None:
            return False
        self._wake()
        return True
