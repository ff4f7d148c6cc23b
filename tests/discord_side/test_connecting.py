"""Logging in, making the commands known once, and knowing whether events arrive."""

from __future__ import annotations

import asyncio
from typing import Any

import discord
import pytest
from discord import app_commands
from discord.app_commands import locale_str
from discord.ext import commands

from bot.client import CutsceneClient
from bot.client.command_tree import COMMANDS_KEY
from bot.errors import ConfigurationError
from sandbox.discord_server import DiscordServer, Fault
from sandbox.person import Person
from tests.discord_side.conftest import NotedMemory, Starter

COMMANDS = "/commands"


class Films(commands.Cog):
    @app_commands.command(name="video", description=locale_str("Make a video"))
    async def video(self, interaction: discord.Interaction) -> None:
        await interaction.response.send_message("rolling", ephemeral=True)


class MoreFilms(Films):
    @app_commands.command(name="models", description=locale_str("List the models"))
    async def models(self, interaction: discord.Interaction) -> None:
        await interaction.response.send_message("none", ephemeral=True)


def client_with(cog: commands.Cog, memory: NotedMemory, **options: Any) -> CutsceneClient:
    return CutsceneClient(cogs=[cog], memory=memory, **options)


async def test_commands_are_sent_once_and_not_again_by_the_next_start(
    server: DiscordServer, start: Starter, memory: NotedMemory
) -> None:
    await start(client_with(Films(), memory))

    second = await start(client_with(Films(), memory))

    assert len(server.requests.find("PUT", COMMANDS)) == 1
    assert second.command_ids.keys() == {"video"}
    assert second.command_mention("video") == f"</video:{second.command_ids['video']}>"
    assert second.command_mention("jobs list") == "`/jobs list`"


async def test_changed_commands_are_sent(server: DiscordServer, start: Starter, memory: NotedMemory) -> None:
    await start(client_with(Films(), memory))

    await start(client_with(MoreFilms(), memory))

    assert len(server.requests.find("PUT", COMMANDS)) == 2
    await server.wait_for_commands("video", "models")


async def test_memory_of_another_version_only_costs_one_more_sending(
    server: DiscordServer, start: Starter, memory: NotedMemory
) -> None:
    memory.facts[COMMANDS_KEY] = '["what was this?"]'

    await start(client_with(Films(), memory))

    assert len(server.requests.find("PUT", COMMANDS)) == 1


async def test_descriptions_are_sent_in_our_languages_and_names_in_english(
    server: DiscordServer, start: Starter, memory: NotedMemory
) -> None:
    await start(client_with(Films(), memory))

    sent = server.requests.find("PUT", COMMANDS)[0].json
    assert isinstance(sent, list)
    assert sent[0]["description_localizations"] == {"ru": "Снять видео", "zh-CN": "制作视频"}
    assert sent[0]["name_localizations"] == {}


async def test_bot_with_known_commands_starts_while_discord_refuses_to_take_new_ones(
    server: DiscordServer, start: Starter, memory: NotedMemory
) -> None:
    await start(client_with(Films(), memory))
    # 503 is what the library does not repeat by itself.
    server.faults.add(Fault(method="PUT", path="/commands", status=503))

    client = await start(client_with(MoreFilms(), memory))

    assert client.is_connected
    assert client.command_ids.keys() == {"video"}


async def test_wrong_token_is_one_line_that_names_the_setting(start: Starter, memory: NotedMemory) -> None:
    with pytest.raises(
        ConfigurationError, match=r"^DISCORD_TOKEN: Discord refuses it\. Get it at https://discord\.com"
    ):
        await start(client_with(Films(), memory), token="wrong")


async def test_address_that_is_not_discord_is_one_line_that_names_the_setting(
    server: DiscordServer, start: Starter, memory: NotedMemory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(discord.http.Route, "BASE", f"{server.origin}/somewhere/else")

    with pytest.raises(ConfigurationError, match=r"^DISCORD_API_URL: "):
        await start(client_with(Films(), memory))


@pytest.mark.parametrize(("code", "said"), [(4004, "no longer accepts it"), (4014, "intents")])
async def test_closed_for_good_ends_the_client_with_the_setting_to_look_at(
    server: DiscordServer, memory: NotedMemory, start: Starter, code: int, said: str
) -> None:
    client = client_with(Films(), memory)
    connected = asyncio.Event()
    client.add_listener(_setting(connected), "on_ready")
    running = asyncio.create_task(client.start(server.token))
    await connected.wait()

    server.gateway.close_connections(code)

    with pytest.raises(ConfigurationError, match=said):
        await running
    assert not client.is_connected
    assert client.is_closed()


async def test_client_knows_when_no_events_arrive(server: DiscordServer, start: Starter, memory: NotedMemory) -> None:
    client = await start(client_with(Films(), memory))
    was_connected = client.is_connected
    lost, resumed = asyncio.Event(), asyncio.Event()
    client.add_listener(_noting(client, lost, is_connected=False), "on_disconnect")
    client.add_listener(_setting(resumed), "on_resumed")

    server.gateway.request_reconnect()
    await asyncio.wait_for(resumed.wait(), 10)

    assert was_connected
    assert lost.is_set()
    assert client.is_connected


async def test_commands_work_after_a_reconnect(
    server: DiscordServer, start: Starter, memory: NotedMemory, ana: Person
) -> None:
    client = await start(client_with(Films(), memory))
    resumed = asyncio.Event()
    client.add_listener(_setting(resumed), "on_resumed")
    server.gateway.request_reconnect()
    await asyncio.wait_for(resumed.wait(), 10)

    handle = await (await ana.types("/video")).answered()

    assert handle.text() == "rolling"


def _setting(event: asyncio.Event) -> Any:
    async def listener() -> None:
        event.set()

    return listener


def _noting(client: CutsceneClient, event: asyncio.Event, *, is_connected: bool) -> Any:
    async def listener() -> None:
        if client.is_connected is is_connected:
            event.set()

    return listener
