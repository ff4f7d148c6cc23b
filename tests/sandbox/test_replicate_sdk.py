"""Replicate's own Python client works against the local Replicate as it is."""

from __future__ import annotations

import asyncio
import base64
import warnings
from collections.abc import AsyncIterator
from io import BytesIO
from typing import Any

import httpx
import pytest
from aiohttp import web

from sandbox.replicate_server import ReplicateServer
from sandbox.vendors import Plan, Refusal
from sandbox.vendors.faults import Call
from tests.sandbox.vendors import HandClock, is_movie, jpeg

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import replicate
    from replicate.exceptions import ReplicateError
    from standardwebhooks import Webhook

PICTURE = "data:image/jpeg;base64," + base64.b64encode(jpeg()).decode()


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
async def vendor(clock: HandClock) -> AsyncIterator[ReplicateServer]:
    async with ReplicateServer(clock=clock, seconds=60) as server:
        yield server


@pytest.fixture
async def client(vendor: ReplicateServer) -> AsyncIterator[Any]:
    running = replicate.Client(api_token=vendor.key, base_url=vendor.url)
    yield running
    # It has no way to close what it has opened.
    await running._async_client.aclose()
    running._client.close()


async def download(url: str) -> httpx.Response:
    async with httpx.AsyncClient() as plain:
        return await plain.get(url)


async def test_prediction_is_made_by_model_polled_and_downloaded(
    client: Any, vendor: ReplicateServer, clock: HandClock
) -> None:
    prediction = await client.predictions.async_create(model="acme/reel", input={"prompt": "A fox", "image": PICTURE})
    first = prediction.status
    clock.advance(1)
    await prediction.async_reload()
    second = prediction.status
    clock.advance(60)
    await prediction.async_reload()

    assert (first, second, prediction.status) == ("starting", "processing", "succeeded")
    assert is_movie((await download(prediction.output[0])).content)


async def test_picture_is_brought_to_the_store_of_files(client: Any, vendor: ReplicateServer, clock: HandClock) -> None:
    picture = BytesIO(jpeg())
    prediction = await client.predictions.async_create(
        version=vendor.models["acme/clip"].version, input={"prompt": "A fox", "image": picture}
    )
    clock.advance(60)
    await prediction.async_reload()

    assert prediction.input["image"].startswith(f"{vendor.url}/v1/files/")
    assert prediction.status == "succeeded"


async def test_prediction_is_made_by_version_and_gone_after_an_hour(
    client: Any, vendor: ReplicateServer, clock: HandClock
) -> None:
    version = vendor.models["acme/community"].version
    prediction = await client.predictions.async_create(version=version, input={"prompt": "A fox"})
    clock.advance(60)
    await prediction.async_reload()
    url = prediction.output
    clock.advance(3601)
    await prediction.async_reload()

    assert url.startswith(vendor.result_url)
    assert (prediction.status, prediction.output, prediction.input) == ("succeeded", None, {})


async def test_prediction_is_cancelled_and_listed(client: Any, vendor: ReplicateServer, clock: HandClock) -> None:
    running = await client.predictions.async_create(model="acme/clip", input={"prompt": "A fox"})
    clock.advance(1)

    stopped = await client.predictions.async_cancel(running.id)
    waiting = await client.predictions.async_create(model="acme/clip", input={"prompt": "A fox"})
    listed = await client.predictions.async_list()
    # A state that is documented, and that this version of the client does not know.
    async with httpx.AsyncClient(headers={"Authorization": f"Bearer {vendor.key}"}) as plain:
        aborted = (await plain.post(waiting.urls["cancel"])).json()

    assert (stopped.status, aborted["status"]) == ("canceled", "aborted")
    assert [each.id for each in listed] == [waiting.id, running.id]


async def test_failures_and_refusals_are_understood(client: Any, vendor: ReplicateServer, clock: HandClock) -> None:
    vendor.plan(Plan(failure="CUDA out of memory"))
    failing = await client.predictions.async_create(model="acme/clip", input={"prompt": "A fox"})
    clock.advance(60)

    vendor.faults.add(Call.CREATE, Refusal(status=402, text="You have insufficient credit to run this model."))
    with pytest.raises(ReplicateError) as poor:
        await client.predictions.async_create(model="acme/clip", input={"prompt": "A fox"})
    await failing.async_reload()
    with pytest.raises(ReplicateError) as invalid:
        await client.predictions.async_create(model="acme/clip", input={"prompt": "A fox", "duration": "5"})

    assert (poor.value.status, poor.value.title, invalid.value.status) == (402, "Insufficient credit", 422)
    assert (failing.status, failing.error) == ("failed", "CUDA out of memory")


async def test_webhook_that_is_not_encrypted_is_refused_with_the_whole_prediction(
    client: Any, vendor: ReplicateServer
) -> None:
    hook = "http://127.0.0.1:1/hook"

    with pytest.raises(ReplicateError, match="HTTPS"):
        await client.predictions.async_create(model="acme/clip", input={"prompt": "A fox"}, webhook=hook)

    assert vendor.works == []


async def test_webhooks_carry_a_signature_that_others_can_check(client: Any, vendor: ReplicateServer) -> None:
    arrived: list[tuple[dict[str, str], str]] = []
    done = asyncio.Event()

    async def hear(request: web.Request) -> web.Response:
        arrived.append((dict(request.headers), await request.text()))
        if '"succeeded"' in arrived[-1][1]:
            done.set()
        return web.Response()

    app = web.Application()
    app.router.add_post("/hook", hear)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    hook = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    vendor.takes_plain_webhooks = True
    try:
        vendor.plan(Plan(seconds=0))
        await client.predictions.async_create(
            model="acme/clip", input={"prompt": "A fox"}, webhook=hook, webhook_events_filter=["completed"]
        )
        await asyncio.wait_for(done.wait(), 10)
    finally:
        await runner.cleanup()
    secret = await client.webhooks.default.async_secret()

    headers, body = arrived[-1]
    client.webhooks.validate(headers=headers, body=body, secret=secret)
    # The other library also wants a time of today.
    fresh = Webhook(secret.key)
    with pytest.raises(Exception, match="timestamp"):
        fresh.verify(body, headers)
