"""Down the ladder with real messages: threads that close, forums, guilds that are left, and what is claimed."""

from __future__ import annotations

import pytest

from bot.domain.jobs import JobState
from sandbox.discord_server import text_of, videos_of
from sandbox.kie_server import Scenario
from sandbox.person import Person
from tests.e2e.stage import FOX, PATIENCE, PRICE, Stage, asks


async def rendering(stage: Stage, person: Person) -> None:
    """A job whose video is not ready before the test lets the time go by."""
    stage.kie.scenarios.next(Scenario(seconds=30))
    await person.types("/video", prompt=FOX)
    await stage.until_state(JobState.RUNNING)


def in_thread(stage: Stage, person: Person, kind: str = "text") -> None:
    """From now on the person types in a thread, or in a post of a forum."""
    parent = stage.channel if kind == "text" else stage.discord.add_channel(stage.guild, "ideas", "forum")
    person.channel = stage.discord.add_channel(stage.guild, "foxes", "thread", parent=parent)


async def settled(stage: Stage, person: Person) -> None:
    await stage.until_state(JobState.DELIVERED)
    assert await stage.balance(person) == 500 - PRICE
    assert len(stage.kie.tasks) == 1


@pytest.mark.parametrize("kind", ["text", "forum"])
async def test_video_asked_for_in_a_thread_or_a_forum_post_is_posted_there(
    kind: str, stage: Stage, ada: Person
) -> None:
    in_thread(stage, ada, kind)
    await rendering(stage, ada)

    stage.clock.advance(seconds=40)

    posted = await ada.waits_for_video(PATIENCE)
    assert posted.channel is ada.channel
    await settled(stage, ada)


async def test_video_for_a_thread_that_was_archived_meanwhile_opens_it_again(stage: Stage, ada: Person) -> None:
    in_thread(stage, ada)
    await rendering(stage, ada)
    stage.discord.set_thread(ada.channel, archived=True)

    stage.clock.advance(seconds=40)

    await ada.waits_for_video(PATIENCE)
    await settled(stage, ada)


@pytest.mark.parametrize("kind", ["text", "forum"])
async def test_video_for_a_thread_that_was_locked_meanwhile_goes_to_its_member(
    kind: str, stage: Stage, ada: Person
) -> None:
    in_thread(stage, ada, kind)
    await rendering(stage, ada)
    stage.discord.set_thread(ada.channel, archived=True, locked=True)

    stage.clock.advance(seconds=40)

    await ada.waits_for_message(videos_of, PATIENCE, ada.direct_messages)
    assert stage.posts() == []
    await settled(stage, ada)


async def test_video_for_a_guild_that_threw_the_bot_out_goes_to_its_member(stage: Stage, ada: Person) -> None:
    # Discord lets a bot write to people with whom it shares a guild.
    stage.discord.add_member(stage.discord.add_guild("Another club"), ada.user)
    await rendering(stage, ada)
    stage.discord.remove_bot(stage.guild)

    stage.clock.advance(seconds=40)

    await ada.waits_for_message(videos_of, PATIENCE, ada.direct_messages)
    await settled(stage, ada)


async def test_video_of_a_member_who_left_meanwhile_is_posted_where_it_was_asked_for(stage: Stage, ada: Person) -> None:
    await rendering(stage, ada)
    stage.discord.remove_member(ada.member)

    stage.clock.advance(seconds=40)

    await settled(stage, ada)
    (posted,) = stage.videos()
    assert posted.channel is stage.channel


async def test_video_of_a_member_who_left_is_kept_where_its_channel_is_gone_too(stage: Stage, ada: Person) -> None:
    await rendering(stage, ada)
    stage.discord.remove_member(ada.member)
    stage.discord.delete_channel(stage.channel)

    stage.clock.advance(seconds=40)

    job = await stage.until_state(JobState.PARKED)
    assert job.stored is not None
    assert list(ada.direct_messages.messages.values()) == []
    assert await stage.balance(ada) == 500 - PRICE


async def test_video_that_nobody_takes_is_shown_as_kept_and_comes_where_it_is_claimed(
    stage: Stage, ada: Person
) -> None:
    elsewhere = stage.discord.add_channel(stage.guild, "elsewhere")
    await rendering(stage, ada)
    stage.discord.delete_channel(stage.channel)
    stage.discord.close_direct_messages(ada.user)
    stage.clock.advance(seconds=40)
    await stage.until_state(JobState.PARKED)
    ada.channel = elsewhere

    listed = await asks(ada, "/jobs list")
    claimed = await asks(ada, "/jobs claim", job=1)
    posted = await ada.waits_for_video(PATIENCE)

    assert "kept" in listed.text().lower()
    assert "coming here" in claimed.text()
    assert posted.channel is elsewhere
    assert f"{PRICE} credits" in text_of(posted)
    await settled(stage, ada)
    again = await asks(ada, "/jobs claim", job=1)
    assert "coming here" not in again.text()
    assert len(stage.posts()) == 1


async def test_kept_video_outlives_a_restart_and_is_claimed_after_it(stage: Stage, ada: Person) -> None:
    elsewhere = stage.discord.add_channel(stage.guild, "elsewhere")
    await rendering(stage, ada)
    stage.discord.delete_channel(stage.channel)
    stage.discord.close_direct_messages(ada.user)
    stage.clock.advance(seconds=40)
    await stage.until_state(JobState.PARKED)
    await stage.crash()
    await stage.start()
    ada.channel = elsewhere

    await asks(ada, "/jobs claim", job=1)

    await ada.waits_for_video(PATIENCE)
    await settled(stage, ada)
