"""The bot is stopped, or falls over, in every state of a job; the next start carries on as if nothing had been."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from io import StringIO

import pytest

from bot.domain.jobs import JobState
from sandbox.discord_server import Fault, text_of
from sandbox.kie_server import Call, CallbackPlan, Failures, LostAnswer, Refusals, Scenario, Slow
from sandbox.person import Person
from tests.e2e.stage import FOX, OF_MEMBERS, PATIENCE, PRICE, Stage, asks
from tests.media.drawings import drawn

POST = r"/channels/\d+/messages$"


def creates(stage: Stage) -> int:
    return sum(1 for each in stage.kie.requests if each.call is Call.CREATE and OF_MEMBERS in each.body)


async def delivered_once(stage: Stage, person: Person, *, passing: float = 0.0) -> None:
    await stage.until_state(JobState.DELIVERED, passing=passing)
    posted = await person.waits_for_video(PATIENCE)
    assert stage.posts() == [posted]
    assert len(stage.kie.tasks) == 1
    assert await stage.balance(person) == 500 - PRICE


@dataclass(frozen=True)
class Moment:
    """A point in a job's life: how to get the job there, and what may follow."""

    arrange: Callable[[Stage], None]
    reached: Callable[[Stage], Awaitable[object]]
    most_creates: int = 1


def _no_room(stage: Stage) -> None:
    stage.kie.faults.add(Call.CREATE, Refusals.TOO_MANY, containing=OF_MEMBERS)


def _slow_upload(stage: Stage) -> None:
    stage.kie.faults.add(Call.UPLOAD, Slow(60))


def _slow_create(stage: Stage) -> None:
    stage.kie.faults.add(Call.CREATE, Slow(60), containing=OF_MEMBERS)
    stage.kie.scenarios.next(Scenario(seconds=30))


def _lost_create(stage: Stage) -> None:
    stage.kie.faults.add(Call.CREATE, LostAnswer(), containing=OF_MEMBERS)
    stage.kie.scenarios.next(Scenario(seconds=30))


def _long_render(stage: Stage) -> None:
    stage.kie.scenarios.next(Scenario(seconds=30))


def _slow_poll(stage: Stage) -> None:
    stage.kie.faults.add(Call.RECORD, Slow(60))


def _slow_result(stage: Stage) -> None:
    stage.kie.faults.add(Call.RESULT, Slow(60))


def _held_post(stage: Stage) -> None:
    stage.discord.faults.add(Fault(method="POST", path=POST, hold=asyncio.Event(), drop=True))


def _lost_post(stage: Stage) -> None:
    stage.discord.faults.add(Fault(method="POST", path=POST, status=503, after_effect=True))


async def _queued_again(stage: Stage) -> None:
    async def is_so() -> bool:
        job = await stage.find()
        return job is not None and job.state is JobState.QUEUED and job.attempts == 1

    await stage.until(is_so, "a job back in the queue")


async def _posting(stage: Stage) -> None:
    async def is_so() -> bool:
        job = await stage.find()
        return job is not None and job.posting_at is not None

    await stage.until(is_so, "a post on its way")
    await stage.until(lambda: any(fault.hits for fault in stage.discord.faults.planned), "the post")


def _state(state: JobState) -> Callable[[Stage], Awaitable[object]]:
    async def reached(stage: Stage) -> None:
        await stage.until_state(state)

    return reached


async def _polling(stage: Stage) -> None:
    await stage.until_seen(Call.RECORD, count=0)
    await stage.until(lambda: stage.kie.counts[Call.RECORD], "a question")


async def _fetching(stage: Stage) -> None:
    await stage.until(lambda: stage.kie.counts[Call.RESULT], "a download")


async def _uploading(stage: Stage) -> None:
    await stage.until(lambda: stage.kie.counts[Call.UPLOAD], "an upload")


