"""The migrations make what the tables say, and nothing else is ever touched."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from bot.domain.ids import GuildId, UserId
from bot.domain.policies import Pool
from bot.errors import StoreError
from bot.store import audit, balances, history, policies, schema, tables
from bot.store.database import Connection, Database


async def test_the_migrations_make_exactly_the_tables(database: Database) -> None:
    def compare(connection: Connection) -> list[object]:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        return list(compare_metadata(context, tables.metadata))

    assert await database.read(compare) == []


async def test_the_constraints_of_the_migrations_are_those_of_the_tables(database: Database) -> None:
    """Checks are what autogenerate does not compare."""

    def named(connection: Connection) -> dict[str, set[str | None]]:
        look = sa.inspect(connection)
        return {
            table: {check["name"] for check in look.get_check_constraints(table)} for table in tables.metadata.tables
        }

    wanted = {
        name: {str(one.name) for one in table.constraints if isinstance(one, sa.CheckConstraint)}
        for name, table in tables.metadata.tables.items()
    }
    assert await database.read(named) == wanted


async def test_a_fresh_schema_made_from_the_tables_has_the_same_checks(database: Database, empty_url: str) -> None:
    def texts(connection: Connection) -> dict[str, str]:
        look = sa.inspect(connection)
        return {
            str(check["name"]): " ".join(check["sqltext"].split())
            for table in tables.metadata.tables
            for check in look.get_check_constraints(table)
        }

    fresh = Database.connect(empty_url)
    async with fresh.exclusive() as connection:
        await connection.run_sync(tables.metadata.create_all)

    assert await fresh.read(texts) == await database.read(texts)
    await fresh.close()


def test_the_newest_migration_is_the_schema_of_this_version() -> None:
    revisions = sorted(path.name.split("_")[0] for path in (schema.MIGRATIONS / "versions").glob("[0-9]*_*.py"))

    assert revisions[-1] == schema.HEAD
    assert len(revisions) == len(set(revisions))


async def test_an_up_to_date_database_is_left_as_it_is(database: Database) -> None:
    assert await schema.migrate(database) is False
    await schema.check(database)


async def test_an_empty_database_is_not_this_versions_until_it_is_migrated(tmp_path: Path) -> None:
    database = Database.connect(f"sqlite+aiosqlite:///{tmp_path}/cutscene.db")

    with pytest.raises(StoreError, match="there is nothing in it: see whether DATA_DIR"):
        await schema.check(database)
    assert await schema.migrate(database) is True
    await schema.check(database)

    await database.close()


async def test_a_database_from_a_newer_version_is_refused_and_not_touched(database: Database) -> None:
    def pretend(connection: Connection) -> None:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0999'")

    await database.write(pretend)

    with pytest.raises(StoreError, match="newer version of Cutscene"):
        await schema.migrate(database)
    with pytest.raises(StoreError, match="newer version of Cutscene"):
        await schema.check(database)
    assert await database.read(schema.revision) == "0999"


async def test_a_migration_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    """A file of some other program, in which one of our names is taken."""
    database = Database.connect(f"sqlite+aiosqlite:///{tmp_path}/other.db")

    def make_theirs(connection: Connection) -> None:
        connection.exec_driver_sql("CREATE TABLE lines (id INTEGER)")

    await database.write(make_theirs)

    with pytest.raises((StoreError, sa.exc.DBAPIError), match="lines"):
        await schema.migrate(database)

    assert await database.read(lambda connection: sa.inspect(connection).get_table_names()) == ["lines"]
    await database.close()


# What a bot of the first schema has stored: a job on its way, one that is done, a grant, a limited pool.
OF_THE_FIRST_SCHEMA = (
    "INSERT INTO guilds VALUES (10, 300, {true})",
    "INSERT INTO accounts VALUES (1, 10, 0, 'issued', -500), (2, 10, 0, 'pool', 350), (3, 10, 1, 'bonus', 50), "
    "(4, 10, 0, 'held', 60), (5, 10, 0, 'spent', 40)",
    "INSERT INTO jobs (id, interaction_id, guild_id, channel_id, user_id, application_id, interaction_token, "
    "upload_limit, locale, guild_locale, model, provider, mode, prompt, options, price, paid_allowance, paid_bonus, "
    "is_pool_limited, paid_on, state, fence, attempts, claims, callback_secret, is_hinted, created_at, message_id, "
    "is_direct, is_closed, is_late, is_announced) VALUES "
    "(1, 1, 10, 2, 1, 3, 't', 5, 'ru', 'ru', 'm', 'kie_jobs', 'text', 'p', '{{}}', 60, 60, 0, {true}, {day}, 'queued', "
    "0, 0, 0, 's', {false}, {day} + 5, NULL, {false}, {false}, {false}, {false}), "
    "(2, 2, 10, 2, 1, 3, 't', 5, 'ru', 'ru', 'm', 'kie_jobs', 'text', 'p', '{{}}', 40, 40, 0, {true}, {day}, "
    "'delivered', 0, 0, 0, 's', {false}, {day} + 6, 7, {false}, {true}, {false}, {false})",
    "INSERT INTO usage VALUES (10, 1, {day}, 100)",
    "INSERT INTO spending VALUES ('day 2026-11-20', 100), ('month 2026-11', 100)",
    "INSERT INTO entries VALUES (1, 10, 0, 3, 'fund', NULL, NULL, 5), (2, 10, 1, 3, 'grant', NULL, 'why', 6), "
    "(3, 10, 1, 1, 'charge', 1, NULL, 7), (4, 10, 1, 1, 'charge', 2, NULL, 8), (5, 10, 1, 0, 'settle', 2, NULL, 9)",
    "INSERT INTO lines VALUES (1, 1, -500), (1, 2, 500), (2, 2, -50), (2, 3, 50), (3, 2, -60), (3, 4, 60), "
    "(4, 2, -40), (4, 4, 40), (5, 4, -40), (5, 5, 40)",
)


async def test_a_database_of_the_first_schema_keeps_its_books(empty_url: str) -> None:
    database = Database.connect(empty_url)
    day = int(datetime(2026, 11, 20, tzinfo=UTC).timestamp()) * 1_000_000

    def fill(connection: Connection) -> None:
        yes, no = ("1", "0") if database.is_sqlite else ("true", "false")
        for statement in OF_THE_FIRST_SCHEMA:
            connection.exec_driver_sql(statement.format(true=yes, false=no, day=day))

    async with database.exclusive() as connection:
        await connection.run_sync(schema.upgrade, "0001")
    await database.write(fill)

    assert await schema.migrate(database) is True

    assert await database.read(audit.differences) == []
    policy = await database.read(policies.load, GuildId(10))
    assert (policy.allowance, policy.pool) == (300, Pool())
    now = datetime(2026, 11, 20, 18, tzinfo=UTC)
    balance = await database.read(balances.find, GuildId(10), UserId(1), now)
    assert (balance.allowance_left, balance.bonus, balance.held, balance.pool) == (200, 50, 60, 350)
    lines = await database.read(history.of_member, GuildId(10), UserId(1), 10, 0)
    assert [line.kind for line in lines] == ["settle", "charge", "charge", "grant"]
    await database.close()


async def test_two_processes_that_start_together_migrate_once(empty_url: str) -> None:
    one, other = Database.connect(empty_url), Database.connect(empty_url)

    await asyncio.gather(schema.migrate(one), schema.migrate(other))

    await schema.check(one)
    await one.close()
    await other.close()
