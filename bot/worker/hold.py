"""A claimed job in the hands of its step: what it is now, after what the step has already written of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta

from bot.domain.jobs import Job, Move
from bot.services.lifecycle import Lifecycle


class Hold:
    """One job under one lease. `job` is always as last written."""

    def __init__(self, job: Job, lifecycle: Lifecycle, turn: Callable[[], Awaitable[None]]) -> None:
        self.job = job
        self._lifecycle = lifecycle
        self._turn = turn

    async def turn(self) -> None:
        """Wait until the stage's rate lets one more call leave. What comes before the call may take any time."""
        await self._turn()

    async def advance(self, move: Move, lease: timedelta) -> Job:
        """Write an intent before its effect, and keep the job. Raises StaleJobError when it is no longer ours."""
        self.job = await self._lifecycle.apply(self.job, move, lease=lease)
        return self.job

    async def finish(self, move: Move) -> Job:
        """Write the step's decision and let the job go."""
        self.job = await self._lifecycle.apply(self.job, move)
        return self.job
