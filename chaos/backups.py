"""Backups taken beside a bot that works, each put back and audited: `python -m chaos backups`."""

from __future__ import annotations

import argparse
import asyncio
import itertools
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import TypeVar

from bot.catalogue import loader
from bot.domain.ids import ChannelId, GuildId, InteractionId, MessageId, TaskId, UserId
from bot.domain.jobs import FailureReason, Job, JobState, Move, Place, Result, StoredVideo
from bot.domain.models import Mode
from bot.domain.policies import GuildPolicy
from bot.domain.videos import VideoRequest
from bot.errors import StoreError
from bot.ports import SystemClock
from bot.services.availability import Availability, ProviderGate
from bot.services.generation import Generation
from bot.services.host_limits import Budget
from bot.services.lifecycle import Lifecycle
from bot.store import audit, backups, epochs, jobs, ledger, policies, schema
from bot.store.database import Connection, Database
from chaos.progress import Progress, Report, unheard

T = TypeVar("T")

REPOSITORY = Path(__file__).parents[1]
GUILD = GuildId(1)
MEMBERS = 8
RICH = 10**9
BACKUPS = 100
NAME = "cutscene.db"

FAILED = Move(to=JobState.FAILED, failure=FailureReason.UPSTREAM)
# What a job may do next, and how likely it is to end early: every end has its own bookings.
PATHS: tuple[tuple[JobState, ...], ...] = (
    (JobState.CANCELLED,),
    (JobState.SUBMITTING, JobState.FAILED),
    (JobState.SUBMITTING, JobState.UNKNOWN, JobState.FAILED),
    (JobState.SUBMITTING, JobState.RUNNING, JobState.FAILED),
    (JobState.SUBMITTING, JobState.RUNNING, JobState.FETCHING, JobState.DELIVERING, JobState.PARKED),
    (JobState.SUBMITTING, JobState.RUNNING, JobState.FETCHING, JobState.DELIVERING, JobState.DELIVERED),
    (JobState.SUBMITTING, JobState.UNKNOWN, JobState.RUNNING, JobState.FETCHING, JobState.DELIVERING),
)


@dataclass(slots=True)
class Tally:
    """What came of it."""

    backups: int = 0
    transactions: int = 0
    accepted: int = 0  # jobs
    jobs: list[int] = field(default_factory=list)  # in each backup, in the order in which they were taken
    slowest_write: float = 0.0  # seconds, while backups were taken
    violations: list[str] = field(default_factory=list)

    def line(self) -> str:
        return (
            f"backups under load: {self.backups} taken and put back, {self.transactions} transactions beside them, "
            f"slowest {self.slowest_write * 1000:.0f} ms, violations: {len(self.violations)}"
        )


class Traffic:
    """Members who ask for videos without a pause, and the moves that a worker would make."""

    def __init__(self, database: Database, tally: Tally, random: Random) -> None:
        clock, markup = SystemClock(), Decimal(1)
        self._database = database
        self._tally = tally
        self._random = random
        self._interactions = itertools.count(1)
        self._lifecycle = Lifecycle(database, clock, markup)
        availability = Availability(loader.load().catalogue)
        self._generation = Generation(
            database=database,
            clock=clock,
            availability=availability,
            gate=ProviderGate(),
            lifecycle=self._lifecycle,
            budget=Budget(),
            markup=markup,
        )
        model = availability.default(Mode.TEXT)
        assert model is not None
        self._video = self._generation.check(VideoRequest(prompt="a red fox in the snow", model=model.id))

    @asynccontextmanager
    async def flowing(self) -> AsyncIterator[None]:
        """Traffic for as long as the block runs. One transaction after the other is as much as SQLite takes."""
        await self._database.write(_make_rich)
        members = [asyncio.create_task(self._be(UserId(number))) for number in range(1, MEMBERS + 1)]
        try:
            yield
        finally:
            for member in members:
                member.cancel()
            for ended in await asyncio.gather(*members, return_exceptions=True):
                if not isinstance(ended, asyncio.CancelledError):
                    self._tally.violations.append(f"the traffic ended by itself: {ended!r}")

    async def _be(self, member: UserId) -> None:
        while True:
            if self._random.random() < 0.2:
                await self._timed(self._database.write(_grant, member))
            accepted = await self._timed(self._generation.request(member, self._place(), self._video))
            self._tally.accepted += 1
            job = accepted.job
            for state in self._random.choice(PATHS):
                job = await self._timed(self._lifecycle.apply(job, self._move(job, state)))

    async def _timed(self, write: Coroutine[object, object, T]) -> T:
        began = time.perf_counter()
        try:
            return await write
        finally:
            self._tally.transactions += 1
            self._tally.slowest_write = max(self._tally.slowest_write, time.perf_counter() - began)

    def _place(self) -> Place:
        return Place(
            guild_id=GUILD,
            channel_id=ChannelId(1),
            application_id=1,
            interaction_id=InteractionId(next(self._interactions)),
            interaction_token="token",
            upload_limit=10_000_000,
            locale="en-US",
            guild_locale="en-US",
        )

    def _move(self, job: Job, state: JobState) -> Move:
        match state:
            case JobState.FAILED:
                return FAILED
            case JobState.RUNNING:
                return Move(to=state, task_id=TaskId(f"task-{job.id}"))
            case JobState.FETCHING:
                cost = self._random.uniform(0.5, 1.0) * job.video.price
                return Move(to=state, result=Result(url="https://files.test/1.mp4", credits=cost))
            case JobState.DELIVERING:
                return Move(to=state, stored=StoredVideo(name=f"{job.id}.mp4", size=8_000_000))
            case JobState.DELIVERED:
                return Move(to=state, after=None, message_id=MessageId(int(job.id)))
            case _:
                return Move(to=state)


