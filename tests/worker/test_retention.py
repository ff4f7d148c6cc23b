"""Old files go, needed ones stay."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.services.queue import Queue
from bot.worker.needs import Folders
from bot.worker.retention import PICTURES_KEPT, VIDEOS_KEPT, Retention

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


class StoppedClock:
    def now(self) -> datetime:
        return NOW


class NeededFiles(Queue):
    def __init__(self, *names: str) -> None:
        self._names = set(names)

    async def files_in_use(self) -> set[str]:
        return self._names


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    made = Folders(inputs=tmp_path / "inputs", results=tmp_path / "results")
    made.inputs.mkdir()
    made.results.mkdir()
    return made


def lay(folder: Path, name: str, age: timedelta) -> Path:
    path = folder / name
    path.write_bytes(b"x")
    at = (NOW - age).timestamp()
    os.utime(path, (at, at))
    return path


async def test_old_files_that_no_job_needs_are_removed(folders: Folders) -> None:
    old_picture = lay(folders.inputs, "old.png", PICTURES_KEPT + timedelta(hours=1))
    old_video = lay(folders.results, "1.mp4", VIDEOS_KEPT + timedelta(hours=1))
    new_picture = lay(folders.inputs, "new.png", PICTURES_KEPT - timedelta(hours=1))
    new_video = lay(folders.results, "2.mp4", VIDEOS_KEPT - timedelta(hours=1))

    removed = await Retention(queue=NeededFiles(), clock=StoppedClock(), folders=folders).sweep()

    assert removed == 2
    assert [path.exists() for path in (old_picture, old_video, new_picture, new_video)] == [False, False, True, True]


async def test_file_that_a_job_needs_stays_however_old(folders: Folders) -> None:
    needed = lay(folders.inputs, "needed.png", timedelta(days=100))

    removed = await Retention(queue=NeededFiles("needed.png"), clock=StoppedClock(), folders=folders).sweep()

    assert removed == 0
    assert needed.exists()
