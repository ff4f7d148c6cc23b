"""/video and the buttons under a finished one: Again, Edit and Delete."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Protocol, Self, TypeVar

import aiohttp
import discord
from discord import app_commands
from discord.app_commands import Choice, locale_str
from discord.ext import commands

from bot import logs
from bot.client import DynamicItemType, defer, guarded, missing_permissions
from bot.client.controls import Control, cog_of, member_of, suggestions, texts_of
from bot.domain.ids import ChannelId, GuildId, InteractionId, JobId, UserId
from bot.domain.jobs import JobState, Place
from bot.domain.models import ImageFormat, ImageRules, Mode, OptionName, OptionValue, VideoModel
from bot.domain.videos import Picture, VideoRequest, lowest_price
from bot.errors import BadImageError, MissingPermissionsError, NotYoursError
from bot.i18n import N_, Texts, texts
from bot.rendering import cards, choices, words
from bot.rendering.cards import Progress
from bot.services.availability import Availability
from bot.services.estimates import Estimates
from bot.services.generation import Accepted, Generation, with_picture
from bot.services.jobs import Jobs

log = logs.get(__name__)

T = TypeVar("T", int, str)

# Discord: a text field of a form takes 4000 characters (documentation of text inputs); a prompt may have 6000.
FIELD_LENGTH = 4000
# A form that nobody sends stays in memory until then.
FORM_LIFE = timedelta(hours=1)


class Pictures(Protocol):
    """Where members' pictures are kept."""

    async def take(self, url: str, *, declared_size: int, filename: str) -> Picture: ...

    def path(self, picture: Picture) -> Path: ...


class PictureGoneError(BadImageError):
    text = N_("**image**: the picture of that video is no longer kept. Use `/video` and attach it again.")


