"""What a member has and what became of it."""

from __future__ import annotations

from dataclasses import dataclass

from bot.domain.credits import Balance, HistoryLine
from bot.domain.ids import GuildId, UserId
from bot.domain.policies import NOBODY_SPECIAL, Requester
from bot.ports import Clock
from bot.store import balances, ledger
from bot.store.database import Database

PAGE = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryPage:
    """Some of a member's entries, newest first; `has_more` says whether there is a next page."""

    lines: list[HistoryLine]
    number: int  # from 1
    has_more: bool


class Credits:
    """A member's side of the ledger."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def balance(self, guild_id: GuildId, user_id: UserId, requester: Requester = NOBODY_SPECIAL) -> Balance:
        now = self._clock.now()
        return await self._database.read(balances.find, guild_id, user_id, now, role_ids=requester.role_ids)

    async def history(self, guild_id: GuildId, user_id: UserId, number: int = 1) -> HistoryPage:
        number = max(1, number)
        found = await self._database.read(ledger.history, guild_id, user_id, PAGE + 1, (number - 1) * PAGE)
        return HistoryPage(lines=found[:PAGE], number=number, has_more=len(found) > PAGE)
