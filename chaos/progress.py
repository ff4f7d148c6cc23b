"""Says every half minute how far a layer has come: the whole takes hours, and nobody should have to guess."""

from __future__ import annotations

import time
from collections.abc import Callable

EVERY = 30.0  # seconds

Report = Callable[[int, int], None]
"""Is told how much has been done and how many violations there are."""


def unheard(_done: int, _violations: int) -> None:
    """For whoever waits for the end only."""


class Progress:
    """Reports of one layer as lines, the first as soon as half a minute is over."""

    def __init__(self, layer: str, wanted: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._layer = layer
        self._wanted = wanted
        self._clock = clock
        self._began = self._told_at = clock()

    def __call__(self, done: int, violations: int) -> None:
        now = self._clock()
        if now - self._told_at < EVERY:
            return
        self._told_at = now
        spent = now - self._began
        left = f", about {_minutes(spent / done * (self._wanted - done))} left" if done else ""
        print(
            f"  {self._layer}: {done:,} of {self._wanted:,} after {_minutes(spent)}{left}, violations: {violations}",
            flush=True,
        )


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:.0f} min" if seconds >= 90 else f"{seconds:.0f} s"
