"""Gateways of OpenAI's shape: what is sent, and what every documented answer and error means."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from bot.domain.ids import TaskId
from bot.domain.jobs import FailureReason, Result
from bot.errors import (
    AccountFault,
    AnswerLostError,
    ProviderAuthError,
    ProviderError,
    ProviderProtocolError,
    ProviderRejectedError,
    ProviderUnavailableError,
)
from bot.ports import Done, LocalFile, NotSold, NotVisible, Pending, Refused, Sold, Submission
from bot.providers.openai_videos import REMIXED, OpenAIVideos
from tests.providers.vendor import KEY, Downloads, Vendor, vendor

BASE = "https://gate.test/v1"
VIDEO = TaskId("video_1")
SUBMISSION = Submission(
    slug="sora-2", fields={"prompt": "a fox", "seconds": "8", "size": "1280x720"}, callback_url="https://bot.test/x"
)
PAGE = "<!DOCTYPE html><title>502</title>"


def adapter(seen: Vendor) -> OpenAIVideos:
    return OpenAIVideos(api_key=KEY, base_url=f"{BASE}/", inner=seen.inner)


def record(**values: object) -> httpx.Response:
    body = {"id": VIDEO, "object": "video", "model": "sora-2", "status": "queued", "progress": 0, **values}
    return httpx.Response(200, json=body)


def error(status: int, code: str | None, message: str, **headers: str) -> httpx.Response:
    body = {"error": {"message": message, "type": "invalid_request_error", "param": None, "code": code}}
    return httpx.Response(status, json=body, headers={name.replace("_", "-"): value for name, value in headers.items()})


async def create_error(reply: httpx.Response | Exception) -> ProviderError:
    seen = vendor(reply)
    gateway = adapter(seen)
    with pytest.raises(ProviderError) as caught:
        await gateway.create(SUBMISSION)
    await gateway.aclose()
    assert len(seen.sent) == 1, "a create call is sent once, whatever is answered"
    return caught.value


async def test_words_alone_travel_as_json_and_the_answer_names_the_video() -> None:
    seen = vendor(record())
    gateway = adapter(seen)

    assert await gateway.create(SUBMISSION) == VIDEO

    assert seen.url == f"{BASE}/videos"
    assert seen.body == {"model": "sora-2", "prompt": "a fox", "seconds": "8", "size": "1280x720"}
    assert seen.sent[0].headers["Authorization"] == f"Bearer {KEY}"
    await gateway.aclose()


async def test_a_picture_travels_beside_the_words_in_a_form(tmp_path: Path) -> None:
    picture = tmp_path / "1.png"
    picture.write_bytes(b"a picture")
    seen = vendor(record())
    gateway = adapter(seen)
    reference = await gateway.upload(picture, "image/png")

    await gateway.create(Submission(slug="m", fields={"prompt": "p", "input_reference": reference}, callback_url=None))

    request = seen.sent[0]
    assert reference == LocalFile(path=picture, content_type="image/png")
    assert request.headers["Content-Type"].startswith("multipart/form-data")
    assert b'name="input_reference"; filename="1.png"\r\nContent-Type: image/png\r\n\r\na picture' in request.content
    assert b'name="model"\r\n\r\nm\r\n' in request.content
    await gateway.aclose()


async def test_a_picture_that_went_away_is_refused_before_anything_leaves(tmp_path: Path) -> None:
    seen = vendor(record())
    gateway = adapter(seen)
    gone = LocalFile(path=tmp_path / "gone.png", content_type="image/png")

    with pytest.raises(FileNotFoundError):
        await gateway.upload(gone.path, "image/png")
    with pytest.raises(ProviderRejectedError):
        await gateway.create(Submission(slug="m", fields={"input_reference": gone}, callback_url=None))

    assert seen.sent == []
    await gateway.aclose()


async def test_a_remix_has_a_route_of_its_own_and_takes_words_only() -> None:
    seen = vendor(record(id="video_2"))
    gateway = adapter(seen)
    fields = {"prompt": "at night", REMIXED: "video_1"}

    assert await gateway.create(Submission(slug="sora-2", fields=fields, callback_url=None)) == "video_2"

    assert seen.url == f"{BASE}/videos/video_1/remix"
    assert seen.body == {"prompt": "at night"}
    await gateway.aclose()


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (error(400, "invalid_value", "Invalid value: '5'."), FailureReason.REJECTED),
        (error(400, "moderation_blocked", "Your prompt was flagged."), FailureReason.MODERATION_PROMPT),
        (error(404, "model_not_found", "The model 'x' does not exist."), FailureReason.MODEL_PAUSED),
        (httpx.Response(413, text="too large"), FailureReason.REJECTED),
    ],
)
async def test_what_is_refused_is_final(reply: httpx.Response, reason: FailureReason) -> None:
    refused = await create_error(reply)

    assert isinstance(refused, ProviderRejectedError)
    assert refused.reason is reason


@pytest.mark.parametrize(
    ("reply", "fault"),
    [
        (error(401, "invalid_api_key", f"Incorrect API key provided: {KEY}"), AccountFault.KEY),
        (error(429, "insufficient_quota", "You exceeded your current quota"), AccountFault.BALANCE),
        (error(403, "insufficient_user_quota", "not enough"), AccountFault.BALANCE),
    ],
)
async def test_trouble_with_the_account_is_told_apart(reply: httpx.Response, fault: AccountFault) -> None:
    refused = await create_error(reply)

    assert isinstance(refused, ProviderAuthError)
    assert refused.fault is fault
    assert KEY not in str(refused)


async def test_too_many_requests_come_back_when_the_gateway_says() -> None:
    slowed = await create_error(error(429, "rate_limit_exceeded", "Slow down", Retry_After="40"))

    assert isinstance(slowed, ProviderUnavailableError)
    assert slowed.retry_after == timedelta(seconds=40)


@pytest.mark.parametrize(
    "reply",
    [
        httpx.ReadTimeout("lost"),
        httpx.RemoteProtocolError("cut"),
        httpx.Response(200, text='{"id": "video_1", "obj'),  # truncated
        httpx.Response(200, json={"object": "video"}),
        httpx.Response(200, json={"id": "../../models"}),
        httpx.Response(200, json={"id": 7}),
        httpx.Response(200, text=PAGE),
        httpx.Response(502, text=PAGE),
        httpx.Response(524, text=PAGE),
        error(500, "server_error", "The server had an error"),
        error(503, None, "overloaded"),
        error(408, None, "timeout"),
    ],
)
async def test_after_these_a_video_may_exist_so_nothing_is_sent_again(reply: httpx.Response | Exception) -> None:
    assert isinstance(await create_error(reply), AnswerLostError)


@pytest.mark.parametrize("reply", [httpx.ConnectError("refused"), httpx.Response(403, text=PAGE)])
async def test_what_never_reached_the_gateway_may_be_tried_again(reply: httpx.Response | Exception) -> None:
    assert isinstance(await create_error(reply), ProviderUnavailableError)


async def told(reply: httpx.Response) -> object:
    gateway = adapter(vendor(reply))
    try:
        return await gateway.status(VIDEO)
    finally:
        await gateway.aclose()


@pytest.mark.parametrize("status", ["queued", "in_progress", "submitted", "SUBMITTED", "processing", "something new"])
async def test_a_status_that_is_no_end_is_none(status: str) -> None:
    assert await told(record(status=status, progress=40)) == Pending()


async def test_a_completed_video_is_at_its_content_route_until_it_expires() -> None:
    done = await told(record(status="completed", progress=100, expires_at=1_790_000_000))

    expires_at = datetime.fromtimestamp(1_790_000_000, UTC)
    assert done == Done(result=Result(url=f"{BASE}/videos/video_1/content", expires_at=expires_at))


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ({"code": "moderation_blocked", "message": "Blocked by our moderation system."}, FailureReason.MODERATION),
        ({"code": "moderation_blocked", "message": "We cannot make this."}, FailureReason.MODERATION),
        ({"code": "video_generation_failed", "message": "Internal error"}, FailureReason.UPSTREAM),
        ("upstream timed out", FailureReason.TIMEOUT),
        (None, FailureReason.UPSTREAM),
    ],
)
async def test_a_failed_video_says_why(fault: object, reason: FailureReason) -> None:
    refused = await told(record(status="failed", error=fault))

    assert isinstance(refused, Refused)
    assert refused.reason is reason


async def test_a_video_that_is_not_known_is_not_visible() -> None:
    assert await told(error(404, "not_found", "Video not found")) == NotVisible()


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (record(id="video_2"), ProviderProtocolError),
        (record(status=3), ProviderProtocolError),
        (httpx.Response(200, json=["a"]), ProviderProtocolError),
        (httpx.Response(404, text=PAGE), ProviderUnavailableError),
        (httpx.Response(502, text=PAGE), ProviderUnavailableError),
        (error(500, None, "oops"), ProviderUnavailableError),
        (error(429, "rate_limit_exceeded", "Slow down"), ProviderUnavailableError),
        (error(401, "invalid_api_key", "no"), ProviderAuthError),
    ],
)
async def test_answers_that_tell_nothing_about_the_video_are_no_end(
    reply: httpx.Response, kind: type[Exception]
) -> None:
    with pytest.raises(kind):
        await told(reply)


async def test_the_key_opens_the_video_at_the_gateways_own_origin_only(tmp_path: Path) -> None:
    gateway, downloads = adapter(vendor(record())), Downloads()

    await gateway.fetch(Result(url=f"{BASE}/videos/video_1/content"), tmp_path / "1.mp4", downloads)

    ((url, credentials),) = downloads.fetched
    assert url == f"{BASE}/videos/video_1/content"
    assert credentials is not None
    assert (credentials.origin, credentials.headers) == ("https://gate.test", {"Authorization": f"Bearer {KEY}"})
    assert KEY not in repr(credentials)
    await gateway.aclose()


async def test_a_free_question_tells_whether_a_model_is_there() -> None:
    seen = vendor(
        httpx.Response(200, json={"id": "sora-2", "object": "model"}),
        error(404, "model_not_found", "The model 'sora-2' does not exist"),
        httpx.Response(404, text="404 page not found"),
    )
    gateway = adapter(seen)

    assert await gateway.probe("sora-2") == Sold()
    assert isinstance(await gateway.probe("sora-2"), NotSold)
    with pytest.raises(ProviderUnavailableError):
        await gateway.probe("sora-2")
    assert seen.url == f"{BASE}/models/sora-2"
    await gateway.aclose()


async def test_a_balance_is_not_told_but_a_wrong_key_is() -> None:
    seen = vendor(httpx.Response(200, json={"data": []}), error(401, "invalid_api_key", "no"))
    gateway = adapter(seen)

    assert await gateway.credits() is None
    with pytest.raises(ProviderAuthError):
        await gateway.credits()
    await gateway.aclose()
