"""Shows a message as its JSON object, with fresh links and with files that a component shows left out of the list."""

from __future__ import annotations

import copy
from typing import Any

from sandbox.discord_server import payloads
from sandbox.discord_server.cdn import CDN
from sandbox.discord_server.rules.components import Kind, media_of, walk
from sandbox.discord_server.wire import JSON
from sandbox.discord_server.world import Attachment, Message, World

SCHEME = "attachment://"

# What Discord adds when the sender left it out.
DEFAULTS: dict[int, JSON] = {
    Kind.STRING_SELECT: {"min_values": 1, "max_values": 1},
    Kind.USER_SELECT: {"min_values": 1, "max_values": 1},
    Kind.ROLE_SELECT: {"min_values": 1, "max_values": 1},
    Kind.MENTIONABLE_SELECT: {"min_values": 1, "max_values": 1},
    Kind.CHANNEL_SELECT: {"min_values": 1, "max_values": 1},
    Kind.THUMBNAIL: {"description": None, "spoiler": False},
    Kind.FILE: {"spoiler": False},
    Kind.SEPARATOR: {"spacing": 1, "divider": True},
    Kind.CONTAINER: {"accent_color": None, "spoiler": False},
}


def completed(components: list[JSON]) -> list[JSON]:
    """The components as they are stored: every one with an integer id and the values Discord fills in."""
    stored = copy.deepcopy(components)
    taken = {each["id"] for each in walk(stored) if each.get("id")}
    following = 1
    for each in walk(stored):
        for key, value in DEFAULTS.get(each["type"], {}).items():
            if each.get(key) is None:
                each[key] = value
        for item in each.get("items") or []:
            item.setdefault("description", None)
            item.setdefault("spoiler", False)
        if not each.get("id"):
            while following in taken:
                following += 1
            each["id"] = following
            taken.add(following)
    return stored


class Renderer:
    def __init__(self, world: World, cdn: CDN) -> None:
        self._world = world
        self._cdn = cdn

    def attachment(self, attachment: Attachment) -> JSON:
        return self._cdn.payload(attachment)

    def message(self, message: Message, *, with_reference: bool = True) -> JSON:
        by_name = {attachment.filename: attachment for attachment in message.attachments}
        used: set[int] = set()
        components = self._components(message, by_name, used)
        embeds = [self._embed(embed, by_name, used) for embed in message.embeds]
        shown: JSON = {
            "id": str(message.id),
            "channel_id": str(message.channel.id),
            "type": int(message.kind),
            "author": payloads.user(message.author),
            "content": message.content,
            "timestamp": payloads.timestamp(message.made_at),
            "edited_timestamp": payloads.timestamp(message.edited_at) if message.edited_at else None,
            "tts": False,
            "pinned": False,
            "flags": int(message.flags),
            "mentions": [payloads.user(each) for each in message.mentions],
            "mention_roles": [str(each.id) for each in message.mentioned_roles],
            "mention_everyone": message.mentions_everyone,
            "attachments": [self._cdn.payload(each) for each in message.attachments if each.id not in used],
            "embeds": embeds,
            "components": components,
        }
        if message.nonce is not None:
            shown["nonce"] = message.nonce
        if message.application_id:
            shown["application_id"] = str(message.application_id)
        if message.interaction_metadata:
            shown["webhook_id"] = str(message.application_id)
            shown["interaction_metadata"] = message.interaction_metadata
        if message.reference:
            shown |= self._reference(message.reference, with_reference)
        return shown

    def event(self, message: Message) -> JSON:
        """The message as MESSAGE_CREATE and MESSAGE_UPDATE carry it."""
        shown = self.message(message)
        guild = message.channel.guild
        if guild:
            shown["guild_id"] = str(guild.id)
            if message.author.id in guild.members and not message.interaction_metadata:
                author = payloads.member(guild.members[message.author.id])
                del author["user"]
                shown["member"] = author
        return shown

    def without_content(self, event: JSON, message: Message) -> JSON | None:
        """What a bot without the message-content intent gets, or None when it may see everything."""
        bot = self._world.bot
        if message.channel.guild is None or message.author is bot or bot in message.mentions:
            return None
        return {**event, "content": "", "embeds": [], "attachments": [], "components": []}

    def _reference(self, replied_to: Message, with_reference: bool) -> JSON:
        pointer: JSON = {"type": 0, "message_id": str(replied_to.id), "channel_id": str(replied_to.channel.id)}
        if replied_to.channel.guild:
            pointer["guild_id"] = str(replied_to.channel.guild.id)
        shown: JSON = {"message_reference": pointer}
        if with_reference:
            gone = replied_to.is_deleted
            shown["referenced_message"] = None if gone else self.message(replied_to, with_reference=False)
        return shown

    def _components(self, message: Message, by_name: dict[str, Attachment], used: set[int]) -> list[JSON]:
        components = copy.deepcopy(message.components)
        for component in walk(components):
            for media in media_of(component):
                attachment = by_name.get(str(media.get("url", "")).removeprefix(SCHEME))
                if attachment:
                    used.add(attachment.id)
                    media.update(self._media(attachment))
                    if component["type"] == Kind.FILE:
                        component.update({"name": attachment.filename, "size": attachment.size})
                else:
                    media.update({"id": str(message.id), "proxy_url": media["url"]})
        return components

    def _media(self, attachment: Attachment) -> JSON:
        shown: JSON = {
            "id": str(attachment.id),
            "url": self._cdn.url(attachment),
            "proxy_url": self._cdn.url(attachment),
            "content_type": attachment.content_type,
            "attachment_id": str(attachment.id),
            "loading_state": 2,
            "flags": 0,
        }
        if attachment.width is not None:
            shown |= {"width": attachment.width, "height": attachment.height}
        return shown

    def _embed(self, embed: JSON, by_name: dict[str, Attachment], used: set[int]) -> JSON:
        shown: dict[str, Any] = {"type": "rich", **copy.deepcopy(embed)}
        for key in ("image", "thumbnail"):
            url = str((shown.get(key) or {}).get("url", ""))
            attachment = by_name.get(url.removeprefix(SCHEME)) if url.startswith(SCHEME) else None
            if attachment:
                used.add(attachment.id)
                fresh = self._cdn.url(attachment)
                shown[key] |= {"url": fresh, "proxy_url": fresh}
        return shown
