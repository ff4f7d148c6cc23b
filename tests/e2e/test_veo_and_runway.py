"""Kie's older routes from a command to a post: Veo and Runway, whose records, flags and callbacks are all different."""

from __future__ import annotations

import pytest

from bot.domain.jobs import FailureReason, JobState
from bot.domain.models import Mode
from bot.i18n import texts
from bot.rendering import words
from sandbox.discord_server import text_of
from sandbox.kie_server import Call, CallbackPlan, Failure, Failures, LostAnswer, ResultShape, Scenario
from sandbox.person import Person
from tests.e2e.stage import FOX, PATIENCE, Stage, clicks
from tests.media.drawings import drawn

VEO, VEO_PRICE = "veo-3-1-fast", 60
RUNWAY_PRICE = 12


async def delivered(stage: Stage, person: Person, price: int) -> None:
    await person.waits_for_video(PATIENCE)
    await stage.until_state(JobState.DELIVERED)
    assert await stage.balance(person) == 500 - price


async def test_words_become_a_veo_video(stage: Stage, ada: Person) -> None:
    await ada.types("/video", model=VEO, prompt=FOX, aspect="9:16", duration=4, seed=12345)

    await delivered(stage, ada, VEO_PRICE)
    [task] = stage.kie.tasks
    assert not task.unknown_fields
    sent = {name: task.input[name] for name in ("model", "prompt", "aspect_ratio", "duration", "seeds")}
    assert sent == {"model": "veo3_fast", "prompt": FOX, "aspect_ratio": "9:16", "duration": 4, "seeds": 12345}
    assert "generationType" in task.input
    # The callback's own body was enough to know which task to ask about.
    [callback] = stage.kie.callbacks
    assert callback.status == 200
    assert task.polls == 1


async def test_picture_becomes_a_veo_video(stage: Stage, ada: Person) -> None:
    await ada.types("/video", model=VEO, prompt=FOX, image=drawn("JPEG", (1280, 720)))

    await delivered(stage, ada, VEO_PRICE)
    [task], [upload] = stage.kie.tasks, stage.kie.uploads
    [url] = task.input["imageUrls"]  # type: ignore[misc]  # what the sandbox was sent
    assert str(url).endswith(upload.path)
    assert upload.content_type == "image/jpeg"


async def test_words_become_a_runway_video(stage: Stage, ada: Person) -> None:
    await ada.types("/video", model="runway", prompt=FOX)

    await delivered(stage, ada, RUNWAY_PRICE)
    [task] = stage.kie.tasks
    assert (task.slug, task.unknown_fields) == ("runway", frozenset())
    [callback] = stage.kie.callbacks
    assert callback.status == 200


@pytest.mark.parametrize(
    ("model", "failure", "reason"),
    [
        # successFlag 2: stopped before it was made; 3: while it was made.
        (VEO, Failures.LANGUAGE, FailureReason.LANGUAGE),
        (VEO, Failures.MODERATION_POLICY, FailureReason.MODERATION_PROMPT),
        (VEO, Failures.MODERATION_MINOR, FailureReason.PERSON),
        ("runway", Failures.MODERATOR, FailureReason.MODERATION_PROMPT),
    ],
)
async def test_refused_video_is_refunded_and_says_why(
    model: str, failure: Failure, reason: FailureReason, stage: Stage, ada: Person
) -> None:
    stage.kie.scenarios.next(Scenario(failure=failure))

    await ada.types("/video", model=model, prompt=FOX)

    message = await ada.waits_for_message(lambda each: "could not be made" in text_of(each), PATIENCE)
    job = await stage.until_state(JobState.FAILED)
    assert job.failure is reason
    assert words.failure_of(texts("en"), job) in text_of(message)
    assert await stage.balance(ada) == 500


async def test_lost_answer_of_veo_is_found_by_its_callback(stage: Stage, ada: Person) -> None:
    stage.kie.faults.add(Call.CREATE, LostAnswer(), containing="/veo/generate")

    await ada.types("/video", model=VEO, prompt=FOX)

    await delivered(stage, ada, VEO_PRICE)
    assert len(stage.kie.tasks) == 1


