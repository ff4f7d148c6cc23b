"""The sandbox's time: real time that a test can push forward, so that tokens expire without anybody waiting."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

Clock = Callable[[], datetime]


class AdjustableClock:
    """Ticks with the real clock and can be moved; calling it tells the time."""

    def __init__(self) -> None:
        self._offset = timedelta(0)

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self._offset

    def advance(self, step: timedelta | None = None, /, *, seconds: float = 0, minutes: float = 0) -> None:
        """Jump ahead by a timedelta, or by seconds and minutes."""
        self._offset += (step or timedelta(0)) + timedelta(seconds=seconds, minutes=minutes)
