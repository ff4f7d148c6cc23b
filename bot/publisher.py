"""Shows things on Discord: finished videos, links, failures and cards, and names whatever goes wrong with them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path

import aiohttp
import discord
from discord.http import handle_message_parameters
from discord.webhook.async_ import async_context

from bot import i18n, logs
from bot.domain import follow_ups
from bot.domain.ids import ChannelId, GuildId, MessageId, UserId
from bot.domain.jobs import Job, finished_of
from bot.domain.models import Catalogue, VideoModel
from bot.domain.staff_log import StaffLine
from bot.errors import (
    AccessMissingError,
    DeliveryError,
    DeliveryUnavailableError,
    HistoryClosedError,
    PlaceGoneError,
    TooLargeError,
)
from bot.i18n import N_, Texts
from bot.ports import Link, Post, Receipt
from bot.rendering import buttons, posts, staff_log
from bot.rendering.cards import Card
from bot.rendering.prompts import harmless
from bot.rendering.replies import model_name

log = logs.get(__name__)

# Discord's JSON error codes ("Opcodes and Status Codes" in its documentation).
UNKNOWN_MESSAGE = 10008
MALFORMED = 50035
# Also said in error, for a moment: github.com/discord/discord-api-docs issues 7275 and 7666.
MISSING_ACCESS = 50001
DEAD_TOKEN = frozenset({10015, 50027})  # of an interaction
TOO_LARGE = frozenset({40005, 50045})
# Automatic moderation or a link filter refused our text: the prompt in it, since the rest is our own words.
BLOCKED_TEXT = frozenset({200000, 200001, 240000})

LOG_GONE = N_(
    "The staff log of **{server}** cannot be written to <#{channel}> any more, so it is switched off. Choose another "
    "channel; what has happened stands in `/moderate log`."
)

# The library waits for rate limits and repeats by itself; past this the worker does it better, having looked first.
FILE_PATIENCE = timedelta(minutes=5)
TEXT_PATIENCE = timedelta(minutes=1)
EDIT_PATIENCE = timedelta(seconds=20)

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
        except discord.NotFound as err:
            # With the place its messages are gone; posting will say so.
            log.info("place_gone", job=job.id, code=err.code)
        except discord.Forbidden as err:
            raise HistoryClosedError(f"history: {_said(err)}") from err
        except (discord.DiscordException, aiohttp.ClientError, OSError) as err:
            raise DeliveryUnavailableError(f"history: {_said(err)}") from err
        return None

    async def edit_card(self, job: Job, card: Card) -> None:
        """Put *card* in place of the answer to the job's command.

        Raises PlaceGoneError when that message cannot be edited ever again, DeliveryUnavailableError for now.
        """
        try:
            await self._edit_original(job, card)
        except discord.HTTPException as err:
            if err.code not in BLOCKED_TEXT:
                raise _delivery_error(err) from err
            with _delivery_errors():
                await self._edit_original(job, card.without_prompt())
        except (discord.DiscordException, aiohttp.ClientError, OSError) as err:
            raise _delivery_error(err) from err

    async def post_lines(
        self, guild_id: GuildId, channel_id: ChannelId, language: str | None, lines: Sequence[StaffLine], nonce: str
    ) -> None:
        """One message with all of the lines, that pings nobody. Raises DeliveryError.

        What automatic moderation blocks even without the words that people wrote is only kept in the list.
        """
        texts = self._texts_of(guild_id, language)
        view = staff_log.job_buttons(texts, lines) or discord.utils.MISSING
        channel = self._client.get_partial_messageable(channel_id, guild_id=guild_id)
        for has_quotes in (True, False):
            card = staff_log.lines_of(texts, lines, has_quotes=has_quotes)
            try:
                async with asyncio.timeout(TEXT_PATIENCE.total_seconds()):
                    await channel.send(
                        embed=card, view=view, nonce=nonce, allowed_mentions=discord.AllowedMentions.none()
                    )
            except discord.HTTPException as err:
                # A member's words must not close the staff's channel: it is theirs as much as before.
                if err.code not in BLOCKED_TEXT:
                    raise _delivery_error(err) from err
                log.info("staff_log_blocked", guild=guild_id, code=err.code, has_quotes=has_quotes)
            except (discord.DiscordException, aiohttp.ClientError, OSError) as err:
                raise _delivery_error(err) from err
            else:
                return

    async def tell_of_gone_channel(self, guild_id: GuildId, channel_id: ChannelId, chosen_by: UserId | None) -> None:
        """A direct message to whoever chose the channel, or to the guild's owner; never raises."""
        guild = self._client.get_guild(guild_id)
        texts = self._texts_of(guild_id, None)
        person = chosen_by or (None if guild is None else guild.owner_id)
        if person is None:
            return
        text = texts(
            LOG_GONE,
            server=harmless("?" if guild is None else guild.name, 100),
            channel=channel_id,
        )
        try:
            async with asyncio.timeout(TEXT_PATIENCE.total_seconds()):
                direct = await self._client.create_dm(discord.Object(person))
                await direct.send(text, allowed_mentions=discord.AllowedMentions.none())
        except (discord.DiscordException, aiohttp.ClientError, OSError) as err:
            log.warning("staff_not_told", guild=guild_id, reason=_said(err))

    def _texts_of(self, guild_id: GuildId, language: str | None) -> Texts:
        """In the language that the guild has chosen, else in Discord's own for it."""
        guild = self._client.get_guild(guild_id)
        return i18n.texts(language or ("en-US" if guild is None else guild.preferred_locale.value))

    async def tell_host(self, text: str) -> None:
        """A direct message to each of the people who run this bot; never raises."""
        if self._client.user is None:
            log.warning("host_not_told", text=text, reason="not logged in")
            return
        for owner_id in self._owners():
            try:
                async with asyncio.timeout(TEXT_PATIENCE.total_seconds()):
                    channel = await self._client.create_dm(discord.Object(owner_id))
                    await channel.send(text[: posts.MAX_CONTENT])
            except (discord.DiscordException, aiohttp.ClientError, OSError) as err:
                # Closed direct messages are the usual reason; the log is where the host looks then.
                log.warning("host_not_told", owner=owner_id, text=text, reason=_said(err))

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
                        raise _delivery_error(err) from err
                    log.info("post_blocked", job=job.id, code=err.code)
                except (discord.DiscordException, aiohttp.ClientError, OSError) as err:
                    raise _delivery_error(err) from err
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


