"""Runway and Aleph through Kie: every answer that their pages or recordings show, and what the bot makes of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from bot.domain.ids import TaskId
from bot.domain.jobs import FailureReason
from bot.errors import ProviderProtocolError, ProviderRejectedError, ProviderUnavailableError
from bot.ports import Done, Empty, NotVisible, Pending, Refused, Submission
from bot.providers.kie_aleph import KieAleph
from bot.providers.kie_runway import KieRunway
from tests.providers.recorded import NOW
from tests.providers.replays import replaying

RUNWAY = TaskId("ee603959-debb-48d1-98c4-a6d1c717eba6")
ALEPH = TaskId("7ee1c3f60b4a4d4fb4a5a5c6a30a6c1e")
HOOK = "https://bot.test/callbacks/kie_runway/7/secret"


@pytest.mark.parametrize(("slug", "path"), [("runway", "generate"), ("runway/extend", "extend")])
async def test_runway_video_is_asked_for_without_a_model(slug: str, path: str) -> None:
    async with replaying(KieRunway, "created") as (runway, seen):
        fields = {"prompt": "A cat", "duration": 5, "quality": "720p"}
        task_id = await runway.create(Submission(slug=slug, fields=fields, callback_url=HOOK))

    assert task_id == RUNWAY
    assert str(seen.sent[0].url) == f"https://api.kie.test/api/v1/runway/{path}"
    assert seen.body == {**fields, "callBackUrl": HOOK}


@pytest.mark.parametrize("name", ["wait", "queueing", "generating"])
async def test_runway_states_before_the_end_are_pending(name: str) -> None:
    async with replaying(KieRunway, name) as (runway, seen):
        assert await runway.status(RUNWAY) == Pending()

    assert str(seen.sent[0].url) == f"https://api.kie.test/api/v1/runway/record-detail?taskId={RUNWAY}"


async def test_finished_runway_video_is_found_in_its_place() -> None:
    async with replaying(KieRunway, "success") as (runway, _):
        status = await runway.status(RUNWAY)

    assert isinstance(status, Done)
    assert status.result.url == "https://file.com/k/xxxxxxx.mp4"
    assert status.result.expires_at == NOW + timedelta(hours=24)
    assert status.result.credits is None


async def test_runway_success_without_a_video_is_empty_and_the_input_picture_is_no_result() -> None:
    async with replaying(KieRunway, "success_no_video") as (runway, _):
        assert isinstance(await runway.status(RUNWAY), Empty)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("success_expired", FailureReason.NO_RESULT),
        ("fail_moderator", FailureReason.MODERATION_PROMPT),
        ("fail_nsfw", FailureReason.MODERATION_PROMPT),
        ("fail_inappropriate", FailureReason.MODERATION_IMAGE),
        ("fail_format", FailureReason.IMAGE),
        ("fail_sides", FailureReason.IMAGE),
        ("fail_concurrent", FailureReason.BUSY),
        ("fail_long", FailureReason.REJECTED),
        ("fail_later", FailureReason.BUSY),
        ("fail_generation", FailureReason.UPSTREAM),
    ],
)
async def test_runway_task_that_ended_without_a_video_is_refused(name: str, reason: FailureReason) -> None:
    async with replaying(KieRunway, name) as (runway, _):
        status = await runway.status(RUNWAY)

    assert isinstance(status, Refused)
    assert status.reason is reason


async def test_runway_task_that_nobody_knows_is_not_visible() -> None:
    async with replaying(KieRunway, "record_null") as (runway, _):
        assert await runway.status(RUNWAY) == NotVisible()


async def test_runway_that_cannot_fetch_the_picture_says_so() -> None:
    async with replaying(KieRunway, "fetch_refused") as (runway, _):
        with pytest.raises(ProviderRejectedError) as refused:
            await runway.create(Submission(slug="runway", fields={}, callback_url=None))

    assert refused.value.reason is FailureReason.IMAGE_UNREACHED


async def test_runway_record_of_an_unheard_shape_is_not_understood() -> None:
    async with replaying(KieRunway, body='{"code":200,"data":{"status":"done"}}') as (runway, _):
        with pytest.raises(ProviderProtocolError):
            await runway.status(RUNWAY)


async def test_runway_record_does_not_tell_the_callback_address() -> None:
    async with replaying(KieRunway, "wait") as (runway, _):
        assert await runway.callback_url(RUNWAY) is None


async def test_aleph_is_asked_for_a_new_version_of_a_video() -> None:
    async with replaying(KieAleph, "created") as (aleph, seen):
        fields = {"prompt": "As a drawing", "videoUrl": "https://tempfile.redpandaai.co/in.mp4"}
        assert await aleph.create(Submission(slug="aleph", fields=fields, callback_url=None)) == ALEPH

    assert str(seen.sent[0].url) == "https://api.kie.test/api/v1/aleph/generate"
    assert seen.body == fields


async def test_running_aleph_task_is_pending() -> None:
    async with replaying(KieAleph, "running") as (aleph, seen):
        assert await aleph.status(ALEPH) == Pending()
        assert await aleph.callback_url(ALEPH) == "https://bot.test/callbacks/kie_aleph/7/secret"

    assert str(seen.sent[0].url) == f"https://api.kie.test/api/v1/aleph/record-info?taskId={ALEPH}"


async def test_finished_aleph_video_is_found_in_its_place() -> None:
    async with replaying(KieAleph, "success") as (aleph, _):
        status = await aleph.status(ALEPH)

    assert isinstance(status, Done)
    assert status.result.url == "https://file.com/k/aleph.mp4"
    assert status.result.expires_at == datetime.fromtimestamp(1786334433, UTC) + timedelta(hours=24)


async def test_aleph_success_without_a_video_is_empty_and_the_input_video_is_no_result() -> None:
    async with replaying(KieAleph, "success_no_video") as (aleph, _):
        assert isinstance(await aleph.status(ALEPH), Empty)


@pytest.mark.parametrize(
    ("name", "reason"),
    [("fail_internal", FailureReason.UPSTREAM), ("fail_inappropriate", FailureReason.MODERATION)],
)
async def test_failed_aleph_task_is_refused(name: str, reason: FailureReason) -> None:
    async with replaying(KieAleph, name) as (aleph, _):
        status = await aleph.status(ALEPH)

    assert isinstance(status, Refused)
    assert status.reason is reason


async def test_aleph_task_that_nobody_knows_is_a_success_without_a_record() -> None:
    async with replaying(KieAleph, "unknown") as (aleph, _):
        assert await aleph.status(ALEPH) == NotVisible()
        with pytest.raises(ProviderUnavailableError):
            await aleph.callback_url(ALEPH)


@pytest.mark.parametrize("flag", [4, -1, "none", True])
async def test_aleph_flag_that_nobody_has_heard_of_is_not_understood(flag: object) -> None:
    body = f'{{"code":200,"data":{{"successFlag":{str(flag).lower() if flag is True else repr(flag)}}}}}'
    async with replaying(KieAleph, body=body.replace("'", '"')) as (aleph, _):
        with pytest.raises(ProviderProtocolError):
            await aleph.status(ALEPH)
