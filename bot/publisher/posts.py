"""What a job shows on Discord, finished videos, links, failures and cards, and what the host is told."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Iterator
from datetime import timedelta
from pathlib import Path

import aiohttp
import discord
from discord.http import handle_message_parameters
from discord.webhook.async_ import async_context

from bot import i18n, logs
from bot.domain import follow_ups
from bot.domain.ids import ChannelId, MessageId, UserId
from bot.domain.jobs import Job, finished_of
from bot.domain.models import Catalogue, VideoModel
from bot.errors import DeliveryUnavailableError, HistoryClosedError
from bot.i18n import Texts
from bot.ports import Link, Post, Receipt
from bot.publisher.discord_errors import (
    BLOCKED_TEXT,
    EDIT_PATIENCE,
    FILE_PATIENCE,
    NOT_DISCORD,
    TEXT_PATIENCE,
    UNKNOWN_MESSAGE,
    delivery_error,
    delivery_errors,
    in_a_line,
)
from bot.rendering import buttons, posts
from bot.rendering.cards import Card
from bot.rendering.replies import model_name

log = logs.get(__name__)

# Discord's clock and ours need not agree.
CLOCK_MARGIN = timedelta(minutes=2)
# How many messages `find_post` looks through, from the first attempt on and again from the end of the channel back.
LOOKED_THROUGH = 500


class DiscordPublisher:
    """Posts by the bot's own token to channels by their ids; it needs nothing in memory and no gateway."""

    def __init__(
        self,
        client: discord.Client,
        *,
        catalogue: Catalogue,
        owner_ids: Collection[UserId] = (),
        offered: Callable[[], Iterable[VideoModel]] | None = None,
    ) -> None:
        """*offered* are the models that can be had now; all of the catalogue unless somebody knows better."""
        self._client = client
        self._catalogue = catalogue
        self._offered = offered or catalogue.models.values
        self._owner_ids = frozenset(owner_ids)

    async def post_video(self, job: Job, path: Path, receipt: Receipt, *, is_spoiler: bool = False) -> Post:
        """Post the file under the job's nonce; a spoiler is hidden until somebody clicks. Raises DeliveryError."""
        texts, model = _public(job), model_name(job, self._catalogue)

        def content(*, has_prompt: bool) -> str:
            return posts.video_post(texts, job, receipt, model, has_prompt=has_prompt)

        return await self._post(job, job.nonce, content, self._buttons(texts, job), path, is_spoiler=is_spoiler)

    async def post_link(self, job: Job, link: Link, receipt: Receipt, *, is_spoiler: bool = False) -> Post:
        """Post an address instead of the file. Raises DeliveryError."""
        texts, model = _public(job), model_name(job, self._catalogue)

        def content(*, has_prompt: bool) -> str:
            return posts.link_post(texts, job, link, receipt, model, has_prompt=has_prompt, is_spoiler=is_spoiler)

        return await self._post(job, job.nonce, content, self._buttons(texts, job))

    def _buttons(self, texts: Texts, job: Job) -> discord.ui.View:
        finished = finished_of(job)
        return buttons.of_result(texts, job.id, follow_ups.purposes(self._offered(), finished))

    async def post_failure(self, job: Job) -> None:
        """Tell the requester that the job failed and that the credits are back. Raises DeliveryError."""
        texts = _public(job)

        def content(*, has_prompt: bool) -> str:
            return posts.failure_post(texts, job)

        await self._post(job, f"cutscene-{job.id}-failed", content, buttons.of_failure(texts, job))

    async def find_post(self, job: Job) -> Post | None:
        """The result message of this job, if it already is in the channel.

        Raises HistoryClosedError where the bot may not read it, DeliveryUnavailableError when Discord cannot say.
        """
        if job.posting_at is None or self._client.user is None:
            return None
        since = discord.Object(discord.utils.time_snowflake(job.posting_at - CLOCK_MARGIN))
        try:
            async with asyncio.timeout(TEXT_PATIENCE.total_seconds()):
                channel = await self._place_of(job)
                seen = 0
                # The first attempt is the likeliest to have got through; after it the latest one.
                async for message in channel.history(after=since, oldest_first=True, limit=LOOKED_THROUGH):
                    seen += 1
                    if self._is_post_of(message, job):
                        return _post_of(message)
                if seen == LOOKED_THROUGH:
                    async for message in _newest(channel):
                        if self._is_post_of(message, job):
                            return _post_of(message)
                if not seen and not job.is_direct:
                    await _check_readable(channel, since.id)
        except (discord.NotFound, discord.Forbidden) as err:
            if err.code in NOT_DISCORD:
                raise DeliveryUnavailableError(f"history: {in_a_line(err)}") from err
            if isinstance(err, discord.Forbidden):
                raise HistoryClosedError(f"history: {in_a_line(err)}") from err
            # With the place its messages are gone; posting will say so.
            log.info("place_gone", job=job.id, code=err.code)
        except (discord.DiscordException, aiohttp.ClientError, OSError) as err:
            raise DeliveryUnavailableError(f"history: {in_a_line(err)}") from err
        return None

    async def edit_card(self, job: Job, card: Card) -> None:
        """Put *card* in place of the answer to the job's command.

        Raises PlaceGoneError when that message cannot be edited ever again, DeliveryUnavailableError for now.
        """
        try:
            await self._edit_original(job, card)
        except discord.HTTPException as err:
            if err.code not in BLOCKED_TEXT:
                raise delivery_error(err) from err
            with delivery_errors():
                await self._edit_original(job, card.without_prompt())
        except (discord.DiscordException, aiohttp.ClientError, OSError) as err:
            raise delivery_error(err) from err

    async def tell_host(self, text: str) -> bool:
        """A direct message to each of the people who run this bot; never raises.

        False when nobody has it and that may be different later, so that it is worth saying again.
        """
        if self._client.user is None:
            log.warning("host_not_told", text=text, reason="not logged in")
            return False
        is_told = is_unreachable = False
        for owner_id in self._owners():
            try:
                async with asyncio.timeout(TEXT_PATIENCE.total_seconds()):
                    channel = await self._client.create_dm(discord.Object(owner_id))
                    await channel.send(text[: posts.MAX_CONTENT])
                is_told = True
            except (discord.DiscordException, aiohttp.ClientError, OSError) as err:
                # Closed direct messages are the usual reason; the log is where the host looks then.
                log.warning("host_not_told", owner=owner_id, text=text, reason=in_a_line(err))
                is_unreachable = is_unreachable or isinstance(delivery_error(err), DeliveryUnavailableError)
        return is_told or not is_unreachable

    def _owners(self) -> Collection[int]:
        if self._owner_ids:
            return self._owner_ids
        application = self._client.application
        if application is None:
            return ()
        team = application.team
        return (team.owner_id,) if team is not None and team.owner_id is not None else (application.owner.id,)

    async def _place_of(self, job: Job) -> discord.PartialMessageable:
        """The channel of the job, or its member's direct messages."""
        if job.is_direct:
            direct = await self._client.create_dm(discord.Object(job.user_id))
            return self._client.get_partial_messageable(direct.id)
        return self._client.get_partial_messageable(job.place.channel_id, guild_id=job.shown_in)

    async def _post(
        self,
        job: Job,
        nonce: str,
        content: Callable[..., str],
        view: discord.ui.View,
        path: Path | None = None,
        *,
        is_spoiler: bool = False,
    ) -> Post:
        """Send under *nonce*; a second time without the prompt if automatic moderation objects to it."""
        for has_prompt in (True, False):
            # The library closes a file after its one use. One that is missing is a fault of ours and no DeliveryError.
            with (
                contextlib.closing(_file_of(job, path, is_spoiler=is_spoiler))
                if path
                else contextlib.nullcontext() as file
            ):
                try:
                    return await self._send(job, nonce, content(has_prompt=has_prompt), view, file)
                except discord.HTTPException as err:
                    if err.code == UNKNOWN_MESSAGE:
                        return _deleted_post(job)
                    if err.code not in BLOCKED_TEXT or not has_prompt:
                        raise delivery_error(err) from err
                    log.info("post_blocked", job=job.id, code=err.code)
                except (discord.DiscordException, aiohttp.ClientError, OSError) as err:
                    raise delivery_error(err) from err
        raise AssertionError("unreachable: the second round returns or raises")

    async def _send(self, job: Job, nonce: str, content: str, view: discord.ui.View, file: discord.File | None) -> Post:
        mentions = discord.AllowedMentions(
            everyone=False, roles=False, users=[discord.Object(job.user_id)], replied_user=False
        )
        patience = TEXT_PATIENCE if file is None else FILE_PATIENCE
        async with asyncio.timeout(patience.total_seconds()):
            channel = await self._place_of(job)
            if file is None:
                message = await channel.send(content, nonce=nonce, view=view, allowed_mentions=mentions)
            else:
                message = await channel.send(content, nonce=nonce, view=view, allowed_mentions=mentions, file=file)
        return _post_of(message)

    async def _edit_original(self, job: Job, card: Card) -> None:
        place = job.place
        # Not `Webhook.edit_message`: this is the very request with which a living interaction edits its answer, and
        # it works in a process that has never seen the interaction. The webhook lends us the client's session.
        session = discord.Webhook.partial(place.application_id, place.interaction_token, client=self._client).session
        with handle_message_parameters(
            content=None,
            embed=card.embed,
            view=card.view,
            attachments=[],
            allowed_mentions=discord.AllowedMentions.none(),
        ) as params:
            async with asyncio.timeout(EDIT_PATIENCE.total_seconds()):
                await async_context.get().edit_original_interaction_response(
                    place.application_id,
                    place.interaction_token,
                    session=session,
                    proxy=self._client.http.proxy,
                    proxy_auth=self._client.http.proxy_auth,
                    payload=params.payload,
                )

    def _is_post_of(self, message: discord.Message, job: Job) -> bool:
        if self._client.user is None or message.author.id != self._client.user.id:
            return False
        names = {file_name(job), f"SPOILER_{file_name(job)}"}
        if any(attachment.filename in names for attachment in message.attachments):
            return True
        # A link post has no file. Of all our messages only results can be deleted by a button.
        wanted = buttons.delete_id(job.id)
        return any(wanted == custom_id for row in message.components for custom_id in _custom_ids(row))