@contextlib.contextmanager
def _delivery_errors() -> Iterator[None]:
    try:
        yield
    except (discord.DiscordException, aiohttp.ClientError, OSError) as err:
        raise _delivery_error(err) from err


def _delivery_error(error: Exception) -> DeliveryError:
    """What *error* means for a message that has to get there."""
    said = _said(error)
    if not isinstance(error, discord.HTTPException):
        # Rate limits longer than we wait, cut connections, timeouts: perhaps the message is there.
        return DeliveryUnavailableError(said)
    if error.status == 413 or error.code in TOO_LARGE:
        return TooLargeError(said)
    if error.code in DEAD_TOKEN:
        return PlaceGoneError(said)
    if error.code == MALFORMED:
        log.error("post_malformed", error=said)
    # Without a code it is the edge in front of Discord that speaks, or a proxy; 401 is our own token.
    if error.status >= 500 or error.status in {401, 408, 429} or error.code == 0:
        return DeliveryUnavailableError(said)
    if error.code == MISSING_ACCESS:
        return AccessMissingError(said)
    # The channel, the message or the interaction's token is gone, or this message is refused for a reason that
    # repeating does not change: codes 10003, 10015, 50013, 50027, 50083, 160005, 40058 and so on.
    return PlaceGoneError(said)


def _said(error: Exception) -> str:
    """The error in a line, without what a URL in it would give away."""
    if isinstance(error, discord.HTTPException):
        return f"HTTP {error.status}, code {error.code}: {error.text}"[:300]
    return f"{type(error).__name__}: {error}"[:300]
