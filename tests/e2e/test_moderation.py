"""A moderator's evening, through the real client: report, log, stop, block, and what members see of it."""

from __future__ import annotations

from dataclasses import replace

from bot.domain.ids import ChannelId, GuildId
from bot.domain.jobs import JobState
from bot.domain.policies import Spoilers
from bot.store import policies
from bot.store.database import Connection
from sandbox.discord_server import Channel, text_of, videos_of
from sandbox.person import Person
from tests.e2e.stage import FOX, Stage, answered, asks, clicks


async def set_policy(stage: Stage, **values: object) -> None:
    def change(connection: Connection) -> None:
        policy = policies.load(connection, GuildId(stage.guild.id))
        policies.save(connection, replace(policy, **values))  # type: ignore[arg-type]  # fields of a policy

    await stage.database.write(change)


async def log_says(stage: Stage, channel: Channel, *wanted: str) -> None:
    def is_there() -> bool:
        said = "\n".join(text_of(message) for message in channel.messages.values())
        return all(text in said for text in wanted)

    await stage.until(is_there, f"{wanted} in the log", passing=1)


async def test_report_reaches_the_staff_who_stop_the_server_and_block_the_member(
    stage: Stage, ada: Person, bob: Person, mod: Person
) -> None:
    log = stage.discord.add_channel(stage.guild, "staff-log")
    await set_policy(stage, log_channel_id=ChannelId(log.id))
    await ada.types("/video", prompt=FOX)
    post = await ada.waits_for_video()
    await stage.until_state(JobState.DELIVERED)

    form = await clicks(bob, post, "Report")
    thanked = await answered(await bob.submits(form, **{"What is wrong with it?": "rude @everyone"}))
    await log_says(stage, log, f"<@{bob.user.id}>", "reported job 1 of", "Reason: rude")

    stopped = await asks(mod, "/moderate stop", reason="raid")
    refused = await asks(bob, "/video", prompt=FOX)
    await asks(mod, "/moderate block", member=ada.member, reason="rude", expiry="3d")
    await asks(mod, "/moderate resume")
    blocked = await asks(ada, "/video", prompt=FOX)
    await bob.types("/video", prompt=FOX)
    await stage.until_state(JobState.DELIVERED, number=2)
    await log_says(stage, log, "stopped all videos", "opened this server", "blocked <@", "blocked for a time")

    assert thanked.text() == "Thank you. The moderators of this server are told."
    assert "Nobody gets videos in this server from now on." in stopped.text()
    assert "raid" in refused.text()
    assert "You are blocked" in blocked.text()
    assert all(not message.mentions and "everyone" not in message.content for message in log.messages.values())


async def test_staff_has_a_deleted_video_delivered_again_under_its_own_name(
    stage: Stage, ada: Person, mod: Person
) -> None:
    await ada.types("/video", prompt=FOX)
    post = await ada.waits_for_video()
    await stage.until_state(JobState.DELIVERED)
    balance = await stage.balance(ada)
    await clicks(ada, post, "Delete")

    card = await asks(mod, "/moderate job", job=1)
    await clicks(mod, card, "Redeliver")
    await stage.until(lambda: len(stage.videos()) == 1, "the second post", passing=1)
    await stage.until_state(JobState.DELIVERED)

    assert [video.filename for video in videos_of(stage.videos()[0])] == ["cutscene-1-2.mp4"]
    assert await stage.balance(ada) == balance
    assert len(stage.kie.tasks) == 1


async def test_spoiler_policy_hides_the_video_and_a_restart_still_finds_the_post(stage: Stage, ada: Person) -> None:
    await set_policy(stage, spoilers=Spoilers.ALWAYS)
    await ada.types("/video", prompt=FOX)

    post = await ada.waits_for_video()
    await stage.until_state(JobState.DELIVERED)

    assert [video.filename for video in videos_of(post)] == ["SPOILER_cutscene-1.mp4"]


async def test_log_whose_channel_is_gone_is_told_to_the_owner_once(world: Stage, mod: Person, ada: Person) -> None:
    owner = world.joins("Owner", is_owner=True)
    await world.start()
    await set_policy(world, log_channel_id=ChannelId(404))

    await asks(mod, "/moderate block", member=ada.member, reason="rude")

    told = await owner.waits_for_message(lambda message: "staff log" in text_of(message), channel=owner.direct_messages)
    listed = await asks(mod, "/moderate log")
    assert "it is switched off" in text_of(told)
    assert "blocked" in listed.text()