def file_name(job: Job) -> str:
    """What the video is called on Discord, and what it is found by after a crash."""
    # One that staff had delivered again is another file, or the first would be taken for it.
    return f"cutscene-{job.id}-{job.redelivery + 1}.mp4" if job.redelivery else f"cutscene-{job.id}.mp4"


def _file_of(job: Job, path: Path, *, is_spoiler: bool) -> discord.File:
    return discord.File(path, file_name(job), spoiler=is_spoiler)


def _public(job: Job) -> Texts:
    """Posts are for everybody who reads the channel, not for the requester alone."""
    return i18n.texts(job.place.guild_locale)


def _custom_ids(component: object) -> Iterator[str]:
    custom_id = getattr(component, "custom_id", None)
    if isinstance(custom_id, str):
        yield custom_id
    for child in getattr(component, "children", ()):
        yield from _custom_ids(child)


async def _check_readable(channel: discord.PartialMessageable, message_id: int) -> None:
    """Raises discord.Forbidden where the bot may not read what is there.

    Without Read Message History a list of messages is not refused, it is empty (Discord: "Get Channel Messages"). A
    single message is refused then ("Get Channel Message"), whether it exists or not.
    """
    try:
        await channel.fetch_message(message_id)
    except discord.NotFound as err:
        if err.code != UNKNOWN_MESSAGE:
            raise


async def _newest(channel: discord.PartialMessageable) -> AsyncIterator[discord.Message]:
    async for message in channel.history(limit=LOOKED_THROUGH):
        yield message


def _post_of(message: discord.Message) -> Post:
    return Post(message_id=MessageId(message.id), channel_id=ChannelId(message.channel.id))


def _deleted_post(job: Job) -> Post:
    """The post was made and somebody deleted it before we heard: the job is delivered, and nothing is sent again.

    Discord does not tell the message's id. An id made of the time of posting leads a link to that place in the channel.
    """
    log.info("post_deleted", job=job.id)
    at = discord.utils.time_snowflake(job.posting_at or job.created_at)
    return Post(message_id=MessageId(at), channel_id=job.place.channel_id)
