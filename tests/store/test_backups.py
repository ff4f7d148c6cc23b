"""Backups of a database in use, and putting them back: complete, checked, and never over something that is there."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import sqlite3
import stat
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from bot.errors import StoreError, StoreTrouble
from bot.store import backups, jobs, meta
from bot.store.database import Database, file_of
from chaos import backups as chaos
from tests.fakes import NOON
from tests.services.desk import Desk


@pytest.fixture
def file(sqlite_url: str) -> Path:
    """The bot's database, with one job that has been delivered and one that waits."""
    found = file_of(sqlite_url)
    assert found is not None
    return found


@pytest.fixture
async def used(sqlite_url: str, file: Path) -> Path:
    database = Database.connect(sqlite_url)
    desk = Desk(database)
    await desk.deliver(await desk.job())
    await desk.job()
    await database.close()
    return file


async def count_of(path: Path) -> int:
    database = Database.connect(f"sqlite+aiosqlite:///{path}")
    try:
        return sum((await database.read(jobs.counts)).values())
    finally:
        await database.close()


def what_is_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


async def test_backups_below_a_working_bot_are_all_balanced_and_known_as_backups(tmp_path: Path) -> None:
    tally = await chaos.run(3, tmp_path)

    assert tally.violations == []
    assert tally.backups == 3
    assert tally.jobs[0] > 0


async def test_a_backup_holds_what_was_committed_and_is_one_file(sqlite_url: str, file: Path, tmp_path: Path) -> None:
    target = tmp_path / "to" / "copy.db"
    target.parent.mkdir()
    database = Database.connect(sqlite_url)
    desk = Desk(database)
    await desk.deliver(await desk.job())
    await desk.job()

    # The bot has the database open, and its last commits stand in the -wal file only.
    made = backups.back_up(file, target, NOON)
    await database.close()

    assert made.findings.is_audited
    assert made.findings.counts == {"queued": 1, "delivered": 1}
    assert made.size == target.stat().st_size
    assert what_is_in(target.parent) == {"copy.db"}
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    with contextlib.closing(sqlite3.connect(f"{target.as_uri()}?immutable=1", uri=True)) as copy:
        assert copy.execute("PRAGMA journal_mode").fetchone() == ("delete",)


async def test_what_a_killed_copy_has_left_is_removed_by_a_later_one(used: Path, tmp_path: Path) -> None:
    folder = tmp_path / "kept"
    folder.mkdir()
    left, going_on, of_the_host = (
        folder / name for name in ("cutscene-1.db.part-7", "cutscene-2.db.part-8", "notes.part-9")
    )
    for path in (left, going_on, of_the_host):
        path.write_bytes(b"x")
    for path in (left, of_the_host):
        os.utime(path, (0, 0))

    backups.back_up(used, folder / "cutscene-3.db", NOON)

    assert what_is_in(folder) == {"cutscene-3.db", going_on.name, of_the_host.name}


async def test_a_commit_during_the_copy_neither_waits_nor_makes_it_begin_again(
    sqlite_url: str, used: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backups, "PAGES_PER_STEP", 1)
    monkeypatch.setattr(backups, "REST", 0.02)
    writer = subprocess.Popen(  # noqa: ASYNC220 - it is ended below
        [sys.executable, "-c", WRITING, str(used)], stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True
    )
    with writer:
        assert writer.stdout is not None
        assert writer.stdin is not None
        before = int(writer.stdout.readline())
        try:
            # A copy that began again with each commit would end only when the writer does.
            async with asyncio.timeout(20):
                made = await asyncio.to_thread(backups.back_up, used, tmp_path / "copy.db", NOON)
        finally:
            writer.stdin.close()
        written = [int(line) for line in writer.stdout]

    database = Database.connect(f"sqlite+aiosqlite:///{made.path}")
    seen = int(await database.read(meta.recall, "count") or 0)
    await database.close()
    assert writer.returncode == 0
    assert before <= seen < written[-1]


