"""Knows a database that was brought back from the past, by a note outside it that cannot go back with it.

Database and note hold the same count of beats: one at each start and one every few seconds after it. The database is
written first. So it may be ahead of its note, after a crash in between, but behind it only when it is not the
database that was here last. See docs/adr/0013-a-database-from-the-past-is-recognised.md.
"""

from __future__ import annotations

import asyncio
import json
import os
import uuid
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from bot.domain.jobs import ACTIVE, JobState, Move
from bot.errors import StoreError
from bot.store import jobs as job_rows
from bot.store import meta, moves
from bot.store.database import Database
from bot.store.tables import jobs
from bot.store.tables import meta as meta_table

NOTE = "epoch.json"

# What is written beside a job that may have been submitted in the time that is lost.
FROM_THE_PAST = "the database was brought back from the past"

# Names in the table of facts.
_MARK = "epoch"
_COPIED_AT = "copied_at"
_UNTOLD = "restored_untold"

# A database from the past gives numbers away again that old messages and links still bear. Between two beats no more
# jobs than this are accepted; where there is no note, the lost time may have been longer.
IDS_BETWEEN_BEATS = 10_000
IDS_WITHOUT_NOTE = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """What the database and its note say about who they are and how far they have come."""

    database: str
    boots: int
    beats: int
    alive_at: datetime
    last_job_id: int

    def as_text(self) -> str:
        return json.dumps(asdict(self) | {"alive_at": self.alive_at.isoformat()})

    @classmethod
    def of_text(cls, text: str) -> Mark | None:
        """The mark in *text*; None when it is not one."""
        try:
            found = json.loads(text)
            mark = cls(**{**found, "alive_at": datetime.fromisoformat(found["alive_at"])})
            numbers = (mark.boots, mark.beats, mark.last_job_id)
        except (ValueError, TypeError, KeyError):
            return None
        is_whole = all(type(number) is int for number in numbers) and mark.alive_at.tzinfo is not None
        return mark if is_whole and isinstance(mark.database, str) else None


class Origin(StrEnum):
    """Why a database is taken for one from the past."""

    COPY = "copy"  # it says itself that it was made by `backup` or put back by `restore`
    BEHIND = "behind"  # its note has seen more of it than it knows
    OTHER = "other"  # the note belongs to another database
    NO_NOTE = "no note"  # the note is missing, so nobody can say


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """How many jobs were on their way in a database from the past, by what is done about them."""

    unknown: int = 0  # perhaps submitted since: not sent again
    running: int = 0  # the provider is asked
    fetching: int = 0
    delivering: int = 0  # the channel is searched before anything is posted

    @property
    def total(self) -> int:
        return self.unknown + self.running + self.fetching + self.delivering


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """What a start found. `origin` is None when the database is the one that was here last."""

    boots: int
    origin: Origin | None = None
    counts: Counts = Counts()


class Epoch:
    """The mark of one database and its note in one folder."""

    def __init__(self, database: Database, folder: Path) -> None:
        self._database = database
        self._note = folder / NOTE

    async def open(self, now: datetime) -> Opened:
        """Count this start, and treat the jobs of a database from the past as what they are. Before anything else.

        Raises StoreError when either cannot be written.
        """
        noted = await asyncio.to_thread(_read, self._note)
        opened, mark = await self._database.write(_open, noted, now)
        await asyncio.to_thread(_write, self._note, mark)
        return opened

    async def beat(self, now: datetime) -> None:
        """Say that the database is in use. Raises StoreError when it, or the note, cannot be written."""
        mark = await self._database.write(_beat, now)
        await asyncio.to_thread(_write, self._note, mark)

    async def untold(self) -> str | None:
        """What the host has not been told yet of a database from the past."""
        return await self._database.read(meta.recall, _UNTOLD)

    async def told(self) -> None:
        await self._database.write(_forget, _UNTOLD)


def mark_as_copy(connection: Connection, now: datetime) -> None:
    """Write into a copy that it is one: time may pass, and jobs be submitted, that it knows nothing of."""
    meta.remember(connection, _COPIED_AT, now.isoformat())


def treat_as_ambiguous(connection: Connection, now: datetime, *, until: datetime | None = None) -> Counts:
    """Let no job of a database from the past be submitted or posted a second time.

    *until* is the latest moment at which the lost time can have submitted anything; None means now.
    """
    found = dict.fromkeys(ACTIVE, 0)
    for job in job_rows.active(connection):
        found[job.state] += 1
        if job.state in {JobState.QUEUED, JobState.SUBMITTING}:
            move = Move(to=JobState.UNKNOWN, detail=FROM_THE_PAST)
            if moves.move(connection, job, move, now) is None:
                raise AssertionError("nobody else moves jobs inside this transaction")
            # A callback has its full grace from the last moment at which the create call may have left.
            sent_at = now if until is None else min(now, until)
            connection.execute(sa.update(jobs).where(jobs.c.id == job.id).values(submitted_at=sent_at))
    connection.execute(
        sa.update(jobs)
        .where(jobs.c.state.in_(ACTIVE))
        .values(
            # Whatever comes to be posted is first looked for in the channel, from the job's beginning on.
            posting_at=sa.func.coalesce(jobs.c.posting_at, jobs.c.created_at),
            # Nobody who held a lease in the past holds one now.
            lease_until=None,
            due_at=now,
            claims=0,
            fence=jobs.c.fence + 1,
        )
    )
    return Counts(
        unknown=found[JobState.QUEUED] + found[JobState.SUBMITTING] + found[JobState.UNKNOWN],
        running=found[JobState.RUNNING],
        fetching=found[JobState.FETCHING],
        delivering=found[JobState.DELIVERING],
    )


