"""What survives a crash: one database, written by synchronous transactions and looked at after each commit."""

from __future__ import annotations

import sqlite3
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any, Concatenate, ParamSpec, TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.pool import StaticPool

from bot.errors import StoreError, StoreTrouble
from bot.store import schema
from bot.store.database import PREPARED_STATEMENTS, Database
from bot.store.epochs import mark_as_copy
from bot.store.tables import metadata
from chaos.simulation.statements import ShortConnection

P = ParamSpec("P")
T = TypeVar("T")

# Table or index -> its definition as a fault has it: a text to replace in it, or None to leave the whole out.
SchemaEdits = Mapping[str, tuple[str, str] | None]

# All rows of each table that has any, as they were.
Backup = Mapping[str, list[tuple[Any, ...]]]


class Disk:
    """An SQLite database in memory with the product's own schema; `wipe` makes it new."""

    def __init__(
        self, edits: SchemaEdits | None = None, connect: Callable[[Engine], Connection] = ShortConnection
    ) -> None:
        self.is_full = False
        # One connection for everybody: transactions run whole, one after the other, so nobody sees half of another's.
        options = {"isolation_level": None, "cached_statements": PREPARED_STATEMENTS}
        self._engine = sa.create_engine("sqlite://", poolclass=StaticPool, connect_args=options)
        self.connection = connect(self._engine)
        raw = self.connection.connection.driver_connection
        assert isinstance(raw, sqlite3.Connection)
        self.raw = raw
        # For SQLAlchemy all of it is one transaction that never ends; ours begin and end beneath it. Its own way of
        # doing that takes longer than most of our statements.
        self.connection.begin()
        self.transaction(schema.upgrade)
        if edits:
            self._edit(edits)
        raw.execute("PRAGMA foreign_keys = ON")
        self._columns: dict[str, int] = {}
        self._count_columns()
        self._new = self.backup()

    def close(self) -> None:
        self.connection.close()
        self._engine.dispose()

    def make_tables(self, script: str) -> None:
        """Tables for another bot than ours."""
        self.raw.executescript(script)
        self._count_columns()

    def wipe(self) -> None:
        self.is_full = False
        self.put(self._new)

    def transaction(self, fn: Callable[Concatenate[Connection, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        self.raw.execute("BEGIN IMMEDIATE")
        try:
            result = fn(self.connection, *args, **kwargs)
        except BaseException:
            self.raw.execute("ROLLBACK")
            raise
        self.raw.execute("COMMIT")
        return result

    def backup(self) -> Backup:
        """What is committed, as `python -m bot backup` would copy it."""
        found = {name: self.rows(f'SELECT * FROM "{name}"') for name in self._columns}  # noqa: S608
        return {name: rows for name, rows in found.items() if rows}

    def put(self, backup: Backup) -> None:
        """Forget what is here for what was there."""
        raw = self.raw
        raw.execute("BEGIN IMMEDIATE")
        # In the order of the references, for a pragma that defers their check would expire all prepared statements.
        for name in reversed(self._columns):
            raw.execute(f'DELETE FROM "{name}"')  # noqa: S608
        for name, columns in self._columns.items():
            if name in backup:
                raw.executemany(f'INSERT INTO "{name}" VALUES ({", ".join("?" * columns)})', backup[name])  # noqa: S608
        raw.execute("COMMIT")

    def put_back(self, backup: Backup, now: datetime) -> None:
        """The same as `python -m bot restore` does it: what is put back knows that it is a copy."""
        self.put(backup)
        self.transaction(mark_as_copy, now)

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """What is committed: nobody may ask in the middle of a transaction."""
        assert not self.raw.in_transaction
        return self.raw.execute(query, values).fetchall()

    def _count_columns(self) -> None:
        found = {name for (name,) in self.rows("SELECT name FROM sqlite_master WHERE type = 'table'")}
        ours = [table.name for table in metadata.sorted_tables]
        tables = [*ours, *sorted(found - set(ours))]
        self._columns = {name: len(self.rows(f'PRAGMA table_info("{name}")')) for name in tables}

    def _edit(self, edits: SchemaEdits) -> None:
        """Make tables and indexes again as *edits* want them; they are still empty."""
        for name, edit in edits.items():
            kind, definition = self.rows("SELECT type, sql FROM sqlite_master WHERE name = ?", name)[0]
            self.raw.execute(f'DROP {kind} "{name}"')
            if edit is not None:
                assert edit[0] in definition, f"{name} has no {edit[0]}"
                self.raw.execute(definition.replace(*edit))


class InlineDatabase(Database):
    """The product's `Database` without threads: the same transactions, run at once, with a touch on each side."""

    def __init__(self, disk: Disk, touch: Callable[[str], Awaitable[None]], committed: Callable[[], None]) -> None:
        self._disk = disk
        self._touch = touch
        self._committed = committed
        self.is_sqlite = True

    async def write(self, fn: Callable[Concatenate[Connection, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        name = getattr(fn, "__name__", "transaction")
        await self._touch(f"before {name}")
        if self._disk.is_full:
            raise StoreError("the disk is full: free some space", StoreTrouble.FULL)
        result = self._disk.transaction(fn, *args, **kwargs)
        self._committed()
        await self._touch(f"after {name}")
        return result

    async def read(self, fn: Callable[Concatenate[Connection, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        await self._touch("")
        return self._disk.transaction(fn, *args, **kwargs)

    async def close(self) -> None:
        """The disk outlives the process."""
