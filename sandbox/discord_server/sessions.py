"""One gateway session: its numbered events kept for a resume, and the connection they go out on at the moment."""

from __future__ import annotations

import asyncio
import contextlib
import zlib
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum, IntFlag

from aiohttp import WSCloseCode, web

from sandbox.discord_server import wire
from sandbox.discord_server.snowflakes import TIME_SHIFT
from sandbox.discord_server.wire import JSON, JSONValue

# More than any test loses while it is away; older events cannot be replayed.
KEPT_EVENTS = 5000


class Opcode(IntEnum):
    DISPATCH = 0
    HEARTBEAT = 1
    IDENTIFY = 2
    PRESENCE_UPDATE = 3
    VOICE_STATE_UPDATE = 4
    RESUME = 6
    RECONNECT = 7
    REQUEST_GUILD_MEMBERS = 8
    INVALID_SESSION = 9
    HELLO = 10
    HEARTBEAT_ACK = 11


class CloseCode(IntEnum):
    UNKNOWN_ERROR = 4000
    UNKNOWN_OPCODE = 4001
    DECODE_ERROR = 4002
    NOT_AUTHENTICATED = 4003
    AUTHENTICATION_FAILED = 4004
    ALREADY_AUTHENTICATED = 4005
    SESSION_TIMED_OUT = 4009
    INVALID_SHARD = 4010
    INVALID_INTENTS = 4013
    DISALLOWED_INTENTS = 4014


class Intent(IntFlag):
    NONE = 0
    GUILDS = 1 << 0
    GUILD_MEMBERS = 1 << 1
    GUILD_PRESENCES = 1 << 8
    GUILD_MESSAGES = 1 << 9
    GUILD_MESSAGE_TYPING = 1 << 11
    DIRECT_MESSAGES = 1 << 12
    DIRECT_MESSAGE_TYPING = 1 << 14
    MESSAGE_CONTENT = 1 << 15


PRIVILEGED = Intent.GUILD_MEMBERS | Intent.GUILD_PRESENCES | Intent.MESSAGE_CONTENT


@dataclass(frozen=True, slots=True)
class _Close:
    code: int


class Connection:
    """A WebSocket with an ordered outbox, so that a synchronous change of the world can send its events."""

    def __init__(self, socket: web.WebSocketResponse, transport: asyncio.Transport | None, *, compress: bool) -> None:
        self.socket = socket
        self._transport = transport
        self._has_closed = False
        # One stream for the whole connection, each message ended by a sync flush.
        self._stream = zlib.compressobj() if compress else None
        self._outbox: asyncio.Queue[JSONValue | _Close] = asyncio.Queue()

    def send(self, frame: JSON) -> None:
        self._outbox.put_nowait(frame)

    def close(self, code: int) -> None:
        """Close after everything that is queued has left."""
        self._outbox.put_nowait(_Close(code))

    def abort(self) -> None:
        if self._transport:
            self._transport.abort()

    @property
    def was_left_by_client(self) -> bool:
        return not self._has_closed and self.socket.close_code in (WSCloseCode.OK, WSCloseCode.GOING_AWAY)

    async def write(self) -> None:
        while True:
            frame = await self._outbox.get()
            # The client may be gone already; its session keeps the events for a resume.
            with contextlib.suppress(ConnectionError):
                if isinstance(frame, _Close):
                    self._has_closed = True
                    await self.socket.close(code=frame.code)
                    return
                data = wire.encode(frame)
                if self._stream:
                    await self.socket.send_bytes(self._stream.compress(data) + self._stream.flush(zlib.Z_SYNC_FLUSH))
                else:
                    await self.socket.send_str(data.decode())


@dataclass(slots=True, eq=False)
class Session:
    id: str
    intents: Intent
    shard: tuple[int, int]
    connection: Connection | None
    sequence: int = 0
    events: deque[JSON] = field(default_factory=lambda: deque(maxlen=KEPT_EVENTS))
    lost_at: datetime | None = None

    def covers(self, guild_id: int | None) -> bool:
        """Whether events of that guild, or direct messages, belong to this session's shard."""
        number, count = self.shard
        return (0 if guild_id is None else (guild_id >> TIME_SHIFT) % count) == number

    def dispatch(self, event: str, data: JSONValue) -> None:
        self.sequence += 1
        frame = {"op": Opcode.DISPATCH, "t": event, "s": self.sequence, "d": data}
        self.events.append(frame)
        if self.connection:
            self.connection.send(frame)

    def can_replay_after(self, sequence: int) -> bool:
        oldest = self.events[0]["s"] if self.events else self.sequence + 1
        return oldest - 1 <= sequence <= self.sequence

    def replay_after(self, sequence: int, connection: Connection) -> None:
        for frame in self.events:
            if frame["s"] > sequence:
                connection.send(frame)
