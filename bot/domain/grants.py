"""Bonus credits that staff gives: to one member at once, to a role or to everybody when they next use the bot."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.domain.admission import Requester
from bot.domain.ids import GrantId, GuildId, RoleId, UserId

# For so long members can collect what a role or everybody was given. Nobody knows them all beforehand: the list of a
# server's members is only told to bots that ask for a privilege that this one does without.
COLLECT_WITHIN = timedelta(days=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Who gets a grant: a member, whoever has a role, or, without both, everybody."""

    user_id: UserId | None = None
    role_id: RoleId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """A grant as it is stored. `given_at` is None while staff has not confirmed it."""

    id: GrantId
    guild_id: GuildId
    actor_id: UserId
    target: Target
    credits: int
    reason: str | None
    given_at: datetime | None
    ends_at: datetime | None  # for a role or everybody: the end of the time to collect it


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """A grant that holds now; `bonus` is what a single member has after it."""

    grant: Grant
    bonus: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Revoked:
    """What was taken back, and what the member has left."""

    credits: int
    bonus: int


def is_for(grant: Grant, requester: Requester) -> bool:
    """Whether a member whom staff did not name may collect the grant.

    What everybody gets is for those who were there when it was given, or new accounts could be made to collect it.
    """
    if grant.given_at is None or grant.target.user_id is not None:
        return False
    if grant.target.role_id is not None:
        return grant.target.role_id in requester.role_ids
    return requester.joined_at is not None and requester.joined_at <= grant.given_at
