"""The local xAI API; the OpenAI client, which xAI recommends for its API, reaches its routes as it is."""

from __future__ import annotations

import base64
import warnings
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from sandbox.vendors import Plan
from sandbox.xai_server import XAIServer
from tests.sandbox.vendors import HandClock, is_movie, jpeg

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import openai

ASKED = {"model": "grok-imagine-video", "prompt": "A fox", "duration": 3}


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
async def vendor(clock: HandClock) -> AsyncIterator[XAIServer]:
    async with XAIServer(clock=clock, seconds=60) as server:
        yield server


@pytest.fixture
async def client(vendor: XAIServer) -> AsyncIterator[Any]:
    async with openai.AsyncOpenAI(api_key=vendor.key, base_url=vendor.base_url, max_retries=0) as running:
        yield running


async def test_video_is_made_watched_and_downloaded(client: Any, clock: HandClock) -> None:
    picture = "data:image/jpeg;base64," + base64.b64encode(jpeg()).decode()
    made = await client.post("/videos/generations", cast_to=object, body={**ASKED, "image": {"url": picture}})
    first = await client.get(f"/videos/{made['request_id']}", cast_to=object)
    clock.advance(60)
    done = await client.get(f"/videos/{made['request_id']}", cast_to=object)
    async with httpx.AsyncClient() as plain:
        content = (await plain.get(done["video"]["url"])).content

    assert first == {"status": "processing"}
    assert (done["status"], done["video"]["duration"]) == ("done", 3)
    assert is_movie(content)


async def test_what_is_held_back_or_fails_is_told(client: Any, vendor: XAIServer, clock: HandClock) -> None:
    vendor.plan(Plan(is_filtered=True), Plan(failure="internal error"))
    names = [(await client.post("/videos/generations", cast_to=object, body=ASKED))["request_id"] for _ in range(2)]
    clock.advance(60)

    held, failed = [await client.get(f"/videos/{name}", cast_to=object) for name in names]

    assert held["video"]["respect_moderation"] is False
    assert failed == {"status": "failed", "error": "internal error"}


@pytest.mark.parametrize(
    "wrong", [{"prompt": ""}, {"duration": 16}, {"duration": "3"}, {"aspect_ratio": "1:9"}, {"image": "x"}]
)
async def test_wrong_requests_are_refused(client: Any, vendor: XAIServer, wrong: dict[str, object]) -> None:
    with pytest.raises(openai.UnprocessableEntityError):
        await client.post("/videos/generations", cast_to=object, body={**ASKED, **wrong})

    assert vendor.works == []


async def test_models_are_listed_and_strangers_are_turned_away(client: Any) -> None:
    assert [model.id async for model in client.models.list()] == ["grok-imagine-video"]
    with pytest.raises(openai.AuthenticationError):
        await client.with_options(api_key="other").models.list()
