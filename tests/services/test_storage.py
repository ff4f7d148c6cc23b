"""While the disk or the database is in trouble nothing new is accepted, and as soon as it is over it is again."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from bot.domain.policies import GuildPolicy
from bot.domain.videos import VideoRequest
from bot.errors import StoreError, StoreTrouble
from bot.errors.intake import StorageTroubleError
from bot.services.availability import Availability, ProviderGate
from bot.services.generation import Generation
from bot.services.host_limits import Budget
from bot.services.lifecycle import Lifecycle
from bot.services.storage import ENOUGH, FLOOR, LOOK_AGAIN, LOOK_EVERY, StorageGuard, through_trouble
from bot.store import audit, jobs, policies
from bot.store.database import Connection, Database, file_of
from bot.store.epochs import NOTE, Epoch
from tests.fakes import FakePublisher, HandClock
from tests.logged import logged
from tests.samples import ANNA, CATALOGUE, GUILD, ONE, place, video


class House:
    """One bot's storage: its database, its folder, its guard, and the way in for jobs."""

    def __init__(self, url: str, folder: Path) -> None:
        self.folder = folder
        self.file = file_of(url) or folder / "none"
        self.database = Database.connect(url, busy_timeout=timedelta(milliseconds=50))
        self.clock = HandClock()
        self.publisher = FakePublisher()
        self.space = ENOUGH * 10
        self.guard = StorageGuard(
            database=self.database,
            epoch=Epoch(self.database, folder),
            folders=[folder],
            clock=self.clock,
            free=lambda _: self.space,
        )
        self.generation = Generation(
            database=self.database,
            clock=self.clock,
            availability=Availability(CATALOGUE),
            gate=ProviderGate(),
            lifecycle=Lifecycle(self.database, self.clock, ONE),
            budget=Budget(),
            markup=ONE,
            storage=self.guard,
        )

    async def open(self) -> None:
        await Epoch(self.database, self.folder).open(self.clock.now())

    async def request(self) -> None:
        await self.generation.request(ANNA, place(), video())

    async def jobs(self) -> int:
        return sum((await self.database.read(jobs.counts)).values())

    @contextlib.asynccontextmanager
    async def watched(self) -> AsyncIterator[asyncio.Task[None]]:
        """With the guard at its rounds; at the first one it has looked once."""
        watching = asyncio.create_task(self.guard.run(asyncio.Event(), self.publisher))
        await self.rested()
        try:
            yield watching
        finally:
            watching.cancel()
            with contextlib.suppress(asyncio.CancelledError, StoreError):
                await watching

    async def rested(self) -> None:
        async with asyncio.timeout(5):
            while not self.clock.waiting:
                self.clock.entered.clear()
                await self.clock.entered.wait()

    async def next_look(self) -> None:
        """Let the guard look once more."""
        self.clock.until(self.clock.next_at())
        await self.rested()

    async def over(self) -> None:
        """Let the guard look until the trouble is over."""
        for _ in range(4):
            if self.guard.trouble is None:
                return
            await self.next_look()
        raise AssertionError(self.guard.trouble)


@pytest.fixture
async def house(sqlite_url: str, tmp_path: Path) -> AsyncIterator[House]:
    made = House(sqlite_url, tmp_path)
    await made.open()
    yield made
    await made.database.close()


def read_only(connection: Connection) -> None:
    """SQLite's own switch on its one writing connection: file rights do not stop a test that runs as root."""
    connection.exec_driver_sql("PRAGMA query_only = ON")


def rich(connection: Connection) -> None:
    policies.save(connection, GuildPolicy(guild_id=GUILD, allowance=1_000_000))


# How a trouble begins and ends.


async def test_while_all_is_well_everybody_is_let_in_and_nobody_is_told(house: House) -> None:
    async with house.watched():
        await house.request()
        await house.next_look()

    assert house.guard.trouble is None
    assert house.publisher.told == []
    assert await house.jobs() == 1


