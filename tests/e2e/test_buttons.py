"""The buttons under cards and posts, from the click to what it leads to."""

from __future__ import annotations

import pytest

from bot.domain.jobs import JobState
from sandbox.discord_server import Message, NotOfferedError, text_of
from sandbox.kie_server import Call, Failures, Refusals, Scenario
from sandbox.person import Handle, Person
from tests.e2e.stage import FOX, OF_MEMBERS, PRICE, Stage, asks, clicks, is_private


@pytest.fixture
async def posted(stage: Stage, ada: Person) -> Message:
    """Ada's first video."""
    await ada.types("/video", prompt=FOX)
    message = await ada.waits_for_video()
    await stage.until_state(JobState.DELIVERED)
    return message


async def waiting(stage: Stage, person: Person) -> Handle:
    """A job that the provider had no room for, so that it is back in the queue."""
    stage.kie.faults.add(Call.CREATE, Refusals.TOO_MANY, containing=OF_MEMBERS)
    handle = await asks(person, "/video", prompt=FOX)

    async def is_back() -> bool:
        job = await stage.find()
        return job is not None and job.state is JobState.QUEUED and job.attempts > 0

    await stage.until(is_back, "a job back in the queue")
    await stage.until(lambda: handle.buttons, "a card with a button", passing=1)
    return handle


async def test_again_makes_the_same_video_for_whoever_clicks(stage: Stage, posted: Message, bob: Person) -> None:
    await bob.clicks(posted, "Again")

    second = await bob.waits_for_video()
    first_task, second_task = stage.kie.tasks
    assert second_task.input == first_task.input
    assert second.mentions == [bob.user]
    assert await stage.balance(bob) == 500 - PRICE
    assert len(stage.posts()) == 2


async def test_double_click_on_again_is_one_wish(stage: Stage, posted: Message, bob: Person) -> None:
    first, second = await bob.clicks(posted, "Again"), await bob.clicks(posted, "Again")

    await bob.waits_for_video()
    await stage.until(lambda: "job 2 is on its way" in first.text() + second.text(), "a refusal of the second click")
    assert len(stage.kie.tasks) == 2
    assert await stage.balance(bob) == 500 - PRICE


async def test_edit_asks_for_another_prompt_and_keeps_the_rest(stage: Stage, posted: Message, ada: Person) -> None:
    handle = await clicks(ada, posted, "Edit")
    assert handle.modal is not None

    await ada.submits(handle, Prompt="a blue whale")

    second = await ada.waits_for_video()
    assert "a blue whale" in text_of(second)
    before, after = stage.kie.tasks
    assert after.prompt == "a blue whale"
    assert {**after.input, "prompt": FOX} == before.input


async def test_edit_to_nothing_is_refused_and_costs_nothing(stage: Stage, posted: Message, ada: Person) -> None:
    handle = await clicks(ada, posted, "Edit")

    answer = await ada.submits(handle, Prompt="")

    await stage.until(lambda: "**prompt**" in answer.text(), "a refusal")
    assert is_private(answer)
    assert len(stage.kie.tasks) == 1
    assert await stage.balance(ada) == 500 - PRICE


async def test_delete_takes_the_post_away_for_its_requester(stage: Stage, posted: Message, ada: Person) -> None:
    handle = await clicks(ada, posted, "Delete")

    assert "deleted" in handle.text()
    assert is_private(handle)
    assert stage.posts() == []


async def test_delete_is_refused_to_others_and_open_to_moderators(
    stage: Stage, posted: Message, bob: Person, mod: Person
) -> None:
    refused = await clicks(bob, posted, "Delete")
    assert "Only the person who asked for this video" in refused.text()
    assert stage.posts() == [posted]

    await clicks(mod, posted, "Delete")

    assert stage.posts() == []


async def test_cancel_while_it_waits_gives_everything_back(stage: Stage, ada: Person) -> None:
    handle = await waiting(stage, ada)
    assert await stage.balance(ada) == 500 - PRICE

    answer = await clicks(ada, handle, "Cancel")

    assert f"Its {PRICE} credits are back" in answer.text()
    assert is_private(answer)
    assert (await stage.job()).state is JobState.CANCELLED
    assert await stage.balance(ada) == 500
    stage.clock.advance(minutes=5)
    await stage.until(lambda: "cancelled" in handle.text(), "the card's last word", passing=1)
    assert not handle.buttons
    assert stage.kie.tasks == []
    assert stage.posts() == []


async def test_cancel_of_somebody_elses_job_is_refused(stage: Stage, ada: Person, bob: Person) -> None:
    handle = await waiting(stage, ada)

    answer = await clicks(bob, handle, "Cancel")

    assert "Only the person who asked" in answer.text()
    stage.clock.advance(seconds=30)
    await ada.waits_for_video()


async def test_cancel_once_it_is_being_made_comes_too_late(stage: Stage, ada: Person) -> None:
    stage.kie.scenarios.next(Scenario(seconds=60))
    await asks(ada, "/video", prompt=FOX)
    await stage.until_state(JobState.RUNNING)

    answer = await asks(ada, "/jobs cancel", job=1)

    assert "cannot be stopped any more" in answer.text()
    stage.clock.advance(seconds=90)
    await ada.waits_for_video()


async def test_again_under_a_failure_tries_once_more(stage: Stage, ada: Person) -> None:
    stage.kie.scenarios.next(Scenario(failure=Failures.BUSY))
    await ada.types("/video", prompt=FOX)
    failure = await ada.waits_for_message(lambda message: "could not be made" in text_of(message))
    await stage.until_state(JobState.FAILED)

    await ada.clicks(failure, "Again")

    await ada.waits_for_video()
    assert len(stage.kie.tasks) == 2
    assert await stage.balance(ada) == 500 - PRICE


async def test_buttons_work_after_a_restart(stage: Stage, posted: Message, bob: Person) -> None:
    await stage.stop()
    with pytest.raises(NotOfferedError):
        await bob.clicks(posted, "Cancel")  # a result has no such button
    await stage.start()

    await bob.clicks(posted, "Again")

    await bob.waits_for_video()
    assert len(stage.kie.tasks) == 2
