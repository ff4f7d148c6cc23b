"""What the host has to be told of: troubles that began or ended, and whether that was said."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from bot.domain.hosting import Trouble
from bot.store.statements import upsert
from bot.store.tables import troubles

_ALL = sa.select(troubles).where(troubles.c.end_text.is_(None)).order_by(troubles.c.began_at, troubles.c.name)
_UNTOLD = (
    sa.select(troubles)
    .where(sa.or_(sa.not_(troubles.c.is_told), troubles.c.end_text.is_not(None)))
    .order_by(troubles.c.began_at, troubles.c.name)
)


def begin(connection: Connection, name: str, text: str, now: datetime) -> bool:
    """Note that it is there; False when that was known. One that had just ended goes on as if it had not."""
    row = upsert(connection, troubles).values(name=name, began_at=now, text=text, is_told=False)
    if connection.execute(row.on_conflict_do_nothing(index_elements=[troubles.c.name])).rowcount == 1:
        return True
    connection.execute(sa.update(troubles).where(troubles.c.name == name).values(end_text=None))
    return False


def end(connection: Connection, name: str, text: str | None) -> bool:
    """Note that it is over; False when it was not there. One that nobody heard of, or without a text, is forgotten."""
    if text is not None:
        told = sa.and_(troubles.c.name == name, troubles.c.is_told, troubles.c.end_text.is_(None))
        if connection.execute(sa.update(troubles).where(told).values(end_text=text)).rowcount == 1:
            return True
    unheard = sa.and_(troubles.c.name == name, sa.or_(sa.literal(text is None), sa.not_(troubles.c.is_told)))
    return connection.execute(sa.delete(troubles).where(unheard)).rowcount == 1


def find(connection: Connection, name: str) -> Trouble | None:
    """The trouble of this name, if it is there now."""
    found = _read(connection, _ALL.where(troubles.c.name == name))
    return found[0] if found else None


def untold(connection: Connection) -> Sequence[Trouble]:
    """What the host has not heard yet, in the order in which it began."""
    return _read(connection, _UNTOLD)


def all_of(connection: Connection) -> Sequence[Trouble]:
    """Every trouble that is there now."""
    return _read(connection, _ALL)


def told(connection: Connection, trouble: Trouble) -> None:
    """The host has heard it. What is over is forgotten with that."""
    same = sa.and_(troubles.c.name == trouble.name, troubles.c.began_at == trouble.began_at)
    if trouble.end_text is not None:
        connection.execute(sa.delete(troubles).where(same, troubles.c.end_text.is_not(None)))
        return
    connection.execute(sa.update(troubles).where(same).values(is_told=True))


def _read(connection: Connection, asked: sa.Select[tuple[object, ...]]) -> list[Trouble]:
    return [
        Trouble(name=row.name, began_at=row.began_at, text=row.text, is_told=row.is_told, end_text=row.end_text)
        for row in connection.execute(asked)
    ]
