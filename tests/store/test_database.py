"""What one may rely on of a transaction, on both databases, and what a host reads when the file is no good."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from bot.errors import StoreError
from bot.store import meta, schema
from bot.store.database import Connection, Database, file_of

SOON = timedelta(milliseconds=50)


@asynccontextmanager
async def opened(url: str, busy_timeout: timedelta = SOON) -> AsyncIterator[Database]:
    database = Database.connect(url, busy_timeout=busy_timeout)
    try:
        yield database
    finally:
        await database.close()


def pragma(connection: Connection, name: str) -> object:
    return connection.exec_driver_sql(f"PRAGMA {name}").scalar()


def count_up(connection: Connection) -> None:
    """Read first, write later: what a deferred transaction loses."""
    found = int(meta.recall(connection, "count") or 0)
    meta.remember(connection, "count", str(found + 1))


def count_up_in_one_statement(connection: Connection) -> None:
    connection.execute(sa.text("UPDATE meta SET value = CAST(CAST(value AS INTEGER) + 1 AS TEXT) WHERE key = 'count'"))


@pytest.mark.parametrize("way", ["read", "write"])
async def test_each_connection_is_durable_and_keeps_foreign_keys(sqlite_url: str, way: str) -> None:
    async with opened(sqlite_url, timedelta(milliseconds=1234)) as database:
        run = database.read if way == "read" else database.write

        assert await run(pragma, "journal_mode") == "wal"
        assert await run(pragma, "synchronous") == 2  # FULL
        assert await run(pragma, "foreign_keys") == 1
        assert await run(pragma, "busy_timeout") == 1234


async def test_many_writers_of_one_process_lose_nothing(sqlite_url: str) -> None:
    async with opened(sqlite_url) as database:
        async with asyncio.TaskGroup() as tasks:
            for _ in range(40):
                tasks.create_task(database.write(count_up))

        assert await database.read(meta.recall, "count") == "40"


async def test_two_databases_on_one_file_lose_nothing(sqlite_url: str) -> None:
    long = timedelta(seconds=20)
    async with opened(sqlite_url, long) as one, opened(sqlite_url, long) as other, asyncio.TaskGroup() as tasks:
        for _ in range(20):
            tasks.create_task(one.write(count_up))
            tasks.create_task(other.write(count_up))

    async with opened(sqlite_url) as database:
        assert await database.read(meta.recall, "count") == "40"


async def test_a_write_holds_the_lock_before_its_first_statement(sqlite_url: str) -> None:
    async with opened(sqlite_url) as one, opened(sqlite_url) as other:
        begun, go_on = threading.Event(), asyncio.Event()
        loop = asyncio.get_running_loop()

        async def hold() -> None:
            async with one.exclusive():
                loop.call_soon_threadsafe(begun.set)
                await go_on.wait()

        holding = loop.create_task(hold())
        while not begun.is_set():
            await asyncio.sleep(0)
        with pytest.raises(StoreError, match="locked by another program"):
            await other.write(lambda _: None)
        go_on.set()
        await holding


async def test_readers_see_the_last_commit_while_a_writer_writes(sqlite_url: str) -> None:
    async with opened(sqlite_url) as database:
        await database.write(meta.remember, "key", "old")
        async with database.exclusive() as connection:
            await connection.run_sync(meta.remember, "key", "new")

            assert await database.read(meta.recall, "key") == "old"

        assert await database.read(meta.recall, "key") == "new"


async def test_whatever_a_transaction_raises_undoes_all_of_it(database: Database) -> None:
    def fail(connection: Connection) -> None:
        meta.remember(connection, "key", "value")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await database.write(fail)

    assert await database.read(meta.recall, "key") is None


@pytest.mark.parametrize("cancels", [1, 3])
async def test_a_cancelled_caller_leaves_the_whole_transaction(database: Database, cancels: int) -> None:
    await database.read(meta.recall, "warm")
    begun, loop = asyncio.Event(), asyncio.get_running_loop()

    def two_steps(connection: Connection) -> None:
        meta.remember(connection, "one", "1")
        loop.call_soon_threadsafe(begun.set)
        for number in range(200):
            meta.remember(connection, "two", str(number))

    writing = asyncio.create_task(database.write(two_steps))
    await begun.wait()
    for _ in range(cancels):
        writing.cancel()
        await asyncio.sleep(0)
    with pytest.raises(asyncio.CancelledError):
        await writing

    # The caller only comes back when the transaction has ended.
    assert await database.read(meta.recall, "one") == "1"
    assert await database.read(meta.recall, "two") == "199"


async def test_a_cancelled_caller_whose_transaction_fails_leaves_nothing(database: Database) -> None:
    begun, loop = asyncio.Event(), asyncio.get_running_loop()

    def fail(connection: Connection) -> None:
        meta.remember(connection, "one", "1")
        loop.call_soon_threadsafe(begun.set)
        meta.remember(connection, "two", "2")
        raise ZeroDivisionError

    writing = asyncio.create_task(database.write(fail))
    await begun.wait()
    writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing

    assert await database.read(meta.recall, "one") is None


async def test_the_loop_goes_on_while_a_transaction_of_sqlite_runs(sqlite_url: str) -> None:
    said = threading.Event()

    def wait(connection: Connection) -> bool:
        meta.remember(connection, "one", "1")
        return said.wait(10)

    async with opened(sqlite_url) as database:
        writing = asyncio.create_task(database.write(wait))
        await asyncio.sleep(0.05)
        said.set()

        assert await writing


async def test_a_transaction_whose_loop_gives_up_leaves_nothing_and_the_next_one_works(sqlite_url: str) -> None:
    """As when a process ends: every task is cancelled, also the one that `write` waits for."""
    begun, given_up = threading.Event(), threading.Event()

    def two_steps(connection: Connection) -> None:
        meta.remember(connection, "one", "1")
        begun.set()
        given_up.wait(10)
        meta.remember(connection, "two", "2")

    async with opened(sqlite_url) as database:
        before = asyncio.all_tasks()
        writing = asyncio.create_task(database.write(two_steps))
        await asyncio.to_thread(begun.wait, 10)
        for task in asyncio.all_tasks() - before:
            task.cancel()
        asyncio.get_running_loop().call_later(0.05, given_up.set)
        with pytest.raises(asyncio.CancelledError):
            await writing

        assert await database.read(meta.recall, "one") is None
        assert await database.read(meta.recall, "two") is None
        await database.write(meta.remember, "three", "3")
        assert await database.read(meta.recall, "three") == "3"


async def test_a_read_sees_one_state_however_many_questions_it_asks(database: Database) -> None:
    await database.write(meta.remember, "count", "0")
    asked, written = asyncio.Event(), asyncio.Event()

    def twice(connection: Connection) -> tuple[str | None, str | None]:
        first = meta.recall(connection, "count")
        asked.set()
        while not written.is_set():
            connection.execute(sa.text("SELECT 1"))
        return first, meta.recall(connection, "count")

    reading = asyncio.create_task(database.read(twice))
    await asked.wait()
    await database.write(count_up_in_one_statement)
    written.set()

    assert await reading == ("0", "0")
    assert await database.read(meta.recall, "count") == "1"


async def test_a_server_that_does_not_answer_is_a_trouble_of_the_store() -> None:
    async with opened("postgresql+asyncpg://nobody@127.0.0.1:1/none") as database:
        with pytest.raises(StoreError, match="does not answer"):
            await database.read(schema.revision)


async def test_a_statement_that_is_wrong_is_a_bug_and_no_trouble_of_the_store(database: Database) -> None:
    with pytest.raises(sa.exc.DBAPIError):
        await database.read(lambda connection: connection.execute(sa.text("SELECT nonsense FROM meta")))


async def test_a_folder_that_is_missing_is_named_as_the_trouble(tmp_path: Path) -> None:
    async with opened(f"sqlite+aiosqlite:///{tmp_path}/missing/cutscene.db") as database:
        with pytest.raises(StoreError, match="folder exists"):
            await schema.migrate(database)

    assert not (tmp_path / "missing").exists()


async def test_a_file_that_is_no_database_stays_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "cutscene.db"
    content = b"My diary. Nobody may read this. " * 100
    path.write_bytes(content)

    async with opened(f"sqlite+aiosqlite:///{path}") as database:
        with pytest.raises(StoreError, match="not a Cutscene database"):
            await schema.migrate(database)

    assert path.read_bytes() == content


async def test_a_read_only_file_can_be_read_and_a_write_says_why_not(sqlite_url: str) -> None:
    path = file_of(sqlite_url)
    async with opened(sqlite_url) as database:
        await database.write(meta.remember, "key", "value")

    # By SQLite's own switch, because file rights do not stop a test that runs as root.
    async with opened(f"sqlite+aiosqlite:///file:{path}?mode=ro&uri=true") as database:
        with pytest.raises(StoreError, match="read-only"):
            await database.write(meta.remember, "key", "other")

    async with opened(sqlite_url) as database:
        assert await database.read(meta.recall, "key") == "value"


# With the disk's last byte gone not even the file can be made that readers share.
FULL = """
import asyncio, resource, signal, sys
from bot.store import schema
from bot.store.database import Database
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
try:
    asyncio.run(schema.check(Database.connect(sys.argv[1])))
