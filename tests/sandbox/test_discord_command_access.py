"""The Integrations settings of a guild: what the bot reads of them, what it hears, and what they let people do."""

from __future__ import annotations

from typing import Any

import discord
import pytest
from discord import app_commands

from sandbox.discord_server import Channel, DiscordServer, Guild, NotOfferedError, Permission
from sandbox.person import Person
from tests.sandbox.conftest import Bot, Starter

COMMAND = {"name": "rules", "description": "x", "default_member_permissions": str(int(Permission.MANAGE_GUILD))}


@pytest.fixture
async def base(rest: Any, server: DiscordServer, guild: Guild) -> str:
    await rest("PUT", f"/applications/{server.application_id}/commands", [COMMAND])
    return f"/applications/{server.application_id}/guilds/{guild.id}/commands"


async def nothing(interaction: discord.Interaction[Any]) -> None:
    """A command that nobody uses here."""


def command_id(server: DiscordServer) -> int:
    return next(iter(server.world.commands[None]))


async def test_bot_reads_all_assignments_or_those_of_one_command(
    rest: Any, server: DiscordServer, guild: Guild, channel: Channel, ana: Person, base: str
) -> None:
    role = server.add_role(guild, "Helpers")
    assert await rest("GET", f"{base}/permissions") == (200, [])

    server.assign_command(guild, "rules", {role: True, ana.member: False, channel: False, guild: True})
    server.assign_command(guild, None, {guild.everyone: True})
    listed = await rest("GET", f"{base}/permissions")
    one = await rest("GET", f"{base}/{command_id(server)}/permissions")

    assert listed[0] == 200
    assert [each["id"] for each in listed[1]] == [str(command_id(server)), str(server.application_id)]
    assert one == (200, listed[1][0])
    assert one[1]["guild_id"] == str(guild.id)
    assert one[1]["permissions"] == [
        {"id": str(role.id), "type": 1, "permission": True},
        {"id": str(ana.user.id), "type": 2, "permission": False},
        {"id": str(channel.id), "type": 3, "permission": False},
        {"id": str(guild.id - 1), "type": 3, "permission": True},
    ]


async def test_what_a_bot_may_not_ask_or_do_is_refused(rest: Any, server: DiscordServer, base: str) -> None:
    path = f"{base}/{command_id(server)}/permissions"

    unknown = await rest("GET", path)
    changed = await rest("PUT", path, {"permissions": []})
    foreign = await rest("GET", f"/applications/{server.application_id}/guilds/1/commands/permissions")

    answers = [(status, answer["code"]) for status, answer in (unknown, changed, foreign)]
    assert answers == [(404, 10066), (403, 20001), (403, 50001)]


async def test_library_understands_the_answer_and_the_event(
    bot: Bot, start: Starter, server: DiscordServer, guild: Guild, ana: Person
) -> None:
    bot.tree.add_command(app_commands.Command(name="rules", description="x", callback=nothing))
    await start(bot)
    server.assign_command(guild, "rules", {ana.member: True})

    told = await bot.sees("raw_app_command_permissions_update")
    command = next(iter(await bot.tree.fetch_commands()))
    read = await command.fetch_permissions(told.guild)

    assert (told.guild.id, told.target_id) == (guild.id, command.id)
    assert [(each.id, each.permission) for each in read.permissions] == [(ana.user.id, True)]


async def test_client_offers_what_was_given_and_hides_what_was_denied(
    server: DiscordServer, guild: Guild, channel: Channel, ana: Person, base: str
) -> None:
    elsewhere = server.add_channel(guild, "elsewhere")
    role = server.add_role(guild, "Helpers")
    mod = Person.joins(server, guild, "mod", channel, is_moderator=True)
    eva = Person.joins(server, guild, "eva", channel, roles=(role,))

    server.assign_command(guild, "rules", {role: True, mod.member: False})
    await eva.types("/rules")
    for person in (ana, mod):
        with pytest.raises(NotOfferedError):
            await person.types("/rules")

    server.assign_command(guild, "rules", {role: True, channel: False})
    with pytest.raises(NotOfferedError):
        await eva.types("/rules")
    await eva.types("/rules", channel=elsewhere)

    server.assign_command(guild, "rules", {})
    server.assign_command(guild, None, {role: True})  # The application as a whole gives no command by itself.
    await mod.types("/rules")
    with pytest.raises(NotOfferedError):
        await eva.types("/rules")
