"""The naive versions do their work while nothing happens, and their judgement sees what breaks and nothing else."""

from __future__ import annotations

import asyncio
import logging
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import create_async_engine

from chaos.naive import checks, copies, money
from chaos.naive.checks import Broken, Command
from chaos.naive.kills import Kind, NaiveProcess
from chaos.naive.money import Answer
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
    engine = create_async_engine(f"sqlite+aiosqlite:///{tmp_path / 'one.db'}")
    async with engine.begin() as connection:
        await connection.run_sync(money.balances.metadata.create_all)
        await connection.execute(sa.insert(money.balances).values(member=1, credits=25))

    answers = [await money.order(engine, 1, interaction, 10) for interaction in (1, 1, 2, 3)]
    async with engine.connect() as connection:
        left = (await connection.execute(sa.select(money.balances.c.credits))).scalar_one()
    await engine.dispose()

    assert answers == [Answer.ACCEPTED, Answer.KNOWN, Answer.ACCEPTED, Answer.TOO_DEAR]
    assert left == 5


async def test_plain_copies_are_taken_of_a_bot_that_works(tmp_path: Path) -> None:
    file, with_log = await copies.run(2, tmp_path)

    assert (file.copies, with_log.copies) == (2, 2)
    # Each was judged, whatever came of it.
    assert len(file.lost) + len(file.unusable) == len(with_log.lost) + len(with_log.unusable) == 2


def test_plain_copy_is_judged_by_what_was_accepted_before_it(tmp_path: Path, migrated_file: Path) -> None:
    tally = copies.Tally(copies.Manner.FILE)
    copy = tmp_path / "copy.db"
    shutil.copyfile(migrated_file, copy)
    damaged = tmp_path / "damaged.db"
    damaged.write_bytes(migrated_file.read_bytes()[:5000])

    copies.judge(copy, 0, tally)
    assert (tally.broken, tally.lost) == (0, [0])
    copies.judge(copy, 3, tally)
    assert (tally.broken, tally.lost) == (1, [0, 3])
    copies.judge(damaged, 0, tally)
    assert (tally.broken, tally.lost, len(tally.unusable)) == (2, [0, 3], 1)
    assert "1 lack up to 3 accepted jobs" in tally.line()
