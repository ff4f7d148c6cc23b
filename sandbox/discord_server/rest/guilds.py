"""Guilds with their channels, roles and members, read only."""

from __future__ import annotations

from aiohttp import web

from sandbox.discord_server import errors, payloads, wire
from sandbox.discord_server.permissions import Permission
from sandbox.discord_server.services import Services
from sandbox.discord_server.world import permissions_in

GUILD = "/guilds/{guild_id:\\d+}"


class GuildRoutes:
    def __init__(self, services: Services) -> None:
        self._services = services
        self._world = services.world

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get(GUILD, self.guild),
            web.get(GUILD + "/channels", self.channels),
            web.get(GUILD + "/roles", self.roles),
            web.get(GUILD + "/members", self.members),
            web.get(GUILD + "/members/{user_id:\\d+}", self.member),
        ]

    async def guild(self, request: web.Request) -> web.Response:
        guild = self._services.guild(request)
        shown = payloads.guild(guild)
        if request.query.get("with_counts", "").lower() in ("true", "1"):
            shown |= {"approximate_member_count": len(guild.members), "approximate_presence_count": 1}
        return wire.answer(shown)

    async def channels(self, request: web.Request) -> web.Response:
        visible = [
            payloads.channel(channel)
            for channel in self._services.guild(request).channels.values()
            if not channel.is_thread and Permission.VIEW_CHANNEL in permissions_in(self._world.bot, channel)
        ]
        return wire.answer(visible)

    async def roles(self, request: web.Request) -> web.Response:
        return wire.answer([payloads.role(role) for role in self._services.guild(request).roles.values()])

    async def members(self, request: web.Request) -> web.Response:
        limit, after = int(request.query.get("limit", "1")), int(request.query.get("after", "0"))
        members = sorted(self._services.guild(request).members.values(), key=lambda member: member.id)
        return wire.answer([payloads.member(member) for member in members if member.id > after][:limit])

    async def member(self, request: web.Request) -> web.Response:
        member = self._services.guild(request).members.get(int(request.match_info["user_id"]))
        if member is None:
            raise errors.unknown_member()
        return wire.answer(payloads.member(member))
