"""Compares what a provider says is left on the host's account with what our own jobs can have cost."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from decimal import Decimal

from bot.domain.hosting import Reading
from bot.domain.ids import ProviderId
from bot.ports import Clock
from bot.store import readings
from bot.store.database import Connection, Database

# What was submitted shortly before the last reading may have been taken from the account only after it.
SLACK = timedelta(minutes=5)
# Rounding, rewritten prompts and small questions are not worth a word: this much, or this share of our own jobs.
TOLERATED = 20.0
TOLERATED_SHARE = 0.1


class Accounts:
    """The host's accounts at the providers."""

    def __init__(self, database: Database, clock: Clock, markup: Decimal) -> None:
        self._database = database
        self._clock = clock
        self._markup = markup

    async def note(self, provider: ProviderId, credits: float, sharing: Collection[ProviderId] = ()) -> float:
        """Remember what is left; how many credits went away that no job of ours can have cost.

        Jobs at the providers that *sharing* names are paid from the same account.
        """
        now = self._clock.now()

        def compare(connection: Connection) -> float:
            before = readings.last(connection, provider)
            readings.keep(connection, provider, Reading(credits=credits, read_at=now))
            if before is None:
                return 0.0
            most = readings.most_spent(connection, sharing or (provider,), before.read_at - SLACK, self._markup)
            missing = before.credits - credits - most
            return missing if missing > max(TOLERATED, TOLERATED_SHARE * most) else 0.0

        return await self._database.write(compare)
