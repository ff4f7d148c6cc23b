"""Copies of an SQLite database, taken while it is in use, and put in its place again.

Whatever is made here is complete and checked before it gets its name, and nothing that exists is overwritten unasked.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import shutil
import sqlite3
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import sqlalchemy as sa

from bot.errors import StoreError, StoreTrouble
from bot.store import epochs
from bot.store.database import BUSY_TIMEOUT, trouble_of
from bot.store.integrity import Findings, examine

# Copied at once, and the rest between two such steps, so that a backup leaves the disk to the bot most of the time.
PAGES_PER_STEP = 256  # a megabyte
REST = 0.002  # seconds

# A copy that was not written to for so long is nobody's any more. Processes of another container have numbers of their
# own, so these say nothing about who is still alive.
LONGEST_COPY = timedelta(hours=1)
_PART = re.compile(r"cutscene.*\.db\.part-\d+(-journal|-wal|-shm)?")

# What SQLite keeps beside a database that is in use.
COMPANIONS = ("-wal", "-shm")


@dataclass(frozen=True, slots=True, kw_only=True)
class Copied:
    """A backup that was made, or a database that was put back."""

    path: Path
    size: int
    findings: Findings
    aside: Path | None = None  # where the database that was there before is kept


def stamp(now: datetime) -> str:
    """A moment as part of a file's name: sorted by name is sorted by time."""
    return f"{now:%Y%m%dT%H%M%SZ}"


def back_up(database: Path, target: Path, now: datetime, *, is_forced: bool = False) -> Copied:
    """Write a checked copy of *database*, which may be in use, to *target*.

    Raises StoreError, leaving nothing behind, when that is not possible or *target* exists and may not be replaced.
    """
    if not database.is_file():
        raise StoreError(f"there is no database at {database}")
    if target.exists() and not is_forced:
        raise StoreError(f"{target} exists: name another file, or add --force to replace it")
    if target.exists() and target.samefile(database):
        raise StoreError(f"{target} is the database itself: name another file")
    with _new_file_beside(target) as part:
        _copy(database, part, mode="rw")
        findings = _sealed(part, now)
        size = part.stat().st_size
        _place(part, target, is_forced=is_forced)
    return Copied(path=target, size=size, findings=findings)


def restore(backup: Path, database: Path, now: datetime) -> Copied:
    """Put a checked copy of *backup* in the place of *database*, which nobody may be using, and keep that aside.

    Raises StoreError, having changed nothing, when the backup is no good. A crash at any moment leaves either the old
    database in its place or the new one.
    """
    if not backup.is_file():
        raise StoreError(f"there is no backup at {backup}")
    if database.exists() and backup.samefile(database):
        raise StoreError(f"{backup} is the database itself: name a backup")
    with _new_file_beside(database) as part:
        _copy(backup, part, mode="ro")
        findings = _sealed(part, now)
        size = part.stat().st_size
        aside = _keep(database, now) if database.exists() else None
        _place(part, database, is_forced=True)
    return Copied(path=database, size=size, findings=findings, aside=aside)


@contextlib.contextmanager
def _new_file_beside(target: Path) -> Iterator[Path]:
    """An empty file of ours in the folder of *target*, gone at the end unless it got another name. Errors are clear."""
    part = target.with_name(f"{target.name}.part-{os.getpid()}")
    try:
        _remove_leftovers(target.parent)
        try:
            # It holds what members wrote: nobody else on the machine needs to read it.
            os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
            yield part
        finally:
            _remove_companions(part)
            for name in (part.name, f"{part.name}-journal"):
                part.with_name(name).unlink(missing_ok=True)
    except sqlite3.Error as error:
        raise trouble_of(error) or StoreError(f"SQLite says: {error}") from error
    except OSError as error:
        trouble = StoreTrouble.FULL if error.errno in {errno.ENOSPC, errno.EDQUOT} else StoreTrouble.OTHER
        raise StoreError(f"{target.parent} cannot be written ({error.strerror})", trouble) from error


