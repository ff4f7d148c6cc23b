"""Turns people, guilds and channels into the JSON objects of Discord's API, complete enough for strict clients."""

from __future__ import annotations

from datetime import datetime

from sandbox.discord_server.permissions import Permission
from sandbox.discord_server.snowflakes import made_at
from sandbox.discord_server.wire import JSON
from sandbox.discord_server.world import (
    Application,
    Channel,
    ChannelKind,
    Entitlement,
    Guild,
    Member,
    Role,
    User,
    World,
    permissions_in,
)


def timestamp(moment: datetime) -> str:
    return moment.isoformat(timespec="microseconds")


def user(someone: User) -> JSON:
    return {
        "id": str(someone.id),
        "username": someone.name,
        "global_name": None if someone.is_bot else someone.name,
        "discriminator": "0000" if someone.is_bot else "0",
        "avatar": None,
        "banner": None,
        "accent_color": None,
        "bot": someone.is_bot,
        "system": False,
        "public_flags": 0,
        "flags": 0,
        "primary_guild": None,
        "avatar_decoration_data": None,
        "collectibles": None,
    }


def own_user(someone: User) -> JSON:
    """The signed-in bot itself, with the keys that only the owner of the token sees."""
    return {**user(someone), "mfa_enabled": True, "verified": True, "email": None, "locale": someone.locale}


def application(app: Application, guild_count: int) -> JSON:
    return {
        "id": str(app.id),
        "name": app.name,
        "description": "",
        "icon": None,
        "type": None,
        "summary": "",
        "bot": user(app.bot),
        "bot_public": True,
        "bot_require_code_grant": False,
        "verify_key": "0" * 64,
        "flags": app.flags,
        "flags_new": str(app.flags),
        "owner": user(app.owner),
        "team": None,
        "tags": [],
        "redirect_uris": [],
        "interactions_endpoint_url": None,
        "role_connections_verification_url": None,
        "approximate_guild_count": guild_count,
        "approximate_user_install_count": 0,
        "approximate_user_authorization_count": 0,
        "explicit_content_filter": 0,
        "eligible_oauth2_scopes": ["bot", "applications.commands"],
        "integration_types_config": {"0": {}},
    }


def role(one: Role) -> JSON:
    return {
        "id": str(one.id),
        "name": one.name,
        "description": None,
        "permissions": str(int(one.permissions)),
        "position": one.position,
        "color": 0,
        "colors": {"primary_color": 0, "secondary_color": None, "tertiary_color": None},
        "hoist": False,
        "managed": one.is_managed,
        "mentionable": False,
        "icon": None,
        "unicode_emoji": None,
        "flags": 0,
    }


def member(one: Member) -> JSON:
    return {
        "user": user(one.user),
        "nick": None,
        "avatar": None,
        "banner": None,
        "roles": [str(each.id) for each in one.roles],
        "joined_at": timestamp(one.joined_at),
        "premium_since": None,
        "deaf": False,
        "mute": False,
        "flags": 0,
        "pending": False,
        "communication_disabled_until": None,
    }


def member_in(one: Member, channel: Channel) -> JSON:
    """A member as interactions carry them: with what they may do in that channel."""
    return {**member(one), "permissions": str(int(permissions_in(one.user, channel)))}


def channel(one: Channel) -> JSON:
    last = next(reversed(one.messages), None)
    common: JSON = {
        "id": str(one.id),
        "type": int(one.kind),
        "flags": 0,
        "last_message_id": str(last) if last else None,
    }
    if one.guild is None:
        return {**common, "recipients": [user(each) for each in one.recipients if not each.is_bot]}
    common |= {"guild_id": str(one.guild.id), "name": one.name, "rate_limit_per_user": 0}
    if one.is_thread:
        return {**common, **_thread_keys(one)}
    common |= {
        "position": list(one.guild.channels).index(one.id),
        "parent_id": None,
        "nsfw": one.is_nsfw,
        "permission_overwrites": [
            {"id": str(each.target_id), "type": each.kind, "allow": str(int(each.allow)), "deny": str(int(each.deny))}
            for each in one.overwrites.values()
        ],
    }
    if one.kind is ChannelKind.VOICE:
        return {**common, "bitrate": 64000, "user_limit": 0, "rtc_region": None}
    common |= {"topic": None}
    if one.kind is ChannelKind.FORUM:
        common |= {"available_tags": [], "default_reaction_emoji": None, "default_sort_order": None}
        common |= {"default_forum_layout": 0}
    return common


