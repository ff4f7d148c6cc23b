"""SQLite's driver for asyncio, with one errand to its thread for each statement instead of four.

A charge is some thirty statements. The stock cursor sends the thread four errands for each (open, execute, fetch,
close), and both sides wake each other for every one of them: that took longer than all that SQLite does in between.
"""

from __future__ import annotations

import sqlite3
from collections import deque
from typing import Any, Final

from sqlalchemy.dialects.sqlite.aiosqlite import (
    AsyncAdapt_aiosqlite_connection,
    AsyncAdapt_aiosqlite_cursor,
    AsyncAdapt_aiosqlite_dbapi,
)

# What the stock cursor says where SQLite has nothing to say.
_UNKNOWN: Final = -1


class _Cursor(AsyncAdapt_aiosqlite_cursor):
    """All that a statement brings, fetched before the loop hears of it; so did the stock cursor."""

    __slots__ = ()

    def execute(self, operation: Any, parameters: Any = None) -> None:
        self._fetch(sqlite3.Cursor.execute, operation, () if parameters is None else parameters)

    def executemany(self, operation: Any, seq_of_parameters: Any) -> None:
        self._fetch(sqlite3.Cursor.executemany, operation, seq_of_parameters)

    def _fetch(self, run: Any, operation: Any, parameters: Any) -> None:
        driver: Any = self._connection
        try:
            # `_execute` is the driver's one way into its thread; its own methods are each a call of it.
            self.description, rows, self.lastrowid, self.rowcount = self.await_(
                driver._execute(_at_once, driver._conn, run, operation, parameters)
            )
        except Exception as error:
            self._adapt_connection._handle_exception(error)
        self._rows = deque(rows)


class _Connection(AsyncAdapt_aiosqlite_connection):
    __slots__ = ()

    def cursor(self, server_side: bool = False) -> AsyncAdapt_aiosqlite_cursor:
        return super().cursor(server_side) if server_side else _Cursor(self)


class Driver(AsyncAdapt_aiosqlite_dbapi):
    """What `create_async_engine` takes as its `module`."""

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
