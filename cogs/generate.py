"""/video and the buttons under a finished one: Again, Edit, Extend, Upscale, Restyle and Delete."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Literal, Self, TypeVar

import aiohttp
import discord
from discord import app_commands
from discord.app_commands import Choice, locale_str
from discord.ext import commands

from bot import logs
from bot.client import DynamicItemType, InteractionGoneError, defer, guarded, in_time, missing_permissions, show
from bot.client.attachments import Attachments, Clips, Pictures
from bot.client.controls import Control, client_of, cog_of, member_of, requester_of, suggestions, texts_of
from bot.client.typed import chosen_in, count_in, place_of, typed_mode
from bot.domain import follow_ups
from bot.domain.follow_ups import FollowUp
from bot.domain.ids import DraftId, JobId, ModelId, UserId
from bot.domain.jobs import Job, JobState, finished_of
from bot.domain.models import Mode, OptionName, OptionValue, VideoModel
from bot.domain.pictures import Clip
from bot.domain.policies import AssistMode
from bot.domain.videos import VideoRequest, VideoSpec, lowest_price, mode_of
from bot.errors import (
    AdultsOnlyError,
    BadImageError,
    MissingPermissionsError,
    NothingToDoError,
    NotYoursError,
    UserError,
    VideoGoneError,
)
from bot.i18n import N_, Texts, texts
from bot.rendering import buttons, cards, choices, replies, rewrites, words
from bot.rendering.cards import Card, Progress
from bot.services.assistance import Assistance, NoHelp
from bot.services.availability import Availability
from bot.services.credits import Credits
from bot.services.estimates import Estimates
from bot.services.generation import Accepted, Generation, request_of
from bot.services.jobs import Jobs
from bot.services.substitutes import Substitutes

log = logs.get(__name__)

T = TypeVar("T", int, str)
Options = Mapping[OptionName, OptionValue]

# Discord: a text field of a form takes 4000 characters (documentation of text inputs); a prompt may have 6000.
FIELD_LENGTH = 4000
# A form that nobody sends stays in memory until then.
FORM_LIFE = timedelta(hours=1)


class PictureGoneError(BadImageError):
    text = N_("**{field}**: the picture of that video is no longer kept. Use `/video` and attach it again.")


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
        clips: Clips,
        credits: Credits,
        substitutes: Substitutes,
        markup: Decimal,
        assistance: Assistance,
    ) -> None:
        self._assistance = assistance
        self._substitutes = substitutes
        self._generation = generation
        self._pictures = pictures
        self._availability = availability
        self._estimates = estimates
        self._jobs = jobs
        self._clips = clips
        self._credits = credits
        self._markup = markup

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
        video = self._check(interaction, attachments.unread(request, chosen))
        asked = None if assist is None else AssistMode(assist)
        self._check_place(interaction)
        mode = await in_time(interaction, self._assistance.mode(member_of(interaction)[0], asked))
        helps = mode is not AssistMode.OFF and bool(request.prompt.strip())
        if attachments or helps:
            # Fetching pictures, or asking the assistant, may take longer than Discord waits for a first answer.
            await self._open(interaction, video)
        request = await attachments.read(request, self._pictures)
        if helps:
            await self._rewrite(interaction, request, mode)
        else:
            await self._accept(interaction, request)

    async def rewritten(self, interaction: discord.Interaction, number: int, *, is_own: bool) -> None:
        """The member has chosen: what the assistant wrote, or their own words."""
        user_id = UserId(interaction.user.id)
        await self._choose(interaction, (await self._assistance.find(user_id, number)).chosen(is_own=is_own))
        async with self._assistance.taking(user_id, number) as offer:
            await self._accept(interaction, offer.chosen(is_own=is_own), has_seen_price=True)

    async def edit_rewritten(self, interaction: discord.Interaction, number: int) -> None:
        """Let the member change what the assistant wrote, before anything is charged."""
        offer = await self._assistance.find(UserId(interaction.user.id), number)
        form = RewriteForm(self, offer.chosen(is_own=False), texts_of(interaction), number)
        await interaction.response.send_modal(form)

    async def edited_rewritten(self, interaction: discord.Interaction, request: VideoRequest, number: int) -> None:
        """The form came back."""
        await self._choose(interaction, request)
        async with self._assistance.taking(UserId(interaction.user.id), number):
            await self._accept(interaction, request, has_seen_price=True)

    async def cancel_rewritten(self, interaction: discord.Interaction, number: int) -> None:
        """The member wants nothing of it."""
        _ = texts_of(interaction)
        async with self._assistance.taking(UserId(interaction.user.id), number):
            text = _("Nothing was made, and nothing was charged.")
            await interaction.response.edit_message(content=text, embed=None, view=None)

    async def _choose(self, interaction: discord.Interaction, request: VideoRequest) -> None:
        """Look whether it can still be made here; time has passed since it was asked for."""
        await self._find_pictures(request)
        self._check(interaction, request)
        self._check_place(interaction)
        await defer(interaction, ephemeral=False)

    async def _rewrite(self, interaction: discord.Interaction, request: VideoRequest, mode: AssistMode) -> None:
        """Show what the assistant makes of the prompt; where it makes nothing of it, go on without it and say so."""
        guild_id, user_id = member_of(interaction)
        video = self._check(interaction, request)
        # What would be refused anyway should not cost the host an answer.
        await self._generation.screen(user_id, place_of(interaction), video)
        model = self._availability.catalogue.get(video.model)
        found = await self._assistance.suggest(guild_id, user_id, request, mode, model)
        _ = texts_of(interaction)
        if isinstance(found, NoHelp):
            await self._accept(interaction, request)
            await _tell(interaction, _(rewrites.NO_HELP[found.value]))
            return
        video = self._check(interaction, found.chosen(is_own=False))
        options = words.options_of(video)
        card, view = rewrites.offer(_, found.id, request.prompt, found.rewritten, video.price, options)
        # The "thinking" message is public and stays so; the choice is the member's own.
        await interaction.delete_original_response()
        await interaction.followup.send(embed=card, view=view, ephemeral=True)

    async def again(self, interaction: discord.Interaction, job_id: JobId) -> None:
        """The same video once more, for whoever clicks."""
        request = await in_time(interaction, self._repeat(interaction, job_id))
        self._check(interaction, request)
        self._check_place(interaction)
        await self._accept(interaction, request, again_of=job_id)

    async def instead(self, interaction: discord.Interaction, job_id: JobId) -> None:
        """The waiting job's video with a model that works, in place of the one that does not."""
        guild_id, user_id = member_of(interaction)
        job, found = await self._substitutes.offered(guild_id, job_id)
        if job.user_id != user_id:
            raise NotYoursError
        video = self._check(interaction, found.request)
        # Answered first: to take back what is written here would cost the member the job that waits.
        await self._open(interaction, video)
        # Its card has told the price, which is no higher than what was agreed to before.
        await self._make(interaction, video, instead_of=job_id, seen_price=video.price)

    async def edit(self, interaction: discord.Interaction, job_id: JobId) -> None:
        """Ask for another prompt; everything else stays."""
        request = await self._repeat(interaction, job_id)
        self._generation.choose(request.model, request.mode)
        await interaction.response.send_modal(PromptForm(self, request, texts_of(interaction)))

    async def edited(
        self, interaction: discord.Interaction, request: VideoRequest, again_of: JobId | None = None
    ) -> None:
        """The form came back with another prompt."""
        video = self._check(interaction, request)
        self._check_place(interaction)
        source = request.source
        if source is not None and source.clip is not None and not source.clip.name:
            await self._open(interaction, video)
            clip = await self._clip_of(interaction, await self._finished(interaction, source.job))
            request = replace(request, source=replace(source, clip=clip))
        await self._accept(interaction, request, again_of=again_of)

    async def offer(self, interaction: discord.Interaction, job_id: JobId, mode: Mode) -> None:
        """Show, to whoever clicked alone, what can be done with the video and what it costs."""
        _ = texts_of(interaction)
        found = self._follow_ups(await self._finished(interaction, job_id), mode)
        view = buttons.of_follow_ups(_, job_id, found)
        asking = _("What should be done with the video of job {job}? Choosing takes the credits.", job=job_id)
        await interaction.response.send_message(asking, view=view, ephemeral=True)

    async def choose(
        self, interaction: discord.Interaction, job_id: JobId, mode: Mode, model: ModelId, options: Options
    ) -> None:
        """One of the offers was clicked: ask for its words, or do it."""
        job = await self._finished(interaction, job_id)
        chosen = follow_ups.find(self._follow_ups(job, mode), model, options)
        if chosen is None:
            raise NothingToDoError
        unread = Clip(name="", size=0) if chosen.needs_file else None
        if chosen.takes_prompt:
            request = chosen.request(finished_of(job), job.video.prompt, unread)
            self._generation.choose(request.model, request.mode)
            form = PromptForm(self, request, texts_of(interaction), again_of=job_id)
            await interaction.response.send_modal(form)
            return
        self._check(interaction, chosen.request(finished_of(job), "", unread))
        self._check_place(interaction)
        if chosen.needs_file:
            await defer(interaction, ephemeral=False)
        clip = await self._clip_of(interaction, job) if chosen.needs_file else None
        request = chosen.request(finished_of(job), "", clip)
        # The offer has told the price.
        await self._accept(interaction, request, again_of=job_id, has_seen_price=True)

    async def _finished(self, interaction: discord.Interaction, job_id: JobId) -> Job:
        """The job behind a posted video of this guild, whoever asked for it: everybody sees it there."""
        guild_id, user_id = member_of(interaction)
        return (await self._jobs.details(guild_id, user_id, job_id, is_staff=True)).job

    def _follow_ups(self, job: Job, mode: Mode) -> list[FollowUp]:
        models = [model for model in self._availability.offered() if mode in self._availability.modes(model)]
        found = list(follow_ups.choices(models, finished_of(job), mode, self._markup))
        if not found:
            raise NothingToDoError
        return found

    async def _clip_of(self, interaction: discord.Interaction, job: Job) -> Clip:
        """The posted file. The click may have been under our private answer, so the message is asked for again."""
        url = None
        if job.message_id is not None:
            channel = client_of(interaction).get_partial_messageable(job.message_channel_id or job.place.channel_id)
            with contextlib.suppress(discord.HTTPException):
                message = await channel.fetch_message(job.message_id)
                url = next((each.url for each in message.attachments), None)
        return await self._clips.take(job.id, job.stored, url)

    async def create(self, interaction: discord.Interaction, draft_id: DraftId) -> None:
        """The member has seen the price, and wants the video."""
        guild_id, user_id = member_of(interaction)
        draft = await self._generation.draft(guild_id, user_id, draft_id)
        request = request_of(draft.video)
        await self._find_pictures(request)
        video = self._check(interaction, request)
        self._check_place(interaction)
        # Answered first: a question is used up by its job, and taking the job back would not undo that.
        await defer(interaction, ephemeral=False)
        await self._make(interaction, video, again_of=draft.again_of, draft_id=draft_id)

    async def rethink(self, interaction: discord.Interaction, draft_id: DraftId) -> None:
        """The member has seen the price, and wants to change the prompt."""
        draft = await self._generation.draft(*member_of(interaction), draft_id)
        request = request_of(draft.video)
        await self._find_pictures(request)
        await interaction.response.send_modal(PromptForm(self, request, texts_of(interaction)))

    async def drop(self, interaction: discord.Interaction, draft_id: DraftId) -> None:
        """The member has seen the price, and does not want the video."""
        await interaction.response.defer()
        await self._generation.drop(*member_of(interaction), draft_id)
        _ = texts_of(interaction)
        await interaction.edit_original_response(content=_("Nothing was charged."), embeds=[], view=None)

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

    async def _open(self, interaction: discord.Interaction, video: VideoSpec) -> None:
        """Make sure that the video could be posted here, and take the time to ask for it.

        Where the price is asked about first, that is between the member and us.
        """
        self._check_place(interaction)
        await defer(interaction, ephemeral=await self._asks_first(interaction, video))

    async def _asks_first(self, interaction: discord.Interaction, video: VideoSpec) -> bool:
        return await in_time(interaction, self._generation.asks_first(member_of(interaction)[0], video.price))

    def _check_place(self, interaction: discord.Interaction) -> None:
        missing = missing_permissions(interaction)
        if missing:
            raise MissingPermissionsError(permissions=", ".join(missing))

    async def _repeat(self, interaction: discord.Interaction, job_id: JobId) -> VideoRequest:
        request = await self._generation.repeat(member_of(interaction)[0], job_id)
        await self._find_pictures(request)
        return request

    async def _find_pictures(self, request: VideoRequest) -> None:
        for field, picture in request.pictures():
            path = self._pictures.path(picture)
            if not await asyncio.to_thread(path.is_file):
                raise PictureGoneError(field=field)
        clip = request.source.clip if request.source else None
        if clip is not None and not await asyncio.to_thread(self._clips.path(clip).is_file):
            raise VideoGoneError

    def _check(self, interaction: discord.Interaction, request: VideoRequest) -> VideoSpec:
        """The request, complete and priced, if it may be made in this channel. Raises UserError."""
        video = self._generation.check(request)
        spec = self._availability.catalogue.get(video.model).modes[video.mode]
        for name, value in video.options.items():
            option = spec.options.get(name)
            if option is not None and value in option.adult and not requester_of(interaction).is_restricted_channel:
                raise AdultsOnlyError(field=name, given=value)
        return video

    async def _accept(
        self,
        interaction: discord.Interaction,
        request: VideoRequest,
        *,
        again_of: JobId | None = None,
        has_seen_price: bool = False,
    ) -> None:
        video = self._check(interaction, request)
        if has_seen_price:
            await self._make(interaction, video, again_of=again_of, seen_price=video.price)
        elif await self._asks_first(interaction, video):
            await self._ask(interaction, video, again_of)
        else:
            await self._make(interaction, video, again_of=again_of)

    async def _ask(self, interaction: discord.Interaction, video: VideoSpec, again_of: JobId | None) -> None:
        """Tell the price and wait for a word; nothing is charged."""
        card = await in_time(interaction, self._question(interaction, video, again_of))
        await show(interaction, card, ephemeral=True)

    async def _question(self, interaction: discord.Interaction, video: VideoSpec, again_of: JobId | None) -> Card:
        guild_id, user_id = member_of(interaction)
        draft = await self._generation.keep(user_id, place_of(interaction), video, again_of=again_of)
        balance = await self._credits.balance(guild_id, user_id, requester_of(interaction))
        _ = texts_of(interaction)
        model = self._availability.catalogue.get(video.model)
        return Card(embed=replies.price_question(_, video, model.name, balance), view=buttons.of_draft(_, draft.id))

    async def _make(
        self,
        interaction: discord.Interaction,
        video: VideoSpec,
        *,
        again_of: JobId | None = None,
        draft_id: DraftId | None = None,
        seen_price: int | None = None,
        instead_of: JobId | None = None,
    ) -> None:
        """Write the job, then answer: a process that dies in between leaves nothing that seems to be at work for ever.

        Only where the store is slow "thinking" comes first.
        """
        asking = asyncio.create_task(
            self._generation.request(
                UserId(interaction.user.id),
                place_of(interaction),
                video,
                requester=requester_of(interaction),
                again_of=again_of,
                draft_id=draft_id,
                seen_price=seen_price,
                instead_of=instead_of,
            )
        )
        try:
            accepted = await in_time(interaction, asking)
            await show(interaction, await in_time(interaction, self._card(accepted)))
        except InteractionGoneError:
            await self._take_back(asking)
            raise
        except (discord.DiscordException, aiohttp.ClientError, OSError) as err:
            accepted = await asking  # If that is a refusal, it is what there is to say.
            # The job is written and paid for, and its video comes as a message of its own: nothing to apologise for.
            log.warning("card_not_shown", job=accepted.job.id, error=str(err))

    async def _take_back(self, asking: asyncio.Task[Accepted]) -> None:
        """Discord has told the member that we do not answer: give back what we have just taken for it.

        A job that an earlier delivery of the interaction has brought stays; and one that the worker has sent on in the
        meantime is paid for at the provider, so its member gets the video.
        """
        accepted = await asking
        if accepted.is_new:
            job = accepted.job
            with contextlib.suppress(UserError):
                await self._jobs.cancel(job.place.guild_id, job.user_id, job.id)

    async def _card(self, accepted: Accepted) -> Card:
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
        card.embed.add_field(name=_("Left to spend"), value=words.limit_of(_, accepted.spendable))
        return card

    @video.autocomplete("model")
    async def suggest_models(self, interaction: discord.Interaction, typed: str) -> list[Choice[str]]:
        return await suggestions(interaction, self._models(interaction, typed))

    @video.autocomplete("aspect")
    async def suggest_aspects(self, interaction: discord.Interaction, typed: str) -> list[Choice[str]]:
        return await suggestions(interaction, self._values(interaction, OptionName.ASPECT, typed, str))

    @video.autocomplete("duration")
    async def suggest_durations(self, interaction: discord.Interaction, typed: str) -> list[Choice[int]]:
        return await suggestions(interaction, self._values(interaction, OptionName.DURATION, str(typed), int))

    @video.autocomplete("style")
    async def suggest_styles(self, interaction: discord.Interaction, typed: str) -> list[Choice[str]]:
        return await suggestions(interaction, self._values(interaction, OptionName.STYLE, typed, str))

    @video.autocomplete("quality")
    async def suggest_qualities(self, interaction: discord.Interaction, typed: str) -> list[Choice[str]]:
        return await suggestions(interaction, self._values(interaction, OptionName.QUALITY, typed, str))

    async def _models(self, interaction: discord.Interaction, typed: str) -> list[Choice[str]]:
        _, mode = texts_of(interaction), typed_mode(interaction)
        meant = [model for model in self._availability.offered() if choices.is_meant(model, typed)]
        found = [(model, mode) for model in meant if mode in self._availability.modes(model)]
        if mode is Mode.TEXT:
            # A picture may still come; one that is attached already does not go away by itself.
            rest = [(model, self._availability.modes(model)) for model in meant if (model, mode) not in found]
            found += [(model, Mode.IMAGE) for model, modes in rest if Mode.IMAGE in modes]
        return [
            await self._choice(_, model, usable, needs_image=usable is not mode)
            for model, usable in found[: choices.MAX_CHOICES]
        ]

    async def _choice(self, _: Texts, model: VideoModel, mode: Mode, *, needs_image: bool = False) -> Choice[str]:
        price = lowest_price(model, mode, self._markup)
        typical = await self._estimates.typical(model, mode)
        return Choice(name=choices.model_choice(_, model, price, typical, needs_image=needs_image), value=model.id)

    async def _values(
        self, interaction: discord.Interaction, name: OptionName, typed: str, kind: type[T]
    ) -> list[Choice[T]]:
        mode = typed_mode(interaction)
        model = self._generation.choose(interaction.namespace.model, mode)
        # A model that only animates pictures may be chosen before its picture is attached.
        spec = model.modes.get(mode) or next(iter(model.modes.values()))
        offered = choices.option_choices(
            texts_of(interaction),
            spec,
            name,
            chosen_in(interaction),
            typed,
            self._markup,
            pictures=count_in(interaction),
        )
        return [Choice(name=text, value=value) for text, value in offered if isinstance(value, kind)]


