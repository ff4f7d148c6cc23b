"""The sandbox seen and played from another process: its state over HTTP, its news over a WebSocket, one door to act.

GET  /_sandbox/state                   guilds, channels with their messages, members, commands
GET  /_sandbox/events                  a WebSocket that sends {"kind", "subject"} for every change
POST /_sandbox/interactions            {"member_id", "channel_id", and one of the actions below}
         {"command": "/video", "options": {...}}; a file is {"filename": "fox.png", "base64": "..."}
         {"message_id": "...", "button": "label or custom id"}
         {"message_id": "...", "menu": "Animate this"}
         {"interaction_id": "...", "modal": {"field": "value"}}
"""

from __future__ import annotations

import asyncio
import base64
from typing import Any

from aiohttp import WSMsgType, web

from sandbox.discord_server import payloads, wire
from sandbox.discord_server.changes import Change
from sandbox.discord_server.composing import NotOfferedError
from sandbox.discord_server.exchanges import Interaction
from sandbox.discord_server.messages import safe_name
from sandbox.discord_server.server import DiscordServer
from sandbox.discord_server.wire import JSON
from sandbox.discord_server.world import Channel, Guild, Member, Message
from sandbox.person import Handle, Person


class UnknownError(LookupError):
    """The request names something the sandbox does not have."""


class Observation:
    """Call `Observation(server).install()` before `server.start()`."""

    def __init__(self, server: DiscordServer) -> None:
        self._server = server

    def install(self) -> None:
        router = self._server.app.router
        router.add_get("/_sandbox/state", self.state)
        router.add_get("/_sandbox/events", self.events)
        router.add_post("/_sandbox/interactions", self.act)

    async def state(self, request: web.Request) -> web.Response:
        world = self._server.world
        commands = [command for scope in world.commands.values() for command in scope.values()]
        direct = [self._channel(each) for each in world.channels.values() if each.guild is None]
        shown = {
            "bot": payloads.user(world.bot),
            "is_connected": bool(self._server.gateway.connected),
            "guilds": [self._guild(guild) for guild in world.guilds.values()],
            "direct_channels": direct,
            "commands": commands,
        }
        return wire.answer(shown)

    async def events(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(timeout=0.5)
        await socket.prepare(request)
        with self._server.changes.listening() as news:
            async with asyncio.TaskGroup() as tasks:
                sender = tasks.create_task(self._send(socket, news))
                async for message in socket:
                    if message.type is WSMsgType.ERROR:
                        break
                sender.cancel()
        return socket

    async def _send(self, socket: web.WebSocketResponse, news: asyncio.Queue[Change]) -> None:
        while not socket.closed:
            change = await news.get()
            frame = wire.encode({"kind": change.kind, "subject": self._subject(change.subject)})
            try:
                await socket.send_str(frame.decode())
            except ConnectionError:
                return

    async def act(self, request: web.Request) -> web.Response:
        try:
            body = wire.decoded(await request.read())
            handle = await self._acted(body)
        except (NotOfferedError, UnknownError, ValueError) as error:
            return wire.answer({"error": str(error)}, 400)
        return wire.answer(self._interaction(handle.interaction), 201)

    async def _acted(self, body: JSON) -> Handle:
        channel = self._find(self._server.world.channels, body, "channel_id")
        person = self._person(channel, body)
        match body:
            case {"command": str(command)}:
                options = wire.checked(body.get("options") or {})
                given = {f"{name}_": self._file(value, channel) for name, value in options.items()}
                return await person.types(command, **given)
            case {"button": str(button)}:
                return await person.clicks(self._find(channel.messages, body, "message_id"), button)
            case {"menu": str(menu)}:
                return await person.uses_menu(menu, self._find(channel.messages, body, "message_id"))
            case {"modal": dict(values)}:
                opened = self._find(self._server.interactions.by_id, body, "interaction_id")
                return await person.submits(Handle(person, opened), **values)
            case _:
                raise UnknownError("name one of: command, button, menu, modal")

    def _person(self, channel: Channel, body: JSON) -> Person:
        guilds = [channel.guild] if channel.guild else list(self._server.world.guilds.values())
        member_id = str(body.get("member_id"))
        for guild in guilds:
            for member in guild.members.values():
                if str(member.id) == member_id and not member.user.is_bot:
                    return Person(self._server, member, channel)
        raise UnknownError(f"there is no member_id {member_id} there")

    def _file(self, value: Any, channel: Channel) -> Any:
        match value:
            case {"filename": str(filename), "base64": str(encoded)}:
                content = base64.b64decode(encoded, validate=True)
                return self._server.add_attachment(content, safe_name(filename), channel)
            case _:
                return value

    @staticmethod
    def _find(known: dict[int, Any], body: JSON, key: str) -> Any:
        value = str(body.get(key, ""))
        if not value.isdecimal() or int(value) not in known:
            raise UnknownError(f"there is no {key} {value!r} there")
        return known[int(value)]

    def _guild(self, guild: Guild) -> JSON:
        return {
            **payloads.guild(guild),
            "has_bot": guild.has_bot,
            "members": [payloads.member(member) for member in guild.members.values()],
            "channels": [self._channel(channel) for channel in guild.channels.values()],
        }

    def _channel(self, channel: Channel) -> JSON:
        return {**payloads.channel(channel), "messages": [self._message(each) for each in channel.messages.values()]}

    def _message(self, message: Message) -> JSON:
        shown = self._server.messages.renderer.message(message)
        return {**shown, "visible_to": str(message.visible_to.id) if message.visible_to else None}

    def _interaction(self, interaction: Interaction) -> JSON:
        answer = interaction.answer
        return {
            "id": str(interaction.id),
            "type": int(interaction.kind),
            "user_id": str(interaction.user.id),
            "channel_id": str(interaction.channel.id),
            "answer": int(answer) if answer else None,
            "modal": interaction.modal,
            "message_ids": [str(each.id) for each in interaction.messages],
        }

    def _subject(self, subject: object) -> Any:
        match subject:
            case Message():
                return self._message(subject)
            case Interaction():
                return self._interaction(subject)
            case Channel():
                return payloads.channel(subject)
            case Guild():
                return payloads.guild(subject)
            case Member():
                return payloads.member(subject)
            case _:
                return None
