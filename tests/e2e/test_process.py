"""The bot as a process: killed at the worst moments, told to stop, started twice, and started wrongly."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import sqlite3
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from bot.domain.jobs import JobState
from bot.store import audit
from bot.store.database import Database
from sandbox.bot_process import BotDiedError, BotProcess, Connections
from sandbox.discord_server import DiscordServer, Fault, text_of, videos_of
from sandbox.kie_server import Call, KieServer, Scenario, Slow
from sandbox.person import Person
from tests.e2e.clock import SkippingClock
from tests.e2e.stage import FOX, OF_MEMBERS, PATIENCE

POST = r"/channels/\d+/messages$"
# Seconds of the provider's time; longer than any start of a process takes.
LONG = 10_000
REPOSITORY = Path(__file__).parents[2]


class Theatre:
    """The world around one bot process."""

    def __init__(self, discord: DiscordServer, kie: KieServer, clock: SkippingClock, folder: Path) -> None:
        self.discord = discord
        self.kie = kie
        self.clock = clock  # of the provider; the process has its own, which nobody moves
        self.folder = folder
        self.guild = discord.add_guild("Film Club")
        self.channel = discord.add_channel(self.guild, "videos")
        self.ada = Person.joins(discord, self.guild, "Ada", self.channel)
        self.bot = self.process()

    def process(self, **extra: str) -> BotProcess:
        connections = Connections.to(self.discord, self.kie)
        return BotProcess(connections, self.folder, extra)

    @property
    def database(self) -> Path:
        return self.folder / "data" / "cutscene.db"

    async def until(self, is_so: object, wanted: str) -> None:
        """Another process tells nobody what it does, so the world is looked at again and again."""
        assert callable(is_so)
        try:
            async with asyncio.timeout(PATIENCE):
                while not is_so():
                    await asyncio.sleep(0.02)
        except TimeoutError as error:
            raise TimeoutError(f"waited for {wanted} in vain; the bot's log ends:\n{self.bot.log_tail()}") from error

    def state(self) -> str | None:
        """The first job's state, read from the file beside the running process."""
        connection = sqlite3.connect(f"file:{self.database}?mode=ro", uri=True)
        try:
            row = connection.execute("SELECT state FROM jobs WHERE id = 1").fetchone()
        finally:
            connection.close()
        return None if row is None else str(row[0])

    async def ends_well(self) -> None:
        """One task, one video, balanced books."""
        await self.until(lambda: self.state() == JobState.DELIVERED, "the end of the job")
        posted = [message for message in self.ada.messages() if videos_of(message)]
        assert len(posted) == 1
        assert posted[0].mentions == [self.ada.user]
        assert len(self.kie.tasks) == 1
        creates = [each for each in self.kie.requests if each.call is Call.CREATE and OF_MEMBERS in each.body]
        assert len(creates) == 1
        database = Database.connect(f"sqlite+aiosqlite:///{self.database}")
        try:
            assert await database.read(audit.differences) == []
        finally:
            await database.close()


@pytest.fixture
async def theatre(tmp_path: Path, migrated_file: Path) -> AsyncIterator[Theatre]:
    (tmp_path / "data").mkdir()
    shutil.copyfile(migrated_file, tmp_path / "data" / "cutscene.db")
    clock = SkippingClock()
    async with DiscordServer() as discord, KieServer(clock=clock.timestamp, seconds=0.1) as kie:
        theatre = Theatre(discord, kie, clock, tmp_path)
        yield theatre
        assert await theatre.bot.stop() in (0, -signal.SIGKILL)


async def test_killed_while_the_video_is_rendered(theatre: Theatre) -> None:
    theatre.kie.scenarios.next(Scenario(seconds=LONG))
    await theatre.bot.start()
    await theatre.ada.types("/video", prompt=FOX)
    await theatre.until(lambda: theatre.state() == JobState.RUNNING, "a running job")

    await theatre.bot.kill()
    await theatre.bot.start()
    theatre.clock.advance(seconds=LONG)

    await theatre.ends_well()