def _open(connection: Connection, noted: Mark | None, now: datetime) -> tuple[Opened, Mark]:
    """The transaction of a start: recognition, treatment and the new mark are written together or not at all."""
    stored_text = meta.recall(connection, _MARK)
    stored = None if stored_text is None else Mark.of_text(stored_text)
    origin = _origin(connection, stored, noted)
    known = [mark for mark in (stored, noted) if mark is not None]
    if origin is Origin.OTHER and stored is not None:
        known = [stored]
    mark = Mark(
        database=stored.database if stored is not None else uuid.uuid4().hex,
        boots=max((one.boots for one in known), default=0) + 1,
        # Past everything that either of them has seen, so that a crash before the note is written looks like one.
        beats=max((one.beats for one in known), default=0) + 1,
        alive_at=now,
        last_job_id=_last_job_id(connection),
    )
    counts = Counts()
    if origin is not None:
        counts = treat_as_ambiguous(connection, now, until=_lost_until(stored, noted, origin))
        _skip_ids(connection, mark, noted if origin in {Origin.COPY, Origin.BEHIND} else None)
        meta.remember(connection, _UNTOLD, _told_to_host(origin, counts, stored))
        _forget(connection, _COPIED_AT)
    meta.remember(connection, _MARK, mark.as_text())
    return Opened(boots=mark.boots, origin=origin, counts=counts), mark


def _origin(connection: Connection, stored: Mark | None, noted: Mark | None) -> Origin | None:
    if meta.recall(connection, _COPIED_AT) is not None:
        return Origin.COPY
    if stored is None:
        # New, or from before there were notes. Where there is a note, another database has been here.
        return None if noted is None else Origin.OTHER
    if noted is None:
        return Origin.NO_NOTE
    if noted.database != stored.database:
        return Origin.OTHER
    return Origin.BEHIND if stored.beats < noted.beats else None


def _lost_until(stored: Mark | None, noted: Mark | None, origin: Origin) -> datetime | None:
    """When the database that was here last was last in use, if the note is about the same one."""
    is_same = stored is not None and noted is not None and stored.database == noted.database
    return noted.alive_at if noted is not None and is_same and origin is not Origin.NO_NOTE else None


def _beat(connection: Connection, now: datetime) -> Mark:
    text = meta.recall(connection, _MARK)
    stored = None if text is None else Mark.of_text(text)
    if stored is None:
        raise AssertionError("a start marks the database before the first beat")
    mark = Mark(
        database=stored.database,
        boots=stored.boots,
        beats=stored.beats + 1,
        alive_at=now,
        last_job_id=_last_job_id(connection),
    )
    meta.remember(connection, _MARK, mark.as_text())
    return mark


def _last_job_id(connection: Connection) -> int:
    return connection.execute(sa.select(sa.func.max(jobs.c.id))).scalar() or 0


def _skip_ids(connection: Connection, mark: Mark, noted: Mark | None) -> None:
    """Let the next job have a number that none of the lost time can have had."""
    if noted is not None:
        last = max(mark.last_job_id, noted.last_job_id) + IDS_BETWEEN_BEATS
    else:
        last = mark.last_job_id + IDS_WITHOUT_NOTE
    if connection.dialect.name == "postgresql":
        connection.execute(sa.text("SELECT setval(pg_get_serial_sequence('jobs', 'id'), :last)"), {"last": last})
    elif sa.inspect(connection).has_table("sqlite_sequence"):
        connection.execute(sa.text("DELETE FROM sqlite_sequence WHERE name = 'jobs'"))
        connection.execute(sa.text("INSERT INTO sqlite_sequence (name, seq) VALUES ('jobs', :last)"), {"last": last})


def _told_to_host(origin: Origin, counts: Counts, stored: Mark | None) -> str:
    why = {
        Origin.COPY: "The database is a backup that was put back",
        Origin.BEHIND: "The database is older than the one that was here last",
        Origin.OTHER: "The database is not the one that was here last",
        Origin.NO_NOTE: f"The note {NOTE} beside the database is missing, so it may be from the past",
    }[origin]
    state = "" if stored is None else f" (its last sign of life is of {stored.alive_at:%Y-%m-%d %H:%M:%S} UTC)"
    if not counts.total:
        return f"{why}{state}. No job was on its way in it."
    return (
        f"{why}{state}. Jobs on their way in it: {counts.total}. "
        f"{counts.unknown} may have been submitted since and are not sent again: each is refunded unless a callback "
        f"names its task. {counts.running} are asked about at the provider, {counts.fetching} fetched, and for "
        f"{counts.delivering} the channel is searched before anything is posted. "
        "Videos and credits of the time that was lost are not known any more."
    )


def _forget(connection: Connection, key: str) -> None:
    connection.execute(sa.delete(meta_table).where(meta_table.c.key == key))


def _read(note: Path) -> Mark | None:
    """The note; None when it is missing or no note, which means the same: nothing is known."""
    try:
        return Mark.of_text(note.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except UnicodeDecodeError:
        return None
    except OSError as error:
        raise StoreError(f"{note} cannot be read ({error.strerror}): check its rights") from error


def _write(note: Path, mark: Mark) -> None:
    """Replace the note whole, or leave it as it is."""
    new = note.with_name(f"{note.name}.new")
    try:
        with new.open("w", encoding="utf-8") as file:
            file.write(mark.as_text())
            file.flush()
            os.fsync(file.fileno())
        new.replace(note)
    except OSError as error:
        raise StoreError(f"{note} cannot be written ({error.strerror}): check the disk and its rights") from error
