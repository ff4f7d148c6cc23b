"""Callbacks under the Standard Webhooks scheme, signed by that scheme's own library, over a real socket."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta

import aiohttp
import pytest
from prometheus_client import CollectorRegistry
from pydantic import SecretStr
from standardwebhooks import Webhook

from bot.domain.ids import JobId, ProviderId, TaskId
from bot.http import HTTPServer
from bot.providers import callback_forms
from tests.http.making import NOW, HandClock, RecordedHealth

KEY = "whsec_" + base64.b64encode(b"a key of the host for tests").decode()
TASK = json.dumps({"id": "prediction-1", "status": "succeeded"})
EVENT = json.dumps({"id": "evt_1", "type": "video.completed", "data": {"id": "video_1"}})


class Hints:
    """Believes everybody and remembers which task was named."""

    def __init__(self) -> None:
        self.named: list[TaskId] = []

    async def hint_task(self, provider: ProviderId, task_id: TaskId) -> bool:
        self.named.append(TaskId(f"{provider} {task_id}"))
        return task_id == "video_1"

    async def hint(self, job_id: JobId, secret: str, task_id: TaskId) -> bool:
        self.named.append(task_id)
        return True


class Door:
    def __init__(self, session: aiohttp.ClientSession, key: str | None) -> None:
        self._session = session
        self.hints = Hints()
        self.server = HTTPServer(
            host="127.0.0.1",
            port=0,
            health=RecordedHealth(),
            callbacks=self.hints,
            registry=CollectorRegistry(),
            clock=HandClock(),
            callback_forms={
                "replicate": (form := callback_forms.standard(SecretStr(key) if key else None)),
                "gateway": replace(form, is_account_wide=True),
            },
        )

    async def knock(self, body: str, headers: dict[str, str], name: str = "replicate/17/s3cret") -> int:
        url = f"http://127.0.0.1:{self.server.port}/callbacks/{name}"
        async with self._session.post(url, data=body, headers=headers) as answer:
            return answer.status


async def opened(key: str | None) -> AsyncIterator[Door]:
    async with aiohttp.ClientSession() as session:
        door = Door(session, key)
        await door.server.start()
        yield door
        await door.server.close()


@pytest.fixture
async def door() -> AsyncIterator[Door]:
    async for one in opened(KEY):
        yield one


@pytest.fixture
async def open_door() -> AsyncIterator[Door]:
    async for one in opened(None):
        yield one


def signed(body: str, *, key: str = KEY, at: datetime = NOW, name: str = "msg_1") -> dict[str, str]:
    return {
        "webhook-id": name,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(key).sign(name, at, body),
    }


@pytest.mark.parametrize(("body", "task"), [(TASK, "prediction-1"), (EVENT, "video_1")])
async def test_what_the_schemes_own_library_signed_is_believed(door: Door, body: str, task: str) -> None:
    assert await door.knock(body, signed(body)) == 200
    assert door.hints.named == [task]


async def test_one_good_signature_among_several_is_enough(door: Door) -> None:
    headers = signed(TASK)
    headers["webhook-signature"] = "v1,bm9wZQ== v1a,x " + headers["webhook-signature"]

    assert await door.knock(TASK, headers) == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        signed(TASK, key="whsec_" + base64.b64encode(b"the key of somebody else").decode()),
        signed(TASK + " "),
        signed(TASK, at=NOW - timedelta(seconds=301)),
        signed(TASK, at=NOW + timedelta(seconds=301)),
        {**signed(TASK), "webhook-id": "msg_2"},
        {**signed(TASK), "webhook-timestamp": "soon"},
        {**signed(TASK), "webhook-signature": "v1,"},
        {**signed(TASK), "webhook-signature": signed(TASK)["webhook-signature"].replace("v1,", "v2,")},
    ],
)
async def test_what_is_forged_old_or_altered_is_nothing(door: Door, headers: dict[str, str]) -> None:
    assert await door.knock(TASK, headers) == 404
    assert door.hints.named == []


async def test_a_webhook_counts_once(door: Door) -> None:
    assert await door.knock(TASK, signed(TASK)) == 200
    assert await door.knock(TASK, signed(TASK)) == 404
    assert await door.knock(TASK, signed(TASK, name="msg_2")) == 200


async def test_without_a_key_the_address_is_the_proof(open_door: Door) -> None:
    assert await open_door.knock(TASK, {}) == 200


async def test_a_provider_that_is_not_set_up_calls_in_vain(door: Door) -> None:
    assert await door.knock(TASK, signed(TASK), name="openai_videos/17/s3cret") == 404


async def test_many_at_once_are_told_apart(door: Door) -> None:
    answers = await asyncio.gather(*(door.knock(TASK, signed(TASK, name=f"msg_{n % 3}")) for n in range(9)))

    assert sorted(answers) == [200] * 3 + [404] * 6


async def test_a_signed_call_for_the_whole_account_names_the_task(door: Door) -> None:
    assert await door.knock(EVENT, signed(EVENT), name="gateway") == 200
    assert door.hints.named == ["gateway video_1"]


async def test_a_call_about_somebody_elses_task_is_taken_so_that_it_is_not_repeated(door: Door) -> None:
    other = EVENT.replace("video_1", "video_2")

    assert await door.knock(other, signed(other), name="gateway") == 200
    assert await door.knock(other, signed(other), name="gateway/17/s3cret") == 404


async def test_for_the_whole_account_nothing_counts_but_a_signature(door: Door, open_door: Door) -> None:
    assert await door.knock(EVENT, {}, name="gateway") == 404
    assert await open_door.knock(EVENT, signed(EVENT), name="gateway") == 404
    assert door.hints.named == open_door.hints.named == []
