"""The gateway: takes bots in, tells them what happens, and misbehaves on demand as the real one sometimes does."""

from __future__ import annotations

import asyncio
import json
import secrets
from datetime import timedelta

from aiohttp import WSMsgType, web

from sandbox.discord_server import payloads
from sandbox.discord_server.changes import Changes
from sandbox.discord_server.clock import Clock
from sandbox.discord_server.sessions import PRIVILEGED, CloseCode, Connection, Intent, Opcode, Session
from sandbox.discord_server.wire import JSON, JSONValue
from sandbox.discord_server.world import Guild, World

HEARTBEAT_INTERVAL = timedelta(milliseconds=41250)
# How long a lost session can be resumed; Discord does not publish its number.
SESSION_LIFE = timedelta(minutes=3)
# How long a closing handshake may take before the socket is dropped.
CLOSING_TIME = 0.5


class Gateway:
    """All sessions. Topic of its news in Changes: "gateway"."""

    def __init__(self, world: World, changes: Changes, clock: Clock, token: str) -> None:
        self._world = world
        self._changes = changes
        self._clock = clock
        self._token = token
        self._connections: set[Connection] = set()
        self.sessions: dict[str, Session] = {}
        self.identifies = 0
        self.resumes = 0
        self.acknowledges_heartbeats = True
        self.is_down = False  # nobody new gets in; see also drop_connections

    # What the sandbox tells the bots.

    def dispatch(
        self,
        event: str,
        data: JSONValue,
        *,
        guild_id: int | None,
        intent: Intent = Intent.NONE,
        without_content: JSON | None = None,
    ) -> int:
        """Tell every session that covers the guild and asked for the intent; returns how many that were.

        *without_content* is what sessions lacking the message-content intent get instead.
        """
        self._forget_lost_sessions()
        told = 0
        for session in self.sessions.values():
            if not session.covers(guild_id) or intent & session.intents != intent:
                continue
            is_blind = without_content is not None and not session.intents & Intent.MESSAGE_CONTENT
            session.dispatch(event, without_content if is_blind else data)
            told += 1
        return told

    def guild_create(self, guild: Guild) -> None:
        data = payloads.guild_create(guild, self._world.bot)
        self.dispatch("GUILD_CREATE", data, guild_id=guild.id, intent=Intent.GUILDS)

    # What a test may make it do.

    @property
    def connected(self) -> list[Session]:
        return [session for session in self.sessions.values() if session.connection]

    async def wait_connected(self, count: int = 1, timeout: float = 10) -> None:
        """Return once *count* sessions are identified or resumed and connected."""
        await self._changes.until(lambda: len(self.connected) >= count, timeout, "gateway")

    async def wait_disconnected(self, timeout: float = 10) -> None:
        await self._changes.until(lambda: not self.connected, timeout, "gateway")

    def request_reconnect(self) -> None:
        """Op 7: the client is asked to come back and resume."""
        for session in self.connected:
            self._send(session, {"op": Opcode.RECONNECT, "d": None})

    def invalidate(self, *, is_resumable: bool = False) -> None:
        """Op 9: the session is over, or should be resumed."""
        for session in self.connected:
            if not is_resumable:
                self.sessions.pop(session.id, None)
            self._send(session, {"op": Opcode.INVALID_SESSION, "d": is_resumable})

    def forget_sessions(self) -> None:
        """Forget lost sessions, so that the next resume gets op 9."""
        for session in list(self.sessions.values()):
            if not session.connection:
                del self.sessions[session.id]

    def close_connections(self, code: int) -> None:
        """Close every connection with *code*; the sessions stay for a resume."""
        for connection in self._connections:
            connection.close(code)

    def drop_connections(self) -> None:
        """Cut the TCP connections without a closing handshake."""
        for connection in self._connections:
            connection.abort()

    # The protocol.

    async def handle(self, request: web.Request) -> web.StreamResponse:
        if self.is_down:
            return web.Response(status=503)
        socket = web.WebSocketResponse(timeout=CLOSING_TIME, compress=False, max_msg_size=1024 * 1024)
        await socket.prepare(request)
        connection = Connection(socket, request.transport, compress=request.query.get("compress") == "zlib-stream")
        self._connections.add(connection)
        try:
            async with asyncio.TaskGroup() as tasks:
                writer = tasks.create_task(connection.write())
                interval = int(HEARTBEAT_INTERVAL / timedelta(milliseconds=1))
                connection.send({"op": Opcode.HELLO, "d": {"heartbeat_interval": interval, "_trace": ["sandbox"]}})
                await self._read(connection, request)
                writer.cancel()
        finally:
            self._connections.discard(connection)
            self._lose(connection)
        return socket

    async def _read(self, connection: Connection, request: web.Request) -> None:
        async for message in connection.socket:
            if message.type not in (WSMsgType.TEXT, WSMsgType.BINARY):
                continue
            try:
                frame = json.loads(message.data)
                opcode, data = Opcode(frame["op"]), frame.get("d")
            except (ValueError, KeyError, TypeError):
                connection.close(CloseCode.DECODE_ERROR)
                continue
            self._receive(connection, opcode, data, request)

    def _receive(self, connection: Connection, opcode: Opcode, data: JSONValue, request: web.Request) -> None:
        session = self._session_of(connection)
        match opcode:
            case Opcode.HEARTBEAT:
                if self.acknowledges_heartbeats:
                    connection.send({"op": Opcode.HEARTBEAT_ACK, "d": None})
            case Opcode.IDENTIFY if session:
                connection.close(CloseCode.ALREADY_AUTHENTICATED)
            case Opcode.IDENTIFY:
                self._identify(connection, data, request)
            case Opcode.RESUME:
                self._resume(connection, data)
            case _ if session is None:
                connection.close(CloseCode.NOT_AUTHENTICATED)
            case Opcode.REQUEST_GUILD_MEMBERS:
                self._send_members(session, data)
            case Opcode.PRESENCE_UPDATE | Opcode.VOICE_STATE_UPDATE:
                pass  # Nobody on the sandbox looks at a bot's presence.
            case _:
                connection.close(CloseCode.UNKNOWN_OPCODE)

    def _identify(self, connection: Connection, data: JSON, request: web.Request) -> None:
        intents = int(data.get("intents", 0))
        shard = tuple(data.get("shard") or (0, 1))
        if str(data.get("token", "")).removeprefix("Bot ") != self._token:
            connection.close(CloseCode.AUTHENTICATION_FAILED)
        elif intents & PRIVILEGED and not self._world.application.allows_privileged_intents:
            connection.close(CloseCode.DISALLOWED_INTENTS)
        elif intents < 0 or intents >= 1 << 26:
            connection.close(CloseCode.INVALID_INTENTS)
        elif len(shard) != 2 or not 0 <= shard[0] < shard[1]:
            connection.close(CloseCode.INVALID_SHARD)
        else:
            session = Session(secrets.token_hex(16), Intent(intents), (shard[0], shard[1]), connection)
            self.sessions[session.id] = session
            self._greet(session, request, is_sharded=bool(data.get("shard")))

    def _greet(self, session: Session, request: web.Request, *, is_sharded: bool) -> None:
        world = self._world
        guilds = [guild for guild in world.guilds.values() if guild.has_bot and session.covers(guild.id)]
        ready = {
            "v": 10,
            "user": payloads.own_user(world.bot),
            "guilds": [{"id": str(guild.id), "unavailable": True} for guild in guilds],
            "session_id": session.id,
            "session_type": "normal",
            # The address the client itself used, so that a proxy in between stays in between.
            "resume_gateway_url": f"ws://{request.host}/gateway",
            "application": {"id": str(world.application.id), "flags": world.application.flags},
            "private_channels": [],
            "relationships": [],
            "user_settings": {},
            "_trace": ["sandbox"],
        }
        if is_sharded:
            ready["shard"] = list(session.shard)
        session.dispatch("READY", ready)
        if session.intents & Intent.GUILDS:
            for guild in guilds:
                data = payloads.guild_create(guild, world.bot)
                session.dispatch("GUILD_CREATE", data)
        self.identifies += 1
        self._changes.publish("SESSION", session, "gateway")

    def _resume(self, connection: Connection, data: JSON) -> None:
        self._forget_lost_sessions()
        session = self.sessions.get(str(data.get("session_id")))
        sequence = int(data.get("seq") or 0)
        if str(data.get("token", "")).removeprefix("Bot ") != self._token:
            connection.close(CloseCode.AUTHENTICATION_FAILED)
        elif session is None or not session.can_replay_after(sequence):
            connection.send({"op": Opcode.INVALID_SESSION, "d": False})
        else:
            if session.connection:
                session.connection.close(CloseCode.SESSION_TIMED_OUT)
            session.replay_after(sequence, connection)
            session.connection, session.lost_at = connection, None
            session.dispatch("RESUMED", {"_trace": ["sandbox"]})
            self.resumes += 1
            self._changes.publish("SESSION", session, "gateway")

    def _send_members(self, session: Session, data: JSON) -> None:
        guild = self._world.guilds.get(int(data.get("guild_id") or 0))
        if guild is None or not guild.has_bot:
            return
        wanted = {int(each) for each in data.get("user_ids") or ()}
        found = [
            payloads.member(member)
            for member in guild.members.values()
            if (member.id in wanted if wanted else member.user.name.startswith(str(data.get("query") or "")))
        ]
        chunk: JSON = {"guild_id": str(guild.id), "members": found, "chunk_index": 0, "chunk_count": 1, "not_found": []}
        if data.get("nonce"):
            chunk["nonce"] = data["nonce"]
        session.dispatch("GUILD_MEMBERS_CHUNK", chunk)

    def _session_of(self, connection: Connection) -> Session | None:
        return next((each for each in self.sessions.values() if each.connection is connection), None)

    def _send(self, session: Session, frame: JSON) -> None:
        if session.connection:
            session.connection.send(frame)

    def _lose(self, connection: Connection) -> None:
        session = self._session_of(connection)
        if session:
            session.connection, session.lost_at = None, self._clock()
            if connection.was_left_by_client:
                # A client that closes with 1000 or 1001 says that it will not come back.
                del self.sessions[session.id]
        self._changes.publish("SESSION", session, "gateway")

    def _forget_lost_sessions(self) -> None:
        now = self._clock()
        for session in list(self.sessions.values()):
            if session.lost_at and now - session.lost_at > SESSION_LIFE:
                del self.sessions[session.id]
