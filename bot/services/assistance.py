"""Lets a chat model rewrite prompts: the member decides what is made of it, and its trouble is nobody's trouble."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from bot import logs
from bot.domain.assistance import MAX_LENGTH, MEME_SHAPES, instructions, usable
from bot.domain.ids import GuildId, UserId
from bot.domain.models import OptionName, VideoModel
from bot.domain.policies import AssistMode
from bot.domain.problems import Problem
from bot.domain.videos import VideoRequest, resolve
from bot.errors import ProviderAuthError, ProviderError, ProviderProtocolError
from bot.errors.assistance import AssistNotHereError, NoAssistantError, RewriteGoneError, RewriteUsedError
from bot.ports import Assistant, Clock, Rewritten
from bot.services import host_limits
from bot.services.host_limits import Budget
from bot.services.troubles import Troubles
from bot.store import policies, rewrites
from bot.store.database import Connection, Database
from bot.store.rewrites import Rewrite

log = logs.get(__name__)

# How long an offer waits for its member; the pictures of its request are kept for longer.
OFFER_LIFE = timedelta(days=1)
# Asking costs the host, declining costs the member nothing: nobody needs more than this.
MOST_PER_HOUR = 20
# After so many failures in a row the endpoint is left alone for a while, and the host is told.
FAILURES = 3
REST = timedelta(minutes=2)

TROUBLE = "assistant"


class NoHelp(StrEnum):
    """Why the member's own words are used."""

    NO_ANSWER = "no_answer"  # too late, nonsense, or out of order
    REFUSED = "refused"  # the model would not
    TOO_OFTEN = "too_often"  # the member has asked too often within the hour
    NO_BUDGET = "no_budget"  # the host's money for this day or month is gone


