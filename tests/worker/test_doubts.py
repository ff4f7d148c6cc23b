"""A job from a restored backup that is about to be given up: has its video been posted in the time that is lost?"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.domain.jobs import FailureReason, Job, JobState
from bot.errors import HistoryClosedError, ProviderRejectedError
from bot.ports import Refused
from bot.services.job_desk import JobDesk
from bot.services.troubles import doubt_of
from bot.worker.delivery import ACCESS_WAIT, MAX_DEAD_LINKS
from bot.worker.doubts import LOOK_AGAIN, PATIENCE
from bot.worker.loop import MAX_BUGS, MAX_CLAIMS
from tests.fakes import FINISHED
from tests.services.desk import staff
from tests.worker.rig import Rig

CLOSED = HistoryClosedError("Missing Access")
LONG_AGO = timedelta(days=2)
STATES = (JobState.UNKNOWN, JobState.RUNNING, JobState.FETCHING)


async def restored(rig: Rig, state: JobState, **values: object) -> Job:
    """A job of which the provider has nothing any more."""
    job = await rig.accept()
    rig.provider.statuses.then(Refused(reason=FailureReason.UPSTREAM, detail="record gone"))
    rig.downloads.answers.then(ProviderRejectedError(FailureReason.NO_RESULT, "404"))
    at = rig.clock.now() - LONG_AGO
    fields = {
        "task_id": None if state is JobState.UNKNOWN else "task-1",
        "result_url": "https://files.test/old.mp4" if state is JobState.FETCHING else None,
        "posting_at": at,
        "submitted_at": at,
        "attempts": MAX_DEAD_LINKS - 1,
        **values,
    }
    return await rig.put(job, state, **fields)


@pytest.mark.parametrize("state", STATES)
async def test_a_job_whose_channel_nobody_can_read_waits_and_the_host_is_told_once(rig: Rig, state: JobState) -> None:
    rig.publisher.finds.then(CLOSED)
    job = await restored(rig, state)

    async with rig.running():
        await rig.pass_time(days=2)

    assert await rig.state(job) is state
    assert await rig.kinds(job) == ["charge"]
    (told,) = rig.publisher.told
    assert f"/moderate job {job.id}" in told


@pytest.mark.parametrize("is_there", [True, False])
async def test_a_channel_that_can_be_read_again_decides(rig: Rig, is_there: bool) -> None:
    rig.publisher.finds.then(CLOSED)
    job = await restored(rig, JobState.RUNNING)
    if is_there:
        rig.publisher.appear(job)

    async with rig.running():
        await rig.go()
        rig.publisher.finds.then(None)
        await rig.pass_time(LOOK_AGAIN)

    assert await rig.state(job) is (JobState.DELIVERED if is_there else JobState.FAILED)
    assert await rig.kinds(job) == ["charge", "settle" if is_there else "refund"]
    assert len(rig.publisher.told) == 2
    assert await rig.needs.troubles.present() == []


async def test_a_doubt_that_nobody_ends_is_refunded_after_a_week(rig: Rig) -> None:
    rig.publisher.finds.then(CLOSED)
    job = await restored(rig, JobState.FETCHING)

    async with rig.running():
        await rig.pass_time(PATIENCE - LOOK_AGAIN)
        waiting = await rig.state(job)
        await rig.pass_time(2 * LOOK_AGAIN)

    assert waiting is JobState.FETCHING
    assert await rig.kinds(job) == ["charge", "refund"]
    assert await rig.needs.troubles.present() == []
    assert await rig.differences() == []


@pytest.mark.parametrize("state", STATES)
async def test_staff_ends_a_doubt_with_cancel(rig: Rig, state: JobState) -> None:
    rig.publisher.finds.then(CLOSED)
    job = await restored(rig, state)
    desk = JobDesk(rig.database, rig.clock, rig.lifecycle)

    async with rig.running():
        await rig.go()
        assert (await desk.open(staff(), job.id)).can_cancel
        await desk.cancel(staff(), job.id)
        assert not (await desk.open(staff(), job.id)).can_cancel
        await rig.go()

    assert (await rig.find(job)).failure is FailureReason.NO_RESULT
    assert await rig.kinds(job) == ["charge", "refund"]
    assert ("failure", job.id) in rig.publisher.sent
    assert await rig.needs.troubles.present() == []
    assert await rig.differences() == []


async def test_a_doubt_is_over_when_the_provider_has_the_video_after_all(rig: Rig) -> None:
    rig.publisher.finds.then(CLOSED)
    job = await restored(rig, JobState.RUNNING)

    async with rig.running():
        await rig.go()
        rig.provider.statuses.then(FINISHED)
        rig.downloads.answers.then(8_000_000)
        await rig.pass_time(LOOK_AGAIN + ACCESS_WAIT)

    assert await rig.state(job) is JobState.PARKED
    assert await rig.kinds(job) == ["charge", "settle"]
    assert await rig.needs.troubles.find(doubt_of(job.id)) is None


async def test_what_the_provider_itself_says_it_refused_was_never_posted(rig: Rig) -> None:
    rig.publisher.finds.then(CLOSED)
    job = await restored(rig, JobState.RUNNING)
    rig.provider.statuses.then(Refused(reason=FailureReason.MODERATION, detail="no"))

    async with rig.running():
        await rig.go()

    assert await rig.kinds(job) == ["charge", "refund"]
    assert rig.publisher.told == []


@pytest.mark.parametrize("state", STATES)
async def test_a_video_that_went_to_its_member_in_the_lost_time_is_found_there(rig: Rig, state: JobState) -> None:
    job = await restored(rig, state)
    rig.publisher.appear(replace(job, is_direct=True))

    async with rig.running():
        await rig.go()

    found = await rig.find(job)
    assert found.state is JobState.DELIVERED
    assert found.message_channel_id != job.place.channel_id
    assert await rig.kinds(job) == ["charge", "settle"]


# Put aside


@pytest.mark.parametrize("state", STATES)
async def test_a_job_that_is_put_aside_is_not_refunded_when_its_video_is_there(rig: Rig, state: JobState) -> None:
    job = await restored(rig, state, claims=MAX_CLAIMS)
    rig.publisher.appear(job)

    async with rig.running():
        await rig.go()

    assert await rig.state(job) is JobState.DELIVERED
    assert await rig.kinds(job) == ["charge", "settle"]


async def test_a_job_that_is_put_aside_in_doubt_does_not_run_its_step_again_before_it_is_decided(rig: Rig) -> None:
    rig.publisher.finds.then(CLOSED)
    job = await restored(rig, JobState.RUNNING, claims=MAX_CLAIMS)

    async with rig.running():
        await rig.pass_time(PATIENCE - LOOK_AGAIN)
        asked = list(rig.provider.asked)
        await rig.pass_time(2 * LOOK_AGAIN)

    assert asked == []
    assert await rig.kinds(job) == ["charge", "refund"]


async def test_a_look_that_takes_the_process_down_itself_is_not_repeated(rig: Rig) -> None:
    rig.publisher.finds.then(AssertionError("the process would have died here"))
    job = await restored(rig, JobState.RUNNING, claims=MAX_CLAIMS + 1)

    async with rig.running():
        await rig.go()

    assert rig.publisher.attempts("look") == 0
    assert (await rig.find(job)).failure is FailureReason.BROKEN


async def test_a_look_with_a_bug_does_not_keep_a_job_for_ever(rig: Rig) -> None:
    rig.publisher.finds.then(AssertionError("a fault of ours"))
    job = await restored(rig, JobState.RUNNING)

    async with rig.running():
        await rig.pass_time(minutes=5)

    assert rig.publisher.attempts("look") == MAX_BUGS + 1
    assert (await rig.find(job)).failure is FailureReason.BROKEN
