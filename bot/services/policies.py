"""What a guild's staff decides about the bot: one policy, changed as a whole. Every change checks the right itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bot.domain.ids import GuildId, UserId
from bot.domain.policies import GuildPolicy, MemberRule
from bot.services.quotas import Staff, check_staff
from bot.store import policies
from bot.store.database import Connection, Database


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """A policy before and after somebody changed it; equal when there was nothing to change."""

    before: GuildPolicy
    after: GuildPolicy


class Policies:
    """The guilds' policies."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, guild_id: GuildId) -> GuildPolicy:
        """What holds in a guild now."""
        return await self._database.read(policies.load, guild_id)

    async def change(self, staff: Staff, how: Callable[[GuildPolicy], GuildPolicy]) -> Changed:
        """Make of the guild's policy what *how* makes of it: `lambda policy: replace(policy, cooldown=MINUTE)`.

        It holds for everything that is accepted from now on. Two changes at the same moment come one after the other.
        """
        check_staff(staff)

        def store(connection: Connection) -> Changed:
            before = policies.load(connection, staff.guild_id, lock=True)
            after = how(before)
            if after.guild_id != staff.guild_id:
                raise AssertionError("a change of one guild's policy reached another's")
            if after != before:
                policies.save(connection, after)
            return Changed(before=before, after=after)

        return await self._database.write(store)

    async def members(self, staff: Staff) -> dict[UserId, MemberRule]:
        """Everybody of whom staff has decided something."""
        check_staff(staff)
        return await self._database.read(policies.members, staff.guild_id)

    async def set_member(self, staff: Staff, member: UserId, rule: MemberRule | None) -> MemberRule | None:
        """Decide about one member; None leaves them to their roles again. What held before is returned."""
        check_staff(staff)

        def store(connection: Connection) -> MemberRule | None:
            # With the guild's row in hand nobody is being charged by the old rule at this moment.
            policies.load(connection, staff.guild_id, lock=True)
            before = policies.member(connection, staff.guild_id, member)
            policies.set_member(connection, staff.guild_id, member, rule)
            return before

        return await self._database.write(store)
