"""To whom a server's administrators have given or denied commands, under Server Settings > Integrations.

Discord keeps such assignments for single commands and for the application as a whole. Only the former give a command to
somebody who lacks the permission that it asks for by default; the latter stand for commands that have none of their
own, and only take away (docs/adr/0028).
https://discord.com/developers/docs/interactions/application-commands#permissions
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

from bot.domain.ids import ChannelId, GuildId, RoleId, UserId


class Whom(IntEnum):
    """What an assignment is about; the numbers are Discord's."""

    ROLE = 1
    USER = 2
    CHANNEL = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """One line of the Integrations page: a role, a member or a channel, and yes or no."""

    whom: Whom
    target_id: int
    is_allowed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Acting:
    """Who uses a command, and where; of a thread its parent counts."""

    guild_id: GuildId
    user_id: UserId
    role_ids: frozenset[RoleId]
    channel_id: ChannelId
    has_default: bool  # whether they have the permission that the command asks for by itself


def may_use(acting: Acting, of_command: Sequence[Assignment], of_application: Sequence[Assignment]) -> bool:
    """Whether Discord lets them use a command with these assignments. Administrators are not asked about."""
    channel = _of_channel(acting, of_command)
    if channel is None:
        channel = _of_channel(acting, of_application)
    if channel is False:
        return False
    own = _of_member(acting, of_command)
    if own is not None:
        return own
    return _of_member(acting, of_application) is not False and acting.has_default


def _of_channel(acting: Acting, assignments: Sequence[Assignment]) -> bool | None:
    said = {each.target_id: each.is_allowed for each in assignments if each.whom is Whom.CHANNEL}
    # Discord's constant for all channels is the guild's id less one.
    return said.get(acting.channel_id, said.get(acting.guild_id - 1))


def _of_member(acting: Acting, assignments: Sequence[Assignment]) -> bool | None:
    """The member's own line, else those of their roles, of which one yes is enough, else that of everyone."""
    for each in assignments:
        if each.whom is Whom.USER and each.target_id == acting.user_id:
            return each.is_allowed
    roles = {each.target_id: each.is_allowed for each in assignments if each.whom is Whom.ROLE}
    # The role of everyone has the guild's id.
    everyone = roles.pop(acting.guild_id, None)
    theirs = [is_allowed for role_id, is_allowed in roles.items() if role_id in acting.role_ids]
    return any(theirs) if theirs else everyone
