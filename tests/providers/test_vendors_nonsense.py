"""Whatever these vendors answer, their adapters say something of the port's vocabulary."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bot.domain.ids import TaskId
from bot.domain.jobs import FailureReason, Result
from bot.errors import (
    AnswerLostError,
    ProviderError,
    ProviderProtocolError,
    ProviderRejectedError,
    ProviderUnavailableError,
)
from bot.ports import Done, Empty, LocalFile, NotVisible, Pending, Refused, Submission, SubmittedValue
from bot.providers.adapter import Adapter
from bot.providers.google_omni import GoogleOmni
from bot.providers.google_veo import GoogleVeo
from bot.providers.huggingface import HuggingFace
from bot.providers.openai_videos import OpenAIVideos
from bot.providers.replicate import Replicate
from bot.providers.xai_videos import XAIVideos
from tests.providers.vendor import KEY, Downloads

HUGE = 10**400
ORIGIN = "https://vendor.test"
SUBMISSION = Submission(slug="a/b", fields={"prompt": "a fox"}, callback_url=None)


def veo(inner: httpx.AsyncBaseTransport) -> Adapter:
    return GoogleVeo(api_key=KEY, base_url=ORIGIN, inner=inner)


def omni(inner: httpx.AsyncBaseTransport) -> Adapter:
    return GoogleOmni(api_key=KEY, base_url=ORIGIN, inner=inner)


def replicate(inner: httpx.AsyncBaseTransport) -> Adapter:
    return Replicate(api_token=KEY, base_url=ORIGIN, inner=inner)


def hub(inner: httpx.AsyncBaseTransport) -> Adapter:
    return HuggingFace(api_token=KEY, base_url=ORIGIN, inner=inner)


def gateway(inner: httpx.AsyncBaseTransport) -> Adapter:
    return OpenAIVideos(api_key=KEY, base_url=f"{ORIGIN}/v1", inner=inner)


def xai(inner: httpx.AsyncBaseTransport) -> Adapter:
    return XAIVideos(api_key=KEY, base_url=f"{ORIGIN}/v1", inner=inner)


ADAPTERS = [
    (veo, TaskId("models/m/operations/o")),
    (omni, TaskId("v1_a")),
    (replicate, TaskId("abc")),
    (hub, TaskId("fal-ai/clip/requests/a")),
    (gateway, TaskId("abc")),
    (xai, TaskId("abc")),
]
MAKERS = [make for make, _ in ADAPTERS]
Maker = Callable[[httpx.AsyncBaseTransport], Adapter]

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.just(HUGE),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
addresses = st.sampled_from(
    ["https://x.test/a", "http://[", "https://u@x.test", "https://queue.fal.run/a/b/requests/r"]
)
value = addresses | anything
parts = st.lists(
    st.fixed_dictionaries(
        {}, optional={"type": st.sampled_from(["video", "text", "x"]) | anything, "uri": value, "data": anything}
    )
    | anything,
    max_size=2,
)
bodies = st.fixed_dictionaries(
    {},
    optional={
        "name": st.just("models/m/operations/o") | anything,
        "done": st.just(True) | anything,
        "id": st.just("abc") | anything,
        "status": st.sampled_from(["succeeded", "failed", "completed", "COMPLETED", "in_progress"]) | anything,
        "error": st.fixed_dictionaries({"message": anything}) | anything,
        "response": st.fixed_dictionaries(
            {
                "generateVideoResponse": st.fixed_dictionaries(
                    {
                        "generatedSamples": st.lists(
                            st.fixed_dictionaries({"video": st.fixed_dictionaries({"uri": value})})
                        )
                    }
                )
                | anything
            }
        )
        | anything,
        "steps": st.lists(st.fixed_dictionaries({"type": st.just("model_output"), "content": parts}), max_size=2)
        | anything,
        "output_video": st.fixed_dictionaries({"uri": value}) | anything,
        "usage": st.fixed_dictionaries(
            {
                "output_tokens_by_modality": st.lists(
                    st.fixed_dictionaries({"modality": st.just("video"), "tokens": anything})
                )
            }
        )
        | anything,
        "errors": anything,
        "output": value | st.lists(value, max_size=2),
        "completed_at": st.sampled_from(["9999-12-31T23:59:59Z", "2026-01-01T00:00:00"]) | anything,
        "request_id": st.just("r") | anything,
        "response_url": value,
        "video": st.fixed_dictionaries({"url": value}) | anything,
        "detail": anything | st.lists(st.fixed_dictionaries({"loc": anything, "msg": anything, "type": anything})),
    },
)
statuses = st.sampled_from([200, 201, 202, 400, 404, 422, 429, 500])


def asked(make: Maker, body: object, status: int, question: Callable[[Adapter], Awaitable[object]]) -> object:
    """What the adapter makes of the answer: a value, or its error."""
    response = httpx.Response(status, text=json.dumps(body))

    async def ask() -> object:
        adapter = make(httpx.MockTransport(lambda _: response))
        try:
            return await question(adapter)
        except ProviderError as err:
            return err
        finally:
            await adapter.aclose()

    return asyncio.run(ask())


@pytest.mark.parametrize(("make", "task"), ADAPTERS)
@settings(max_examples=60, deadline=timedelta(seconds=20))
@given(body=bodies | anything, status=statuses)
@example(body={"status": "succeeded", "output": "https://x.test/a", "completed_at": "9999-12-31T23:59:59Z"}, status=200)
@example(body={"status": ["completed"]}, status=200)
@example(body={"status": "failed", "error": "no \ud800 \0 luck"}, status=200)
def test_record_is_always_understood_or_refused(make: Maker, task: TaskId, body: object, status: int) -> None:
    outcome = asked(make, body, status, lambda adapter: adapter.status(task))

    assert isinstance(outcome, (Pending, NotVisible, Done, Refused, Empty, ProviderError))
    if isinstance(outcome, Refused):
        assert "\0" not in outcome.detail
        outcome.detail.encode()


@pytest.mark.parametrize("make", MAKERS)
@settings(max_examples=60, deadline=timedelta(seconds=20))
@given(body=bodies | anything, status=statuses)
def test_create_call_ends_in_a_task_or_in_a_decision(make: Maker, body: object, status: int) -> None:
    outcome = asked(make, body, status, lambda adapter: adapter.create(SUBMISSION))

    assert isinstance(outcome, (str, ProviderError))
    if status == 500:
        assert isinstance(outcome, AnswerLostError)


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize("url", ["http://[", "https://x.test/\0", f"{ORIGIN}/v1beta/interactions/a"])
async def test_odd_address_of_a_result_is_no_bug(make: Maker, url: str, tmp_path: Path) -> None:
    adapter = make(httpx.MockTransport(lambda _: httpx.Response(200, json={"steps": [7]})))
    try:
        await adapter.fetch(Result(url=url), tmp_path / "a.mp4", Downloads())
    except ProviderError:
        pass
    finally:
        await adapter.aclose()


async def outcome_of(make: Maker, answer: httpx.Response, question: Callable[[Adapter], Awaitable[object]]) -> object:
    adapter = make(httpx.MockTransport(lambda _: answer))
    try:
        return await question(adapter)
    except ProviderError as err:
        return err
    finally:
        await adapter.aclose()


@pytest.mark.parametrize("make", MAKERS)
async def test_see_other_may_point_at_a_task_so_nothing_is_sent_again(make: Maker) -> None:
    elsewhere = httpx.Response(303, headers={"Location": f"{ORIGIN}/v1/tasks/abc"})

    outcome = await outcome_of(make, elsewhere, lambda adapter: adapter.create(SUBMISSION))

    assert isinstance(outcome, AnswerLostError)


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize("question", ["create", "status"])
async def test_an_edge_that_blocks_us_in_one_line_says_nothing_of_the_key(make: Maker, question: str) -> None:
    blocked = httpx.Response(403, text="error code: 1010")
    task = next(task for maker, task in ADAPTERS if maker is make)

    outcome = await outcome_of(
        make, blocked, lambda adapter: adapter.create(SUBMISSION) if question == "create" else adapter.status(task)
    )

    assert isinstance(outcome, ProviderUnavailableError)


@pytest.mark.parametrize(("make", "task"), [each for each in ADAPTERS if each[0] is not veo])
@pytest.mark.parametrize("body", [{}, {"message": "ok"}, {"status": None}, {"status": ["completed"]}])
async def test_record_without_a_state_is_odd_and_not_waited_for(make: Maker, task: TaskId, body: object) -> None:
    answer = httpx.Response(200, text=json.dumps({"id": task, **body} if isinstance(body, dict) else body))

    outcome = await outcome_of(make, answer, lambda adapter: adapter.status(task))

    assert isinstance(outcome, ProviderProtocolError)


@pytest.mark.parametrize(
    ("make", "field"),
    [(veo, "image"), (omni, "image"), (hub, "image_url"), (xai, "image"), (gateway, "input_reference")],
)
async def test_picture_that_went_away_refuses_the_job_before_anything_leaves(
    make: Maker, field: str, tmp_path: Path
) -> None:
    gone: SubmittedValue = LocalFile(path=tmp_path / "gone.png", content_type="image/png")
    submission = Submission(slug="a/b", fields={"prompt": "a fox", field: gone}, callback_url=None)

    outcome = await outcome_of(make, httpx.Response(200), lambda adapter: adapter.create(submission))

    assert isinstance(outcome, ProviderRejectedError)
    assert outcome.reason is FailureReason.IMAGE_GONE
