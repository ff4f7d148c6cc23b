"""One process per SQLite file: two would each believe that nobody else works on its jobs."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from bot.errors import StoreError


@contextlib.contextmanager
def owned(database: Path | None) -> Iterator[None]:
    """Hold the file beside *database* that says it is ours; None (no file to own) is always free.

    The lock is the kernel's and ends with the process, however that dies: nothing stale is ever in the way.
    """
    if database is None:
        yield
        return
    path = database.with_name(database.name + ".owner")
    try:
        lock = path.open("a+", encoding="utf-8")
    except OSError as error:
        raise StoreError(f"{path.parent} cannot be written ({error.strerror}): check its rights") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            lock.seek(0)
            owner = lock.read().strip() or "another process"
            raise StoreError(
                f"{database} is in use by {owner}. Stop that one first, or set another DATA_DIR."
            ) from error
        lock.seek(0)
        lock.truncate()
        lock.write(f"process {os.getpid()}, started {datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC")
        lock.flush()
        yield
