"""Between a command and its answer: nobody works on the job yet, and it can be taken back without a trace."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, cast

import pytest

from bot.domain.ids import JobId
from bot.domain.jobs import Job, JobState, Move
from bot.errors import StoreError
from bot.errors.policies import PolicyRefusedError
from bot.services.answers import TRIES_AFTER, Answers
from bot.services.generation import ANSWER_WAIT, Accepted
from bot.store import jobs as job_rows
from bot.store.database import Connection, Database
from tests.samples import ANNA, GUILD, place, video
from tests.services.desk import Desk

LEASE = timedelta(minutes=5)


@pytest.fixture
def woken() -> asyncio.Event:
    return asyncio.Event()


@pytest.fixture
def answers(desk: Desk, woken: asyncio.Event) -> Answers:
    return Answers(desk.database, desk.clock, desk.lifecycle, woken.set)


async def asked(desk: Desk) -> Accepted:
    return await desk.generation.request(ANNA, place(), video(100), is_answered=False)


async def claimed(desk: Desk, most: int = 10) -> list[Job]:
    return [each.job for each in await desk.queue.claim([JobState.QUEUED], most, LEASE)]


async def test_nobody_works_on_a_job_whose_member_has_no_answer_yet(
    desk: Desk, answers: Answers, woken: asyncio.Event
) -> None:
    job = (await asked(desk)).job

    before = await claimed(desk)
    await answers.given(job)

    assert before == []
    assert woken.is_set()
    assert [each.id for each in await claimed(desk)] == [job.id]


async def test_jobs_that_are_answered_together_are_let_go_together(
    desk: Desk, answers: Answers, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = [(await desk.generation.request(ANNA, place(), video(1), is_answered=False)).job for _ in range(30)]
    written: list[int] = []
    release_all = job_rows.release_all

    def counted(connection: Connection, job_ids: Sequence[JobId], now: datetime) -> bool:
        written.append(len(job_ids))
        return release_all(connection, job_ids, now)

    monkeypatch.setattr(job_rows, "release_all", counted)

    await asyncio.gather(*(answers.given(job) for job in made))

    # The first goes alone; whoever comes meanwhile waits for its commit, and shares the next.
    assert written == [1, 29]
    assert {each.id for each in await claimed(desk, 30)} == {job.id for job in made}


async def test_a_job_that_is_never_answered_because_the_process_died_waits_for_a_moment_only(desk: Desk) -> None:
    job = (await asked(desk)).job

    desk.clock.advance(ANSWER_WAIT)

    assert [each.id for each in await claimed(desk)] == [job.id]


async def test_an_answer_to_a_replay_brings_no_job_forward_that_waits_for_its_provider(
    desk: Desk, answers: Answers, woken: asyncio.Event
) -> None:
    job = (await asked(desk)).job
    await answers.given(job)
    woken.clear()
    (in_hand,) = await claimed(desk)
    await desk.lifecycle.apply(in_hand, Move(to=JobState.QUEUED, after=timedelta(minutes=2), is_retry=True))

    await answers.given(job)

    assert not woken.is_set()
    assert await claimed(desk) == []


async def test_a_job_whose_answer_is_lost_is_taken_back_before_anybody_could_have_sent_it(
    desk: Desk, answers: Answers
) -> None:
    before = await desk.balance()
    accepted = await asked(desk)
    assert await claimed(desk) == []

    await answers.lost(accepted)

    assert (await desk.find(accepted.job)).state is JobState.CANCELLED
    assert await desk.balance() == before
    assert await desk.differences() == []


class Stumbling:
    """A database that cannot write for so many times."""

    def __init__(self, database: Database, times: int) -> None:
        self._database = database
        self.times = times

    async def write(self, fn: Callable[..., Any], /, *args: Any) -> Any:
        self.times -= 1
        if self.times >= 0:
            raise StoreError("the disk is full")
        return await self._database.write(fn, *args)


async def lost_while_it_stumbles(desk: Desk, accepted: Accepted, times: int) -> None:
    """The storage fails so many times; the clock goes on as far as somebody waits for it."""
    database = cast("Database", Stumbling(desk.database, times))
    answers = Answers(database, desk.clock, desk.lifecycle, lambda: None)
    async with asyncio.TaskGroup() as tasks:
        losing = tasks.create_task(answers.lost(accepted))
        while not losing.done():
            await asyncio.sleep(0)
            if desk.clock.waiting:
                desk.clock.until(desk.clock.next_at())


async def test_a_job_is_taken_back_although_the_storage_fails_for_a_moment(desk: Desk) -> None:
    before = await desk.balance()
    accepted = await asked(desk)
    began = desk.clock.now()

    await lost_while_it_stumbles(desk, accepted, len(TRIES_AFTER))

    assert (await desk.find(accepted.job)).state is JobState.CANCELLED
    assert desk.clock.now() - began < ANSWER_WAIT
    assert await desk.balance() == before
    assert await desk.differences() == []


async def test_a_storage_that_goes_on_failing_is_not_tried_for_ever(desk: Desk) -> None:
    accepted = await asked(desk)

    with pytest.raises(ExceptionGroup) as failed:
        await lost_while_it_stumbles(desk, accepted, 99)

    assert failed.group_contains(StoreError)
    assert (await desk.find(accepted.job)).state is JobState.QUEUED


async def test_a_job_that_an_earlier_delivery_has_brought_is_not_taken_back(desk: Desk, answers: Answers) -> None:
    here = place()
    first = await desk.generation.request(ANNA, here, video(100), is_answered=False)
    again = await desk.generation.request(ANNA, here, video(100), is_answered=False)

    await answers.lost(again)

    assert (await desk.find(first.job)).state is JobState.QUEUED


async def test_what_was_taken_back_starts_no_cooldown(desk: Desk, answers: Answers) -> None:
    await desk.decide(cooldown=timedelta(minutes=1))
    await answers.lost(await asked(desk))

    again = await asked(desk)

    assert again.is_new


async def test_what_its_member_has_cancelled_starts_a_cooldown_all_the_same(desk: Desk) -> None:
    await desk.decide(cooldown=timedelta(minutes=1))
    job = (await asked(desk)).job
    await desk.jobs.cancel(GUILD, ANNA, job.id)

    with pytest.raises(PolicyRefusedError):
        await asked(desk)


async def test_again_can_be_clicked_at_once_when_its_answer_was_lost(desk: Desk, answers: Answers) -> None:
    first = (await asked(desk)).job

    async def clicks_again() -> Accepted:
        return await desk.generation.request(ANNA, place(), video(100), again_of=first.id, is_answered=False)

    await answers.lost(await clicks_again())

    assert (await clicks_again()).is_new
