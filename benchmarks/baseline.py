"""What one would otherwise write: a `/video` bot with a task per job, a fixed poll, files in memory, a dict of credits.

It is meant to be good at that: it answers first, never blocks the loop, keeps its sessions open, refunds what fails and
posts a message with the file. It speaks to the same addresses by the same settings as the product.
"""

from __future__ import annotations

import asyncio
import io
import json
import logging
import os
from collections import defaultdict
from typing import Any

import aiohttp
import discord
import yarl
from discord import app_commands
from discord.gateway import DiscordWebSocket

from benchmarks.terms import CREDITS, POLL_SECONDS, POLLS, PRICE

TEXT_MODEL = "kling/v3-turbo-text-to-video"
IMAGE_MODEL = "kling/v3-turbo-image-to-video"


class ProviderError(Exception):
    """The provider said no, in words that a member may read."""


class Bot(discord.Client):
    """Everything it knows is in memory."""

    def __init__(self, environ: dict[str, str]) -> None:
        super().__init__(intents=discord.Intents.default())
        self.tree = app_commands.CommandTree(self)
        self.balances: dict[int, int] = defaultdict(lambda: CREDITS)
        self.jobs: set[asyncio.Task[None]] = set()
        self._api_url = environ["KIE_API_URL"]
        self._upload_url = environ["KIE_UPLOAD_URL"]
        self._poll_seconds = float(environ.get("POLL_SECONDS", POLL_SECONDS))
        self._headers = {"Authorization": f"Bearer {environ['KIE_API_KEY']}"}
        self._http: aiohttp.ClientSession | None = None

    async def setup_hook(self) -> None:
        self._http = aiohttp.ClientSession()
        await self.tree.sync()

    async def close(self) -> None:
        for job in self.jobs:
            job.cancel()
        await asyncio.gather(*self.jobs, return_exceptions=True)
        await super().close()
        if self._http is not None:
            await self._http.close()

    async def order(
        self, interaction: discord.Interaction, prompt: str, image: discord.Attachment | None, duration: int
    ) -> None:
        """Answer, take the credits, and start the job's task."""
        await interaction.response.defer(thinking=True)
        price = PRICE * duration // 5
        if self.balances[interaction.user.id] < price:
            await interaction.edit_original_response(content=f"That costs {price} credits; you do not have enough.")
            return
        self.balances[interaction.user.id] -= price
        job = asyncio.create_task(self._run(interaction, prompt, image, duration, price))
        self.jobs.add(job)
        job.add_done_callback(self.jobs.discard)

    async def _run(
        self, interaction: discord.Interaction, prompt: str, image: discord.Attachment | None, duration: int, price: int
    ) -> None:
        """One job, from the create call to the posted video."""
        try:
            task_id = await self._create(prompt, image, duration)
            await interaction.edit_original_response(content="Your video is being made.")
            content = await self._download(await self._wait(task_id))
            assert isinstance(interaction.channel, discord.TextChannel)
            file = discord.File(io.BytesIO(content), "video.mp4")
            await interaction.channel.send(f"{interaction.user.mention} Your video is ready.", file=file)
            await interaction.edit_original_response(content="Done.")
        except (ProviderError, aiohttp.ClientError, TimeoutError, discord.HTTPException) as error:
            self.balances[interaction.user.id] += price
            await interaction.edit_original_response(content=f"That did not work: {error}")

    async def _create(self, prompt: str, image: discord.Attachment | None, duration: int) -> str:
        options: dict[str, Any] = {"prompt": prompt, "duration": str(duration), "resolution": "720p"}
        if image is None:
            options["aspect_ratio"] = "16:9"
        else:
            options["image_urls"] = [await self._upload(image)]
        body = {"model": TEXT_MODEL if image is None else IMAGE_MODEL, "input": options}
        answer = await self._ask("POST", f"{self._api_url}/api/v1/jobs/createTask", json=body)
        return str(answer["taskId"])

    async def _upload(self, image: discord.Attachment) -> str:
        form = aiohttp.FormData()
        form.add_field("uploadPath", "pictures")
        form.add_field("file", await image.read(), filename=image.filename, content_type=image.content_type or "")
        answer = await self._ask("POST", f"{self._upload_url}/api/file-stream-upload", data=form)
        return str(answer["downloadUrl"])

    async def _wait(self, task_id: str) -> str:
        """The address of the finished video."""
        for _ in range(POLLS):
            record = await self._ask("GET", f"{self._api_url}/api/v1/jobs/recordInfo", params={"taskId": task_id})
            if record["state"] == "success":
                return str(json.loads(record["resultJson"])["resultUrls"][0])
            if record["state"] == "fail":
                raise ProviderError(record["failMsg"])
            await asyncio.sleep(self._poll_seconds)
        raise ProviderError("The provider took too long.")

    async def _download(self, url: str) -> bytes:
        async with self._session().get(url) as answer:
            answer.raise_for_status()
            return await answer.read()

    async def _ask(self, method: str, url: str, **arguments: Any) -> dict[str, Any]:
        async with self._session().request(method, url, headers=self._headers, **arguments) as answer:
            body: dict[str, Any] = await answer.json(content_type=None)
        if body["code"] != 200:
            raise ProviderError(body["msg"])
        content: dict[str, Any] = body["data"]
        return content

    def _session(self) -> aiohttp.ClientSession:
        if self._http is None:
            raise RuntimeError("not connected yet")
        return self._http


def add_commands(bot: Bot) -> None:
    @bot.tree.command(description="Make a video from a description or a picture")
    async def video(
        interaction: discord.Interaction,
        prompt: str,
        image: discord.Attachment | None = None,
        duration: app_commands.Range[int, 3, 15] = 5,
    ) -> None:
        await bot.order(interaction, prompt, image, duration)

    @bot.tree.command(description="Your credits")
    async def balance(interaction: discord.Interaction) -> None:
        credits = bot.balances[interaction.user.id]
        await interaction.response.send_message(f"You have {credits} credits.", ephemeral=True)


def main(kind: type[Bot] = Bot) -> None:
    environ = dict(os.environ)
    discord.http.Route.BASE = environ["DISCORD_API_URL"]
    DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(environ["DISCORD_GATEWAY_URL"])
    bot = kind(environ)
    add_commands(bot)
    bot.run(environ["DISCORD_TOKEN"], log_level=logging.WARNING)


if __name__ == "__main__":
    main()