MOMENTS = {
    "waiting for room": Moment(_no_room, _queued_again, most_creates=2),
    "bringing the picture": Moment(_slow_upload, _uploading),
    "asking for the task": Moment(_slow_create, _state(JobState.SUBMITTING)),
    "not knowing of the task": Moment(_lost_create, _state(JobState.UNKNOWN)),
    "being rendered": Moment(_long_render, _state(JobState.RUNNING)),
    "asking for the record": Moment(_slow_poll, _polling),
    "fetching": Moment(_slow_result, _fetching),
    "about to post": Moment(_held_post, _posting),
    "posted without knowing": Moment(_lost_post, _posting),
}


@pytest.mark.parametrize("name", list(MOMENTS))
async def test_bot_that_falls_over_finds_its_job_and_makes_one_video(name: str, stage: Stage, ada: Person) -> None:
    moment = MOMENTS[name]
    moment.arrange(stage)
    image = drawn("PNG", (640, 360)) if moment.arrange is _slow_upload else None
    await asks(ada, "/video", prompt=FOX, image=image)
    await moment.reached(stage)

    await stage.crash()
    stage.clock.advance(seconds=35)
    await stage.start()

    await delivered_once(stage, ada, passing=1)
    assert 1 <= creates(stage) <= moment.most_creates


@pytest.mark.parametrize("name", ["waiting for room", "not knowing of the task", "being rendered"])
async def test_bot_that_is_stopped_kindly_carries_on_where_it_was(name: str, stage: Stage, ada: Person) -> None:
    moment = MOMENTS[name]
    moment.arrange(stage)
    await asks(ada, "/video", prompt=FOX)
    await moment.reached(stage)

    await stage.stop()
    stage.clock.advance(seconds=35)
    await stage.start()

    await delivered_once(stage, ada, passing=1)


async def test_task_that_ends_while_the_bot_is_away_needs_no_callback(stage: Stage, ada: Person) -> None:
    stage.kie.scenarios.next(Scenario(seconds=30, callback=CallbackPlan(copies=0)))
    await asks(ada, "/video", prompt=FOX)
    await stage.until_state(JobState.RUNNING)
    await stage.stop()
    stage.clock.advance(hours=2)

    await stage.start()

    await delivered_once(stage, ada)


async def test_stop_lets_a_step_that_runs_finish(stage: Stage, ada: Person, log: StringIO) -> None:
    hold = asyncio.Event()
    stage.discord.faults.add(Fault(method="POST", path=POST, status=None, hold=hold))
    await ada.types("/video", prompt=FOX)
    await _posting(stage)

    stopping = asyncio.create_task(stage.stop())
    await stage.until(lambda: "stopping" in log.getvalue(), "the bot to stop")
    for _ in range(100):
        await asyncio.sleep(0)  # Whoever is not waited for would be cut off in one of these.
    hold.set()
    await stopping

    await delivered_once(stage, ada)


async def test_stop_takes_nothing_new_while_a_step_finishes(stage: Stage, ada: Person, log: StringIO) -> None:
    hold = asyncio.Event()
    stage.discord.faults.add(Fault(method="POST", path=POST, status=None, hold=hold))
    await ada.types("/video", prompt=FOX)
    await _posting(stage)
    stopping = asyncio.create_task(stage.stop())
    await stage.until(lambda: "stopping" in log.getvalue(), "the bot to stop")

    handle = await asks(ada, "/video", prompt=FOX)
    hold.set()
    await stopping

    assert "The bot is about to restart." in handle.text()
    assert await stage.find(2) is None
    await delivered_once(stage, ada)


async def test_start_sends_no_job_before_discord_has_let_the_bot_in_and_can_be_stopped_until_then(
    stage: Stage, ada: Person
) -> None:
    _no_room(stage)
    await asks(ada, "/video", prompt=FOX)
    await _queued_again(stage)
    await stage.crash()
    before, asked = creates(stage), len(stage.kie.requests)
    stage.clock.advance(seconds=35)
    login = stage.discord.faults.add(Fault(method="GET", path="/users/@me$", status=None, hold=asyncio.Event()))
    starting = asyncio.create_task(stage.start())

    # It asks meanwhile what is sold and how the account is, which needs no Discord.
    await stage.until(lambda: login.hits and len(stage.kie.requests) >= asked + 10, "questions that cost nothing")
    assert creates(stage) == before

    assert stage.app is not None
    stage.app.stop()
    with pytest.raises(AssertionError, match="the bot has ended by itself"):
        async with asyncio.timeout(PATIENCE):
            await starting
    assert (await stage.job()).state is JobState.QUEUED


