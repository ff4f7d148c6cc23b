"""The baseline of the benchmarks with what comes to mind first against restarts: jobs and balances in a table.

Job and charge are one transaction, what fails is refunded in another, a task whose name is stored is never made again,
and whatever is open goes on when the bot is back. What it lacks is doubt: it cannot know whether the call that it died
in took effect, so it makes it again. Pictures are not kept; the members of `chaos.naive.kills` send none.
"""

from __future__ import annotations

import asyncio
import io
import sqlite3
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import discord

from benchmarks.baseline import Bot, ProviderError, main
from benchmarks.terms import PRICE

_TABLES = """
    CREATE TABLE IF NOT EXISTS jobs (
        id INTEGER PRIMARY KEY, member INTEGER NOT NULL, channel INTEGER NOT NULL, prompt TEXT NOT NULL,
        duration INTEGER NOT NULL, price INTEGER NOT NULL, task TEXT, state TEXT NOT NULL DEFAULT 'open'
    );
    CREATE TABLE IF NOT EXISTS balances (member INTEGER PRIMARY KEY, credits INTEGER NOT NULL);
"""
_BALANCE = "INSERT OR REPLACE INTO balances VALUES (?, ?)"


@dataclass(frozen=True, slots=True)
class Job:
    """A row of what is open."""

    id: int
    member: int
    channel: int
    prompt: str
    duration: int
    price: int
    task: str | None = None


class ResumingBot(Bot):
    """Everything it knows is in a file."""

    def __init__(self, environ: dict[str, str]) -> None:
        super().__init__(environ)
        folder = Path(environ["DATA_DIR"])
        folder.mkdir(parents=True, exist_ok=True)
        self._rows = sqlite3.connect(folder / "naive.db", isolation_level=None)
        self._rows.executescript(_TABLES)
        self.balances.update(self._rows.execute("SELECT member, credits FROM balances"))

    async def setup_hook(self) -> None:
        await super().setup_hook()
        open_jobs = "SELECT id, member, channel, prompt, duration, price, task FROM jobs WHERE state = 'open'"
        for row in self._rows.execute(open_jobs).fetchall():
            self._begin(Job(*row), None)

    async def order(
        self, interaction: discord.Interaction, prompt: str, image: discord.Attachment | None, duration: int
    ) -> None:
        """Answer, write job and charge, and start the job's task."""
        await interaction.response.defer(thinking=True)
        member, price = interaction.user.id, PRICE * duration // 5
        if self.balances[member] < price:
            await interaction.edit_original_response(content=f"That costs {price} credits; you do not have enough.")
            return
        job = Job(interaction.id, member, interaction.channel_id or 0, prompt, duration, price)
        self.balances[member] -= price
        self._write(
            (_BALANCE, (member, self.balances[member])),
            (
                "INSERT INTO jobs (id, member, channel, prompt, duration, price) VALUES (?, ?, ?, ?, ?, ?)",
                (job.id, member, job.channel, prompt, duration, price),
            ),
        )
        await interaction.edit_original_response(content="Your video is being made.")
        self._begin(job, image)

    def _begin(self, job: Job, image: discord.Attachment | None) -> None:
        working = asyncio.create_task(self._work(job, image))
        self.jobs.add(working)
        working.add_done_callback(self.jobs.discard)

    async def _work(self, job: Job, image: discord.Attachment | None) -> None:
        """One job, from where the file says that it is."""
        channel = self.get_partial_messageable(job.channel)
        try:
            task = job.task
            if task is None:
                task = await self._create(job.prompt, image, job.duration)
                self._write(("UPDATE jobs SET task = ? WHERE id = ?", (task, job.id)))
            content = await self._download(await self._wait(task))
            file = discord.File(io.BytesIO(content), "video.mp4")
            await channel.send(f"<@{job.member}> Your video is ready.", file=file)
            self._write(("UPDATE jobs SET state = 'done' WHERE id = ?", (job.id,)))
        except (ProviderError, aiohttp.ClientError, TimeoutError, discord.HTTPException) as error:
            self.balances[job.member] += job.price
            self._write(
                (_BALANCE, (job.member, self.balances[job.member])),
                ("UPDATE jobs SET state = 'refunded' WHERE id = ?", (job.id,)),
            )
            await channel.send(f"<@{job.member}> That did not work: {error}")

    def _write(self, *statements: tuple[str, tuple[object, ...]]) -> None:
        """One transaction, on the loop: a millisecond, and nobody comes in between."""
        self._rows.execute("BEGIN")
        for statement, values in statements:
            self._rows.execute(statement, values)
        self._rows.execute("COMMIT")


if __name__ == "__main__":
    main(ResumingBot)
