"""The bot as a process on storage that fails it: a database from the past, and one that cannot be written."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import aiohttp
import pytest

from bot.domain.jobs import JobState
from sandbox.discord_server import DiscordServer
from sandbox.kie_server import Call, KieServer, Scenario, Slow
from tests.e2e.clock import SkippingClock
from tests.e2e.stage import FOX, OF_MEMBERS
from tests.e2e.test_process import LONG, REPOSITORY, Theatre


@pytest.fixture
async def theatre(tmp_path: Path, migrated_file: Path) -> AsyncIterator[Theatre]:
    (tmp_path / "data").mkdir()
    shutil.copyfile(migrated_file, tmp_path / "data" / "cutscene.db")
    clock = SkippingClock()
    async with DiscordServer() as discord, KieServer(clock=clock.timestamp, seconds=0.1) as kie:
        theatre = Theatre(discord, kie, clock, tmp_path)
        yield theatre
        assert await theatre.bot.stop() in (0, -signal.SIGKILL)


async def host_types(theatre: Theatre, *arguments: str) -> str:
    """A command of the host beside the bot, with the same settings."""
    ended = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "bot", *arguments],
        cwd=theatre.folder,
        env={
            **os.environ,
            "PYTHONPATH": str(REPOSITORY),
            "DISCORD_TOKEN": "no.such.token",
            "KIE_API_KEY": "no-such-key",
            "DATA_DIR": str(theatre.folder / "data"),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return str(ended.stdout)


def creates(theatre: Theatre) -> int:
    return len([each for each in theatre.kie.requests if each.call is Call.CREATE and OF_MEMBERS in each.body])


async def test_a_backup_from_before_the_delivery_posts_no_second_video(theatre: Theatre) -> None:
    theatre.kie.scenarios.next(Scenario(seconds=LONG))
    await theatre.bot.start()
    await theatre.ada.types("/video", prompt=FOX)
    await theatre.until(lambda: theatre.state() == JobState.RUNNING, "a running job")
    await host_types(theatre, "backup", "copy.db")
    theatre.clock.advance(seconds=LONG)
    await theatre.ends_well()
    await theatre.bot.stop()
    # Discord forgets nonces after some minutes.
    theatre.discord.advance(minutes=30)

    said = await host_types(theatre, "restore", "copy.db")
    assert theatre.state() == JobState.RUNNING
    await theatre.bot.start()

    await theatre.ends_well()
    assert "at the next start: 1 running: the provider is asked" in said
    assert "database_from_the_past" in theatre.bot.log.read_text()


async def test_a_job_that_was_queued_in_the_backup_is_not_submitted_again(theatre: Theatre) -> None:
    theatre.kie.scenarios.next(Scenario(seconds=LONG))
    await theatre.bot.start()
    await theatre.ada.types("/video", prompt=FOX)
    await theatre.until(lambda: theatre.state() == JobState.RUNNING, "a running job")
    await theatre.bot.kill()
    await host_types(theatre, "backup", "copy.db")
    with closing(sqlite3.connect(theatre.folder / "copy.db")) as copy, copy:
        # As it stood there a second before.
        copy.execute("UPDATE jobs SET state = 'queued', task_id = NULL, submitted_at = NULL")

    await host_types(theatre, "restore", "copy.db")
    await theatre.bot.start()
    await theatre.until(lambda: theatre.state() == JobState.UNKNOWN, "a job that nobody sends again")
    # The task of the lost time ends, and its callback finds the job.
    theatre.clock.advance(seconds=LONG)

    await theatre.ends_well()
    assert creates(theatre) == 1


async def test_a_job_that_was_being_submitted_in_the_backup_is_not_submitted_again(theatre: Theatre) -> None:
    theatre.kie.faults.add(Call.CREATE, Slow(60), containing=OF_MEMBERS)
    theatre.kie.scenarios.next(Scenario(seconds=LONG))
    await theatre.bot.start()
    await theatre.ada.types("/video", prompt=FOX)
    await theatre.until(lambda: theatre.kie.tasks, "a task")
    await host_types(theatre, "backup", "copy.db")
    await theatre.bot.kill()

    await host_types(theatre, "restore", "copy.db")
    await theatre.bot.start()
    theatre.clock.advance(seconds=LONG)

    await theatre.ends_well()
    assert creates(theatre) == 1


async def test_a_database_that_another_program_holds_refuses_jobs_and_takes_them_again(theatre: Theatre) -> None:
    await theatre.bot.start()

    async def health() -> tuple[int, str]:
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"http://127.0.0.1:{theatre.bot.port}/healthz") as answer,
        ):
            return answer.status, await answer.text()

    async def until_health_is(status: int) -> str:
        async with asyncio.timeout(60):
            while (found := await health())[0] != status:
                await asyncio.sleep(0.1)
        return found[1]

    with closing(sqlite3.connect(theatre.database, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        reason = await until_health_is(503)
        refused = await theatre.ada.types("/video", prompt=FOX)
        await theatre.until(lambda: "Nothing was charged" in refused.text(), "a polite refusal")
        other.execute("ROLLBACK")
    await until_health_is(200)
    await theatre.ada.types("/video", prompt=FOX)

    await theatre.ends_well()
    assert "storage: the database is locked by another program" in reason
    log = theatre.bot.log.read_text()
    assert (log.count("storage_trouble"), log.count("storage_recovered")) == (1, 1)
