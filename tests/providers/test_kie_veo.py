"""Veo through Kie: every answer that its pages or its clients show, and what the bot makes of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from bot.domain.ids import TaskId
from bot.domain.jobs import FailureReason
from bot.errors import (
    AnswerLostError,
    ProviderAuthError,
    ProviderError,
    ProviderProtocolError,
    ProviderRejectedError,
    ProviderUnavailableError,
)
from bot.ports import Done, Empty, NotVisible, Pending, Refused, Submission
from bot.providers.kie_veo import KieVeo
from tests.providers.recorded import NOW
from tests.providers.replays import replaying

TASK = TaskId("veo_task_abcdef123456")
URL = "https://tempfile.aiquickdraw.com/p/42f4f8facbb040c0ade87c27cb2d5e58_1749711595.mp4"
HOOK = "https://bot.test/callbacks/kie_veo/7/secret"


def asked(slug: str = "veo3_fast", callback_url: str | None = HOOK, **fields: str | int) -> Submission:
    return Submission(slug=slug, fields={"prompt": "A city", **fields}, callback_url=callback_url)


async def test_new_video_is_asked_for_at_the_top_of_the_body() -> None:
    async with replaying(KieVeo, "created") as (veo, seen):
        task_id = await veo.create(asked(aspect_ratio="16:9", duration=8, seeds=12345))

    assert task_id == TASK
    assert str(seen.sent[0].url) == "https://api.kie.test/api/v1/veo/generate"
    assert seen.body == {
        "model": "veo3_fast",
        "prompt": "A city",
        "aspect_ratio": "16:9",
        "duration": 8,
        "seeds": 12345,
        "callBackUrl": HOOK,
    }


@pytest.mark.parametrize(("tier", "model"), [("veo3", "quality"), ("veo3_fast", "fast"), ("veo3_lite", "lite")])
async def test_extension_names_its_tier_in_other_words(tier: str, model: str) -> None:
    async with replaying(KieVeo, "extension_created") as (veo, seen):
        task_id = await veo.create(asked(f"{tier}/extend", None, taskId=TASK))

    assert task_id == "veo_extend_task_xyz789"
    assert str(seen.sent[0].url) == "https://api.kie.test/api/v1/veo/extend"
    assert seen.body == {"model": model, "prompt": "A city", "taskId": TASK}


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("ratio", FailureReason.REJECTED),
        ("record_fetch", FailureReason.IMAGE_UNREACHED),
        ("record_flagged", FailureReason.MODERATION_PROMPT),
        ("record_failed", FailureReason.UPSTREAM),
        ("record_null", FailureReason.SOURCE_GONE),
        ("record_old", FailureReason.SOURCE_GONE),
    ],
)
async def test_refused_create_call_says_why(name: str, reason: FailureReason) -> None:
    async with replaying(KieVeo, name) as (veo, _):
        with pytest.raises(ProviderRejectedError) as refused:
            await veo.create(asked())

    assert refused.value.reason is reason


async def test_create_call_that_ends_in_a_server_error_may_have_made_a_task() -> None:
    async with replaying(KieVeo, "record_timeout") as (veo, _):
        with pytest.raises(AnswerLostError):
            await veo.create(asked())


async def test_running_task_is_pending_and_asked_for_by_its_id() -> None:
    async with replaying(KieVeo, "running") as (veo, seen):
        assert await veo.status(TASK) == Pending()

    assert str(seen.sent[0].url) == f"https://api.kie.test/api/v1/veo/record-info?taskId={TASK}"


async def test_end_is_read_from_text() -> None:
    async with replaying(KieVeo, "success") as (veo, _):
        status = await veo.status(TASK)

    assert isinstance(status, Done)
    assert status.result.url == URL
    assert status.result.expires_at == datetime(2026, 8, 10, 4, 1, 40, tzinfo=UTC) + timedelta(hours=24)
    assert status.result.credits is None  # Veo's records do not tell.


@pytest.mark.parametrize(
    "name",
    ["success_as_json_text", "success_as_bare_text", "success_response_as_text", "success_top_level"],
)
async def test_links_are_found_in_every_shape(name: str) -> None:
    async with replaying(KieVeo, name) as (veo, _):
        status = await veo.status(TASK)

    assert isinstance(status, Done)
    assert status.result.url == URL


async def test_extension_gives_the_whole_video() -> None:
    async with replaying(KieVeo, "success_extension") as (veo, _):
        status = await veo.status(TaskId("veo_extend_task_xyz789"))

    assert isinstance(status, Done)
    assert status.result.url.endswith("/whole.mp4")


@pytest.mark.parametrize("name", ["success_no_urls", "success_no_response"])
async def test_success_without_a_link_is_empty_and_the_input_picture_is_no_result(name: str) -> None:
    async with replaying(KieVeo, name) as (veo, _):
        assert isinstance(await veo.status(TASK), Empty)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("fail_flagged", FailureReason.MODERATION_PROMPT),
        ("fail_unsafe", FailureReason.MODERATION),
        ("fail_minor", FailureReason.PERSON),
        ("fail_prominent", FailureReason.PERSON),
        ("fail_unsafe_image", FailureReason.MODERATION_IMAGE),
        ("fail_english", FailureReason.LANGUAGE),
        ("fail_fetch", FailureReason.IMAGE_UNREACHED),
        ("fail_audio", FailureReason.AUDIO),
        ("fail_internal", FailureReason.UPSTREAM),
        ("fail_timeout", FailureReason.TIMEOUT),
        ("fail_silent", FailureReason.UPSTREAM),
        # Instead of a record with a flag.
        ("record_flagged", FailureReason.MODERATION_PROMPT),
        ("record_fetch", FailureReason.IMAGE_UNREACHED),
    ],
)
async def test_failed_task_is_refused_with_its_reason(name: str, reason: FailureReason) -> None:
    async with replaying(KieVeo, name) as (veo, _):
        status = await veo.status(TASK)

    assert isinstance(status, Refused)
    assert status.reason is reason


async def test_a_bare_code_of_failure_is_asked_about_again_before_it_is_believed() -> None:
    async with replaying(KieVeo, "record_failed") as (veo, _):
        with pytest.raises(ProviderProtocolError):
            await veo.status(TASK)


@pytest.mark.parametrize("name", ["record_unfinished", "record_blank"])
async def test_record_without_a_result_yet_is_pending(name: str) -> None:
    async with replaying(KieVeo, name) as (veo, _):
        assert await veo.status(TASK) == Pending()


@pytest.mark.parametrize("name", ["record_null", "record_old"])
async def test_record_that_is_not_there_is_not_visible(name: str) -> None:
    async with replaying(KieVeo, name) as (veo, _):
        assert await veo.status(TASK) == NotVisible()


async def test_server_error_of_a_record_says_nothing_about_its_task() -> None:
    async with replaying(KieVeo, "record_timeout") as (veo, _):
        with pytest.raises(ProviderUnavailableError):
            await veo.status(TASK)


@pytest.mark.parametrize(
    "data", ['{"successFlag":4}', '{"successFlag":null}', "{}", '[{"successFlag":1}]', '"done"', '{"taskId":"other"}']
)
async def test_record_of_an_unheard_shape_is_not_understood(data: str) -> None:
    async with replaying(KieVeo, body=f'{{"code":200,"data":{data}}}') as (veo, _):
        with pytest.raises(ProviderProtocolError):
            await veo.status(TASK)


async def test_record_echoes_the_callback_address() -> None:
    async with replaying(KieVeo, "running") as (veo, _):
        assert await veo.callback_url(TASK) == HOOK


# Larger versions.

HD, UHD = TaskId(f"1080p:{TASK}"), TaskId(f"4k:{TASK}")


def larger(size: str) -> Submission:
    return Submission(slug="veo3_fast/upscale", fields={"taskId": TASK, "resolution": size}, callback_url=HOOK)


@pytest.mark.parametrize("name", ["hd_unready_500", "hd_unready_400", "hd", "record_blank"])
async def test_1080p_is_asked_for_by_reading_and_is_a_task_of_its_own_for_us(name: str) -> None:
    async with replaying(KieVeo, name) as (veo, seen):
        assert await veo.create(larger("1080p")) == HD

    assert seen.sent[0].method == "GET"
    assert str(seen.sent[0].url) == f"https://api.kie.test/api/v1/veo/get-1080p-video?taskId={TASK}&index=0"


@pytest.mark.parametrize("name", ["uhd_asked", "uhd_unready", "uhd_422_with_links"])
async def test_4k_is_asked_for_without_a_callback(name: str) -> None:
    async with replaying(KieVeo, name) as (veo, seen):
        assert await veo.create(larger("4k")) == UHD

    assert seen.sent[0].method == "POST"
    assert str(seen.sent[0].url) == "https://api.kie.test/api/v1/veo/get-4k-video"
    assert seen.body == {"taskId": TASK, "index": 0}


@pytest.mark.parametrize(
    ("task_id", "name", "ready"),
    [
        (HD, "hd_unready_500", False),
        (HD, "hd_unready_400", False),
        (HD, "record_blank", False),
        (HD, "hd", True),
        (UHD, "uhd_asked", False),
        (UHD, "uhd_unready", False),
        (UHD, "uhd_422_with_links", True),
    ],
)
async def test_larger_version_is_ready_when_it_has_a_link(task_id: TaskId, name: str, ready: bool) -> None:
    async with replaying(KieVeo, name) as (veo, _):
        status = await veo.status(task_id)

    assert isinstance(status, Done) is ready
    if isinstance(status, Done):
        assert status.result.expires_at == NOW + timedelta(hours=24)
    else:
        assert status == Pending()


@pytest.mark.parametrize(
    "name", ["record_null", "record_old", "record_unfinished", "record_flagged", "record_failed", "record_fetch"]
)
@pytest.mark.parametrize("size", ["1080p", "4k"])
async def test_larger_version_of_what_is_not_there_is_refused(size: str, name: str) -> None:
    async with replaying(KieVeo, name) as (veo, _):
        with pytest.raises(ProviderRejectedError):
            await veo.create(larger(size))
        assert isinstance(await veo.status(HD if size == "1080p" else UHD), Refused)


async def test_larger_version_that_is_switched_off_is_refused_as_such() -> None:
    body = '{"code":500,"msg":"This interface is temporarily paused","data":null}'
    async with replaying(KieVeo, body=body) as (veo, _):
        with pytest.raises(ProviderRejectedError) as refused:
            await veo.create(larger("1080p"))

    assert refused.value.reason is FailureReason.MODEL_PAUSED


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (200, '{"code":402,"msg":"The current credits are insufficient"}', ProviderAuthError),
        (200, '{"code":401,"msg":"You do not have access permissions"}', ProviderAuthError),
        (200, '{"code":429,"msg":"Too many requests"}', ProviderUnavailableError),
        (200, '{"code":455,"msg":"maintenance"}', ProviderUnavailableError),
        (524, "<html>A timeout occurred</html>", ProviderUnavailableError),
    ],
)
@pytest.mark.parametrize("size", ["1080p", "4k"])
async def test_trouble_with_a_larger_version_loses_nothing(
    size: str, status: int, body: str, error: type[ProviderError]
) -> None:
    async with replaying(KieVeo, body=body, status=status) as (veo, _):
        with pytest.raises(error):
            await veo.create(larger(size))
        with pytest.raises(error):
            await veo.status(HD if size == "1080p" else UHD)


async def test_larger_version_that_was_answered_oddly_is_asked_for_again_and_not_given_up() -> None:
    async with replaying(KieVeo, body='{"code":299,"msg":"?"}') as (veo, _):
        assert await veo.create(larger("4k")) == UHD
        with pytest.raises(ProviderProtocolError):
            await veo.status(UHD)
