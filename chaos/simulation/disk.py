"""What survives a crash: one database, written by synchronous transactions and looked at after each commit."""

from __future__ import annotations

import sqlite3
from collections.abc import Awaitable, Callable, Mapping
from contextlib import closing
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

# A database as it was.
Backup = bytes


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
        numbered = self.rows("SELECT name FROM sqlite_master WHERE name = 'sqlite_sequence'")
        self._wipes = [f'DELETE FROM "{name}"' for (name,) in numbered]  # noqa: S608
        self._wipes += [f'DELETE FROM "{table.name}"' for table in reversed(metadata.sorted_tables)]  # noqa: S608

    def close(self) -> None:
        self.connection.close()
        self._engine.dispose()

    def wipe(self) -> None:
        self.is_full = False
        for statement in self._wipes:
            self.raw.execute(statement)

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
        assert not self.raw.in_transaction
        return self.raw.serialize()

    def put_back(self, backup: Backup, now: datetime) -> None:
        """Forget what is here for what was there."""
        with closing(sqlite3.connect(":memory:")) as copy:
            copy.deserialize(backup)
            copy.backup(self.raw)
        self.transaction(mark_as_copy, now)

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """What is committed: nobody may ask in the middle of a transaction."""
        assert not self.raw.in_transaction
        return self.raw.execute(query, values).fetchall()

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
