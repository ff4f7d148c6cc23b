"""Who may use a command where: what a guild's Integrations page says, over the command's default permissions.

https://discord.com/developers/docs/interactions/application-commands#permissions and, for which line wins,
https://support.discord.com/hc/en-us/articles/10952896421783-Updates-to-Command-Permissions
"""

from __future__ import annotations

from sandbox.discord_server.permissions import Permission
from sandbox.discord_server.wire import JSON
from sandbox.discord_server.world import Channel, Guild, Member, World, permissions_in

ROLE, USER, CHANNEL = 1, 2, 3


def why_denied(world: World, command: JSON, member: Member, channel: Channel) -> str | None:
    """Why the member may not use *command* in this channel of their guild; None when they may."""
    may = permissions_in(member.user, channel)
    if Permission.ADMINISTRATOR in may:
        return None
    if Permission.USE_APPLICATION_COMMANDS not in may:
        return "they may not use application commands here"
    assigned = world.command_permissions.get(member.guild.id, {})
    of_command = assigned.get(int(command["id"]), [])
    of_application = assigned.get(world.application.id, [])
    if (
        _first(_in_channel(of_command, channel, member.guild), _in_channel(of_application, channel, member.guild))
        is False
    ):
        return "the server does not allow it in this channel"
    own = _for_member(of_command, member)
    if own is not None:
        return None if own else "the server has denied it to them"
    if _for_member(of_application, member) is False:
        return "the server has denied the application to them"
    needed = command["default_member_permissions"]
    if needed is None:
        return None
    missing = int(needed) & ~int(may) if int(needed) else Permission.ADMINISTRATOR
    return f"they lack the permissions {int(missing)}" if missing else None


def _in_channel(lines: list[JSON], channel: Channel, guild: Guild) -> bool | None:
    said = _said(lines, CHANNEL)
    where = channel.parent if channel.is_thread and channel.parent else channel
    return _first(said.get(where.id), said.get(guild.id - 1))


def _for_member(lines: list[JSON], member: Member) -> bool | None:
    """Their own line, else the lines of their roles, where one yes is enough, else the line of everyone."""
    roles = _said(lines, ROLE)
    theirs = [roles[role.id] for role in member.roles if role.id in roles]
    of_roles = any(theirs) if theirs else None
    return _first(_said(lines, USER).get(member.id), of_roles, roles.get(member.guild.id))


def _said(lines: list[JSON], kind: int) -> dict[int, bool]:
    return {int(line["id"]): line["permission"] for line in lines if line["type"] == kind}


def _first(*answers: bool | None) -> bool | None:
    return next((answer for answer in answers if answer is not None), None)
