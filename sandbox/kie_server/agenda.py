"""Does things when the clock says that they are due, whichever clock that is."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

Clock = Callable[[], float]
Action = Callable[[], Coroutine[Any, Any, None]]

# A hand clock jumps without telling anybody, so something due later is looked at again this often.
_LOOK_AGAIN = 0.02


@dataclass(frozen=True, slots=True, order=True)
class _Entry:
    due: float
    number: int
    action: Action = field(compare=False)


class Agenda:
    """Owns every task it starts; closing it cancels those that still run."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._entries: list[_Entry] = []
        self._added = asyncio.Event()
        self._number = 0
        self._runner: asyncio.Task[None] | None = None

    def start(self) -> None:
        # The one task that is started by hand: a TaskGroup cannot be entered in one method and left in another.
        self._runner = asyncio.create_task(self._run(), name="kie-agenda")

    async def close(self) -> None:
        runner, self._runner = self._runner, None
        if runner is not None:
            runner.cancel()
            with suppress(asyncio.CancelledError):
                await runner

    def at(self, due: float, action: Action) -> None:
        self._number += 1
        heapq.heappush(self._entries, _Entry(due, self._number, action))
        self._added.set()

    async def _run(self) -> None:
        async with asyncio.TaskGroup() as group:
            while True:
                while self._entries and self._entries[0].due <= self._clock():
                    group.create_task(heapq.heappop(self._entries).action())
                self._added.clear()
                wait = None
                if self._entries:
                    wait = min(_LOOK_AGAIN, max(0.0, self._entries[0].due - self._clock()))
                with suppress(TimeoutError):
                    async with asyncio.timeout(wait):
                        await self._added.wait()
