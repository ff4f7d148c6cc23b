"""OpenAI's own Python client works against the local Videos API as it is."""

from __future__ import annotations

import asyncio
import io
import warnings
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web

from sandbox.openai_server import OpenAIServer
from sandbox.vendors import Plan, Refusal
from sandbox.vendors.faults import Call
from tests.sandbox.vendors import HandClock, is_movie, jpeg

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import openai
    from standardwebhooks import Webhook

# The client marks everything about videos as deprecated since the vendor has switched it off.
pytestmark = pytest.mark.filterwarnings("ignore:.*:DeprecationWarning")


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
async def vendor(clock: HandClock) -> AsyncIterator[OpenAIServer]:
    async with OpenAIServer(clock=clock, seconds=60) as server:
        yield server


@pytest.fixture
async def client(vendor: OpenAIServer) -> AsyncIterator[Any]:
    async with openai.AsyncOpenAI(api_key=vendor.key, base_url=vendor.base_url, max_retries=0) as running:
        yield running


async def test_video_is_created_polled_and_downloaded(client: Any, vendor: OpenAIServer, clock: HandClock) -> None:
    video = await client.videos.create(prompt="A fox", model="sora-2", seconds="4", size="1280x720")
    first = (video.status, video.progress)
    clock.advance(30)
    half = await client.videos.retrieve(video.id)
    clock.advance(30)
    done = await client.videos.retrieve(video.id)
    content = await client.videos.download_content(video.id)

    assert first == ("queued", 0)
    assert (half.status, half.progress) == ("in_progress", 50)
    assert (done.status, done.progress, done.seconds, done.size) == ("completed", 100, "4", "1280x720")
    assert done.expires_at == done.completed_at + 3600
    assert is_movie(await content.aread())


async def test_the_clients_own_polling_comes_to_an_end() -> None:
    async with (
        OpenAIServer(seconds=0.05) as vendor,
        openai.AsyncOpenAI(api_key=vendor.key, base_url=vendor.base_url) as client,
    ):
        video = await client.videos.create_and_poll(prompt="A fox", poll_interval_ms=50)

    assert video.status == "completed"


async def test_picture_travels_in_the_form(client: Any, vendor: OpenAIServer, clock: HandClock) -> None:
    video = await client.videos.create(
        prompt="It moves", input_reference=("fox.jpg", io.BytesIO(jpeg()), "image/jpeg"), seconds="4"
    )
    clock.advance(60)

    assert (await client.videos.retrieve(video.id)).status == "completed"
    assert vendor.requests[0].headers["content-type"].startswith("multipart/form-data")
    with pytest.raises(openai.BadRequestError):
        await client.videos.create(prompt="It moves", input_reference=("fox.gif", b"GIF89a", "image/gif"))


async def test_video_is_remixed_listed_and_deleted(client: Any, vendor: OpenAIServer, clock: HandClock) -> None:
    first = await client.videos.create(prompt="A fox", seconds="4")
    with pytest.raises(openai.BadRequestError):
        await client.videos.remix(first.id, prompt="At night")
    with pytest.raises(openai.BadRequestError):
        await client.videos.delete(first.id)
    clock.advance(60)
    second = await client.videos.remix(first.id, prompt="At night")
    clock.advance(60)
    listed = [video.id async for video in client.videos.list(limit=1)]
    deleted = await client.videos.delete(first.id)

    assert (second.remixed_from_video_id, second.prompt, second.seconds) == (first.id, "At night", "4")
    assert listed == [second.id, first.id]
    assert deleted.deleted
    with pytest.raises(openai.NotFoundError):
        await client.videos.retrieve(first.id)


async def test_what_failed_says_why(client: Any, vendor: OpenAIServer, clock: HandClock) -> None:
    vendor.plan(Plan(is_filtered=True), Plan(failure="Internal error"))
    held = await client.videos.create(prompt="A fox")
    broken = await client.videos.create(prompt="A fox")
    clock.advance(60)

    held, broken = await client.videos.retrieve(held.id), await client.videos.retrieve(broken.id)

    assert (held.status, held.error.code) == ("failed", "moderation_blocked")
    assert (broken.status, broken.error.message) == ("failed", "Internal error")
    with pytest.raises(openai.NotFoundError):
        await client.videos.download_content(broken.id)


async def test_files_are_gone_after_an_hour(client: Any, clock: HandClock) -> None:
    video = await client.videos.create(prompt="A fox")
    clock.advance(60)
    await client.videos.retrieve(video.id)
    clock.advance(3600)

    with pytest.raises(openai.NotFoundError):
        await client.videos.download_content(video.id)


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        ({"prompt": ""}, openai.BadRequestError),
        ({"prompt": "A fox", "seconds": "5"}, openai.BadRequestError),
        ({"prompt": "A fox", "size": "1x1"}, openai.BadRequestError),
        ({"prompt": "A fox", "model": "sora-9"}, openai.NotFoundError),
    ],
)
async def test_wrong_requests_are_refused(
    client: Any, vendor: OpenAIServer, asked: Any, error: type[Exception]
) -> None:
    with pytest.raises(error):
        await client.videos.create(**asked)

    assert vendor.works == []


async def test_key_models_and_limits_are_as_the_client_knows_them(client: Any, vendor: OpenAIServer) -> None:
    stranger = client.with_options(api_key="sk-other")
    slow_down = Refusal(status=429, text="rate_limit_exceeded: Slow down", headers=(("Retry-After", "7"),))
    vendor.faults.add(Call.CREATE, slow_down)

    with pytest.raises(openai.AuthenticationError):
        await stranger.models.list()
    with pytest.raises(openai.RateLimitError) as slowed:
        await client.videos.create(prompt="A fox")

    assert slowed.value.response.headers["Retry-After"] == "7"
    assert [model.id async for model in client.models.list()] == ["sora-2", "sora-2-pro"]
    assert (await client.models.retrieve("sora-2")).id == "sora-2"


async def test_webhooks_are_what_the_clients_unwrap_and_the_schemes_library_take_for_real() -> None:
    # The libraries know no other clock than the real one.
    async with OpenAIServer(seconds=0.05) as server:
        heard = asyncio.Queue[tuple[bytes, dict[str, str]]]()

        async def hear(request: web.Request) -> web.Response:
            heard.put_nowait((await request.read(), dict(request.headers)))
            return web.Response()

        app = web.Application()
        app.router.add_post("/hook", hear)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        server.webhook_url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
        try:
            async with openai.AsyncOpenAI(api_key=server.key, base_url=server.base_url) as asking:
                video = await asking.videos.create(prompt="A fox")
                async with asyncio.timeout(10):
                    body, headers = await heard.get()
                event = asking.webhooks.unwrap(body, headers, secret=server.webhooks.secret)
        finally:
            await runner.cleanup()

    assert (event.type, event.data.id) == ("video.completed", video.id)
    assert Webhook(server.webhooks.secret).verify(body, headers)
