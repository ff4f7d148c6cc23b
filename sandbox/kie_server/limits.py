"""Counts requests in sliding windows and refuses those beyond the limit, as the provider does: dropped, not queued."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from sandbox.kie_server.agenda import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """None switches a limit off. The numbers are the provider's documented ones."""

    creates: int | None = 20
    creates_window: float = 10.0
    records: int | None = 10
    records_window: float = 1.0
    running: int | None = 100  # "about 100+ concurrently running tasks typical"


class SlidingWindow:
    """A refused request does not count: it was never let in."""

    def __init__(self, limit: int | None, seconds: float, clock: Clock) -> None:
        self._limit = limit
        self._seconds = seconds
        self._clock = clock
        self._admitted: deque[float] = deque()

    def admits(self) -> bool:
        if self._limit is None:
            return True
        now = self._clock()
        while self._admitted and self._admitted[0] <= now - self._seconds:
            self._admitted.popleft()
        if len(self._admitted) >= self._limit:
            return False
        self._admitted.append(now)
        return True
