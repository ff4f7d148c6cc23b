"""A callback may name the task of a lost create answer, but only the task that was made for this very job."""

from __future__ import annotations

from datetime import timedelta

from bot.domain.ids import TaskId
from bot.domain.jobs import Job, JobState
from bot.errors import AnswerLostError
from bot.ports import Submission
from tests.fakes import MADE, OVERLOADED
from tests.worker.rig import Rig

FOREIGN = "https://bot.test/callbacks/kie/99/somebody-elses-secret"


async def unknown(rig: Rig) -> Job:
    """A job whose create call was never answered."""
    rig.provider.creates.then(AnswerLostError("timeout"), MADE)
    job = await rig.accept()
    await rig.go()
    assert await rig.state(job) is JobState.UNKNOWN
    return job


def made(rig: Rig, task_id: str, callback_url: str) -> None:
    """A task of our account at the provider."""
    rig.provider.tasks[TaskId(task_id)] = Submission(slug="maker/text", fields={}, callback_url=callback_url)


async def test_a_task_that_was_made_for_another_job_is_not_taken_for_this_one(rig: Rig) -> None:
    made(rig, "somebody-elses", FOREIGN)

    async with rig.running():
        job = await unknown(rig)
        assert await rig.callbacks.hint(job.id, job.callback_secret, "somebody-elses")
        await rig.go()

        assert await rig.state(job) is JobState.UNKNOWN
        assert rig.provider.asked == []


async def test_the_right_task_still_counts_after_a_wrong_one(rig: Rig) -> None:
    async with rig.running():
        job = await unknown(rig)
        made(rig, "somebody-elses", FOREIGN)
        made(rig, "ours", f"https://moved.test/callbacks/kie/{job.id}/{job.callback_secret}")
        assert await rig.callbacks.hint(job.id, job.callback_secret, "somebody-elses")
        await rig.go()
        assert await rig.callbacks.hint(job.id, job.callback_secret, "ours")
        await rig.go()

        found = await rig.find(job)
        assert (found.state, found.task_id) == (JobState.DELIVERED, TaskId("ours"))


async def test_whose_task_it_is_is_asked_again_while_the_provider_does_not_say(rig: Rig) -> None:
    rig.provider.addresses.then(OVERLOADED, OVERLOADED, None)

    async with rig.running():
        job = await unknown(rig)
        assert await rig.callbacks.hint(job.id, job.callback_secret, "task-9")
        await rig.go()
        assert await rig.state(job) is JobState.UNKNOWN
        await rig.pass_time(minutes=1)

        assert await rig.state(job) is JobState.DELIVERED


async def test_a_named_task_is_not_given_up_because_the_provider_is_down(rig: Rig) -> None:
    rig.provider.addresses.then(OVERLOADED)

    async with rig.running():
        job = await unknown(rig)
        assert await rig.callbacks.hint(job.id, job.callback_secret, "task-9")
        await rig.pass_time(timedelta(hours=2))

        assert (await rig.find(job)).task_id == "task-9"
        assert await rig.state(job) is JobState.DELIVERED


async def test_a_late_callback_with_a_foreign_task_brings_no_video(rig: Rig) -> None:
    async with rig.running():
        job = await unknown(rig)
        await rig.pass_time(timedelta(hours=2))
        assert await rig.state(job) is JobState.FAILED
        made(rig, "somebody-elses", FOREIGN)
        assert await rig.callbacks.hint(job.id, job.callback_secret, "somebody-elses")
        await rig.go()

        assert await rig.state(job) is JobState.FAILED
        assert rig.publisher.attempts("video") == 0
