"""What the assistant made of a prompt: shown to its member, who takes it, changes it or keeps their own words."""

from __future__ import annotations

from functools import partial

import aiohttp
import discord

from bot import logs
from bot.client import at_once, in_time
from bot.client.controls import member_of, texts_of
from bot.client.typed import place_of
from bot.domain.ids import UserId
from bot.domain.policies import AssistMode
from bot.domain.videos import VideoRequest
from bot.rendering import rewrites, words
from bot.services.assistance import Assistance, NoHelp
from bot.services.availability import Availability
from bot.services.generation import Generation
from cogs.generate.forms import PromptForm
from cogs.generate.requests import Requests

log = logs.get(__name__)


class Rewrites:
    """Shows a rewritten prompt and does what its member says to it."""

    def __init__(
        self, *, requests: Requests, generation: Generation, availability: Availability, assistance: Assistance
    ) -> None:
        self._requests = requests
        self._generation = generation
        self._availability = availability
        self._assistance = assistance

    async def offer(self, interaction: discord.Interaction, request: VideoRequest, mode: AssistMode) -> None:
        """Show what the assistant makes of the prompt; where it makes nothing of it, go on without it and say so."""
        guild_id, user_id = member_of(interaction)
        video = self._requests.check(interaction, request)
        # What would be refused anyway should not cost the host an answer.
        await self._generation.screen(user_id, place_of(interaction), video)
        model = self._availability.catalogue.get(video.model)
        found = await self._assistance.suggest(guild_id, user_id, request, mode, model)
        _ = texts_of(interaction)
        if isinstance(found, NoHelp):
            await self._requests.accept(interaction, request)
            await _tell(interaction, _(rewrites.NO_HELP[found.value]))
            return
        video = self._requests.check(interaction, found.chosen(is_own=False))
        options = words.options_of(video)
        card, view = rewrites.offer(_, found.id, request.prompt, found.rewritten, video.price, options)
        # The "thinking" message is public and stays so; the choice is the member's own.
        await interaction.delete_original_response()
        await interaction.followup.send(embed=card, view=view, ephemeral=True)

    async def take(self, interaction: discord.Interaction, number: int, told: int | None, *, is_own: bool) -> None:
        """The member has chosen: what the assistant wrote, or their own words. The offer has *told* the price."""
        if await self._requests.is_replayed(interaction):
            return
        offer = await in_time(interaction, self._assistance.find(UserId(interaction.user.id), number))
        await self._choose(interaction, offer.chosen(is_own=is_own), number, told)

    async def edit(self, interaction: discord.Interaction, number: int, told: int | None) -> None:
        """Let the member change what the assistant wrote, before anything is charged."""
        offer = await at_once(self._assistance.find(UserId(interaction.user.id), number))
        _, done = texts_of(interaction), partial(self._edited, number=number, told=told)
        form = PromptForm(offer.chosen(is_own=False), _, done, title=_("Change the prompt"))
        await interaction.response.send_modal(form)

    async def cancel(self, interaction: discord.Interaction, number: int) -> None:
        """The member wants nothing of it."""
        _ = texts_of(interaction)
        async with self._assistance.taking(UserId(interaction.user.id), number):
            text = _("Nothing was made, and nothing was charged.")
            await interaction.response.edit_message(content=text, embed=None, view=None)

    async def _edited(
        self, interaction: discord.Interaction, request: VideoRequest, *, number: int, told: int | None
    ) -> None:
        """The form came back."""
        if not await self._requests.is_replayed(interaction):
            await self._choose(interaction, request, number, told)

    async def _choose(
        self, interaction: discord.Interaction, request: VideoRequest, number: int, told: int | None
    ) -> None:
        """Make it, if it can still be made here; time has passed since it was asked for."""
        await self._requests.find_pictures(request)
        video = self._requests.check(interaction, request)
        self._requests.check_place(interaction)
        seen = video.price if told is None else told
        await self._requests.accept(interaction, request, seen_price=seen, rewrite=number)


async def _tell(interaction: discord.Interaction, text: str) -> None:
    """A word to the member alone, after what they wanted was done: it is not worth an apology if it gets lost."""
    try:
        await interaction.followup.send(text, ephemeral=True)
    except (discord.DiscordException, aiohttp.ClientError, OSError) as err:
        log.warning("not_told", error=str(err))
