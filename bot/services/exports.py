"""A guild's ledger and jobs, page by page, for its staff to take away."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import timedelta

from bot.domain.staff_log import StaffEvent, StaffEventKind
from bot.ports import Clock
from bot.services.staff import Staff, check_staff
from bot.store import exports, staff_log
from bot.store.database import Connection, Database
from bot.store.exports import HEADS, Exported, Row

__all__ = ["Exported", "Exports"]


class Exports:
    """Rows for a spreadsheet."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    @staticmethod
    def head(what: Exported) -> Sequence[str]:
        """The names of the columns."""
        return HEADS[what]

    async def pages(self, staff: Staff, what: Exported, days: int) -> AsyncIterator[Sequence[Row]]:
        """The last so many days, oldest first. That somebody took them is told to the staff first."""
        check_staff(staff)
        now = self._clock.now()

        def note(connection: Connection) -> None:
            event = StaffEvent(
                guild_id=staff.guild_id,
                kind=StaffEventKind.EXPORT,
                actor_id=staff.user_id,
                details={"what": what.value, "days": days},
            )
            staff_log.note(connection, event, now)

        await self._database.write(note)
        after: int | None = 0
        while after is not None:
            rows, after = await self._database.read(
                exports.page, what, staff.guild_id, now - timedelta(days=days), after
            )
            if rows:
                yield rows
