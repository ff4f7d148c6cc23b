"""xAI's route: what is sent, and what its answers and errors mean."""

from __future__ import annotations

import base64
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from bot.domain.ids import TaskId
from bot.domain.jobs import FailureReason, Result
from bot.errors import (
    AnswerLostError,
    ProviderAuthError,
    ProviderError,
    ProviderProtocolError,
    ProviderRejectedError,
    ProviderUnavailableError,
)
from bot.ports import Done, Empty, NotSold, NotVisible, Pending, Refused, Sold, Submission
from bot.providers.xai_videos import XAIVideos
from tests.providers.vendor import KEY, Vendor, vendor

BASE = "https://x.test/v1"
REQUEST = TaskId("0b2f9c5e-1")
FIELDS = {"prompt": "a fox", "duration": 6, "aspect_ratio": "16:9", "resolution": "480p"}
SUBMISSION = Submission(slug="grok-imagine-video", fields=FIELDS, callback_url=None)
PAGE = "<html>bad gateway</html>"


def adapter(seen: Vendor) -> XAIVideos:
    return XAIVideos(api_key=KEY, base_url=BASE, inner=seen.inner)


def error(status: int, text: str, **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.Response(status, json={"code": "some code", "error": text}, headers=named)


async def test_a_request_is_made_and_named() -> None:
    seen = vendor(httpx.Response(200, json={"request_id": REQUEST}))
    grok = adapter(seen)

    assert await grok.create(SUBMISSION) == REQUEST

    assert seen.url == f"{BASE}/videos/generations"
    assert seen.body == {"model": "grok-imagine-video", **FIELDS}
    await grok.aclose()


async def test_a_picture_is_sent_as_an_address_that_holds_all_of_it(tmp_path: Path) -> None:
    picture = tmp_path / "1.jpg"
    picture.write_bytes(b"a picture")
    seen = vendor(httpx.Response(200, json={"request_id": REQUEST}))
    grok = adapter(seen)
    reference = await grok.upload(picture, "image/jpeg")

    await grok.create(Submission(slug="m", fields={"prompt": "p", "image": reference}, callback_url=None))

    assert seen.body["image"] == {"url": "data:image/jpeg;base64," + base64.b64encode(b"a picture").decode()}
    await grok.aclose()


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (error(400, "Generated image rejected by content moderation."), ProviderRejectedError),
        (error(422, "duration must be at most 15"), ProviderRejectedError),
        (error(404, "The model x does not exist"), ProviderRejectedError),
        (error(401, "Incorrect API key"), ProviderAuthError),
        (error(403, "no access"), ProviderAuthError),
        (error(402, "no credits"), ProviderAuthError),
        (error(429, "too many requests"), ProviderUnavailableError),
        (httpx.ConnectError("refused"), ProviderUnavailableError),
        (httpx.Response(403, text=PAGE), ProviderUnavailableError),
        (httpx.ReadTimeout("lost"), AnswerLostError),
        (httpx.Response(502, text=PAGE), AnswerLostError),
        (error(500, "internal"), AnswerLostError),
        (httpx.Response(200, text='{"request_i'), AnswerLostError),
        (httpx.Response(200, json={"request_id": "a/b"}), AnswerLostError),
        (httpx.Response(200, json={"id": "x"}), AnswerLostError),
    ],
)
async def test_each_trouble_of_a_create_call_is_what_it_is(
    reply: httpx.Response | Exception, kind: type[ProviderError]
) -> None:
    seen = vendor(reply)
    grok = adapter(seen)

    with pytest.raises(kind):
        await grok.create(SUBMISSION)

    assert len(seen.sent) == 1
    await grok.aclose()


async def told(reply: httpx.Response) -> object:
    grok = adapter(vendor(reply))
    try:
        return await grok.status(REQUEST)
    finally:
        await grok.aclose()


@pytest.mark.parametrize("status", ["processing", "pending", "queued", "something new"])
@pytest.mark.parametrize("code", [200, 202])
async def test_what_is_not_done_goes_on(status: str, code: int) -> None:
    assert await told(httpx.Response(code, json={"status": status})) == Pending()


@pytest.mark.parametrize("record", [{"video": {"url": "https://v.test/1.mp4"}}, {"url": "https://v.test/1.mp4"}])
async def test_a_finished_video_has_an_address(record: dict[str, object]) -> None:
    done = await told(httpx.Response(200, json={"status": "done", **record}))

    assert done == Done(result=Result(url="https://v.test/1.mp4"))


async def test_done_without_a_video_is_not_believed_at_once() -> None:
    assert isinstance(await told(httpx.Response(200, json={"status": "done", "video": {"url": "file:///x"}})), Empty)


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ({"status": "failed", "error": "The prompt violates our policy"}, FailureReason.MODERATION_PROMPT),
        ({"status": "failed", "error": {"code": "x", "message": "internal error"}}, FailureReason.UPSTREAM),
        ({"status": "failed"}, FailureReason.UPSTREAM),
        ({"status": "done", "video": {"respect_moderation": False}}, FailureReason.MODERATION_RESULT),
    ],
)
async def test_a_failed_request_says_why(record: dict[str, object], reason: FailureReason) -> None:
    refused = await told(httpx.Response(200, json=record))

    assert isinstance(refused, Refused)
    assert refused.reason is reason


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (httpx.Response(200, json={"state": "done"}), ProviderProtocolError),
        (httpx.Response(200, json=[]), ProviderProtocolError),
        (httpx.Response(404, text=PAGE), ProviderUnavailableError),
        (error(500, "oops"), ProviderUnavailableError),
        (error(401, "no"), ProviderAuthError),
    ],
)
async def test_answers_that_tell_nothing_about_the_request_are_no_end(
    reply: httpx.Response, kind: type[Exception]
) -> None:
    with pytest.raises(kind):
        await told(reply)


async def test_a_request_that_is_not_known_is_not_visible() -> None:
    assert await told(error(404, "no such request")) == NotVisible()


async def test_models_and_key_are_asked_about_for_nothing() -> None:
    seen = vendor(
        httpx.Response(200, json={"id": "grok-imagine-video"}),
        error(404, "does not exist"),
        httpx.Response(200, json={"data": []}),
        error(429, "slow down", Retry_After="30"),
    )
    grok = adapter(seen)

    assert await grok.probe("grok-imagine-video") == Sold()
    assert isinstance(await grok.probe("grok-imagine-video"), NotSold)
    assert await grok.credits() is None
    with pytest.raises(ProviderUnavailableError) as slowed:
        await grok.credits()
    assert slowed.value.retry_after == timedelta(seconds=30)
    await grok.aclose()
