"""Omni's interactions, in every state and with every error that is documented."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from bot.domain.ids import TaskId
from bot.domain.jobs import FailureReason, Result
from bot.errors import (
    AnswerLostError,
    ProviderAuthError,
    ProviderProtocolError,
    ProviderRejectedError,
    ProviderUnavailableError,
)
from bot.ports import Done, Empty, NotVisible, Pending, Refused, Submission
from bot.providers import google_omni
from bot.providers.google_omni import GoogleOmni
from tests.providers.vendor import KEY, Downloads, Making, adapters, answer

TASK = TaskId("v1_ChdxSGZo")
RECORD = "https://google.test/v1beta/interactions/v1_ChdxSGZo"
SUBMISSION = Submission(
    slug="gemini-omni-1.2-flash",
    fields={"duration": 8, "aspect_ratio": "9:16", "resolution": "1080p", "prompt": "a fox"},
    callback_url=None,
)


Answering = Making[GoogleOmni]


@pytest.fixture
async def answering() -> AsyncIterator[Answering]:
    async with adapters(lambda inner: GoogleOmni(api_key=KEY, base_url="https://google.test", inner=inner)) as make:
        yield make


async def test_interaction_is_begun_in_the_background(answering: Answering) -> None:
    omni, seen = answering(answer("google/omni_created"))

    assert await omni.create(SUBMISSION) == TASK
    assert seen.url == "https://google.test/v1beta/interactions"
    assert seen.body == {
        "model": "gemini-omni-1.2-flash",
        "input": [{"type": "text", "text": "a fox"}],
        "background": True,
        "response_modalities": ["video"],
        "response_format": {
            "type": "video",
            "delivery": "uri",
            "duration": "8s",
            "aspect_ratio": "9:16",
            "resolution": "1080p",
        },
    }


async def test_pictures_follow_the_words(answering: Answering, tmp_path: Path) -> None:
    omni, seen = answering(answer("google/omni_created"))
    picture = tmp_path / "a.png"
    picture.write_bytes(b"abc")
    file = await omni.upload(picture, "image/png")

    fields = {"task": "reference_to_video", "image": file, "images": [file], "prompt": "a fox"}
    await omni.create(Submission(slug="m", fields=fields, callback_url=None))

    inline = {"type": "image", "data": "YWJj", "mime_type": "image/png"}
    assert seen.body["input"] == [{"type": "text", "text": "a fox"}, inline, inline]
    assert seen.body["generation_config"] == {"video_config": {"task": "reference_to_video"}}


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (answer("google/omni_no_model", 404), ProviderRejectedError),
        (answer("google/prompt_refused", 400), ProviderRejectedError),
        (answer("google/key_refused", 400), ProviderAuthError),
        (answer("google/quota", 429), ProviderUnavailableError),
        (answer("google/overloaded", 503), AnswerLostError),
        (httpx.Response(200, json={"id": "no name/at all"}), AnswerLostError),
        (httpx.ReadError("gone"), AnswerLostError),
        (httpx.ConnectTimeout("never there"), ProviderUnavailableError),
    ],
)
async def test_refused_and_lost_create_calls(
    answering: Answering, reply: httpx.Response | Exception, error: type[Exception]
) -> None:
    omni, _ = answering(reply)

    with pytest.raises(error):
        await omni.create(SUBMISSION)


async def test_video_at_an_address_has_a_price_by_its_tokens(answering: Answering) -> None:
    omni, _ = answering(answer("google/omni_pending"), answer("google/omni_uri"))

    assert await omni.status(TASK) == Pending()
    ended = await omni.status(TASK)

    assert isinstance(ended, Done)
    assert ended.result.url == "https://generativelanguage.googleapis.com/v1beta/files/o7m1"
    assert ended.result.credits == pytest.approx(202.7, abs=0.1)


@pytest.mark.parametrize("name", ["omni_inline", "omni_output_video"])
async def test_video_inside_of_the_record_is_kept_from_there(answering: Answering, name: str, tmp_path: Path) -> None:
    omni, _ = answering(answer(f"google/{name}"))
    downloads = Downloads()

    ended = await omni.status(TASK)
    assert isinstance(ended, Done)
    await omni.fetch(ended.result, tmp_path / "a.mp4", downloads)

    assert ended.result.url == RECORD
    assert downloads.fetched == []
    assert downloads.kept[0][4:8] == b"ftyp"


async def test_broken_base64_is_no_result(answering: Answering, tmp_path: Path) -> None:
    video = {"type": "model_output", "content": [{"type": "video", "data": "%%%"}]}
    omni, _ = answering(httpx.Response(200, json={"status": "completed", "steps": [video]}))

    with pytest.raises(ProviderRejectedError) as caught:
        await omni.fetch(Result(url=RECORD), tmp_path / "a.mp4", Downloads())

    assert caught.value.reason is FailureReason.NO_RESULT


async def test_record_is_not_read_without_end(answering: Answering, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(google_omni, "INLINE_LIMIT", 100)
    omni, _ = answering(answer("google/omni_inline"))

    with pytest.raises(ProviderProtocolError):
        await omni.status(TASK)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("omni_words", FailureReason.MODERATION_PROMPT),
        ("omni_failed", FailureReason.UPSTREAM),
        ("omni_step_failed", FailureReason.MODERATION_IMAGE),
        ("omni_cancelled", FailureReason.UPSTREAM),
    ],
)
async def test_interaction_without_a_video_says_why(answering: Answering, name: str, reason: FailureReason) -> None:
    omni, _ = answering(answer(f"google/{name}"))

    ended = await omni.status(TASK)

    assert isinstance(ended, Refused)
    assert ended.reason is reason


async def test_odd_records(answering: Answering) -> None:
    omni, _ = answering(
        answer("google/omni_empty"),
        answer("google/omni_no_model", 404),
        httpx.Response(200, json={"status": "meditating"}),
    )

    assert isinstance(await omni.status(TASK), Empty)
    assert await omni.status(TASK) == NotVisible()
    assert await omni.status(TASK) == Pending()
    with pytest.raises(ProviderProtocolError):
        await omni.status(TaskId("../files/a"))


async def test_interaction_is_cancelled_while_it_runs(answering: Answering) -> None:
    omni, seen = answering(answer("google/omni_cancelled"), answer("google/omni_no_model", 404))

    assert await omni.cancel(TASK)
    assert not await omni.cancel(TASK)
    assert (seen.sent[0].method, seen.url) == ("POST", f"{RECORD}/cancel")
