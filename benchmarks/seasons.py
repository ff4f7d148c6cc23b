"""/stats over a million jobs of one guild: from the running counts with a chart, or by adding up the jobs themselves.

Both ask the same SQLite file, made once: a million jobs of 2,000 members with ten models in 90 days. How long the event
loop stood still meanwhile is measured by a task that wants to run every millisecond.
"""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from benchmarks.contenders import Contender
from benchmarks.rows import insert_jobs
from benchmarks.table import Row
from bot.catalogue import loader
from bot.domain.charts import Theme
from bot.domain.ids import GuildId, UserId
from bot.media import Charts
from bot.ports import SystemClock
from bot.rendering import statistics as cards
from bot.services.staff import Staff
from bot.services.statistics import StatisticsDesk
from bot.store import schema, tables
from bot.store.database import Database

JOBS, MEMBERS, MODELS, DAYS = 1_000_000, 2_000, 10, 90
GUILD = GuildId(1)

ROWS = (
    Row("answer", f"/stats over {JOBS:,} jobs, with its chart (baseline: the numbers alone)", "ms"),
    Row("stall", "the same, longest stall of the event loop", "ms"),
)

_COUNT = """
INSERT INTO tallies (guild_id, day, user_id, model, asked, delivered, kept, failed, cancelled, spent)
SELECT guild_id, created_at / 86400000000 * 86400000000, user_id, model, count(*),
sum(state = 'delivered'), 0, sum(state = 'failed'), 0, sum(paid_allowance) FROM jobs GROUP BY 1, 2, 3, 4
"""


async def play(contender: Contender) -> Mapping[str, float]:
    """One answer, on the file that all rounds share."""
    path = Path(_folder().name, "bench.db")
    database = Database.connect(f"sqlite+aiosqlite:///{path}")
    try:
        if await schema.migrate(database):
            await database.write(_fill)
        stalls: list[float] = []
        watching = asyncio.create_task(_watch(stalls))
        began = time.perf_counter()
        await (_add_up(database) if contender is Contender.BASELINE else _answer(database))
        took = time.perf_counter() - began
        watching.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await watching
    finally:
        await database.close()
    return {"answer": took * 1000, "stall": max(stalls) * 1000}


async def _answer(database: Database) -> None:
    """As the command does it."""
    staff = Staff(user_id=UserId(1), guild_id=GUILD, can_manage=True)
    catalogue = loader.load().catalogue
    async with Charts(Path(_folder().name)).pencil() as pencil:
        found = await StatisticsDesk(database, SystemClock()).last(staff, DAYS)
        png = await pencil.draw(cards.chart("en-US", found, catalogue, Theme.DARK))
    if not png or sum(day.tally.asked for day in found.days) < JOBS:
        raise AssertionError("the answer is not whole")


async def _add_up(database: Database) -> None:
    """As one would write it without running counts: no chart, only the numbers."""
    jobs = tables.jobs
    day = sa.type_coerce(jobs.c.created_at, sa.BigInteger) // (86_400 * 1_000_000)
    counts = (
        sa.func.count(),
        sa.func.sum(sa.case((jobs.c.state == "failed", 1), else_=0)),
        sa.func.sum(jobs.c.paid_allowance + jobs.c.paid_bonus),
    )
    since = datetime.now(UTC) - timedelta(days=DAYS)
    meant = sa.and_(jobs.c.guild_id == GUILD, jobs.c.created_at >= since)

    def look(connection: Connection) -> int:
        by_day = connection.execute(sa.select(day, jobs.c.model, *counts).where(meant).group_by(day, jobs.c.model))
        found = len(by_day.all())
        by_member = sa.select(jobs.c.user_id, *counts).where(meant).group_by(jobs.c.user_id)
        return found + len(connection.execute(by_member.order_by(sa.desc(counts[2])).limit(10)).all())

    await database.read(look)


async def _watch(stalls: list[float]) -> None:
    while True:
        before = time.perf_counter()
        await asyncio.sleep(0.001)
        stalls.append(time.perf_counter() - before - 0.001)


@cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="cutscene-bench-seasons-")


def _fill(connection: Connection) -> None:
    today = int(datetime.now(UTC).timestamp()) // 86_400 * 86_400
    special = {
        "id": "n",
        "interaction_id": "n",
        "guild_id": str(GUILD),
        "user_id": f"n * 7919 % {MEMBERS} + 1",
        "model": f"'model-' || (n % {MODELS})",
        "state": "CASE n % 20 WHEN 0 THEN 'failed' ELSE 'delivered' END",
        "message_id": "n",
        "is_closed": "1",
        "price": "100",
        "paid_allowance": "CASE n % 20 WHEN 0 THEN 0 ELSE 100 END",
        "created_at": f"({today} - (n % {DAYS}) * 86400 + n % 3600) * 1000000",
        "due_at": "NULL",
    }
    insert_jobs(connection, 1, JOBS, special)
    connection.exec_driver_sql(_COUNT)
