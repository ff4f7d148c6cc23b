"""Four processes on one server take each other's turn: no limit of a guild is passed between them."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator

import pytest

from bot.domain.credits import AccountKind
from bot.store.database import Database
from tests.conftest import NO_SERVER
from tests.services.desk import Desk

if NO_SERVER is not None:
    pytest.skip(NO_SERVER, allow_module_level=True)

PROCESSES, COMMANDS, PRICE = 4, 125, 100


@pytest.fixture
async def desk(postgresql_url: str) -> AsyncIterator[Desk]:
    database = Database.connect(postgresql_url)
    yield Desk(database)
    await database.close()


async def crowd(url: str) -> list[int]:
    """How many each process got through."""
    processes = [
        await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "tests.services.crowd", url, str(10_000 * number), str(COMMANDS), str(PRICE)),
            stdout=asyncio.subprocess.PIPE,
        )
        for number in range(1, PROCESSES + 1)
    ]
    outputs = await asyncio.gather(*(process.communicate() for process in processes))
    assert [process.returncode for process in processes] == [0] * PROCESSES
    return [int(output) for output, _ in outputs]


async def test_five_hundred_commands_of_one_member_in_four_processes_pass_five(desk: Desk, postgresql_url: str) -> None:
    await desk.decide(allowance=5 * PRICE)

    passed = await crowd(postgresql_url)

    assert sum(passed) == 5
    assert (await desk.totals())[AccountKind.HELD] == 5 * PRICE
    assert await desk.differences() == []


async def test_a_cap_of_the_guild_holds_between_processes(desk: Desk, postgresql_url: str) -> None:
    await desk.decide(allowance=100 * PRICE, guild_jobs=7)

    passed = await crowd(postgresql_url)

    assert sum(passed) == 7
    assert await desk.differences() == []
