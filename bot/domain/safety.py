"""What a guild's moderators forbid: words, patterns, members; and the limits around that."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from bot.domain.ids import UserId
from bot.domain.jobs import FailureReason

# A list that a person can still read, and that is searched in a millisecond.
MAX_WORDS = 300
MAX_WORD_LENGTH = 100
MAX_PATTERN_LENGTH = 200

# Who meets the filters so often within an hour is looking for their gaps; the provider counts it against the host.
MAX_STRIKES = 5
STRIKES_LAST = timedelta(hours=1)


class Strike(StrEnum):
    """What counts as one: under these names the refusals are counted."""

    WORDS = "ForbiddenWords"
    MODERATION = "Moderation"  # the host's moderation endpoint
    MODEL = "ModelFilter"  # the model's own safety filter


# The ends of a job that a model's own filter has brought about.
FILTERED = frozenset(
    {
        FailureReason.MODERATION,
        FailureReason.MODERATION_PROMPT,
        FailureReason.MODERATION_IMAGE,
        FailureReason.MODERATION_RESULT,
        FailureReason.PERSON,
    }
)


class WordKind(StrEnum):
    WORD = "word"  # found in every disguise, as a whole word unless a star says otherwise
    PATTERN = "pattern"  # a regular expression


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """One entry of a guild's list."""

    kind: WordKind
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A member who gets no videos in a guild; `until` None means for good."""

    user_id: UserId
    actor_id: UserId
    reason: str
    at: datetime
    until: datetime | None

    def is_over(self, now: datetime) -> bool:
        return self.until is not None and self.until <= now
