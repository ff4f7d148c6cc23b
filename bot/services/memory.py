"""Small facts that outlive the process, for parts that have no table of their own."""

from __future__ import annotations

from bot.store import meta
from bot.store.database import Database


class Memory:
    """Texts by name."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def recall(self, key: str) -> str | None:
        return await self._database.read(meta.recall, key)

    async def remember(self, key: str, value: str) -> None:
        await self._database.write(meta.remember, key, value)
