"""The one edge at which exceptions on the Discord side become messages for people."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import secrets
from collections.abc import Awaitable, Callable, Coroutine
from datetime import timedelta
from enum import StrEnum
from typing import Any, Protocol, TypeVar, runtime_checkable

import aiohttp
import discord
from discord import app_commands

from bot import i18n, logs
from bot.domain.ids import GuildId
from bot.errors import CutsceneError, UserError
from bot.errors.host import NotServedError
from bot.errors.requests import BusyError
from bot.errors.staff import NotAllowedError
from bot.i18n import N_, Texts
from bot.rendering.cards import Card
from bot.rendering.prompts import harmless

log = logs.get(__name__)

T = TypeVar("T")

# Discord's JSON error codes ("Opcodes and Status Codes" in its documentation).
UNKNOWN_WEBHOOK = 10015
UNKNOWN_INTERACTION = 10062
ALREADY_ACKNOWLEDGED = 40060
INVALID_WEBHOOK_TOKEN = 50027

# Nobody reads an answer to these interactions any more.
GONE = frozenset({UNKNOWN_WEBHOOK, UNKNOWN_INTERACTION, INVALID_WEBHOOK_TOKEN})

# What sending an answer may end with, none of which is worth more than a line in the log.
UNDELIVERED = (discord.DiscordException, aiohttp.ClientError, OSError)

# Discord waits three seconds for a first answer, and our own part of them ends well before the first edit of a job's
# card (`HEAD_START` in bot/cards.py), which needs something to edit.
FIRST_ANSWER = timedelta(milliseconds=700)

# What cannot come after "thinking" (a form) has most of the three seconds; the rest is for the way to Discord.
ONLY_ANSWER = timedelta(seconds=2)

LONGEST_MESSAGE = 2000  # Discord's limit for a message's content.

BROKEN = N_("Something broke on our side. Reference `{reference}`.")
OUTDATED = N_("This command has just changed. Restart Discord and try again.")
ONLY_IN_SERVERS = N_("This only works inside a server.")
TOO_FAST = N_("That was too fast. Try again in {seconds} seconds.")
NOT_POSSIBLE = N_("`{given}` is not possible here. Choose one of the suggestions.")

# Values of errors that staff has written, or a stranger's moderation endpoint.
WRITTEN = frozenset({"reason", "categories"})
LONGEST_QUOTE = 400

# Where `defer` notes in `interaction.extras` how the interaction was deferred; the library forgets it.
DEFERRAL = "cutscene.deferral"


class Deferral(StrEnum):
    PUBLIC = "public"
    EPHEMERAL = "ephemeral"


class InteractionGoneError(CutsceneError):
    """Discord takes no answer to this interaction any more; nobody can be told. Nothing may stay charged for it."""


async def defer(interaction: discord.Interaction, *, ephemeral: bool) -> None:
    """Show "thinking", so that there are 15 minutes for the answer. Edit the original response to give it.

    Raises InteractionGoneError when Discord had given up waiting.
    """
    if is_answered(interaction):
        return
    await _acknowledge(interaction, lambda: interaction.response.defer(ephemeral=ephemeral, thinking=True))
    interaction.extras[DEFERRAL] = Deferral.EPHEMERAL if ephemeral else Deferral.PUBLIC


async def in_time(interaction: discord.Interaction, work: Awaitable[T]) -> T:
    """What *work* ends with. Where it takes long for a first answer, "thinking" is shown to everybody meanwhile.

    Raises InteractionGoneError when Discord had given up waiting; *work* goes on then.
    """
    task = asyncio.ensure_future(work)
    try:
        if not is_answered(interaction):
            await asyncio.wait({task}, timeout=FIRST_ANSWER.total_seconds())
            if not task.done():
                await defer(interaction, ephemeral=False)
        return await task
    except asyncio.CancelledError:
        task.cancel()
        raise


async def at_once(work: Awaitable[T]) -> T:
    """What *work* ends with, for an answer that has to be the first one: no form can come after "thinking".

    Raises BusyError when Discord would have given up before; *work*, which must only read, goes on unheard.
    """
    task = asyncio.ensure_future(work)
    done, _ = await asyncio.wait({task}, timeout=ONLY_ANSWER.total_seconds())
    if not done:
        task.add_done_callback(_unheard)
        raise BusyError
    return task.result()


def _unheard(task: asyncio.Future[Any]) -> None:
    """Read its error, or asyncio complains that nobody has."""
    if not task.cancelled():
        task.exception()


async def show(interaction: discord.Interaction, card: Card, *, ephemeral: bool = False) -> None:
    """Answer with the card; where "thinking" is shown already, in its place.

    Raises InteractionGoneError when Discord had given up waiting.
    """
    response, view = interaction.response, discord.utils.MISSING if card.view is None else card.view
    if not is_answered(interaction):
        try:
            if await _acknowledge(
                interaction, lambda: response.send_message(embed=card.embed, view=view, ephemeral=ephemeral)
            ):
                return
        except discord.HTTPException:
            # It does not like this card. There has to be an answer that a later one can take the place of.
            await defer(interaction, ephemeral=ephemeral)
            raise
    if ephemeral and interaction.extras.get(DEFERRAL) is Deferral.PUBLIC:
        # Public stays public, and this is for one member's eyes.
        await interaction.delete_original_response()
        await interaction.followup.send(embed=card.embed, view=view, ephemeral=True)
        return
    await interaction.edit_original_response(embed=card.embed, view=card.view)


def is_answered(interaction: discord.Interaction) -> bool:
    """Whether Discord has taken a first answer from us, if only that we are thinking."""
    # The library does not count an answer that Discord has told us it has already.
    return interaction.response.is_done() or DEFERRAL in interaction.extras


async def _acknowledge(interaction: discord.Interaction, send: Callable[[], Awaitable[object]]) -> bool:
    """Send the first answer. False when there is one already, from us or from a process before us."""
    try:
        try:
            await send()
        except (aiohttp.ClientError, OSError):
            # The answer was lost, the request perhaps not. If it got there, the second one ends in 40060.
            await send()
    except discord.HTTPException as err:
        if err.code in GONE:
            raise InteractionGoneError(f"interaction {interaction.id}") from err
        if err.code != ALREADY_ACKNOWLEDGED:
            raise
        # Our own call whose answer was lost, or the same interaction replayed after a reconnect.
        log.info("interaction_already_acknowledged", interaction=interaction.id)
        return False
    return True


class Edge:
    """Runs what people ask for and answers for everything that goes wrong in it.

    `is_served` says whether the host has opened the bot for a guild; the answer may change while it runs.
    """

    def __init__(self, is_served: Callable[[GuildId], bool]) -> None:
        self._is_served = is_served
        self._under_way = 0
        self._is_idle = asyncio.Event()
        self._is_idle.set()

    def serves(self, interaction: discord.Interaction) -> bool:
        # Direct messages belong to no guild; what works there costs nothing.
        return interaction.guild_id is None or self._is_served(GuildId(interaction.guild_id))

    async def run(self, interaction: discord.Interaction, work: Coroutine[Any, Any, object]) -> None:
        """Await *work* if the guild is served; whatever it raises is answered here."""
        if not self.serves(interaction):
            work.close()
            await self.answer(interaction, NotServedError())
            return
        await self.catch(interaction, work)

    async def catch(self, interaction: discord.Interaction, work: Awaitable[object]) -> None:
        """Await *work*; whatever it raises is answered here."""
        self._under_way += 1
        self._is_idle.clear()
        try:
            await work
        except Exception as err:  # noqa: BLE001 - This is the one edge: nothing above it could answer.
            await self.answer(interaction, err)
        finally:
            self._under_way -= 1
            if not self._under_way:
                self._is_idle.set()

    async def settle(self, at_most: timedelta) -> None:
        """Return when everything that was asked for is answered, or the time is over."""
        await asyncio.sleep(0)  # The library has made tasks for what has just come in; let them begin.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(at_most.total_seconds()):
                await self._is_idle.wait()

    async def answer(self, interaction: discord.Interaction, error: Exception) -> None:
        """Tell the person what happened, seen by nobody else if Discord lets us. Never raises."""
        if interaction.client.is_closed():
            log.warning("interaction_cut_off", was=named(interaction), error=repr(error))
            return
        text = text_of(error, i18n.texts(interaction.locale.value), interaction)
        if text is None:
            return
        try:
            await _reply(interaction, text[:LONGEST_MESSAGE])
        except UNDELIVERED as err:
            log.info("answer_undelivered", interaction=interaction.id, error=str(err))


def text_of(error: Exception, texts: Texts, interaction: discord.Interaction) -> str | None:
    """What to say about *error*; None when there is nobody left to hear it."""
    cause = error.__cause__
    match error:
        case app_commands.CommandInvokeError():
            return text_of(error.original, texts, interaction)
        case app_commands.AppCommandError() if isinstance(cause, UserError):
            return said(cause, texts)
        case UserError():
            return said(error, texts)
        case InteractionGoneError():
            log.info("interaction_gone", interaction=interaction.id, was=named(interaction))
            return None
        case discord.HTTPException() if error.code in GONE or error.code == ALREADY_ACKNOWLEDGED:
            log.info("interaction_gone", interaction=interaction.id, was=named(interaction), code=error.code)
            return None
        case app_commands.CommandNotFound() | app_commands.CommandSignatureMismatch():
            log.warning("command_outdated", was=named(interaction), error=str(error))
            return texts(OUTDATED)
        case app_commands.TransformerError():
            return texts(NOT_POSSIBLE, given=str(error.value).replace("`", "'")[:100])
        case app_commands.NoPrivateMessage():
            return texts(ONLY_IN_SERVERS)
        case app_commands.CommandOnCooldown():
            return texts(TOO_FAST, seconds=max(1, round(error.retry_after)))
        case app_commands.CheckFailure():
            return texts(NotAllowedError.text)
        case _:
            reference = secrets.token_hex(2).upper()
            log.error("interaction_failed", reference=reference, was=named(interaction), exc_info=error)
            return texts(BROKEN, reference=reference)


def said(error: UserError, texts: Texts) -> str:
    """The error's text, in which nobody else's words have an effect: it is the bot that seems to say them."""
    written = {name: value for name, value in error.values.items() if name in WRITTEN and isinstance(value, str)}
    return error.message(texts, **{name: harmless(value, LONGEST_QUOTE) for name, value in written.items()})


def named(interaction: discord.Interaction) -> str:
    """What was asked, for the log: a command's or a control's name, never what was typed."""
    if interaction.command is not None:
        return interaction.command.qualified_name
    return interaction.custom_id or interaction.type.name


async def _reply(interaction: discord.Interaction, text: str) -> None:
    response = interaction.response
    if interaction.type is discord.InteractionType.autocomplete:
        if not response.is_done():
            await response.autocomplete([])
        return
    deferral = interaction.extras.get(DEFERRAL)
    if deferral is None and response.type is discord.InteractionResponseType.deferred_channel_message:
        deferral = Deferral.PUBLIC
    if deferral is Deferral.EPHEMERAL:
        await _edit(interaction, text)
    elif deferral is Deferral.PUBLIC:
        # The "thinking" message is public and stays so; the reason is nobody else's business.
        try:
            await interaction.delete_original_response()
            await interaction.followup.send(text, ephemeral=True)
        except UNDELIVERED:
            await _edit(interaction, text)
    elif response.is_done():
        # The original response may be the message that carries the control: it is not ours to edit.
        await interaction.followup.send(text, ephemeral=True)
    else:
        await response.send_message(text, ephemeral=True)


async def _edit(interaction: discord.Interaction, text: str) -> None:
    await interaction.edit_original_response(content=text, embeds=[], attachments=[], view=None)


@runtime_checkable
class HasEdge(Protocol):
    edge: Edge


Owner = TypeVar("Owner")
Callback = Callable[[Owner, discord.Interaction], Coroutine[Any, Any, None]]


def guarded(callback: Callback[Owner]) -> Callback[Owner]:
    """For the callbacks of dynamic items, views and modals: the library would only log what they raise."""

    @functools.wraps(callback)
    async def run(self: Owner, interaction: discord.Interaction) -> None:
        client = interaction.client
        if not isinstance(client, HasEdge):
            raise TypeError("a guarded callback needs a client with an edge")
        await client.edge.run(interaction, callback(self, interaction))

    return run
