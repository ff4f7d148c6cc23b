"""The adapters of a test, closed when it is over."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from bot.providers.kie_jobs import KieJobs
from tests.providers.recorded import Answering, Kie, adapter, text


@pytest.fixture
async def answering() -> AsyncIterator[Answering]:
    """Make an adapter whose provider answers with a file of answers/kie, or with the text given."""
    opened: list[KieJobs] = []

    def make(name: str = "", *, status: int = 200, body: str | None = None, **headers: str) -> tuple[KieJobs, Kie]:
        content = text(name if "." in name else f"{name}.json") if body is None else body
        seen = Kie(httpx.Response(status, text=content, headers={k.replace("_", "-"): v for k, v in headers.items()}))
        kie = adapter(httpx.MockTransport(seen.answer))
        opened.append(kie)
        return kie, seen

    yield make
    for kie in opened:
        await kie.aclose()
