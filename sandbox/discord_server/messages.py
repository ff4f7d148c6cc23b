"""Makes, edits and deletes messages: checks what Discord checks, stores, and tells the gateway."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sandbox.discord_server import errors, mentions
from sandbox.discord_server.cdn import CDN
from sandbox.discord_server.changes import Changes
from sandbox.discord_server.clock import Clock
from sandbox.discord_server.gateway import Gateway
from sandbox.discord_server.permissions import Permission
from sandbox.discord_server.rendering import Renderer, completed
from sandbox.discord_server.rules import messages as rules
from sandbox.discord_server.rules.embeds import is_empty
from sandbox.discord_server.sessions import Intent
from sandbox.discord_server.snowflakes import Snowflakes
from sandbox.discord_server.uploads import Body, Upload
from sandbox.discord_server.wire import JSON
from sandbox.discord_server.world import (
    NO_FLAGS,
    Attachment,
    Channel,
    Message,
    MessageFlag,
    MessageKind,
    User,
    World,
    permissions_in,
)

UNSAFE_IN_NAMES = re.compile(r"[^A-Za-z0-9_.\-]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where a message comes from, beyond its body."""

    limit: int  # bytes per file
    kind: MessageKind = MessageKind.DEFAULT
    forced_flags: MessageFlag = NO_FLAGS
    settable_flags: MessageFlag = rules.SETTABLE
    visible_to: User | None = None
    interaction_metadata: JSON | None = None
    reference: Message | None = None


@dataclass(slots=True)
class _Nonces:
    """Which message a nonce made, for as long as Discord remembers."""

    seen: dict[tuple[int, str], tuple[datetime, Message]] = field(default_factory=dict)

    def find(self, key: tuple[int, str], since: datetime) -> Message | None:
        found = self.seen.get(key)
        return found[1] if found and found[0] >= since else None


