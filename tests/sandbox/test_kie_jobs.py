"""The local Kie.ai's Jobs API creates tasks, tells how they are and bills them as the recorded one does."""

from __future__ import annotations

import json
from io import BytesIO
from typing import Any

import av
import httpx
import pytest

from sandbox.kie_server import (
    Failure,
    Failures,
    KieServer,
    Limits,
    PendingCredits,
    PendingPath,
    ResultShape,
    Scenario,
    Unseen,
)
from tests.sandbox.vendors import HandClock

WAN = {"prompt": "A fox runs through snow", "duration": 2, "resolution": "480P"}


async def create(api: httpx.AsyncClient, **given: Any) -> str:
    body = {"model": "wan/3-0-video", "input": WAN} | given
    answer = (await api.post("/api/v1/jobs/createTask", json=body)).json()
    assert answer["code"] == 200, answer
    assert isinstance(answer["data"]["taskId"], str)
    return str(answer["data"]["taskId"])


async def record(api: httpx.AsyncClient, task_id: str) -> dict[str, Any]:
    answer: dict[str, Any] = (await api.get("/api/v1/jobs/recordInfo", params={"taskId": task_id})).json()
    return answer


async def shown(api: httpx.AsyncClient, task_id: str) -> dict[str, Any]:
    answer = await record(api, task_id)
    assert (answer["code"], answer["msg"]) == (200, "success")
    found: dict[str, Any] = answer["data"]
    return found


async def balance(api: httpx.AsyncClient) -> float:
    return float((await api.get("/api/v1/chat/credit")).json()["data"])


async def test_created_task_has_an_id_that_is_also_its_record_id(api: httpx.AsyncClient, kie: KieServer) -> None:
    answer = await api.post("/api/v1/jobs/createTask", json={"model": "wan/3-0-video", "input": WAN})

    body = answer.json()
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/json;charset=UTF-8"
    assert (body["code"], body["msg"]) == (200, "success")
    assert len(body["data"]["taskId"]) == 32
    assert body["data"]["recordId"] == body["data"]["taskId"]
    assert [task.id for task in kie.tasks] == [body["data"]["taskId"]]


async def test_pending_record_has_the_recorded_shape(api: httpx.AsyncClient) -> None:
    task_id = await create(api, callBackUrl="http://127.0.0.1:9/done")

    found = await shown(api, task_id)

    param = json.loads(found.pop("param"))
    assert json.loads(param["input"]) == WAN | {"audio": True, "aspect_ratio": "adaptive", "nsfw_checker": False}
    assert (param["model"], param["callBackUrl"]) == ("wan/3-0-video", "http://127.0.0.1:9/done")
    assert found == {
        "taskId": task_id,
        "model": "wan/3-0-video",
        "state": "waiting",
        "resultJson": "",
        "failCode": None,
        "failMsg": None,
        "costTime": None,
        "completeTime": None,
        "createTime": 1_790_000_000_000,
        "creditsConsumed": 0.0,
    }


async def test_finished_task_gives_a_video_of_the_length_asked_for(
    api: httpx.AsyncClient, kie: KieServer, clock: HandClock
) -> None:
    task_id = await create(api)
    clock.advance(60)

    found = await shown(api, task_id)

    assert (found["state"], found["costTime"], found["creditsConsumed"]) == ("success", 60, 16.0)
    assert found["completeTime"] - found["createTime"] == 60_000
    assert isinstance(found["resultJson"], str)
    [url] = json.loads(found["resultJson"])["resultUrls"]
    assert url.startswith(kie.result_url)
    video = await api.get(url)
    assert (video.status_code, video.headers["Content-Type"]) == (200, "video/mp4")
    with av.open(BytesIO(video.content), "r") as container:
        assert container.duration is not None
        assert container.duration / 1_000_000 == pytest.approx(2, abs=0.4)
        assert container.streams.audio, "wan 3.0 has sound unless it is refused"


async def test_task_ends_in_real_time_too() -> None:
    async with (
        KieServer(seconds=0.05, limits=Limits(records=None)) as server,
        httpx.AsyncClient(base_url=server.api_url, headers={"Authorization": f"Bearer {server.api_key}"}) as api,
    ):
        task_id = await create(api)

        found = await shown(api, task_id)
        while found["state"] == "waiting":
            found = await shown(api, task_id)

        assert found["state"] == "success"


@pytest.mark.parametrize(
    ("path", "states"),
    [
        (PendingPath.WAITING, ["waiting", "waiting", "waiting", "success"]),
        (PendingPath.GENERATING, ["generating", "generating", "generating", "success"]),
        (PendingPath.STEPWISE, ["waiting", "queuing", "generating", "success"]),
        (PendingPath.UNHEARD, ["preparing", "preparing", "preparing", "success"]),
    ],
)
async def test_task_walks_the_states_of_its_scenario(
    api: httpx.AsyncClient, kie: KieServer, clock: HandClock, path: PendingPath, states: list[str]
) -> None:
    kie.scenarios.next(Scenario(path=path))
    task_id = await create(api)

    seen = []
    for _ in range(4):
        clock.advance(15)
        seen.append((await shown(api, task_id))["state"])

    assert seen == states


