"""The unmodified discord.py client on the local Discord: the path from login to a posted file."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import discord
import pytest
from discord import app_commands

from sandbox.discord_server import Channel, DiscordServer, Guild, text_of
from sandbox.person import Person

MP4 = b"\x00\x00\x00\x18ftypisom" + bytes(64)


async def test_client_logs_in_and_sees_its_guild(server: DiscordServer, guild: Guild, bot: Any, start: Any) -> None:
    await start(bot)

    await bot.sees("ready")

    assert bot.user.id == server.bot.id
    assert bot.get_guild(guild.id).name == "Film club"


async def test_wrong_token_is_refused(bot: Any, start: Any) -> None:
    with pytest.raises(discord.LoginFailure):
        await start(bot, token="wrong")


async def test_slash_command_is_deferred_edited_and_posted(
    server: DiscordServer, channel: Channel, ana: Person, bot: Any, start: Any, tmp_path: Path
) -> None:
    @bot.tree.command()
    async def video(interaction: discord.Interaction, prompt: str) -> None:
        """Make a video."""
        await interaction.response.defer(thinking=True)
        await interaction.edit_original_response(content=f"Working on {prompt}")
        await interaction.channel.send(
            interaction.user.mention,
            file=discord.File(io.BytesIO(MP4), "fox.mp4"),
            allowed_mentions=discord.AllowedMentions(users=[interaction.user]),
        )

    await start(bot)
    handle = await ana.types("/video", prompt="a red fox")

    await handle.answered()
    posted = await ana.waits_for_video()

    assert handle.deferred
    assert handle.text() == "Working on a red fox"
    saved = await ana.saves(posted.attachments[0], tmp_path / "fox.mp4")
    assert saved.read_bytes() == MP4


async def test_every_option_kind_arrives_as_the_library_declares_it(
    server: DiscordServer, guild: Guild, channel: Channel, ana: Person, mod: Person, bot: Any, start: Any
) -> None:
    got: dict[str, Any] = {}

    @bot.tree.command()
    @app_commands.choices(colour=[app_commands.Choice(name="Red", value="red")])
    async def every(
        interaction: discord.Interaction,
        text: str,
        whole: app_commands.Range[int, 1, 10],
        real: float,
        yes: bool,
        who: discord.Member,
        where: discord.TextChannel,
        role: discord.Role,
        file: discord.Attachment,
        colour: app_commands.Choice[str],
    ) -> None:
        """Take one of each."""
        got.update(list(interaction.namespace), content=await file.read(), colour=colour.value)
        await interaction.response.send_message("done", ephemeral=True)

    await start(bot)
    role = server.add_role(guild, "painters")
    await bot.sees("guild_role_create")
    handle = await ana.types(
        "/every",
        text="hi",
        whole=3,
        real=1.5,
        yes=True,
        who=mod.member,
        where=channel,
        role=role,
        file=MP4,
        colour="Red",
    )
    await handle.answered()

    assert handle.is_ephemeral
    assert (got["text"], got["whole"], got["real"], got["yes"], got["colour"]) == ("hi", 3, 1.5, True, "red")
    assert (got["who"].id, got["where"].id, got["role"].id) == (mod.member.id, channel.id, role.id)
    assert got["content"] == MP4
    assert got["file"].filename == "upload.mp4"


async def test_edit_brings_a_file_into_the_deferred_answer(ana: Person, bot: Any, start: Any) -> None:
    @bot.tree.command()
    async def picture(interaction: discord.Interaction) -> None:
        """Show a file."""
        await interaction.response.defer(ephemeral=True)
        await interaction.edit_original_response(
            content="here", attachments=[discord.File(io.BytesIO(b"x"), "a b.txt")]
        )

    await start(bot)
    handle = await (await ana.types("/picture")).until(lambda handle: handle.message and handle.message.attachments)

    assert handle.is_ephemeral
    assert [each.filename for each in handle.message.attachments] == ["a_b.txt"]


async def test_nested_sub_command_reaches_its_callback(ana: Person, bot: Any, start: Any) -> None:
    jobs = app_commands.Group(name="jobs", description="Jobs")

    @jobs.command(name="list")
    async def list_jobs(interaction: discord.Interaction, page: int = 1) -> None:
        """List them."""
        await interaction.response.send_message(f"page {page}")

    bot.tree.add_command(jobs)
    await start(bot)
    handle = await (await ana.types("/jobs list", page=2)).answered()

    assert handle.text() == "page 2"


async def test_autocomplete_suggests_what_the_bot_offers(ana: Person, bot: Any, start: Any) -> None:
    @bot.tree.command()
    async def video(interaction: discord.Interaction, model: str, prompt: str) -> None:
        """Make a video."""

    @video.autocomplete("model")
    async def models(interaction: discord.Interaction, current: str) -> list[app_commands.Choice[str]]:
        return [app_commands.Choice(name=f"{current} {interaction.namespace.prompt}", value="m")]

    await start(bot)
    offered = await ana.suggestions("/video", "model", typed="see", prompt="fox")

    assert [(each.name, each.value) for each in offered] == [("see fox", "m")]


async def test_same_nonce_posts_once(server: DiscordServer, channel: Channel, bot: Any, start: Any) -> None:
    await start(bot)
    target = bot.get_partial_messageable(channel.id)

    first = await target.send("one", nonce="job-1")
    second = await target.send("two", nonce="job-1")

    assert first.id == second.id
    assert [text_of(each) for each in channel.messages.values()] == ["one"]
