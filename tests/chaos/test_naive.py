"""The naive versions do their work while nothing happens, and their judgement sees what breaks and nothing else."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from chaos.naive import checks, copies, money
from chaos.naive.checks import Broken, Command
from chaos.naive.kills import Kind, NaiveProcess
from sandbox.discord_server import DiscordServer
from sandbox.kie_server import Call, KieServer, Scenario, Slow
from sandbox.person import Person

PATIENCE = 60.0


class Evening:
    """A naive bot, its world and its members."""

    def __init__(self, discord: DiscordServer, kie: KieServer, folder: Path) -> None:
        self.discord = discord
        self.kie = kie
        self._folder = folder
        self._guild = discord.add_guild("Film Club")
        self._channel = discord.add_channel(self._guild, "videos")
        self._bots: list[NaiveProcess] = []

    async def bot(self, kind: Kind) -> NaiveProcess:
        bot = NaiveProcess(kind, self.discord, self.kie, self._folder)
        self._bots.append(bot)
        await bot.start()
        return bot

    async def end(self) -> None:
        for bot in self._bots:
            await bot.stop()

    async def order(self, name: str) -> Command:
        person = Person.joins(self.discord, self._guild, name, self._channel)
        prompt = f"a red fox for {name}"
        return Command(prompt=prompt, person=person, handle=await person.types("/video", prompt=prompt))

    async def broken(self, *commands: Command) -> list[set[Broken]]:
        return [set(kinds) for kinds in await checks.broken(commands, self.discord, self.kie)]


@pytest.fixture
async def evening(tmp_path: Path) -> AsyncIterator[Evening]:
    # The local servers complain about clients that hang up, which is what happens here.
    logging.disable(logging.CRITICAL)
    async with DiscordServer() as discord, KieServer(seconds=0.1) as kie:
        it = Evening(discord, kie, tmp_path)
        yield it
        await it.end()
    logging.disable(logging.NOTSET)


async def test_a_kill_takes_from_the_bot_with_everything_in_memory_what_is_on_its_way_and_what_was_paid(
    evening: Evening,
) -> None:
    bot = await evening.bot(Kind.AS_IT_STANDS)
    ada = await evening.order("Ada")
    await ada.person.waits_for_video(PATIENCE)
    assert await evening.broken(ada) == [set()]

    evening.kie.scenarios.next(Scenario(seconds=1000))
    ben = await evening.order("Ben")
    await ben.handle.until(lambda shown: "being made" in shown.text(), PATIENCE)
    await bot.kill()
    await bot.start()

    assert checks.ended([ada, ben], evening.discord) == 1
    assert await evening.broken(ada, ben) == [{Broken.FREE}, {Broken.LOST}]


async def test_the_resuming_bot_carries_on_after_a_kill_and_pays_twice_for_an_answer_that_it_did_not_hear(
    evening: Evening,
) -> None:
    bot = await evening.bot(Kind.RESUMING)
    evening.kie.faults.add(Call.CREATE, Slow(1000), containing='"prompt"')
    ada = await evening.order("Ada")
    async with asyncio.timeout(PATIENCE):
        while not evening.kie.tasks:
            await asyncio.sleep(0.01)
    await bot.kill()
    evening.kie.faults.clear()
    await bot.start()
    await ada.person.waits_for_video(PATIENCE)

    assert await evening.broken(ada) == [{Broken.MADE_TWICE}]


async def test_a_balance_that_is_read_and_then_written_pays_for_too_much(tmp_path: Path) -> None:
    [tally] = await money.run_all([5], tmp_path, commands=60)

    assert (tally.runs, tally.broken) == (1, 1)
    assert tally.accepted > tally.allowed
    assert tally.failed == 0


async def test_commands_one_after_the_other_are_paid_for_by_a_naive_balance_as_well(tmp_path: Path) -> None:
    tally = money.Tally("SQLite")

    await money.run(f"sqlite+aiosqlite:///{tmp_path / 'one.db'}", 5, tally, commands=1)

    assert (tally.broken, tally.accepted, tally.failed) == (tally.allowed != 1, 1, 0)


async def test_plain_copies_are_judged_by_what_was_accepted_before_them(tmp_path: Path) -> None:
    file, with_log = await copies.run(2, tmp_path)

    assert (file.copies, with_log.copies) == (2, 2)
    assert file.broken == sum(1 for jobs in file.lost if jobs > 0) + len(file.unusable)
