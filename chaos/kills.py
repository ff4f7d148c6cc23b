"""The real process killed with SIGKILL again and again while members ask for videos: `python -m chaos kills`."""

from __future__ import annotations

import argparse
import asyncio
import itertools
import logging
import shutil
import sqlite3
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from random import Random

from bot.domain.ids import GuildId
from bot.domain.jobs import JobState
from bot.domain.policies import GuildPolicy
from bot.store import policies, schema
from bot.store.database import Connection, Database
from chaos import kill_checks
from chaos.kill_checks import Command
from chaos.kill_moments import Killer, Moment
from chaos.progress import Progress, Report, unheard
from sandbox.bot_process import START_TIMEOUT, BotDiedError, BotProcess, Connections
from sandbox.discord_server import DiscordServer
from sandbox.kie_server import KieServer, Limits
from sandbox.person import Person

KILLS = 1_000
A_SEASON = 50  # kills of one bot on one folder
MEMBERS = 6
IN_FLIGHT = 8
RICH = 10**9
RENDERING = (0.3, 1.0)  # seconds that the provider takes for a video
START_PATIENCE = 120.0  # seconds: a machine that is short of processor time is no reason to stop
PATIENCE = 90.0  # seconds until all jobs have ended once nobody kills any more
SLEEP = timedelta(days=1)  # longer than any grace for a lost answer

_OPEN = ", ".join(f"'{state}'" for state in JobState if state not in kill_checks.ENDED)


@dataclass(slots=True)
class Tally:
    """What came of it, told while it grows."""

    report: Report = unheard
    kills: int = 0
    moments: Counter[Moment] = field(default_factory=Counter)
    commands: int = 0
    jobs: int = 0
    delivered: int = 0
    slow: int = 0  # starts that took longer than one may otherwise
    seconds: float = 0.0
    violations: list[str] = field(default_factory=list)

    def line(self) -> str:
        rate = self.kills / self.seconds * 60 if self.seconds else 0.0
        return (
            f"kill -9 of the real process: {self.kills} kills ({rate:.0f} per minute), {self.commands} commands, "
            f"{self.jobs} jobs, {self.delivered} delivered, {self.slow} slow starts, "
            f"violations: {len(self.violations)}"
        )


