"""The lines of a guild's staff log get there, whatever automatic moderation says of the words in them."""

from __future__ import annotations

import pytest

from bot.client import CutsceneClient
from bot.domain.ids import ChannelId, GuildId, JobId, UserId
from bot.domain.staff_log import StaffEvent, StaffEventKind, StaffLine
from bot.publisher import DiscordStaffRoom
from sandbox.discord_server import Channel, DiscordServer, Guild, text_of
from tests.discord_side.conftest import NotedMemory, Starter


@pytest.fixture
async def room(start: Starter, memory: NotedMemory) -> DiscordStaffRoom:
    return DiscordStaffRoom(await start(CutsceneClient(memory=memory)))


@pytest.mark.parametrize("blocked", ["badger", "walrus", "otter"])
async def test_words_that_automatic_moderation_blocks_do_not_keep_a_line_from_the_staff(
    server: DiscordServer, guild: Guild, room: DiscordStaffRoom, channel: Channel, blocked: str
) -> None:
    report = StaffEvent(
        guild_id=GuildId(guild.id), kind=StaffEventKind.REPORT, actor_id=UserId(7), job_id=JobId(12), reason="a badger"
    )
    refusal = StaffEvent(
        guild_id=GuildId(guild.id),
        kind=StaffEventKind.REFUSAL,
        user_id=UserId(8),
        details={"rule": "ForbiddenWords", "word": "otter", "prompt": "a walrus with an otter"},
    )
    lines = [StaffLine(id=n, event=event, at=server.clock(), attempts=0) for n, event in enumerate((report, refusal))]
    server.block_words(guild, blocked)

    await room.post_lines(GuildId(guild.id), ChannelId(channel.id), None, lines, "staff-1-2")

    (posted,) = channel.messages.values()
    shown = text_of(posted)
    assert "<@7> · reported job 12" in shown
    assert "refused a video of <@8>" in shown
    assert not any(word in shown for word in ("badger", "walrus", "otter"))
    assert posted.components[0]["components"][0]["custom_id"] == "staff:12:card"


async def test_guild_that_blocks_every_line_keeps_its_channel(
    server: DiscordServer, guild: Guild, room: DiscordStaffRoom, channel: Channel
) -> None:
    event = StaffEvent(guild_id=GuildId(guild.id), kind=StaffEventKind.STOP, actor_id=UserId(7))
    server.block_words(guild, "stopped")

    # No PlaceGoneError, which would switch the log off.
    await room.post_lines(
        GuildId(guild.id),
        ChannelId(channel.id),
        None,
        [StaffLine(id=1, event=event, at=server.clock(), attempts=0)],
        "staff-1-1",
    )

    assert not channel.messages
