"""When the provider refuses, loses, delays or fails: one task at most, the money right, and the member told why."""

from __future__ import annotations

import pytest

from bot.domain.jobs import FailureReason, JobState
from bot.i18n import texts
from bot.rendering import words
from sandbox.discord_server import Message, text_of
from sandbox.kie_server import (
    Body,
    Call,
    CallbackPlan,
    EdgePage,
    Failure,
    Failures,
    Fault,
    LostAnswer,
    PendingPath,
    Refusal,
    Refusals,
    ResultShape,
    Scenario,
    Slow,
    Unseen,
)
from sandbox.person import Person
from tests.e2e.stage import FOX, OF_MEMBERS, PATIENCE, PRICE, Stage, asks, clicks, is_private
from tests.media.drawings import drawn

LOST_CALLBACK = CallbackPlan(copies=0)


def told_host(stage: Stage) -> list[str]:
    """The direct messages to the host, oldest first."""
    return [text_of(message) for message in stage.discord.direct_channel(stage.discord.owner).messages.values()]


async def failed(stage: Stage, person: Person, reason: FailureReason) -> Message:
    """The message that says why there is no video; everything is back."""
    message = await person.waits_for_message(lambda each: "could not be made" in text_of(each), PATIENCE)
    job = await stage.until_state(JobState.FAILED)
    assert job.failure is reason
    assert words.failure_of(texts("en"), job) in text_of(message)
    assert f"Your {PRICE} credits are back" in text_of(message)
    assert message.mentions == [person.user]
    assert await stage.balance(person) == 500
    assert stage.videos() == []
    return message


async def delivered(stage: Stage, person: Person, *, passing: float = 0.0) -> None:
    """One task, one video, paid once."""
    await stage.until_state(JobState.DELIVERED, passing=passing)
    await person.waits_for_video()
    assert len(stage.kie.tasks) == 1
    assert len(stage.posts()) == 1
    assert await stage.balance(person) == 500 - PRICE


def creates(stage: Stage) -> int:
    """How often the provider was asked for a video."""
    return sum(1 for each in stage.kie.requests if each.call is Call.CREATE and OF_MEMBERS in each.body)


@pytest.mark.parametrize(
    ("refusal", "reason", "remedy"),
    [
        (Refusals.UNAUTHORIZED, FailureReason.NOT_NOW, "See that its key in the settings is right"),
        (Refusals.NO_CREDITS, FailureReason.BALANCE, "Fill its account up"),
        (Refusals.KEY_CAP, FailureReason.BALANCE, "Raise the key's own limit"),
    ],
    ids=["key", "balance", "cap"],
)
async def test_account_trouble_refunds_tells_the_host_once_and_closes_intake(
    refusal: Refusal, reason: FailureReason, remedy: str, stage: Stage, ada: Person, bob: Person
) -> None:
    stage.kie.faults.add(Call.CREATE, refusal, times=None, containing=OF_MEMBERS)
    await ada.types("/video", prompt=FOX)
    await failed(stage, ada, reason)

    handle = await asks(bob, "/video", prompt=FOX)

    is_empty = reason is FailureReason.BALANCE
    assert ("account at the video provider is used up" if is_empty else "takes no jobs at the moment") in handle.text()
    assert is_private(handle)
    assert await stage.balance(bob) == 500
    assert creates(stage) == 1
    [told] = told_host(stage)
    assert str(refusal.code) in told
    assert "refuses every job" in told
    assert remedy in told


async def test_credits_that_others_spend_and_a_low_account_are_told_once_each(stage: Stage, ada: Person) -> None:
    def asked() -> int:
        return sum(each.call is Call.CREDIT for each in stage.kie.requests)

    async def asked_again(times: int) -> None:
        wanted = asked() + times
        await stage.until(lambda: asked() >= wanted, "questions about the account", passing=600)

    await ada.types("/video", prompt=FOX)
    await ada.waits_for_video()
    await asked_again(times=1)
    assert told_host(stage) == []

    stage.kie.account.balance = 300
    await stage.until(lambda: len(told_host(stage)) == 2, "two words to the host", passing=600)

    await asked_again(times=2)
    elsewhere, low = told_host(stage)
    assert "credits have gone from the account at kie_jobs that no video of this bot can have cost" in elsewhere
    assert "has 300 credits left, less than 500 (LOW_BALANCE_CREDITS)" in low


async def test_intake_opens_by_itself_once_the_account_holds_credits(stage: Stage, ada: Person, bob: Person) -> None:
    await stage.until_seen(Call.CREDIT, count=2)  # The looks of the start.
    stage.kie.account.balance = 0
    await ada.types("/video", prompt=FOX)
    await failed(stage, ada, FailureReason.BALANCE)
    stage.clock.advance(seconds=80)
    await stage.until_seen(Call.CREDIT)
    assert "account at the video provider is used up" in (await asks(bob, "/video", prompt=FOX)).text()

    stage.kie.account.balance = 1000
    await stage.until(lambda: len(told_host(stage)) == 2, "a word to the host", passing=20)
    await bob.types("/video", prompt=FOX)

    await bob.waits_for_video()
    assert "takes jobs again (1000 credits left)" in told_host(stage)[1]