async def test_a_locked_database_refuses_politely_and_takes_jobs_again_by_itself(house: House) -> None:
    other = sqlite3.connect(house.file, isolation_level=None)
    with contextlib.closing(other), logged() as log:
        async with house.watched():
            other.execute("BEGIN EXCLUSIVE")
            with pytest.raises(StorageTroubleError):
                await house.request()
            reason = house.guard.trouble
            await house.next_look()
            with pytest.raises(StorageTroubleError):
                house.generation.check(VideoRequest(prompt="a red fox", model="maker"))
            with pytest.raises(StorageTroubleError):
                await house.request()
            other.execute("ROLLBACK")
            await house.over()
            await house.request()

    assert reason == "the database is locked by another program: stop it, then start again"
    assert await house.jobs() == 1
    assert await house.database.read(audit.differences) == []
    assert [text.partition(":")[0].partition(" after")[0] for text in house.publisher.told] == [
        "Storage trouble",
        "The storage works again",
    ]
    assert (log.getvalue().count("storage_trouble"), log.getvalue().count("storage_recovered")) == (1, 1)


async def test_a_read_only_database_is_named_to_the_host(house: House) -> None:
    async with house.watched():
        await house.database.write(read_only)
        await house.next_look()
        with pytest.raises(StorageTroubleError):
            await house.request()
        # Reading still works, and so does everything that only reads.
        assert await house.jobs() == 0
        await house.database.close()  # Its next connection knows nothing of that.
        await house.over()

    assert "Storage trouble: the database is read-only: check the rights" in house.publisher.told[0]


