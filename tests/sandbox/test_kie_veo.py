"""The local Kie.ai's Veo routes have their own fields, records, flags and texts."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import httpx
import pytest
from PIL import Image

from sandbox.kie_server import Failure, Failures, KieServer, PendingPath, ResultShape, Scenario
from tests.sandbox.vendors import HandClock

PROMPT = {"prompt": "A fox runs"}


async def create(api: httpx.AsyncClient, **body: Any) -> str:
    answer = (await api.post("/api/v1/veo/generate", json=PROMPT | body)).json()
    assert answer["code"] == 200, answer
    return str(answer["data"]["taskId"])


async def record(api: httpx.AsyncClient, task_id: str) -> dict[str, Any]:
    answer: dict[str, Any] = (await api.get("/api/v1/veo/record-info", params={"taskId": task_id})).json()
    return answer


async def upload(api: httpx.AsyncClient, kie: KieServer, name: str) -> str:
    raw = BytesIO()
    Image.new("RGB", (640, 360), (200, 90, 20)).save(raw, "JPEG")
    files = {"file": (name, raw.getvalue())}
    answer = await api.post(f"{kie.upload_url}/api/file-stream-upload", files=files, data={"uploadPath": "a"})
    return str(answer.json()["data"]["downloadUrl"])


async def test_veo_record_uses_flags_and_text_times(api: httpx.AsyncClient, kie: KieServer, clock: HandClock) -> None:
    task_id = await create(api, aspect_ratio="9:16")

    pending = (await record(api, task_id))["data"]
    clock.advance(60)
    ended = (await record(api, task_id))["data"]

    assert task_id.startswith("veo_task_")
    assert (pending["successFlag"], pending["response"], pending["completeTime"]) == (0, None, None)
    assert (ended["successFlag"], ended["errorCode"], ended["fallbackFlag"]) == (1, None, False)
    assert (ended["createTime"], ended["completeTime"]) == ("2026-09-21 14:13:20", "2026-09-21 14:14:20")
    response = ended["response"]
    assert response["resultUrls"] == response["originUrls"] == response["fullResultUrls"]
    assert response["resolution"] == "720p"
    assert (await api.get(response["resultUrls"][0])).content[4:8] == b"ftyp"
    assert kie.tasks[0].credits_consumed == 60


@pytest.mark.parametrize(("model", "resolution", "price"), [("veo3", "720p", 250), ("veo3_lite", "4k", 150)])
async def test_veo_tiers_have_their_prices(
    api: httpx.AsyncClient, kie: KieServer, model: str, resolution: str, price: float
) -> None:
    await create(api, model=model, resolution=resolution)

    assert kie.account.balance == 10_000 - price


@pytest.mark.parametrize(
    ("body", "code", "text"),
    [
        ({"prompt": ""}, 422, "Please enter prompt"),
        ({"aspect_ratio": "1:1"}, 422, "Ratio error"),
        ({"aspectRatio": "1:1"}, 422, "Ratio error"),
        ({"model": "veo4"}, 422, "The model name you specified is not supported"),
        ({"duration": "8"}, 422, "duration must be an integer"),
        ({"duration": 5}, 500, "duration is not within the range of allowed options"),
        ({"seeds": 5}, 500, "seeds is not within the range of allowed options"),
        ({"generationType": "FIRST_AND_LAST_FRAMES_2_VIDEO"}, 422, "imageUrls must have 1 or 2 images"),
        (
            {"generationType": "REFERENCE_2_VIDEO", "imageUrls": ["x"], "model": "veo3"},
            422,
            "REFERENCE_2_VIDEO needs veo3_fast or veo3_lite and 8 seconds",
        ),
    ],
)
async def test_veo_refuses_what_does_not_fit(
    api: httpx.AsyncClient, kie: KieServer, body: dict[str, Any], code: int, text: str
) -> None:
    answer = (await api.post("/api/v1/veo/generate", json=PROMPT | body)).json()

    assert (answer["code"], answer["msg"]) == (code, text)
    assert kie.tasks == []


@pytest.mark.parametrize(("failure", "flag"), [(Failures.MODERATION, 2), (Failures.MODERATION_UNSAFE, 3)])
async def test_failed_veo_task_has_a_terminal_flag(
    api: httpx.AsyncClient, kie: KieServer, clock: HandClock, failure: Failure, flag: int
) -> None:
    kie.scenarios.next(Scenario(failure=failure))
    task_id = await create(api)
    clock.advance(60)

    ended = (await record(api, task_id))["data"]

    assert (ended["successFlag"], ended["errorMessage"]) == (flag, failure.text)
    assert ended["errorCode"] == int(failure.code)
    assert ended["response"] is None


async def test_veo_without_translation_reads_only_english(
    api: httpx.AsyncClient, kie: KieServer, clock: HandClock
) -> None:
    refused = await create(api, prompt="Лиса бежит", enableTranslation=False)
    accepted = await create(api, prompt="Лиса бежит")
    clock.advance(60)

    assert (await record(api, refused))["data"]["errorMessage"].startswith("Only English prompts")
    assert (await record(api, accepted))["data"]["successFlag"] == 1


@pytest.mark.parametrize(("name", "flag", "text"), [("a.jpg", 1, ""), ("a.png", 3, "unable to generate audio")])
async def test_jpeg_under_a_png_name_misleads_veo(
    api: httpx.AsyncClient, kie: KieServer, clock: HandClock, name: str, flag: int, text: str
) -> None:
    task_id = await create(api, imageUrls=[await upload(api, kie, name)])
    clock.advance(60)

    ended = (await record(api, task_id))["data"]

    assert (ended["successFlag"], ended["errorMessage"]) == (flag, text)


async def test_veo_records_are_found_only_where_they_belong(
    api: httpx.AsyncClient, clock: HandClock, kie: KieServer
) -> None:
    task_id = await create(api)
    elsewhere = (await api.get("/api/v1/jobs/recordInfo", params={"taskId": task_id})).json()
    unknown = await record(api, "veo_task_none")
    clock.advance(15 * 24 * 3600)
    old = await record(api, task_id)

    assert (elsewhere["code"], elsewhere["msg"]) == (422, "recordInfo is null")
    assert (unknown["code"], unknown["msg"]) == (422, "record is null")
    assert (old["code"], old["msg"]) == (422, "only supports records within 14 days")


async def test_hd_version_is_made_on_demand_and_paid_once(
    api: httpx.AsyncClient, kie: KieServer, clock: HandClock
) -> None:
    kie.scenarios.next(Scenario(path=PendingPath.WAITING))
    task_id = await create(api)

    async def ask() -> dict[str, Any]:
        answer = await api.get("/api/v1/veo/get-1080p-video", params={"taskId": task_id, "index": 0})
        found: dict[str, Any] = answer.json()
        return found

    early = await ask()
    clock.advance(60)
    working = await ask()
    clock.advance(60)
    ready = await ask()

    assert (early["code"], working["code"], ready["code"]) == (422, 500, 200)
    assert ready["data"]["resultUrl"].startswith(kie.result_url)
    assert kie.account.balance == 10_000 - 60 - 5


async def finished(api: httpx.AsyncClient, clock: HandClock, **body: Any) -> str:
    task_id = await create(api, **body)
    clock.advance(60)
    await record(api, task_id)
    return task_id


async def uhd(api: httpx.AsyncClient, task_id: str, **body: Any) -> dict[str, Any]:
    answer = await api.post("/api/v1/veo/get-4k-video", json={"taskId": task_id} | body)
    found: dict[str, Any] = answer.json()
    return found


async def test_hd_that_is_not_ready_has_either_code(api: httpx.AsyncClient, kie: KieServer, clock: HandClock) -> None:
    kie.veo.unready_code = 400
    task_id = await finished(api, clock)

    answer = (await api.get("/api/v1/veo/get-1080p-video", params={"taskId": task_id})).json()

    assert (answer["code"], answer["data"]) == (400, None)


@pytest.mark.parametrize("has_own_id", [True, False])
async def test_uhd_answers_422_before_and_after_and_is_paid_once(
    api: httpx.AsyncClient, kie: KieServer, clock: HandClock, has_own_id: bool
) -> None:
    kie.veo.names_upgrades = has_own_id
    source = await finished(api, clock)

    asked = await uhd(api, source)
    again = await uhd(api, source)
    clock.advance(60)
    ready = await uhd(api, source)

    assert [answer["code"] for answer in (asked, again, ready)] == [422, 422, 422]
    assert asked["data"]["resultUrls"] is None
    assert (await api.get(ready["data"]["resultUrls"][0])).status_code == 200
    assert (asked["data"]["taskId"] != source) is has_own_id
    own = (await record(api, asked["data"]["taskId"]))["data"]
    assert (own["response"]["resultUrls"] == ready["data"]["resultUrls"]) is has_own_id
    assert kie.account.balance == 10_000 - 60 - 120


async def test_uhd_that_failed_may_be_asked_for_again(api: httpx.AsyncClient, kie: KieServer, clock: HandClock) -> None:
    source = await finished(api, clock)
    kie.scenarios.next(Scenario(failure=Failures.INTERNAL))

    await uhd(api, source)
    clock.advance(60)
    failed = await uhd(api, source)
    clock.advance(60)
    ready = await uhd(api, source)

    assert (failed["code"], failed["msg"]) == (500, "internal error, please try again later.")
    assert ready["data"]["resultUrls"] is None  # made anew


async def extended(api: httpx.AsyncClient, task_id: str, **body: Any) -> dict[str, Any]:
    answer = await api.post("/api/v1/veo/extend", json={"taskId": task_id, "prompt": "It jumps"} | body)
    found: dict[str, Any] = answer.json()
    return found


async def test_extension_is_a_task_of_its_own_with_the_clip_and_the_whole(
    api: httpx.AsyncClient, kie: KieServer, clock: HandClock
) -> None:
    source = await finished(api, clock)

    answer = await extended(api, source, model="lite")
    clock.advance(60)
    ended = (await record(api, answer["data"]["taskId"]))["data"]

    assert answer["data"]["taskId"].startswith("veo_extend_task_")
    assert ended["response"]["resultUrls"] != ended["response"]["fullResultUrls"]
    assert kie.account.balance == 10_000 - 60 - 30


async def test_only_finished_small_videos_are_extended(
    api: httpx.AsyncClient, kie: KieServer, clock: HandClock
) -> None:
    unfinished = await extended(api, await create(api))
    large = await extended(api, await finished(api, clock, resolution="1080p"))
    unknown = await extended(api, "veo_task_none")

    assert [answer["code"] for answer in (unfinished, large, unknown)] == [422, 422, 422]
    assert (unfinished["msg"], unknown["msg"]) == ("record status is not success", "record is null")


@pytest.mark.parametrize(
    ("shape", "expected"),
    [(ResultShape.AS_TEXT, str), (ResultShape.USUAL, list), (ResultShape.MISSING_KEY, type(None))],
)
async def test_result_lists_come_in_several_shapes(
    api: httpx.AsyncClient, kie: KieServer, clock: HandClock, shape: ResultShape, expected: type
) -> None:
    kie.scenarios.next(Scenario(shape=shape))
    task_id = await finished(api, clock)

    response = (await record(api, task_id))["data"]["response"]

    assert isinstance(response.get("resultUrls"), expected)


async def test_veo_can_be_switched_off(api: httpx.AsyncClient, kie: KieServer) -> None:
    kie.veo.is_paused = True

    answer = (await api.post("/api/v1/veo/generate", json=PROMPT)).json()

    assert (answer["code"], answer["msg"]) == (500, "This interface is temporarily paused")