async def test_running_jobs_end_well_while_the_account_is_closed(stage: Stage, ada: Person, bob: Person) -> None:
    stage.kie.scenarios.next(Scenario(seconds=30))
    await ada.types("/video", prompt=FOX)
    await stage.until_state(JobState.RUNNING)
    stage.kie.faults.add(Call.CREATE, Refusals.NO_CREDITS, containing=OF_MEMBERS)
    await bob.types("/video", prompt=FOX)
    await stage.until_state(JobState.FAILED, number=2)

    stage.clock.advance(seconds=40)

    await ada.waits_for_video()


@pytest.mark.parametrize(
    ("fault", "seconds"),
    [
        (Refusals.TOO_MANY, 15),
        (Refusals.MAINTENANCE, 400),
        (EdgePage(403), 80),
        (Refusal(code=429, text="Too many requests", status=429), 15),
    ],
    ids=["429", "455", "403 by the edge", "429 as status"],
)
async def test_provider_that_has_no_time_is_asked_again_later(
    fault: Fault, seconds: float, stage: Stage, ada: Person
) -> None:
    stage.kie.faults.add(Call.CREATE, fault, containing=OF_MEMBERS)
    await ada.types("/video", prompt=FOX)

    async def is_back() -> bool:
        job = await stage.find()
        return job is not None and job.state is JobState.QUEUED and job.attempts == 1

    await stage.until(is_back, "a job back in the queue")
    assert stage.kie.tasks == []
    stage.clock.advance(seconds=seconds)

    await delivered(stage, ada)
    assert creates(stage) == 2


async def test_provider_that_has_no_time_for_an_hour_is_given_up(stage: Stage, ada: Person) -> None:
    stage.kie.faults.add(Call.CREATE, Refusals.MAINTENANCE, times=None, containing=OF_MEMBERS)
    await ada.types("/video", prompt=FOX)

    await stage.until_state(JobState.FAILED, passing=40)

    await failed(stage, ada, FailureReason.NOT_NOW)
    assert creates(stage) > 3


async def test_upload_host_that_is_down_costs_time_and_nothing_else(stage: Stage, ada: Person) -> None:
    stage.kie.faults.add(Call.UPLOAD, EdgePage(502), LostAnswer(), Refusals.SERVER_ERROR)
    await ada.types("/video", prompt=FOX, image=drawn("PNG", (640, 360)))

    await delivered(stage, ada, passing=1)
    assert creates(stage) == 1


@pytest.mark.parametrize("refusal", [Refusals.PAUSED, Refusals.DISABLED], ids=["paused", "disabled"])
async def test_model_that_is_switched_off_meanwhile_is_refunded_and_offered_no_more(
    refusal: Refusal, stage: Stage, ada: Person
) -> None:
    await stage.until_seen(Call.CREATE, count=10)  # the first questions are over, none comes soon
    stage.kie.faults.add(Call.CREATE, refusal, containing=OF_MEMBERS)
    await ada.types("/video", prompt=FOX, model="seedance-2-fast")
    await failed(stage, ada, FailureReason.MODEL_PAUSED)

    offered = await ada.suggestions("/video", "model", "seedance")
    handle = await asks(ada, "/video", prompt=FOX, model="seedance-2-fast")

    assert "seedance-2-fast" not in [choice.value for choice in offered]
    assert "Seedance 2 Fast is switched off at the moment" in handle.text()
    assert creates(stage) == 1
    assert told_host(stage) == []


LOST: dict[str, Fault] = {
    "connection dropped": LostAnswer(),
    "502 by the edge": EdgePage(502, took_effect=True),
}


@pytest.mark.parametrize("name", list(LOST))
async def test_lost_answer_is_made_good_by_the_callback(name: str, stage: Stage, ada: Person) -> None:
    stage.kie.faults.add(Call.CREATE, LOST[name], containing=OF_MEMBERS)
    stage.kie.scenarios.next(Scenario(seconds=20))
    handle = await ada.types("/video", prompt=FOX)
    await stage.until_state(JobState.UNKNOWN)
    await stage.until(lambda: "has not confirmed" in handle.text(), "a card that says so", passing=1)

    stage.clock.advance(seconds=25)

    await delivered(stage, ada)
    assert creates(stage) == 1


