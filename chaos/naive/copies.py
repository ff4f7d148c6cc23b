"""Backups as one would otherwise take them: the database's files copied as they lie there, while the bot writes.

It is quick, needs nothing of the bot, and each copy lands beside no other file. What it lacks is a moment: SQLite keeps
the last commits in the log beside the file (`-wal`), so the file alone is from the past, and the file and then its log
are two moments when the log was emptied into the file in between.
"""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from random import Random

import sqlalchemy as sa

from bot.errors import StoreError
from bot.store import integrity
from chaos import backups
from chaos.progress import Report, unheard


class Manner(Enum):
    """What is copied, as endings of the database's name in the order in which the files are read."""

    FILE = ("",)
    WITH_LOG = ("", "-wal")


@dataclass(slots=True)
class Tally:
    """What came of it."""

    manner: Manner
    copies: int = 0
    broken: int = 0
    unusable: list[str] = field(default_factory=list)  # what was said of copies that nobody could work with
    lost: list[int] = field(default_factory=list)  # how many jobs each of the others lacks that were accepted before

    def line(self) -> str:
        what = "the file alone" if self.manner is Manner.FILE else "the file and its log"
        lost = [jobs for jobs in self.lost if jobs > 0]
        lacking = f", {len(lost)} lack up to {max(lost)} accepted jobs" if lost else ""
        unusable = f", {len(self.unusable)} unusable ({self.unusable[0]})" if self.unusable else ""
        return f"plain copies of {what} under load: {self.copies}{lacking}{unusable}, broken: {self.broken}"


async def run(count: int, folder: Path, seed: int = 1, report: Report = unheard) -> Sequence[Tally]:
    """*count* copies of each manner below the traffic that our backups get, each examined as ours are."""
    tallies, random = [Tally(manner) for manner in Manner], Random(seed)
    async with backups.working(folder, backups.Tally(), seed) as traffic:
        for number in range(1, count + 1):
            for tally in tallies:
                place = folder / f"{tally.manner.name}-{number}"
                place.mkdir()
                accepted = traffic.accepted
                copy = await _take(folder / backups.NAME, place, tally.manner)
                await asyncio.to_thread(judge, copy, accepted, tally)
                await asyncio.to_thread(shutil.rmtree, place)
            report(len(Manner) * number, 0)
            # Ours take a second each; so many commits lie between these, too, and the log is emptied now and then.
            await asyncio.sleep(random.uniform(0, 1))
    return tallies


async def _take(source: Path, place: Path, manner: Manner) -> Path:
    """By another process: closing the file in this one would take the locks from the bot's own connections."""
    files = [source.with_name(source.name + ending) for ending in manner.value]
    copying = await asyncio.create_subprocess_exec("cp", *(str(file) for file in files if file.exists()), str(place))
    if await copying.wait() != 0:
        raise OSError(f"cp could not copy {source} to {place}")
    return place / source.name


def judge(copy: Path, accepted: int, tally: Tally) -> None:
    """Open it as it is and ask what a restore asks, and whether what was accepted before is there. That a copy has to
    be recognised as one from the past, as ours are, is not asked: nobody has marked it."""
    tally.copies += 1
    jobs = None
    try:
        jobs = _jobs_in(copy)
    except (StoreError, sa.exc.DatabaseError) as error:
        tally.unusable.append(str(getattr(error, "orig", error)))
    if jobs is not None:
        tally.lost.append(accepted - jobs)
    tally.broken += jobs is None or jobs < accepted


def _jobs_in(copy: Path) -> int:
    engine = sa.create_engine(
        "sqlite://", creator=lambda: sqlite3.connect(copy, isolation_level=None), poolclass=sa.NullPool
    )
    with engine.connect() as connection:
        return sum(integrity.examine(connection).counts.values())
