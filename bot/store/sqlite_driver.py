"""SQLite's driver for asyncio, with fewer errands to its thread.

A charge is some thirty statements. The stock cursor sends the thread four errands for each (open, execute, fetch,
close), and both sides wake each other for every one of them: that took longer than all that SQLite does in between.
Here a statement is one errand, and so is a whole transaction that is run by `in_thread`.
"""

from __future__ import annotations

import contextvars
import sqlite3
import time
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any, Final, TypeVar

import aiosqlite
from sqlalchemy.dialects.sqlite.aiosqlite import (
    AsyncAdapt_aiosqlite_connection,
    AsyncAdapt_aiosqlite_cursor,
    AsyncAdapt_aiosqlite_dbapi,
)
from sqlalchemy.ext.asyncio import AsyncConnection

# What the stock cursor says where SQLite has nothing to say.
_UNKNOWN: Final = -1

T = TypeVar("T")


class _Cursor(AsyncAdapt_aiosqlite_cursor):
    """All that a statement brings, fetched before the loop hears of it; so did the stock cursor."""

    __slots__ = ()

    def execute(self, operation: Any, parameters: Any = None) -> None:
        self._fetch(sqlite3.Cursor.execute, operation, () if parameters is None else parameters)

    def executemany(self, operation: Any, seq_of_parameters: Any) -> None:
        self._fetch(sqlite3.Cursor.executemany, operation, seq_of_parameters)

    def _fetch(self, run: Any, operation: Any, parameters: Any) -> None:
        adapted: Any = self._adapt_connection
        try:
            self.description, rows, self.lastrowid, self.rowcount = adapted._do(_at_once, run, operation, parameters)
        except Exception as error:  # noqa: BLE001 - It is raised again there, some of them in another form.
            adapted._handle_exception(error)
        self._rows = deque(rows)


def _write_ahead(connection: sqlite3.Connection) -> None:
    """The busy timeout does not hold for this switch: of two who open a new file at once, one would be refused."""
    (patience,) = connection.execute("PRAGMA busy_timeout").fetchone()
    until = time.monotonic() + patience / 1000
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
            time.sleep(0.01)
        else:
            return


class _Connection(AsyncAdapt_aiosqlite_connection):
    __slots__ = ("_is_in_thread",)

    def __init__(self, dbapi: Any, connection: Any) -> None:
        super().__init__(dbapi, connection)
        self._is_in_thread = False

    def cursor(self, server_side: bool = False) -> AsyncAdapt_aiosqlite_cursor:
        return super().cursor(server_side) if server_side else _Cursor(self)

    def write_ahead(self) -> None:
        """Have the file written ahead (WAL), whoever else is about to do the same."""
        try:
            self._do(_write_ahead)
        except Exception as error:  # noqa: BLE001 - as in `_Cursor`
            self._handle_exception(error)

    def _do(self, run: Callable[..., Any], *arguments: Any) -> Any:
        """Call *run* with SQLite's own connection, in the thread that this belongs to."""
        driver: Any = self._connection
        if self._is_in_thread:
            return run(driver._conn, *arguments)
        # `_execute` is the driver's one way into its thread; its own methods are each a call of it.
        return self.await_(driver._execute(run, driver._conn, *arguments))

    def _run_in_thread(self, work: Callable[[], T]) -> T:
        # Only the thread itself says when it is done: whoever waits for it may be cancelled before.
        self._is_in_thread = True
        try:
            return work()
        finally:
            self._is_in_thread = False


async def in_thread(connection: AsyncConnection, fn: Callable[..., T], /, *arguments: Any, **options: Any) -> T:
    """Run *fn*, which may do anything with the connection but end its transaction, as one errand.

    Errands are run one after the other, so a rollback by whoever gives up waiting comes after the whole of *fn*.
    """
    raw = await connection.get_raw_connection()
    adapted: Any = raw.dbapi_connection
    work = partial(fn, connection.sync_connection, *arguments, **options)
    # What a text is translated into, or a line of the log belongs to, follows the task and not the thread.
    context = contextvars.copy_context()
    result: T = await adapted._connection._execute(context.run, adapted._run_in_thread, work)
    return result


class Driver(AsyncAdapt_aiosqlite_dbapi):
    """What `create_async_engine` takes as its `module`."""

    def __init__(self) -> None:
        super().__init__(aiosqlite, sqlite3)

    def connect(self, *arguments: Any, **options: Any) -> AsyncAdapt_aiosqlite_connection:
        stock = super().connect(*arguments, **options)
        return _Connection(self, stock._connection)


def _at_once(connection: sqlite3.Connection, run: Any, operation: Any, parameters: Any) -> tuple[Any, Any, Any, int]:
    """In the driver's thread."""
    cursor = connection.cursor()
    try:
        run(cursor, operation, parameters)
        if cursor.description:
            return cursor.description, cursor.fetchall(), _UNKNOWN, _UNKNOWN
        return None, (), cursor.lastrowid, cursor.rowcount
    finally:
        cursor.close()
