"""fal's queue behind Hugging Face's router, in every state and with every error that is documented."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from bot.domain.ids import TaskId
from bot.domain.jobs import FailureReason, Result
from bot.errors import (
    AccountFault,
    AnswerLostError,
    ProviderAuthError,
    ProviderProtocolError,
    ProviderRejectedError,
    ProviderUnavailableError,
)
from bot.ports import Done, Empty, NotVisible, Pending, Refused, Submission
from bot.providers.huggingface import HuggingFace
from tests.providers.vendor import KEY, Making, adapters, answer

TASK = TaskId("fal-ai/clip/requests/764cabcf-b745-4b3e-ae38-1200304cf45b")
ROUTER = "https://router.test/fal-ai"
SUBMISSION = Submission(slug="fal-ai/clip/v2/text-to-video", fields={"prompt": "a fox"}, callback_url=None)


Answering = Making[HuggingFace]


@pytest.fixture
async def answering() -> AsyncIterator[Answering]:
    async with adapters(lambda inner: HuggingFace(api_token=KEY, base_url="https://router.test", inner=inner)) as make:
        yield make


async def test_request_goes_to_the_queue_and_is_known_by_its_path(answering: Answering) -> None:
    hub, seen = answering(answer("huggingface/accepted"))

    assert await hub.create(SUBMISSION) == TASK
    assert seen.url == f"{ROUTER}/fal-ai/clip/v2/text-to-video?_subdomain=queue"
    assert seen.sent[0].headers["Authorization"] == f"Bearer {KEY}"
    assert seen.body == {"prompt": "a fox"}


async def test_picture_travels_as_a_data_address(answering: Answering, tmp_path: Path) -> None:
    hub, seen = answering(answer("huggingface/accepted"))
    picture = tmp_path / "a.jpg"
    picture.write_bytes(b"abc")
    file = await hub.upload(picture, "image/jpeg")

    await hub.create(Submission(slug="fal-ai/clip", fields={"image_url": file, "images": [file]}, callback_url=None))

    inline = "data:image/jpeg;base64,YWJj"
    assert seen.body == {"image_url": inline, "images": [inline]}


@pytest.mark.parametrize(
    ("name", "status", "error"),
    [
        ("missing", 422, ProviderRejectedError),
        ("no_model", 404, ProviderRejectedError),
        ("unauthorised", 401, ProviderAuthError),
        ("no_credit", 402, ProviderAuthError),
        ("failed", 500, AnswerLostError),
        ("in_progress", 200, None),
    ],
)
async def test_answers_to_the_create_call(
    answering: Answering, name: str, status: int, error: type[Exception] | None
) -> None:
    hub, seen = answering(answer(f"huggingface/{name}", status))

    if error is None:
        assert await hub.create(SUBMISSION) == TASK
    else:
        with pytest.raises(error):
            await hub.create(SUBMISSION)
    assert len(seen.sent) == 1


async def test_used_up_credit_is_named_as_such(answering: Answering) -> None:
    hub, _ = answering(answer("huggingface/no_credit", 402))

    with pytest.raises(ProviderAuthError) as caught:
        await hub.create(SUBMISSION)

    assert caught.value.fault is AccountFault.BALANCE


@pytest.mark.parametrize(
    "reply",
    [
        httpx.Response(200, json={"request_id": "a"}),
        httpx.Response(200, json={"request_id": "a", "response_url": "https://x.test/../../etc"}),
        httpx.Response(200, json={"request_id": "a", "response_url": "https://queue.fal.run/fal-ai/clip/requests/b"}),
        httpx.ReadTimeout("slow"),
    ],
)
async def test_answers_that_name_nothing_are_lost(answering: Answering, reply: httpx.Response | Exception) -> None:
    hub, _ = answering(reply)

    with pytest.raises(AnswerLostError):
        await hub.create(SUBMISSION)


async def test_request_waits_runs_and_is_answered(answering: Answering) -> None:
    hub, seen = answering(
        answer("huggingface/accepted", 202),
        answer("huggingface/in_progress", 202),
        answer("huggingface/completed"),
        answer("huggingface/video"),
    )

    assert [await hub.status(TASK) for _ in range(3)] == [
        Pending(),
        Pending(),
        Done(result=Result(url="https://v3.fal.media/files/penguin/out.mp4")),
    ]
    assert [str(request.url) for request in seen.sent[-2:]] == [
        f"{ROUTER}/{TASK}/status?_subdomain=queue",
        f"{ROUTER}/{TASK}?_subdomain=queue",
    ]


@pytest.mark.parametrize(
    ("name", "status", "reason"),
    [
        ("policy_prompt", 422, FailureReason.MODERATION_PROMPT),
        ("policy_image", 422, FailureReason.MODERATION_IMAGE),
        ("missing", 422, FailureReason.REJECTED),
        ("failed", 500, FailureReason.UPSTREAM),
    ],
)
async def test_completed_request_whose_response_is_an_error(
    answering: Answering, name: str, status: int, reason: FailureReason
) -> None:
    hub, _ = answering(answer("huggingface/completed"), answer(f"huggingface/{name}", status))

    ended = await hub.status(TASK)

    assert isinstance(ended, Refused)
    assert ended.reason is reason


@pytest.mark.parametrize("reply", [httpx.Response(502, text="<html></html>"), httpx.Response(429, json={})])
async def test_response_that_cannot_be_had_now_is_asked_for_again(answering: Answering, reply: httpx.Response) -> None:
    hub, _ = answering(answer("huggingface/completed"), reply)

    with pytest.raises(ProviderUnavailableError):
        await hub.status(TASK)


async def test_odd_answers(answering: Answering) -> None:
    hub, _ = answering(
        answer("huggingface/not_found", 404),
        httpx.Response(200, json={"status": "NAPPING"}),
        answer("huggingface/completed"),
        answer("huggingface/no_video"),
    )

    assert await hub.status(TASK) == NotVisible()
    assert await hub.status(TASK) == Pending()
    assert isinstance(await hub.status(TASK), Empty)
    with pytest.raises(ProviderProtocolError):
        await hub.status(TaskId("fal-ai/clip"))


async def test_token_is_proved_by_a_question_about_nothing(answering: Answering) -> None:
    hub, seen = answering(answer("huggingface/not_found", 404), answer("huggingface/unauthorised", 401))

    assert await hub.credits() is None
    with pytest.raises(ProviderAuthError):
        await hub.credits()
    assert {request.method for request in seen.sent} == {"GET"}
