"""Whether the bot works: what /healthz and /readyz answer, and numbers that nobody pushes."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence

from bot.client import CutsceneClient
from bot.errors import StoreError
from bot.metrics import Metrics
from bot.services.queue import Queue
from bot.services.storage import StorageGuard
from bot.worker.loop import Worker

MEASURE_EVERY = 15.0  # seconds


class Health:
    """Looks at the store, the connection to Discord and the worker."""

    def __init__(self, queue: Queue, storage: StorageGuard, client: CutsceneClient, worker: Worker) -> None:
        self._queue = queue
        self._storage = storage
        self._client = client
        self._worker = worker

    async def broken(self) -> Sequence[str]:
        if self._storage.trouble is not None:
            return [f"storage: {self._storage.trouble}"]
        try:
            await self._queue.reach()
        except StoreError as error:
            return [f"database: {error}"]
        return []

    async def missing(self) -> Sequence[str]:
        missing = list(await self.broken())
        if not self._client.is_connected:
            missing.append("gateway")
        if not self._worker.is_running:
            missing.append("worker")
        return missing


async def measure(metrics: Metrics, queue: Queue) -> None:
    """Jobs by state, and how late the event loop runs, again and again."""
    loop = asyncio.get_running_loop()
    while True:
        # Without the database the numbers of before stay; the storage guard says so in the log.
        with contextlib.suppress(StoreError):
            metrics.jobs(await queue.counts())
        before = loop.time()
        await asyncio.sleep(MEASURE_EVERY)
        metrics.lagged(max(0.0, loop.time() - before - MEASURE_EVERY))