def _remove_leftovers(folder: Path) -> None:
    """Remove what copies have left that were killed: as large as the database, and nobody else would ever miss them."""
    for path in folder.iterdir():
        if _PART.fullmatch(path.name) is None:
            continue
        # Another one may be clearing up at the same moment.
        with contextlib.suppress(FileNotFoundError):
            if time.time() - path.stat().st_mtime > LONGEST_COPY.total_seconds():
                path.unlink()


def _copy(source: Path, part: Path, mode: str) -> None:
    """Copy one state of *source*, however much is written to it meanwhile."""
    address = f"{source.absolute().as_uri()}?mode={mode}"
    with (
        contextlib.closing(
            sqlite3.connect(address, uri=True, isolation_level=None, timeout=BUSY_TIMEOUT.total_seconds())
        ) as reading,
        contextlib.closing(sqlite3.connect(part, isolation_level=None)) as writing,
    ):
        # Without a read transaction of its own the copy would begin again with each commit of the bot, and under load
        # never end. With it, it sees one state, and in WAL mode no reader is in a writer's way.
        reading.execute("BEGIN")
        reading.execute("SELECT count(*) FROM sqlite_master").fetchone()
        _check_room(reading, part.parent)
        # Its own `sleep` only counts for a database that is locked.
        reading.backup(writing, pages=PAGES_PER_STEP, progress=lambda *_: time.sleep(REST))
        reading.execute("ROLLBACK")


def _check_room(reading: sqlite3.Connection, folder: Path) -> None:
    pages = reading.execute("PRAGMA page_count").fetchone()[0]
    needed = pages * reading.execute("PRAGMA page_size").fetchone()[0]
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise StoreError(
            f"{folder} has {free / 2**20:.0f} MiB left and the copy needs {needed / 2**20:.0f} MiB", StoreTrouble.FULL
        )


def _sealed(part: Path, now: datetime) -> Findings:
    """Make one whole file of the copy, mark it as a copy, and examine it."""
    engine = sa.create_engine(
        "sqlite://", creator=lambda: sqlite3.connect(part, isolation_level=None), poolclass=sa.NullPool
    )
    with engine.connect() as connection:
        # A copy says that it belongs with a -wal file; one that travels alone must not.
        connection.exec_driver_sql("PRAGMA journal_mode = DELETE").close()
        findings = examine(connection)
        if findings.is_audited:
            epochs.mark_as_copy(connection, now)
    descriptor = os.open(part, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    return findings


def _keep(database: Path, now: datetime) -> Path:
    """Give the present database a second name, with all that belongs to it."""
    aside = database.with_name(f"{database.name}.before-restore-{stamp(now)}")
    if aside.exists():
        raise StoreError(f"{aside} exists already: move it away first")
    for companion in ("", *COMPANIONS):
        present = database.with_name(database.name + companion)
        if present.exists():
            _link(present, aside.with_name(aside.name + companion))
    with contextlib.suppress(sqlite3.Error), contextlib.closing(sqlite3.connect(database, timeout=0)) as connection:
        # What stands in the -wal file belongs into the database: should we die before the backup is in place, the bot
        # finds all of it there. Not before the second names: SQLite removes a log that it cannot read.
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    _sync_folder(database.parent)
    return aside


def _remove_companions(database: Path) -> None:
    for companion in COMPANIONS:
        database.with_name(database.name + companion).unlink(missing_ok=True)


def _place(part: Path, target: Path, *, is_forced: bool) -> None:
    if is_forced:
        # The new pages and another database's -wal file would make a damaged database together.
        _remove_companions(target)
        part.replace(target)
    else:
        try:
            _link(part, target)
        except FileExistsError as error:
            raise StoreError(f"{target} exists: name another file, or add --force to replace it") from error
        part.unlink()
    _sync_folder(target.parent)


def _link(source: Path, target: Path) -> None:
    """Give *source* a second name. Unlike a rename this never replaces what is there."""
    try:
        target.hardlink_to(source)
    except FileExistsError:
        raise
    except OSError:
        # Not every file system knows second names.
        with source.open("rb") as reading, target.open("xb") as writing:
            shutil.copyfileobj(reading, writing)
            writing.flush()
            os.fsync(writing.fileno())


def _sync_folder(folder: Path) -> None:
    """A new name is only as durable as the folder that holds it."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
