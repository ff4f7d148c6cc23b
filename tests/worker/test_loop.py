"""The worker itself: rates, room, faults of ours, a store in trouble, and stopping."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
import sqlalchemy as sa

from bot.domain.ids import TaskId, UserId
from bot.domain.jobs import FailureReason, Job, JobState, Move
from bot.domain.policies import GuildPolicy
from bot.errors import StaleJobError, StoreError
from bot.errors.policies import PolicyRefusedError
from bot.providers.kie import TERMS
from bot.services.lifecycle import Lifecycle
from bot.store import policies, tables
from bot.store.database import Connection
from bot.worker.hold import Hold
from bot.worker.limits import SlidingWindow
from bot.worker.loop import MAX_BUGS, STORE_NAP
from bot.worker.steps import Steps
from tests.fakes import MADE, PENDING, Gate
from tests.samples import ANNA, BORIS, GUILD, PICTURE, place, video
from tests.worker.rig import Rig

WINDOW = TERMS.creates_window


def most_in_a_window(rig: Rig) -> int:
    times = rig.provider.created_at
    return max(sum(1 for other in times if timedelta(0) <= other - at < WINDOW) for at in times)


async def test_create_calls_keep_their_rate_however_many_jobs_wait(rig: Rig) -> None:
    rig.provider.statuses.then(PENDING)
    for _ in range(40):
        await rig.accept()

    async with rig.running():
        await rig.go()
        at_once = len(rig.provider.created_at)
        for _ in range(3):
            await rig.skip(WINDOW)

    assert at_once == TERMS.creates
    assert most_in_a_window(rig) == TERMS.creates
    assert len(rig.provider.tasks) == 40


async def test_a_restart_does_not_reset_the_rate_of_create_calls(rig: Rig) -> None:
    rig.provider.statuses.then(PENDING)
    for _ in range(40):
        await rig.accept()
    rig.start()
    await rig.go()
    await rig.stop()
    rig.clock.advance(seconds=3)

    rig.start_again()
    await rig.go()
    right_after = len(rig.provider.created_at)
    await rig.skip(TERMS.creates_window - timedelta(seconds=3))
    await rig.stop()

    assert right_after == TERMS.creates
    assert most_in_a_window(rig) == TERMS.creates
    assert len(rig.provider.created_at) == 2 * TERMS.creates


async def test_create_calls_keep_their_rate_when_uploads_take_long_before_them(rig: Rig) -> None:
    """The rate counts when the call leaves, not when its job is claimed."""
    rig.provider.statuses.then(PENDING)
    upload = Gate("https://uploads.test/1.png")
    rig.provider.uploads.then(upload)
    for _ in range(8):
        await rig.accept(picture=PICTURE)

    async with rig.running():
        await rig.go_until(upload.reached)
        await rig.until_waiting(1)
        rig.clock.advance(TERMS.creates_window)  # The window of the claims is over, their calls have not left.
        for _ in range(30):
            await rig.accept()
        upload.opened.set()
        rig.wake.set()
        await rig.go()
        for _ in range(6):
            await rig.skip(seconds=5)

    assert most_in_a_window(rig) <= TERMS.creates
    assert len(rig.provider.tasks) == 38


async def test_a_step_waits_for_its_turn_and_then_calls(rig: Rig) -> None:
    rig.provider.statuses.then(PENDING)
    upload = Gate("https://uploads.test/1.png")
    rig.provider.uploads.then(upload)
    job = await rig.accept(picture=PICTURE)

    async with rig.running():
        await rig.go_until(upload.reached)
        rig.creates.count(rig.clock.now(), TERMS.creates)  # Somebody else has used the window up meanwhile.
        upload.opened.set()
        await rig.until_waiting(2)
        held = await rig.state(job)
        rig.clock.advance(WINDOW)
        await rig.go()

    assert held is JobState.QUEUED
    assert await rig.state(job) is JobState.RUNNING


async def test_only_so_many_tasks_run_at_the_provider_at_once(rig: Rig) -> None:
    rig.provider.statuses.then(PENDING)
    template = await rig.accept()
    await rig.database.write(_multiply_running, template, TERMS.running - 3)
    for _ in range(10):
        await rig.accept(picture=PICTURE)
    await rig.put(template, JobState.CANCELLED, due_at=None)

    async with rig.running():
        await rig.go()
        full = len(rig.provider.created_at)

    assert full == 3


def _multiply_running(connection: Connection, like: Job, count: int) -> None:
    row = connection.execute(sa.select(tables.jobs).where(tables.jobs.c.id == like.id)).one()
    values = {**row._mapping, "state": "running", "task_id": "task", "due_at": None}
    del values["id"]
    for number in range(count):
        connection.execute(sa.insert(tables.jobs).values({**values, "interaction_id": 10_000_000 + number}))


async def test_questions_keep_their_rate(rig: Rig) -> None:
    rig.provider.statuses.then(PENDING)
    for number in range(30):
        await rig.put(await rig.accept(), JobState.RUNNING, task_id=f"task-{number}", submitted_at=rig.clock.now())

    async with rig.running():
        await rig.go()
        at_once = len(rig.provider.asked)
        for _ in range(3):
            await rig.skip(seconds=1)

    assert at_once == 8
    assert len(set(rig.provider.asked)) == 30


async def test_one_members_burst_does_not_keep_another_waiting(rig: Rig) -> None:
    rig.provider.statuses.then(PENDING)
    for _ in range(25):
        await rig.accept(user_id=ANNA)
    late = await rig.accept(user_id=BORIS)

    async with rig.running():
        await rig.go()

    assert await rig.state(late) is JobState.RUNNING


@pytest.mark.parametrize("rule", ["allowance", "jobs"])
async def test_fifty_commands_at_once_pass_no_limit_and_keep_nobody_waiting(rig: Rig, rule: str) -> None:
    limits = {"allowance": 3000} if rule == "allowance" else {"allowance": 10_000, "member_jobs": 30}
    await rig.database.write(policies.save, GuildPolicy(guild_id=GUILD, **limits))
    rig.provider.statuses.then(PENDING)

    commands = (rig.generation.request(ANNA, place(), video(100)) for _ in range(50))
    answers = await asyncio.gather(*commands, return_exceptions=True)
    late = (await rig.generation.request(BORIS, place(), video(100))).job
    async with rig.running():
        await rig.go()

    accepted = [answer.job for answer in answers if not isinstance(answer, BaseException)]
    refused = [answer for answer in answers if isinstance(answer, BaseException)]
    assert (len(accepted), {isinstance(answer, PolicyRefusedError) for answer in refused}) == (30, {True})
    assert await rig.state(late) is JobState.RUNNING
    # More than the provider takes at once, so that there was a queue in which to be overtaken.
    assert JobState.QUEUED in [await rig.state(job) for job in accepted]
    assert await rig.differences() == []


async def test_a_bug_in_a_step_costs_its_job_some_tries_and_never_the_worker(rig: Rig) -> None:
    rig.downloads.answers.then(ZeroDivisionError("a bug"))
    broken = await rig.accept()
    await rig.put(broken, JobState.FETCHING, task_id="task-1", result_url="https://files.test/1.mp4")

    async with rig.running():
        await rig.pass_time(minutes=2)
        rig.downloads.answers.then(5)
        healthy = await rig.accept()
        await rig.pass_time(minutes=2)

    assert (await rig.find(broken)).failure is FailureReason.BROKEN
    assert await rig.kinds(broken) == ["charge", "refund"]
    assert len(rig.downloads.fetched) == MAX_BUGS + 1
    assert await rig.state(healthy) is JobState.DELIVERED


async def test_a_bug_that_goes_away_is_forgiven(rig: Rig) -> None:
    bug = ZeroDivisionError("a bug")
    rig.provider.statuses.then(bug, bug, PENDING, bug, bug, PENDING)
    job = await rig.accept()
    await rig.put(job, JobState.RUNNING, task_id="task-1")

    async with rig.running():
        await rig.pass_time(minutes=3)

    assert await rig.state(job) is JobState.RUNNING


async def test_a_bug_in_the_create_call_sends_nothing_again(rig: Rig) -> None:
    rig.provider.creates.then(ZeroDivisionError("a bug"), MADE)
    job = await rig.accept()

    async with rig.running():
        await rig.pass_time(minutes=2)

    assert await rig.state(job) is JobState.UNKNOWN
    assert len(rig.provider.created_at) == 1


async def test_a_bug_in_the_create_call_of_one_job_is_no_matter_for_the_next(rig: Rig) -> None:
    rig.provider.creates.then(ZeroDivisionError("a bug"), MADE)
    await rig.accept()

    async with rig.running():
        await rig.go()
        second = await rig.accept(user_id=UserId(77))
        await rig.pass_time(minutes=2)

    assert await rig.state(second) is JobState.DELIVERED


class NonsenseSteps(Steps):
    """Steps with a bug: a question that sends its job back to the queue."""

    async def poll(self, hold: Hold) -> Move:
        return Move(to=JobState.QUEUED)


async def test_a_move_that_no_job_may_make_is_a_bug_and_not_the_end_of_the_worker(rig: Rig) -> None:
    rig.steps_class = NonsenseSteps
    rig.build()
    job = await rig.accept()
    await rig.put(job, JobState.RUNNING, task_id="task-1")

    async with rig.running():
        await rig.pass_time(minutes=2)

    assert (await rig.find(job)).failure is FailureReason.BROKEN


class HopelessSteps(NonsenseSteps):
    """Steps with a bug that cannot even give up."""

    async def give_up(self, job: Job, *, may_look: bool) -> Move:
        return Move(to=JobState.QUEUED)


async def test_a_job_that_cannot_even_be_given_up_is_left_alone_and_the_others_go_on(rig: Rig) -> None:
    rig.steps_class = HopelessSteps
    rig.build()
    hopeless = await rig.accept()
    await rig.put(hopeless, JobState.RUNNING, task_id="task-1")

    async with rig.running():
        await rig.pass_time(minutes=2)
        other = await rig.accept()
        await rig.go()

    assert await rig.state(hopeless) is JobState.RUNNING
    assert await rig.state(other) is JobState.RUNNING


class BrokenStore(Lifecycle):
    """A store that cannot be written for a while."""

    failures = 0
    only_to = JobState.QUEUED

    async def apply(self, job: Job, move: Move, *, lease: timedelta | None = None) -> Job:
        if self.failures and move.to is self.only_to:
            self.failures -= 1
            raise StoreError("the disk is full")
        return await super().apply(job, move, lease=lease)


def with_broken_store(rig: Rig, failures: int, only_to: JobState) -> None:
    rig.lifecycle_class = BrokenStore
    rig.build()
    assert isinstance(rig.lifecycle, BrokenStore)
    rig.lifecycle.failures, rig.lifecycle.only_to = failures, only_to


async def test_the_name_of_a_task_is_kept_in_hand_until_the_store_takes_it(rig: Rig) -> None:
    rig.provider.statuses.then(PENDING)
    with_broken_store(rig, 3, JobState.RUNNING)
    job = await rig.accept()

    async with rig.running():
        for _ in range(3):
            await rig.until_waiting(2)
            assert await rig.state(job) is JobState.SUBMITTING
            rig.clock.advance(STORE_NAP)
        await rig.go()

    found = await rig.find(job)
    assert (found.state, found.task_id) == (JobState.RUNNING, "task-1")
    assert len(rig.provider.created_at) == 1


async def test_a_store_in_trouble_is_no_fault_of_the_job(rig: Rig) -> None:
    with_broken_store(rig, 2 * MAX_BUGS, JobState.SUBMITTING)
    job = await rig.accept()

    async with rig.running():
        await rig.pass_time(minutes=3)

    assert await rig.state(job) is JobState.DELIVERED
    assert len(rig.provider.tasks) == 1


async def test_a_database_that_cannot_be_read_is_looked_at_again(rig: Rig) -> None:
    rig.provider.statuses.then(PENDING)
    job = await rig.accept()
    await rig.put(job, JobState.QUEUED, due_at=rig.clock.now() + timedelta(seconds=5))

    async with rig.running():
        await rig.go()
        await rig.database.write(_rename_jobs, "jobs", "gone")
        await rig.skip(seconds=5)
        await rig.database.write(_rename_jobs, "gone", "jobs")
        await rig.skip(seconds=5)

    assert await rig.state(job) is JobState.RUNNING


def _rename_jobs(connection: Connection, old: str, new: str) -> None:
    connection.exec_driver_sql("PRAGMA legacy_alter_table = ON")
    connection.exec_driver_sql(f"ALTER TABLE {old} RENAME TO {new}")


async def test_stopping_lets_a_running_step_finish(rig: Rig) -> None:
    create = Gate(TaskId("task-1"))
    rig.provider.creates.then(create)
    job = await rig.accept()
    rig.start()
    await rig.go_until(create.reached)

    stopping = asyncio.create_task(rig.stop())
    rig.worker.stop()
    create.opened.set()
    await stopping

    assert await rig.state(job) is JobState.RUNNING
    assert not rig.worker.is_running


async def test_stopping_claims_nothing_new(rig: Rig) -> None:
    rig.start()
    await rig.go()
    rig.worker.stop()
    job = await rig.accept()
    await rig.stop()

    assert await rig.state(job) is JobState.QUEUED
    assert (await rig.find(job)).fence == 0


async def test_a_step_that_takes_longer_than_the_drain_is_left_to_the_next_start(rig: Rig) -> None:
    rig.drain = timedelta(0)
    rig.build()
    create = Gate()
    rig.provider.creates.then(create)
    job = await rig.accept()
    rig.start()
    await rig.go_until(create.reached)

    await rig.stop()

    assert await rig.state(job) is JobState.SUBMITTING
    rig.start_again()
    await rig.go()
    await rig.stop()
    assert await rig.state(job) is JobState.UNKNOWN
    assert len(rig.provider.created_at) == 1


async def test_the_worker_says_whether_it_runs(rig: Rig) -> None:
    before = rig.worker.is_running
    async with rig.running():
        await rig.go()
        during = rig.worker.is_running
        await rig.stop()

    assert (before, during, rig.worker.is_running) == (False, True, False)


async def test_an_idle_worker_looks_every_five_seconds(rig: Rig) -> None:
    async with rig.running():
        await rig.go()

        assert rig.clock.next_at() - rig.clock.now() == timedelta(seconds=5)


async def test_a_waiting_job_is_looked_at_when_it_is_due(rig: Rig) -> None:
    job = await rig.accept()
    await rig.put(job, JobState.QUEUED, due_at=rig.clock.now() + timedelta(seconds=3))

    async with rig.running():
        await rig.go()

        assert rig.clock.next_at() - rig.clock.now() == timedelta(seconds=3)


async def test_a_window_that_is_used_up_says_when_the_next_call_may_leave(rig: Rig) -> None:
    window = SlidingWindow(2, timedelta(seconds=10))
    start = rig.clock.now()
    window.count(start)
    window.count(start + timedelta(seconds=4))

    assert window.free(start + timedelta(seconds=9)) == 0
    assert window.free_at(start + timedelta(seconds=9)) == start + timedelta(seconds=10)
    assert window.free(start + timedelta(seconds=10)) == 1
    assert window.free_at(start + timedelta(seconds=10)) == start + timedelta(seconds=10)


async def test_a_call_counts_until_a_window_after_its_end_since_nobody_sees_when_it_arrives(rig: Rig) -> None:
    window = SlidingWindow(1, timedelta(seconds=10))
    start = rig.clock.now()
    await window.turn(rig.clock)

    assert window.free(start + timedelta(minutes=1)) == 0
    window.ended(start + timedelta(seconds=30))
    assert window.free_at(start + timedelta(seconds=31)) == start + timedelta(seconds=40)
    assert window.free(start + timedelta(seconds=40)) == 1


async def test_many_who_wait_for_a_turn_leave_no_faster_than_the_window_allows(rig: Rig) -> None:
    window = SlidingWindow(3, timedelta(seconds=10))
    left: list[float] = []

    async def leave() -> None:
        await window.turn(rig.clock)
        left.append((rig.clock.now() - start).total_seconds())
        window.ended(rig.clock.now())

    start = rig.clock.now()
    async with asyncio.TaskGroup() as tasks:
        for _ in range(8):
            tasks.create_task(leave())
        for _ in range(4):
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            while rig.clock.waiting and rig.clock.next_at() <= rig.clock.now():
                await asyncio.sleep(0)
            rig.clock.advance(seconds=10)
            for _ in range(20):
                await asyncio.sleep(0)

    assert sorted(left) == [0.0] * 3 + [10.0] * 3 + [20.0] * 2


async def test_moving_a_job_that_somebody_else_has_moved_is_refused(rig: Rig) -> None:
    job = await rig.accept()
    await rig.lifecycle.apply(job, Move(to=JobState.CANCELLED, after=None))

    with pytest.raises(StaleJobError):
        await rig.lifecycle.apply(job, Move(to=JobState.SUBMITTING))

    assert await rig.kinds(job) == ["charge", "refund"]


@pytest.mark.parametrize(
    ("source", "target"), [(JobState.QUEUED, JobState.DELIVERED), (JobState.DELIVERED, JobState.FAILED)]
)
async def test_a_move_along_no_arrow_is_a_bug_and_changes_nothing(rig: Rig, source: JobState, target: JobState) -> None:
    job = await rig.accept()
    job = await rig.put(job, source, message_id=1)

    with pytest.raises(AssertionError, match="never goes"):
        await rig.lifecycle.apply(job, Move(to=target, message_id=None))

    assert await rig.find(job) == job
