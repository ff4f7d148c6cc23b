"""The local Kie.ai refuses inputs with the recorded codes and words, prices the others, and pauses models on demand."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from sandbox.kie_server import KieServer, Limits

PAUSED = (500, "This interface is temporarily paused")
UNKNOWN = (422, "The model name you specified is not supported")

# One complete input per model; what a client must send and no more.
KLING = {
    "prompt": "A fox",
    "duration": "5",
    "aspect_ratio": "16:9",
    "mode": "pro",
    "sound": False,
    "multi_shots": False,
}
TURBO = {"prompt": "A fox", "duration": "5", "resolution": "720p", "aspect_ratio": "1:1"}
URL = "http://127.0.0.1:9/fox.png"


@pytest.fixture
async def kie() -> AsyncIterator[KieServer]:
    async with KieServer(seconds=3600, balance=1e6, limits=Limits(creates=None, running=None)) as server:
        yield server


async def answer_to(api: httpx.AsyncClient, model: object, given: object) -> tuple[int, str]:
    body = (await api.post("/api/v1/jobs/createTask", json={"model": model, "input": given})).json()
    return body["code"], body["msg"]


@pytest.mark.parametrize("slug", ["veo3", "veo3_fast", "seedance-2", "", None, 7])
async def test_unknown_model_is_422(api: httpx.AsyncClient, slug: object) -> None:
    assert await answer_to(api, slug, {"prompt": "A fox"}) == UNKNOWN


@pytest.mark.parametrize(
    ("slug", "expected"),
    [
        ("bytedance/seedance-2", (500, "prompt is required")),
        ("bytedance/seedance-2-5", (500, "prompt is required")),
        ("kling-3.0/video", (500, "duration is required")),
        ("wan/2-7-image-to-video", (500, "prompt is required")),
        ("hailuo/2-3-image-to-video-pro", (500, "This field is required")),
        ("sora-2-text-to-video", PAUSED),
        ("sora-3", UNKNOWN),
    ],
)
async def test_empty_input_probes_a_model_at_no_cost(
    api: httpx.AsyncClient, kie: KieServer, slug: str, expected: tuple[int, str]
) -> None:
    assert await answer_to(api, slug, {}) == expected
    assert kie.tasks == []


async def test_every_other_model_answers_the_probe_without_a_task(api: httpx.AsyncClient, kie: KieServer) -> None:
    for model in kie.models:
        if model.slug != "grok-imagine/image-to-video":
            code, text = await answer_to(api, model.slug, {})
            assert code == 500
            assert "is required" in text or "paused" in text

    assert kie.tasks == []


async def test_probe_of_grok_with_an_image_is_billed(api: httpx.AsyncClient, kie: KieServer) -> None:
    code, _ = await answer_to(api, "grok-imagine/image-to-video", {})

    assert code == 200
    assert kie.account.balance == 1e6 - 14.4


@pytest.mark.parametrize(
    ("slug", "given", "code", "part"),
    [
        ("wan/3-0-video", {"prompt": "A fox", "resolution": "720p"}, 500, "resolution is not within the range"),
        ("bytedance/seedance-2-fast", {"prompt": "A fox", "resolution": "1080p"}, 500, "is not within the range"),
        ("bytedance/seedance-2", {"prompt": "A fox", "duration": 16}, 500, "duration is not within the range"),
        ("bytedance/seedance-2", {"prompt": "A fox", "duration": -1}, 500, "duration is not within the range"),
        ("bytedance/seedance-2", {"prompt": "A fox", "duration": "5"}, 422, "duration must be an integer"),
        ("bytedance/seedance-2", {"prompt": "A fox", "generate_audio": "true"}, 422, "must be a boolean"),
        ("bytedance/seedance-2", {"prompt": "A fox", "duration": True}, 422, "must be an integer"),
        ("bytedance/seedance-2", {"prompt": "xy"}, 500, "length of prompt"),
        ("bytedance/seedance-2", {"prompt": "x" * 20_001}, 500, "length of prompt"),
        ("bytedance/seedance-2", {"prompt": 7}, 422, "prompt must be a string"),
        (
            "bytedance/seedance-2",
            {"prompt": "A fox", "first_frame_url": URL, "reference_image_urls": [URL]},
            422,
            "cannot be used together",
        ),
        ("bytedance/seedance-2-5", {"prompt": "A", "last_frame_url": URL}, 500, "first_frame_url is required"),
        ("kling-3.0/video", KLING | {"duration": 5}, 422, "duration must be a string"),
        ("kling-3.0/video", KLING | {"duration": "16"}, 500, "is not within the range"),
        ("kling-3.0/video", KLING | {"mode": "4k"}, 500, "mode is not within the range"),
        ("kling-3.0/video", KLING | {"sound": None}, 500, "sound is required"),
        ("kling-3.0/video", KLING | {"aspect_ratio": None}, 500, "aspect_ratio is required"),
        ("kling-3.0/video", KLING | {"prompt": ""}, 500, "prompt is required"),
        ("kling-3.0/video", KLING | {"multi_shots": True}, 500, "multi_prompt is required"),
        ("kling-3.0/video", KLING | {"image_urls": [URL] * 3}, 500, "length of image_urls"),
        ("kling-3.0/video", KLING | {"image_urls": [1]}, 422, "image_urls must be an array of strings"),
        ("kling/v3-turbo-text-to-video", TURBO | {"aspect_ratio": None}, 500, "aspect_ratio is required"),
        ("kling/v3-turbo-image-to-video", TURBO, 500, "image_urls is required"),
        ("wan/2-7-text-to-video", {"prompt": "A fox", "ratio": "21:9"}, 500, "ratio is not within the range"),
        ("wan/2-7-image-to-video", {"prompt": "A fox"}, 500, "first_frame_url is required"),
        ("grok-imagine/text-to-video", {"prompt": "A fox", "duration": 5}, 500, "duration is not within"),
        ("grok-imagine/text-to-video", {"prompt": "A fox", "duration": "6"}, 422, "duration must be a number"),
        ("grok-imagine/image-to-video", {"duration": 6}, 422, "duration must be a string"),
        ("grok-imagine/image-to-video", {"image_urls": [URL], "mode": "spicy"}, 422, "spicy"),
        (
            "hailuo/2-3-image-to-video-pro",
            {"prompt": "A fox", "image_url": URL, "duration": "10", "resolution": "1080P"},
            500,
            "duration is not within",
        ),
        ("minimax-h3/text-to-video", {"prompt": "A", "duration": 6}, 500, "aspect_ratio is required"),
        ("minimax-h3/image-to-video", {"prompt": "A", "duration": 6}, 500, "first_frame_url is required"),
        ("pixverse-v6/text-to-video", {"prompt": "A fox", "duration": 5}, 500, "quality is required"),
        ("happyhorse-1-1/image-to-video", {"prompt": "A fox"}, 500, "image_urls is required"),
        ("wan/3-0-video", "A fox", 422, "input must be an object"),
        ("wan/3-0-video", None, 500, "This field is required"),
    ],
)
async def test_input_that_does_not_fit_is_refused(
    api: httpx.AsyncClient, kie: KieServer, slug: str, given: object, code: int, part: str
) -> None:
    answer = await answer_to(api, slug, given)

    assert answer[0] == code
    assert part in answer[1]
    assert kie.tasks == []


@pytest.mark.parametrize(
    ("slug", "given", "price"),
    [
        ("bytedance/seedance-2", {"prompt": "A fox"}, 205),
        ("bytedance/seedance-2", {"prompt": "A fox", "resolution": "4k", "duration": 15}, 3120),
        ("bytedance/seedance-2", {"prompt": "A fox", "reference_video_urls": [URL]}, 125),
        ("bytedance/seedance-2-fast", {"prompt": "A fox", "resolution": "480p"}, 58.5),
        ("bytedance/seedance-2-mini", {"prompt": "A fox", "duration": 4}, 32.8),
        ("bytedance/seedance-2-5", {"prompt": "A fox", "resolution": "480p", "duration": 4}, 112),
        ("bytedance/seedance-2-5", {"prompt": "A fox", "duration": -1}, 315),
        ("kling-3.0/video", KLING, 90),
        ("kling-3.0/video", KLING | {"sound": True, "mode": "std", "duration": "10"}, 200),
        ("kling-3.0/video", KLING | {"aspect_ratio": None, "image_urls": [URL]}, 90),
        ("kling-3.0/video", KLING | {"prompt": None, "multi_shots": True, "multi_prompt": [{"prompt": "A"}]}, 90),
        ("kling/v3-turbo-text-to-video", TURBO, 90),
        ("kling/v3-turbo-image-to-video", TURBO | {"aspect_ratio": None, "image_urls": [URL]}, 90),
        ("wan/2-7-text-to-video", {"prompt": "A fox"}, 120),
        ("wan/2-7-image-to-video", {"prompt": "A fox", "first_frame_url": URL, "resolution": "720p"}, 80),
        ("wan/3-0-video", {"prompt": "A fox"}, 160),
        ("wan/3-0-video-prime", {"prompt": "A fox", "resolution": "480P", "duration": 2}, 24.4),
        ("grok-imagine/text-to-video", {"prompt": "A fox", "duration": 6.5, "resolution": "720p"}, 29.25),
        ("hailuo/2-3-image-to-video-standard", {"prompt": "A fox", "image_url": URL}, 30),
        ("hailuo/2-3-image-to-video-pro", {"prompt": "A fox", "image_url": URL, "duration": "10"}, 90),
        ("minimax-h3/text-to-video", {"prompt": "A fox", "duration": 6, "aspect_ratio": "1:1"}, 78),
        ("minimax-h3/image-to-video", {"duration": 4, "first_frame_url": URL, "last_frame_url": URL}, 56),
        ("happyhorse-1-1/text-to-video", {"prompt": "A fox", "duration": 3, "resolution": "720p"}, 99),
        ("happyhorse-1-1/image-to-video", {"image_urls": [URL]}, 212.5),
        (
            "pixverse-v6/text-to-video",
            {"prompt": "A fox", "duration": 1, "quality": "1080p", "aspect_ratio": "1:1"},
            14.4,
        ),
        ("pixverse-v6/image-to-video", {"prompt": "A fox", "duration": 5, "quality": "360p", "image_urls": [URL]}, 20),
        ("google/gemini-omni-flash-1-1", {"prompt": "A fox", "duration": "4", "resolution": "4k"}, 147),
        ("kling-3.0-omni/text-to-video", {"prompt": "A fox"}, 70),
    ],
)
async def test_fitting_input_is_accepted_at_its_price(
    api: httpx.AsyncClient, kie: KieServer, slug: str, given: dict[str, Any], price: float
) -> None:
    code, text = await answer_to(api, slug, given)

    assert (code, text) == (200, "success")
    [task] = kie.tasks
    assert task.price == price
    assert not task.unknown_fields
    assert kie.account.balance == 1e6 - price


async def test_sora_is_paused_until_it_is_resumed(api: httpx.AsyncClient, kie: KieServer) -> None:
    before = await answer_to(api, "sora-2-text-to-video", {"prompt": "A fox"})
    kie.models.resume("sora-2-text-to-video")
    after = await answer_to(api, "sora-2-text-to-video", {"prompt": "A fox", "n_frames": "15"})

    assert before == PAUSED
    assert after == (200, "success")
    assert kie.tasks[0].price == 45


async def test_model_can_be_paused_and_removed(api: httpx.AsyncClient, kie: KieServer) -> None:
    kie.models.pause("wan/3-0-video")
    paused = await answer_to(api, "wan/3-0-video", {"prompt": "A fox"})
    kie.models.remove("wan/3-0-video")
    removed = await answer_to(api, "wan/3-0-video", {"prompt": "A fox"})

    assert (paused, removed) == (PAUSED, UNKNOWN)


async def test_body_that_is_no_json_object_is_refused(api: httpx.AsyncClient) -> None:
    for content in (b"", b"{", b"[]", b"\xff"):
        answer = await api.post("/api/v1/jobs/createTask", content=content)
        assert answer.json()["code"] == 400


async def test_price_feed_lists_what_is_offered_page_by_page(kie: KieServer) -> None:
    async with httpx.AsyncClient(base_url=kie.api_url) as anybody:
        asked = {"pageNum": 1, "pageSize": 10, "modelDescription": "", "interfaceType": "video"}
        first = (await anybody.post("/client/v1/model-pricing/page", json=asked)).json()["data"]
        asked |= {"pageSize": 100, "modelDescription": "Seedance-2,"}
        seedance = (await anybody.post("/client/v1/model-pricing/page", json=asked)).json()["data"]

    assert len(first["records"]) == 10
    assert first["pages"] == -(-first["total"] // 10) > 1
    prices = {record["modelDescription"]: record["creditPrice"] for record in seedance["records"]}
    assert prices["bytedance/seedance-2, 720p"] == "41"
    assert prices["bytedance/seedance-2, 720p, with reference_video_urls"] == "25"


async def test_model_paths_are_public(kie: KieServer) -> None:
    async with httpx.AsyncClient(base_url=kie.api_url) as anybody:
        slugs = (await anybody.get("/api/v1/playground/model-paths")).json()["data"]

    assert {"bytedance/seedance-2", "kling-3.0/video", "sora-2-text-to-video"} <= set(slugs)
