"""What the host has spent by UTC day and month, held against their budget."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from bot.store.tables import spending

# What every command asks is put together once: for SQLAlchemy that is more work than asking.
_AMOUNT = sa.bindparam("amount", type_=sa.BigInteger)
_COUNT = (
    sa.update(spending)
    .where(spending.c.period == sa.bindparam("of_period", type_=sa.Text))
    .values(credits=spending.c.credits + _AMOUNT)
)
_COUNT_UP_TO = _COUNT.where(spending.c.credits + _AMOUNT <= sa.bindparam("most", type_=sa.BigInteger))
# As a text, which both databases understand: SQLAlchemy puts its own ON CONFLICT together anew each time.
_OPEN_PERIOD = sa.text("INSERT INTO spending (period, credits) VALUES (:of_period, 0) ON CONFLICT DO NOTHING")


def periods(at: datetime) -> tuple[str, str]:
    """The host's day and month that a job accepted at this moment counts into."""
    return f"day {at:%Y-%m-%d}", f"month {at:%Y-%m}"


def spend(connection: Connection, period: str, amount: int, limit: int | None) -> bool:
    """Count *amount* into the host's period; False, and nothing counted, when that would pass *limit*."""
    counting = _COUNT if limit is None else _COUNT_UP_TO
    counted = {"of_period": period, "amount": amount, "most": limit}
    if connection.execute(counting, counted).rowcount == 1:
        return True
    # The row is there but for the first time in its period.
    made = connection.execute(_OPEN_PERIOD, counted)
    return made.rowcount == 1 and connection.execute(counting, counted).rowcount == 1


def spent_in(connection: Connection, period: str) -> int:
    """Credits that the host's period has seen so far."""
    return connection.execute(sa.select(spending.c.credits).where(spending.c.period == period)).scalar() or 0