async def run(count: int, folder: Path, seed: int = 1, report: Report = unheard) -> Tally:
    """Take *count* backups in processes of their own below the traffic of this one, and put each back."""
    tally = Tally()
    accepted: list[int] = []  # before each of them
    async with working(folder, tally, seed):
        for number in range(1, count + 1):
            accepted.append(tally.accepted)
            await _take(folder, folder / f"{number}.backup", tally)
            report(number, len(tally.violations))
    for number, jobs_before in enumerate(accepted, 1):
        target = folder / f"{number}.backup"
        if target.exists():
            await _put_back(target, folder / f"{number}.db", jobs_before, tally)
            target.unlink()
    if not tally.violations and tally.jobs != sorted(tally.jobs):
        tally.violations.append("a later backup knows fewer jobs than an earlier one")
    return tally


@asynccontextmanager
async def working(folder: Path, tally: Tally, seed: int) -> AsyncIterator[Tally]:
    """A bot's database in *folder* with traffic on it for as long as the block runs, and the count of that."""
    await _prepare(folder)
    database = Database.connect(f"sqlite+aiosqlite:///{folder / NAME}")
    try:
        async with Traffic(database, tally, Random(seed)).flowing():
            yield tally
    finally:
        await database.close()


async def _prepare(folder: Path) -> None:
    """A database that has been closed, as after any restart: nothing stands in the log beside the file alone."""
    database = Database.connect(f"sqlite+aiosqlite:///{folder / NAME}")
    try:
        await schema.migrate(database)
        await epochs.Epoch(database, folder).open(datetime.now(UTC))
    finally:
        await database.close()


async def _take(folder: Path, target: Path, tally: Tally) -> None:
    """As a host does it: `python -m bot backup TO`."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot", "backup", str(target)),
        cwd=REPOSITORY,
        env={**os.environ, "DISCORD_TOKEN": "no.such.token", "KIE_API_KEY": "no-such-key", "DATA_DIR": str(folder)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    if process.returncode != 0:
        tally.violations.append(f"{target.name}: {said.decode().strip().splitlines()[-1:]}")
        return
    tally.backups += 1


async def _put_back(backup: Path, place: Path, jobs_before: int, tally: Tally) -> None:
    try:
        await asyncio.to_thread(backups.restore, backup, place, datetime.now(UTC))
    except StoreError as error:
        tally.violations.append(f"{backup.name}: {error}")
        return
    database = Database.connect(f"sqlite+aiosqlite:///{place}")
    try:
        opened = await epochs.Epoch(database, place.parent).open(datetime.now(UTC))
        wrong = await database.read(audit.differences)
        counts = await database.read(jobs.counts)
    finally:
        await database.close()
    await asyncio.to_thread(place.unlink)
    tally.violations += [f"{backup.name}: {line}" for line in wrong]
    if opened.origin is None:
        tally.violations.append(f"{backup.name}: put back, and not recognised as from the past")
    if counts.get(JobState.QUEUED, 0) + counts.get(JobState.SUBMITTING, 0):
        tally.violations.append(f"{backup.name}: jobs of the past would be submitted again")
    tally.jobs.append(sum(counts.values()))
    if tally.jobs[-1] < jobs_before:
        tally.violations.append(f"{backup.name}: {tally.jobs[-1]} jobs, and {jobs_before} were accepted before it")


def _make_rich(connection: Connection) -> None:
    policies.save(connection, GuildPolicy(guild_id=GUILD, allowance=RICH))


def _grant(connection: Connection, member: UserId) -> None:
    now = datetime.now(UTC)
    ledger.grant(connection, GUILD, member, member, 50, "chaos", now, is_pool_limited=False)


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m chaos backups", description=__doc__)
    parser.add_argument("--count", type=int, default=BACKUPS)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="cutscene-backups-") as folder, suppress(KeyboardInterrupt):
        report = Progress("backups", options.count)
        tally = asyncio.run(run(options.count, Path(folder), options.seed, report))
        for violation in tally.violations:
            print(violation)
        print(tally.line())
        return 1 if tally.violations or tally.backups != options.count else 0
    return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
