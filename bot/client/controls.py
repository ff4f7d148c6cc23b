"""What every cog needs of an interaction: its client and cog, who acts, buttons by id, suggestions through the edge."""

from __future__ import annotations

import re
from collections.abc import Awaitable
from typing import Any, Self, TypeVar

import discord
from discord import app_commands
from discord.app_commands import Choice
from discord.ext import commands

from bot.client import CutsceneClient, guarded
from bot.domain.admission import Requester
from bot.domain.assignments import Acting, may_use
from bot.domain.ids import ChannelId, GuildId, RoleId, UserId
from bot.i18n import Texts, texts
from bot.services.staff import Staff

CogT = TypeVar("CogT", bound=commands.Cog)
ValueT = TypeVar("ValueT", int, str)


# The channels that a command can be typed in and that Discord lets be age-restricted; a thread is as its parent.
HAVE_AGE_LIMITS = (discord.TextChannel, discord.Thread, discord.VoiceChannel, discord.StageChannel)


class Control(discord.ui.DynamicItem[discord.ui.Item[Any]], template=r"(?!)"):
    """A button or menu whose id says everything, so that it works after a restart as before. Subclasses act."""

    def __init__(self, item: discord.ui.Item[Any], match: re.Match[str]) -> None:
        super().__init__(item)
        self.match = match

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction[Any], item: discord.ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        return cls(item, match)

    @guarded
    async def callback(self, interaction: discord.Interaction) -> None:
        await self.act(interaction)

    async def act(self, interaction: discord.Interaction) -> None:
        """What a click or a choice does; errors end at the edge."""
        raise NotImplementedError


def client_of(interaction: discord.Interaction) -> CutsceneClient:
    if not isinstance(interaction.client, CutsceneClient):
        raise TypeError("our commands and buttons belong to our client")
    return interaction.client


def cog_of(interaction: discord.Interaction, kind: type[CogT]) -> CogT:
    """The cog that a button acts for."""
    cog = client_of(interaction).get_cog(kind.__cog_name__)
    if not isinstance(cog, kind):
        raise TypeError(f"the buttons of {kind.__name__} need their cog")
    return cog


def texts_of(interaction: discord.Interaction) -> Texts:
    """The texts in the reader's language."""
    return texts(interaction.locale.value)


def member_of(interaction: discord.Interaction) -> tuple[GuildId, UserId]:
    """Where and who. Raises NoPrivateMessage outside of guilds: credits and jobs belong to one."""
    if interaction.guild_id is None:
        raise app_commands.NoPrivateMessage
    return GuildId(interaction.guild_id), UserId(interaction.user.id)


def requester_of(interaction: discord.Interaction) -> Requester:
    """What Discord says of who acts and of the channel: the server's word, whatever a client may show or hide."""
    user, channel = interaction.user, interaction.channel
    return Requester(
        role_ids=frozenset(RoleId(role.id) for role in user.roles) if isinstance(user, discord.Member) else frozenset(),
        joined_at=user.joined_at if isinstance(user, discord.Member) else None,
        parent_id=ChannelId(channel.parent_id) if isinstance(channel, discord.Thread) else None,
        is_restricted_channel=isinstance(channel, HAVE_AGE_LIMITS) and channel.is_nsfw(),
    )


async def acts_as_staff(interaction: discord.Interaction, command: str) -> bool:
    """Whether the person may do now, as far as Discord says, what a staff command or one of its controls does.

    That is whoever may manage the server, unless its Integrations settings say something else of this command.
    """
    guild_id, user_id = member_of(interaction)
    can_manage = interaction.permissions.manage_guild
    if interaction.permissions.administrator:
        return True
    client, channel = client_of(interaction), interaction.channel
    assigned = await client.assignments.of(guild_id)
    if assigned is None:
        return can_manage
    channel_id = channel.parent_id if isinstance(channel, discord.Thread) else interaction.channel_id
    acting = Acting(
        guild_id=guild_id,
        user_id=user_id,
        role_ids=requester_of(interaction).role_ids,
        channel_id=ChannelId(channel_id or 0),
        has_default=can_manage,
    )
    of_command = assigned.get(client.command_ids.get(command, 0), ())
    return may_use(acting, of_command, assigned.get(client.application_id or 0, ()))


async def staff_of(interaction: discord.Interaction, command: str) -> Staff:
    """Who acts as staff with a command or its controls, and whether Discord says that they may."""
    guild_id, user_id = member_of(interaction)
    return Staff(user_id=user_id, guild_id=guild_id, can_manage=await acts_as_staff(interaction, command))


async def suggestions(interaction: discord.Interaction, work: Awaitable[list[Choice[ValueT]]]) -> list[Choice[ValueT]]:
    """What *work* brings; when it fails the edge logs it and answers with no suggestion at all."""
    found: list[Choice[ValueT]] = []

    async def look() -> None:
        found.extend(await work)

    await client_of(interaction).edge.catch(interaction, look())
    return found
