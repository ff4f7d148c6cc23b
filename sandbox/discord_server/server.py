"""Puts the local Discord together and runs it: REST and gateway on one port, attachments on another."""

from __future__ import annotations

import base64
import secrets
from types import TracebackType

from aiohttp import web

from sandbox.discord_server.audit import Audit
from sandbox.discord_server.building import Building
from sandbox.discord_server.cdn import CDN
from sandbox.discord_server.changes import Changes
from sandbox.discord_server.clock import AdjustableClock, Clock
from sandbox.discord_server.edge import Edge
from sandbox.discord_server.exchanges import Interaction
from sandbox.discord_server.faults import Faults
from sandbox.discord_server.gateway import Gateway
from sandbox.discord_server.interactions import Interactions
from sandbox.discord_server.messages import Messages
from sandbox.discord_server.ratelimits import RateLimits, Throttle
from sandbox.discord_server.rest.commands import CommandRoutes
from sandbox.discord_server.rest.guilds import GuildRoutes
from sandbox.discord_server.rest.identity import IdentityRoutes
from sandbox.discord_server.rest.interactions import InteractionRoutes
from sandbox.discord_server.rest.messages import MessageRoutes
from sandbox.discord_server.services import Services
from sandbox.discord_server.snowflakes import Snowflakes
from sandbox.discord_server.world import MEBIBYTE, Application, User, World
from sandbox.listening import Origins
from sandbox.strangers import Leak, Stranger

API_PREFIXES = ("/api/v10", "/api")
# aiohttp's own limit of 1 MiB would refuse uploads before Discord's rules are asked.
MAX_BODY = 1024 * MEBIBYTE
# Players, half-read uploads and held requests do not keep a closing server waiting longer.
SHUTDOWN_TIME = 0.2


class DiscordServer(Building):
    """A whole Discord for one bot. Build the world before or after `start()`; both are synchronous and told at once."""

    def __init__(
        self, *, clock: Clock | None = None, token: str | None = None, bot_name: str = "Cutscene", owner: str = "host"
    ) -> None:
        self.adjustable_clock = AdjustableClock()
        self.clock: Clock = clock or self.adjustable_clock
        snowflakes = Snowflakes(self.clock)
        bot = User(snowflakes(), bot_name, is_bot=True)
        host = User(snowflakes(), owner)
        # An application's id equals its bot's id, as it does for every application made since 2016.
        world = World(Application(bot.id, bot_name, bot, host), users={bot.id: bot, host.id: host})
        changes = Changes()
        cdn = CDN(world, snowflakes, self.clock)
        self.token = token or _token_of(bot)
        self._stranger = Stranger(self.token)
        cdn.app.middlewares.append(self._stranger.guard)
        gateway = Gateway(world, changes, self.clock, self.token)
        messages = Messages(world, cdn, gateway, changes, snowflakes, self.clock)
        interactions = Interactions(world, messages, gateway, changes, snowflakes, self.clock)
        services = Services(world, changes, self.clock, snowflakes, cdn, gateway, messages, interactions)
        super().__init__(services)
        self.changes, self.cdn, self.gateway, self.messages, self.interactions = (
            changes,
            cdn,
            gateway,
            messages,
            interactions,
        )
        self.requests = Audit()
        self.faults = Faults()
        self._throttle = Throttle(self.clock)
        edge = Edge(self.token, cdn, changes, self.clock, self.requests, self.faults, self._throttle)
        self.app = web.Application(client_max_size=MAX_BODY, middlewares=[edge.middleware()])
        self._add_routes(services)
        self._origins = Origins(patience=SHUTDOWN_TIME)
        self._api_origin = ""

    def _add_routes(self, services: Services) -> None:
        families = (IdentityRoutes, CommandRoutes, InteractionRoutes, MessageRoutes, GuildRoutes)
        routes = [route for family in families for route in family(services).routes()]
        for prefix in API_PREFIXES:
            for route in routes:
                self.app.router.add_route(route.method, prefix + route.path, route.handler)
        for path in ("/", "/gateway"):
            self.app.router.add_get(path, self.gateway.handle)

    # Running.

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> None:
        """Listen; port 0 takes a free one. Attachments always get a free port of their own: another origin."""
        self._api_origin = await self._origins.open(self.app, host, port)
        self.cdn.origin = await self._origins.open(self.cdn.app, host)

    async def close(self) -> None:
        """Say goodbye on the gateway, stop listening and delete every file."""
        self.gateway.close_connections(1001)
        await self._origins.close()
        self.cdn.close()

    async def __aenter__(self) -> DiscordServer:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    # Where it is and who it is for.

    @property
    def origin(self) -> str:
        return self._api_origin

    @property
    def api_url(self) -> str:
        return f"{self._api_origin}/api/v10"

    @property
    def gateway_url(self) -> str:
        return f"{self._api_origin.replace('http', 'ws', 1)}/gateway"

    @property
    def cdn_url(self) -> str:
        return self.cdn.origin

    @property
    def leaks(self) -> list[Leak]:
        """Requests that brought a key to the host of attachments, where it has no business."""
        return self._stranger.leaks

    @property
    def bot(self) -> User:
        return self.world.bot

    @property
    def owner(self) -> User:
        return self.world.application.owner

    @property
    def application_id(self) -> int:
        return self.world.application.id

    @property
    def limits(self) -> RateLimits:
        """The rate limits; generous until `limits.be_strict()` or a field is replaced."""
        return self._throttle.limits

    # What a test waits for or does on purpose.

    def advance(self, *, seconds: float = 0, minutes: float = 0) -> None:
        """Let time pass at once; only with the server's own clock."""
        if self.clock is not self.adjustable_clock:
            raise ValueError("this server was given another clock; move that one")
        self.adjustable_clock.advance(seconds=seconds, minutes=minutes)

    async def wait_for_commands(self, *names: str, timeout: float = 10) -> None:
        """Return once every one of *names* is registered, in any scope."""

        def registered() -> bool:
            known = {each["name"] for scope in self.world.commands.values() for each in scope.values()}
            return bool(known) and known.issuperset(names)

        await self.changes.until(registered, timeout, "commands")

    async def wait_for_request(self, method: str, path: str, *, count: int = 1, timeout: float = 10) -> None:
        """Return once *count* requests with that method and path were answered or cut off."""

        def answered() -> bool:
            found = self.requests.find(method, path)
            return sum(1 for each in found if each.status is not None or each.was_dropped) >= count

        await self.changes.until(answered, timeout, "requests")

    def redeliver(self, interaction: Interaction) -> None:
        """Deliver an interaction a second time, as the gateway may."""
        self.interactions.deliver(interaction)


def _token_of(bot: User) -> str:
    """A token of the real form, whose first part is the bot's id: some clients read it from there."""
    return f"{base64.b64encode(str(bot.id).encode()).decode().rstrip('=')}.sandbox.{secrets.token_urlsafe(16)}"
