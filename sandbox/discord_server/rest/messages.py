"""Channels and the messages in them, by the bot's token and within its permissions."""

from __future__ import annotations

from aiohttp import web

from sandbox.discord_server import errors, payloads, wire
from sandbox.discord_server.edge import BODY
from sandbox.discord_server.forms import refuse
from sandbox.discord_server.messages import Origin
from sandbox.discord_server.permissions import Permission
from sandbox.discord_server.rules.messages import checked_object, checked_reference
from sandbox.discord_server.services import Services
from sandbox.discord_server.sessions import Intent
from sandbox.discord_server.wire import JSON
from sandbox.discord_server.world import Channel, ChannelKind, Message, MessageKind, permissions_in, upload_limit_in

MESSAGES = "/channels/{channel_id:\\d+}/messages"


class MessageRoutes:
    def __init__(self, services: Services) -> None:
        self._services = services
        self._world = services.world
        self._messages = services.messages

    def routes(self) -> list[web.RouteDef]:
        one = MESSAGES + "/{message_id:\\d+}"
        return [
            web.get("/channels/{channel_id:\\d+}", self.channel),
            web.post("/channels/{channel_id:\\d+}/typing", self.typing),
            web.get(MESSAGES, self.list),
            web.post(MESSAGES, self.create),
            web.get(one, self.get),
            web.patch(one, self.edit),
            web.delete(one, self.delete),
        ]

    async def channel(self, request: web.Request) -> web.Response:
        return wire.answer(payloads.channel(self._services.channel(request)))

    async def typing(self, request: web.Request) -> web.Response:
        channel = self._services.channel(request)
        self._check_may_send(channel)
        self._services.changes.publish("TYPING", channel, ("channel", channel.id))
        return wire.no_content()

    async def list(self, request: web.Request) -> web.Response:
        channel = self._services.channel(request)
        if Permission.READ_MESSAGE_HISTORY not in self._may(channel):
            return wire.answer([])
        limit = _number(request, "limit", 50)
        if not 1 <= limit <= 100:
            raise refuse(("limit",), "NUMBER_TYPE_MAX", "int value should be between 1 and 100.")
        # Newest first, as the history is given.
        visible = [each for each in reversed(channel.messages.values()) if each.visible_to is None]
        if "before" in request.query:
            before = _number(request, "before", 0)
            visible = [each for each in visible if each.id < before]
        elif "after" in request.query:
            after = _number(request, "after", 0)
            visible = [each for each in visible if each.id > after][-limit:]
        elif "around" in request.query:
            around = _number(request, "around", 0)
            nearest = sorted(visible, key=lambda each: abs(each.id - around))[:limit]
            visible = [each for each in visible if each in nearest]
        return wire.answer([self._messages.renderer.message(each) for each in visible[:limit]])

    async def get(self, request: web.Request) -> web.Response:
        channel = self._services.channel(request)
        if Permission.READ_MESSAGE_HISTORY not in self._may(channel):
            raise errors.missing_permissions()
        return wire.answer(self._messages.renderer.message(self._message(channel, request)))

    async def create(self, request: web.Request) -> web.Response:
        channel = self._services.channel(request)
        body = request[BODY]
        draft = checked_object(body.json)
        self._check_may_send(channel, has_files=bool(body.files), has_embeds=bool(draft.get("embeds")))
        reference = self._reference(channel, draft)
        if channel.is_archived:
            self._unarchive(channel)
        origin = Origin(
            limit=upload_limit_in(channel),
            kind=MessageKind.REPLY if reference else MessageKind.DEFAULT,
            reference=reference,
        )
        message = self._messages.create(channel, self._world.bot, body, origin)
        return wire.answer(self._messages.renderer.message(message))

    async def edit(self, request: web.Request) -> web.Response:
        channel = self._services.channel(request)
        message = self._message(channel, request)
        if message.author is not self._world.bot:
            raise errors.not_the_author()
        if channel.is_archived:
            raise errors.archived_thread()
        edited = self._messages.edit(message, request[BODY], upload_limit_in(channel))
        return wire.answer(self._messages.renderer.message(edited))

    async def delete(self, request: web.Request) -> web.Response:
        channel = self._services.channel(request)
        message = self._message(channel, request)
        if message.author is not self._world.bot and Permission.MANAGE_MESSAGES not in self._may(channel):
            raise errors.missing_permissions()
        if channel.is_archived:
            raise errors.archived_thread()
        self._messages.delete(message)
        return wire.no_content()

    def _may(self, channel: Channel) -> Permission:
        return permissions_in(self._world.bot, channel)

    def _message(self, channel: Channel, request: web.Request) -> Message:
        message = channel.messages.get(int(request.match_info["message_id"]))
        # Ephemeral messages exist only behind their interaction's token.
        if message is None or message.visible_to is not None:
            raise errors.unknown_message()
        return message

    def _check_may_send(self, channel: Channel, *, has_files: bool = False, has_embeds: bool = False) -> None:
        if channel.kind is ChannelKind.FORUM:
            raise errors.not_in_forum()
        if channel.kind is ChannelKind.DM:
            if not all(self._is_reachable(user.id) for user in channel.recipients if not user.is_bot):
                raise errors.cannot_message_user()
            return
        may = self._may(channel)
        if channel.is_locked and Permission.MANAGE_THREADS not in may:
            raise errors.locked_thread()
        needed = Permission.SEND_MESSAGES_IN_THREADS if channel.is_thread else Permission.SEND_MESSAGES
        if has_files:
            needed |= Permission.ATTACH_FILES
        if has_embeds:
            needed |= Permission.EMBED_LINKS
        if needed & ~may:
            raise errors.missing_permissions()

    def _is_reachable(self, user_id: int) -> bool:
        """Direct messages need an open door and a guild in common."""
        shared = any(guild.has_bot and user_id in guild.members for guild in self._world.guilds.values())
        return shared and self._world.users[user_id].accepts_dms

    def _reference(self, channel: Channel, draft: JSON) -> Message | None:
        message_id = checked_reference(draft)
        if message_id is None:
            return None
        if Permission.READ_MESSAGE_HISTORY not in self._may(channel):
            raise errors.cannot_reply_without_history()
        found = channel.messages.get(message_id)
        if found is None or found.visible_to is not None:
            if draft["message_reference"].get("fail_if_not_exists") is False:
                return None
            raise refuse(("message_reference",), "REPLIES_UNKNOWN_MESSAGE", "Unknown message")
        return found

    def _unarchive(self, thread: Channel) -> None:
        """Sending to an archived thread opens it again."""
        thread.is_archived = False
        if thread.guild:
            self._services.gateway.dispatch(
                "THREAD_UPDATE", payloads.channel(thread), guild_id=thread.guild.id, intent=Intent.GUILDS
            )
        self._services.changes.publish("THREAD_UPDATE", thread, ("channel", thread.id))


def _number(request: web.Request, key: str, default: int) -> int:
    value = request.query.get(key, str(default))
    if not value.isdecimal():
        raise refuse((key,), "NUMBER_TYPE_COERCE", f'Value "{value}" is not snowflake.')
    return int(value)
