"""What a crash leaves: all that outlives the processes at one touch, kept so that other runs can go on from it."""

from __future__ import annotations

import os
from collections.abc import Hashable
from dataclasses import dataclass
from pathlib import Path

from chaos.simulation.disk import Backup, Disk


@dataclass(frozen=True, slots=True)
class Moment:
    """The whole world without its processes."""

    state: Hashable  # two moments with the same state are one and the same
    seconds: float  # of simulated time
    written: int  # how much had been written to the database until then
    rows: Backup
    is_full: bool  # the disk
    files: tuple[tuple[str, bytes], ...]
    outside: bytes  # provider, Discord, members and judge, pickled
    heard: tuple[str, ...]  # what the worker had logged of steps that broke
    troubles: tuple[str, ...]  # and what nobody had caught


@dataclass(frozen=True, slots=True)
class Machine:
    """What the processes run on; it is wiped for each run and outlives all of them."""

    disk: Disk
    folder: Path

    def wipe(self) -> None:
        self.disk.wipe()
        self._empty()

    def listing(self) -> Hashable:
        """Enough to see whether another file has come, or has grown."""
        return tuple(sorted((entry.name, entry.stat().st_size) for entry in os.scandir(self.folder)))

    def files(self) -> tuple[tuple[str, bytes], ...]:
        return tuple((path.name, path.read_bytes()) for path in self.folder.iterdir())

    def put(self, moment: Moment) -> None:
        """Make it as it was at *moment*."""
        self.disk.put(moment.rows)
        self._empty()
        self.disk.is_full = moment.is_full
        for name, content in moment.files:
            (self.folder / name).write_bytes(content)

    def _empty(self) -> None:
        for left in self.folder.iterdir():
            left.unlink()