async def test_kling_shows_generating_as_it_was_recorded(api: httpx.AsyncClient) -> None:
    given = {
        "prompt": "A fox",
        "duration": "5",
        "mode": "std",
        "sound": False,
        "multi_shots": False,
        "aspect_ratio": "1:1",
    }
    task_id = await create(api, model="kling-3.0/video", input=given)

    assert (await shown(api, task_id))["state"] == "generating"


async def test_endless_task_waits_for_ever(api: httpx.AsyncClient, kie: KieServer, clock: HandClock) -> None:
    kie.scenarios.next(Scenario(is_endless=True))
    task_id = await create(api)

    clock.advance(7 * 24 * 3600)

    assert (await shown(api, task_id))["state"] == "waiting"


@pytest.mark.parametrize(
    "failure",
    [value for name, value in vars(Failures).items() if not name.startswith("_")],
    ids=lambda failure: failure.text,
)
async def test_failed_task_says_why_and_costs_nothing(
    api: httpx.AsyncClient, kie: KieServer, clock: HandClock, failure: Failure
) -> None:
    kie.scenarios.next(Scenario(failure=failure, seconds=600))
    task_id = await create(api)
    assert (await shown(api, task_id))["state"] == "waiting", "moderation, for one, may come late"

    clock.advance(600)
    found = await shown(api, task_id)

    assert (found["state"], found["failCode"], found["failMsg"]) == ("fail", failure.code, failure.text)
    assert (found["resultJson"], found["creditsConsumed"], found["costTime"]) == ("", 0.0, 600)


async def test_credits_are_reserved_at_creation_and_return_a_while_after_a_failure(clock: HandClock) -> None:
    async with (
        KieServer(clock=clock, seconds=5, balance=100.5, refund_delay=60) as server,
        httpx.AsyncClient(base_url=server.api_url, headers={"Authorization": f"Bearer {server.api_key}"}) as api,
    ):
        server.scenarios.next(Scenario(failure=Failures.INTERNAL))
        task_id = await create(api)
        reserved = await balance(api)
        clock.advance(5)
        await shown(api, task_id)
        failed = await balance(api)
        clock.advance(60)
        restored = await balance(api)

        assert (reserved, failed, restored) == (84.5, 84.5, 100.5)


async def test_create_is_refused_when_credits_are_short(api: httpx.AsyncClient, kie: KieServer) -> None:
    kie.account.balance = 15.9

    answer = (await api.post("/api/v1/jobs/createTask", json={"model": "wan/3-0-video", "input": WAN})).json()

    assert answer == {"code": 402, "msg": "The current credits are insufficient", "data": None}
    assert kie.tasks == []
    assert await balance(api) == 15.9


async def test_charged_credits_may_differ_from_the_list(
    api: httpx.AsyncClient, kie: KieServer, clock: HandClock
) -> None:
    kie.scenarios.next(Scenario(cost=9.5))
    task_id = await create(api)
    clock.advance(60)

    assert (await shown(api, task_id))["creditsConsumed"] == 9.5
    assert await balance(api) == 10_000 - 9.5
    assert kie.account.spent == 9.5


@pytest.mark.parametrize(
    ("credits", "expected"), [(PendingCredits.ZERO, 0.0), (PendingCredits.FULL, 16.0), (PendingCredits.ABSENT, None)]
)
async def test_pending_record_may_already_name_the_price(
    api: httpx.AsyncClient, kie: KieServer, credits: PendingCredits, expected: float | None
) -> None:
    kie.scenarios.next(Scenario(pending_credits=credits))

    found = await shown(api, await create(api))

    assert found.get("creditsConsumed") == expected


@pytest.mark.parametrize(
    ("shape", "check"),
    [
        (ResultShape.EMPTY_LIST, lambda raw: json.loads(raw) == {"resultUrls": []}),
        (ResultShape.MISSING_KEY, lambda raw: "resultUrls" not in json.loads(raw)),
        (ResultShape.FIRST_FRAME_LIST, lambda raw: json.loads(raw)["firstFrameUrl"] == []),
        (ResultShape.PARSED, lambda raw: isinstance(raw, dict) and len(raw["resultUrls"]) == 1),
        (ResultShape.BROKEN, lambda raw: raw.startswith("{") and not raw.endswith("}")),
        (ResultShape.EMPTY_TEXT, lambda raw: raw == ""),
        (ResultShape.NULL, lambda raw: raw is None),
    ],
)
async def test_success_may_come_with_an_odd_result(
    api: httpx.AsyncClient, kie: KieServer, clock: HandClock, shape: ResultShape, check: Any
) -> None:
    kie.scenarios.next(Scenario(shape=shape))
    task_id = await create(api)
    clock.advance(60)

    found = await shown(api, task_id)

    assert found["state"] == "success"
    assert check(found["resultJson"])


async def test_unknown_id_is_null(api: httpx.AsyncClient, kie: KieServer) -> None:
    answers = [await record(api, "0" * 32)]
    kie.unknown_task = Unseen.NULL_200
    answers.append(await record(api, "0" * 32))

    assert answers == [
        {"code": 422, "msg": "recordInfo is null", "data": None},
        {"code": 200, "msg": "success", "data": None},
    ]


