"""Building and changing the world from outside: guilds, channels, members, and what moderators and owners do."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from sandbox.discord_server import payloads
from sandbox.discord_server.permissions import EVERYONE, EVERYTHING, MODERATOR, NOTHING, Permission
from sandbox.discord_server.rest.identity import direct_channel
from sandbox.discord_server.services import Services
from sandbox.discord_server.sessions import Intent
from sandbox.discord_server.wire import JSON
from sandbox.discord_server.world import (
    DEFAULT_UPLOAD_LIMIT,
    UPLOAD_LIMIT_BY_TIER,
    Attachment,
    Channel,
    ChannelKind,
    Entitlement,
    Guild,
    Member,
    Message,
    Overwrite,
    Role,
    User,
    permissions_in,
)

KindName = Literal["text", "thread", "forum", "voice"]


class Building:
    """The part of DiscordServer that plays everybody except the bot and the acting person."""

    def __init__(self, services: Services) -> None:
        self.services = services
        self.world = services.world

    # What comes into being.

    def add_guild(
        self,
        name: str,
        *,
        upload_limit: int | None = None,
        locale: str = "en-US",
        premium_tier: int = 0,
    ) -> Guild:
        """A guild the bot is in, owned by the host of the bot; its upload limit follows the tier unless given."""
        limit = UPLOAD_LIMIT_BY_TIER[premium_tier] if upload_limit is None else upload_limit
        host, now = self.world.application.owner, self.services.clock()
        guild = Guild(self.services.snowflakes(), name, locale, premium_tier, limit, owner=host)
        guild.roles[guild.id] = Role(guild.id, "@everyone", EVERYONE)
        self.world.guilds[guild.id] = guild
        bot = self.world.bot
        role = Role(self.services.snowflakes(), bot.name, EVERYONE, position=1, is_managed=True)
        guild.roles[role.id] = role
        guild.members[bot.id] = Member(bot, guild, now, [role])
        guild.members[host.id] = Member(host, guild, now)
        self.services.gateway.guild_create(guild)
        self._changed("GUILD_CREATE", guild, guild.id)
        return guild

    def add_channel(
        self, guild: Guild, name: str, kind: KindName = "text", *, nsfw: bool = False, parent: Channel | None = None
    ) -> Channel:
        """A channel; a thread needs the *parent* it hangs from."""
        number = ChannelKind[kind.upper()]
        if (number is ChannelKind.THREAD) != (parent is not None):
            raise ValueError("a thread has a parent channel, and only a thread")
        channel = Channel(
            self.services.snowflakes(),
            number,
            name,
            guild,
            parent,
            is_nsfw=nsfw or bool(parent and parent.is_nsfw),
            made_at=self.services.clock(),
        )
        guild.channels[channel.id] = channel
        self.world.channels[channel.id] = channel
        event = "THREAD_CREATE" if channel.is_thread else "CHANNEL_CREATE"
        self._dispatch(event, payloads.channel(channel), guild)
        self._changed(event, channel, channel.id)
        return channel

    def add_role(self, guild: Guild, name: str, permissions: Permission = NOTHING) -> Role:
        role = Role(self.services.snowflakes(), name, permissions, position=len(guild.roles))
        guild.roles[role.id] = role
        self._dispatch("GUILD_ROLE_CREATE", {"guild_id": str(guild.id), "role": payloads.role(role)}, guild)
        return role

    def add_user(
        self, name: str, *, locale: str = "en-US", upload_limit: int = DEFAULT_UPLOAD_LIMIT, is_bot: bool = False
    ) -> User:
        user = User(self.services.snowflakes(), name, locale, is_bot, upload_limit)
        self.world.users[user.id] = user
        return user

    def add_member(
        self,
        guild: Guild,
        name: str | User,
        *,
        is_owner: bool = False,
        is_moderator: bool = False,
        permissions: Permission = NOTHING,
        roles: tuple[Role, ...] = (),
        locale: str = "en-US",
        upload_limit: int = DEFAULT_UPLOAD_LIMIT,
    ) -> Member:
        """A person in a guild, new by name or an existing user; *upload_limit* is what their Nitro allows."""
        user = name if isinstance(name, User) else self.add_user(name, locale=locale, upload_limit=upload_limit)
        member = Member(user, guild, self.services.clock(), list(roles))
        guild.members[user.id] = member
        extra = permissions | (MODERATOR if is_moderator else NOTHING)
        if extra:
            member.roles.append(self.add_role(guild, f"{user.name}'s role", extra))
        if is_owner:
            guild.owner = user
        data = {"guild_id": str(guild.id), **payloads.member(member)}
        self._dispatch("GUILD_MEMBER_ADD", data, guild, Intent.GUILD_MEMBERS)
        self._changed("GUILD_MEMBER_ADD", member, guild.id)
        return member

    def add_attachment(
        self, file: Path | bytes, filename: str, channel: Channel, *, is_ephemeral: bool = True
    ) -> Attachment:
        """A file somebody uploads; inputs of commands are ephemeral attachments."""
        path = self.services.cdn.new_path()
        path.write_bytes(file if isinstance(file, bytes) else file.read_bytes())
        return self.services.cdn.adopt(path, filename, channel.id, is_ephemeral=is_ephemeral)

    def add_entitlement(self, sku_id: int, *, user: User | None = None, guild: Guild | None = None) -> Entitlement:
        one = Entitlement(self.services.snowflakes(), sku_id, user, guild)
        self.world.entitlements[one.id] = one
        data = payloads.entitlement(one, self.world.application.id)
        self.services.gateway.dispatch("ENTITLEMENT_CREATE", data, guild_id=None)
        return one

    def delete_entitlement(self, one: Entitlement) -> None:
        one.is_deleted = True
        data = payloads.entitlement(one, self.world.application.id)
        self.services.gateway.dispatch("ENTITLEMENT_DELETE", data, guild_id=None)

    # Who may do what.

    def deny(self, channel: Channel, permissions: Permission, who: User | Member | None = None) -> None:
        """Take *permissions* in *channel* from the bot, or from *who*."""
        overwrite = self._overwrite(channel, who)
        overwrite.deny |= permissions
        overwrite.allow &= ~permissions
        self._permissions_changed(channel)

    def allow(self, channel: Channel, permissions: Permission, who: User | Member | None = None) -> None:
        """Give *permissions* in *channel* to the bot, or to *who*."""
        overwrite = self._overwrite(channel, who)
        overwrite.allow |= permissions
        overwrite.deny &= ~permissions
        self._permissions_changed(channel)

    def assign_command(
        self, guild: Guild, name: str | None, lines: Mapping[Role | Member | User | Channel | Guild, bool]
    ) -> None:
        """What an administrator sets in the Integrations settings: to whom and where command *name* is given or denied.

        The lines replace those before, and none take them away. No *name* is the whole application, and the guild
        in a line all of its channels; the role of everyone is `guild.everyone`.
        """
        known = {each["name"]: int(each["id"]) for scope in (None, guild.id) for each in self._commands(scope)}
        target = self.world.application.id if name is None else known[name]
        assigned = self.world.command_permissions.setdefault(guild.id, {})
        assigned[target] = [_assignment(guild, whom, is_allowed) for whom, is_allowed in lines.items()]
        data = payloads.command_permissions(self.world, guild.id, target)
        if not lines:
            del assigned[target]
        if guild.has_bot:
            self.services.gateway.dispatch("APPLICATION_COMMAND_PERMISSIONS_UPDATE", data, guild_id=guild.id)

    def _commands(self, scope: int | None) -> list[JSON]:
        return list(self.world.commands.get(scope, {}).values())

    def make_administrator(self, member: Member) -> None:
        member.roles.append(self.add_role(member.guild, f"{member.user.name} admin", EVERYTHING))
        data = {"guild_id": str(member.guild.id), **payloads.member(member)}
        self._dispatch("GUILD_MEMBER_UPDATE", data, member.guild, Intent.GUILD_MEMBERS)

    def close_direct_messages(self, user: User | Member) -> None:
        (user.user if isinstance(user, Member) else user).accepts_dms = False

    def open_direct_messages(self, user: User | Member) -> None:
        (user.user if isinstance(user, Member) else user).accepts_dms = True

    def direct_channel(self, user: User | Member) -> Channel:
        """The direct channel between *user* and the bot."""
        return direct_channel(self.services, user.user if isinstance(user, Member) else user)

    def block_words(self, guild: Guild, *words: str) -> None:
        """Automatic moderation: refuse the bot's messages with any of these words."""
        guild.blocked_words.update(word.casefold() for word in words)

    # What goes away or changes.

    def set_upload_limit(self, guild: Guild, limit: int) -> None:
        guild.upload_limit = limit

    def set_locale(self, user: User | Member, locale: str) -> None:
        (user.user if isinstance(user, Member) else user).locale = locale

    def set_nsfw(self, channel: Channel, nsfw: bool) -> None:
        channel.is_nsfw = nsfw
        self._permissions_changed(channel)

    def delete_message(self, message: Message) -> None:
        self.services.messages.delete(message)

    def delete_channel(self, channel: Channel) -> None:
        """Delete a channel with its threads and messages."""
        guild = channel.guild
        if guild is None:
            raise ValueError("a direct channel cannot be deleted")
        for thread in [each for each in guild.channels.values() if each.parent is channel]:
            self.delete_channel(thread)
        data = payloads.channel(channel)
        for message in channel.messages.values():
            message.is_deleted = True
        del guild.channels[channel.id]
        del self.world.channels[channel.id]
        event = "THREAD_DELETE" if channel.is_thread else "CHANNEL_DELETE"
        self._dispatch(event, data, guild)
        self._changed(event, channel, channel.id)

    def set_thread(self, thread: Channel, *, archived: bool | None = None, locked: bool | None = None) -> None:
        """Archive, reopen, lock or unlock a thread."""
        if not thread.is_thread or thread.guild is None:
            raise ValueError(f"#{thread.name} is not a thread")
        thread.is_archived = thread.is_archived if archived is None else archived
        thread.is_locked = thread.is_locked if locked is None else locked
        self._dispatch("THREAD_UPDATE", payloads.channel(thread), thread.guild)
        self._changed("THREAD_UPDATE", thread, thread.id)

    def remove_member(self, member: Member) -> None:
        del member.guild.members[member.id]
        data = {"guild_id": str(member.guild.id), "user": payloads.user(member.user)}
        self._dispatch("GUILD_MEMBER_REMOVE", data, member.guild, Intent.GUILD_MEMBERS)
        self._changed("GUILD_MEMBER_REMOVE", member, member.guild.id)

    def remove_bot(self, guild: Guild) -> None:
        """Kick the bot: GUILD_DELETE without `unavailable`."""
        self._dispatch("GUILD_DELETE", {"id": str(guild.id)}, guild)
        guild.has_bot = False
        del guild.members[self.world.bot.id]
        self.world.commands.pop(guild.id, None)
        self._changed("GUILD_DELETE", guild, guild.id)

    def outage(self, guild: Guild) -> None:
        """Discord's own trouble: GUILD_DELETE with `unavailable`, the bot stays a member."""
        self._dispatch("GUILD_DELETE", {"id": str(guild.id), "unavailable": True}, guild)

    def end_outage(self, guild: Guild) -> None:
        self.services.gateway.guild_create(guild)

    def _overwrite(self, channel: Channel, who: User | Member | None) -> Overwrite:
        if channel.guild is None or channel.is_thread:
            raise ValueError("permissions are set on a guild's channel; a thread follows its parent")
        target = self.world.bot.id if who is None else who.id
        return channel.overwrites.setdefault(target, Overwrite(target, kind=1))

    def _permissions_changed(self, channel: Channel) -> None:
        if channel.guild:
            self._dispatch("CHANNEL_UPDATE", payloads.channel(channel), channel.guild)
        self._changed("CHANNEL_UPDATE", channel, channel.id)

    def _dispatch(self, event: str, data: JSON, guild: Guild, intent: Intent = Intent.GUILDS) -> None:
        if guild.has_bot:
            self.services.gateway.dispatch(event, data, guild_id=guild.id, intent=intent)

    def _changed(self, kind: str, subject: object, topic_id: int) -> None:
        self.services.changes.publish(kind, subject, ("channel", topic_id), "world")

    def may(self, user: User | Member, channel: Channel) -> Permission:
        return permissions_in(user.user if isinstance(user, Member) else user, channel)


def _assignment(guild: Guild, whom: Role | Member | User | Channel | Guild, is_allowed: bool) -> JSON:
    match whom:
        case Guild():
            return {"id": str(guild.id - 1), "type": 3, "permission": is_allowed}
        case Channel():
            kind = 3
        case Role():
            kind = 1
        case _:
            kind = 2
    return {"id": str(whom.id), "type": kind, "permission": is_allowed}
