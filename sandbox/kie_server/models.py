"""What the provider knows about one video model: its fields, its prices and the pictures it takes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from sandbox.kie_server.scenarios import PendingCredits, PendingPath
from sandbox.kie_server.schemas import Field, Input, Kind, Media, Rule, completed, is_given

PRESENT = object()  # in Rate.when: the field has any value

# The names under which the models ask for seconds. Sora called its seconds frames.
_DURATIONS = ("duration", "n_frames")
# What a model that may decide by itself (-1) decides here.
_FREE_CHOICE_SECONDS = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """Credits for inputs that match *when*; the first matching rate of a model counts."""

    credits: float
    when: Mapping[str, object] = field(default_factory=dict)
    is_per_second: bool = True

    def applies_to(self, filled: Input) -> bool:
        return all(
            is_given(filled.get(name)) if wanted is PRESENT else filled.get(name) == wanted
            for name, wanted in self.when.items()
        )

    def price(self, seconds: float) -> float:
        return self.credits * seconds if self.is_per_second else self.credits


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageRule:
    """The pictures that a model takes, judged when it renders and never earlier."""

    formats: frozenset[str] = frozenset({"JPEG", "PNG", "WEBP"})  # Pillow's names
    max_bytes: int = 10_000_000
    min_side: int = 1
    max_side: int = 20_000
    max_aspect: float = 100.0  # the longer side by the shorter


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    slug: str
    fields: tuple[Field, ...]
    rates: tuple[Rate, ...]
    surcharges: tuple[Rate, ...] = ()  # every matching one is added
    rules: tuple[Rule, ...] = ()
    images: ImageRule = field(default_factory=ImageRule)
    is_paused: bool = False
    has_sound: bool = False  # always, without a field that asks for it
    missing_text: str = "{field} is required"
    pending_path: PendingPath = PendingPath.WAITING
    pending_credits: PendingCredits = PendingCredits.ZERO
    has_newer_record: bool = False
    works_on: frozenset[str] = frozenset()  # the models whose finished tasks its `task_id` may name
    is_copy: bool = False  # shows the movie of the task that it was made from again, larger

    def completed(self, given: Input) -> dict[str, object]:
        return completed(self.fields, self.rules, given, self.missing_text)

    def unknown(self, given: Input) -> frozenset[str]:
        """Names that the model does not know. The provider ignores them; a test may not want to."""
        return frozenset(name for name, value in given.items() if value is not None) - {f.name for f in self.fields}

    def price(self, filled: Input) -> float:
        seconds = seconds_of(filled)
        base = next(rate.price(seconds) for rate in self.rates if rate.applies_to(filled))
        return round(base + sum(rate.price(seconds) for rate in self.surcharges if rate.applies_to(filled)), 4)

    def paused(self, is_paused: bool) -> Model:
        return replace(self, is_paused=is_paused)


def seconds_of(filled: Input) -> float:
    for name in _DURATIONS:
        value = filled.get(name)
        if isinstance(value, str) and value.isdecimal():
            return float(value)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return float(value) if value > 0 else _FREE_CHOICE_SECONDS
    return _FREE_CHOICE_SECONDS


def prompt(*, high: int, low: int = 1, is_required: bool = True) -> Field:
    return Field(name="prompt", kind=Kind.TEXT, is_required=is_required, low=low, high=high)


def choice(name: str, *choices: str, default: str | None = None, is_required: bool = False) -> Field:
    return Field(name=name, kind=Kind.TEXT, choices=choices, default=default, is_required=is_required)


def whole(
    name: str,
    low: int,
    high: int,
    *,
    default: int | None = None,
    is_required: bool = False,
    besides: tuple[int, ...] = (),
) -> Field:
    return Field(
        name=name, kind=Kind.INTEGER, low=low, high=high, default=default, is_required=is_required, besides=besides
    )


def number(name: str, low: float, high: float, *, default: float | None = None) -> Field:
    return Field(name=name, kind=Kind.NUMBER, low=low, high=high, default=default)


def digits(name: str, low: int, high: int, *, default: str | None = None, is_required: bool = False) -> Field:
    """A whole number that travels as a string."""
    choices = tuple(str(n) for n in range(low, high + 1))
    return Field(name=name, kind=Kind.TEXT, choices=choices, default=default, is_required=is_required)


def flag(name: str, *, default: bool | None = None, is_required: bool = False) -> Field:
    return Field(name=name, kind=Kind.FLAG, default=default, is_required=is_required)


def text(name: str, *, high: int | None = None) -> Field:
    return Field(name=name, kind=Kind.TEXT, high=high)


def link(name: str, media: Media = Media.IMAGE, *, is_required: bool = False) -> Field:
    return Field(name=name, kind=Kind.TEXT, media=media, is_required=is_required)


def links(name: str, high: int, media: Media = Media.IMAGE, *, is_required: bool = False) -> Field:
    return Field(name=name, kind=Kind.TEXTS, media=media, high=high, is_required=is_required)


def objects(name: str, high: int, *, default: list[object] | None = None) -> Field:
    return Field(name=name, kind=Kind.OBJECTS, high=high, default=default)


# "exists on most and is omitted" in the models' pages; false adds no filter of the provider's own.
NSFW_CHECKER = flag("nsfw_checker", default=False)