async def test_veo_success_in_an_odd_shape_is_a_video_and_without_one_a_refund(stage: Stage, ada: Person) -> None:
    stage.kie.scenarios.next(Scenario(shape=ResultShape.AS_TEXT))
    await ada.types("/video", model=VEO, prompt=FOX)
    await delivered(stage, ada, VEO_PRICE)

    stage.kie.scenarios.next(Scenario(shape=ResultShape.NULL, callback=CallbackPlan(copies=0)))
    await ada.types("/video", model=VEO, prompt=FOX)
    await stage.until_state(JobState.RUNNING, number=2)  # The clock must not run away from an unanswered command.
    job = await stage.until_state(JobState.FAILED, number=2, passing=5)

    assert job.failure is FailureReason.NO_RESULT
    assert await stage.balance(ada) == 500 - VEO_PRICE


async def test_veo_that_is_switched_off_is_not_offered_again(stage: Stage, ada: Person) -> None:
    stage.kie.veo.is_paused = True
    await ada.types("/video", model=VEO, prompt=FOX)
    job = await stage.until_state(JobState.FAILED)

    again = await ada.types("/video", model=VEO, prompt=FOX)

    await stage.until(lambda: "switched off" in again.text(), "a refusal", passing=0.1)
    assert job.failure is FailureReason.MODEL_PAUSED
    assert await stage.balance(ada) == 500


async def test_veo_video_is_extended_and_made_larger(stage: Stage, ada: Person, bob: Person) -> None:
    await ada.types("/video", model=VEO, prompt=FOX)
    first = await ada.waits_for_video(PATIENCE)
    await stage.until_state(JobState.DELIVERED)

    offers = await clicks(bob, first, "Extend")
    form = await clicks(bob, offers, "Veo 3.1 Fast · 720p · 60 credits")
    await bob.submits(form, Prompt="the fox sleeps")
    await bob.waits_for_video(PATIENCE)
    await stage.until_state(JobState.DELIVERED, number=2)

    made, extended = stage.kie.tasks
    assert extended.source is made
    assert (extended.input["prompt"], extended.input["model"]) == ("the fox sleeps", "fast")
    assert not extended.unknown_fields
    assert await stage.balance(bob) == 500 - 60

    # Its first question makes the larger version, the lost answer is asked for again, and both are paid once.
    stage.kie.faults.add(Call.UPGRADE, LostAnswer())
    offers = await clicks(ada, first, "Upscale")
    await clicks(ada, offers, "Veo 3.1 Fast · 1080p · 5 credits")
    await stage.until_state(JobState.DELIVERED, number=3, passing=5)

    larger = stage.kie.tasks[-1]
    assert (larger.slug, larger.source) == ("veo/get-1080p-video", made)
    assert len(stage.kie.tasks) == 3
    assert (await stage.job(3)).task_id == f"1080p:{made.id}"
    assert stage.kie.counts[Call.UPGRADE] >= 2
    assert await stage.balance(ada) == 500 - VEO_PRICE - 5
    assert stage.kie.account.balance == 10_000 - 60 - 60 - 5
    assert len(stage.videos()) == 3
    assert await stage.differences() == []


async def test_posted_video_is_restyled_by_aleph(stage: Stage, ada: Person, bob: Person) -> None:
    await ada.types("/video", prompt=FOX)
    first = await ada.waits_for_video(PATIENCE)
    await stage.until_state(JobState.DELIVERED)

    offers = await clicks(bob, first, "Restyle")
    form = await clicks(bob, offers, "Aleph · 110 credits")
    await bob.submits(form, Prompt="as a charcoal drawing")
    second = await bob.waits_for_video(PATIENCE)
    job = await stage.until_state(JobState.DELIVERED, number=2)

    task, upload = stage.kie.tasks[-1], stage.kie.uploads[-1]
    assert (task.slug, task.prompt, task.unknown_fields) == ("aleph", "as a charcoal drawing", frozenset())
    assert str(task.input["videoUrl"]).endswith(upload.path)
    assert upload.content_type == "video/mp4"
    assert (job.provider, job.video.mode) == ("kie_aleph", Mode.RESTYLE)
    assert await stage.balance(bob) == 500 - 110

    # What came of it can be made again: the video that it was made from is still there.
    stage.kie.scenarios.next(Scenario(failure=Failures.INTERNAL))
    await clicks(bob, second, "Again")
    failed = await stage.until_state(JobState.FAILED, number=3, passing=5)
    assert failed.failure is FailureReason.UPSTREAM
    assert await stage.balance(bob) == 500 - 110
