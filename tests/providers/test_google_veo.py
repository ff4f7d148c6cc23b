"""Veo's operations, in every state and with every error that is documented."""

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
from bot.ports import Credentials, Done, Empty, LocalFile, NotSold, NotVisible, Pending, Refused, Sold, Submission
from bot.providers.google_veo import GoogleVeo
from tests.providers.vendor import KEY, Downloads, Making, adapters, answer

MODEL = "veo-3.1-generate-preview"
OPERATION = TaskId(f"models/{MODEL}/operations/abc123")
SUBMISSION = Submission(
    slug=MODEL,
    fields={"prompt": "a fox", "durationSeconds": 8, "aspectRatio": "9:16", "resolution": "720p"},
    callback_url=None,
)


Answering = Making[GoogleVeo]


@pytest.fixture
async def answering() -> AsyncIterator[Answering]:
    async with adapters(lambda inner: GoogleVeo(api_key=KEY, base_url="https://google.test", inner=inner)) as make:
        yield make


async def test_create_call_sorts_the_fields_and_names_the_operation(answering: Answering) -> None:
    veo, seen = answering(answer("google/veo_created"))

    assert await veo.create(SUBMISSION) == OPERATION
    assert seen.url == f"https://google.test/v1beta/models/{MODEL}:predictLongRunning"
    assert seen.sent[0].headers["x-goog-api-key"] == KEY
    assert "Authorization" not in seen.sent[0].headers
    assert seen.body == {
        "instances": [{"prompt": "a fox"}],
        "parameters": {"durationSeconds": 8, "aspectRatio": "9:16", "resolution": "720p"},
    }


async def test_pictures_travel_inside_of_the_request(answering: Answering, tmp_path: Path) -> None:
    veo, seen = answering(answer("google/veo_created"))
    picture = tmp_path / "a.jpg"
    picture.write_bytes(b"abc")
    file = await veo.upload(picture, "image/jpeg")

    fields = {"prompt": "a fox", "image": file, "lastFrame": file, "referenceImages": [file]}
    await veo.create(Submission(slug=MODEL, fields=fields, callback_url=None))

    inline = {"bytesBase64Encoded": "YWJj", "mimeType": "image/jpeg"}
    assert file == LocalFile(path=picture, content_type="image/jpeg")
    assert seen.body["instances"] == [
        {
            "prompt": "a fox",
            "image": inline,
            "lastFrame": inline,
            "referenceImages": [{"image": inline, "referenceType": "asset"}],
        }
    ]


@pytest.mark.parametrize(
    ("name", "status", "reason"),
    [
        ("seed_refused", 400, FailureReason.REJECTED),
        ("prompt_refused", 400, FailureReason.MODERATION_PROMPT),
        ("no_model", 404, FailureReason.MODEL_PAUSED),
    ],
)
async def test_refusals_are_final(answering: Answering, name: str, status: int, reason: FailureReason) -> None:
    veo, _ = answering(answer(f"google/{name}", status))

    with pytest.raises(ProviderRejectedError) as caught:
        await veo.create(SUBMISSION)

    assert caught.value.reason is reason


@pytest.mark.parametrize(("name", "status"), [("key_refused", 400), ("not_permitted", 403)])
async def test_refused_key_pauses_the_provider(answering: Answering, name: str, status: int) -> None:
    veo, _ = answering(answer(f"google/{name}", status))

    with pytest.raises(ProviderAuthError) as caught:
        await veo.create(SUBMISSION)

    assert caught.value.fault is AccountFault.KEY
    assert KEY not in str(caught.value)


async def test_quota_means_later(answering: Answering) -> None:
    veo, _ = answering(answer("google/quota", 429, Retry_After="40"))

    with pytest.raises(ProviderUnavailableError) as caught:
        await veo.create(SUBMISSION)

    assert caught.value.retry_after is not None
    assert caught.value.retry_after.total_seconds() == 40


