"""What providers last said was left on the host's account, and what our own jobs may have cost since then."""

from __future__ import annotations

import math
from collections.abc import Collection
from datetime import datetime, timedelta
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from bot.domain.hosting import Reading
from bot.domain.ids import ProviderId
from bot.store.statements import upsert
from bot.store.tables import jobs, provider_readings

# No task is waited for longer: the longest outer limit of a model, and twelve hours of an outage.
LONGEST_JOB = timedelta(days=1)


def last(connection: Connection, provider: ProviderId) -> Reading | None:
    asked = sa.select(provider_readings).where(provider_readings.c.provider == provider)
    row = connection.execute(asked).one_or_none()
    return None if row is None else Reading(credits=row.credits, read_at=row.read_at)


def all_of(connection: Connection) -> dict[ProviderId, Reading]:
    rows = connection.execute(sa.select(provider_readings).order_by(provider_readings.c.provider))
    return {ProviderId(row.provider): Reading(credits=row.credits, read_at=row.read_at) for row in rows}


def keep(connection: Connection, provider: ProviderId, reading: Reading) -> None:
    values = {"credits": reading.credits, "read_at": reading.read_at}
    row = upsert(connection, provider_readings).values(provider=provider, **values)
    connection.execute(row.on_conflict_do_update(index_elements=[provider_readings.c.provider], set_=values))


def most_spent(connection: Connection, providers: Collection[ProviderId], since: datetime, markup: Decimal) -> float:
    """The most that our jobs can have cost at these providers after *since*, whenever it takes the money.

    A job's price has the markup in it and is rounded up; what the provider said itself counts if that is more.
    """
    price = jobs.c.price / sa.literal(float(markup), sa.Float)
    said = sa.func.coalesce(jobs.c.provider_credits, 0.0)
    cost = sa.case((said > price, said), else_=price)
    may_be_billed = sa.or_(
        jobs.c.submitted_at >= since,
        jobs.c.rendered_at >= since,
        jobs.c.finished_at >= since,
        jobs.c.finished_at.is_(None),
    )
    asked = sa.select(sa.func.coalesce(sa.func.sum(cost), 0.0)).where(
        jobs.c.provider.in_(providers), jobs.c.submitted_at >= since - LONGEST_JOB, may_be_billed
    )
    return math.ceil(float(connection.execute(asked).scalar_one()))
