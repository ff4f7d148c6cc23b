"""The few statements that SQLite and PostgreSQL spell alike but SQLAlchemy keeps in two dialects."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

Upsert = postgresql.Insert | sqlite.Insert


def upsert(connection: Connection, table: sa.Table) -> Upsert:
    """An INSERT that understands ON CONFLICT on this connection's database."""
    return sqlite.insert(table) if connection.dialect.name == "sqlite" else postgresql.insert(table)
