"""What no job can help: clocks that jump, and a provider that is away for an hour and comes back to a full queue."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from bot.domain.ids import JobId
from bot.domain.jobs import JobState
from bot.providers.kie import TERMS
from tests.fakes import FINISHED, MADE, OVERLOADED, PENDING, Gate
from tests.worker.rig import Rig

HOUR = timedelta(hours=1)


async def jobs_everywhere(rig: Rig) -> list[JobId]:
    """One job in each state in which something is still to come, as a process left them a moment ago."""
    at_provider = {"task_id": "task-1", "submitted_at": rig.clock.now()}
    fetched = {**at_provider, "result_url": "https://files.test/1.mp4"}
    states: tuple[tuple[JobState, dict[str, object]], ...] = (
        (JobState.QUEUED, {}),
        (JobState.RUNNING, at_provider),
        (JobState.FETCHING, fetched),
        (JobState.DELIVERING, {**fetched, "stored_size": 5}),
    )
    found: list[JobId] = []
    for state, known in states:
        job = await rig.accept()
        values = dict(known)
        if state is JobState.DELIVERING:
            values["stored_name"] = f"{job.id}.mp4"
            (rig.folders.results / f"{job.id}.mp4").write_bytes(b"video")
        await rig.put(job, state, due_at=rig.clock.now() + timedelta(seconds=30), **values)
        found.append(job.id)
    return found


@pytest.mark.parametrize("jump", [HOUR, -HOUR], ids=["forward", "back"])
async def test_a_clock_that_jumps_by_an_hour_ends_no_job(rig: Rig, jump: timedelta) -> None:
    rig.provider.statuses.then(PENDING, FINISHED)
    everywhere = await jobs_everywhere(rig)

    async with rig.running():
        await rig.skip(jump)
        states = [(await rig.find(job)).state for job in everywhere]
        await rig.skip(-jump)
        await rig.pass_time(hours=3)

    assert JobState.FAILED not in states
    assert [(await rig.find(job)).state for job in everywhere] == [JobState.DELIVERED] * 4
    assert len(rig.publisher.posts) == 4
    assert len(rig.provider.created_at) == 1
    assert await rig.differences() == []


@pytest.mark.parametrize("jump", [HOUR, -HOUR], ids=["forward", "back"])
@pytest.mark.parametrize("call", ["create", "fetch", "post"])
async def test_a_call_that_is_under_way_when_the_clock_jumps_is_not_made_again(
    rig: Rig, jump: timedelta, call: str
) -> None:
    answers = {"create": MADE, "fetch": 8_000_000, "post": None}
    gate = Gate(answers[call] if call != "create" else "task-1")
    scripts = {"create": rig.provider.creates, "fetch": rig.downloads.answers, "post": rig.publisher.videos}
    scripts[call].then(gate, AssertionError("made again"))
    job = await rig.accept()

    async with rig.running():
        if call != "create":
            reaching = asyncio.ensure_future(rig.pass_time(minutes=2))
            await rig.go_until(gate.reached)
            reaching.cancel()
        else:
            await rig.go_until(gate.reached)
        rig.clock.advance(jump)
        rig.wake.set()
        await rig.until_waiting(1)
        gate.opened.set()
        await rig.go()
        if jump < timedelta(0):
            await rig.skip(-jump)
        await rig.pass_time(minutes=5)

    assert await rig.state(job) is JobState.DELIVERED
    assert len(rig.publisher.posts) == 1
    assert await rig.kinds(job) == ["charge", "settle"]


async def test_a_provider_that_comes_back_after_an_hour_is_not_stormed(rig: Rig) -> None:
    rig.provider.creates.then(OVERLOADED)
    jobs = [await rig.accept() for _ in range(60)]

    async with rig.running():
        await rig.pass_time(minutes=50, most_rounds=5000)
        assert {await rig.state(job) for job in jobs} == {JobState.QUEUED}
        tries = len(rig.provider.created_at)
        rig.provider.creates.then(MADE)
        for _ in range(60):  # The rate opens between the moments at which jobs are due.
            await rig.pass_time(seconds=5)
        await rig.pass_time(minutes=5)

    back = rig.provider.created_at[tries:]
    crowd = max(sum(at <= other < at + TERMS.creates_window for other in back) for at in back)
    assert crowd <= TERMS.creates
    assert {await rig.state(job) for job in jobs} == {JobState.DELIVERED}
    assert {tuple(await rig.kinds(job)) for job in jobs} == {("charge", "settle")}
    assert await rig.differences() == []