async def test_killed_between_the_create_call_and_its_answer(theatre: Theatre) -> None:
    # The task exists and nobody has heard its name: only the callback can bring the job back.
    theatre.kie.faults.add(Call.CREATE, Slow(60), containing=OF_MEMBERS)
    theatre.kie.scenarios.next(Scenario(seconds=LONG))
    await theatre.bot.start()
    await theatre.ada.types("/video", prompt=FOX)
    await theatre.until(lambda: theatre.kie.tasks, "a task")

    await theatre.bot.kill()
    assert theatre.state() == JobState.SUBMITTING
    await theatre.bot.start()
    theatre.clock.advance(seconds=LONG)

    await theatre.ends_well()


async def test_killed_while_the_video_is_fetched(theatre: Theatre) -> None:
    theatre.kie.faults.add(Call.RESULT, Slow(60))
    await theatre.bot.start()
    await theatre.ada.types("/video", prompt=FOX)
    await theatre.until(lambda: theatre.kie.counts[Call.RESULT], "a download")

    await theatre.bot.kill()
    await theatre.bot.start()

    await theatre.ends_well()
    assert list((theatre.folder / "data" / "results").iterdir()) == []


@pytest.mark.parametrize("minutes", [0, 10], ids=["nonce known", "nonce forgotten"])
async def test_killed_right_after_the_post_and_before_it_is_written_down(minutes: float, theatre: Theatre) -> None:
    hold = asyncio.Event()
    held = theatre.discord.faults.add(Fault(method="POST", path=POST, status=None, hold=hold))
    await theatre.bot.start()
    await theatre.ada.types("/video", prompt=FOX)
    await theatre.until(lambda: held.hits, "the post")
    # The process stands still while the message appears, and never hears of it.
    os.kill(theatre.bot.pid, signal.SIGSTOP)
    hold.set()
    await theatre.ada.waits_for_video()
    await theatre.bot.kill()
    assert theatre.state() == JobState.DELIVERING
    theatre.discord.advance(minutes=minutes)

    await theatre.bot.start()

    await theatre.ends_well()


async def test_sigterm_ends_in_good_order_and_the_next_start_carries_on(theatre: Theatre) -> None:
    theatre.kie.scenarios.next(Scenario(seconds=LONG))
    await theatre.bot.start()
    await theatre.ada.types("/video", prompt=FOX)
    await theatre.until(lambda: theatre.state() == JobState.RUNNING, "a running job")
    before = time.monotonic()

    code = await theatre.bot.stop()

    assert code == 0
    assert time.monotonic() - before < 5
    assert "stopped" in theatre.bot.log_tail()
    assert "Traceback" not in theatre.bot.log.read_text()
    await theatre.bot.start()
    theatre.clock.advance(seconds=LONG)
    await theatre.ends_well()


async def test_sigterm_waits_for_a_post_that_is_on_its_way(theatre: Theatre) -> None:
    hold = asyncio.Event()
    held = theatre.discord.faults.add(Fault(method="POST", path=POST, status=None, hold=hold))
    await theatre.bot.start()
    await theatre.ada.types("/video", prompt=FOX)
    await theatre.until(lambda: held.hits, "the post")

    os.kill(theatre.bot.pid, signal.SIGTERM)
    await theatre.until(lambda: "stopping" in theatre.bot.log_tail(), "the bot to stop")
    hold.set()

    assert await theatre.bot.stop() == 0
    await theatre.ends_well()


async def test_sigterm_does_not_wait_for_ever(theatre: Theatre) -> None:
    hold = asyncio.Event()
    held = theatre.discord.faults.add(Fault(method="POST", path=POST, status=None, hold=hold))
    await theatre.bot.start()
    await theatre.ada.types("/video", prompt=FOX)
    await theatre.until(lambda: held.hits, "the post")
    before = time.monotonic()

    code = await theatre.bot.stop()

    assert code == 0
    assert time.monotonic() - before < 30  # of which ten seconds are for what is on its way
    assert theatre.state() == JobState.DELIVERING
    hold.set()


