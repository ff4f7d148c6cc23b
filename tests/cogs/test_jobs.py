"""/jobs: one's own list, one job in detail, and cancelling."""

from __future__ import annotations

import pytest

from bot.domain.ids import ChannelId, MessageId, TaskId
from bot.domain.jobs import FailureReason, Job, JobState, Move, Result, StoredVideo
from sandbox.discord_server import NotOfferedError
from sandbox.person import Person
from tests.cogs.conftest import Stage, asked, clicked


async def kept(stage: Stage) -> Job:
    """The video is there, and could be posted nowhere."""
    job = await stage.submits(1)
    for move in (
        Move(to=JobState.RUNNING, task_id=TaskId("t-1")),
        Move(to=JobState.FETCHING, result=Result(url="https://files.test/v.mp4")),
        Move(to=JobState.DELIVERING, stored=StoredVideo(name="1.mp4", size=1000)),
        Move(to=JobState.PARKED, after=None),
    ):
        job = await stage.lifecycle.apply(job, move)
    return job


async def test_empty_list_says_what_to_do(stage: Stage, ana: Person) -> None:
    handle = await asked(ana, "/jobs list")

    assert "Type /video to make your first one." in handle.text()
    assert handle.is_ephemeral


async def test_list_shows_ones_own_jobs_newest_first(stage: Stage, ana: Person, ben: Person) -> None:
    await asked(ana, "/video", prompt="a red fox", duration=4)
    await asked(ben, "/video", prompt="a blue whale")
    await asked(ana, "/video", prompt="a *green* frog", duration=4)
    _, posted = await stage.delivers(1)

    text = (await asked(ana, "/jobs list")).text()

    assert text.index("**3** · waiting · Seedance 2 Fast · 100 credits") < text.index("**1** · posted")
    assert f"https://discord.com/channels/{stage.guild.id}/{stage.channel.id}/{posted.id}" in text
    assert r"a \*green\* frog" in text
    assert "whale" not in text


async def test_list_is_turned_with_its_buttons(stage: Stage, ana: Person) -> None:
    await stage.allow(10_000)
    for number in range(1, 13):
        await asked(ana, "/video", prompt=f"fox {number}", duration=4)

    handle = await asked(ana, "/jobs list")
    assert [button.label for button in handle.buttons] == ["Next page"]
    assert "fox 12" in handle.text()
    assert handle.message is not None
    message = handle.message
    turned = await ana.clicks(handle, "Next page")
    await turned.until(lambda _: "fox 2" in handle.text())

    assert "Page 2" in handle.text()
    assert "fox 12" not in handle.text()
    assert handle.message is message
    assert [button.label for button in handle.buttons] == ["Previous page"]


async def test_page_beyond_the_end_says_so(stage: Stage, ana: Person) -> None:
    assert "There is no page 7." in (await asked(ana, "/jobs list", page=7)).text()


async def test_list_of_long_prompts_fits(stage: Stage, ana: Person) -> None:
    await stage.allow(10_000)
    for number in range(10):
        await asked(ana, "/video", prompt=f"{number}" + "*_" * 2000, duration=4)
        await stage.delivers(number + 1)

    handle = await asked(ana, "/jobs list")

    assert "**10**" in handle.text()
    assert "**1**" in handle.text()


async def test_details_tell_the_whole_story(stage: Stage, ana: Person) -> None:
    await asked(ana, "/video", prompt="a red fox", duration=4)
    _, posted = await stage.delivers(1, credits=80)

    handle = await asked(ana, "/jobs show", job=1)

    text = handle.text()
    assert handle.is_ephemeral
    assert "Job 1: posted" in text
    assert "a red fox" in text
    assert "Model: Seedance 2 Fast · from text" in text
    assert "aspect 16:9 · duration 4 · quality 720p · audio True" in text
    assert "Cost: 80 credits; 20 credits returned" in text
    assert "being made" in text
    assert f"/{posted.id}" in text


async def test_details_of_a_failure_say_why_and_that_it_cost_nothing(stage: Stage, ana: Person, mod: Person) -> None:
    await asked(ana, "/video", prompt="a red fox", duration=4)
    await stage.fails(1, FailureReason.MODERATION, "vendor words")

    own = (await asked(ana, "/jobs show", job=1)).text()
    staff = (await asked(mod, "/jobs show", job=1)).text()

    assert "failed, credits returned" in own
    assert "safety filter refused it" in own
    assert "the picture" not in own
    assert "nothing; 100 credits returned" in own
    assert "vendor words" not in own
    assert "vendor words" in staff


