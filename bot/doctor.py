"""Looks a database over for its host: schema and ledger."""

from __future__ import annotations

from dataclasses import dataclass

from bot.domain.credits import AccountKind
from bot.providers import registry
from bot.settings import Settings
from bot.store import audit, schema
from bot.store.database import Connection, Database, file_of
from bot.store.ownership import owned


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What was found, in lines for a person."""

    is_balanced: bool
    lines: list[str]


async def migrate_database(settings: Settings) -> bool:
    """Bring the schema up to date; refused beside a running bot, which knows only the schema it began with."""
    with owned(file_of(settings.database_url)):
        database = Database.connect(settings.database_url)
        try:
            return await schema.migrate(database)
        finally:
            await database.close()


def providers_of(settings: Settings) -> list[str]:
    """Which providers can be used, and which key each of the others waits for; asks nobody."""
    ready = registry.configured(settings)
    lines = [f"provider {name}: set up" for name in ready]
    waiting = {entry.key for name, entry in registry.ENTRIES.items() if name not in ready}
    for key in sorted(waiting):
        names = ", ".join(name for name, entry in registry.ENTRIES.items() if entry.key == key)
        lines.append(f"not set up: {names} (needs {key})")
    return lines


async def examine_ledger(settings: Settings) -> Report:
    """Recompute every balance from the entries; safe beside a running bot, because it only reads."""
    database = Database.connect(settings.database_url)
    try:
        await schema.check(database)
        return await database.read(_report)
    finally:
        await database.close()


def _report(connection: Connection) -> Report:
    wrong = audit.differences(connection)
    totals = audit.totals(connection)
    issued = -totals[AccountKind.ISSUED]
    held = ", ".join(f"{kind} {totals[kind]}" for kind in AccountKind if kind is not AccountKind.ISSUED)
    summary = f"issued {issued} = {held}"
    if wrong:
        return Report(is_balanced=False, lines=["not balanced:", *wrong, summary])
    return Report(is_balanced=True, lines=["balanced", summary])
