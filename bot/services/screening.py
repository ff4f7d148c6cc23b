"""What a guild's moderators and the host's moderation endpoint say of a prompt, before anything is charged for it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from datetime import datetime

from bot import logs
from bot.domain.ids import GuildId, UserId
from bot.domain.jobs import Place
from bot.domain.safety import MAX_STRIKES, STRIKES_LAST, Strike, Word
from bot.domain.staff_log import StaffEvent, StaffEventKind
from bot.domain.videos import VideoSpec
from bot.errors import StoreError, UserError
from bot.errors.screening import (
    BlockedError,
    BlockedForGoodError,
    DepartedError,
    ForbiddenWordsError,
    ModerationError,
    TooManyRefusalsError,
)
from bot.ports import Clock, Moderator
from bot.services.word_filter import filter_of
from bot.store import jobs, moderation, policies, privacy, staff_log
from bot.store.database import Connection, Database

log = logs.get(__name__)

# Refused for a reason that is nobody's conduct; staff has nothing to learn from these.
UNTOLD = frozenset(
    {
        "AccountEmpty",
        "BudgetReached",
        "CeilingReached",
        "IntakeClosed",
        "IntakePaused",
        "IntakePausedWithMessage",
        "InvalidRequest",
        "JustAsked",
        "ModelRetired",
        "ModelUnavailable",
        "NotNow",
        "NotServed",
        "SourceGone",
        "StorageTrouble",
        "UnknownModel",
    }
)


# Enough for a moderator to see what was meant.
LOGGED_PROMPT = 300


class Screening:
    """Looks at every prompt on its way in, and counts who was refused for what."""

    def __init__(self, database: Database, clock: Clock, moderator: Moderator | None = None) -> None:
        self._database = database
        self._clock = clock
        self._moderator = moderator

    async def check(self, user_id: UserId, place: Place, video: VideoSpec) -> None:
        """Raises ForbiddenWordsError, ModerationError, ModerationUnavailableError or TooManyRefusalsError."""
        now = self._clock.now()
        known = await self._database.read(_known, user_id, place, now)
        if known is None:
            return
        words, strikes = known
        if strikes >= MAX_STRIKES:
            ends_at = moderation.hour_of(now) + STRIKES_LAST
            raise TooManyRefusalsError(count=strikes, renews=f"<t:{int(ends_at.timestamp())}:R>")
        text = "\n".join(texts_of(video))
        found = filter_of(words).find(text) if words else None
        if found is not None:
            raise ForbiddenWordsError(word=found)
        if self._moderator is not None:
            verdict = await self._moderator.judge(text)
            if verdict is not None:
                raise ModerationError(categories=", ".join(verdict.categories))

    async def note(self, guild_id: GuildId, user_id: UserId, error: UserError, prompt: str) -> None:
        """Count that the member was refused, and tell the staff of the first time within the hour.

        With the prompt where that is what was refused, and where the guild wants prompts in its log.
        """
        if type(error).__name__.removesuffix("Error") in UNTOLD:
            return
        rule = rule_of(error)
        try:
            await self._database.write(_note, guild_id, user_id, error, rule, prompt, self._clock.now())
        except StoreError as trouble:
            # The refusal holds all the same, and the member should hear of it and not of the trouble.
            log.warning("refusal_not_counted", rule=rule, reason=str(trouble))


def texts_of(video: VideoSpec) -> Iterator[str]:
    """Whatever a member may have written themselves: the prompt, and every text that is no name of ours."""
    for field in dataclasses.fields(video):
        value = getattr(video, field.name)
        if isinstance(value, str) and field.name not in {"model", "mode"}:
            yield value
    yield from (value for value in video.options.values() if isinstance(value, str))


def rule_of(error: UserError) -> str:
    """Under which name refusals of this kind are counted."""
    return str(error.values.get("rule") or type(error).__name__.removesuffix("Error"))


def check_block(connection: Connection, guild_id: GuildId, user_id: UserId, now: datetime) -> None:
    """Inside the transaction that charges: a block that is there holds. Raises BlockedError."""
    block = moderation.find_block(connection, guild_id, user_id, now)
    if block is None:
        _check_departure(connection, guild_id, user_id, now)
        return
    if block.until is None:
        raise BlockedForGoodError(reason=block.reason)
    raise BlockedError(reason=block.reason, until=f"<t:{int(block.until.timestamp())}:R>")


def _check_departure(connection: Connection, guild_id: GuildId, user_id: UserId, now: datetime) -> None:
    """Whoever had themselves forgotten gets neither out of a block nor a second allowance by it."""
    departure = privacy.find_departure(connection, guild_id, user_id, now)
    if departure is None:
        return
    until, reason = departure
    if until is None:
        raise BlockedForGoodError(reason=reason or "-")
    renews = f"<t:{int(until.timestamp())}:R>"
    if reason is not None:
        raise BlockedError(reason=reason, until=renews)
    raise DepartedError(renews=renews)


def _known(connection: Connection, user_id: UserId, place: Place, now: datetime) -> tuple[tuple[Word, ...], int] | None:
    """The guild's list and the member's strikes; None when the same interaction was let in before."""
    if jobs.find_by_interaction(connection, place.interaction_id) is not None:
        return None
    return (
        moderation.words_of(connection, place.guild_id),
        moderation.strikes(connection, place.guild_id, user_id, frozenset(Strike), now),
    )


def _note(
    connection: Connection, guild_id: GuildId, user_id: UserId, error: UserError, rule: str, prompt: str, now: datetime
) -> None:
    if moderation.count_refusal(connection, guild_id, user_id, rule, now) > 1:
        return
    details: dict[str, str | int] = {"rule": rule}
    if isinstance(error, ForbiddenWordsError) and isinstance(word := error.values.get("word"), Word):
        details["word"] = word.text
    if isinstance(error, ModerationError):
        details["categories"] = str(error.values["categories"])
    if (
        isinstance(error, ForbiddenWordsError | ModerationError)
        and policies.load(connection, guild_id).are_prompts_logged
    ):
        details["prompt"] = prompt[:LOGGED_PROMPT]
    event = StaffEvent(guild_id=guild_id, kind=StaffEventKind.REFUSAL, user_id=user_id, details=details)
    staff_log.note(connection, event, now)


def note_model_filter(connection: Connection, guild_id: GuildId, user_id: UserId, now: datetime) -> None:
    """A model's own filter has refused a job of the member."""
    if moderation.count_refusal(connection, guild_id, user_id, Strike.MODEL, now) == 1:
        details = {"rule": Strike.MODEL.value}
        event = StaffEvent(guild_id=guild_id, kind=StaffEventKind.REFUSAL, user_id=user_id, details=details)
        staff_log.note(connection, event, now)
