"""Whatever goes wrong in a command, a button or a form, the person is told, and nobody else."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import Any, Self

import discord
import pytest
from discord import app_commands
from discord.ext import commands

from bot.client import CutsceneClient, InteractionGoneError, defer, guarded, missing_permissions
from bot.errors.jobs import TooLateError
from bot.errors.staff import NotAllowedError
from sandbox.discord_server import Channel, DiscordServer, Fault, Guild, Permission, text_of
from sandbox.person import Person
from tests.discord_side.conftest import NotedMemory, Starter
from tests.logged import logged

Act = Callable[[discord.Interaction], Awaitable[None]]

BROKEN = re.compile(r"Something broke on our side\. Reference `([0-9A-F]{4})`\.")


async def refuse(interaction: discord.Interaction) -> None:
    raise TooLateError(job=12)


async def not_allowed(interaction: discord.Interaction) -> None:
    raise NotAllowedError


class Stage(commands.Cog):
    """One command that does what the test wants."""

    def __init__(self, act: Act) -> None:
        self._act = act

    @app_commands.command()
    async def act(self, interaction: discord.Interaction) -> None:
        """Do it"""
        await self._act(interaction)


class Again(discord.ui.DynamicItem[discord.ui.Button[Any]], template=r"job:(?P<id>\d+):again"):
    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction[Any], item: discord.ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        assert isinstance(item, discord.ui.Button)
        return cls(item)

    @guarded
    async def callback(self, interaction: discord.Interaction) -> None:
        await defer(interaction, ephemeral=False)
        raise TooLateError(job=12)


class Form(discord.ui.Modal, title="Prompt"):
    prompt: discord.ui.Label[Self] = discord.ui.Label(text="Prompt", component=discord.ui.TextInput(required=False))

    @guarded
    async def on_submit(self, interaction: discord.Interaction) -> None:
        raise TooLateError(job=12)


class Confirm(discord.ui.View):
    """Stops listening as the first thing it does."""

    @discord.ui.button(label="Yes", custom_id="yes")
    async def yes(self, interaction: discord.Interaction, button: discord.ui.Button[Self]) -> None:
        self.stop()
        await interaction.response.send_message("done", ephemeral=True)


Play = Callable[..., Awaitable[CutsceneClient]]


@pytest.fixture
def play(start: Starter, memory: NotedMemory) -> Play:
    """Start a client whose /act does what is given."""

    async def begin(act: Act = refuse, **options: Any) -> CutsceneClient:
        return await start(CutsceneClient(cogs=[Stage(act)], dynamic_items=[Again], memory=memory, **options))

    return begin


async def test_refusal_is_told_to_the_person_only(ana: Person, play: Play) -> None:
    await play()

    handle = await (await ana.types("/act")).answered()

    assert handle.text() == "Job 12 is already being made and cannot be stopped any more."
    assert handle.is_ephemeral


async def test_refusal_is_told_in_the_reader_s_language(
    server: DiscordServer, guild: Guild, channel: Channel, play: Play
) -> None:
    vera = Person.joins(server, guild, "vera", channel, locale="ru")
    await play(not_allowed)

    handle = await (await vera.types("/act")).answered()

    assert handle.text() == "Только для модераторов."


async def test_bug_shows_a_reference_and_logs_the_traceback_under_it(ana: Person, play: Play) -> None:
    async def fail(interaction: discord.Interaction) -> None:
        raise ZeroDivisionError("the answer to everything")

    await play(fail)
    with logged() as log:
        handle = await (await ana.types("/act")).answered()

    told = BROKEN.fullmatch(handle.text())
    assert told
    assert f"reference={told[1]}" in log.getvalue()
    assert "ZeroDivisionError: the answer to everything" in log.getvalue()
    assert "in fail" in log.getvalue()


async def test_public_waiting_message_gives_way_to_a_private_refusal(ana: Person, play: Play) -> None:
    async def think_and_refuse(interaction: discord.Interaction) -> None:
        await defer(interaction, ephemeral=False)
        raise TooLateError(job=12)

    await play(think_and_refuse)

    handle = await (await ana.types("/act")).until(lambda each: each.followups)

    assert handle.message is None
    assert [each.is_ephemeral for each in handle.followups] == [True]
    assert "Job 12" in handle.text()


async def test_waiting_message_that_cannot_be_deleted_becomes_the_refusal(
    server: DiscordServer, ana: Person, play: Play
) -> None:
    async def think_and_refuse(interaction: discord.Interaction) -> None:
        await defer(interaction, ephemeral=False)
        raise TooLateError(job=12)

    await play(think_and_refuse)
    server.faults.add(Fault(method="DELETE", path="@original", status=403, code=50013))

    handle = await (await ana.types("/act")).answered()

    assert "Job 12" in handle.text()
    assert handle.followups == []


async def test_private_waiting_message_becomes_the_refusal(ana: Person, play: Play) -> None:
    async def think_and_refuse(interaction: discord.Interaction) -> None:
        await defer(interaction, ephemeral=True)
        raise TooLateError(job=12)

    await play(think_and_refuse)

    handle = await (await ana.types("/act")).answered()

    assert handle.is_ephemeral
    assert "Job 12" in handle.text()
    assert handle.followups == []


async def test_interaction_that_discord_gave_up_stops_the_command_quietly(
    server: DiscordServer, ana: Person, play: Play
) -> None:
    gone = asyncio.Event()

    async def think(interaction: discord.Interaction) -> None:
        try:
            await defer(interaction, ephemeral=False)
        except InteractionGoneError:
            gone.set()
            raise

    await play(think)
    server.faults.add(Fault(method="POST", path="/callback", status=404, code=10062))
    with logged() as log:
        await ana.types("/act")
        await asyncio.wait_for(gone.wait(), 5)
        await asyncio.sleep(0)

    assert "interaction_gone" in log.getvalue()
    assert "interaction_failed" not in log.getvalue()
    assert len(server.requests.find("POST", "/callback")) == 1


async def test_acknowledgement_whose_answer_was_lost_is_one_and_the_command_goes_on(
    server: DiscordServer, ana: Person, play: Play
) -> None:
    async def think(interaction: discord.Interaction) -> None:
        await defer(interaction, ephemeral=False)
        await interaction.edit_original_response(content="here")

    await play(think)
    server.faults.add(Fault(method="POST", path="/callback", status=None, drop=True, after_effect=True))

    handle = await (await ana.types("/act")).answered()

    assert handle.text() == "here"
    assert [each.status for each in server.requests.find("POST", "/callback")][1:] == [400]


async def test_replayed_interaction_goes_on_as_the_same_one(server: DiscordServer, ana: Person, play: Play) -> None:
    seen: list[int] = []
    both = asyncio.Event()

    async def think(interaction: discord.Interaction) -> None:
        await defer(interaction, ephemeral=False)
        seen.append(interaction.id)
        if len(seen) == 2:
            both.set()

    await play(think)
    handle = await (await ana.types("/act")).acknowledged()

    server.redeliver(handle.interaction)
    await asyncio.wait_for(both.wait(), 5)

    assert len(set(seen)) == 1


async def test_guild_that_is_not_served_hears_so(server: DiscordServer, guild: Guild, ana: Person, play: Play) -> None:
    calls: list[int] = []

    async def note(interaction: discord.Interaction) -> None:
        calls.append(interaction.id)

    await play(note, is_served=lambda each: each != guild.id)

    handle = await (await ana.types("/act")).answered()

    assert handle.text() == "The host of this bot has not opened it for this server."
    assert calls == []


async def test_served_guild_is_served(guild: Guild, ana: Person, play: Play) -> None:
    await play(is_served=lambda each: each == guild.id)

    handle = await (await ana.types("/act")).answered()

    assert "Job 12" in handle.text()


async def test_error_in_a_button_is_answered(channel: Channel, ana: Person, play: Play) -> None:
    client = await play()
    message = await _post_button(client, channel, "job:12:again")

    handle = await (await ana.clicks(message, "Press")).until(lambda each: each.followups)

    assert "Job 12" in handle.text()
    assert handle.followups[0].is_ephemeral
    assert not message.is_deleted


async def test_button_in_a_guild_that_is_not_served_is_refused(
    guild: Guild, channel: Channel, ana: Person, play: Play
) -> None:
    client = await play(is_served=lambda each: each != guild.id)
    message = await _post_button(client, channel, "job:12:again")

    handle = await (await ana.clicks(message, "Press")).answered()

    assert handle.text() == "The host of this bot has not opened it for this server."


async def test_unknown_button_is_said_to_be_stale(channel: Channel, ana: Person, play: Play) -> None:
    client = await play()
    message = await _post_button(client, channel, "of:another:version")

    handle = await (await ana.clicks(message, "Press")).answered()

    assert handle.text() == "This button is no longer active."
    assert handle.is_ephemeral


async def test_error_in_a_form_is_answered(ana: Person, play: Play) -> None:
    async def ask(interaction: discord.Interaction) -> None:
        await interaction.response.send_modal(Form())

    await play(ask)
    opened = await (await ana.types("/act")).answered()

    handle = await (await ana.submits(opened)).answered()

    assert "Job 12" in handle.text()


async def test_form_from_before_a_restart_is_said_to_be_stale(ana: Person, play: Play) -> None:
    async def ask(interaction: discord.Interaction) -> None:
        form = Form()
        await interaction.response.send_modal(form)
        form.stop()  # What a restart does: nobody knows the form any more.

    await play(ask)
    opened = await (await ana.types("/act")).answered()

    handle = await (await ana.submits(opened)).answered()

    assert handle.text() == (
        "This form was open for too long, or I was restarted meanwhile. Nothing was changed; please open it again."
    )
    assert handle.is_ephemeral


async def test_view_that_stops_itself_first_is_not_called_stale(server: DiscordServer, ana: Person, play: Play) -> None:
    async def ask(interaction: discord.Interaction) -> None:
        await interaction.response.send_message("sure?", view=Confirm(), ephemeral=True)

    await play(ask)
    asked = await (await ana.types("/act")).answered()

    handle = await (await ana.clicks(asked, "Yes")).answered()

    assert handle.text() == "done"
    assert len(server.requests.find("POST", f"/interactions/{handle.interaction.id}/")) == 1


async def test_check_that_refuses_is_answered(ana: Person, start: Starter, memory: NotedMemory) -> None:
    class Checked(Stage):
        async def interaction_check(self, interaction: discord.Interaction[Any], /) -> bool:
            raise TooLateError(job=12)

    await start(CutsceneClient(cogs=[Checked(refuse)], memory=memory))

    handle = await (await ana.types("/act")).answered()

    assert "Job 12" in handle.text()


async def test_check_that_says_no_is_answered(ana: Person, start: Starter, memory: NotedMemory) -> None:
    class Checked(Stage):
        async def interaction_check(self, interaction: discord.Interaction[Any], /) -> bool:
            return False

    await start(CutsceneClient(cogs=[Checked(refuse)], memory=memory))

    handle = await (await ana.types("/act")).answered()

    assert handle.text() == "Only people who may manage this server can do this."


async def test_command_that_this_version_does_not_have_is_answered(ana: Person, play: Play) -> None:
    client = await play()
    client.tree.remove_command("act")

    handle = await (await ana.types("/act")).answered()

    assert handle.text() == "This command has just changed. Restart Discord and try again."


@pytest.mark.parametrize(
    ("denied", "named"),
    [
        (Permission.ATTACH_FILES, ["Attach Files"]),
        (Permission.SEND_MESSAGES | Permission.EMBED_LINKS, ["Send Messages", "Embed Links"]),
        (Permission(0), []),
    ],
)
async def test_missing_permissions_are_named(
    server: DiscordServer, channel: Channel, ana: Person, play: Play, denied: Permission, named: list[str]
) -> None:
    found: list[list[str]] = []

    async def look(interaction: discord.Interaction) -> None:
        found.append(missing_permissions(interaction))
        await interaction.response.send_message("looked", ephemeral=True)

    server.deny(channel, denied)
    await play(look)

    await (await ana.types("/act")).answered()

    assert found == [named]


async def test_thread_needs_its_own_permission(
    server: DiscordServer, guild: Guild, channel: Channel, ana: Person, play: Play
) -> None:
    found: list[list[str]] = []

    async def look(interaction: discord.Interaction) -> None:
        found.append(missing_permissions(interaction))
        await interaction.response.send_message("looked", ephemeral=True)

    thread = server.add_channel(guild, "fox", "thread", parent=channel)
    server.deny(channel, Permission.SEND_MESSAGES_IN_THREADS)
    await play(look)

    await (await ana.types("/act", channel=thread)).answered()

    assert found == [["Send Messages in Threads"]]


async def _post_button(client: CutsceneClient, channel: Channel, custom_id: str) -> Any:
    view = discord.ui.View(timeout=None)
    view.add_item(discord.ui.Button(label="Press", custom_id=custom_id))
    view.stop()
    sent = await client.get_partial_messageable(channel.id).send("a message", view=view)
    message = channel.messages[sent.id]
    assert "a message" in text_of(message)
    return message
