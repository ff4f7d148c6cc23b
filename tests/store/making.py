"""Jobs in a database without the services around them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa

from bot.domain.ids import GuildId, UserId
from bot.domain.jobs import Job, JobState
from bot.store import jobs, tables
from bot.store.database import Connection
from bot.store.jobs import NewJob
from bot.store.ledger import Payment
from tests.fakes import KIE, NOON
from tests.samples import ANNA, GUILD, place, video


def insert(
    connection: Connection,
    *,
    user_id: UserId = ANNA,
    guild_id: GuildId = GUILD,
    interaction_id: int | None = None,
    price: int = 100,
    now: datetime = NOON,
    **values: Any,
) -> Job:
    """A queued job; *values* are written over its row."""
    new = NewJob(
        user_id=user_id,
        place=place(guild_id, interaction_id),
        video=video(price),
        provider=KIE,
        callback_secret="secret",
        again_of=None,
    )
    payment = Payment(allowance=price, bonus=0, is_pool_limited=False, paid_at=now)
    job = jobs.insert(connection, new, payment, now)
    assert job is not None
    if values:
        connection.execute(sa.update(tables.jobs).where(tables.jobs.c.id == job.id).values(**values))
    found = jobs.find(connection, job.id)
    assert found is not None
    return found


def running(connection: Connection, **values: Any) -> Job:
    return insert(connection, **{"state": JobState.RUNNING, "task_id": "task-1", "submitted_at": NOON, **values})


def column(connection: Connection, job: Job, name: str) -> Any:
    """What a column of the job holds that no `Job` shows."""
    return connection.execute(sa.select(tables.jobs.c[name]).where(tables.jobs.c.id == job.id)).scalar_one()
