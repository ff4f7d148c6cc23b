"""The command /video and what it suggests."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Literal

import discord
from discord import app_commands
from discord.app_commands import Choice, locale_str
from discord.ext import commands

from bot.client import in_time
from bot.client.attachments import Attachments, Clips, Pictures
from bot.client.controls import member_of, suggestions
from bot.client.typed import count_in
from bot.domain.models import OptionName
from bot.domain.policies import AssistMode
from bot.domain.videos import VideoRequest, mode_of
from bot.i18n import N_
from bot.services.answers import Answers
from bot.services.assistance import Assistance
from bot.services.availability import Availability
from bot.services.credits import Credits
from bot.services.estimates import Estimates
from bot.services.generation import Generation
from bot.services.jobs import Jobs
from bot.services.substitutes import Substitutes
from cogs.generate.drafts import Drafts
from cogs.generate.follow_ups import FollowUps
from cogs.generate.posts import Posts
from cogs.generate.repeats import Repeats
from cogs.generate.requests import Requests
from cogs.generate.rewrites import Rewrites
from cogs.generate.suggestions import Suggestions

# Pictures are fetched and decoded before anything is charged, and kept for days: how often, whatever becomes of them.
MOST_WITH_PICTURES, PICTURES_PER = 12, timedelta(minutes=10)


def pace_of_pictures(interaction: discord.Interaction) -> app_commands.Cooldown | None:
    """Words alone take nothing but a look into the database."""
    return app_commands.Cooldown(MOST_WITH_PICTURES, PICTURES_PER.total_seconds()) if count_in(interaction) else None


def whose_pace(interaction: discord.Interaction) -> tuple[int, bool]:
    """The library keeps one pace for each of these, whatever the next command is like."""
    return interaction.user.id, count_in(interaction) > 0


class Generate(commands.Cog):
    """/video itself, and the parts that act for the buttons of `controls.py`."""

    def __init__(
        self,
        *,
        generation: Generation,
        pictures: Pictures,
        availability: Availability,
        estimates: Estimates,
        jobs: Jobs,
        clips: Clips,
        credits: Credits,
        substitutes: Substitutes,
        answers: Answers,
        markup: Decimal,
        assistance: Assistance,
    ) -> None:
        self._generation = generation
        self._assistance = assistance
        self._pictures = pictures
        self._suggested = Suggestions(
            generation=generation, availability=availability, estimates=estimates, markup=markup
        )
        self._requests = requests = Requests(
            generation=generation,
            availability=availability,
            estimates=estimates,
            answers=answers,
            credits=credits,
            pictures=pictures,
            clips=clips,
        )
        self.drafts = Drafts(requests=requests, generation=generation)
        self.rewrites = Rewrites(
            requests=requests, generation=generation, availability=availability, assistance=assistance
        )
        self.repeats = Repeats(requests=requests, generation=generation, substitutes=substitutes)
        self.follow_ups = FollowUps(
            requests=requests,
            generation=generation,
            availability=availability,
            jobs=jobs,
            clips=clips,
            markup=markup,
        )
        self.posts = Posts(jobs=jobs)

    @app_commands.command(name="video", description=locale_str(N_("Make a video from a description or a picture")))
    @app_commands.describe(
        prompt=locale_str(N_("What the video should show")),
        image=locale_str(N_("A picture that should move: it becomes the first frame")),
        last_frame=locale_str(N_("The picture that the video ends with")),
        model=locale_str(N_("Who makes the video; left out, the default model does")),
        aspect=locale_str(N_("The shape of the picture, for example 16:9")),
        duration=locale_str(N_("How many seconds it lasts")),
        quality=locale_str(N_("How sharp it is, for example 720p")),
        audio=locale_str(N_("With sound or silent, where the model can do both")),
        reference1=locale_str(N_("A picture of somebody or something that should be in the video")),
        reference2=locale_str(N_("A second picture of that kind")),
        reference3=locale_str(N_("A third picture of that kind")),
        negative=locale_str(N_("What should not be in the video")),
        style=locale_str(N_("The model's own manner, where it has several")),
        seed=locale_str(N_("A number; the same one makes a similar video again")),
        assist=locale_str(N_("Have your words rewritten: as a shot description, or as a meme; you see it first")),
    )
    @app_commands.guild_only()
    @app_commands.checks.dynamic_cooldown(pace_of_pictures, key=whose_pace)
    async def video(
        self,
        interaction: discord.Interaction,
        prompt: str | None = None,
        image: discord.Attachment | None = None,
        last_frame: discord.Attachment | None = None,
        model: str | None = None,
        aspect: str | None = None,
        duration: int | None = None,
        quality: str | None = None,
        audio: bool | None = None,
        reference1: discord.Attachment | None = None,
        reference2: discord.Attachment | None = None,
        reference3: discord.Attachment | None = None,
        negative: str | None = None,
        style: str | None = None,
        seed: int | None = None,
        assist: Literal["off", "assist", "meme"] | None = None,
    ) -> None:
        references = [found for found in (reference1, reference2, reference3) if found is not None]
        has_frame = image is not None or last_frame is not None
        chosen = self._generation.choose(model, mode_of(has_frame=has_frame, has_reference=bool(references)))
        request = VideoRequest(
            prompt=prompt or "",
            model=chosen.id,
            aspect=aspect,
            duration=duration,
            quality=quality,
            audio=audio,
            negative=negative,
            style=style,
            seed=seed,
        )
        attachments = Attachments(image, last_frame, references)
        # Whatever is wrong with the words and options is said before anything is fetched.
        video = self._requests.check(interaction, attachments.unread(request, chosen))
        asked = None if assist is None else AssistMode(assist)
        self._requests.check_place(interaction)
        mode = await in_time(interaction, self._assistance.mode(member_of(interaction)[0], asked))
        helps = mode is not AssistMode.OFF and bool(request.prompt.strip())
        if attachments or helps:
            # Fetching pictures, or asking the assistant, may take longer than Discord waits for a first answer.
            await self._requests.open(interaction, video)
            await self._requests.foresee(interaction, video)
        request = await attachments.read(request, self._pictures)
        if helps:
            await self.rewrites.offer(interaction, request, mode)
        else:
            await self._requests.accept(interaction, request)

    @video.autocomplete("model")
    async def suggest_models(self, interaction: discord.Interaction, typed: str) -> list[Choice[str]]:
        return await suggestions(interaction, self._suggested.models(interaction, typed))

    @video.autocomplete("aspect")
    async def suggest_aspects(self, interaction: discord.Interaction, typed: str) -> list[Choice[str]]:
        return await suggestions(interaction, self._suggested.values(interaction, OptionName.ASPECT, typed, str))

    @video.autocomplete("duration")
    async def suggest_durations(self, interaction: discord.Interaction, typed: str) -> list[Choice[int]]:
        return await suggestions(interaction, self._suggested.values(interaction, OptionName.DURATION, str(typed), int))

    @video.autocomplete("style")
    async def suggest_styles(self, interaction: discord.Interaction, typed: str) -> list[Choice[str]]:
        return await suggestions(interaction, self._suggested.values(interaction, OptionName.STYLE, typed, str))

    @video.autocomplete("quality")
    async def suggest_qualities(self, interaction: discord.Interaction, typed: str) -> list[Choice[str]]:
        return await suggestions(interaction, self._suggested.values(interaction, OptionName.QUALITY, typed, str))