async def test_a_hiccup_closes_the_door_for_a_moment_and_is_nothing_to_tell_the_host(house: House) -> None:
    async with house.watched():
        with contextlib.closing(sqlite3.connect(house.file, isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            with pytest.raises(StorageTroubleError):
                await house.request()
        with pytest.raises(StorageTroubleError):
            house.guard.check_intake()
        await house.over()

    assert house.clock.now() - HandClock().now() <= 2 * LOOK_AGAIN + LOOK_EVERY
    assert house.publisher.told == []


# SQLite may make its file no larger: for the job there is no room, for a beat there is.
async def test_a_full_database_takes_nothing_of_the_job(house: House) -> None:
    def fill(connection: Connection) -> None:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
        connection.exec_driver_sql("CREATE TABLE stuff AS SELECT zeroblob(1000000)")

    with pytest.raises(StoreError, match="disk is full"):
        await house.database.write(fill)
    with pytest.raises(StorageTroubleError):
        house.guard.check_intake()
    assert house.guard.trouble == "the disk is full: free some space"


async def test_too_little_space_closes_the_door_before_the_disk_is_full(house: House) -> None:
    async with house.watched():
        house.space = FLOOR - 1
        await house.next_look()
        with pytest.raises(StorageTroubleError):
            await house.request()
        house.space = FLOOR + 1
        await house.next_look()
        still = house.guard.trouble
        house.space = ENOUGH
        await house.over()
        await house.request()

    assert still is not None
    assert f"{house.folder} has 200 MiB left and 250 MiB are needed: free some space" in still
    assert len(house.publisher.told) == 2


async def test_a_folder_that_is_gone_is_a_trouble(house: House) -> None:
    def gone(_: Path) -> int:
        raise FileNotFoundError(2, "No such file or directory")

    house.guard._free = gone
    await house.guard.look()

    assert house.guard.trouble == f"{house.folder} cannot be looked at (No such file or directory)"


async def test_a_note_that_cannot_be_written_is_a_trouble(house: House) -> None:
    (house.folder / NOTE).unlink()
    (house.folder / NOTE).mkdir()
    await house.guard.look()
    assert "epoch.json cannot be written" in str(house.guard.trouble)

    (house.folder / NOTE).rmdir()
    await house.guard.look()
    await house.guard.look()
    assert house.guard.trouble is None


# What is worse than a trouble.


async def test_a_damaged_database_is_not_trusted_because_one_page_of_it_can_be_written(
    sqlite_url: str, tmp_path: Path
) -> None:
    before = House(sqlite_url, tmp_path)
    await before.open()
    await before.database.write(rich)
    for _ in range(30):
        await before.request()
    await before.database.close()
    with contextlib.closing(sqlite3.connect(before.file)) as connection:
        page, size = (
            connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'job_events'").fetchone()[0],
            connection.execute("PRAGMA page_size").fetchone()[0],
        )
    with before.file.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xff" * size)

    house = House(sqlite_url, tmp_path)
    with pytest.raises(StorageTroubleError):
        await house.request()
    house.guard.report(StoreError("and the disk is full", StoreTrouble.FULL))
    for _ in range(3):
        await house.guard.look()
    await Epoch(house.database, tmp_path).beat(house.clock.now())  # Its own page is sound.
    await house.database.close()

    assert house.guard.trouble is not None
    assert "damaged" in house.guard.trouble


def lost_by_the_disk() -> sa.exc.OperationalError:
    """What the driver raises when the kernel says that written pages did not reach the disk."""
    error = sqlite3.OperationalError("disk I/O error")
    error.sqlite_errorcode = sqlite3.SQLITE_IOERR_FSYNC
    return sa.exc.OperationalError("COMMIT", {}, error)


async def test_a_commit_that_may_or_may_not_be_on_the_disk_ends_the_process(house: House) -> None:
    def fail(_: Connection) -> None:
        raise lost_by_the_disk()

    async with house.watched() as watching:
        with pytest.raises(StoreError, match="the disk lost what was written"):
            await house.database.write(fail)
        with pytest.raises(StorageTroubleError):
            house.guard.check_intake()
        house.guard.report(StoreError("something lighter"))

        with pytest.raises(StoreError, match="the disk lost what was written"):
            await asyncio.wait_for(watching, 5)


async def test_nobody_is_promised_that_nothing_was_charged_when_nobody_knows(house: House) -> None:
    def fail(*_: object) -> None:
        raise lost_by_the_disk()

    sa.event.listen(house.database._writer.sync_engine, "commit", fail)

    with pytest.raises(StoreError, match="the disk lost what was written"):
        await house.request()


async def test_a_watch_that_could_not_use_the_store_goes_on_when_it_can(house: House) -> None:
    looks = 0

    async def watch(_: asyncio.Event) -> None:
        nonlocal looks
        looks += 1
        if looks == 1:
            raise StoreError("the disk is full", StoreTrouble.FULL)

    watching = asyncio.create_task(through_trouble(watch, asyncio.Event(), house.clock))
    await house.rested()
    house.clock.advance(LOOK_EVERY)
    await watching

    assert looks == 2


# The real thing: a process whose files may not grow any more, so that COMMIT itself fails.

FULL = """
import asyncio, json, resource, sys
from pathlib import Path
from bot.errors.intake import StorageTroubleError
from bot.store import audit
from tests.services.test_storage import House

def limit(bytes):
    resource.setrlimit(resource.RLIMIT_FSIZE, (bytes, resource.RLIM_INFINITY))

async def main():
    house = House(sys.argv[1], Path(sys.argv[2]))
    await house.open()
    await house.request()
    said = {}
    async with house.watched():
        limit(1)
        try:
            await house.request()
        except StorageTroubleError:
            said["refused"] = True
        await house.next_look()
        said["trouble"] = house.guard.trouble
        said["jobs"] = await house.jobs()
        limit(resource.RLIM_INFINITY)
        await house.over()
        await house.request()
        said["jobs after"] = await house.jobs()
        said["differences"] = await house.database.read(audit.differences)
        said["told"] = len(house.publisher.told)
    await house.database.close()
    print(json.dumps(said))

asyncio.run(main())
"""


def test_a_commit_that_fails_for_want_of_room_has_done_nothing_and_the_next_one_works(
    sqlite_url: str, tmp_path: Path
) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", FULL, sqlite_url, str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[2],
    )

    assert ended.returncode == 0, ended.stderr
    said = json.loads(ended.stdout.splitlines()[-1])
    assert said.pop("trouble") in {
        "the disk does not work as it should: look at the system's log",
        "the disk is full: free some space",
    }
    assert said == {"refused": True, "jobs": 1, "jobs after": 2, "differences": [], "told": 2}
