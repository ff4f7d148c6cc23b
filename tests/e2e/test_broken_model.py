"""A model that fails on the vendor's side: its jobs wait, and their members may take another one for them."""

from __future__ import annotations

import re

from bot.domain.jobs import Job, JobState
from bot.services.model_health import MOST_FAILURES
from sandbox.discord_server import Fault
from sandbox.kie_server import Failures, Scenario
from sandbox.person import Handle, Person
from tests.e2e.stage import FOX, OF_MEMBERS, Stage, asks, clicks, is_private

BROKEN = "bytedance/seedance-2"
WAITING = MOST_FAILURES + 1  # the number of the job that comes after the failures
TAKEN = WAITING + 1
BUTTON = "Make it with Seedance 2 Fast"


async def breaks(stage: Stage, person: Person) -> None:
    """The model fails as often as it takes."""
    stage.kie.scenarios.for_model(BROKEN, Scenario(failure=Failures.INTERNAL))
    for number in range(1, WAITING):
        await asks(person, "/video", prompt=f"fox number {number}", model="seedance-2", duration=4)
        await stage.until_state(JobState.FAILED, number=number, passing=1)


async def waits(stage: Stage, person: Person) -> tuple[Job, Handle]:
    """The next job for that model, once it has been put back into the queue."""
    handle = await asks(person, "/video", prompt=FOX, model="seedance-2", duration=4)

    async def is_held_back() -> bool:
        job = await stage.job(WAITING)
        return job.state is JobState.QUEUED and job.fence > 0

    await stage.until(is_held_back, "a job that waits for its model", passing=1)
    return await stage.job(WAITING), handle


async def offered(stage: Stage, person: Person) -> tuple[Job, Handle]:
    """A waiting job whose card offers another model."""
    await breaks(stage, person)
    job, handle = await waits(stage, person)
    await stage.until(lambda: has_button(handle, BUTTON), "a card with the offer", passing=1)
    return job, handle


def has_button(handle: Handle, label: str) -> bool:
    return any(button.label == label for button in handle.buttons)


def sent_to_broken(stage: Stage) -> int:
    return sum(task.slug == BROKEN for task in stage.kie.tasks)


async def test_one_button_has_the_waiting_video_made_by_another_model_at_no_higher_price(
    stage: Stage, ada: Person
) -> None:
    old, handle = await offered(stage, ada)
    assert sent_to_broken(stage) == MOST_FAILURES
    assert await stage.balance(ada) == 500 - old.video.price
    told = re.search(r"Seedance 2 Fast can make the video now for (\d+) credits", handle.text())
    assert told is not None

    answer = await clicks(ada, handle, BUTTON)

    await ada.waits_for_video()
    new = await stage.until_state(JobState.DELIVERED, number=TAKEN)
    assert f"Job {TAKEN}" in answer.text()
    assert (await stage.job(WAITING)).state is JobState.CANCELLED
    assert (new.model, new.video.prompt, new.video.options["duration"]) == ("seedance-2-fast", FOX, 4)
    assert int(told[1]) == new.video.price < old.video.price
    assert await stage.balance(ada) == 500 - new.video.price
    assert len(stage.videos()) == 1
    assert sent_to_broken(stage) == MOST_FAILURES
    await stage.until(lambda: "cancelled" in handle.text(), "the old card's last word", passing=1)
    assert not handle.buttons


async def test_the_button_is_for_whoever_waits(stage: Stage, ada: Person, bob: Person) -> None:
    old, handle = await offered(stage, ada)

    answer = await clicks(bob, handle, BUTTON)

    assert "Only the person who asked for this video can do this." in answer.text()
    assert is_private(answer)
    assert (await stage.job(WAITING)).state is JobState.QUEUED
    assert await stage.find(TAKEN) is None
    assert await stage.balance(ada) == 500 - old.video.price
    assert await stage.balance(bob) == 500


async def test_a_double_click_is_one_wish(stage: Stage, ada: Person) -> None:
    _, handle = await offered(stage, ada)

    first, second = await ada.clicks(handle, BUTTON), await ada.clicks(handle, BUTTON)

    await ada.waits_for_video()
    new = await stage.until_state(JobState.DELIVERED, number=TAKEN)
    refusal = f"Job {WAITING} has already ended."
    await stage.until(lambda: refusal in first.text() + second.text(), "a refusal of one click")
    assert is_private(first if refusal in first.text() else second)
    assert await stage.find(TAKEN + 1) is None
    assert await stage.balance(ada) == 500 - new.video.price
    assert len(stage.videos()) == 1


async def test_a_click_after_the_end_of_the_job_says_so_and_changes_nothing(stage: Stage, ada: Person) -> None:
    _, handle = await offered(stage, ada)
    # The card stays as it is.
    stage.discord.faults.add(Fault(method="PATCH", path=re.escape(handle.interaction.token), status=500, times=None))
    await asks(ada, "/jobs cancel", job=WAITING)

    answer = await clicks(ada, handle, BUTTON)

    assert f"Job {WAITING} has already ended." in answer.text()
    assert is_private(answer)
    assert await stage.find(TAKEN) is None
    assert await stage.balance(ada) == 500
    assert stage.videos() == []


async def test_a_job_that_nobody_exchanges_goes_on_by_itself_once_its_model_is_there_again(
    stage: Stage, ada: Person, mod: Person
) -> None:
    panel = await asks(mod, "/server videos")
    await clicks(mod, panel, "Offer no other model")
    await breaks(stage, ada)
    old, handle = await waits(stage, ada)
    await stage.until(lambda: "The model fails again and again" in handle.text(), "a card that says why", passing=1)
    labels = [button.label for button in handle.buttons]
    listed = await asks(ada, "/models")
    stage.kie.scenarios.clear()

    await stage.until(lambda: sent_to_broken(stage) > MOST_FAILURES, "a trial after the free question", passing=15)
    await ada.waits_for_video()

    delivered = await stage.until_state(JobState.DELIVERED, number=WAITING)
    assert labels == ["Cancel"]
    assert "It fails again and again at the moment; videos with it have to wait." in listed.text()
    assert delivered.model == "seedance-2"
    assert await stage.balance(ada) == 500 - old.video.price
    assert len(stage.videos()) == 1
    asked = [each for each in stage.kie.requests if f'"{BROKEN}"' in each.body and OF_MEMBERS not in each.body]
    assert asked, "the free question came before the trial"
    again = await asks(ada, "/models")
    assert "fails again and again" not in again.text()


async def test_a_restart_forgets_neither_that_the_model_is_broken_nor_the_offer(stage: Stage, ada: Person) -> None:
    _, handle = await offered(stage, ada)

    await stage.stop()
    await stage.start()
    stage.clock.advance(seconds=60)
    answer = await clicks(ada, handle, BUTTON)

    await ada.waits_for_video()
    await stage.until_state(JobState.DELIVERED, number=TAKEN)
    assert f"Job {TAKEN}" in answer.text()
    assert sent_to_broken(stage) == MOST_FAILURES