def _thread_keys(one: Channel) -> JSON:
    opened = timestamp(one.made_at or made_at(one.id))
    return {
        "parent_id": str(one.parent.id) if one.parent else None,
        "owner_id": str(one.guild.owner.id if one.guild else one.id),
        "message_count": len(one.messages),
        "member_count": 1,
        "total_message_sent": len(one.messages),
        "thread_metadata": {
            "archived": one.is_archived,
            "auto_archive_duration": 1440,
            "archive_timestamp": opened,
            "create_timestamp": opened,
            "locked": one.is_locked,
        },
    }


def channel_for(one: Channel, viewer: User) -> JSON:
    """A channel as interactions carry it: with what the person who acted may do there."""
    shown = {**channel(one), "permissions": str(int(permissions_in(viewer, one)))}
    if one.parent:
        # discord.py reads nsfw of a thread through its parent; Discord sends the value along.
        shown["nsfw"] = one.parent.is_nsfw
    return shown


def guild(one: Guild) -> JSON:
    return {
        "id": str(one.id),
        "name": one.name,
        "icon": None,
        "description": None,
        "home_header": None,
        "splash": None,
        "discovery_splash": None,
        "features": [],
        "banner": None,
        "owner_id": str(one.owner.id),
        "application_id": None,
        "region": "deprecated",
        "afk_channel_id": None,
        "afk_timeout": 300,
        "system_channel_id": None,
        "system_channel_flags": 0,
        "widget_enabled": False,
        "widget_channel_id": None,
        "verification_level": 0,
        "roles": [role(each) for each in one.roles.values()],
        "default_message_notifications": 0,
        "mfa_level": 0,
        "explicit_content_filter": 0,
        "max_presences": None,
        "max_members": 500000,
        "max_stage_video_channel_users": 50,
        "max_video_channel_users": 25,
        "vanity_url_code": None,
        "premium_tier": one.premium_tier,
        "premium_subscription_count": 0,
        "preferred_locale": one.locale,
        "rules_channel_id": None,
        "safety_alerts_channel_id": None,
        "public_updates_channel_id": None,
        "premium_progress_bar_enabled": False,
        "nsfw": False,
        "nsfw_level": 0,
        "emojis": [],
        "stickers": [],
        "incidents_data": None,
    }


def guild_create(one: Guild, bot: User) -> JSON:
    """GUILD_CREATE: the guild with everything in it that the bot may see."""
    visible = [
        each
        for each in one.channels.values()
        if not each.is_archived and permissions_in(bot, each) & Permission.VIEW_CHANNEL
    ]
    own = one.members[bot.id]
    return {
        **guild(one),
        "joined_at": timestamp(own.joined_at),
        "large": False,
        "unavailable": False,
        "member_count": len(one.members),
        "members": [member(own)],
        "channels": [channel(each) for each in visible if not each.is_thread],
        "threads": [channel(each) for each in visible if each.is_thread],
        "voice_states": [],
        "presences": [],
        "stage_instances": [],
        "guild_scheduled_events": [],
        "soundboard_sounds": [],
    }


def entitlement(one: Entitlement, application_id: int) -> JSON:
    return {
        "id": str(one.id),
        "sku_id": str(one.sku_id),
        "application_id": str(application_id),
        "user_id": str(one.user.id) if one.user else None,
        "guild_id": str(one.guild.id) if one.guild else None,
        "type": 8,  # an application subscription
        "deleted": one.is_deleted,
        "consumed": one.is_consumed,
        "starts_at": None,
        "ends_at": None,
    }


def command_permissions(world: World, guild_id: int, target: int) -> JSON:
    """Who may use the command *target*, or all commands when that is the application."""
    return {
        "id": str(target),
        "application_id": str(world.application.id),
        "guild_id": str(guild_id),
        "permissions": world.command_permissions.get(guild_id, {}).get(target, []),
    }
