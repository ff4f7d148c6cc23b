"""How much a provider may be asked: at most so many calls in any window of time."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable
from datetime import datetime, timedelta

from bot.ports import Clock

# Kie takes 20 create calls per 10 s and account, and drops the rest; about 100 tasks may run at once ("Getting
# started" page). Two calls stay free for other tools. The window is longer than theirs: calls that leave ten seconds
# apart arrive closer together when the first ones were long on their way.
CREATES = 18
CREATES_WINDOW = timedelta(seconds=11)
RUNNING = 100


class SlidingWindow:
    """Counts calls; knows how many more are allowed now and when the next one is."""

    def __init__(self, limit: int, window: timedelta) -> None:
        self._limit = limit
        self._window = window
        self._calls: deque[datetime] = deque()

    def remember(self, earlier: Iterable[datetime]) -> None:
        """Count calls that an earlier process made; a restart does not reset the provider's window."""
        self._calls = deque(sorted([*self._calls, *earlier]))

    def free(self, now: datetime) -> int:
        """How many calls may leave at this moment."""
        while self._calls and self._calls[0] <= now - self._window:
            self._calls.popleft()
        return max(0, self._limit - len(self._calls))

    async def turn(self, clock: Clock) -> None:
        """Wait until one more call may leave, and count it."""
        while not self.free(clock.now()):
            await clock.wait(asyncio.Event(), self.free_at(clock.now()) - clock.now())
        self.count(clock.now())

    def count(self, now: datetime, calls: int = 1) -> None:
        self._calls.extend([now] * calls)

    def free_at(self, now: datetime) -> datetime:
        """When the next call may leave."""
        return now if self.free(now) else self._calls[0] + self._window