except Exception as error:
    print(error, flush=True)
"""


def test_a_full_disk_is_named_as_the_trouble_already_when_the_file_is_opened(sqlite_url: str) -> None:
    said = subprocess.run([sys.executable, "-c", FULL, sqlite_url], stdout=subprocess.PIPE, text=True, check=True)

    assert said.stdout == "the disk is full: free some space\n"


LOCKING = """
import sqlite3, sys
held = sqlite3.connect(sys.argv[1], isolation_level=None)
held.execute("BEGIN EXCLUSIVE")
print("locked", flush=True)
sys.stdin.read()
"""


async def test_a_file_that_another_program_has_locked_is_named_as_the_trouble(sqlite_url: str) -> None:
    with subprocess.Popen(  # noqa: ASYNC220 - it is waited for by reading its one line
        [sys.executable, "-c", LOCKING, str(file_of(sqlite_url))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as other:
        assert other.stdout is not None
        assert other.stdin is not None
        assert other.stdout.readline() == "locked\n"
        async with opened(sqlite_url) as database:
            with pytest.raises(StoreError, match="locked by another program"):
                await database.write(meta.remember, "key", "value")
            other.stdin.close()
            other.wait()

            await database.write(meta.remember, "key", "value")
            assert await database.read(meta.recall, "key") == "value"


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("sqlite+aiosqlite:////data/cutscene.db", Path("/data/cutscene.db")),
        ("sqlite+aiosqlite:///:memory:", None),
        ("sqlite+aiosqlite://", None),
        ("postgresql+asyncpg://host/name", None),
    ],
)
def test_only_a_file_of_our_own_is_a_file(url: str, path: Path | None) -> None:
    assert file_of(url) == path


async def test_everybody_who_opens_a_new_file_at_the_same_moment_gets_it(tmp_path: Path) -> None:
    """Whoever comes while another one switches the file to WAL is not told that it is locked."""
    for number in range(10):
        opened = [Database.connect(f"sqlite+aiosqlite:///{tmp_path}/{number}.db") for _ in range(6)]
        await asyncio.gather(*(each.read(lambda connection: connection.exec_driver_sql("SELECT 1")) for each in opened))
        for each in opened:
            await each.close()