@pytest.mark.parametrize("took_effect", [True, False])
async def test_lost_answer_without_a_callback_is_refunded_after_a_grace_and_the_host_told(
    took_effect: bool, stage: Stage, ada: Person
) -> None:
    stage.kie.faults.add(Call.CREATE, LostAnswer(took_effect=took_effect), containing=OF_MEMBERS)
    stage.kie.scenarios.next(Scenario(callback=LOST_CALLBACK))
    await ada.types("/video", prompt=FOX)
    await stage.until_state(JobState.UNKNOWN)
    assert await stage.balance(ada) == 500 - PRICE

    stage.clock.advance(minutes=30)
    await asks(ada, "/jobs list")
    assert (await stage.job()).state is JobState.UNKNOWN
    await stage.until_state(JobState.FAILED, passing=900)

    await failed(stage, ada, FailureReason.NO_ANSWER)
    assert creates(stage) == 1
    assert len(stage.kie.tasks) == int(took_effect)
    orphan = "paid task may exist"
    await stage.until(lambda: any(orphan in text for text in told_host(stage)), "a word to the host", passing=20)


@pytest.mark.parametrize(
    "body",
    [
        '{"code":200,"msg":"success","data":{"taskId":""}}',
        '{"code":200,"msg":"success","data":{"taskId":42}}',
        "{",
    ],
)
async def test_answer_that_names_no_task_is_a_lost_one(body: str, stage: Stage, ada: Person) -> None:
    stage.kie.faults.add(Call.CREATE, Body(body, content_type="application/json"), containing=OF_MEMBERS)

    await ada.types("/video", prompt=FOX)

    await stage.until_state(JobState.UNKNOWN)
    stage.clock.advance(minutes=1)
    await asks(ada, "/jobs list")
    assert creates(stage) == 1


async def test_slow_answer_is_waited_for(stage: Stage, ada: Person) -> None:
    stage.kie.faults.add(Call.CREATE, Slow(1.0), containing=OF_MEMBERS)

    await ada.types("/video", prompt=FOX)

    await delivered(stage, ada)
    assert creates(stage) == 1


@pytest.mark.parametrize("how", list(Unseen), ids=lambda how: how.name)
async def test_record_that_is_not_there_at_first_is_asked_for_again(how: Unseen, stage: Stage, ada: Person) -> None:
    stage.kie.scenarios.next(Scenario(unseen_for=12, unseen=how, callback=LOST_CALLBACK))

    await ada.types("/video", prompt=FOX)

    await stage.until_state(JobState.RUNNING)
    await delivered(stage, ada, passing=1)
    assert stage.kie.tasks[0].polls > 1


async def test_state_that_nobody_named_is_waited_for(stage: Stage, ada: Person) -> None:
    stage.kie.scenarios.next(Scenario(seconds=30, path=PendingPath.UNHEARD, callback=LOST_CALLBACK))

    await ada.types("/video", prompt=FOX)

    await stage.until_state(JobState.RUNNING)
    await delivered(stage, ada, passing=1)


@pytest.mark.parametrize(
    ("fault", "passing"),
    [
        (EdgePage(502), 1),
        (Refusals.TOO_MANY, 2),
        (LostAnswer(), 1),
        (Refusals.UNAUTHORIZED, 20),
        (Body("no healthy upstream"), 1),
    ],
    ids=["edge", "429", "dropped", "401", "nonsense"],
)
async def test_questions_that_fail_do_not_cost_the_video(
    fault: Fault, passing: float, stage: Stage, ada: Person
) -> None:
    stage.kie.faults.add(Call.RECORD, fault, times=3)
    stage.kie.scenarios.next(Scenario(callback=LOST_CALLBACK))

    await ada.types("/video", prompt=FOX)

    await stage.until_state(JobState.RUNNING)
    await delivered(stage, ada, passing=passing)


@pytest.mark.parametrize(
    ("failure", "reason"),
    [
        (Failures.MODERATION, FailureReason.MODERATION),
        (Failures.IMAGE_FETCH, FailureReason.IMAGE_UNREACHED),
        (Failures.LANGUAGE, FailureReason.LANGUAGE),
        (Failures.INTERNAL, FailureReason.UPSTREAM),
        (Failure("999", "something nobody has heard of"), FailureReason.UPSTREAM),
    ],
    ids=lambda value: value.text[:30] if isinstance(value, Failure) else "",
)
async def test_task_that_fails_is_refunded_with_its_reason(
    failure: Failure, reason: FailureReason, stage: Stage, ada: Person
) -> None:
    stage.kie.scenarios.next(Scenario(failure=failure))

    handle = await ada.types("/video", prompt=FOX)

    message = await failed(stage, ada, reason)
    # The provider's own words are for staff, not for everybody who reads the channel.
    assert failure.text not in text_of(message)
    why = words.failure_of(texts("en"), await stage.job())
    await stage.until(lambda: why in handle.text(), "a card that says why", passing=1)
    assert failure.text in (await asks(stage.joins("Mod", is_moderator=True), "/jobs show", job=1)).text()
    assert stage.kie.account.spent == 0


