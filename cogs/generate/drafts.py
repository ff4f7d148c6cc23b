"""The answer to the question whether a video is worth its price."""

from __future__ import annotations

import discord

from bot.client import at_once, in_time
from bot.client.controls import member_of, texts_of
from bot.domain.ids import DraftId
from bot.domain.videos import VideoRequest, request_of
from bot.services.generation import Generation
from cogs.generate.forms import PromptForm
from cogs.generate.requests import Requests


class Drafts:
    """Create, Edit and Cancel under the price."""

    def __init__(self, *, requests: Requests, generation: Generation) -> None:
        self._requests = requests
        self._generation = generation

    async def create(self, interaction: discord.Interaction, draft_id: DraftId) -> None:
        """The member has seen the price, and wants the video."""
        if await self._requests.is_replayed(interaction):
            return
        draft = await in_time(interaction, self._generation.draft(*member_of(interaction), draft_id))
        request = request_of(draft.video)
        await self._requests.find_pictures(request)
        video = self._requests.check(interaction, request)
        self._requests.check_place(interaction)
        await self._requests.make(interaction, video, again_of=draft.again_of, draft_id=draft_id)

    async def rethink(self, interaction: discord.Interaction, draft_id: DraftId) -> None:
        """The member has seen the price, and wants to change the prompt."""
        request = await at_once(self._asked(interaction, draft_id))
        await interaction.response.send_modal(PromptForm(request, texts_of(interaction), self._requests.edited))

    async def _asked(self, interaction: discord.Interaction, draft_id: DraftId) -> VideoRequest:
        draft = await self._generation.draft(*member_of(interaction), draft_id)
        request = request_of(draft.video)
        await self._requests.find_pictures(request)
        return request

    async def drop(self, interaction: discord.Interaction, draft_id: DraftId) -> None:
        """The member has seen the price, and does not want the video."""
        await interaction.response.defer()
        await self._generation.drop(*member_of(interaction), draft_id)
        _ = texts_of(interaction)
        await interaction.edit_original_response(content=_("Nothing was charged."), embeds=[], view=None)
