"""Who the bot is, where the gateway is, other people, direct messages, entitlements and fresh attachment links."""

from __future__ import annotations

from aiohttp import web

from sandbox.discord_server import errors, payloads, wire
from sandbox.discord_server.edge import BODY
from sandbox.discord_server.forms import refuse
from sandbox.discord_server.rules.messages import checked_object
from sandbox.discord_server.services import Services
from sandbox.discord_server.wire import JSON
from sandbox.discord_server.world import Channel, ChannelKind, Entitlement, User


class IdentityRoutes:
    def __init__(self, services: Services) -> None:
        self._services = services
        self._world = services.world

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/users/@me", self.me),
            web.get("/users/{user_id:\\d+}", self.user),
            web.post("/users/@me/channels", self.open_dm),
            web.get("/users/@me/guilds", self.guilds),
            web.get("/oauth2/applications/@me", self.application),
            web.get("/applications/@me", self.application),
            web.get("/gateway", self.gateway),
            web.get("/gateway/bot", self.gateway_bot),
            web.post("/attachments/refresh-urls", self.refresh),
            web.get("/applications/{application_id:\\d+}/entitlements", self.entitlements),
            web.post("/applications/{application_id:\\d+}/entitlements/{entitlement_id:\\d+}/consume", self.consume),
        ]

    async def me(self, request: web.Request) -> web.Response:
        return wire.answer(payloads.own_user(self._world.bot))

    async def user(self, request: web.Request) -> web.Response:
        found = self._world.users.get(int(request.match_info["user_id"]))
        if found is None:
            raise errors.unknown_user()
        return wire.answer(payloads.user(found))

    async def guilds(self, request: web.Request) -> web.Response:
        shown: list[JSON] = [
            {"id": str(guild.id), "name": guild.name, "icon": None, "banner": None, "owner": False, "features": []}
            for guild in self._world.guilds.values()
            if guild.has_bot
        ]
        return wire.answer(shown)

    async def application(self, request: web.Request) -> web.Response:
        guilds = sum(1 for guild in self._world.guilds.values() if guild.has_bot)
        return wire.answer(payloads.application(self._world.application, guilds))

    async def gateway(self, request: web.Request) -> web.Response:
        return wire.answer({"url": f"ws://{request.host}/gateway"})

    async def gateway_bot(self, request: web.Request) -> web.Response:
        limits = {"total": 1000, "remaining": 1000, "reset_after": 86400000, "max_concurrency": 1}
        return wire.answer({"url": f"ws://{request.host}/gateway", "shards": 1, "session_start_limit": limits})

    async def open_dm(self, request: web.Request) -> web.Response:
        body = checked_object(request[BODY].json)
        recipient = str(body.get("recipient_id", ""))
        if not recipient.isdecimal():
            raise refuse(("recipient_id",), "NUMBER_TYPE_COERCE", f'Value "{recipient}" is not snowflake.')
        user = self._world.users.get(int(recipient))
        if user is None:
            raise errors.unknown_user()
        if user.is_bot:
            raise errors.cannot_message_user()
        return wire.answer(payloads.channel(direct_channel(self._services, user)))

    async def refresh(self, request: web.Request) -> web.Response:
        urls = checked_object(request[BODY].json).get("attachment_urls") or []
        if not 1 <= len(urls) <= 50:
            raise refuse(("attachment_urls",), "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 50 in length.")
        fresh = [{"original": url, "refreshed": self._services.cdn.refreshed(str(url))} for url in urls]
        return wire.answer({"refreshed_urls": fresh})

    async def entitlements(self, request: web.Request) -> web.Response:
        user_id = request.query.get("user_id")
        found = [
            self._entitlement(each)
            for each in self._world.entitlements.values()
            if not each.is_deleted and (user_id is None or (each.user and str(each.user.id) == user_id))
        ]
        return wire.answer(found)

    async def consume(self, request: web.Request) -> web.Response:
        found = self._world.entitlements.get(int(request.match_info["entitlement_id"]))
        if found is None or found.is_deleted:
            raise errors.unknown_entitlement()
        found.is_consumed = True
        return wire.no_content()

    def _entitlement(self, one: Entitlement) -> JSON:
        return payloads.entitlement(one, self._world.application.id)


def direct_channel(services: Services, user: User) -> Channel:
    """The one direct channel between the bot and *user*, opened when it is first asked for."""
    bot = services.world.bot
    for channel in services.world.channels.values():
        if channel.kind is ChannelKind.DM and user in channel.recipients:
            return channel
    channel = Channel(id=services.snowflakes(), kind=ChannelKind.DM, recipients=[bot, user])
    services.world.channels[channel.id] = channel
    services.changes.publish("CHANNEL_CREATE", channel, ("channel", channel.id))
    return channel
