"""What can be done with a posted video: Extend, Upscale and Restyle, each offered with its price."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from functools import partial

import discord

from bot.client import at_once, defer
from bot.client.attachments import Clips
from bot.client.controls import client_of, member_of, texts_of
from bot.domain import follow_ups
from bot.domain.follow_ups import Finished, FollowUp
from bot.domain.ids import JobId, ModelId
from bot.domain.jobs import Job
from bot.domain.models import Mode, OptionName, OptionValue
from bot.domain.pictures import Clip
from bot.domain.videos import VideoRequest
from bot.errors import UserError
from bot.errors.pictures import SourceGoneError
from bot.errors.requests import NothingToDoError
from bot.rendering import buttons
from bot.services.availability import Availability
from bot.services.generation import Generation
from bot.services.jobs import Jobs
from cogs.generate.forms import PromptForm
from cogs.generate.requests import Requests, check_price

Options = Mapping[OptionName, OptionValue]


class FollowUps:
    """Offers what the models can do with a finished video, and does what was chosen."""

    def __init__(
        self,
        *,
        requests: Requests,
        generation: Generation,
        availability: Availability,
        jobs: Jobs,
        clips: Clips,
        markup: Decimal,
    ) -> None:
        self._requests = requests
        self._generation = generation
        self._availability = availability
        self._jobs = jobs
        self._clips = clips
        self._markup = markup

    async def offer(self, interaction: discord.Interaction, job_id: JobId, mode: Mode) -> None:
        """Show, to whoever clicked alone, what can be done with the video and what it costs."""
        _ = texts_of(interaction)
        finished = self._generation.finished(await at_once(self._finished(interaction, job_id)))
        found = self._follow_ups(finished, mode)
        if not found:
            raise self._missing(finished, mode)
        view = buttons.of_follow_ups(_, job_id, found)
        asking = _("What should be done with the video of job {job}? Choosing takes the credits.", job=job_id)
        await interaction.response.send_message(asking, view=view, ephemeral=True)

    async def choose(
        self,
        interaction: discord.Interaction,
        job_id: JobId,
        mode: Mode,
        model: ModelId,
        options: Options,
        told: int | None,
    ) -> None:
        """One of the offers was clicked, which has *told* its price: ask for its words, or do it."""
        job = await at_once(self._finished(interaction, job_id))
        finished = self._generation.finished(job)
        chosen = follow_ups.find(self._follow_ups(finished, mode), model, options)
        if chosen is None:
            raise self._missing(finished, mode)
        check_price(chosen.price, told)
        unread = Clip(name="", size=0) if chosen.needs_file else None
        if chosen.takes_prompt:
            request = chosen.request(finished, job.video.prompt, unread)
            self._generation.choose(request.model, request.mode)
            form = PromptForm(request, texts_of(interaction), partial(self._described, again_of=job_id))
            await interaction.response.send_modal(form)
            return
        video = self._requests.check(interaction, chosen.request(finished, "", unread))
        self._requests.check_place(interaction)
        if chosen.needs_file:
            await defer(interaction, ephemeral=False)
            await self._requests.foresee(interaction, video)
        clip = await self._clip_of(interaction, job) if chosen.needs_file else None
        request = chosen.request(finished, "", clip)
        seen = chosen.price if told is None else told
        await self._requests.accept(interaction, request, again_of=job_id, seen_price=seen)

    async def _described(self, interaction: discord.Interaction, request: VideoRequest, *, again_of: JobId) -> None:
        """The form came back with what should happen next."""
        video = self._requests.check(interaction, request)
        self._requests.check_place(interaction)
        source = request.source
        if source is not None and source.clip is not None and not source.clip.name:
            await self._requests.open(interaction, video)
            await self._requests.foresee(interaction, video)
            clip = await self._clip_of(interaction, await self._finished(interaction, source.job))
            request = replace(request, source=replace(source, clip=clip))
        await self._requests.accept(interaction, request, again_of=again_of)

    async def _finished(self, interaction: discord.Interaction, job_id: JobId) -> Job:
        """The job behind a posted video of this guild, whoever asked for it: everybody sees it there."""
        guild_id, user_id = member_of(interaction)
        return (await self._jobs.details(guild_id, user_id, job_id, is_staff=True)).job

    def _follow_ups(self, finished: Finished, mode: Mode) -> list[FollowUp]:
        models = [model for model in self._availability.offered() if mode in self._availability.modes(model)]
        return list(follow_ups.choices(models, finished, mode, self._markup))

    def _missing(self, finished: Finished, mode: Mode) -> UserError:
        """Why what was clicked is not there: age, if a younger video would have more."""
        younger = self._follow_ups(replace(finished, is_kept=True), mode)
        is_too_old = len(younger) > len(self._follow_ups(finished, mode))
        return SourceGoneError() if is_too_old else NothingToDoError()

    async def _clip_of(self, interaction: discord.Interaction, job: Job) -> Clip:
        """The posted file. The click may have been under our private answer, so the message is asked for again."""
        url = None
        if job.message_id is not None:
            channel = client_of(interaction).get_partial_messageable(job.message_channel_id or job.place.channel_id)
            with contextlib.suppress(discord.HTTPException):
                message = await channel.fetch_message(job.message_id)
                url = next((each.url for each in message.attachments), None)
        return await self._clips.take(job.id, job.stored, url)