class PromptForm(discord.ui.Modal):
    """Asks for another prompt, with the old one to start from."""

    def __init__(self, cog: Generate, request: VideoRequest, _: Texts, again_of: JobId | None = None) -> None:
        title = _("Make it again, differently") if request.follow_up is None else _("What happens next")
        super().__init__(title=title, timeout=FORM_LIFE.total_seconds())
        self._cog = cog
        self._request = request
        self._again_of = again_of
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
        await self.done(interaction, replace(self._request, prompt=prompt))

    async def done(self, interaction: discord.Interaction, request: VideoRequest) -> None:
        """What follows once the prompt is there."""
        await self._cog.edited(interaction, request, self._again_of)


class RewriteForm(PromptForm):
    """Shows what the assistant wrote, to be changed."""

    def __init__(self, cog: Generate, request: VideoRequest, _: Texts, number: int) -> None:
        super().__init__(cog, request, _)
        self.title = _("Change the prompt")
        self._number = number

    async def done(self, interaction: discord.Interaction, request: VideoRequest) -> None:
        await self._cog.edited_rewritten(interaction, request, self._number)


class VideoButton(
    Control, template=r"job:(?P<id>[0-9]{1,18}):(?P<action>again|edit|extend|upscale|restyle|delete|instead)"
):
    """A button under a posted video, or under the card of a job that waits in vain."""

    async def act(self, interaction: discord.Interaction) -> None:
        cog, job_id = cog_of(interaction, Generate), JobId(int(self.match["id"]))
        match self.match["action"]:
            case "again":
                await cog.again(interaction, job_id)
            case "instead":
                await cog.instead(interaction, job_id)
            case "edit":
                await cog.edit(interaction, job_id)
            case "extend" | "upscale" | "restyle" as mode:
                await cog.offer(interaction, job_id, Mode(mode))
            case _:
                await cog.delete(interaction, job_id)


