"""A guild's list of forbidden words and patterns. Every method checks the right itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bot.domain.safety import MAX_PATTERN_LENGTH, MAX_WORD_LENGTH, MAX_WORDS, Word, WordKind
from bot.domain.staff_log import StaffEvent, StaffEventKind
from bot.errors.words import TooManyWordsError, UnknownWordError
from bot.ports import Clock
from bot.services import word_filter
from bot.services.staff import Staff, check_staff
from bot.store import moderation, staff_log
from bot.store.database import Connection, Database


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """What the filter makes of a text: the entry that it breaks, or None."""

    text: str
    found: Word | None


class Words:
    """What may not stand in a prompt of the guild."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def add(self, staff: Staff, word: Word) -> bool:
        """False when the list has it already. Raises BadWordError, BadPatternError or TooManyWordsError."""
        check_staff(staff)
        longest = MAX_WORD_LENGTH if word.kind is WordKind.WORD else MAX_PATTERN_LENGTH
        if len(word.text) > longest:
            raise ValueError("the commands offer only shorter ones; whoever else calls this has a bug")
        word_filter.check(word)
        now = self._clock.now()

        def change(connection: Connection) -> bool:
            if len(moderation.words_of(connection, staff.guild_id)) >= MAX_WORDS:
                raise TooManyWordsError(limit=MAX_WORDS)
            if not moderation.add_word(connection, staff.guild_id, word, staff.user_id, now):
                return False
            staff_log.note(connection, _event(staff, "added", word.text), now)
            return True

        return await self._database.write(change)

    async def remove(self, staff: Staff, text: str) -> None:
        """Raises UnknownWordError."""
        check_staff(staff)
        now = self._clock.now()

        def change(connection: Connection) -> None:
            if not moderation.remove_word(connection, staff.guild_id, text):
                raise UnknownWordError(given=text)
            staff_log.note(connection, _event(staff, "removed", text), now)

        await self._database.write(change)

    async def all(self, staff: Staff) -> Sequence[Word]:
        check_staff(staff)
        return await self._database.read(moderation.words_of, staff.guild_id)

    async def test(self, staff: Staff, text: str) -> Tried:
        """What would become of a prompt; nothing is counted."""
        words = await self.all(staff)
        return Tried(text=text, found=word_filter.filter_of(tuple(words)).find(text))


def _event(staff: Staff, change: str, text: str) -> StaffEvent:
    return StaffEvent(
        guild_id=staff.guild_id,
        kind=StaffEventKind.WORD,
        actor_id=staff.user_id,
        details={"change": change, "word": text},
    )
