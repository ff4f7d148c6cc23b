"""Small facts that the bot remembers about itself, by name."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from bot.store.statements import upsert
from bot.store.tables import meta


def recall(connection: Connection, key: str) -> str | None:
    found: str | None = connection.execute(sa.select(meta.c.value).where(meta.c.key == key)).scalar_one_or_none()
    return found


def remember(connection: Connection, key: str, value: str) -> None:
    row = upsert(connection, meta).values(key=key, value=value)
    connection.execute(row.on_conflict_do_update(index_elements=[meta.c.key], set_={"value": row.excluded.value}))