async def test_record_without_an_id_is_refused(api: httpx.AsyncClient) -> None:
    assert (await api.get("/api/v1/jobs/recordInfo")).json()["code"] == 400


@pytest.mark.parametrize(
    ("unseen", "expected"),
    [
        (Unseen.NULL_422, '"code": 422'),
        (Unseen.NULL_200, '"data": null'),
        (Unseen.MISSING_404, "Task not found"),
        (Unseen.NOT_JSON, "no healthy upstream"),
    ],
)
async def test_new_task_stays_unseen_for_a_while(
    api: httpx.AsyncClient, kie: KieServer, clock: HandClock, unseen: Unseen, expected: str
) -> None:
    kie.scenarios.next(Scenario(unseen_for=30, unseen=unseen))
    task_id = await create(api)

    early = await api.get("/api/v1/jobs/recordInfo", params={"taskId": task_id})
    clock.advance(30)

    assert expected in early.text
    assert (await shown(api, task_id))["state"] == "waiting"


async def test_newer_record_carries_both_styles(api: httpx.AsyncClient, kie: KieServer, clock: HandClock) -> None:
    kie.scenarios.next(Scenario(has_newer_record=True))
    task_id = await create(api)

    pending = await shown(api, task_id)
    clock.advance(60)
    ended = await shown(api, task_id)

    assert (pending["successFlag"], ended["successFlag"]) == (0, 1)
    assert ended["operationType"] == "wan/3-0-video"
    assert ended["paramJson"] == ended["param"]
    assert ended["response"] == json.loads(ended["resultJson"])


async def test_scenarios_are_chosen_by_prompt_model_and_turn(
    api: httpx.AsyncClient, kie: KieServer, clock: HandClock
) -> None:
    kie.scenarios.for_model("wan/3-0-video", Scenario(path=PendingPath.GENERATING))
    kie.scenarios.for_prompt("snow", Scenario(path=PendingPath.UNHEARD))
    kie.scenarios.next(Scenario(path=PendingPath.STEPWISE), model="wan/3-0-video")

    prompts = ("in the snow", "more snow", "in the rain")
    states = [(await shown(api, await create(api, input=WAN | {"prompt": prompt})))["state"] for prompt in prompts]

    assert states == ["waiting", "preparing", "generating"]


async def test_twenty_first_create_within_ten_seconds_is_dropped(
    api: httpx.AsyncClient, kie: KieServer, clock: HandClock
) -> None:
    for _ in range(20):
        await create(api)

    refused = await api.post("/api/v1/jobs/createTask", json={"model": "wan/3-0-video", "input": WAN})
    clock.advance(10)
    await create(api)

    assert (refused.status_code, refused.json()["code"]) == (200, 429)
    assert "Retry-After" not in refused.headers
    assert len(kie.tasks) == 21


async def test_eleventh_record_query_within_a_second_is_dropped(clock: HandClock) -> None:
    async with (
        KieServer(clock=clock, seconds=5) as server,
        httpx.AsyncClient(base_url=server.api_url, headers={"Authorization": f"Bearer {server.api_key}"}) as api,
    ):
        task_id = await create(api)

        codes = [(await record(api, task_id))["code"] for _ in range(11)]
        clock.advance(1)
        codes.append((await record(api, task_id))["code"])

        assert codes == [200] * 10 + [429, 200]


async def test_too_many_running_tasks_are_refused(clock: HandClock) -> None:
    async with (
        KieServer(clock=clock, seconds=5, limits=Limits(creates=None, running=2)) as server,
        httpx.AsyncClient(base_url=server.api_url, headers={"Authorization": f"Bearer {server.api_key}"}) as api,
    ):
        first, _ = await create(api), await create(api)
        refused = (await api.post("/api/v1/jobs/createTask", json={"model": "wan/3-0-video", "input": WAN})).json()
        clock.advance(5)
        await shown(api, first)
        await create(api)

        assert refused["code"] == 429
        assert server.peak_running == 2


async def test_server_can_be_asked_what_it_saw(api: httpx.AsyncClient, kie: KieServer) -> None:
    task_id = await create(api, input=WAN | {"colour": "blue"})
    await shown(api, task_id)

    [task] = kie.tasks
    assert (task.slug, task.prompt, task.price, task.polls) == ("wan/3-0-video", WAN["prompt"], 16.0, 1)
    assert task.unknown_fields == {"colour"}
    assert [(seen.method, seen.path.partition("?")[0], seen.code) for seen in kie.requests] == [
        ("POST", "/api/v1/jobs/createTask", 200),
        ("GET", "/api/v1/jobs/recordInfo", 200),
    ]
    assert "colour" in kie.requests[0].body


async def test_three_origins_differ_and_can_be_chosen(kie: KieServer) -> None:
    port = int(kie.api_url.rpartition(":")[2])

    assert len({kie.api_url, kie.upload_url, kie.result_url}) == 3
    with pytest.raises(OSError, match="address already in use"):
        await KieServer().start(port=port)