class DraftButton(Control, template=r"draft:(?P<id>[0-9]{1,18}):(?P<action>create|edit|cancel)"):
    """The answer to the question whether a video is worth its price."""

    async def act(self, interaction: discord.Interaction) -> None:
        cog, draft_id = cog_of(interaction, Generate), DraftId(int(self.match["id"]))
        match self.match["action"]:
            case "create":
                await cog.create(interaction, draft_id)
            case "edit":
                await cog.rethink(interaction, draft_id)
            case _:
                await cog.drop(interaction, draft_id)


class RewriteButton(Control, template=r"rewrite:(?P<id>[0-9]{1,18}):(?P<action>create|edit|mine|cancel)"):
    """Under what the assistant wrote, seen by its member only."""

    async def act(self, interaction: discord.Interaction) -> None:
        cog, number = cog_of(interaction, Generate), int(self.match["id"])
        match self.match["action"]:
            case "edit":
                await cog.edit_rewritten(interaction, number)
            case "cancel":
                await cog.cancel_rewritten(interaction, number)
            case action:
                await cog.rewritten(interaction, number, is_own=action == "mine")


class FollowUpButton(
    Control,
    template=r"do:(?P<id>[0-9]{1,18}):(?P<mode>extend|upscale|restyle):(?P<model>[a-z0-9-]{1,50}):(?P<duration>[0-9]{0,4}):(?P<quality>[a-z0-9-]{0,20})",
):
    """One of the things that can be done with a posted video."""

    async def act(self, interaction: discord.Interaction) -> None:
        options: dict[OptionName, OptionValue] = {}
        if self.match["duration"]:
            options[OptionName.DURATION] = int(self.match["duration"])
        if self.match["quality"]:
            options[OptionName.QUALITY] = self.match["quality"]
        cog, job_id = cog_of(interaction, Generate), JobId(int(self.match["id"]))
        await cog.choose(interaction, job_id, Mode(self.match["mode"]), ModelId(self.match["model"]), options)


CONTROLS: tuple[DynamicItemType, ...] = (VideoButton, FollowUpButton, RewriteButton, DraftButton)


async def _tell(interaction: discord.Interaction, text: str) -> None:
    """A word to the member alone, after what they wanted was done: it is not worth an apology if it gets lost."""
    try:
        await interaction.followup.send(text, ephemeral=True)
    except (discord.DiscordException, aiohttp.ClientError, OSError) as err:
        log.warning("not_told", error=str(err))
