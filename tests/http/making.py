"""A server on a port of its own, what stands behind it, and somebody who asks."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
from prometheus_client import CollectorRegistry
from pydantic import SecretStr

from bot.domain.ids import JobId, ProviderId, TaskId
from bot.http import HTTPServer, Patience
from bot.metrics import Metrics
from bot.providers import callback_forms

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
FINISHED = {
    "code": 200,
    "msg": "Playground task completed successfully.",
    "data": {"taskId": "t-1", "state": "success"},
}


class HandClock:
    def __init__(self) -> None:
        self.time = NOW

    def now(self) -> datetime:
        return self.time

    async def wait(self, wake: asyncio.Event, at_most: timedelta) -> None:
        await wake.wait()


class RecordedHealth:
    def __init__(self) -> None:
        self.broken_reasons: list[str] = []
        self.missing_reasons: list[str] = []

    async def broken(self) -> list[str]:
        return self.broken_reasons

    async def missing(self) -> list[str]:
        return self.missing_reasons


class RecordedCallbacks:
    """Knows one job, 17, and its secret."""

    def __init__(self) -> None:
        self.hints: list[tuple[JobId, str, TaskId]] = []
        self.is_down = False

    async def hint_task(self, provider: ProviderId, task_id: TaskId) -> bool:
        raise AssertionError("nobody here has one address for all jobs")

    async def hint(self, job_id: JobId, secret: str, task_id: TaskId) -> bool:
        if self.is_down:
            raise OSError("disk full")
        self.hints.append((job_id, secret, task_id))
        return (job_id, secret) == (17, "s3cret")


class House:
    """A server, what stands behind it, and somebody who asks."""

    def __init__(self, session: aiohttp.ClientSession, webhook_key: str | None, patience: Patience) -> None:
        self.session = session
        self.health = RecordedHealth()
        self.callbacks = RecordedCallbacks()
        self.clock = HandClock()
        registry = CollectorRegistry()
        Metrics(registry).delivered(8_000_000)
        self.server = HTTPServer(
            host="127.0.0.1",
            port=0,
            health=self.health,
            callbacks=self.callbacks,
            registry=registry,
            clock=self.clock,
            callback_forms={"kie": callback_forms.kie(SecretStr(webhook_key) if webhook_key else None)},
            patience=patience,
        )

    async def ask(self, method: str, path: str, **rest: Any) -> tuple[int, str]:
        async with self.session.request(method, f"http://127.0.0.1:{self.server.port}{path}", **rest) as answer:
            return answer.status, await answer.text()

    async def call_back(self, path: str = "/callbacks/kie/17/s3cret", **rest: Any) -> int:
        status, _ = await self.ask("POST", path, **({"json": FINISHED} | rest))
        return status


@contextlib.asynccontextmanager
async def running(webhook_key: str | None = None, patience: Patience | None = None) -> AsyncIterator[House]:
    async with aiohttp.ClientSession() as session:
        house = House(session, webhook_key, patience or Patience())
        await house.server.start()
        yield house
        await house.server.close()
