"""The video of an earlier job once more: as it was, with another prompt, or with a model that works."""

from __future__ import annotations

import discord

from bot.client import at_once, in_time
from bot.client.controls import member_of, texts_of
from bot.domain.ids import JobId, ModelId
from bot.domain.videos import VideoRequest
from bot.services.generation import Generation
from bot.services.substitutes import Substitutes
from cogs.generate.forms import PromptForm
from cogs.generate.requests import Requests


class Repeats:
    """Again and Edit under a posted video, and "make it with" under the card of a job that waits in vain."""

    def __init__(self, *, requests: Requests, generation: Generation, substitutes: Substitutes) -> None:
        self._requests = requests
        self._generation = generation
        self._substitutes = substitutes

    async def again(self, interaction: discord.Interaction, job_id: JobId) -> None:
        """The same video once more, for whoever clicks."""
        request = await in_time(interaction, self._repeat(interaction, job_id))
        self._requests.check(interaction, request)
        self._requests.check_place(interaction)
        await self._requests.accept(interaction, request, again_of=job_id)

    async def edit(self, interaction: discord.Interaction, job_id: JobId) -> None:
        """Ask for another prompt; everything else stays."""
        request = await at_once(self._repeat(interaction, job_id))
        self._generation.choose(request.model, request.mode)
        await interaction.response.send_modal(PromptForm(request, texts_of(interaction), self._requests.edited))

    async def instead(self, interaction: discord.Interaction, job_id: JobId, model_id: ModelId) -> None:
        """The waiting job's video with a model that works, in place of the one that does not."""
        if await self._requests.is_replayed(interaction):
            return
        guild_id, user_id = member_of(interaction)
        found = self._substitutes.get(guild_id, user_id, job_id, model_id)
        substitute = await in_time(interaction, found)
        video = self._requests.check(interaction, substitute.request)
        self._requests.check_place(interaction)
        # Its card has told the price, which is no higher than what was agreed to before.
        await self._requests.make(interaction, video, instead_of=job_id, seen_price=video.price)

    async def _repeat(self, interaction: discord.Interaction, job_id: JobId) -> VideoRequest:
        request = await self._generation.repeat(member_of(interaction)[0], job_id)
        await self._requests.find_pictures(request)
        return request
