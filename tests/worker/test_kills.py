"""For every state: the process is killed there, and the next start goes on, with one task, one post and one charge."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.domain.ids import TaskId
from bot.domain.jobs import TOKEN_LIFE, FailureReason, Job, JobState, Move
from bot.errors import AnswerLostError
from bot.services.lifecycle import Lifecycle
from bot.store import claims, moves
from bot.store.database import Connection
from bot.worker.loop import MAX_CLAIMS
from tests.fakes import FINISHED, MADE, PENDING, Gate, SilentCards
from tests.samples import ANNA, PICTURE
from tests.worker.rig import Rig


async def assert_delivered_once(rig: Rig, job: Job) -> None:
    assert await rig.state(job) is JobState.DELIVERED
    assert await rig.kinds(job) == ["charge", "settle"]
    assert len(rig.publisher.posts) == 1
    assert len(rig.provider.tasks) <= 1
    assert await rig.differences() == []


async def test_a_queued_job_is_submitted_by_the_next_start(rig: Rig) -> None:
    job = await rig.accept()
    rig.build()

    async with rig.running():
        await rig.pass_time(minutes=2)

    await assert_delivered_once(rig, job)


async def test_a_job_whose_process_died_before_its_member_was_answered_is_submitted_by_the_next_start(rig: Rig) -> None:
    job = await rig.accept(is_answered=False)
    rig.start()
    await rig.go()
    assert rig.provider.created_at == []
    await rig.kill()

    rig.start_again()
    await rig.pass_time(minutes=2)
    await rig.stop()

    await assert_delivered_once(rig, job)


async def test_a_job_whose_process_died_while_its_picture_was_uploaded_is_submitted_once(rig: Rig) -> None:
    upload = Gate()
    rig.provider.uploads.then(upload, "https://uploads.test/2.png")
    job = await rig.accept(picture=PICTURE)
    rig.start()
    await rig.go_until(upload.reached)
    await rig.kill()

    rig.start_again()
    await rig.pass_time(minutes=2)
    await rig.stop()

    await assert_delivered_once(rig, job)
    assert len(rig.provider.uploaded) == 2
    assert len(rig.provider.created_at) == 1


async def test_a_job_whose_process_died_during_the_create_call_is_not_sent_again(rig: Rig) -> None:
    create = Gate()
    rig.provider.creates.then(create, MADE)
    job = await rig.accept()
    rig.start()
    await rig.go_until(create.reached)
    await rig.kill()

    rig.start_again()
    await rig.go()
    found = await rig.find(job)
    await rig.skip(await rig.wait_of(job))
    await rig.stop()

    assert found.state is JobState.UNKNOWN
    assert len(rig.provider.created_at) == 1
    assert (await rig.find(job)).failure is FailureReason.NO_ANSWER
    assert await rig.kinds(job) == ["charge", "refund"]
    assert len(await rig.told()) == 1


async def test_a_callback_saves_the_job_whose_process_died_during_the_create_call(rig: Rig) -> None:
    create = Gate()
    rig.provider.creates.then(create)
    job = await rig.accept()
    rig.start()
    await rig.go_until(create.reached)
    await rig.kill()
    assert await rig.callbacks.hint(job.id, job.callback_secret, "task-7")

    rig.start_again()
    await rig.pass_time(minutes=2)
    await rig.stop()

    await assert_delivered_once(rig, job)
    assert rig.provider.asked[0] == "task-7"


async def test_an_unknown_job_waits_for_its_callback_across_a_restart(rig: Rig) -> None:
    rig.provider.creates.then(AnswerLostError("reset"))
    job = await rig.accept()
    rig.start()
    await rig.go()
    await rig.kill()

    rig.start_again()
    await rig.pass_time(minutes=5)
    still = await rig.state(job)
    assert await rig.callbacks.hint(job.id, job.callback_secret, "task-7")
    await rig.pass_time(minutes=1)
    await rig.stop()

    assert still is JobState.UNKNOWN
    await assert_delivered_once(rig, job)


async def test_a_running_job_is_asked_about_by_the_next_start(rig: Rig) -> None:
    question = Gate()
    rig.provider.statuses.then(question, PENDING, FINISHED)
    job = await rig.accept()
    rig.start()
    await rig.go()
    rig.clock.advance(minutes=1)
    await rig.go_until(question.reached)
    await rig.kill()

    rig.start_again()
    await rig.pass_time(minutes=2)
    await rig.stop()

    await assert_delivered_once(rig, job)
    assert len(rig.provider.created_at) == 1


async def test_a_video_whose_process_died_during_its_transfer_is_fetched_again(rig: Rig) -> None:
    transfer = Gate()
    rig.downloads.answers.then(transfer, 8_000_000)
    job = await rig.accept()
    rig.start()
    await rig.go()
    rig.clock.advance(minutes=1)
    await rig.go_until(transfer.reached)
    await rig.kill()

    rig.start_again()
    await rig.pass_time(minutes=1)
    await rig.stop()

    await assert_delivered_once(rig, job)
    assert len(rig.downloads.fetched) == 2


@pytest.mark.parametrize("got_through", [True, False], ids=["got through", "did not get through"])
async def test_a_post_whose_process_died_is_looked_for_before_it_is_repeated(rig: Rig, got_through: bool) -> None:
    post = Gate()
    rig.publisher.videos.then(post, None)
    job = await rig.accept()
    rig.start()
    await rig.go()
    rig.clock.advance(minutes=1)
    await rig.go_until(post.reached)
    await rig.kill()
    if got_through:
        rig.publisher.appear(job)

    rig.start_again()
    await rig.pass_time(minutes=1)
    await rig.stop()

    await assert_delivered_once(rig, job)
    sent = [what for what, _ in rig.publisher.sent]
    assert sent == (["video", "look"] if got_through else ["video", "look", "video"])


async def test_a_failure_that_was_not_announced_is_announced_by_the_next_start(rig: Rig) -> None:
    announcement = Gate()
    rig.publisher.failures.then(announcement, None)
    job = await rig.accept()
    running = await rig.put(job, JobState.RUNNING, task_id="task-1")
    await rig.lifecycle.apply(running, Move(to=JobState.FAILED, failure=FailureReason.MODERATION))
    rig.start()
    await rig.go_until(announcement.reached)
    await rig.kill()

    rig.start_again()
    await rig.go()
    await rig.stop()

    assert rig.publisher.attempts("failure") == 2
    assert await rig.kinds(job) == ["charge", "refund"]
    assert (await rig.find(job)).due_at is None


@pytest.mark.parametrize("state", [JobState.DELIVERED, JobState.PARKED, JobState.CANCELLED, JobState.FAILED])
async def test_a_job_that_has_ended_is_left_alone_by_every_start(rig: Rig, state: JobState) -> None:
    job = await rig.accept()
    before = await rig.put(job, state, message_id=1, due_at=None)

    async with rig.running():
        await rig.pass_time(minutes=5)

    assert await rig.find(job) == before
    assert rig.publisher.sent == []
    assert rig.provider.created_at == []


@pytest.mark.parametrize(
    ("state", "end", "failure"),
    [
        (JobState.QUEUED, JobState.FAILED, FailureReason.BROKEN),
        (JobState.SUBMITTING, JobState.UNKNOWN, None),
        (JobState.UNKNOWN, JobState.FAILED, FailureReason.BROKEN),
        (JobState.RUNNING, JobState.FAILED, FailureReason.BROKEN),
        (JobState.FETCHING, JobState.FAILED, FailureReason.BROKEN),
        (JobState.DELIVERING, JobState.PARKED, None),
        (JobState.FAILED, JobState.FAILED, None),
    ],
)
async def test_a_job_that_took_the_process_down_three_times_is_put_aside(
    rig: Rig, state: JobState, end: JobState, failure: FailureReason | None
) -> None:
    job = await rig.accept()
    await rig.put(job, state, task_id="task-1", result_url="https://files.test/1.mp4", claims=MAX_CLAIMS)

    async with rig.running():
        await rig.go()

    found = await rig.find(job)
    assert (found.state, found.failure) == (end, failure)
    assert [f"Job {job.id} " in told for told in await rig.told()] == [True], "the host is told"
    assert rig.provider.created_at == []
    assert rig.provider.asked == []
    assert rig.downloads.fetched == []


async def test_the_third_crash_in_a_row_is_the_last(rig: Rig) -> None:
    crash = Gate()
    rig.provider.uploads.then(crash)
    job = await rig.accept(picture=PICTURE)

    for _ in range(MAX_CLAIMS):
        crash.reached.clear()
        rig.start()
        await rig.go_until(crash.reached)
        await rig.kill()
        rig.build()
    async with rig.running():
        await rig.go()

    assert len(rig.provider.uploaded) == MAX_CLAIMS
    assert (await rig.find(job)).failure is FailureReason.BROKEN
    assert await rig.kinds(job) == ["charge", "refund"]


async def test_a_step_that_comes_back_clears_the_count_of_crashes(rig: Rig) -> None:
    job = await rig.accept()
    await rig.put(job, JobState.RUNNING, task_id="task-1", claims=MAX_CLAIMS - 1)
    rig.provider.statuses.then(PENDING)

    async with rig.running():
        await rig.pass_time(minutes=2)

    assert await rig.state(job) is JobState.RUNNING


async def test_a_step_of_a_process_that_was_thought_dead_writes_nothing(rig: Rig) -> None:
    create = Gate(TaskId("task-1"))
    rig.provider.creates.then(create)
    job = await rig.accept()

    async with rig.running():
        await rig.go_until(create.reached)

        def another_process_took_it(connection: Connection) -> None:
            claims.release_leases(connection, rig.clock.now())
            (claimed,) = claims.claim(connection, [JobState.SUBMITTING], 1, timedelta(minutes=5), rig.clock.now())
            moves.move(connection, claimed.job, Move(to=JobState.UNKNOWN, after=timedelta(hours=1)), rig.clock.now())

        await rig.database.write(another_process_took_it)
        create.opened.set()
        await rig.go()

    found = await rig.find(job)
    assert (found.state, found.task_id) == (JobState.UNKNOWN, None)


async def test_a_start_lets_the_cards_of_jobs_on_their_way_or_just_ended_catch_up(rig: Rig) -> None:
    long_ended, ended, waiting = await rig.accept(), await rig.accept(), await rig.accept()
    await rig.jobs.cancel(long_ended.place.guild_id, ANNA, long_ended.id)
    rig.clock.advance(TOKEN_LIFE + timedelta(seconds=1))
    await rig.jobs.cancel(ended.place.guild_id, ANNA, ended.id)
    # What an earlier process has shown went away with it.
    rig.cards = SilentCards()
    rig.build()

    async with rig.running():
        await rig.go()

    assert rig.cards.shown[waiting.id][0] == JobState.QUEUED
    assert rig.cards.shown[ended.id] == [JobState.CANCELLED]
    assert long_ended.id not in rig.cards.shown


async def test_a_move_tells_everybody_who_listens_what_the_job_is_now(rig: Rig) -> None:
    job = await rig.accept()
    lifecycle = Lifecycle(rig.database, rig.clock, rig.markup)
    heard: list[JobState] = []
    lifecycle.listen(lambda moved: heard.append(moved.state))

    await lifecycle.apply(job, Move(to=JobState.SUBMITTING))

    assert heard == [JobState.SUBMITTING]
