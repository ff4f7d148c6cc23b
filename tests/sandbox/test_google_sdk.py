"""Google's own Python client works against the local Gemini API as it is."""

from __future__ import annotations

import asyncio
import base64
import warnings
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from sandbox.google_server import GoogleServer
from sandbox.vendors import Plan, Refusal
from sandbox.vendors.faults import Call
from tests.sandbox.vendors import HandClock, is_movie, jpeg

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from google import genai
    from google.genai import errors, types

# Its session inherits from aiohttp's, which aiohttp does not like.
pytestmark = pytest.mark.filterwarnings("ignore:Inheritance class:DeprecationWarning")

VEO = "veo-3.1-generate-preview"
# The client takes the addresses of files apart by this beginning, and asks its own base address for the file.
OFFICIAL = "https://generativelanguage.googleapis.com"


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
async def google(clock: HandClock) -> AsyncIterator[GoogleServer]:
    async with GoogleServer(clock=clock, seconds=60, file_origin=OFFICIAL) as server:
        yield server


@pytest.fixture
async def client(google: GoogleServer) -> AsyncIterator[Any]:
    options = types.HttpOptions(base_url=google.url, retry_options=types.HttpRetryOptions(attempts=1))
    running = genai.Client(api_key=google.key, http_options=options)
    yield running
    await running.aio.aclose()
    running.close()


async def test_interaction_runs_in_the_background_and_ends_with_a_video(
    client: Any, google: GoogleServer, clock: HandClock
) -> None:
    begun = await client.aio.interactions.create(
        model="gemini-omni-1.2-flash",
        input=[
            {"type": "text", "text": "The fox looks up"},
            {"type": "image", "data": base64.b64encode(jpeg()).decode(), "mime_type": "image/jpeg"},
        ],
        background=True,
        response_modalities=["video"],
        response_format={"type": "video", "aspect_ratio": "9:16", "duration": "4s", "resolution": "720p"},
        labels={"job": "j-41"},
    )
    pending = await client.aio.interactions.get(begun.id)
    clock.advance(60)
    ended = await client.aio.interactions.get(begun.id)

    assert (begun.status, pending.status, ended.status) == ("in_progress", "in_progress", "completed")
    assert ended.labels == {"job": "j-41"}
    assert is_movie(base64.b64decode(ended.output_video.data))
    assert google.requests[0].headers["x-goog-api-key"] == google.key


async def test_interaction_gives_an_address_when_asked_for_one(client: Any, clock: HandClock) -> None:
    begun = await client.aio.interactions.create(
        model="gemini-omni-1.1-flash",
        input="A fox",
        background=True,
        response_format={"type": "video", "delivery": "uri"},
    )
    clock.advance(60)
    video = (await client.aio.interactions.get(begun.id)).output_video

    assert video.data is None
    assert is_movie(await asyncio.to_thread(client.files.download, file=video.uri))


async def test_interaction_is_cancelled(client: Any, google: GoogleServer) -> None:
    begun = await client.aio.interactions.create(model="gemini-omni-1.1-flash", input="A fox", background=True)

    stopped = await client.aio.interactions.cancel(begun.id)

    assert stopped.status == "cancelled"


async def test_veo_operation_is_polled_and_its_file_downloaded(
    client: Any, google: GoogleServer, clock: HandClock
) -> None:
    # This version of the client starts Veo on the Agent Platform only; it still looks at operations of both.
    google.veo.sold.add(VEO)
    body = {"instances": [{"prompt": "A fox"}], "parameters": {"durationSeconds": 4, "aspectRatio": "9:16"}}
    async with httpx.AsyncClient(headers={"x-goog-api-key": google.key}) as plain:
        answer = await plain.post(f"{google.url}/v1beta/models/{VEO}:predictLongRunning", json=body)
    operation = types.GenerateVideosOperation(name=answer.json()["name"])

    pending = await client.aio.operations.get(operation)
    clock.advance(60)
    ended = await client.aio.operations.get(operation)
    content = await asyncio.to_thread(client.files.download, file=ended.response.generated_videos[0])

    assert (pending.done, ended.done) == (None, True)
    assert is_movie(content)


async def test_veo_holds_back_what_its_filter_catches(client: Any, google: GoogleServer, clock: HandClock) -> None:
    google.veo.sold.add(VEO)
    google.plan(Plan(is_filtered=True))
    async with httpx.AsyncClient(headers={"x-goog-api-key": google.key}) as plain:
        path = f"{google.url}/v1beta/models/{VEO}:predictLongRunning"
        name = (await plain.post(path, json={"instances": [{"prompt": "A fox"}]})).json()["name"]
        refused = await plain.post(path, json={"instances": [{"prompt": "A fox"}], "parameters": {"seed": 1}})
    clock.advance(60)

    ended = await client.aio.operations.get(types.GenerateVideosOperation(name=name))

    assert ended.response.generated_videos is None
    assert ended.response.rai_media_filtered_count == 1
    assert (refused.status_code, refused.json()["error"]["status"]) == (400, "INVALID_ARGUMENT")


async def test_veo_is_made_on_the_agent_platform(google: GoogleServer, clock: HandClock) -> None:
    options = types.HttpOptions(base_url=google.url)
    client = genai.Client(enterprise=True, api_key=google.key, http_options=options)
    source = types.GenerateVideosSource(prompt="A fox", image=types.Image(image_bytes=jpeg(), mime_type="image/jpeg"))
    begun = await client.aio.models.generate_videos(
        model="veo-3.1-generate-001", source=source, config=types.GenerateVideosConfig(duration_seconds=4, seed=3)
    )
    clock.advance(60)
    ended = await client.aio.operations.get(begun)
    await client.aio.aclose()
    client.close()

    assert is_movie(ended.response.generated_videos[0].video.video_bytes)


async def test_errors_are_understood(client: Any, google: GoogleServer) -> None:
    google.faults.add(Call.STATUS, Refusal(status=429, text="Quota exceeded"))
    operation = types.GenerateVideosOperation(name=f"models/{VEO}/operations/none")

    with pytest.raises(errors.ClientError) as busy:
        await client.aio.operations.get(operation)
    with pytest.raises(errors.ClientError) as unknown:
        await client.aio.operations.get(operation)

    assert (busy.value.code, busy.value.status) == (429, "RESOURCE_EXHAUSTED")
    assert (unknown.value.code, unknown.value.status) == (404, "NOT_FOUND")