async def test_details_of_the_longest_prompt_fit(stage: Stage, ana: Person) -> None:
    await asked(ana, "/video", prompt="*" * 6000, duration=4)

    assert "Job 1: waiting" in (await asked(ana, "/jobs show", job=1)).text()


async def test_job_of_somebody_else_is_not_found(stage: Stage, ana: Person, ben: Person) -> None:
    await asked(ana, "/video", prompt="a red fox")

    handle = await asked(ben, "/jobs show", job=1)

    assert handle.text() == "You have no job 1 in this server. `/jobs list` shows yours."
    assert handle.is_ephemeral


async def test_job_of_another_guild_is_not_found_even_for_its_staff(stage: Stage, ana: Person) -> None:
    await asked(ana, "/video", prompt="a red fox")
    elsewhere = stage.server.add_guild("Elsewhere")
    channel = stage.server.add_channel(elsewhere, "videos")
    eve = Person.joins(stage.server, elsewhere, "eve", channel, is_moderator=True)

    shown = await asked(eve, "/jobs show", job=1)
    cancelled = await asked(eve, "/jobs cancel", job=1)

    assert "You have no job 1 in this server." in shown.text()
    assert "You have no job 1 in this server." in cancelled.text()
    assert (await stage.job()).state is JobState.QUEUED


async def test_number_beyond_all_jobs_is_not_found(stage: Stage, ana: Person) -> None:
    assert "You have no job 9007199254740991" in (await asked(ana, "/jobs show", job=2**53 - 1)).text()
    with pytest.raises(NotOfferedError):
        await ana.types("/jobs show", job=0)


async def test_waiting_job_is_cancelled_and_refunded(stage: Stage, ana: Person) -> None:
    await asked(ana, "/video", prompt="a red fox")

    handle = await asked(ana, "/jobs cancel", job=1)

    assert handle.text() == "Job 1 is cancelled. Its 124 credits are back."
    assert await stage.balance(ana) == 500
    assert await stage.differences() == []


async def test_job_at_the_provider_is_not_cancelled(stage: Stage, ana: Person) -> None:
    await asked(ana, "/video", prompt="a red fox")
    await stage.submits(1)

    handle = await asked(ana, "/jobs cancel", job=1)

    assert "Job 1 is already being made and cannot be stopped any more." in handle.text()


async def test_job_is_cancelled_only_once(stage: Stage, ana: Person) -> None:
    card = await asked(ana, "/video", prompt="a red fox")
    await clicked(ana, card, "Cancel")

    handle = await asked(ana, "/jobs cancel", job=1)

    assert "Job 1 has already ended." in handle.text()
    assert await stage.balance(ana) == 500


@pytest.mark.parametrize("where", ["another guild", "its own guild again", "direct messages"])
async def test_a_claimed_video_is_linked_where_it_is(stage: Stage, ana: Person, where: str) -> None:
    other = stage.server.add_guild("Somewhere else")
    there = stage.server.add_channel(other, "videos")
    elsewhere = Person(stage.server, stage.server.add_member(other, ana.user), there)
    await asked(ana, "/video", prompt="a fox")
    await kept(stage)

    await asked(elsewhere, "/jobs claim", job=1)
    channel = there
    if where != "another guild":
        await stage.lifecycle.apply(await stage.job(), Move(to=JobState.PARKED, after=None))
        channel = ana.direct_messages if where == "direct messages" else stage.channel
        await asked(ana, "/jobs claim", channel=channel, job=1)
    delivered = Move(
        to=JobState.DELIVERED, after=None, message_id=MessageId(77), message_channel_id=ChannelId(channel.id)
    )
    await stage.lifecycle.apply(await stage.job(), delivered)

    guild = {"another guild": other.id, "its own guild again": stage.guild.id, "direct messages": "@me"}[where]
    link = f"https://discord.com/channels/{guild}/{channel.id}/77"
    assert link in (await asked(ana, "/jobs show", job=1)).text()
    assert link in (await asked(ana, "/jobs list")).text()


async def test_video_for_adults_is_not_claimed_into_a_channel_for_everybody(stage: Stage, ana: Person) -> None:
    adults = stage.server.add_channel(stage.guild, "adults", nsfw=True)
    spicy = {"prompt": "a fox", "model": "grok-imagine", "style": "spicy"}
    await asked(ana, "/video", channel=adults, **spicy)
    job = await kept(stage)

    refused = await asked(ana, "/jobs claim", job=1)
    assert "`spicy` is only possible in channels with an age limit" in refused.text()
    assert await stage.job() == job

    taken = await asked(ana, "/jobs claim", channel=adults, job=1)
    assert "is coming here" in taken.text()
