"""A video is extended and made sharper through the real client, at the provider's own prices."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest

from bot.domain.jobs import FailureReason, JobState
from bot.domain.models import Mode
from bot.i18n import texts
from bot.rendering import words
from sandbox.discord_server import Message, text_of, videos_of
from sandbox.kie_server import Body, Call, EdgePage, Refusal, Succeeded
from sandbox.person import Person
from tests.e2e.stage import FOX, PATIENCE, Stage, clicks

VEO = "veo-3-1-fast"
VEO_PRICE = 60


async def made(stage: Stage, person: Person, model: str) -> Message:
    await person.types("/video", prompt=FOX, model=model)
    first = await person.waits_for_video(PATIENCE)
    await stage.until_state(JobState.DELIVERED)
    return first


async def months_pass(stage: Stage) -> None:
    """And what was to be cleared away has been: the next file is as old as the machine's clock says, not the bot's."""
    old = stage.settings().folders.inputs / "old.png"
    old.touch()
    stage.clock.advance(days=60)
    await stage.until(lambda: not old.exists(), "old files to be cleared away")


async def test_a_video_is_extended_and_then_made_sharper(stage: Stage, ada: Person, bob: Person) -> None:
    await ada.types("/video", prompt=FOX, model="grok-imagine")
    first = await ada.waits_for_video()
    await stage.until_state(JobState.DELIVERED)

    offers = await clicks(bob, first, "Extend")
    form = await clicks(bob, offers, "Grok Imagine · 6 s · 480p · 10 credits")
    await bob.submits(form, Prompt="the fox sleeps")
    second = await bob.waits_for_video()
    await stage.until_state(JobState.DELIVERED, number=2)

    made, extended = stage.kie.tasks
    assert extended.slug == "grok-imagine/extend"
    assert extended.input["task_id"] == made.id
    assert (extended.input["extend_at"], extended.input["extend_times"]) == (6, "6")
    assert not extended.unknown_fields - {"resolution"}
    assert await stage.balance(bob) == 500 - 10

    offers = await clicks(ada, second, "Upscale")
    await clicks(ada, offers, "Topaz · 2x · 96 credits")  # 12 s, 8 a second
    await ada.waits_for_video()
    await stage.until_state(JobState.DELIVERED, number=3)

    sharper = stage.kie.tasks[-1]
    assert sharper.slug == "topaz/video-upscale"
    assert str(sharper.input["video_url"]).endswith(".mp4")
    assert (await stage.job(3)).video.mode is Mode.UPSCALE
    assert len(stage.videos()) == 3
    assert await stage.differences() == []


async def test_an_old_video_is_restyled_from_its_own_file(stage: Stage, ada: Person, bob: Person) -> None:
    first = await made(stage, ada, "grok-imagine")
    await months_pass(stage)
    [task] = stage.kie.tasks
    assert isinstance(task.end, Succeeded)
    for url in task.end.urls:
        stage.kie.faults.add(Call.RESULT, Body("gone", status=404), times=None, containing=urlsplit(url).path)

    offers = await clicks(bob, first, "Restyle")
    form = await clicks(bob, offers, "Aleph · 110 credits")
    await bob.submits(form, Prompt="as a woodcut")
    await bob.waits_for_video(PATIENCE)
    await stage.until_state(JobState.DELIVERED, number=2)

    [_, restyled], [upload] = stage.kie.tasks, stage.kie.uploads
    assert str(restyled.input["videoUrl"]).endswith(upload.path)
    assert upload.file.read_bytes() == videos_of(first)[0].path.read_bytes()
    assert stage.kie.counts[Call.DOWNLOAD_LINK] == 0
    assert await stage.balance(bob) == 500 - 110


async def test_a_video_that_the_provider_no_longer_keeps_is_not_extended_and_nothing_is_charged(
    stage: Stage, ada: Person, bob: Person
) -> None:
    first = await made(stage, ada, VEO)
    offers = await clicks(bob, first, "Extend")
    form = await clicks(bob, offers, "Veo 3.1 Fast · 720p · 60 credits")
    stage.clock.advance(days=14)

    # The form was open all the time.
    sent = await bob.submits(form, Prompt="the fox sleeps")
    await stage.until(lambda: "no longer keeps that video" in sent.text(), "a refusal")
    again = await clicks(bob, first, "Extend")

    assert "no longer keeps that video" in again.text()
    assert await stage.find(2) is None
    assert len(stage.kie.tasks) == 1
    assert await stage.balance(bob) == 500


@pytest.mark.parametrize("told", ["record is null", "only supports records within 14 days"])
@pytest.mark.parametrize(("button", "offer"), [("Extend", "720p · 60 credits"), ("Upscale", "1080p · 5 credits")])
async def test_a_video_that_the_provider_has_lost_early_is_refunded_and_says_so(
    told: str, button: str, offer: str, stage: Stage, ada: Person, bob: Person
) -> None:
    first = await made(stage, ada, VEO)
    call = Call.CREATE if button == "Extend" else Call.UPGRADE
    stage.kie.faults.add(call, Refusal(code=422, text=told), times=None)

    offers = await clicks(bob, first, button)
    form = await clicks(bob, offers, f"Veo 3.1 Fast · {offer}")
    if form.modal is not None:
        await bob.submits(form, Prompt="the fox sleeps")
    message = await bob.waits_for_message(lambda each: "could not be made" in text_of(each), PATIENCE)
    job = await stage.until_state(JobState.FAILED, number=2)

    assert job.failure is FailureReason.SOURCE_GONE
    assert words.failure_of(texts("en"), job) in text_of(message)
    assert message.components == []
    assert len([each for each in stage.kie.requests if each.fault is not None]) == 1
    assert await stage.balance(bob) == 500


async def test_a_video_that_goes_away_while_its_job_waits_is_refunded_and_says_so(
    stage: Stage, ada: Person, bob: Person
) -> None:
    first = await made(stage, ada, "grok-imagine")
    stage.kie.faults.add(Call.UPLOAD, EdgePage(503), times=None)
    offers = await clicks(bob, first, "Upscale")
    await clicks(bob, offers, "Topaz · 2x · 48 credits")
    await stage.until_seen(Call.UPLOAD)

    for file in stage.settings().folders.inputs.iterdir():
        file.unlink()
    job = await stage.until_state(JobState.FAILED, number=2, passing=5)

    assert job.failure is FailureReason.SOURCE_GONE
    assert len(stage.kie.tasks) == 1
    assert await stage.balance(bob) == 500