WRITING = """
import select, sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=5)
count = 0
while not select.select([sys.stdin], [], [], 0.001)[0]:
    count += 1
    connection.execute("INSERT OR REPLACE INTO meta VALUES ('count', ?)", (str(count),))
    print(count, flush=True)
"""


def test_a_file_that_is_there_is_only_replaced_by_force(used: Path, tmp_path: Path) -> None:
    target = tmp_path / "mine.txt"
    target.write_text("my diary")

    with pytest.raises(StoreError, match="exists: name another file, or add --force"):
        backups.back_up(used, target, NOON)
    assert target.read_text() == "my diary"

    backups.back_up(used, target, NOON, is_forced=True)
    assert target.read_bytes().startswith(b"SQLite format 3")


def test_a_database_is_never_its_own_backup(used: Path) -> None:
    with pytest.raises(StoreError, match="is the database itself"):
        backups.back_up(used, used, NOON, is_forced=True)
    with pytest.raises(StoreError, match="is the database itself"):
        backups.restore(used, used, NOON)


def test_a_folder_that_is_missing_or_a_database_that_is_missing_is_named(used: Path, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="nowhere cannot be written"):
        backups.back_up(used, tmp_path / "nowhere" / "copy.db", NOON)
    with pytest.raises(StoreError, match="there is no database at"):
        backups.back_up(tmp_path / "none.db", tmp_path / "copy.db", NOON)


