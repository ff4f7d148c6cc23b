"""What adapters share: a new one says what its vendor does differently, and nothing else."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from pathlib import Path

from bot.domain.ids import ProviderId, TaskId
from bot.domain.jobs import Result
from bot.errors import ProviderUnavailableError
from bot.ports import Downloads, LocalFile, ProbeAnswer, Reference, Submission, TaskStatus, Terms
from bot.providers.transport import Transport


class Adapter(ABC):
    """The `Provider` port without its heart, `create` and `status`.

    What stands here is true of a vendor that takes pictures together with the create call, calls nobody back under an
    address of the job, links to finished videos openly, stops no task, and has neither a free probe nor a balance.
    """

    id: ProviderId
    terms: Terms

    def __init__(self, http: Transport) -> None:
        self._http = http

    async def aclose(self) -> None:
        await self._http.aclose()

    async def upload(self, path: Path, content_type: str) -> Reference:
        if not await asyncio.to_thread(path.is_file):
            raise FileNotFoundError(path.name)
        return LocalFile(path=path, content_type=content_type)

    @abstractmethod
    async def create(self, submission: Submission) -> TaskId: ...

    @abstractmethod
    async def status(self, task_id: TaskId) -> TaskStatus: ...

    async def callback_url(self, task_id: TaskId) -> str | None:
        return None

    async def fetch(self, result: Result, to: Path, downloads: Downloads) -> int:
        return await downloads.fetch(result.url, to)

    async def cancel(self, task_id: TaskId) -> bool:
        return False

    async def probe(self, slug: str) -> ProbeAnswer:
        raise ProviderUnavailableError(f"nobody can ask for nothing whether {slug} is sold")

    async def credits(self) -> float | None:
        return None