async def test_second_process_on_the_same_folder_is_refused_in_a_line(theatre: Theatre) -> None:
    await theatre.bot.start()
    second = theatre.process()
    second.log = theatre.folder / "second.log"

    with pytest.raises(BotDiedError, match="ended with code 74"):
        await second.start()

    [line] = second.log.read_text().splitlines()
    assert f"is in use by process {theatre.bot.pid}" in line
    assert "another DATA_DIR" in line
    await second.stop()
    await theatre.ada.types("/video", prompt=FOX)
    await theatre.ends_well()


async def test_health_is_told_while_it_serves(theatre: Theatre) -> None:
    await theatre.bot.start()
    async with aiohttp.ClientSession() as session:
        for path in ("healthz", "readyz", "metrics"):
            async with session.get(f"http://127.0.0.1:{theatre.bot.port}/{path}") as answer:
                assert answer.status == 200
        theatre.discord.gateway.is_down = True
        theatre.discord.gateway.drop_connections()
        async with asyncio.timeout(PATIENCE):
            while True:
                async with session.get(f"http://127.0.0.1:{theatre.bot.port}/readyz") as answer:
                    if answer.status == 503:
                        assert "gateway" in await answer.text()
                        break
                await asyncio.sleep(0.02)


def working(theatre: Theatre) -> dict[str, str]:
    return {
        "DISCORD_TOKEN": theatre.discord.token,
        "DISCORD_API_URL": theatre.discord.api_url,
        "DISCORD_GATEWAY_URL": theatre.discord.gateway_url,
        "KIE_API_KEY": theatre.kie.api_key,
        "DATA_DIR": str(theatre.folder / "data"),
        "HTTP_PORT": "0",
    }


async def ended(folder: Path, environ: dict[str, str]) -> tuple[int | None, list[str]]:
    """Run the bot until it ends by itself; its code and what it says."""
    inherited = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bot",
        cwd=folder,
        env={**inherited, "PYTHONPATH": str(REPOSITORY), "LOG_LEVEL": "ERROR", **environ},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(PATIENCE):
        output, _ = await process.communicate()
    return process.returncode, output.decode().splitlines()


async def test_settings_that_are_wrong_are_all_named_at_once(tmp_path: Path) -> None:
    wrong = {"HTTP_PORT": "many", "BUDGET_DAILY_USD": "-1", "KIE_API_KEE": "typo"}

    code, lines = await ended(tmp_path, wrong)

    assert code == 78
    named = {line.partition(":")[0] for line in lines}
    assert named >= {"DISCORD_TOKEN", "KIE_API_KEY", "HTTP_PORT", "BUDGET_DAILY_USD"}
    assert len(lines) == len(named)
    assert "Traceback" not in "\n".join(lines)


async def test_token_that_discord_refuses_is_one_line(theatre: Theatre) -> None:
    code, lines = await ended(theatre.folder, {**working(theatre), "DISCORD_TOKEN": "stale.token.of.mine"})

    assert code == 78
    [line] = lines
    assert line.startswith("DISCORD_TOKEN: Discord refuses it")
    assert "stale.token" not in line


async def test_address_that_is_not_discord_is_one_line(theatre: Theatre) -> None:
    wrong = theatre.kie.api_url + "/api/v10"

    code, lines = await ended(theatre.folder, {**working(theatre), "DISCORD_API_URL": wrong})

    assert code == 78
    [line] = lines
    assert line.startswith("DISCORD_API_URL")


async def test_log_of_a_whole_life_is_json_lines_for_programs(theatre: Theatre) -> None:
    theatre.bot = theatre.process(LOG_FORMAT="json", LOG_LEVEL="DEBUG")
    await theatre.bot.start()
    await theatre.ada.types("/video", prompt=FOX)
    posted = await theatre.ada.waits_for_video()
    await theatre.ends_well()
    await theatre.bot.stop()

    events = [json.loads(line) for line in theatre.bot.log.read_text().splitlines()]
    assert {"http_listening", "worker_started", "stopping", "stopped"} <= {event["event"] for event in events}
    assert "Seedance 2 Fast" in text_of(posted)
