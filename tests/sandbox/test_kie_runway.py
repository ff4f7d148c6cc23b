"""The local Kie.ai's Runway and Aleph routes have their own states, records, callbacks and texts."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from sandbox.kie_server import Failures, KieServer, PendingPath, Scenario
from tests.sandbox.vendors import HandClock

BODY = {"prompt": "A fox runs", "duration": 5, "quality": "720p", "aspectRatio": "16:9"}


@pytest.fixture
def clock() -> HandClock:
    return HandClock(1_790_000_000.4)


async def post(api: httpx.AsyncClient, path: str, body: dict[str, Any]) -> dict[str, Any]:
    answer: dict[str, Any] = (await api.post(f"/api/v1/{path}", json=body)).json()
    return answer


async def create(api: httpx.AsyncClient, **body: Any) -> str:
    answer = await post(api, "runway/generate", BODY | body)
    assert answer["code"] == 200, answer
    return str(answer["data"]["taskId"])


async def detail(api: httpx.AsyncClient, task_id: str) -> dict[str, Any]:
    answer: dict[str, Any] = (await api.get("/api/v1/runway/record-detail", params={"taskId": task_id})).json()
    return answer


async def edit_record(api: httpx.AsyncClient, task_id: str) -> dict[str, Any]:
    answer: dict[str, Any] = (await api.get("/api/v1/aleph/record-info", params={"taskId": task_id})).json()
    return answer


async def test_runway_states_have_their_own_spelling(api: httpx.AsyncClient, kie: KieServer, clock: HandClock) -> None:
    kie.scenarios.next(Scenario(path=PendingPath.STEPWISE))
    task_id = await create(api)

    states = []
    for _ in range(4):
        states.append((await detail(api, task_id))["data"]["state"])
        clock.advance(20)

    assert states == ["wait", "queueing", "generating", "success"]


async def test_runway_video_stands_in_its_own_place(api: httpx.AsyncClient, kie: KieServer, clock: HandClock) -> None:
    task_id = await create(api)
    clock.advance(60)

    ended = (await detail(api, task_id))["data"]
    clock.advance(15 * 24 * 3600)
    old = (await detail(api, task_id))["data"]

    assert (await api.get(ended["videoInfo"]["videoUrl"])).content[4:8] == b"ftyp"
    assert (ended["expireFlag"], old["expireFlag"]) == (0, 1)
    assert kie.account.balance == 10_000 - 12


async def test_runway_failure_has_a_whole_number_as_its_code(
    api: httpx.AsyncClient, kie: KieServer, clock: HandClock
) -> None:
    kie.scenarios.next(Scenario(failure=Failures.MODERATOR))
    task_id = await create(api)
    clock.advance(60)

    ended = (await detail(api, task_id))["data"]

    assert (ended["state"], ended["failCode"], ended["failMsg"]) == ("fail", 400, Failures.MODERATOR.text)
    assert ended["videoInfo"] is None


@pytest.mark.parametrize(
    ("body", "code", "text"),
    [
        ({"prompt": "x" * 1801}, 500, "The length of prompt exceeds the allowed range"),
        ({"duration": "5"}, 422, "duration must be an integer"),
        ({"duration": 10, "quality": "1080p"}, 422, "1080p videos can only be 5 seconds long"),
        ({"aspectRatio": None}, 422, "aspectRatio is required"),
        ({"quality": "4k"}, 500, "quality is not within the range of allowed options"),
    ],
)
async def test_runway_refuses_what_does_not_fit(
    api: httpx.AsyncClient, kie: KieServer, body: dict[str, Any], code: int, text: str
) -> None:
    answer = await post(api, "runway/generate", BODY | body)

    assert (answer["code"], answer["msg"]) == (code, text)
    assert kie.tasks == []


@pytest.mark.parametrize(("body", "price"), [({}, 12), ({"duration": 10}, 30), ({"quality": "1080p"}, 30)])
async def test_runway_has_its_prices(api: httpx.AsyncClient, kie: KieServer, body: dict[str, Any], price: int) -> None:
    await create(api, **body)

    assert kie.account.balance == 10_000 - price


async def test_runway_extension_names_its_parent(api: httpx.AsyncClient, clock: HandClock) -> None:
    source = await create(api)
    early = await post(api, "runway/extend", {"taskId": source, "prompt": "It jumps", "quality": "720p"})
    clock.advance(60)
    await detail(api, source)

    answer = await post(api, "runway/extend", {"taskId": source, "prompt": "It jumps", "quality": "720p"})
    unknown = await post(api, "runway/extend", {"taskId": "none", "prompt": "It jumps"})

    assert (early["code"], unknown["code"]) == (422, 404)
    assert (await detail(api, answer["data"]["taskId"]))["data"]["parentTaskId"] == source


async def test_aleph_makes_a_new_version_of_an_uploaded_video(
    api: httpx.AsyncClient, kie: KieServer, clock: HandClock
) -> None:
    files = {"file": ("a.mp4", b"....ftypisom")}
    uploaded = await api.post(f"{kie.upload_url}/api/file-stream-upload", files=files, data={"uploadPath": "a"})
    body = {"prompt": "As a drawing", "videoUrl": uploaded.json()["data"]["downloadUrl"]}

    task_id = (await post(api, "aleph/generate", body))["data"]["taskId"]
    pending = (await edit_record(api, task_id))["data"]
    clock.advance(60)
    ended = (await edit_record(api, task_id))["data"]

    assert (pending["successFlag"], pending["response"], pending["completeTime"]) == (0, None, None)
    assert (ended["successFlag"], ended["createTime"], ended["completeTime"]) == (
        1,
        1_790_000_000_000,
        1_790_000_060_000,
    )
    assert (await api.get(ended["response"]["resultVideoUrl"])).content[4:8] == b"ftyp"
    assert kie.account.balance == 10_000 - 110


async def test_aleph_accepts_a_video_that_is_not_there_and_fails_later(
    api: httpx.AsyncClient, clock: HandClock
) -> None:
    answer = await post(api, "aleph/generate", {"prompt": "As a drawing", "videoUrl": "http://127.0.0.1:9/a.mp4"})
    clock.advance(60)

    ended = (await edit_record(api, answer["data"]["taskId"]))["data"]

    assert answer["code"] == 200
    assert (ended["successFlag"], ended["errorCode"], ended["errorMessage"]) == (3, 422, "media fetch failed")


async def test_unknown_tasks_are_told_in_each_services_way(api: httpx.AsyncClient) -> None:
    task_id = await create(api)

    runway, aleph = await detail(api, "none"), await edit_record(api, "none")
    elsewhere = await edit_record(api, task_id)

    assert (runway["code"], runway["msg"]) == (422, "record is null")
    assert (aleph["code"], aleph["data"]) == (200, None)
    assert elsewhere["data"] is None