class Season:
    """One bot on one folder, its world, and the members who keep it busy."""

    def __init__(self, discord: DiscordServer, kie: KieServer, bot: BotProcess, random: Random, tally: Tally) -> None:
        self.discord = discord
        self.kie = kie
        self.bot = bot
        self.commands: list[Command] = []
        self._random = random
        self._tally = tally
        self._killer = Killer(discord, kie, bot, random)
        guild = discord.add_guild("Film Club")
        channel = discord.add_channel(guild, "videos")
        self.guild = GuildId(guild.id)
        self._members = [Person.joins(discord, guild, f"Member {n}", channel) for n in range(MEMBERS)]

    @property
    def file(self) -> Path:
        return self.bot.folder / "data" / "cutscene.db"

    async def play(self, kills: int) -> None:
        """*kills* kills below traffic, then peace until every job has ended, then the judgement."""
        traffic = asyncio.create_task(self._traffic())
        try:
            await self._start()
            for _ in range(kills):
                moment = await self._killer.kill()
                self._tally.kills += 1
                self._tally.moments[moment] += 1
                self._note(await kill_checks.unbalanced(self.file), f"after a kill {moment.value}")
                self._tally.report(self._tally.kills, len(self._tally.violations))
                await self._start()
        finally:
            traffic.cancel()
            for ended in await asyncio.gather(traffic, return_exceptions=True):
                if not isinstance(ended, asyncio.CancelledError):
                    self._note([f"the traffic ended by itself: {ended!r}"])
        await self._killer.close()
        await self._peace()
        await self._judge()

    async def _traffic(self) -> None:
        """Members ask as long as few jobs are under way; one command in ten arrives twice."""
        for number in itertools.count(1):
            while not self.discord.gateway.connected or self._open_jobs() >= IN_FLIGHT:
                await asyncio.sleep(0.02)
            prompt = f"a red fox, take {number}"
            handle = await self._random.choice(self._members).types("/video", prompt=prompt)
            self.commands.append(Command(prompt=prompt, handle=handle))
            if self._random.random() < 0.1:
                self.discord.redeliver(handle.interaction)
            await asyncio.sleep(self._random.uniform(0.05, 0.4))

    async def _peace(self) -> None:
        """Nobody is killed any more. What waits for the answer of a dead process gets the time that it waits for."""
        await self._until_few_wait(JobState.UNKNOWN)
        await self.bot.kill()
        with closing(sqlite3.connect(self.file)) as connection, connection:
            connection.execute(
                "UPDATE jobs SET submitted_at = submitted_at - ?, due_at = due_at - ? WHERE state = ?",
                (*2 * (SLEEP // timedelta(microseconds=1),), JobState.UNKNOWN),
            )
        await self._start()
        await self._until_few_wait(None)

    async def _start(self) -> None:
        began = time.monotonic()
        await self.bot.start()
        self._tally.slow += time.monotonic() - began > START_TIMEOUT

    async def _until_few_wait(self, excused: JobState | None) -> None:
        try:
            async with asyncio.timeout(PATIENCE):
                while self._open_jobs(excused):
                    await asyncio.sleep(0.05)
        except TimeoutError:
            self._note([f"{self._open_jobs(excused)} jobs have not ended after {PATIENCE:g} s"])

    async def _judge(self) -> None:
        is_balanced, words = await self.bot.examine_ledger()
        if not is_balanced:
            self._note([f"the doctor says: {words}"])
        if (code := await self.bot.stop()) != 0:
            self._note([f"SIGTERM ended the bot with code {code}"])
        self._note(await kill_checks.violations(self.file, self.commands, self.discord, self.kie))
        with closing(sqlite3.connect(self.file)) as connection:
            states = Counter(str(state) for [state] in connection.execute("SELECT state FROM jobs"))
        self._tally.commands += len(self.commands)
        self._tally.jobs += states.total()
        self._tally.delivered += states[JobState.DELIVERED]

    def _note(self, wrong: Sequence[str], when: str = "at the end") -> None:
        self._tally.violations += [f"{self.bot.folder.name}, {when}: {line}" for line in wrong]

    def _open_jobs(self, excused: JobState | None = None) -> int:
        """How many jobs have not ended, read from the file beside the process."""
        with closing(sqlite3.connect(f"file:{self.file}?mode=ro", uri=True)) as connection:
            [found] = connection.execute(
                f"SELECT count(*) FROM jobs WHERE state IN ({_OPEN}) AND state <> ?",  # noqa: S608 - our own states
                (excused or "",),
            ).fetchone()
        return int(found)


async def _template(folder: Path) -> Path:
    """A database with the schema and nothing else; migrations of one process cannot run side by side."""
    path = folder / "template.db"
    database = Database.connect(f"sqlite+aiosqlite:///{path}")
    try:
        await schema.migrate(database)
    finally:
        await database.close()
    return path


async def _prepare(season: Season, template: Path) -> None:
    """The schema, and members who can afford everything."""
    season.file.parent.mkdir(parents=True)
    shutil.copyfile(template, season.file)
    database = Database.connect(f"sqlite+aiosqlite:///{season.file}")
    try:
        await database.write(_make_rich, season.guild)
    finally:
        await database.close()


def _make_rich(connection: Connection, guild: GuildId) -> None:
    policies.save(connection, GuildPolicy(guild_id=guild, allowance=RICH))


@asynccontextmanager
async def _season(
    folder: Path, template: Path, seed: int, tally: Tally, *, has_callbacks: bool
) -> AsyncIterator[Season]:
    random = Random(seed)
    # The provider's limits are for a day's traffic; here a second holds an hour of it.
    limits = Limits(creates=None, records=None)
    async with (
        DiscordServer() as discord,
        KieServer(seconds=random.uniform(*RENDERING), balance=RICH, limits=limits) as kie,
    ):
        extra = {} if has_callbacks else {"PUBLIC_URL": ""}
        bot = BotProcess(Connections.to(discord, kie), folder, extra, START_PATIENCE)
        season = Season(discord, kie, bot, random, tally)
        await _prepare(season, template)
        try:
            yield season
        finally:
            await bot.stop()


async def run(kills: int, folder: Path, seed: int = 1, report: Report = unheard) -> Tally:
    """*kills* kills, half of them of bots that are called back. Two bots at a time, each in a world of its own."""
    tally = Tally(report)
    template = await _template(folder)
    began = time.monotonic()
    sizes = _sizes(kills)
    for number in range(0, len(sizes), 2):
        async with asyncio.TaskGroup() as group:
            for each in (number, number + 1):
                if each < len(sizes):
                    play = _play(folder, template, seed + each, sizes[each], tally, has_callbacks=each % 2 == 0)
                    group.create_task(play)
    tally.seconds = time.monotonic() - began
    return tally


async def _play(folder: Path, template: Path, seed: int, kills: int, tally: Tally, *, has_callbacks: bool) -> None:
    name = f"seed {seed} {'with' if has_callbacks else 'without'} callbacks"
    try:
        async with _season(folder / name, template, seed, tally, has_callbacks=has_callbacks) as season:
            await season.play(kills)
    except BotDiedError as error:
        tally.violations.append(f"{name}: {error}")


def _sizes(kills: int) -> list[int]:
    """How the kills are shared out: an even number of seasons, none longer than `A_SEASON`."""
    seasons = 2 * max(1, -(-kills // (2 * A_SEASON)))
    return [kills // seasons + (number < kills % seasons) for number in range(seasons)]


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m chaos kills", description=__doc__)
    parser.add_argument("--count", type=int, default=KILLS)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="a new folder for the bots' files and logs, kept afterwards")
    options = parser.parse_args(arguments)
    # The local servers complain about clients that hang up, which is all that happens here.
    logging.disable(logging.CRITICAL)
    if options.keep is not None:
        options.keep.mkdir(parents=True)
    with tempfile.TemporaryDirectory(prefix="cutscene-kills-") as temporary, suppress(KeyboardInterrupt):
        report = Progress("kills", options.count)
        tally = asyncio.run(run(options.count, options.keep or Path(temporary), options.seed, report))
        print(*tally.violations, sep="\n", end="\n" if tally.violations else "")
        for moment in Moment:
            print(f"  killed {tally.moments[moment]:4} times {moment.value}")
        print(tally.line())
        return 1 if tally.violations or tally.kills != options.count else 0
    return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
