"""A local Discord that unmodified clients connect to: REST v10, gateway and attachment CDN, with Discord's own rules.

    async with DiscordServer() as server:
        guild = server.add_guild("Film club")
        channel = server.add_channel(guild, "videos")
        ana = Person.joins(server, guild, "ana", channel)           # sandbox.person
        ...                                                         # a bot with server.token, api_url, gateway_url
        await server.gateway.wait_connected()
        await server.wait_for_commands("video")
        handle = await ana.types("/video", prompt="a red fox", image=Path("fox.png"))
        await handle.answered()
        video = await ana.waits_for_video()

- Addresses: `server.api_url`, `server.gateway_url`, `server.cdn_url`, `server.token`.
- World (`building.Building`): `add_guild`, `add_channel`, `add_member`, `deny`/`allow`, `delete_channel`, `set_thread`,
  `remove_bot`, `close_direct_messages`, `block_words`, ...; each tells the gateway.
- Time: `server.advance(minutes=15)`, or pass your own `clock`.
- Trouble: `server.faults.add(Fault(...))`, `server.limits.be_strict()`, `server.gateway.request_reconnect()`,
  `.invalidate()`, `.close_connections(code)`, `.drop_connections()`, `server.interactions.deliver_twice`,
  `server.redeliver(handle.interaction)`.
- Evidence: `server.requests` (`find(method, path)`, `await server.wait_for_request(...)`), and the messages themselves.

A request that Discord would refuse is refused with Discord's status, code and error form (`rules/`, `errors.py`).
"""

from sandbox.discord_server.audit import RecordedRequest
from sandbox.discord_server.clock import AdjustableClock, Clock
from sandbox.discord_server.composing import NotOfferedError
from sandbox.discord_server.exchanges import Interaction
from sandbox.discord_server.faults import Fault
from sandbox.discord_server.permissions import Permission
from sandbox.discord_server.ratelimits import Limit, RateLimits
from sandbox.discord_server.reading import Button, buttons_of, summary_of, text_of, videos_of
from sandbox.discord_server.server import DiscordServer
from sandbox.discord_server.sessions import CloseCode, Intent
from sandbox.discord_server.world import (
    Attachment,
    Channel,
    ChannelKind,
    Entitlement,
    Guild,
    Member,
    Message,
    MessageFlag,
    Role,
    User,
)

__all__ = [
    "AdjustableClock",
    "Attachment",
    "Button",
    "Channel",
    "ChannelKind",
    "Clock",
    "CloseCode",
    "DiscordServer",
    "Entitlement",
    "Fault",
    "Guild",
    "Intent",
    "Interaction",
    "Limit",
    "Member",
    "Message",
    "MessageFlag",
    "NotOfferedError",
    "Permission",
    "RateLimits",
    "RecordedRequest",
    "Role",
    "User",
    "buttons_of",
    "summary_of",
    "text_of",
    "videos_of",
]
