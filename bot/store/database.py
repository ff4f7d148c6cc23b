"""The database: one way to read, one way to write, on SQLite and on PostgreSQL.

A transaction is a synchronous function of a connection, run whole: it cannot await the network because it cannot await.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import Connection, make_url
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool

from bot.errors import StoreError, StoreTrouble
from bot.store.sqlite_driver import Driver, in_thread

# Services take connections by type without knowing SQLAlchemy.
__all__ = ["Connection", "Database", "RefusedStatement", "file_of", "trouble_of"]

# What the database says of a single statement that it will not run; its own troubles are StoreErrors.
RefusedStatement = sa.exc.DBAPIError

P = ParamSpec("P")
T = TypeVar("T")

# How long a write waits for a lock that another program holds on the file.
BUSY_TIMEOUT = timedelta(seconds=5)

# Python keeps 128 statements of a connection prepared. The engine has more of its own, and preparing one anew takes as
# long as running it.
PREPARED_STATEMENTS = 1000

# PostgreSQL: serialization failure and deadlock; the transaction did nothing and may be run again.
RETRYABLE_SQLSTATES = frozenset({"40001", "40P01"})
MAX_RUNS = 5


class Database:
    """Connections to one database. `write` runs a transaction alone, `read` beside others."""

    def __init__(self, writer: AsyncEngine, reader: AsyncEngine) -> None:
        self._writer = writer
        self._reader = reader
        self.is_sqlite = writer.dialect.name == "sqlite"
        # SQLite has one writer; waiting here is fair and cheap, waiting inside SQLite is neither. Measured in
        # docs/benchmarks.md. PostgreSQL takes writers side by side.
        self._turn: contextlib.AbstractAsyncContextManager[object] = (
            asyncio.Lock() if self.is_sqlite else contextlib.nullcontext()
        )
        self._listeners: list[Callable[[StoreError], None]] = []

    def listen(self, listener: Callable[[StoreError], None]) -> None:
        """Call *listener* with each trouble before whoever asked hears of it; it must not block."""
        self._listeners.append(listener)

    @classmethod
    def connect(cls, url: str, *, busy_timeout: timedelta = BUSY_TIMEOUT) -> Self:
        """Engines for *url*; nothing is opened before the first use."""
        if make_url(url).get_backend_name() != "sqlite":
            engine = create_async_engine(url, pool_size=8, max_overflow=8, pool_pre_ping=True)
            # Several questions of one read must see one state, or a doctor beside a running bot finds ghosts.
            return cls(engine, engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True))
        writer, reader = (
            create_async_engine(
                url,
                module=Driver(),
                poolclass=AsyncAdaptedQueuePool,
                pool_size=size,
                max_overflow=0,
                connect_args={
                    "timeout": busy_timeout.total_seconds(),
                    "isolation_level": None,
                    "cached_statements": PREPARED_STATEMENTS,
                },
            )
            for size in (1, 4)
        )
        for each in (writer.sync_engine, reader.sync_engine):
            sa.event.listen(each, "do_connect", _try_to_open)
            sa.event.listen(each, "connect", _set_pragmas)
        # A deferred transaction that reads first and writes later can lose its snapshot; writers lock at once.
        sa.event.listen(writer.sync_engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
        sa.event.listen(reader.sync_engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN"))
        return cls(writer, reader)

    async def write(self, fn: Callable[Concatenate[Connection, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run *fn* in a transaction of its own and commit it; whatever it raises undoes all of it.

        A caller that is cancelled leaves all of it or nothing: the transaction runs to its end by itself.
        """
        return await _to_the_end(self._write(fn, *args, **kwargs))

    async def read(self, fn: Callable[Concatenate[Connection, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run *fn* on a consistent view of the database."""
        with self._told_errors():
            async with self._reader.connect() as connection:
                return await connection.run_sync(fn, *args, **kwargs)

    @contextlib.asynccontextmanager
    async def exclusive(self) -> AsyncIterator[AsyncConnection]:
        """A connection for schema changes, committed at the end."""
        with self._told_errors():
            async with self._turn, self._writer.begin() as connection:
                yield connection

    async def scrub(self) -> bool:
        """Bring everything that was committed into the file itself and empty the log beside it, with what it still
        holds of rows that are gone. False while somebody reads; PostgreSQL does this by itself.
        """
        file = self._writer.url.database
        if not self.is_sqlite or not file:
            return True
        return await asyncio.to_thread(_truncate_log, file)

    async def close(self) -> None:
        await self._reader.dispose()
        if self._writer is not self._reader:
            await self._writer.dispose()

    async def _write(self, fn: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        for run in range(1, MAX_RUNS + 1):
            try:
                with self._told_errors():
                    async with self._turn, self._writer.begin() as connection:
                        if not self.is_sqlite:
                            return await connection.run_sync(fn, *args, **kwargs)
                        return await in_thread(connection, fn, *args, **kwargs)
            except sa.exc.DBAPIError as error:
                if run == MAX_RUNS or getattr(error.orig, "sqlstate", None) not in RETRYABLE_SQLSTATES:
                    raise
        raise AssertionError("unreachable: the last run returns or raises")

    @contextlib.contextmanager
    def _told_errors(self) -> Iterator[None]:
        try:
            with _clear_errors():
                yield
        except StoreError as error:
            for listener in self._listeners:
                listener(error)
            raise


def _truncate_log(file: str) -> bool:
    with contextlib.closing(sqlite3.connect(file, timeout=BUSY_TIMEOUT.total_seconds())) as connection:
        busy, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        return not busy


async def _to_the_end(work: Coroutine[Any, Any, T]) -> T:
    """Await *work*; when the caller is cancelled, let it finish first."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        while not task.done():
            # Whoever cancels twice is in no more of a hurry than the transaction.
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.wait({task})
        # Its result or error belongs to nobody now; read it so that asyncio does not complain.
        if not task.cancelled():
            task.exception()
        raise


def _try_to_open(_dialect: object, _record: object, arguments: list[Any], options: dict[str, Any]) -> None:
    """Fail here where the file cannot be opened.

    The driver would fail in a thread that it does not wait for, and that may then speak to a loop that has ended.
    """
    sqlite3.connect(str(arguments[0]), uri=bool(options.get("uri"))).close()


def _set_pragmas(connection: Any, _record: object) -> None:
    try:
        connection.write_ahead()
        cursor = connection.cursor()
        for pragma in (
            # NORMAL loses the last commits in a power cut, and the provider has already acted on them.
            "synchronous = FULL",
            "foreign_keys = ON",
            # What is removed is overwritten: a forgotten member's words must not lie in free space of the file.
            "secure_delete = ON",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()
    except BaseException:
        # The pool forgets a connection that could not be prepared; its thread would stay.
        connection.close()
        raise


# What SQLite says -> what it is, and what a host can do about it.
_SQLITE_TROUBLE: Mapping[str, tuple[StoreTrouble, str]] = {
    "readonly": (StoreTrouble.READ_ONLY, "the database is read-only: check the rights of the file and its folder"),
    "read-only": (StoreTrouble.READ_ONLY, "the database is read-only: check the rights of the file and its folder"),
    "is locked": (StoreTrouble.LOCKED, "the database is locked by another program: stop it, then start again"),
    "disk is full": (StoreTrouble.FULL, "the disk is full: free some space"),
    "disk i/o error": (StoreTrouble.OTHER, "the disk does not work as it should: look at the system's log"),
    "not a database": (StoreTrouble.DAMAGED, "the file is not a Cutscene database"),
    "malformed": (StoreTrouble.DAMAGED, "the database file is damaged: bring back a backup"),
    "unable to open database file": (
        StoreTrouble.OTHER,
        "the database file cannot be opened: check that its folder exists and is writable",
    ),
    "no such table": (StoreTrouble.OTHER, "the database has no such schema: run `migrate` first"),
}

# Linux forgets what it could not write once it has said so: the next fsync succeeds without it. So after this nobody
# knows what is on the disk (https://lwn.net/Articles/752063/); opening the file anew reads what really is there.
_UNSURE_CODES = frozenset({sqlite3.SQLITE_IOERR_FSYNC, sqlite3.SQLITE_IOERR_DIR_FSYNC})

# The file beside the database that its readers share could not be made as long as it has to be.
_FULL_CODES = frozenset({sqlite3.SQLITE_IOERR_SHMSIZE})

# PostgreSQL: connection trouble, a server that goes down or is full, a disk that is full, wrong password or name.
_SERVER_TROUBLE = ("08", "53", "57P", "58", "28", "3D")


def trouble_of(error: BaseException | None) -> StoreError | None:
    """What an error of SQLite itself means for the host; None when it is a fault of ours."""
    if getattr(error, "sqlite_errorcode", None) in _UNSURE_CODES:
        return StoreError("the disk lost what was written to it: start again, and check it", StoreTrouble.UNSURE)
    if getattr(error, "sqlite_errorcode", None) in _FULL_CODES:
        return StoreError("the disk is full: free some space", StoreTrouble.FULL)
    said = str(error).lower()
    found = next((known for words, known in _SQLITE_TROUBLE.items() if words in said), None)
    return None if found is None else StoreError(found[1], found[0])


@contextlib.contextmanager
def _clear_errors() -> Iterator[None]:
    """Turn troubles of the database itself into StoreError; broken promises (IntegrityError) pass as they are."""
    try:
        yield
    except sa.exc.IntegrityError:
        raise
    except sa.exc.DBAPIError as error:
        trouble = trouble_of(error.orig)
        if trouble is not None:
            raise trouble from error
        state = str(getattr(error.orig, "sqlstate", None) or "")
        if error.connection_invalidated or state.startswith(_SERVER_TROUBLE):
            raise StoreError(f"the database server does not serve us: {error.orig}", StoreTrouble.SERVER) from error
        raise
    except sa.exc.TimeoutError as error:
        raise StoreError("the database does not answer in time: no connection came free") from error
    except OSError as error:
        # asyncpg raises the socket's own errors when no server answers.
        raise StoreError(f"the database server does not answer: {error}", StoreTrouble.SERVER) from error


def file_of(url: str) -> Path | None:
    """The file of an SQLite URL; None for a server or for a database in memory."""
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite" or not parsed.database or parsed.database == ":memory:":
        return None
    return Path(parsed.database)
