"""Decides what happens to a task between its creation and the last byte of its video."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path


class PendingPath(Enum):
    """The states a task shows before its end."""

    WAITING = "waiting"  # most models, from creation to success
    GENERATING = "generating"  # kling-3.0/video and a few others
    STEPWISE = "stepwise"  # waiting, queuing, generating: a third of the time each
    UNHEARD = "preparing"  # a state that no page names


class PendingCredits(Enum):
    """What creditsConsumed says before the end; only the last value counts."""

    ZERO = "zero"
    FULL = "full"
    ABSENT = "absent"


class Unseen(Enum):
    """How the provider says that it does not know a task."""

    NULL_422 = "422 recordInfo is null"
    NULL_200 = "200 with null data"
    MISSING_404 = "404 Task not found"
    NOT_JSON = "a body that is no JSON"


class ResultShape(Enum):
    """The forms that resultJson takes on success."""

    USUAL = "usual"
    EMPTY_LIST = "empty list"
    MISSING_KEY = "missing key"
    FIRST_FRAME_LIST = "firstFrameUrl is a list"
    PARSED = "an object instead of a string"
    AS_TEXT = "a list of links as JSON text"
    BROKEN = "invalid JSON"
    EMPTY_TEXT = "empty string"
    NULL = "null"


@dataclass(frozen=True, slots=True)
class Failure:
    """How a task fails: the code is a string, as the provider sends it."""

    code: str
    text: str


class Failures:
    """Failures that clients have met, one per class and wording that matters."""

    MODERATION = Failure("400", "The input or output was flagged as sensitive")
    MODERATION_POLICY = Failure("501", "Your prompt was flagged by Website as violating content policies")
    MODERATION_UNSAFE = Failure("501", "PUBLIC_ERROR_UNSAFE_GENERATION")
    MODERATION_MINOR = Failure("501", "public error minor upload")
    MODERATION_PROMINENT = Failure("501", "public error prominent people upload")
    MODERATION_WORD = Failure("400", "SENSITIVE_WORD_ERROR")
    MODERATION_BLOCKED = Failure("400", "moderation_blocked")
    IMAGE_FETCH = Failure("422", "image fetch failed")
    IMAGE_FETCH_LONG = Failure("500", "Failed to fetch the image")
    IMAGE_FORMAT = Failure("422", "wrong image format")
    IMAGE_SIDES = Failure("422", "unsupported width/height")
    MEDIA_FETCH = Failure("422", "media fetch failed")
    INTERNAL = Failure("500", "internal error, please try again later.")
    BUSY = Failure("500", "server is busy")
    TIMEOUT = Failure("500", "upstream API service timed out")
    CONCURRENCY = Failure("500", "concurrent limit reached")
    LANGUAGE = Failure("400", "Only English prompts are supported")
    MISLEADING_AUDIO = Failure("501", "unable to generate audio")
    # Runway's, all under one code.
    MODERATOR = Failure("400", "Your prompt was caught by our AI moderator.")
    INAPPROPRIATE = Failure("400", "Inappropriate content detected. Please replace the image or video.")
    RUNWAY_FORMAT = Failure("400", "Incorrect image format")
    RUNWAY_BUSY = Failure("400", "Reached the limit for concurrent generations.")


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbackPlan:
    """What becomes of the call to the task's callBackUrl."""

    copies: int = 1  # 2: doubled; 0: lost
    early: float = 0.0  # seconds by which it comes before recordInfo shows the end
    late: float = 0.0  # seconds by which it comes after the end
    is_forged: bool = False  # another body under a valid signature


@dataclass(frozen=True, slots=True, kw_only=True)
class Download:
    """How the result host serves a file."""

    status: int = 200  # 403 or 404: the link is dead from the start
    expires_after: float | None = None  # seconds from the end until the link answers *expired_status*
    expired_status: int = 403
    truncated_to: int | None = None  # announces the full length, sends this much, hangs up
    stalled_after: int | None = None  # announces the full length, sends this much, then nothing
    is_empty: bool = False
    is_endless: bool = False
    content_type: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One task's fate. Everything left out goes as it usually does."""

    seconds: float | None = None  # None: the server's usual time
    is_endless: bool = False  # never leaves its pending state
    failure: Failure | None = None
    path: PendingPath | None = None  # None: as recorded for the model
    pending_credits: PendingCredits | None = None
    unseen_for: float = 0.0  # seconds after creation in which recordInfo does not know the task
    unseen: Unseen = Unseen.NULL_422
    shape: ResultShape = ResultShape.USUAL
    cost: float | None = None  # credits finally consumed; None: the price table's
    has_newer_record: bool | None = None
    callback: CallbackPlan = field(default_factory=CallbackPlan)
    download: Download = field(default_factory=Download)
    movie: Path | None = None  # served instead of a rendered one


class Scenarios:
    """Chooses a scenario for each new task: queued ones first, then by prompt, by model, and the default."""

    def __init__(self, default: Scenario | None = None) -> None:
        self.default = default or Scenario()
        self._queued: deque[tuple[str | None, Scenario]] = deque()
        self._by_prompt: dict[str, Scenario] = {}
        self._by_model: dict[str, Scenario] = {}

    def next(self, *scenarios: Scenario, model: str | None = None) -> None:
        """Each of *scenarios* goes to one coming task (of *model*, when given), in order."""
        self._queued.extend((model, scenario) for scenario in scenarios)

    def for_prompt(self, part: str, scenario: Scenario) -> None:
        """All tasks whose prompt contains *part*."""
        self._by_prompt[part] = scenario

    def for_model(self, model: str, scenario: Scenario) -> None:
        self._by_model[model] = scenario

    def clear(self) -> None:
        self._queued.clear()
        self._by_prompt.clear()
        self._by_model.clear()

    def take(self, model: str, prompt: str) -> Scenario:
        for position, (wanted, scenario) in enumerate(self._queued):
            if wanted in (None, model):
                del self._queued[position]
                return scenario
        for part, scenario in self._by_prompt.items():
            if part in prompt:
                return scenario
        return self._by_model.get(model, self.default)