def test_a_disk_that_is_too_small_is_known_before_anything_is_copied(
    used: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = shutil.disk_usage(tmp_path)._replace(free=1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: free)
    before = what_is_in(tmp_path)

    with pytest.raises(StoreError, match="left and the copy needs") as caught:
        backups.back_up(used, tmp_path / "copy.db", NOON)

    assert caught.value.trouble is StoreTrouble.FULL
    assert what_is_in(tmp_path) == before


FULL = """
import resource, sys
from datetime import UTC, datetime
from pathlib import Path
from bot.errors import StoreError
from bot.store import backups
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
try:
    backups.back_up(Path(sys.argv[1]), Path(sys.argv[2]), datetime.now(UTC))
except StoreError as error:
    print(error)
"""


def test_a_write_that_fails_half_way_leaves_nothing_behind(used: Path, tmp_path: Path) -> None:
    said = subprocess.run(
        [sys.executable, "-c", FULL, str(used), str(tmp_path / "copy.db")],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
    )

    assert "the disk" in said.stdout
    assert {name for name in what_is_in(tmp_path) if not name.startswith("cutscene.db")} == set()


def test_a_database_whose_ledger_is_wrong_is_not_called_a_backup(used: Path, tmp_path: Path) -> None:
    with contextlib.closing(sqlite3.connect(used)) as connection, connection:
        connection.execute("UPDATE accounts SET balance = balance + 1 WHERE kind = 'held'")

    with pytest.raises(StoreError, match="ledger does not balance: account"):
        backups.back_up(used, tmp_path / "copy.db", NOON)

    assert not (tmp_path / "copy.db").exists()


# Putting back.


async def test_a_backup_takes_the_place_and_the_database_before_is_kept_whole(
    sqlite_url: str, used: Path, tmp_path: Path
) -> None:
    backups.back_up(used, tmp_path / "copy.db", NOON)
    database = Database.connect(sqlite_url)
    await Desk(database).job()
    await database.close()

    done = backups.restore(tmp_path / "copy.db", used, NOON)

    assert done.aside == tmp_path / "cutscene.db.before-restore-20261120T120000Z"
    assert await count_of(used) == 2
    assert await count_of(done.aside) == 3
    assert (tmp_path / "copy.db").exists()


CRASHING = """
import os, sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("PRAGMA journal_mode = WAL")
connection.execute("INSERT INTO meta VALUES ('last', 'word')")
os._exit(9)
"""


async def test_what_only_stands_in_the_log_of_a_killed_bot_is_kept_too(used: Path, tmp_path: Path) -> None:
    backups.back_up(used, tmp_path / "copy.db", NOON)
    subprocess.run([sys.executable, "-c", CRASHING, str(used)], check=False)  # noqa: ASYNC221 - it kills itself at once
    assert used.with_name("cutscene.db-wal").stat().st_size > 0

    done = backups.restore(tmp_path / "copy.db", used, NOON)

    assert done.aside is not None
    for path, expected in ((done.aside, "word"), (used, None)):
        database = Database.connect(f"sqlite+aiosqlite:///{path}")
        assert await database.read(meta.recall, "last") == expected
        await database.close()


async def test_a_log_that_somebody_still_reads_does_not_come_to_stand_beside_the_backup(
    sqlite_url: str, used: Path, tmp_path: Path
) -> None:
    backups.back_up(used, tmp_path / "copy.db", NOON)
    with contextlib.closing(sqlite3.connect(used, isolation_level=None)) as doctor:
        doctor.execute("BEGIN")
        doctor.execute("SELECT count(*) FROM jobs").fetchone()
        database = Database.connect(sqlite_url)
        await Desk(database).job()
        await database.close()

        done = backups.restore(tmp_path / "copy.db", used, NOON)

        assert not used.with_name("cutscene.db-wal").exists()
    assert done.aside is not None
    assert await count_of(used) == 2
    assert await count_of(done.aside) == 3


def test_a_database_that_is_beyond_reading_can_be_replaced_and_is_kept(used: Path, tmp_path: Path) -> None:
    backups.back_up(used, tmp_path / "copy.db", NOON)
    wreck = b"\0" * 5000
    used.write_bytes(wreck)
    used.with_name("cutscene.db-wal").write_bytes(b"log")

    done = backups.restore(tmp_path / "copy.db", used, NOON)

    assert done.aside is not None
    assert done.aside.read_bytes() == wreck
    assert done.aside.with_name(done.aside.name + "-wal").read_bytes() == b"log"
    assert not used.with_name("cutscene.db-wal").exists()
    assert done.findings.is_audited


async def test_a_backup_goes_onto_a_new_machine(used: Path, tmp_path: Path) -> None:
    backups.back_up(used, tmp_path / "copy.db", NOON)
    there = tmp_path / "new" / "cutscene.db"
    there.parent.mkdir()

    done = backups.restore(tmp_path / "copy.db", there, NOON)

    assert done.aside is None
    assert await count_of(there) == 2


def test_a_second_restore_in_the_same_second_overwrites_nothing(used: Path, tmp_path: Path) -> None:
    backups.back_up(used, tmp_path / "copy.db", NOON)
    backups.restore(tmp_path / "copy.db", used, NOON)

    with pytest.raises(StoreError, match="before-restore-20261120T120000Z exists already"):
        backups.restore(tmp_path / "copy.db", used, NOON)

    assert used.exists()
    backups.restore(tmp_path / "copy.db", used, NOON + timedelta(seconds=1))


def _no_database(path: Path) -> None:
    path.write_bytes(b"My diary. " * 1000)


def _another_programs(path: Path) -> None:
    path.unlink()
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE recipes (name TEXT)")


def _newer(path: Path) -> None:
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")


def _damaged(path: Path) -> None:
    # Over the pages, not over the header.
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(size // 2)
        file.write(os.urandom(size // 4))


def _cut_off(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (_no_database, "not a Cutscene database"),
        (_another_programs, "not a Cutscene database"),
        (_newer, "newer version of Cutscene"),
        (_damaged, "damaged"),
        (_cut_off, "damaged"),
    ],
)
def test_a_backup_that_is_no_good_changes_nothing(used: Path, tmp_path: Path, spoil: object, words: str) -> None:
    assert callable(spoil)
    backups.back_up(used, tmp_path / "copy.db", NOON)
    spoil(tmp_path / "copy.db")
    before, content = what_is_in(tmp_path), used.read_bytes()

    with pytest.raises(StoreError, match=words):
        backups.restore(tmp_path / "copy.db", used, NOON)

    assert what_is_in(tmp_path) == before
    assert used.read_bytes() == content


def test_a_backup_that_is_not_there_is_named(used: Path, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"there is no backup at .*none\.db"):
        backups.restore(tmp_path / "none.db", used, NOON)