class Generate(commands.Cog):
    """The way from Discord to a new job."""

    def __init__(
        self,
        *,
        generation: Generation,
        pictures: Pictures,
        availability: Availability,
        estimates: Estimates,
        jobs: Jobs,
        markup: Decimal,
    ) -> None:
        self._generation = generation
        self._pictures = pictures
        self._availability = availability
        self._estimates = estimates
        self._jobs = jobs
        self._markup = markup

    @app_commands.command(name="video", description=locale_str(N_("Make a video from a description or a picture")))
    @app_commands.describe(
        prompt=locale_str(N_("What the video should show")),
        image=locale_str(N_("A picture that should move: it becomes the first frame")),
        model=locale_str(N_("Who makes the video; left out, the default model does")),
        aspect=locale_str(N_("The shape of the picture, for example 16:9")),
        duration=locale_str(N_("How many seconds it lasts")),
        quality=locale_str(N_("How sharp it is, for example 720p")),
        audio=locale_str(N_("With sound or silent, where the model can do both")),
    )
    @app_commands.guild_only()
    async def video(
        self,
        interaction: discord.Interaction,
        prompt: str | None = None,
        image: discord.Attachment | None = None,
        model: str | None = None,
        aspect: str | None = None,
        duration: int | None = None,
        quality: str | None = None,
        audio: bool | None = None,
    ) -> None:
        chosen = self._generation.choose(model, Mode.TEXT if image is None else Mode.IMAGE)
        request = VideoRequest(
            prompt=prompt or "",
            model=chosen.id,
            aspect=aspect,
            duration=duration,
            quality=quality,
            audio=audio,
        )
        # Whatever is wrong with the words and options is said before anything is fetched.
        self._generation.check(request if image is None else with_picture(request, unread_picture(chosen)))
        await self._open(interaction)
        if image is not None:
            picture = await self._pictures.take(image.url, declared_size=image.size, filename=image.filename)
            request = with_picture(request, picture)
        await self._accept(interaction, request)

    async def again(self, interaction: discord.Interaction, job_id: JobId) -> None:
        """The same video once more, for whoever clicks."""
        request = await self._repeat(interaction, job_id)
        self._generation.check(request)
        await self._open(interaction)
        await self._accept(interaction, request, again_of=job_id)

    async def edit(self, interaction: discord.Interaction, job_id: JobId) -> None:
        """Ask for another prompt; everything else stays."""
        request = await self._repeat(interaction, job_id)
        self._generation.choose(request.model, request.mode)
        await interaction.response.send_modal(PromptForm(self, request, texts_of(interaction)))

    async def edited(self, interaction: discord.Interaction, request: VideoRequest) -> None:
        """The form came back with another prompt."""
        self._generation.check(request)
        await self._open(interaction)
        await self._accept(interaction, request)

    async def delete(self, interaction: discord.Interaction, job_id: JobId) -> None:
        """Take the posted video away, for its requester and for those who may delete messages here."""
        guild_id, user_id = member_of(interaction)
        found = await self._jobs.details(guild_id, user_id, job_id, is_staff=True)
        may_delete_any = interaction.permissions.manage_messages or interaction.permissions.administrator
        if found.job.user_id != user_id and not may_delete_any:
            raise NotYoursError
        await defer(interaction, ephemeral=True)
        if interaction.message is not None:
            try:
                await interaction.message.delete()
            except discord.NotFound:
                log.info("message_already_deleted", job=job_id)
            except discord.Forbidden as err:
                missing = missing_permissions(interaction)
                if missing:
                    raise MissingPermissionsError(permissions=", ".join(missing)) from err
                raise
        _ = texts_of(interaction)
        await interaction.edit_original_response(content=_("The video of job {job} is deleted here.", job=job_id))

    async def _open(self, interaction: discord.Interaction) -> None:
        """Make sure that the video could be posted here, and take the time to ask for it."""
        missing = missing_permissions(interaction)
        if missing:
            raise MissingPermissionsError(permissions=", ".join(missing))
        await defer(interaction, ephemeral=False)

    async def _repeat(self, interaction: discord.Interaction, job_id: JobId) -> VideoRequest:
        request = await self._generation.repeat(member_of(interaction)[0], job_id)
        if request.picture is not None:
            path = self._pictures.path(request.picture)
            if not await asyncio.to_thread(path.is_file):
                raise PictureGoneError
        return request

    async def _accept(
        self, interaction: discord.Interaction, request: VideoRequest, *, again_of: JobId | None = None
    ) -> None:
        video = self._generation.check(request)
        accepted = await self._generation.request(
            UserId(interaction.user.id), place_of(interaction), video, again_of=again_of
        )
        try:
            await self._show(interaction, accepted)
        except (discord.DiscordException, aiohttp.ClientError, OSError) as err:
            # The job is written and paid for, and its video comes as a message of its own: nothing to apologise for.
            log.warning("card_not_shown", job=accepted.job.id, error=str(err))

    async def _show(self, interaction: discord.Interaction, accepted: Accepted) -> None:
        """The first card, in the guild's language because everybody sees it. Whatever moves the job edits it later."""
        job = accepted.job
        model = self._availability.catalogue.find(job.model)
        progress = Progress(
            model=str(job.model) if model is None else model.name,
            ahead=await self._jobs.queue_place(job) if job.state is JobState.QUEUED else None,
            ready_at=await self._estimates.ready_at(job),
        )
        _ = texts(job.place.guild_locale)
        card = cards.card(_, job, progress)
        card.embed.add_field(name=_("Left to spend"), value=words.credits_of(_, accepted.spendable))
        await interaction.edit_original_response(embed=card.embed, view=card.view)

    @video.autocomplete("model")
    async def suggest_models(self, interaction: discord.Interaction, typed: str) -> list[Choice[str]]:
        return await suggestions(interaction, self._models(interaction, typed))

    @video.autocomplete("aspect")
    async def suggest_aspects(self, interaction: discord.Interaction, typed: str) -> list[Choice[str]]:
        return await suggestions(interaction, self._values(interaction, OptionName.ASPECT, typed, str))

    @video.autocomplete("duration")
    async def suggest_durations(self, interaction: discord.Interaction, typed: str) -> list[Choice[int]]:
        return await suggestions(interaction, self._values(interaction, OptionName.DURATION, str(typed), int))

    @video.autocomplete("quality")
    async def suggest_qualities(self, interaction: discord.Interaction, typed: str) -> list[Choice[str]]:
        return await suggestions(interaction, self._values(interaction, OptionName.QUALITY, typed, str))

    async def _models(self, interaction: discord.Interaction, typed: str) -> list[Choice[str]]:
        _, mode = texts_of(interaction), mode_of(interaction)
        meant = [model for model in self._availability.offered() if choices.is_meant(model, typed)]
        fitting = [model for model in meant if mode in self._availability.modes(model)]
        found = [await self._choice(_, model, mode) for model in fitting]
        if mode is Mode.TEXT:
            # A picture may still come; one that is attached already does not go away by itself.
            only_pictures = [model for model in meant if model not in fitting]
            found += [await self._choice(_, model, Mode.IMAGE, needs_image=True) for model in only_pictures]
        return found[: choices.MAX_CHOICES]

    async def _choice(self, _: Texts, model: VideoModel, mode: Mode, *, needs_image: bool = False) -> Choice[str]:
        price = lowest_price(model, mode, self._markup)
        typical = await self._estimates.typical(model, mode)
        return Choice(name=choices.model_choice(_, model, price, typical, needs_image=needs_image), value=model.id)

    async def _values(
        self, interaction: discord.Interaction, name: OptionName, typed: str, kind: type[T]
    ) -> list[Choice[T]]:
        mode = mode_of(interaction)
        model = self._generation.choose(interaction.namespace.model, mode)
        # A model that only animates pictures may be chosen before its picture is attached.
        spec = model.modes.get(mode) or next(iter(model.modes.values()))
        offered = choices.option_choices(texts_of(interaction), spec, name, chosen_in(interaction), typed, self._markup)
        return [Choice(name=text, value=value) for text, value in offered if isinstance(value, kind)]


