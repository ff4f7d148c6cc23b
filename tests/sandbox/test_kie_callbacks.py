"""The local Kie.ai calls back when a task ends: signed, repeated, early, late, forged or not at all."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from aiohttp import web

from sandbox.kie_server import FORGED_URL, CallbackPlan, Failures, KieServer, Limits, Scenario
from tests.sandbox.vendors import HandClock

KEY = "webhook-key"
ORDER = {"model": "wan/3-0-video", "input": {"prompt": "A fox", "duration": 2, "resolution": "480P"}}


@dataclass
class Client:
    """Receives callbacks and answers them with *statuses*, then with 200."""

    url: str = ""
    statuses: list[int] = field(default_factory=list)
    received: asyncio.Queue[tuple[dict[str, Any], dict[str, str]]] = field(default_factory=asyncio.Queue)

    async def answer(self, request: web.Request) -> web.Response:
        await self.received.put((await request.json(), dict(request.headers)))
        return web.json_response({"code": 200, "msg": "success"}, status=self.statuses.pop(0) if self.statuses else 200)

    async def next(self) -> tuple[dict[str, Any], dict[str, str]]:
        async with asyncio.timeout(5):
            return await self.received.get()


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    receiver = Client()
    app = web.Application()
    app.router.add_post("/done", receiver.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    receiver.url = f"http://127.0.0.1:{runner.addresses[0][1]}/done"
    yield receiver
    await runner.cleanup()


@asynccontextmanager
async def running(clock: HandClock, key: str | None = KEY) -> AsyncIterator[tuple[KieServer, httpx.AsyncClient]]:
    limits = Limits(records=None)
    async with KieServer(clock=clock, seconds=60, limits=limits, webhook_key=key, callback_pause=0.01) as server:
        headers = {"Authorization": f"Bearer {server.api_key}"}
        async with httpx.AsyncClient(base_url=server.api_url, headers=headers) as api:
            yield server, api


async def create(api: httpx.AsyncClient, url: str) -> str:
    answer = (await api.post("/api/v1/jobs/createTask", json=ORDER | {"callBackUrl": url})).json()
    return str(answer["data"]["taskId"])


async def state(api: httpx.AsyncClient, task_id: str) -> str:
    answer = await api.get("/api/v1/jobs/recordInfo", params={"taskId": task_id})
    return str(answer.json()["data"]["state"])


async def test_finished_task_is_called_back_with_a_signature_over_id_and_time(clock: HandClock, client: Client) -> None:
    async with running(clock) as (kie, api):
        task_id = await create(api, client.url)
        clock.advance(60)

        body, headers = await client.next()

    assert (body["code"], body["msg"]) == (200, "Playground task completed successfully.")
    content = body["data"]
    assert (content["taskId"], content["state"], content["costTime"]) == (task_id, "success", 60)
    assert json.loads(content["resultJson"])["resultUrls"][0].startswith(kie.result_url)
    assert content["creditsConsumed"] == 16
    assert headers["X-Webhook-Timestamp"] == "1790000060"
    expected = hmac.new(KEY.encode(), f"{task_id}.1790000060".encode(), hashlib.sha256).digest()
    assert base64.b64decode(headers["X-Webhook-Signature"]) == expected


async def test_failed_task_is_called_back_with_501(clock: HandClock, client: Client) -> None:
    async with running(clock) as (kie, api):
        kie.scenarios.next(Scenario(failure=Failures.MODERATION))
        await create(api, client.url)
        clock.advance(60)

        body, _ = await client.next()

    assert (body["code"], body["data"]["state"], body["data"]["resultJson"]) == (501, "fail", None)
    assert (body["data"]["failCode"], body["data"]["failMsg"]) == ("400", Failures.MODERATION.text)
    assert body["data"]["creditsConsumed"] == 0


async def test_no_key_means_no_signature(clock: HandClock, client: Client) -> None:
    async with running(clock, key=None) as (_, api):
        await create(api, client.url)
        clock.advance(60)

        _, headers = await client.next()

    assert not [name for name in headers if name.startswith("X-Webhook")]


async def test_refused_callback_is_repeated(clock: HandClock, client: Client) -> None:
    client.statuses = [500, 302]
    async with running(clock) as (kie, api):
        await create(api, client.url)
        clock.advance(60)

        bodies = [(await client.next())[0] for _ in range(3)]

    assert bodies[0] == bodies[1] == bodies[2]
    assert [delivery.status for delivery in kie.callbacks][:2] == [500, 302]


async def test_callback_is_given_up_after_three_more_attempts(clock: HandClock, client: Client) -> None:
    client.statuses = [500] * 10
    async with running(clock) as (kie, api):
        await create(api, client.url)
        clock.advance(60)
        for _ in range(4):
            await client.next()
        kie.scenarios.next(Scenario(seconds=0))
        other = await create(api, client.url.replace("/done", "/missing"))
        async with asyncio.timeout(5):
            while [d.task_id for d in kie.callbacks].count(other) < 4:
                await state(api, other)

    assert client.received.empty()
    assert [delivery.status for delivery in kie.callbacks] == [500] * 4 + [404] * 4


async def test_callback_to_nobody_does_no_harm(clock: HandClock) -> None:
    async with running(clock) as (kie, api):
        task_id = await create(api, "http://127.0.0.1:9/done")
        clock.advance(60)
        async with asyncio.timeout(5):
            while len(kie.callbacks) < 4:
                assert await state(api, task_id) == "success"

    assert {delivery.status for delivery in kie.callbacks} == {None}


async def test_callback_may_come_twice(clock: HandClock, client: Client) -> None:
    async with running(clock) as (kie, api):
        kie.scenarios.next(Scenario(callback=CallbackPlan(copies=2)))
        await create(api, client.url)
        clock.advance(60)

        first, second = await client.next(), await client.next()

    assert first[0] == second[0]


async def test_callback_may_be_lost(clock: HandClock, client: Client) -> None:
    async with running(clock) as (kie, api):
        kie.scenarios.next(Scenario(callback=CallbackPlan(copies=0)), Scenario())
        lost, second = await create(api, client.url), await create(api, client.url)
        clock.advance(60)

        body, _ = await client.next()

        assert body["data"]["taskId"] == second
        assert await state(api, lost) == "success"
        assert client.received.empty()


async def test_callback_may_come_before_the_record_shows_the_end(clock: HandClock, client: Client) -> None:
    async with running(clock) as (kie, api):
        kie.scenarios.next(Scenario(callback=CallbackPlan(early=10)))
        task_id = await create(api, client.url)
        clock.advance(60)
        body, _ = await client.next()

        before = await state(api, task_id)
        clock.advance(10)
        after = await state(api, task_id)

    assert (body["data"]["state"], before, after) == ("success", "waiting", "success")


async def test_callback_may_come_late(clock: HandClock, client: Client) -> None:
    async with running(clock) as (kie, api):
        kie.scenarios.next(Scenario(callback=CallbackPlan(late=300)))
        task_id = await create(api, client.url)
        clock.advance(60)
        assert await state(api, task_id) == "success"
        assert client.received.empty()

        clock.advance(300)
        body, headers = await client.next()

    assert body["data"]["completeTime"] == 1_790_000_060_000
    assert headers["X-Webhook-Timestamp"] == "1790000360"


async def test_forged_body_carries_a_valid_signature(clock: HandClock, client: Client) -> None:
    async with running(clock) as (kie, api):
        kie.scenarios.next(Scenario(failure=Failures.INTERNAL, callback=CallbackPlan(is_forged=True)))
        task_id = await create(api, client.url)
        clock.advance(60)

        body, headers = await client.next()
        told = await state(api, task_id)

    assert json.loads(body["data"]["resultJson"]) == {"resultUrls": [FORGED_URL]}
    signed = f"{task_id}.{headers['X-Webhook-Timestamp']}".encode()
    valid = base64.b64encode(hmac.new(KEY.encode(), signed, hashlib.sha256).digest()).decode()
    assert headers["X-Webhook-Signature"] == valid
    assert told == "fail"


@pytest.mark.parametrize(
    "url", ["http://example.com/done", "http://10.0.0.1/done", "nonsense", "http://localhost.evil.test/"]
)
async def test_addresses_outside_are_never_called(clock: HandClock, caplog: pytest.LogCaptureFixture, url: str) -> None:
    async with running(clock) as (kie, api):
        task_id = await create(api, url)
        with caplog.at_level(logging.WARNING):
            clock.advance(60)
            async with asyncio.timeout(5):
                while not kie.callbacks:
                    assert await state(api, task_id) == "success"

    [delivery] = kie.callbacks
    assert delivery.status is None
    assert "does not call" in caplog.text


RUNWAY = {"prompt": "A fox", "duration": 5, "quality": "720p", "aspectRatio": "16:9"}


@pytest.mark.parametrize(
    ("path", "order"), [("runway", RUNWAY), ("aleph", {"prompt": "A fox", "videoUrl": "http://127.0.0.1:9/a.mp4"})]
)
async def test_runway_and_aleph_call_back_in_snake_case(
    clock: HandClock, client: Client, path: str, order: dict[str, object]
) -> None:
    async with running(clock) as (kie, api):
        kie.scenarios.next(Scenario(failure=Failures.INAPPROPRIATE))
        answer = await api.post(f"/api/v1/{path}/generate", json=order | {"callBackUrl": client.url})
        clock.advance(60)

        body, headers = await client.next()

    assert (body["code"], body["msg"]) == (400, Failures.INAPPROPRIATE.text)
    task_id = answer.json()["data"]["taskId"]
    assert body["data"] == {"task_id": task_id, "video_id": "", "video_url": "", "image_url": ""}
    expected = hmac.new(KEY.encode(), f"{task_id}.1790000060".encode(), hashlib.sha256).digest()
    assert base64.b64decode(headers["X-Webhook-Signature"]) == expected


async def test_veo_and_its_larger_version_call_back_with_links_inside_info(clock: HandClock, client: Client) -> None:
    async with running(clock) as (kie, api):
        answer = await api.post("/api/v1/veo/generate", json={"prompt": "A fox", "callBackUrl": client.url})
        source = answer.json()["data"]["taskId"]
        clock.advance(60)
        made, _ = await client.next()
        answer = await api.post("/api/v1/veo/get-4k-video", json={"taskId": source, "callBackUrl": client.url})
        clock.advance(60)
        larger, _ = await client.next()

    assert made["data"]["info"]["resultUrls"][0].startswith(kie.result_url)
    assert set(made["data"]) == {"taskId", "info", "fallbackFlag"}
    assert larger["data"]["taskId"] == answer.json()["data"]["taskId"]
    assert set(larger["data"]["info"]) == {"resultUrls", "imageUrls"}


async def test_forged_callback_of_runway_keeps_its_shape(clock: HandClock, client: Client) -> None:
    async with running(clock) as (kie, api):
        kie.scenarios.next(Scenario(callback=CallbackPlan(is_forged=True), failure=Failures.MODERATOR))
        await api.post("/api/v1/runway/generate", json=RUNWAY | {"callBackUrl": client.url})
        clock.advance(60)

        body, _ = await client.next()

    assert (body["code"], body["data"]["video_url"]) == (200, FORGED_URL)