@pytest.mark.parametrize(
    "reply",
    [
        answer("google/internal", 500),
        answer("google/overloaded", 503),
        httpx.Response(200, text="<html>ok</html>"),
        httpx.Response(200, json={"name": "somewhere/else"}),
        httpx.ReadTimeout("slow"),
    ],
)
async def test_what_proves_nothing_is_a_lost_answer(answering: Answering, reply: httpx.Response | Exception) -> None:
    veo, seen = answering(reply)

    with pytest.raises(AnswerLostError):
        await veo.create(SUBMISSION)

    assert len(seen.sent) == 1


async def test_call_that_never_left_may_come_again(answering: Answering) -> None:
    veo, _ = answering(httpx.ConnectError("refused"))

    with pytest.raises(ProviderUnavailableError):
        await veo.create(SUBMISSION)


async def test_operation_is_pending_then_done(answering: Answering) -> None:
    veo, seen = answering(answer("google/veo_pending"), answer("google/veo_done"))

    assert await veo.status(OPERATION) == Pending()
    ended = await veo.status(OPERATION)

    assert seen.url == f"https://google.test/v1beta/{OPERATION}"
    uri = "https://generativelanguage.googleapis.com/v1beta/files/s3k9:download?alt=media"
    assert ended == Done(result=Result(url=uri))


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("veo_filtered", FailureReason.MODERATION_RESULT),
        ("veo_filtered_prompt", FailureReason.MODERATION_PROMPT),
        ("veo_failed", FailureReason.UPSTREAM),
        ("veo_failed_busy", FailureReason.BUSY),
    ],
)
async def test_operation_without_a_video_says_why(answering: Answering, name: str, reason: FailureReason) -> None:
    veo, _ = answering(answer(f"google/{name}"))

    ended = await veo.status(OPERATION)

    assert isinstance(ended, Refused)
    assert ended.reason is reason


async def test_done_without_anything_is_empty_and_an_unknown_name_not_visible(answering: Answering) -> None:
    veo, _ = answering(answer("google/veo_empty"), answer("google/no_model", 404))

    assert isinstance(await veo.status(OPERATION), Empty)
    assert await veo.status(OPERATION) == NotVisible()


@pytest.mark.parametrize(
    "reply", [answer("google/internal", 500), httpx.ReadTimeout("slow"), answer("google/quota", 429)]
)
async def test_status_is_asked_for_again_later(answering: Answering, reply: httpx.Response | Exception) -> None:
    veo, _ = answering(reply)

    with pytest.raises(ProviderUnavailableError):
        await veo.status(OPERATION)


async def test_name_that_is_no_operation_is_never_put_into_an_address(answering: Answering) -> None:
    veo, seen = answering(answer("google/veo_done"))

    with pytest.raises(ProviderProtocolError):
        await veo.status(TaskId("../v1beta/files"))

    assert seen.sent == []


async def test_key_goes_along_to_files_of_the_vendor_only(answering: Answering, tmp_path: Path) -> None:
    veo, _ = answering(answer("google/veo_done"))
    downloads = Downloads()

    await veo.fetch(Result(url="https://google.test/v1beta/files/a1"), tmp_path / "a.mp4", downloads)

    url, credentials = downloads.fetched[0]
    assert url == "https://google.test/v1beta/files/a1:download?alt=media"
    assert credentials == Credentials(origin="https://google.test", headers={"x-goog-api-key": KEY})
    assert KEY not in repr(credentials)


async def test_probe_asks_the_list_of_models(answering: Answering) -> None:
    veo, seen = answering(answer("google/model"), answer("google/no_model", 404), answer("google/key_refused", 400))

    assert await veo.probe(MODEL) == Sold()
    assert isinstance(await veo.probe(MODEL), NotSold)
    with pytest.raises(ProviderAuthError):
        await veo.probe(MODEL)
    assert {request.method for request in seen.sent} == {"GET"}


async def test_account_without_a_balance_is_only_asked_whether_the_key_is_good(answering: Answering) -> None:
    veo, _ = answering(answer("google/model"), answer("google/key_refused", 400))

    assert await veo.credits() is None
    with pytest.raises(ProviderAuthError):
        await veo.credits()
