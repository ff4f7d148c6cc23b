"""What becomes of a running job, by what the provider answers to the question after its task."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.domain.ids import TaskId
from bot.domain.jobs import FailureReason, Job, JobState
from bot.domain.models import Catalogue
from bot.errors import (
    AnswerLostError,
    ProviderAuthError,
    ProviderProtocolError,
    ProviderRejectedError,
    ProviderUnavailableError,
)
from bot.ports import Empty, NotVisible, Refused
from bot.worker import schedule
from bot.worker.making import VISIBLE_AFTER
from bot.worker.needs import MAX_ODD_ANSWERS
from tests.fakes import FINISHED, KIE, OVERLOADED, PENDING, Gate
from tests.samples import MAKER
from tests.worker.rig import Rig

HARMLESS = [
    PENDING,
    NotVisible(),
    Empty(detail="success without a video"),
    OVERLOADED,
    AnswerLostError("reset"),
    ProviderAuthError("the key is wrong"),
    ProviderProtocolError("<html>"),
    ProviderRejectedError(FailureReason.REJECTED, "odd question"),
]


async def running_job(rig: Rig, **values: object) -> Job:
    job = await rig.accept()
    fields: dict[str, object] = {"task_id": "task-1", "submitted_at": rig.clock.now(), **values}
    return await rig.put(job, JobState.RUNNING, **fields)


@pytest.mark.parametrize("answer", HARMLESS, ids=lambda answer: type(answer).__name__)
async def test_no_single_answer_that_may_heal_fails_a_running_job(rig: Rig, answer: object) -> None:
    rig.provider.statuses.then(answer, FINISHED)
    job = await running_job(rig)

    async with rig.running():
        await rig.go()
        after_one = await rig.state(job)
        await rig.pass_time(minutes=2)

    assert after_one is JobState.RUNNING
    assert await rig.state(job) is JobState.DELIVERED
    assert await rig.kinds(job) == ["charge", "settle"]


async def test_a_task_that_ended_without_a_video_is_refunded_with_its_reason(rig: Rig) -> None:
    rig.provider.statuses.then(Refused(reason=FailureReason.MODERATION, detail="their own words"))
    job = await running_job(rig)

    async with rig.running():
        await rig.go()

    found = await rig.find(job)
    assert (found.state, found.failure) == (JobState.FAILED, FailureReason.MODERATION)
    assert found.failure_detail == "their own words"
    assert await rig.kinds(job) == ["charge", "refund"]
    assert rig.publisher.attempts("failure") == 1


@pytest.mark.parametrize(
    ("answer", "failure"),
    [
        (Empty(detail="no video"), FailureReason.NO_RESULT),
        (ProviderProtocolError("<html>"), FailureReason.UPSTREAM),
        (ProviderRejectedError(FailureReason.REJECTED, "odd question"), FailureReason.UPSTREAM),
    ],
    ids=["empty", "protocol", "rejected"],
)
async def test_odd_answers_end_the_job_only_after_several(rig: Rig, answer: object, failure: FailureReason) -> None:
    rig.provider.statuses.then(answer)
    job = await running_job(rig)

    async with rig.running():
        await rig.pass_time(minutes=5)

    assert len(rig.provider.asked) == MAX_ODD_ANSWERS
    assert (await rig.find(job)).failure is failure
    assert await rig.kinds(job) == ["charge", "refund"]


async def test_a_good_answer_in_between_forgives_the_odd_ones(rig: Rig) -> None:
    odd = Empty(detail="no video")
    rig.provider.statuses.then(odd, odd, odd, odd, odd, PENDING, odd, odd, odd, odd, odd, FINISHED)
    job = await running_job(rig)

    async with rig.running():
        await rig.pass_time(minutes=9)

    assert await rig.state(job) is JobState.DELIVERED


async def test_a_record_that_stays_invisible_ends_the_job_after_the_time_that_it_may_take(rig: Rig) -> None:
    rig.provider.statuses.then(NotVisible())
    job = await running_job(rig)

    async with rig.running():
        await rig.pass_time(VISIBLE_AFTER - timedelta(seconds=1))
        within = await rig.find(job)
        await rig.pass_time(minutes=5)

    assert (within.state, within.attempts) == (JobState.RUNNING, 0)
    assert (await rig.find(job)).failure is FailureReason.NO_RESULT


async def test_a_task_is_asked_about_patiently_up_to_the_outer_limit(rig: Rig) -> None:
    rig.provider.statuses.then(PENDING)
    job = await running_job(rig)
    rig.clock.advance(MAKER.soft_limit - timedelta(minutes=1))

    async with rig.running():
        await rig.pass_time(MAKER.outer_limit - (rig.clock.now() - job.created_at))
        at_the_limit = await rig.state(job)
        await rig.pass_time(minutes=2)

    assert at_the_limit is JobState.RUNNING
    assert (await rig.find(job)).failure is FailureReason.TIMEOUT
    assert await rig.kinds(job) == ["charge", "refund"]
    late = [at for at in rig.provider.asked_at if at - (job.submitted_at or at) > MAKER.soft_limit]
    assert len(late) <= 52  # Once a minute after the soft limit.


async def test_a_video_that_was_ready_while_the_bot_was_away_for_a_day_is_still_delivered(rig: Rig) -> None:
    job = await running_job(rig)
    rig.clock.advance(days=1)

    async with rig.running():
        await rig.go()

    assert await rig.state(job) is JobState.DELIVERED


async def test_the_card_hears_of_the_delay_after_the_soft_limit(rig: Rig) -> None:
    rig.provider.statuses.then(PENDING)
    job = await running_job(rig)
    rig.clock.advance(MAKER.soft_limit + timedelta(seconds=1))

    async with rig.running():
        await rig.go()

    assert rig.cards.shown[job.id].count("running") > 2  # At the start, for the delay, for the move.


async def test_an_outage_is_asked_about_ever_less_often_for_all_jobs_together(rig: Rig) -> None:
    rig.provider.statuses.then(OVERLOADED)
    for number in range(10):
        await running_job(rig, task_id=f"task-{number}")

    async with rig.running():
        await rig.pass_time(minutes=10)

    last_minutes = [at for at in rig.provider.asked_at if rig.clock.now() - at <= timedelta(minutes=5)]
    assert len(last_minutes) <= 10 * 7
    assert len(rig.provider.asked_at) >= 10 * 5


async def test_a_provider_that_asks_for_time_gets_it(rig: Rig) -> None:
    rig.provider.statuses.then(ProviderUnavailableError("slow down", timedelta(seconds=90)))
    job = await running_job(rig)

    async with rig.running():
        await rig.go()

    assert await rig.wait_of(job) == timedelta(seconds=90)


async def test_a_refused_key_closes_the_provider_and_keeps_running_jobs(rig: Rig) -> None:
    rig.provider.statuses.then(ProviderAuthError("the key is wrong"))
    jobs = [await running_job(rig, task_id="a"), await running_job(rig, task_id="b")]

    async with rig.running():
        await rig.pass_time(minutes=5)

    assert rig.gate.find(KIE) is not None
    assert len(rig.publisher.told) == 1
    assert [await rig.state(job) for job in jobs] == [JobState.RUNNING, JobState.RUNNING]


async def test_a_running_job_outlives_its_model(rig: Rig) -> None:
    rig.provider.statuses.then(PENDING, FINISHED)
    job = await running_job(rig)
    rig.catalogue = Catalogue({})
    rig.build()

    async with rig.running():
        await rig.go()
        wait = await rig.wait_of(job)
        await rig.pass_time(minutes=1)

    assert wait == schedule.LONGEST
    assert await rig.state(job) is JobState.DELIVERED


async def test_a_callback_makes_the_next_question_come_now(rig: Rig) -> None:
    rig.provider.statuses.then(PENDING, FINISHED)
    job = await running_job(rig)

    async with rig.running():
        await rig.go()
        assert await rig.callbacks.hint(job.id, job.callback_secret, "task-1")
        await rig.go()

    assert await rig.state(job) is JobState.DELIVERED
    assert set(rig.provider.asked_at) == {rig.clock.now()}


async def test_a_callback_during_a_question_is_not_lost(rig: Rig) -> None:
    question = Gate(PENDING)
    rig.provider.statuses.then(question, FINISHED)
    job = await running_job(rig)

    async with rig.running():
        await rig.go_until(question.reached)
        assert await rig.callbacks.hint(job.id, job.callback_secret, "task-1")
        question.opened.set()
        await rig.go()

    assert await rig.state(job) is JobState.DELIVERED


async def test_a_callback_that_overtakes_the_answer_of_the_create_call_counts(rig: Rig) -> None:
    create = Gate(TaskId("task-9"))
    rig.provider.creates.then(create)
    job = await rig.accept()

    async with rig.running():
        await rig.go_until(create.reached)
        assert await rig.callbacks.hint(job.id, job.callback_secret, "task-9")
        create.opened.set()
        await rig.go()

    assert await rig.state(job) is JobState.DELIVERED
    assert rig.provider.asked == ["task-9"]


async def test_a_callback_names_the_task_of_a_create_call_whose_answer_was_lost(rig: Rig) -> None:
    rig.provider.creates.then(AnswerLostError("reset"))
    job = await rig.accept()

    async with rig.running():
        await rig.go()
        before = await rig.state(job)
        assert await rig.callbacks.hint(job.id, job.callback_secret, "task-9")
        await rig.go()

    assert before is JobState.UNKNOWN
    assert await rig.path(job) == [
        "queued", "submitting", "unknown", "running", "fetching", "delivering", "delivered"
    ]  # fmt: skip
    assert rig.provider.asked == ["task-9"]
    assert len(rig.provider.created_at) == 1


@pytest.mark.parametrize("job_id", [0, 2**63, 10**19])
async def test_a_callback_for_an_impossible_job_is_unknown(rig: Rig, job_id: int) -> None:
    assert await rig.callbacks.hint(job_id, "secret", "task") is False


async def test_a_callback_with_a_wrong_secret_changes_nothing(rig: Rig) -> None:
    job = await running_job(rig)

    assert await rig.callbacks.hint(job.id, "wrong", "task-1") is False

    assert await rig.find(job) == job


async def test_an_outage_that_outlasts_the_models_limit_loses_no_video(rig: Rig) -> None:
    rig.provider.statuses.then(OVERLOADED)
    async with rig.running():
        job = await rig.accept()
        await rig.go()
        await rig.skip(hours=3)
        assert await rig.state(job) is JobState.RUNNING
        rig.provider.statuses.then(FINISHED)
        await rig.skip(minutes=2)

        assert await rig.state(job) is JobState.DELIVERED


async def test_an_outage_without_end_ends_in_a_refund(rig: Rig) -> None:
    rig.provider.statuses.then(OVERLOADED)
    async with rig.running():
        job = await rig.accept()
        await rig.go()
        await rig.skip(hours=14)

        assert await rig.state(job) is JobState.FAILED
        assert await rig.kinds(job) == ["charge", "refund"]
