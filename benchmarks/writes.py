"""Many small transactions at once on one SQLite file: waiting for one's turn before SQLite, or inside it.

The baseline of the other measures has no database. Here it is the same library and the same file with eight connections
of which each waits for SQLite's own lock, as one would otherwise set it up; both are as durable (`synchronous=FULL`).
"""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool

from benchmarks.contenders import Contender
from benchmarks.table import Better, Row, percentile
from bot.store.database import Database

WRITES = 500
CONNECTIONS = 8
# As long as ours would wait for another program.
BUSY_SECONDS = 5

ROWS = (
    Row("rate", f"{WRITES} transactions at once on one SQLite file", "/s", Better.HIGH),
    Row("p99", "the same, wait of each, p99", "ms"),
    Row("refused", "the same, given up as locked", ""),
)

notes = sa.Table("notes", sa.MetaData(), sa.Column("id", sa.Integer, primary_key=True), sa.Column("text", sa.Text))

Write = Callable[[], Awaitable[None]]


def _note(connection: sa.Connection) -> None:
    """A transaction that reads before it writes, as those of the ledger do."""
    count = connection.execute(sa.select(sa.func.count()).select_from(notes)).scalar_one()
    connection.execute(sa.insert(notes).values(text=f"after {count}"))


async def play(contender: Contender) -> Mapping[str, float]:
    """One round on an empty file."""
    with tempfile.TemporaryDirectory(prefix="cutscene-bench-writes-") as folder:
        url = f"sqlite+aiosqlite:///{Path(folder, 'bench.db')}"
        async with (_alone if contender is Contender.BASELINE else _in_turn)(url) as write:
            waits: list[float] = []
            refused = 0

            async def once() -> None:
                nonlocal refused
                began = time.perf_counter()
                try:
                    await write()
                except sa.exc.OperationalError:
                    refused += 1
                waits.append(time.perf_counter() - began)

            began = time.perf_counter()
            await asyncio.gather(*(once() for _ in range(WRITES)))
            took = time.perf_counter() - began
    return {"rate": (WRITES - refused) / took, "p99": percentile(waits, 0.99) * 1000, "refused": float(refused)}


@contextlib.asynccontextmanager
async def _in_turn(url: str) -> AsyncIterator[Write]:
    database = Database.connect(url)
    try:
        await database.write(notes.create)
        yield lambda: database.write(_note)
    finally:
        await database.close()


@contextlib.asynccontextmanager
async def _alone(url: str) -> AsyncIterator[Write]:
    engine = create_async_engine(
        url,
        poolclass=AsyncAdaptedQueuePool,
        pool_size=CONNECTIONS,
        max_overflow=0,
        pool_timeout=60,
        connect_args={"timeout": BUSY_SECONDS, "isolation_level": None},
    )
    sa.event.listen(engine.sync_engine, "connect", _as_durable)
    sa.event.listen(engine.sync_engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))

    async def write() -> None:
        async with engine.begin() as connection:
            await connection.run_sync(_note)

    try:
        async with engine.begin() as connection:
            await connection.run_sync(notes.create)
        yield write
    finally:
        await engine.dispose()


def _as_durable(connection: sa.PoolProxiedConnection, _record: object) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.close()
