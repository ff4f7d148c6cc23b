"""What members see of their jobs, and cancelling."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from bot.domain.jobs import JobState, Move
from bot.errors import StaleJobError
from bot.errors.jobs import AlreadyEndedError, NotFoundError, NotYoursError, TooLateError
from bot.services.jobs import PAGE
from bot.store.database import Database
from tests.samples import ANNA, BORIS, GUILD
from tests.services.desk import Desk


async def test_a_waiting_job_can_be_cancelled_and_is_refunded_at_once(desk: Desk) -> None:
    job = await desk.job(100)
    heard: list[JobState] = []
    desk.lifecycle.listen(lambda moved: heard.append(moved.state))

    cancelled = await desk.jobs.cancel(GUILD, ANNA, job.id)

    assert (cancelled.state, cancelled.due_at) == (JobState.CANCELLED, None)
    assert (await desk.balance()).allowance_left == (await desk.balance()).allowance
    assert heard == [JobState.CANCELLED]
    assert await desk.differences() == []


async def test_cancelling_makes_a_step_that_prepares_the_job_stale(desk: Desk) -> None:
    job = await desk.job()
    (claimed,) = await desk.queue.claim([JobState.QUEUED], 1, timedelta(minutes=5))

    await desk.jobs.cancel(GUILD, ANNA, job.id)

    with pytest.raises(StaleJobError):
        await desk.lifecycle.apply(claimed.job, Move(to=JobState.SUBMITTING))


async def test_only_the_requester_and_staff_cancel_a_job(desk: Desk) -> None:
    job = await desk.job()

    with pytest.raises(NotYoursError):
        await desk.jobs.cancel(GUILD, BORIS, job.id)
    cancelled = await desk.jobs.cancel(GUILD, BORIS, job.id, is_staff=True)

    assert cancelled.state is JobState.CANCELLED


async def test_a_job_that_was_sent_cannot_be_cancelled_and_one_that_has_ended_neither(desk: Desk) -> None:
    job = await desk.lifecycle.apply(await desk.job(), Move(to=JobState.SUBMITTING))
    with pytest.raises(TooLateError):
        await desk.jobs.cancel(GUILD, ANNA, job.id)

    await desk.fail(job)
    with pytest.raises(AlreadyEndedError):
        await desk.jobs.cancel(GUILD, ANNA, job.id)

    assert (await desk.find(job)).state is JobState.FAILED
    assert await desk.differences() == []


async def test_details_are_for_the_requester_and_staff(desk: Desk) -> None:
    job = await desk.job()

    mine = await desk.jobs.details(GUILD, ANNA, job.id)
    theirs = await desk.jobs.details(GUILD, BORIS, job.id, is_staff=True)

    assert mine == theirs
    assert (mine.job, [event.target for event in mine.timeline]) == (job, [JobState.QUEUED])
    with pytest.raises(NotFoundError):
        await desk.jobs.details(GUILD, BORIS, job.id)


async def test_details_say_what_the_job_has_cost_so_far(database: Database) -> None:
    desk = Desk(database, markup=Decimal(2))
    waiting = await desk.job(100)
    delivered = await desk.deliver(await desk.job(100), cost=30)
    parked = await desk.deliver(await desk.job(100), cost=None, to=JobState.PARKED)
    failed = await desk.fail(await desk.job(100))

    costs = [(await desk.jobs.details(GUILD, ANNA, job.id)).charged for job in (waiting, delivered, parked, failed)]

    assert costs == [100, 60, 100, 0]


async def test_jobs_come_in_pages_newest_first(desk: Desk) -> None:
    made = [await desk.job(1) for _ in range(PAGE + 2)]

    first, second = await desk.jobs.page(GUILD, ANNA, -3), await desk.jobs.page(GUILD, ANNA, 2)

    assert [job.id for job in first.jobs] == [job.id for job in reversed(made[2:])]
    assert (first.number, first.has_more) == (1, True)
    assert ([job.id for job in second.jobs], second.has_more) == ([made[1].id, made[0].id], False)


async def test_a_waiting_job_knows_its_place(desk: Desk) -> None:
    first, second = await desk.job(), await desk.job()

    assert [await desk.jobs.queue_place(job) for job in (first, second)] == [0, 1]
