"""What exists on the sandbox's Discord: people, guilds, channels and messages, as plain objects."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum, IntFlag
from pathlib import Path

from sandbox.discord_server.permissions import DIRECT_MESSAGE, EVERYTHING, NOTHING, Permission
from sandbox.discord_server.wire import JSON

MEBIBYTE = 1024 * 1024
# Documented as 20 MiB since September 2026, but bots were still refused above 10 then: the stricter one is safe.
DEFAULT_UPLOAD_LIMIT = 10 * MEBIBYTE
UPLOAD_LIMIT_BY_TIER = {0: DEFAULT_UPLOAD_LIMIT, 1: DEFAULT_UPLOAD_LIMIT, 2: 50 * MEBIBYTE, 3: 100 * MEBIBYTE}


class ChannelKind(IntEnum):
    TEXT = 0
    DM = 1
    VOICE = 2
    THREAD = 11
    FORUM = 15


class MessageKind(IntEnum):
    DEFAULT = 0
    REPLY = 19
    CHAT_INPUT_COMMAND = 20
    CONTEXT_MENU_COMMAND = 23


class MessageFlag(IntFlag):
    SUPPRESS_EMBEDS = 1 << 2
    EPHEMERAL = 1 << 6
    LOADING = 1 << 7
    SUPPRESS_NOTIFICATIONS = 1 << 12
    IS_COMPONENTS_V2 = 1 << 15


NO_FLAGS = MessageFlag(0)


@dataclass(slots=True, eq=False)
class User:
    id: int
    name: str
    locale: str = "en-US"
    is_bot: bool = False
    upload_limit: int = DEFAULT_UPLOAD_LIMIT  # Nitro raises it
    accepts_dms: bool = True

    @property
    def mention(self) -> str:
        return f"<@{self.id}>"


@dataclass(slots=True, eq=False)
class Role:
    id: int
    name: str
    permissions: Permission
    position: int = 0
    is_managed: bool = False


@dataclass(slots=True, eq=False)
class Member:
    user: User
    guild: Guild
    joined_at: datetime
    roles: list[Role] = field(default_factory=list)

    @property
    def id(self) -> int:
        return self.user.id

    @property
    def mention(self) -> str:
        return self.user.mention


@dataclass(slots=True)
class Overwrite:
    """What a channel allows or denies to one role (kind 0) or member (kind 1)."""

    target_id: int
    kind: int
    allow: Permission = NOTHING
    deny: Permission = NOTHING


@dataclass(slots=True, eq=False)
class Guild:
    id: int
    name: str
    locale: str
    premium_tier: int
    upload_limit: int
    owner: User
    has_bot: bool = True
    roles: dict[int, Role] = field(default_factory=dict)
    members: dict[int, Member] = field(default_factory=dict)
    channels: dict[int, Channel] = field(default_factory=dict)
    blocked_words: set[str] = field(default_factory=set)

    @property
    def everyone(self) -> Role:
        return self.roles[self.id]


@dataclass(slots=True, eq=False)
class Channel:
    id: int
    kind: ChannelKind
    name: str = ""
    guild: Guild | None = None
    parent: Channel | None = None
    is_nsfw: bool = False
    is_archived: bool = False
    is_locked: bool = False
    made_at: datetime | None = None
    recipients: list[User] = field(default_factory=list)
    overwrites: dict[int, Overwrite] = field(default_factory=dict)
    messages: dict[int, Message] = field(default_factory=dict)

    @property
    def is_thread(self) -> bool:
        return self.kind is ChannelKind.THREAD


@dataclass(slots=True, eq=False)
class Attachment:
    id: int
    filename: str
    path: Path
    size: int
    content_type: str
    uploaded_at: datetime
    channel_id: int
    title: str | None = None
    description: str | None = None
    width: int | None = None
    height: int | None = None
    is_ephemeral: bool = False


@dataclass(slots=True, eq=False)
class Message:
    id: int
    channel: Channel
    author: User
    made_at: datetime
    kind: MessageKind = MessageKind.DEFAULT
    content: str = ""
    embeds: list[JSON] = field(default_factory=list)
    components: list[JSON] = field(default_factory=list)
    attachments: list[Attachment] = field(default_factory=list)
    flags: MessageFlag = NO_FLAGS
    nonce: str | int | None = None
    mentions: list[User] = field(default_factory=list)
    mentioned_roles: list[Role] = field(default_factory=list)
    mentions_everyone: bool = False
    reference: Message | None = None
    edited_at: datetime | None = None
    visible_to: User | None = None  # None: everyone who sees the channel
    is_deleted: bool = False
    interaction_metadata: JSON | None = None
    application_id: int | None = None

    @property
    def is_ephemeral(self) -> bool:
        return MessageFlag.EPHEMERAL in self.flags

    @property
    def is_loading(self) -> bool:
        return MessageFlag.LOADING in self.flags


@dataclass(slots=True, eq=False)
class Entitlement:
    id: int
    sku_id: int
    user: User | None
    guild: Guild | None
    is_consumed: bool = False
    is_deleted: bool = False


@dataclass(slots=True, eq=False)
class Application:
    id: int
    name: str
    bot: User
    owner: User
    flags: int = 0
    allows_privileged_intents: bool = True


@dataclass(slots=True)
class World:
    """Everything there is; only the services of this package change it."""

    application: Application
    users: dict[int, User] = field(default_factory=dict)
    guilds: dict[int, Guild] = field(default_factory=dict)
    channels: dict[int, Channel] = field(default_factory=dict)
    attachments: dict[int, Attachment] = field(default_factory=dict)
    entitlements: dict[int, Entitlement] = field(default_factory=dict)
    # Commands by scope: None is global, otherwise the guild's id.
    commands: dict[int | None, dict[int, JSON]] = field(default_factory=dict)
    # What the Integrations page says: by guild, then by command or, for all commands, by the application's id.
    command_permissions: dict[int, dict[int, list[JSON]]] = field(default_factory=dict)

    @property
    def bot(self) -> User:
        return self.application.bot


def guild_permissions(member: Member) -> Permission:
    guild = member.guild
    if guild.owner is member.user:
        return EVERYTHING
    granted = guild.everyone.permissions
    for role in member.roles:
        granted |= role.permissions
    return EVERYTHING if Permission.ADMINISTRATOR in granted else granted


def permissions_in(user: User, channel: Channel) -> Permission:
    """What *user* may do in *channel*; nothing for strangers and where the channel cannot be seen."""
    if channel.guild is None:
        return DIRECT_MESSAGE if user in channel.recipients else NOTHING
    member = channel.guild.members.get(user.id)
    if member is None:
        return NOTHING
    granted = guild_permissions(member)
    if granted == EVERYTHING:
        return granted
    granted = _with_overwrites(granted, member, channel.parent if channel.is_thread and channel.parent else channel)
    return granted if Permission.VIEW_CHANNEL in granted else NOTHING


def _with_overwrites(granted: Permission, member: Member, channel: Channel) -> Permission:
    everyone = channel.overwrites.get(member.guild.id)
    if everyone:
        granted = (granted & ~everyone.deny) | everyone.allow
    of_roles = [channel.overwrites[role.id] for role in member.roles if role.id in channel.overwrites]
    for overwrite in of_roles:
        granted &= ~overwrite.deny
    for overwrite in of_roles:
        granted |= overwrite.allow
    own = channel.overwrites.get(member.id)
    return (granted & ~own.deny) | own.allow if own else granted


def upload_limit_in(channel: Channel) -> int:
    """What the bot itself may upload there; a member's Nitro does not count for it."""
    return channel.guild.upload_limit if channel.guild else DEFAULT_UPLOAD_LIMIT