async def test_stop_lets_people_have_the_answers_that_they_wait_for(stage: Stage, ada: Person, log: StringIO) -> None:
    hold = asyncio.Event()
    held = stage.discord.faults.add(Fault(method="PATCH", path="@original$", status=None, hold=hold))
    handle = await ada.types("/credits balance")
    await stage.until(lambda: held.hits, "an answer on its way")

    stopping = asyncio.create_task(stage.stop())
    await stage.until(lambda: "stopping" in log.getvalue(), "the bot to stop")
    hold.set()
    await stopping

    assert "**500** credits" in handle.text()


async def test_post_is_found_again_after_the_nonce_is_forgotten(stage: Stage, ada: Person) -> None:
    _lost_post(stage)
    await ada.types("/video", prompt=FOX)
    await _posting(stage)
    await stage.until(stage.posts, "the post")
    await stage.crash()
    stage.clock.advance(minutes=20)
    await bob_talks(stage)

    await stage.start()

    await delivered_once(stage, ada)


async def bob_talks(stage: Stage) -> None:
    """The channel goes on without the bot."""
    bob = stage.joins("Bob")
    for number in range(120):
        await bob.says(f"message {number}")


async def test_failure_is_told_once_across_a_fall(stage: Stage, ada: Person) -> None:
    stage.kie.scenarios.next(Scenario(failure=Failures.MODERATION))
    _lost_post(stage)
    await ada.types("/video", prompt=FOX)
    await stage.until(stage.posts, "the failure's message")

    await stage.crash()
    await stage.start()

    await stage.until_state(JobState.FAILED)
    await asks(ada, "/jobs list")
    stage.clock.advance(minutes=2)
    await asks(ada, "/jobs list")
    [told] = stage.posts()
    assert "could not be made" in text_of(told)
    assert await stage.balance(ada) == 500


async def test_many_jobs_survive_one_fall_after_another(stage: Stage, mod: Person) -> None:
    people = [stage.joins(f"Member {number}") for number in range(6)]
    stage.kie.scenarios.default = Scenario(seconds=4)
    for person in people:
        await asks(person, "/video", prompt=FOX)

    async def has_every_job_its_task() -> bool:
        # A fall in the middle of a create call is another story: without callbacks such a job ends in a refund.
        jobs = [await stage.job(number) for number in range(1, len(people) + 1)]
        return all(job.task_id for job in jobs)

    for seconds in (1, 2, 3):
        stage.clock.advance(seconds=seconds)
        await stage.until(has_every_job_its_task, "every create call to be answered")
        await stage.crash()
        await stage.start()

    for number, person in enumerate(people, start=1):
        await stage.until_state(JobState.DELIVERED, number=number, passing=1)
        await person.waits_for_video()
    assert len(stage.posts()) == len(stage.kie.tasks) == len(people)


async def test_bot_that_falls_over_again_and_again_on_one_job_is_not_stuck(
    stage: Stage, ada: Person, bob: Person
) -> None:
    stage.kie.faults.add(Call.RESULT, Slow(60), times=None)
    await asks(ada, "/video", prompt=FOX)
    for _ in range(4):
        before = stage.kie.counts[Call.RESULT]

        async def moves(before: int = before) -> bool:
            return stage.kie.counts[Call.RESULT] > before or (await stage.job()).state is JobState.FAILED

        await stage.until(moves, "another download or the end")
        if (await stage.job()).state is JobState.FAILED:
            break
        await stage.crash()
        await stage.start()

    await stage.until_state(JobState.FAILED)
    assert await stage.balance(ada) == 500
    stage.kie.faults.clear()
    await bob.types("/video", prompt=FOX)
    await bob.waits_for_video()
