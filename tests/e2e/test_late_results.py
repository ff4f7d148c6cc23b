"""Videos that are finished after the refund, with real messages: a note, the right price, a line in the history."""

from __future__ import annotations

import pytest

from bot.domain.jobs import JobState
from sandbox.discord_server import text_of
from sandbox.kie_server import CallbackPlan, Scenario
from sandbox.person import Person
from tests.e2e.stage import FOX, PRICE, Stage, asks


async def finished_late(stage: Stage, person: Person, hours: float = 4) -> None:
    """A job that was refunded because its task took too long."""
    stage.kie.scenarios.next(Scenario(seconds=hours * 3600, callback=CallbackPlan(copies=0)))
    await person.types("/video", prompt=FOX)
    await stage.until_state(JobState.RUNNING)
    await stage.until_state(JobState.FAILED, passing=300)
    assert await stage.balance(person) == 500


@pytest.mark.parametrize(
    ("setting", "note", "cost"),
    [("free", "It is yours for nothing", 0), ("charge", "so it is charged now", PRICE)],
)
async def test_late_video_comes_with_its_note_and_costs_what_the_host_decided(
    setting: str, note: str, cost: int, world: Stage, ada: Person
) -> None:
    world.environ["LATE_RESULTS"] = setting
    await world.start()
    await finished_late(world, ada)

    await world.until_state(JobState.DELIVERED, passing=600)

    posted = await ada.waits_for_video()
    assert note in text_of(posted)
    assert world.videos() == [posted]
    assert len(world.kie.tasks) == 1
    assert await world.balance(ada) == 500 - cost
    history = (await asks(ada, "/credits history")).text()
    assert ("came after its refund" in history) is (cost > 0)


async def test_late_video_is_left_where_it_is_if_the_host_says_so(world: Stage, ada: Person) -> None:
    world.environ["LATE_RESULTS"] = "ignore"
    await world.start()
    await finished_late(world, ada, hours=3)
    polls = world.kie.tasks[0].polls

    async def is_over() -> bool:
        job = await world.job()
        return job.is_announced and job.due_at is None

    await world.until(is_over, "the job's last word", passing=1)

    world.clock.advance(hours=5)
    await asks(ada, "/jobs list")
    assert (await world.job()).state is JobState.FAILED
    assert world.kie.tasks[0].polls == polls
    assert world.videos() == []
