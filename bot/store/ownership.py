"""One process per SQLite file: two would each believe that nobody else works on its jobs."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bot.errors import StoreError, StoreTrouble

_NOTE = re.compile(r"process \d+ on \S+, started (?P<start>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) UTC")


@contextlib.contextmanager
def owned(database: Path | None) -> Iterator[None]:
    """Hold the file beside *database* that says it is ours; None (no file to own) is always free.

    The lock is the kernel's and ends with the process, however that dies: nothing stale is ever in the way.
    """
    if database is None:
        yield
        return
    # Two names of one file (a link, a folder above that is one) are one database.
    real = database.resolve()
    path = real.with_name(real.name + ".owner")
    try:
        lock = path.open("a+", encoding="utf-8")
    except OSError as error:
        raise StoreError(f"{path.parent} cannot be written ({error.strerror}): check its rights") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            lock.seek(0)
            owner = _with_age(lock.read().strip(), datetime.now(UTC))
            raise StoreError(
                f"{database} is in use by {owner}. Stop that one first, or set another DATA_DIR.", StoreTrouble.LOCKED
            ) from error
        except OSError as error:
            # Some network file systems know no locks; two bots there would not see each other.
            raise StoreError(f"{path.parent} cannot lock files ({error.strerror}): use a local disk") from error
        _sign(lock.fileno())
        yield


def _sign(lock: int) -> None:
    """Say whose it is now. The lock holds without the note, so a full disk is not in the way of a start."""
    note = f"process {os.getpid()} on {socket.gethostname()}, started {datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC"
    with contextlib.suppress(OSError):
        os.truncate(lock, 0)
        os.write(lock, note.encode())


def _with_age(note: str, now: datetime) -> str:
    found = _NOTE.fullmatch(note)
    if found is None:
        return "another process"
    age = now - datetime.strptime(found["start"], "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
    return f"{note} ({_spoken(age)} ago)"


def _spoken(age: timedelta) -> str:
    """The age in its largest whole unit; a clock that went back makes it zero."""
    seconds = max(0, int(age.total_seconds()))
    for unit, length in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        if seconds >= length:
            count = seconds // length
            return f"{count} {unit}{'' if count == 1 else 's'}"
    return f"{seconds} second{'' if seconds == 1 else 's'}"
