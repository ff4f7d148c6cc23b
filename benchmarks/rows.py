"""Jobs by the thousand in a database, without anybody who asks for them."""

from __future__ import annotations

from collections.abc import Mapping

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from bot.store import tables

# One statement, and SQLite makes all rows by itself.
_INSERT = """
WITH RECURSIVE numbers(n) AS (SELECT {first} UNION ALL SELECT n + 1 FROM numbers WHERE n < {last})
INSERT INTO jobs ({columns}) SELECT {values} FROM numbers
"""


def insert_jobs(connection: Connection, first: int, last: int, special: Mapping[str, str]) -> None:
    """Jobs with the numbers *first* to *last*; *special* are expressions over that number `n`, by column.

    The other columns are the same for all, as nobody looks at them.
    """
    columns = [column for column in tables.jobs.c if column.name in special or not column.nullable]
    values = ", ".join(special.get(column.name, plain(column)) for column in columns)
    names = ", ".join(column.name for column in columns)
    connection.exec_driver_sql(_INSERT.format(first=first, last=last, columns=names, values=values))


def plain(column: sa.Column[object]) -> str:
    """A value of the column's kind."""
    if isinstance(column.type, sa.JSON):
        return "'{}'"
    return "'a red fox runs over the hills'" if isinstance(column.type, sa.Text) else "0"
