"""A database from the past is recognised however it came back, and none of its jobs is submitted or posted twice."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from bot.domain.jobs import JobState
from bot.errors import StoreError
from bot.store import backups, claims, epochs, events, jobs, tables
from bot.store.claims import Claimed
from bot.store.database import Connection, Database, file_of
from bot.store.epochs import IDS_BETWEEN_BEATS, NOTE, Counts, Epoch, Origin, treat_as_ambiguous
from tests.fakes import KIE, NOON
from tests.store.making import insert, running

LATER = NOON + timedelta(minutes=10)


class Host:
    """A folder with a database in it, and what is done to both between two starts."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url = url
        self.folder = folder
        self.file = file_of(url) or folder / "none"
        self._open()

    async def start(self, now: datetime = NOON) -> epochs.Opened:
        return await self.epoch.open(now)

    async def stop(self) -> None:
        await self.database.close()

    async def put_back(self, copy: Path) -> None:
        """The file replaced by hand, as one does with a copy of one's own."""
        await self.stop()
        shutil.copyfile(copy, self.file)
        self._open()

    async def copy(self, name: str = "copy.db") -> Path:
        """A copy by hand: the bot is stopped and the file copied."""
        await self.stop()
        target = self.folder / name
        shutil.copyfile(self.file, target)
        self._open()
        return target

    def _open(self) -> None:
        self.database = Database.connect(self.url)
        self.epoch = Epoch(self.database, self.folder)

    @property
    def note(self) -> Path:
        return self.folder / NOTE


@pytest.fixture
async def host(sqlite_url: str, tmp_path: Path) -> AsyncIterator[Host]:
    made = Host(sqlite_url, tmp_path)
    yield made
    await made.stop()


async def test_starts_one_after_the_other_find_their_own_database(host: Host) -> None:
    found = [await host.start() for _ in range(3)]

    assert [(one.boots, one.origin) for one in found] == [(1, None), (2, None), (3, None)]
    assert await host.epoch.untold() is None


async def test_a_copy_from_before_the_last_start_is_recognised_when_it_is_put_in_place_by_hand(host: Host) -> None:
    await host.start()
    copy = await host.copy()
    await host.start()

    await host.put_back(copy)

    assert (await host.start()).origin is Origin.BEHIND


async def test_a_copy_of_the_same_start_is_recognised_by_its_beats(host: Host) -> None:
    await host.start()
    await host.epoch.beat(NOON)
    copy = await host.copy()
    await host.epoch.beat(LATER)

    await host.put_back(copy)

    assert (await host.start()).origin is Origin.BEHIND


async def test_a_backup_of_ours_is_recognised_even_where_no_time_was_lost(host: Host) -> None:
    await host.start()
    backups.back_up(host.file, host.folder / "copy.db", NOON)

    await host.put_back(host.folder / "copy.db")

    assert (await host.start()).origin is Origin.COPY
    assert (await host.start()).origin is None


async def test_a_backup_on_a_new_machine_is_recognised_without_any_note(host: Host, tmp_path: Path) -> None:
    await host.start()
    backups.back_up(host.file, host.folder / "copy.db", NOON)
    there = tmp_path / "new"
    there.mkdir()
    backups.restore(host.folder / "copy.db", there / "cutscene.db", NOON)

    other = Host(f"sqlite+aiosqlite:///{there}/cutscene.db", there)
    opened = await other.start()
    await other.stop()

    assert opened.origin is Origin.COPY


async def test_a_database_whose_note_is_gone_may_be_from_the_past(host: Host) -> None:
    await host.start()
    host.note.unlink()

    assert (await host.start()).origin is Origin.NO_NOTE
    assert (await host.start()).origin is None


@pytest.mark.parametrize("text", ["", "{", "[]", '{"beats": 1}', '{"database": 1, "beats": "x"}', "\xff\xfe"])
async def test_a_note_that_is_none_is_a_note_that_is_gone(host: Host, text: str) -> None:
    await host.start()
    host.note.write_bytes(text.encode("latin-1"))

    assert (await host.start()).origin is Origin.NO_NOTE


async def test_another_installations_database_is_recognised(host: Host, tmp_path: Path, migrated_file: Path) -> None:
    await host.start()
    there = tmp_path / "other"
    there.mkdir()
    shutil.copyfile(migrated_file, there / "cutscene.db")
    other = Host(f"sqlite+aiosqlite:///{there}/cutscene.db", there)
    for _ in range(5):
        await other.start()
    await other.stop()

    await host.put_back(there / "cutscene.db")

    assert (await host.start()).origin is Origin.OTHER


async def test_an_empty_database_beside_the_note_of_a_full_one_is_told_to_the_host(
    host: Host, migrated_file: Path
) -> None:
    await host.start()

    await host.put_back(migrated_file)

    assert (await host.start()).origin is Origin.OTHER
    assert "not the one that was here last" in (await host.epoch.untold() or "")


async def test_a_crash_between_database_and_note_does_not_look_like_a_restore(host: Host) -> None:
    await host.start()
    note = host.note.read_bytes()
    await host.start()
    await host.epoch.beat(LATER)
    # All that this process wrote of its note is lost.
    host.note.write_bytes(note)

    assert (await host.start()).origin is None


