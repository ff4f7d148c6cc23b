"""From a request to a job and its first card: everything that asks for a video ends here."""

from __future__ import annotations

import asyncio

import aiohttp
import discord

from bot import logs
from bot.client import InteractionGoneError, defer, in_time, is_answered, missing_permissions, show
from bot.client.attachments import Clips, Pictures
from bot.client.controls import member_of, requester_of, texts_of
from bot.client.typed import place_of
from bot.domain.ids import DraftId, JobId, UserId
from bot.domain.videos import VideoRequest, VideoSpec
from bot.errors.pictures import PictureGoneError, VideoGoneError
from bot.errors.requests import AdultsOnlyError, MissingPermissionsError, PriceChangedError
from bot.i18n import texts
from bot.rendering import buttons, cards, replies, words
from bot.rendering.cards import Card, Progress
from bot.services.answers import Answers
from bot.services.availability import Availability
from bot.services.credits import Credits
from bot.services.estimates import Estimates
from bot.services.generation import Accepted, Generation

log = logs.get(__name__)


class Requests:
    """Looks whether a video may be made here, asks about its price where the guild wants that, and makes it."""

    def __init__(
        self,
        *,
        generation: Generation,
        availability: Availability,
        estimates: Estimates,
        answers: Answers,
        credits: Credits,
        pictures: Pictures,
        clips: Clips,
    ) -> None:
        self._generation = generation
        self._availability = availability
        self._estimates = estimates
        self._answers = answers
        self._credits = credits
        self._pictures = pictures
        self._clips = clips

    def check(self, interaction: discord.Interaction, request: VideoRequest) -> VideoSpec:
        """The request, complete and priced, if it may be made in this channel. Raises UserError."""
        video = self._generation.check(request)
        adult = self._availability.catalogue.get(video.model).adult_option(video.mode, video.options)
        if adult is not None and not requester_of(interaction).is_restricted_channel:
            raise AdultsOnlyError(field=adult, given=video.options[adult])
        return video

    def check_place(self, interaction: discord.Interaction) -> None:
        """Look whether the video could be posted here."""
        missing = missing_permissions(interaction)
        if missing:
            raise MissingPermissionsError(permissions=", ".join(missing))

    async def find_pictures(self, request: VideoRequest) -> None:
        """Look whether what it is made from is still here; time has passed since it was given."""
        for field, picture in request.pictures():
            path = self._pictures.path(picture)
            if not await asyncio.to_thread(path.is_file):
                raise PictureGoneError(field=field)
        clip = request.source.clip if request.source else None
        if clip is not None and not await asyncio.to_thread(self._clips.path(clip).is_file):
            raise VideoGoneError

    async def open(self, interaction: discord.Interaction, video: VideoSpec) -> None:
        """Make sure that the video could be posted here, and take the time to ask for it.

        Where the price is asked about first, that is between the member and us.
        """
        self.check_place(interaction)
        await defer(interaction, ephemeral=await self._asks_first(interaction, video))

    async def foresee(self, interaction: discord.Interaction, video: VideoSpec) -> None:
        """Nobody's files are fetched for what they may not have. Raises UserError."""
        await self._generation.foresee(
            UserId(interaction.user.id), place_of(interaction), video, requester_of(interaction)
        )

    async def edited(self, interaction: discord.Interaction, request: VideoRequest) -> None:
        """A form came back with another prompt."""
        self.check(interaction, request)
        self.check_place(interaction)
        await self.accept(interaction, request)

    async def accept(
        self,
        interaction: discord.Interaction,
        request: VideoRequest,
        *,
        again_of: JobId | None = None,
        seen_price: int | None = None,
        rewrite: int | None = None,
    ) -> None:
        """Make the video, or ask about its price first where the guild wants that; *rewrite* is used up by it.

        Whoever has seen a price never pays more than that. Raises PriceChangedError.
        """
        video = self.check(interaction, request)
        if seen_price is not None:
            check_price(video.price, seen_price)
            await self.make(interaction, video, again_of=again_of, seen_price=seen_price, rewrite=rewrite)
        elif await self._asks_first(interaction, video):
            await self._ask(interaction, video, again_of)
        else:
            await self.make(interaction, video, again_of=again_of)

    async def make(
        self,
        interaction: discord.Interaction,
        video: VideoSpec,
        *,
        again_of: JobId | None = None,
        draft_id: DraftId | None = None,
        seen_price: int | None = None,
        instead_of: JobId | None = None,
        rewrite: int | None = None,
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
                rewrite=rewrite,
                is_answered=is_answered(interaction),
            )
        )
        try:
            accepted = await in_time(interaction, asking)
            await show(interaction, self._card(accepted))
        except InteractionGoneError:
            await self._answers.lost(await asking, rewrite=rewrite)
            raise
        except (discord.DiscordException, aiohttp.ClientError, OSError) as err:
            accepted = await asking  # If that is a refusal, it is what there is to say.
            # The job is written and paid for, and its video comes as a message of its own: nothing to apologise for.
            log.warning("card_not_shown", job=accepted.job.id, error=str(err))
        await self._answers.given(accepted.job)

    async def is_replayed(self, interaction: discord.Interaction) -> bool:
        """Whether the interaction has brought a job before, whose card then is the answer.

        To be asked where that job has used up what the click is about, so that the click would find nothing any more.
        """
        earlier = self._answers.earlier(UserId(interaction.user.id), place_of(interaction), requester_of(interaction))
        accepted = await in_time(interaction, earlier)
        if accepted is None:
            return False
        await show(interaction, self._card(accepted))
        await self._answers.given(accepted.job)
        return True

    async def _asks_first(self, interaction: discord.Interaction, video: VideoSpec) -> bool:
        return await in_time(interaction, self._generation.asks_first(member_of(interaction)[0], video.price))

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

    def _card(self, accepted: Accepted) -> Card:
        """The first card, in the guild's language because everybody sees it. Whatever moves the job edits it later."""
        job = accepted.job
        model = self._availability.catalogue.find(job.model)
        progress = Progress(
            model=str(job.model) if model is None else model.name,
            ahead=accepted.ahead,
            ready_at=self._estimates.ready_at(job),
        )
        _ = texts(job.place.guild_locale)
        card = cards.card(_, job, progress)
        card.embed.add_field(name=_("Left to spend"), value=words.limit_of(_, accepted.spendable))
        return card


def check_price(price: int, told: int | None) -> None:
    """Look whether it still costs what an offer has told; the host may have other prices since a restart."""
    if told is not None and price > told:
        raise PriceChangedError(price=price)
