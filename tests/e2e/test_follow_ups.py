"""A video is extended and made sharper through the real client, at the provider's own prices."""

from __future__ import annotations

from bot.domain.jobs import JobState
from bot.domain.models import Mode
from sandbox.person import Person
from tests.e2e.stage import FOX, Stage, clicks


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
