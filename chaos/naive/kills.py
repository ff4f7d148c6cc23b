"""A naive bot's real process killed as ours is, at the same moments below the same traffic."""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from random import Random

import aiohttp

from chaos.kill_moments import Killer
from chaos.kills import IN_FLIGHT, RENDERING, RICH, START_PATIENCE
from chaos.naive import checks
from chaos.naive.checks import Broken, Command
from chaos.progress import Report, unheard
from sandbox.bot_process import BotDiedError, BotProcess, Connections
from sandbox.discord_server import DiscordServer
from sandbox.kie_server import KieServer, Limits
from sandbox.person import Person

KILLS = 50
# Its ten seconds are for videos that take minutes. Here they take less than one, and it shall have a chance.
POLL_SECONDS = 0.5
# When nothing has moved for so long, nothing will.
STILL = 5.0


class Kind(Enum):
    """The two naive bots, as what Python is to run."""

    AS_IT_STANDS = ("benchmarks.baseline",)  # the one of the benchmarks: everything in memory
    RESUMING = ("chaos.naive.resuming",)  # the same with a table


@dataclass(slots=True)
class Tally:
    """What came of it."""

    kind: Kind
    kills: int = 0
    commands: int = 0
    broken: int = 0  # commands to whose member at least one promise was broken
    kinds: Counter[Broken] = field(default_factory=Counter)
    trouble: list[str] = field(default_factory=list)  # why it ended early

    def line(self) -> str:
        kinds = ", ".join(f"{kind.value} {count}" for kind, count in self.kinds.items())
        return (
            f"kill -9 of a naive bot ({self.kind.value[0]}): {self.kills} kills, {self.commands} commands, "
            f"of which broken: {self.broken} ({kinds or 'nothing'})" + "".join(f"\n  {line}" for line in self.trouble)
        )


class NaiveProcess(BotProcess):
    """One process of it. It says nothing about itself; Discord knows whether it is there."""

    def __init__(self, kind: Kind, discord: DiscordServer, kie: KieServer, folder: Path) -> None:
        extra = {"POLL_SECONDS": str(POLL_SECONDS)}
        super().__init__(Connections.to(discord, kie), folder, extra, START_PATIENCE)
        self.module = kind.value
        self._discord = discord

    async def kill(self) -> None:
        await super().kill()
        # Or the next one would be taken for serving before it is there.
        await self._discord.gateway.wait_disconnected()

    async def serves(self, session: aiohttp.ClientSession) -> bool:
        return bool(self._discord.gateway.connected)


class Season:
    """One bot on one folder, its world, and the members who keep it busy."""

    def __init__(self, discord: DiscordServer, kie: KieServer, bot: BotProcess, random: Random) -> None:
        self._discord = discord
        self._kie = kie
        self._bot = bot
        self._random = random
        self._killer = Killer(discord, kie, bot, random)
        self._guild = discord.add_guild("Film Club")
        self._channel = discord.add_channel(self._guild, "videos")
        self._commands: list[Command] = []
        self._life = 0  # the first command that the present process has got

    async def play(self, kills: int, tally: Tally, report: Report) -> None:
        """*kills* kills below traffic, then peace until nothing moves any more, then the judgement."""
        traffic = asyncio.create_task(self._traffic())
        try:
            await self._bot.start()
            for _ in range(kills):
                await self._killer.kill()
                tally.kills += 1
                report(tally.kills, 0)
                self._life = len(self._commands)
                await self._bot.start()
        finally:
            traffic.cancel()
            for ended in await asyncio.gather(traffic, return_exceptions=True):
                if not isinstance(ended, asyncio.CancelledError):
                    tally.trouble.append(f"the traffic ended by itself: {ended!r}")
        await self._killer.close()
        await self._until_still()
        found = await checks.broken(self._commands, self._discord, self._kie)
        tally.commands += len(found)
        tally.broken += sum(1 for kinds in found if kinds)
        tally.kinds.update(kind for kinds in found for kind in kinds)

    async def _traffic(self) -> None:
        """As much as ours gets. What a dead process had in hand does not count as on its way: it may never end."""
        for number in itertools.count(1):
            while not self._discord.gateway.connected or self._on_their_way() >= IN_FLIGHT:
                await asyncio.sleep(0.05)
            prompt = f"a red fox, take {number}"
            person = Person.joins(self._discord, self._guild, f"Member {number}", self._channel)
            handle = await person.types("/video", prompt=prompt)
            self._commands.append(Command(prompt=prompt, person=person, handle=handle))
            if self._random.random() < 0.1:
                self._discord.redeliver(handle.interaction)
            await asyncio.sleep(self._random.uniform(0.05, 0.4))

    def _on_their_way(self) -> int:
        present = self._commands[self._life :]
        return len(present) - checks.ended(present, self._discord)

    async def _until_still(self) -> None:
        seen, waited = self._signs(), 0.0
        while waited < STILL:
            await asyncio.sleep(0.5)
            waited = waited + 0.5 if self._signs() == seen else 0.0
            seen = self._signs()

    def _signs(self) -> tuple[int, int]:
        """Questions to the provider, and messages."""
        return self._kie.counts.total(), len(self._channel.messages)


async def run(kind: Kind, kills: int, folder: Path, seed: int = 1, report: Report = unheard) -> Tally:
    """*kills* kills of one bot on *folder*."""
    tally, random = Tally(kind), Random(seed)
    limits = Limits(creates=None, records=None)
    async with (
        DiscordServer() as discord,
        KieServer(seconds=random.uniform(*RENDERING), balance=RICH, limits=limits) as kie,
    ):
        bot = NaiveProcess(kind, discord, kie, folder)
        try:
            await Season(discord, kie, bot, random).play(kills, tally, report)
        except (BotDiedError, TimeoutError) as error:
            tally.trouble.append(str(error))
        finally:
            await bot.stop()
    return tally


async def run_all(kills: int, folder: Path, seed: int = 1, report: Report = unheard) -> Sequence[Tally]:
    """Both naive bots, one beside the other, each in a world of its own."""
    done = dict.fromkeys(Kind, 0)

    async def play(kind: Kind) -> Tally:
        def heard(kills: int, _violations: int) -> None:
            done[kind] = kills
            report(sum(done.values()), 0)

        return await run(kind, kills, folder / kind.name, seed, heard)

    return await asyncio.gather(*(play(kind) for kind in Kind))