class Messages:
    """Topic of a message's news in Changes: ("channel", channel id)."""

    def __init__(
        self, world: World, cdn: CDN, gateway: Gateway, changes: Changes, snowflakes: Snowflakes, clock: Clock
    ) -> None:
        self._world = world
        self._cdn = cdn
        self._gateway = gateway
        self._changes = changes
        self._snowflakes = snowflakes
        self._clock = clock
        self._nonces = _Nonces()
        self.renderer = Renderer(world, cdn)
        # "The past few minutes", says the documentation; the number is not published.
        self.nonce_window = timedelta(minutes=5)

    def create(self, channel: Channel, author: User, body: Body, origin: Origin) -> Message:
        draft = rules.checked_object(body.json)
        flags = (rules.checked_flags(draft) & origin.settable_flags) | origin.forced_flags
        rules.check_message(draft, body.files, is_v2=MessageFlag.IS_COMPONENTS_V2 in flags, attachments_known=set())
        rules.check_sizes(body.files, origin.limit)
        earlier = self._earlier(author, draft)
        if earlier:
            return earlier
        names = {upload.index: safe_name(upload.filename) for upload in body.files}
        components, embeds = draft.get("components") or [], draft.get("embeds") or []
        rules.check_references(components, embeds, set(names.values()))
        content = draft.get("content") or ""
        if not content.strip() and not components and not body.files and all(is_empty(embed) for embed in embeds):
            raise errors.empty_message()
        if author.is_bot:
            rules.check_words(self._all_text(content, embeds, components), channel)
        live = self._mentions(draft, content, components, channel, author, origin.reference)
        message = Message(
            id=self._snowflakes(),
            channel=channel,
            author=author,
            made_at=self._clock(),
            kind=origin.kind,
            content=content,
            embeds=embeds,
            components=completed(components),
            attachments=self._adopt(body.files, draft, channel),
            flags=flags,
            nonce=draft.get("nonce"),
            mentions=live.users,
            mentioned_roles=live.roles,
            mentions_everyone=live.everyone,
            reference=origin.reference,
            visible_to=origin.visible_to,
            interaction_metadata=origin.interaction_metadata,
            application_id=self._world.application.id if author is self._world.bot else None,
        )
        body.files.clear()
        if draft.get("enforce_nonce") and message.nonce is not None:
            self._nonces.seen[author.id, str(message.nonce)] = (message.made_at, message)
        self.store(message)
        return message

    def store(self, message: Message) -> None:
        """Put a finished message into its channel and tell everybody."""
        message.channel.messages[message.id] = message
        self._tell("MESSAGE_CREATE", message)

    def edit(self, message: Message, body: Body, limit: int, settable: MessageFlag = rules.SETTABLE) -> Message:
        """Change what the body names and keep the rest; a first edit ends the "thinking" state."""
        draft = rules.checked_object(body.json)
        flags = (message.flags & ~MessageFlag.LOADING) | (rules.checked_flags(draft) & settable)
        becomes_v2 = MessageFlag.IS_COMPONENTS_V2 in flags
        kept: JSON = {
            "content": draft.get("content", message.content),
            "embeds": draft.get("embeds", message.embeds),
            "components": draft.get("components", message.components),
        }
        known = {attachment.id: attachment for attachment in message.attachments}
        rules.check_message({**draft, **kept}, body.files, is_v2=becomes_v2, attachments_known=set(known))
        rules.check_sizes(body.files, limit)
        listed = draft.get("attachments")
        staying = list(known.values())
        if "attachments" in draft:
            # Since API v10 an edit lists every attachment to keep; the others vanish.
            wanted = {int(each["id"]) for each in listed or []}
            staying = [attachment for attachment in staying if attachment.id in wanted]
        names = {attachment.filename for attachment in staying} | {safe_name(each.filename) for each in body.files}
        components, embeds, content = kept["components"] or [], kept["embeds"] or [], kept["content"] or ""
        rules.check_references(components, embeds, names)
        if not content.strip() and not components and not names and all(is_empty(embed) for embed in embeds):
            raise errors.empty_message()
        if message.author.is_bot:
            rules.check_words(self._all_text(content, embeds, components), message.channel)
        message.attachments = staying + self._adopt(body.files, draft, message.channel)
        body.files.clear()
        if message.is_loading or "allowed_mentions" in draft or "content" in draft or "components" in draft:
            live = self._mentions(draft, content, components, message.channel, message.author, message.reference)
            message.mentions, message.mentioned_roles = live.users, live.roles
            message.mentions_everyone = live.everyone
        message.content, message.embeds, message.components = content, embeds, completed(components)
        message.flags = flags
        message.edited_at = self._clock()
        self._tell("MESSAGE_UPDATE", message)
        return message

    def delete(self, message: Message) -> None:
        message.is_deleted = True
        message.channel.messages.pop(message.id, None)
        channel = message.channel
        data: JSON = {"id": str(message.id), "channel_id": str(channel.id)}
        if channel.guild:
            data["guild_id"] = str(channel.guild.id)
        if message.visible_to is None:
            self._dispatch("MESSAGE_DELETE", data, channel)
        self._changes.publish("MESSAGE_DELETE", message, ("channel", channel.id))

    def says(self, author: User, channel: Channel, content: str, attachments: list[Attachment]) -> Message:
        """A person's own message; a person's client does not let them write what is refused."""
        everyone = Permission.MENTION_EVERYONE in permissions_in(author, channel)
        live = mentions.live_mentions(content, None, self._world, channel, may_ping_everyone=everyone, replied_to=None)
        message = Message(
            id=self._snowflakes(),
            channel=channel,
            author=author,
            made_at=self._clock(),
            content=content,
            attachments=attachments,
            mentions=live.users,
            mentioned_roles=live.roles,
            mentions_everyone=live.everyone,
        )
        self.store(message)
        return message

    def _earlier(self, author: User, draft: JSON) -> Message | None:
        """The message this nonce has made already; refused when that one is deleted, as Discord does by design."""
        if not draft.get("enforce_nonce") or draft.get("nonce") is None:
            return None
        earlier = self._nonces.find((author.id, str(draft["nonce"])), self._clock() - self.nonce_window)
        if earlier and earlier.is_deleted:
            raise errors.unknown_message()
        return earlier

    def _mentions(
        self,
        draft: JSON,
        content: str,
        components: list[JSON],
        channel: Channel,
        author: User,
        reference: Message | None,
    ) -> mentions.Mentions:
        return mentions.live_mentions(
            mentions.visible_text(content, components),
            draft.get("allowed_mentions"),
            self._world,
            channel,
            may_ping_everyone=Permission.MENTION_EVERYONE in permissions_in(author, channel),
            replied_to=reference.author if reference else None,
        )

    @staticmethod
    def _all_text(content: str, embeds: list[JSON], components: list[JSON]) -> str:
        parts = [mentions.visible_text(content, components)]
        for embed in embeds:
            parts += [str(embed.get("title") or ""), str(embed.get("description") or "")]
            for each in embed.get("fields") or []:
                parts += [str(each.get("name") or ""), str(each.get("value") or "")]
        return "\n".join(parts)

    def _adopt(self, files: list[Upload], draft: JSON, channel: Channel) -> list[Attachment]:
        described = {int(each["id"]): each for each in draft.get("attachments") or []}
        adopted = []
        for upload in files:
            entry = described.get(upload.index, {})
            filename = safe_name(entry.get("filename") or upload.filename)
            title = upload.filename.rsplit(".", 1)[0] if filename != upload.filename else None
            description = entry.get("description")
            adopted.append(self._cdn.adopt(upload.path, filename, channel.id, title=title, description=description))
        return adopted

    def _tell(self, event: str, message: Message) -> None:
        if message.visible_to is None:
            data = self.renderer.event(message)
            self._dispatch(event, data, message.channel, self.renderer.without_content(data, message))
        self._changes.publish(event, message, ("channel", message.channel.id))

    def _dispatch(self, event: str, data: JSON, channel: Channel, without_content: JSON | None = None) -> None:
        if Permission.VIEW_CHANNEL not in permissions_in(self._world.bot, channel):
            return
        self._gateway.dispatch(
            event,
            data,
            guild_id=channel.guild.id if channel.guild else None,
            intent=Intent.GUILD_MESSAGES if channel.guild else Intent.DIRECT_MESSAGES,
            without_content=without_content,
        )


def safe_name(filename: str) -> str:
    """A file's name as Discord stores it: spaces become underscores, other unusual characters go."""
    plain = UNSAFE_IN_NAMES.sub("", filename.replace(" ", "_"))
    return plain if plain.partition(".")[0] else f"unknown{plain}"
