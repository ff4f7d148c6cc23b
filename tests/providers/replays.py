"""Adapters of Kie's older routes, each with a provider that answers from its folder under answers/."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TypeVar

import httpx

from bot.providers.kie import Kie as KieAdapter
from tests.providers.recorded import ANSWERS, KEY, Kie, StoppedClock

K = TypeVar("K", bound=KieAdapter)


@asynccontextmanager
async def replaying(
    kind: type[K], name: str = "", *, body: str | None = None, status: int = 200
) -> AsyncIterator[tuple[K, Kie]]:
    """An adapter whose every request is answered with the file or the text; and what it asked."""
    content = (ANSWERS.parent / kind.id / f"{name}.json").read_text() if body is None else body
    seen = Kie(httpx.Response(status, text=content))
    adapter = kind(
        api_key=KEY,
        api_url="https://api.kie.test",
        upload_url="https://upload.kie.test",
        clock=StoppedClock(),
        inner=httpx.MockTransport(seen.answer),
    )
    try:
        yield adapter, seen
    finally:
        await adapter.aclose()
