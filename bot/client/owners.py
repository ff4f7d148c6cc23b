"""Whose bot this is: the people that the settings name, or else those that Discord's page of the application names."""

from __future__ import annotations

from collections.abc import Collection

import discord

# Roles of a team that may change its applications (Discord's documentation of teams); "read_only" may not.
ACTING = frozenset({discord.TeamMemberRole.admin, discord.TeamMemberRole.developer})


def is_owner(user_id: int, named: Collection[int], application: discord.AppInfo | None) -> bool:
    """Whether this person may do what only the host may. Who is named in the settings stands for all."""
    if named:
        return user_id in named
    if application is None:
        return False
    team = application.team
    if team is None:
        return user_id == application.owner.id
    return user_id == team.owner_id or any(
        member.id == user_id
        and member.membership_state is discord.TeamMembershipState.accepted
        and member.role in ACTING
        for member in team.members
    )
