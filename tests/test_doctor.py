"""The doctor finds whatever does not agree in the ledger, names it, and changes nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import sqlalchemy as sa

from bot import doctor
from bot.doctor import Report
from bot.errors import StoreError
from bot.settings import Settings, load_settings
from bot.store import schema
from bot.store.database import Connection, Database
from tests.samples import ANNA, BORIS
from tests.services.desk import Desk, staff

TAMPERINGS = {
    "a balance that was raised": (
        "UPDATE accounts SET balance = balance + 5 WHERE kind = 'bonus'",
        "(bonus of guild 10): holds 105, its lines say 100",
    ),
    "a line that was changed": (
        "UPDATE lines SET credits = credits + 1 WHERE entry_id = 2",
        "entry 2: its lines sum to",
    ),
    "a line that was deleted": (
        "DELETE FROM lines WHERE entry_id = 2 AND credits > 0",
        "entry 2: its lines sum to",
    ),
    "an entry without its lines": ("DELETE FROM lines WHERE entry_id = 1", "its lines say"),
    "an account that is gone": (
        "UPDATE lines SET account_id = (SELECT id FROM accounts WHERE kind = 'spent') "
        "WHERE account_id = (SELECT id FROM accounts WHERE kind = 'bonus')",
        "holds",
    ),
    "a settle that is gone": (
        "UPDATE entries SET job_id = NULL WHERE kind = 'settle'",
        "(delivered): 1 charges, 0 settles or refunds",
    ),
    "a charge that is gone": (
        "UPDATE entries SET job_id = NULL WHERE kind = 'charge' AND user_id = 2",
        "(queued): 0 charges, 0 settles or refunds",
    ),
    "a payment that was lowered": ("UPDATE jobs SET paid_allowance = 1 WHERE state = 'queued'", "has paid 1 of 30"),
    "a price that was lowered": ("UPDATE jobs SET price = 7 WHERE state = 'queued'", "has paid 30 of 7"),
    "a refund that is still paid": ("UPDATE jobs SET paid_bonus = 9 WHERE state = 'failed'", "(failed): has paid 9"),
    "usage that was reset": (
        "UPDATE usage SET used = 0 WHERE user_id = 1",
        "member 1 of guild 10 from 2026-11-20 00:00: used 0",
    ),
    "usage that was deleted": (
        "DELETE FROM usage WHERE user_id = 2",
        "member 2 of guild 10 on 2026-11-20 12:00: used 0",
    ),
    "usage out of nothing": ("UPDATE usage SET user_id = 99 WHERE user_id = 2", "member 99 of guild 10"),
    "a hold of another guild": ("UPDATE jobs SET guild_id = 20 WHERE state = 'queued'", "guild 20: holds 0"),
    "a budget that was reset": (
        "UPDATE spending SET credits = 0 WHERE period LIKE 'day%'",
        "the host's day 2026-11-20",
    ),
    "a budget that was deleted": (
        "DELETE FROM spending WHERE period LIKE 'month%'",
        "the host's month 2026-11: spent 0",
    ),
}


@pytest.fixture
def settings(database_url: str) -> Settings:
    return load_settings({"DISCORD_TOKEN": TOKEN, "KIE_API_KEY": "kie-key-for-tests", "DATABASE_URL": database_url})


TOKEN = "MTIzNDU2Nzg5MDEyMzQ1Njc4.GAbCdE.abcdefghijklmnopqrstuvwxyz0123456789ab"


@pytest.fixture
async def desk(database: Database) -> AsyncIterator[Desk]:
    """A guild in which everything has happened once."""
    desk = Desk(database)
    await desk.grant(staff(), ANNA, 100, None)
    await desk.deliver(await desk.job(100), cost=60)
    await desk.fail(await desk.job(50))
    await desk.jobs.cancel(staff().guild_id, ANNA, (await desk.job(20)).id)
    await desk.job(30, user_id=BORIS)
    yield desk


def tamper(connection: Connection, statement: str) -> None:
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("PRAGMA foreign_keys = OFF")
    changed = connection.execute(sa.text(statement))
    assert changed.rowcount >= 1, "the tampering did nothing"


async def test_a_ledger_in_which_everything_has_happened_is_balanced(desk: Desk, settings: Settings) -> None:
    report = await doctor.examine_ledger(settings)

    assert report == Report(is_balanced=True, lines=["balanced", "issued 190 = pool 0, bonus 100, held 30, spent 60"])
    assert await desk.differences() == []


@pytest.mark.parametrize(("statement", "finding"), TAMPERINGS.values(), ids=TAMPERINGS)
async def test_each_kind_of_tampering_is_found_and_named(
    desk: Desk, settings: Settings, statement: str, finding: str
) -> None:
    await desk.database.write(tamper, statement)

    report = await doctor.examine_ledger(settings)

    assert not report.is_balanced
    assert report.lines[0] == "not balanced:"
    assert any(finding in line for line in report.lines), report.lines


async def test_looking_changes_nothing(desk: Desk, settings: Settings) -> None:
    await desk.database.write(tamper, "UPDATE accounts SET balance = balance + 5 WHERE kind = 'bonus'")

    assert await doctor.examine_ledger(settings) == await doctor.examine_ledger(settings)


async def test_a_database_of_another_version_is_not_looked_at(database: Database, settings: Settings) -> None:
    def pretend(connection: Connection) -> None:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0999'")

    await database.write(pretend)

    with pytest.raises(StoreError, match="newer version"):
        await doctor.examine_ledger(settings)


async def test_migrating_says_whether_there_was_anything_to_do(empty_url: str) -> None:
    settings = load_settings({"DISCORD_TOKEN": TOKEN, "KIE_API_KEY": "kie-key-for-tests", "DATABASE_URL": empty_url})
    database = Database.connect(empty_url)

    assert await doctor.migrate_database(settings) is True
    assert await doctor.migrate_database(settings) is False
    await schema.check(database)
    await database.close()
