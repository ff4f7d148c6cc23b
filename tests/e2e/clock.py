"""The machine's time plus what the test has let pass at once; bot, Discord and provider all go by it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta


class SkippingClock:
    """Runs like any clock, and jumps when a test says so; whoever waits notices at once.

    It starts at noon: allowances renew at midnight, and a test must not depend on when it is run.
    """

    def __init__(self) -> None:
        now = datetime.now(UTC)
        self._skipped = now.replace(hour=12, minute=0, second=0, microsecond=0) - now
        self._skips: set[asyncio.Event] = set()

    def __call__(self) -> datetime:
        return self.now()

    def now(self) -> datetime:
        return datetime.now(UTC) + self._skipped

    def timestamp(self) -> float:
        return self.now().timestamp()

    def advance(self, **parts: float) -> None:
        self._skipped += timedelta(**parts)
        for skip in self._skips:
            skip.set()

    async def wait(self, wake: asyncio.Event, at_most: timedelta) -> None:
        until = self.now() + at_most
        while not wake.is_set() and self.now() < until:
            skip = asyncio.Event()
            self._skips.add(skip)
            waiting = [asyncio.ensure_future(event.wait()) for event in (wake, skip)]
            try:
                left = (until - self.now()).total_seconds()
                await asyncio.wait(waiting, timeout=left, return_when=asyncio.FIRST_COMPLETED)
            finally:
                self._skips.discard(skip)
                for each in waiting:
                    each.cancel()
