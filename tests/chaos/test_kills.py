"""Twenty kills of the real process lose nothing and double nothing, and the judgement sees what is lost or doubled."""

from __future__ import annotations

import logging
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from chaos import kill_checks, kills
from chaos.kill_checks import Command
from sandbox.bot_process import BotProcess, Connections
from sandbox.discord_server import DiscordServer, Message, videos_of
from sandbox.kie_server import KieServer
from sandbox.person import Person

FOX = "a red fox"


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """The local servers complain about clients that hang up, which is what happens here."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


async def test_twenty_kills_lose_nothing_and_double_nothing_and_slow_starts_are_only_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # No start is quick enough then.
    monkeypatch.setattr(kills, "START_TIMEOUT", 0.0)

    tally = await kills.run(20, tmp_path, seed=7)

    assert tally.violations == []
    assert tally.kills == 20
    assert tally.delivered > 0
    # The first start of two bots, one after each kill, and one after the day that passes for each at the end.
    assert tally.slow == 2 + 20 + 2


@dataclass(frozen=True)
class Evening:
    """A bot that has delivered one video and is gone."""

    discord: DiscordServer
    kie: KieServer
    file: Path
    commands: list[Command]
    video: Message

    async def violations(self) -> list[str]:
        return await kill_checks.violations(self.file, self.commands, self.discord, self.kie)

    def change(self, statement: str) -> None:
        with closing(sqlite3.connect(self.file)) as connection, connection:
            connection.execute(statement)


async def test_judgement_sees_what_is_lost_and_what_is_doubled(tmp_path: Path, migrated_file: Path) -> None:
    async with DiscordServer() as discord, KieServer(seconds=0.1) as kie:
        guild = discord.add_guild("Film Club")
        channel = discord.add_channel(guild, "videos")
        ada = Person.joins(discord, guild, "Ada", channel)
        bot = BotProcess(Connections.to(discord, kie), tmp_path)
        file = tmp_path / "data" / "cutscene.db"
        file.parent.mkdir()
        shutil.copyfile(migrated_file, file)
        await bot.start()
        handle = await ada.types("/video", prompt=FOX)
        video = await ada.waits_for_video()
        await handle.until(lambda shown: str(video.id) in shown.text())
        assert await bot.stop() == 0
        evening = Evening(discord, kie, file, [Command(prompt=FOX, handle=handle)], video)
        assert await evening.violations() == []

        # A second post of the same video.
        again = await ada.says("")
        again.author, again.attachments = discord.bot, list(videos_of(video))
        assert "job 1 (delivered): 2 videos were posted" in await evening.violations()
        del channel.messages[again.id]

        # A second task for the same prompt.
        [task] = kie.tasks
        kie._production.tasks["another"] = task
        assert "job 1 (delivered): 2 tasks at the provider" in await evening.violations()
        del kie._production.tasks["another"]

        # Money back for a video that was made.
        evening.change("UPDATE entries SET kind = 'refund' WHERE kind = 'settle'")
        assert "job 1 (delivered): has its video and its credits back" in await evening.violations()
        evening.change("UPDATE entries SET kind = 'settle' WHERE kind = 'refund'")

        # An account that holds what no line has brought.
        evening.change("UPDATE accounts SET balance = balance + 1 WHERE kind = 'spent'")
        assert any("holds" in line for line in await evening.violations())
        assert await kill_checks.unbalanced(file) != []
        evening.change("UPDATE accounts SET balance = balance - 1 WHERE kind = 'spent'")

        # A job that stands still for ever, and one whose row is gone.
        evening.change("UPDATE jobs SET state = 'running'")
        assert "job 1 (running): has not ended" in await evening.violations()
        evening.change("UPDATE jobs SET state = 'delivered', interaction_id = 1")
        told = "\n".join(await evening.violations())
        assert "there is no job" in told
        assert "job 1: 1 jobs of interaction 1" in told