async def test_a_note_is_never_ahead_of_a_database_that_could_not_be_written(sqlite_url: str, tmp_path: Path) -> None:
    database = Database.connect(sqlite_url, busy_timeout=timedelta(milliseconds=50))
    epoch = Epoch(database, tmp_path)
    await epoch.open(NOON)
    note = (tmp_path / NOTE).read_bytes()
    with contextlib.closing(sqlite3.connect(tmp_path / "cutscene.db", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")

        with pytest.raises(StoreError, match="locked"):
            await epoch.beat(LATER)
        with pytest.raises(StoreError, match="locked"):
            await epoch.open(LATER)

    assert (tmp_path / NOTE).read_bytes() == note
    await database.close()


async def test_a_crash_after_the_treatment_and_before_the_note_does_not_repeat_it(host: Host) -> None:
    await host.start()
    copy = await host.copy()
    for _ in range(3):
        await host.start()
    await host.put_back(copy)
    note = host.note.read_bytes()
    first = await host.start()
    host.note.write_bytes(note)

    second = await host.start()

    assert first.origin is Origin.BEHIND
    assert second.origin is None
    assert await host.epoch.untold() is not None


async def test_a_database_from_before_there_were_notes_is_not_suspected(host: Host) -> None:
    await host.database.write(insert)

    assert (await host.start()).origin is None


async def test_the_host_is_told_until_somebody_says_that_it_happened(host: Host) -> None:
    await host.database.write(insert)
    await host.start()
    host.note.unlink()
    await host.start()
    await host.start()

    untold = await host.epoch.untold()
    await host.epoch.told()

    assert untold is not None
    assert "Jobs on their way in it: 1. 1 may have been submitted since and are not sent again" in untold
    assert await host.epoch.untold() is None


async def test_a_note_that_cannot_be_written_is_a_trouble_of_the_store(host: Host) -> None:
    await host.start()
    host.note.unlink()
    host.note.mkdir()

    with pytest.raises(StoreError, match=r"epoch\.json cannot be written"):
        await host.epoch.beat(NOON)
    with pytest.raises(StoreError, match=r"epoch\.json cannot be read"):
        await host.start()


# What becomes of the jobs.


async def test_what_may_have_been_submitted_since_is_not_submitted_again(database: Database) -> None:
    queued = await database.write(insert)
    submitting = await database.write(lambda c: insert(c, state=JobState.SUBMITTING, submitted_at=NOON))
    unknown = await database.write(lambda c: insert(c, state=JobState.UNKNOWN, submitted_at=NOON))

    counts = await database.write(lambda c: treat_as_ambiguous(c, LATER, until=NOON + timedelta(minutes=3)))

    found = [await database.read(jobs.find, job.id) for job in (queued, submitting, unknown)]
    assert counts == Counts(unknown=3)
    assert [job.state for job in found if job] == [JobState.UNKNOWN] * 3
    # The grace runs from the last moment at which the lost process may have sent it.
    assert [job.submitted_at for job in found if job] == [NOON + timedelta(minutes=3)] * 2 + [NOON]
    assert [job.due_at for job in found if job] == [LATER] * 3
    timeline = await database.read(events.timeline, queued.id)
    assert (timeline[-1].target, timeline[-1].detail) == ("unknown", "the database was brought back from the past")


async def test_what_comes_to_be_posted_is_looked_for_from_its_beginning_on(database: Database) -> None:
    asked = await database.write(running)
    fetched = await database.write(lambda c: running(c, state=JobState.FETCHING))
    posted = await database.write(
        lambda c: running(c, state=JobState.DELIVERING, posting_at=NOON + timedelta(minutes=2))
    )

    counts = await database.write(treat_as_ambiguous, LATER)

    found = [await database.read(jobs.find, job.id) for job in (asked, fetched, posted)]
    assert counts == Counts(running=1, fetching=1, delivering=1)
    assert [job.state for job in found if job] == [JobState.RUNNING, JobState.FETCHING, JobState.DELIVERING]
    assert [job.posting_at for job in found if job] == [NOON, NOON, NOON + timedelta(minutes=2)]


async def test_a_lease_of_the_past_is_worth_nothing(database: Database) -> None:
    await database.write(running)

    def claim(connection: Connection) -> list[Claimed]:
        return claims.claim(connection, [JobState.RUNNING], 1, timedelta(hours=1), NOON, provider=KIE)

    (held,) = await database.write(claim)
    await database.write(treat_as_ambiguous, LATER)

    found = await database.read(jobs.find, held.job.id)
    due = await database.read(claims.due, LATER)
    assert found is not None
    assert found.fence > held.job.fence
    assert due.ready == {(JobState.RUNNING, KIE): 1}


async def test_what_has_ended_stays_as_it_is(database: Database) -> None:
    states = (JobState.DELIVERED, JobState.PARKED, JobState.FAILED, JobState.CANCELLED)
    for state in states:
        await database.write(lambda c, state=state: insert(c, state=state, due_at=None, message_id=1))

    def rows(connection: Connection) -> list[tuple[object, ...]]:
        return [tuple(row) for row in connection.execute(sa.select(tables.jobs).order_by(tables.jobs.c.id))]

    before = await database.read(rows)
    counts = await database.write(treat_as_ambiguous, LATER)

    assert counts.total == 0
    assert await database.read(rows) == before


async def test_new_jobs_get_numbers_that_none_of_the_lost_time_had(
    backend: str, database: Database, tmp_path: Path
) -> None:
    if backend == "sqlite" and not tables.jobs.dialect_options["sqlite"]["autoincrement"]:
        pytest.skip("the numbers of SQLite's jobs go on from the highest that is there")
    epoch = Epoch(database, tmp_path)
    await epoch.open(NOON)
    job = await database.write(insert)
    await epoch.beat(NOON)
    (tmp_path / NOTE).unlink()
    await epoch.open(LATER)

    assert (await database.write(insert)).id > job.id + IDS_BETWEEN_BEATS