class PromptForm(discord.ui.Modal):
    """Asks for another prompt, with the old one to start from."""

    def __init__(self, cog: Generate, request: VideoRequest, _: Texts) -> None:
        super().__init__(title=_("Make it again, differently"), timeout=FORM_LIFE.total_seconds())
        self._cog = cog
        self._request = request
        # Longer prompts go on in a second field, so that nothing of them is lost.
        parts = [request.prompt[:FIELD_LENGTH], request.prompt[FIELD_LENGTH:]]
        self._fields: list[discord.ui.TextInput[Self]] = []
        for number, part in enumerate(parts):
            if part or number == 0:
                self._add(_("Prompt") if number == 0 else _("Prompt, continued"), part)

    def _add(self, title: str, text: str) -> None:
        field: discord.ui.TextInput[Self] = discord.ui.TextInput(
            style=discord.TextStyle.paragraph, default=text or None, required=False, max_length=FIELD_LENGTH
        )
        self._fields.append(field)
        self.add_item(discord.ui.Label(text=title, component=field))

    @guarded
    async def on_submit(self, interaction: discord.Interaction) -> None:
        prompt = "".join(field.value for field in self._fields)
        await self._cog.edited(interaction, replace(self._request, prompt=prompt))


class VideoButton(Control, template=r"job:(?P<id>[0-9]{1,18}):(?P<action>again|edit|delete)"):
    """A button under a posted video."""

    async def act(self, interaction: discord.Interaction) -> None:
        cog, job_id = cog_of(interaction, Generate), JobId(int(self.match["id"]))
        match self.match["action"]:
            case "again":
                await cog.again(interaction, job_id)
            case "edit":
                await cog.edit(interaction, job_id)
            case _:
                await cog.delete(interaction, job_id)


CONTROLS: tuple[DynamicItemType, ...] = (VideoButton,)


def place_of(interaction: discord.Interaction) -> Place:
    """Where the video belongs, as far as it has to be known when the interaction is long dead."""
    return Place(
        guild_id=GuildId(interaction.guild_id or 0),
        channel_id=ChannelId(interaction.channel_id or 0),
        application_id=interaction.application_id,
        interaction_id=InteractionId(interaction.id),
        interaction_token=interaction.token,
        upload_limit=interaction.filesize_limit,
        locale=interaction.locale.value,
        guild_locale=(interaction.guild_locale or interaction.locale).value,
    )


def mode_of(interaction: discord.Interaction) -> Mode:
    """Whether a picture is attached, as far as autocomplete is told."""
    return Mode.TEXT if interaction.namespace.image is None else Mode.IMAGE


def chosen_in(interaction: discord.Interaction) -> dict[OptionName, OptionValue]:
    """The options as they stand while the member still types."""
    values = ((name, getattr(interaction.namespace, name.value)) for name in OptionName)
    return {name: value for name, value in values if isinstance(value, str | int)}


def unread_picture(model: VideoModel) -> Picture:
    """A picture that breaks no rule of the model, for checking the rest before the real one is fetched."""
    spec = model.modes.get(Mode.IMAGE)
    rules: ImageRules | None = None if spec is None else spec.image
    if rules is None:
        return Picture(name="", format=ImageFormat.PNG, width=1, height=1, size=0)
    ratio = min(max(1.0, rules.min_ratio), rules.max_ratio)
    # Rounded down, the shorter side leads further into what is allowed.
    longer, shorter = rules.max_side, int(rules.max_side * min(ratio, 1 / ratio))
    width, height = (longer, shorter) if ratio >= 1 else (shorter, longer)
    return Picture(name="", format=min(rules.formats), width=width, height=height, size=0)