class Assistance:
    """`assistant` is None where the host has set none up."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        *,
        assistant: Assistant | None,
        budget: Budget,
    ) -> None:
        self._database = database
        self._clock = clock
        self._assistant = assistant
        self._troubles: Troubles | None = None
        self._budget = budget
        self._failures = 0
        self._had_trouble = True  # perhaps in an earlier process
        self._rests_until: datetime | None = None

    def report_to(self, troubles: Troubles) -> None:
        """Where the host is told when the assistant does not work."""
        self._troubles = troubles

    async def mode(self, guild_id: GuildId, asked: AssistMode | None) -> AssistMode:
        """What is done to this prompt: the guild's decision, or the member's where it leaves that open.

        Raises UserError when the member asks for what is not to be had.
        """
        wants = asked not in (None, AssistMode.OFF)
        if self._assistant is None:
            if wants:
                raise NoAssistantError
            return AssistMode.OFF
        decided = (await self._database.read(policies.load, guild_id)).assist
        if decided is AssistMode.FREE:
            return asked or AssistMode.OFF
        if decided is AssistMode.OFF and wants:
            raise AssistNotHereError
        return decided

    async def suggest(
        self, guild_id: GuildId, user_id: UserId, request: VideoRequest, mode: AssistMode, model: VideoModel
    ) -> Rewrite | NoHelp:
        """What the assistant makes of the prompt, stored until the member has decided. Charges the member nothing."""
        now = self._clock.now()
        if self._assistant is None or (self._rests_until is not None and now < self._rests_until):
            return NoHelp.NO_ANSWER
        number = await self._database.write(self._ask, guild_id, user_id, request, now)
        if isinstance(number, NoHelp):
            return number
        limit = min(model.modes[request.mode].prompt.max_length, MAX_LENGTH)
        try:
            answer = await self._assistant.rewrite(instructions(mode, request.prompt, limit))
        except ProviderError as error:
            await self._note_failure(error)
            return NoHelp.NO_ANSWER
        if answer.text is None and not answer.is_refused:
            # Mostly a model that thinks until its tokens are used up.
            await self._note_failure(ProviderProtocolError("it answered without a text"))
        else:
            await self._note_answer()
        text = None if answer.text is None else usable(answer.text, request.prompt, limit)
        shaped = self._shaped(request, mode, model)
        is_usable = text is not None and not isinstance(self._resolve(shaped, text, model), Problem)
        return await self._database.write(self._keep, number, guild_id, shaped, text if is_usable else None, answer)

    async def find(self, user_id: UserId, number: int) -> Rewrite:
        """The member's offer. Raises RewriteGoneError."""
        return await self._database.read(_find, number, user_id, self._clock.now())

    @asynccontextmanager
    async def taking(self, user_id: UserId, number: int) -> AsyncIterator[Rewrite]:
        """The member's offer, used up; given back when what is done with it fails. Raises RewriteGoneError."""
        found = await self._database.write(take, number, user_id, self._clock.now())
        try:
            yield found
        except BaseException:
            await self._database.write(rewrites.give_back, number)
            raise

    def _ask(
        self, connection: Connection, guild_id: GuildId, user_id: UserId, request: VideoRequest, now: datetime
    ) -> int | NoHelp:
        """Count the question before it is asked, unless the member has asked often enough or no money is left for it.

        Whatever comes of it, it stays counted: most answers that nobody can use have cost the host something, too.
        """
        if host_limits.is_used_up(connection, self._budget, now):
            return NoHelp.NO_BUDGET
        since = now - timedelta(hours=1)
        number = rewrites.ask(connection, guild_id, user_id, request, now, most=MOST_PER_HOUR, since=since)
        return NoHelp.TOO_OFTEN if number is None else number

    def _keep(
        self,
        connection: Connection,
        number: int,
        guild_id: GuildId,
        request: VideoRequest,
        text: str | None,
        answer: Rewritten,
    ) -> Rewrite | NoHelp:
        """Count what it cost, whatever came of it, and keep the offer."""
        now = self._clock.now()
        rewrites.forget(connection, now - OFFER_LIFE)
        if answer.credits is not None:
            host_limits.count_assistant(connection, self._budget, guild_id, answer.credits, now)
        if text is None:
            return NoHelp.REFUSED if answer.is_refused else NoHelp.NO_ANSWER
        return rewrites.answer(connection, number, request, text) or NoHelp.NO_ANSWER

    def _shaped(self, request: VideoRequest, mode: AssistMode, model: VideoModel) -> VideoRequest:
        """A meme is square or upright, where the member has left that open and the model can do it."""
        option = model.modes[request.mode].options.get(OptionName.ASPECT)
        if mode is not AssistMode.MEME or request.aspect is not None or option is None:
            return request
        for shape in MEME_SHAPES:
            shaped = replace(request, aspect=shape)
            if option.find(shape) is not None and not isinstance(self._resolve(shaped, request.prompt, model), Problem):
                return shaped
        return request

    def _resolve(self, request: VideoRequest, prompt: str, model: VideoModel) -> object:
        return resolve(replace(request, prompt=prompt), model, Decimal(1))

    async def _note_failure(self, error: ProviderError) -> None:
        log.warning("assistant_failed", reason=str(error))
        self._failures += 1
        if self._failures < FAILURES and not isinstance(error, ProviderAuthError):
            return
        self._rests_until = self._clock.now() + REST
        self._had_trouble = True
        if self._troubles is not None:
            await self._troubles.begin(
                TROUBLE,
                f"The prompt assistant does not work: {error}. Members' own words are used meanwhile. "
                "See ASSIST_BASE_URL, ASSIST_API_KEY and ASSIST_MODEL.",
            )

    async def _note_answer(self) -> None:
        had_trouble, self._had_trouble = self._had_trouble, False
        self._failures, self._rests_until = 0, None
        if had_trouble and self._troubles is not None:
            await self._troubles.end(TROUBLE, "The prompt assistant works again.")


def take(connection: Connection, number: int, user_id: UserId, now: datetime) -> Rewrite:
    """The member's offer, used up. Raises RewriteGoneError."""
    found = rewrites.take(connection, number, user_id, now - OFFER_LIFE, now)
    if found is None:
        raise _gone(connection, number, user_id)
    return found


def _find(connection: Connection, number: int, user_id: UserId, now: datetime) -> Rewrite:
    found = rewrites.find(connection, number, user_id, now - OFFER_LIFE)
    if found is None:
        raise _gone(connection, number, user_id)
    return found


def _gone(connection: Connection, number: int, user_id: UserId) -> RewriteGoneError:
    """The second of two clicks must not be told that nothing was charged: the first one may have paid."""
    return RewriteUsedError() if rewrites.is_used(connection, number, user_id) else RewriteGoneError()
