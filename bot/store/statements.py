"""Pieces of statements that SQLAlchemy has, but not as we need them on both databases."""

from __future__ import annotations

from collections.abc import Iterable

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

Upsert = postgresql.Insert | sqlite.Insert


def upsert(connection: Connection, table: sa.Table) -> Upsert:
    """An INSERT that understands ON CONFLICT on this connection's database."""
    return sqlite.insert(table) if connection.dialect.name == "sqlite" else postgresql.insert(table)


def take_turns(connection: Connection, key: int) -> None:
    """Until this transaction ends, no other one with the same key goes past here; SQLite's writers are alone anyway."""
    if connection.dialect.name == "postgresql":
        connection.execute(sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": key})


def among(column: sa.ColumnElement[str], values: Iterable[str]) -> sa.ColumnElement[bool]:
    """Whether the column holds one of these, for statements that are put together once.

    SQLAlchemy writes the placeholders of a plain list anew at each run, which takes longer than SQLite's answer.
    """
    return column.in_([sa.literal(value, column.type) for value in values])
