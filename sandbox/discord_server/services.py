"""Everything the routes work with, put together once by the server."""

from __future__ import annotations

from dataclasses import dataclass

from aiohttp import web

from sandbox.discord_server import errors
from sandbox.discord_server.cdn import CDN
from sandbox.discord_server.changes import Changes
from sandbox.discord_server.clock import Clock
from sandbox.discord_server.gateway import Gateway
from sandbox.discord_server.interactions import Interactions
from sandbox.discord_server.messages import Messages
from sandbox.discord_server.permissions import Permission
from sandbox.discord_server.snowflakes import Snowflakes
from sandbox.discord_server.world import Channel, Guild, World, permissions_in


@dataclass(frozen=True, slots=True)
class Services:
    world: World
    changes: Changes
    clock: Clock
    snowflakes: Snowflakes
    cdn: CDN
    gateway: Gateway
    messages: Messages
    interactions: Interactions

    def channel(self, request: web.Request) -> Channel:
        """The channel the path names, when the bot may see it."""
        channel = self.world.channels.get(int(request.match_info["channel_id"]))
        if channel is None or (channel.guild and not channel.guild.has_bot):
            raise errors.unknown_channel()
        if Permission.VIEW_CHANNEL not in permissions_in(self.world.bot, channel):
            raise errors.missing_access()
        return channel

    def guild(self, request: web.Request) -> Guild:
        """The guild the path names, when the bot is in it."""
        guild = self.world.guilds.get(int(request.match_info["guild_id"]))
        if guild is None or not guild.has_bot:
            raise errors.unknown_guild()
        return guild
