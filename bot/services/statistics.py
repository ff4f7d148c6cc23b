"""What a guild's staff sees of the last days. Every method checks the right itself."""

from __future__ import annotations

from datetime import timedelta

from bot.domain.statistics import Statistics
from bot.ports import Clock
from bot.services.staff import Staff, check_staff
from bot.store import statistics
from bot.store.database import Database

# As many as a card shows without becoming a list.
SHOWN_MEMBERS = 10


class StatisticsDesk:
    """Counts of a guild's jobs."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def last(self, staff: Staff, days: int) -> Statistics:
        """The last so many UTC days, today included."""
        check_staff(staff)
        today = self._clock.now().replace(hour=0, minute=0, second=0, microsecond=0)
        since = today - timedelta(days=days - 1)
        return await self._database.read(statistics.of_guild, staff.guild_id, since, today, SHOWN_MEMBERS)