async def test_refused_prompt_is_edited_with_the_button_of_its_failure(stage: Stage, ada: Person) -> None:
    stage.kie.scenarios.next(Scenario(failure=Failures.MODERATION_POLICY))
    await ada.types("/video", prompt=FOX)
    message = await failed(stage, ada, FailureReason.MODERATION_PROMPT)
    handle = await clicks(ada, message, "Edit")

    await ada.submits(handle, Prompt="a friendly fox")

    assert "a friendly fox" in text_of(await ada.waits_for_video())
    assert [task.prompt for task in stage.kie.tasks] == [FOX, "a friendly fox"]


@pytest.mark.parametrize(
    ("refusal", "reason"),
    [
        (Refusal(code=400, text="Your prompt was flagged as sensitive"), FailureReason.MODERATION_PROMPT),
        (Refusal(code=500, text="The prompt was flagged by moderation"), FailureReason.MODERATION_PROMPT),
        (Refusal(code=422, text="aspect_ratio is not within the range of allowed options"), FailureReason.REJECTED),
    ],
    ids=["moderation", "moderation under 500", "field"],
)
async def test_create_call_that_is_refused_is_refunded_with_its_reason(
    refusal: Refusal, reason: FailureReason, stage: Stage, ada: Person
) -> None:
    stage.kie.faults.add(Call.CREATE, refusal, containing=OF_MEMBERS)

    await ada.types("/video", prompt=FOX)

    await failed(stage, ada, reason)
    assert creates(stage) == 1
    assert stage.kie.tasks == []


@pytest.mark.parametrize(
    "shape",
    [ResultShape.EMPTY_LIST, ResultShape.NULL, ResultShape.BROKEN],
    ids=lambda shape: shape.name,
)
async def test_success_without_a_video_is_refunded_in_the_end(shape: ResultShape, stage: Stage, ada: Person) -> None:
    stage.kie.scenarios.next(Scenario(shape=shape))
    await ada.types("/video", prompt=FOX)

    await stage.until_state(JobState.FAILED, passing=10)

    await failed(stage, ada, FailureReason.NO_RESULT)
    assert stage.kie.tasks[0].polls > 3


@pytest.mark.parametrize("shape", [ResultShape.FIRST_FRAME_LIST, ResultShape.PARSED], ids=lambda shape: shape.name)
async def test_odd_result_with_a_video_in_it_is_delivered(shape: ResultShape, stage: Stage, ada: Person) -> None:
    stage.kie.scenarios.next(Scenario(shape=shape, has_newer_record=True))

    await ada.types("/video", prompt=FOX)

    await delivered(stage, ada)


async def test_task_that_never_ends_is_given_up_at_the_outer_limit(stage: Stage, ada: Person) -> None:
    stage.kie.scenarios.next(Scenario(is_endless=True))
    handle = await ada.types("/video", prompt=FOX)
    await stage.until_state(JobState.RUNNING)
    stage.clock.advance(minutes=13)
    await stage.until(lambda: "longer than usual" in handle.text(), "a word that it takes longer", passing=1)

    await stage.until_state(JobState.FAILED, passing=300)

    await failed(stage, ada, FailureReason.TIMEOUT)


async def test_video_that_comes_after_the_refund_is_posted_with_a_note_and_costs_nothing(
    stage: Stage, ada: Person
) -> None:
    stage.kie.scenarios.next(Scenario(seconds=3 * 3600))
    await ada.types("/video", prompt=FOX)
    await stage.until_state(JobState.RUNNING)
    await stage.until_state(JobState.FAILED, passing=300)
    await failed(stage, ada, FailureReason.TIMEOUT)

    await stage.until_state(JobState.DELIVERED, passing=600)

    posted = await ada.waits_for_video()
    assert "after your credits had gone back" in text_of(posted)
    assert await stage.balance(ada) == 500
    assert len(stage.kie.tasks) == 1


async def test_task_whose_name_comes_after_the_refund_is_found_by_its_callback(stage: Stage, ada: Person) -> None:
    stage.kie.faults.add(Call.CREATE, LostAnswer(), containing=OF_MEMBERS)
    stage.kie.scenarios.next(Scenario(callback=CallbackPlan(late=6 * 3600)))
    await ada.types("/video", prompt=FOX)
    await stage.until_state(JobState.UNKNOWN)
    await stage.until_state(JobState.FAILED, passing=900)
    await failed(stage, ada, FailureReason.NO_ANSWER)

    await stage.until_state(JobState.DELIVERED, passing=900)

    await ada.waits_for_video()
    assert creates(stage) == 1
    assert await stage.balance(ada) == 500
