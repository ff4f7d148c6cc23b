"""Finds a guild's forbidden words and patterns in a text; how a word is disguised does not matter.

Patterns are RE2's: the time of a search grows with the text and never explodes, whatever a moderator has written.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from functools import lru_cache
from typing import Protocol

import re2  # type: ignore[import-untyped]

from bot.domain import folding
from bot.domain.safety import Word, WordKind
from bot.errors.words import BadPatternError, BadWordError

# What a compiled pattern may take: patterns that repeat repetitions would take gigabytes.
MAX_PATTERN_MEMORY = 1 << 20
# Spelled out, shorter words are found in every other sentence: "a s".
SHORTEST_SPELLED = 3
# Guilds whose filter is kept in memory; each is put together again when its list has changed.
FILTERS_KEPT = 256

_OPTIONS = re2.Options()
_OPTIONS.max_mem = MAX_PATTERN_MEMORY
_OPTIONS.case_sensitive = False
_OPTIONS.log_errors = False


class Pattern(Protocol):
    def search(self, text: str) -> object | None: ...


class WordFilter:
    """One guild's list, ready to be searched for."""

    def __init__(self, words: Sequence[Word]) -> None:
        self._words = [(word, compiled(_of_word(word.text))) for word in words if word.kind is WordKind.WORD]
        self._patterns = [(word, compiled(word.text)) for word in words if word.kind is WordKind.PATTERN]
        # Most texts hold none of them, and one search says so for all.
        self._any_word = _any_of([_of_word(word.text) for word, _ in self._words])

    def find(self, text: str) -> Word | None:
        """The first entry of the list that *text* breaks."""
        if self._words:
            readings = folding.readings(text)
            if self._any_word is None or any(self._any_word.search(reading) for reading in readings):
                for word, pattern in self._words:
                    if any(pattern.search(reading) for reading in readings):
                        return word
        if self._patterns:
            # As it was written, and as it is read.
            seen = dict.fromkeys((text, folding.plain(text), *folding.readings(text)))
            for word, pattern in self._patterns:
                if any(pattern.search(each) for each in seen):
                    return word
        return None


@lru_cache(maxsize=FILTERS_KEPT)
def filter_of(words: tuple[Word, ...]) -> WordFilter:
    return WordFilter(words)


def check(word: Word) -> None:
    """Raises BadWordError or BadPatternError when nothing could ever be found, or RE2 will not search for it."""
    if word.kind is WordKind.WORD:
        if not any(folding.readings(word.text.strip("*"))):
            raise BadWordError(given=word.text)
        compiled(_of_word(word.text))
        return
    pattern = compiled(word.text)
    if pattern.search(""):
        raise BadPatternError(given=word.text, problem="it finds every text")


def compiled(text: str) -> Pattern:
    try:
        made: Pattern = re2.compile(text, _OPTIONS)
    except re2.error as error:
        said = error.args[0] if error.args else ""
        problem = said.decode(errors="replace") if isinstance(said, bytes) else str(said)
        raise BadPatternError(given=text, problem=problem) from error
    return made


def _any_of(texts: Sequence[str]) -> Pattern | None:
    """All of them at once; None where that would be too much for one pattern."""
    try:
        return compiled("|".join(texts)) if texts else None
    except BadPatternError:
        return None


def _of_word(text: str) -> str:
    """A pattern for the word in any of its readings. A star at an end lets the word go on there."""
    core = text.strip().strip("*")
    readings = folding.readings(core)
    if not any(each.isalpha() for each in core):
        readings = readings[:1]  # A number is a number: "88" is no "bb".
    starts = "" if text.strip().startswith("*") else r"(?:^|\s)"
    ends = "" if text.strip().endswith("*") else r"(?:\s|$)"
    found = [
        pattern
        for reading in readings
        if reading
        for pattern in (
            [_anywhere(reading)] if folding.is_unspaced(reading) else [_word(reading, starts, ends), *_spelled(reading)]
        )
    ]
    return "|".join(dict.fromkeys(found))


def _word(reading: str, starts: str, ends: str) -> str:
    """Each letter as often as in the word, or oftener: "kiiill" is "kill", and "as" is not "ass"."""
    words = (
        "".join(f"{re2.escape(letter)}{{{len(list(run))},}}" for letter, run in itertools.groupby(word))
        for word in reading.split()
    )
    return starts + r"\s".join(words) + ends


def _spelled(reading: str) -> list[str]:
    """The letters one by one, between other words."""
    letters = reading.replace(" ", "")
    if len(letters) < SHORTEST_SPELLED:
        return []
    return [r"(?:^|\s)" + r"\s".join(re2.escape(letter) for letter in letters) + r"(?:\s|$)"]


def _anywhere(reading: str) -> str:
    return r"\s*".join(re2.escape(letter) for letter in reading.replace(" ", ""))
