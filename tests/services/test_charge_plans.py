"""What a charge asks of the database: few statements, and none that gets slower with the years.

The time that it takes is measured by `benchmarks/charges.py`; a plan can be asserted on a machine under load, too.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from bot.domain.admission import Requester
from bot.domain.policies import ModelRule, RoleRule
from bot.store.database import Connection, Database
from tests.samples import ANNA, GUILD, place, video
from tests.services.desk import Desk
from tests.services.test_policies import FANS

Said = list[tuple[str, Any]]

# What the host has set: a handful of rows that are read whole, whatever the ledger's length.
READ_WHOLE = {"host_settings"}


@pytest.fixture
async def desk(sqlite_url: str) -> AsyncIterator[Desk]:
    database = Database.connect(sqlite_url)
    yield Desk(database)
    await database.close()


@asynccontextmanager
async def overheard(database: Database) -> AsyncIterator[Said]:
    """Every statement of the transactions that write, with its values."""
    said: Said = []

    def note(_connection: object, _cursor: object, statement: str, values: Any, *_: object) -> None:
        said.append((statement, values))

    engine = database._writer.sync_engine
    sa.event.listen(engine, "before_cursor_execute", note)
    try:
        yield said
    finally:
        sa.event.remove(engine, "before_cursor_execute", note)


async def decide_everything(desk: Desk) -> None:
    """A policy in which every rule has to be looked at."""
    await desk.decide(
        allowance=10_000,
        highest_price=1000,
        member_jobs=50,
        guild_jobs=100,
        cooldown=timedelta(microseconds=1),
        roles={FANS: RoleRule(allowance=20_000, is_allowed=True)},
        models={video(100).model: ModelRule(is_allowed=True)},
        channels=frozenset({place(GUILD).channel_id}),
    )


async def charge(desk: Desk) -> None:
    desk.clock.advance(seconds=1)
    await desk.request(100, user_id=ANNA, requester=Requester(role_ids=frozenset({FANS})))


def scans(connection: Connection, said: Said) -> list[str]:
    """The steps of these statements' plans that look at all rows of a table or an index."""
    found = []
    for statement, values in said:
        if statement.startswith("BEGIN"):
            continue
        one = values[0] if isinstance(values, list) else values
        for *_, step in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", one):
            if step.startswith("SCAN") and step != "SCAN CONSTANT ROW" and step.split()[1] not in READ_WHOLE:
                found.append(f"{step}: {statement}")
    return found


@pytest.mark.parametrize("earlier", [0, 1], ids=["first", "another"])
async def test_a_charge_looks_at_no_table_as_a_whole(desk: Desk, earlier: int) -> None:
    await decide_everything(desk)
    for _ in range(earlier):
        await charge(desk)

    async with overheard(desk.database) as said:
        await charge(desk)

    assert any("INTO lines" in statement for statement, _ in said)
    assert await desk.database.read(scans, said) == []


async def test_a_look_at_everything_would_be_noticed(desk: Desk) -> None:
    found = await desk.database.read(scans, [("SELECT sum(credits) FROM lines WHERE credits > ?", (0,))])

    assert len(found) == 1


async def test_a_charge_is_a_few_dozen_statements_at_most(desk: Desk) -> None:
    await decide_everything(desk)
    await charge(desk)

    async with overheard(desk.database) as said:
        await charge(desk)

    # With every rule in force. Each is an errand to SQLite's thread or a round trip to PostgreSQL.
    assert len(said) <= 26, [statement for statement, _ in said]
