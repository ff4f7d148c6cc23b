"""Who acts for a guild. Every use case that is for staff checks the right itself."""

from __future__ import annotations

from dataclasses import dataclass

from bot.domain.ids import GuildId, UserId
from bot.errors.staff import NotAllowedError


@dataclass(frozen=True, slots=True, kw_only=True)
class Staff:
    """Who acts, where, and whether Discord says that they may manage the server."""

    user_id: UserId
    guild_id: GuildId
    can_manage: bool


def check_staff(staff: Staff) -> None:
    """Discord hides staff commands from others only in its own client; the right is checked here."""
    if not staff.can_manage:
        raise NotAllowedError
