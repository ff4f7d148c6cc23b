"""What the catalogue says of a video model: its modes, options, limits, prices and life."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum

from bot.domain.ids import ModelId, ProviderId

# What travels to a provider as one value, and as the content of one field.
VendorValue = str | int | float | bool
VendorField = VendorValue | list[str] | list[dict[str, str | int]]


class ModelState(StrEnum):
    LIVE = "live"  # sold by the provider today
    PAUSED = "paused"  # exists, but the provider or the host has switched it off for now
    RETIRED = "retired"  # gone for good: `retired_on` and `successor` say since when and what instead


class Mode(StrEnum):
    TEXT = "text"  # the video is made from a prompt alone
    IMAGE = "image"  # the video starts from a picture, or ends with one
    REFERENCE = "reference"  # pictures show who or what is in the video
    EXTEND = "extend"  # an earlier video goes on
    UPSCALE = "upscale"  # an earlier video becomes sharper
    RESTYLE = "restyle"  # an earlier video is made anew, looking as the words say


# These are not asked for with `/video`, but with a button under a finished one.
FOLLOW_UPS = (Mode.EXTEND, Mode.UPSCALE, Mode.RESTYLE)


class OptionName(StrEnum):
    """The options of `/video` that a model may offer; the values are the names members type."""

    ASPECT = "aspect"  # "16:9", ...
    DURATION = "duration"  # whole seconds
    QUALITY = "quality"  # "720p", ...
    AUDIO = "audio"  # with sound or silent
    STYLE = "style"  # a manner of the model's own: "fun", "multi-shot", ...
    SEED = "seed"  # any number; the same one makes a similar video
    NEGATIVE = "negative"  # words for what should not be there


# These have no list of choices: any number or any text between two limits, and nothing is sent when none is named.
FREE = (OptionName.SEED, OptionName.NEGATIVE)

# What a member may choose. Duration and seed are whole numbers; audio is a boolean.
OptionValue = str | int | bool

# As a duration: the model decides. Nobody knows the price then; the longest is held, and the real one counts.
AUTO_DURATION = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One value of an option: what the member sees and what the provider is sent."""

    value: OptionValue
    vendor: VendorValue


@dataclass(frozen=True, slots=True, kw_only=True)
class OptionSpec:
    """How one model offers one option in one mode.

    `choices` are in the order members see them; texts among them are in small letters. `vendor_field` is None for
    an option that has one fixed value and is only told, never sent.
    """

    name: OptionName
    vendor_field: str | None
    choices: tuple[Choice, ...]
    default: OptionValue
    adult: frozenset[OptionValue] = frozenset()  # choices for channels with an age limit only

    def find(self, value: OptionValue) -> Choice | None:
        """The choice that *value* means; "1080P" means "1080p"."""
        wanted = value.strip().lower() if isinstance(value, str) else value
        for choice in self.choices:
            # True == 1 in Python, and a duration of 1 is not the same thing as "with sound".
            if choice.value == wanted and isinstance(choice.value, bool) == isinstance(wanted, bool):
                return choice
        return None

    def vendor_value(self, value: OptionValue) -> VendorValue:
        """The provider's spelling of *value*; KeyError when it is not a choice."""
        choice = self.find(value)
        if choice is None:
            raise KeyError(value)
        return choice.vendor

    def offers(self, value: OptionValue) -> bool:
        return self.find(value) is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class FreeSpec:
    """How one model takes a seed or negative words: between these numbers, or with this many characters."""

    name: OptionName
    vendor_field: str
    is_text: bool  # a seed that travels as "7"
    low: int
    high: int


class ImageFormat(StrEnum):
    JPEG = "jpeg"
    PNG = "png"
    WEBP = "webp"
    BMP = "bmp"
    TIFF = "tiff"
    GIF = "gif"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageRules:
    """What a model accepts as its picture. Sides in pixels, ratio is width / height; `most` is how many of them."""

    vendor_field: str
    as_list: bool  # the provider wants a list of URLs, not one URL
    formats: frozenset[ImageFormat]
    max_bytes: int
    min_side: int
    max_side: int
    min_ratio: float
    max_ratio: float
    most: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class LastFrameRules:
    """How a model is told the picture that the video ends with; what that may be is as for the first one."""

    vendor_field: str
    can_be_alone: bool  # without a first frame
    is_required: bool


class SourceKind(StrEnum):
    TASK = "task"  # the provider is told which of its tasks made the video
    VIDEO = "video"  # the video itself is brought to the provider again


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceRules:
    """Whose videos a follow-up works on."""

    kind: SourceKind
    vendor_field: str
    as_list: bool
    seconds_field: str | None  # where the earlier video's length goes
    models: frozenset[ModelId]  # empty: everybody's
    only: Mapping[OptionName, tuple[OptionValue, ...]]  # options that the earlier video must have
    max_bytes: int
    max_seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ShotRules:
    """A prompt that travels as a list of shots, one for each of its lines, sharing the seconds between them."""

    vendor_field: str
    text_field: str
    seconds_field: str
    most: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceRow:
    """Credits for every choice that agrees with `when`; options that `when` does not name do not matter."""

    when: Mapping[OptionName, OptionValue]
    credits: float  # the provider's own credits, before rounding up and the host's markup

    def matches(self, options: Mapping[OptionName, OptionValue]) -> bool:
        return all(options.get(name) == value for name, value in self.when.items())


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceTable:
    """A model's price: per second of video or per clip; the first row that matches counts."""

    per_second: bool
    rows: tuple[PriceRow, ...]
    extra_picture: float = 0  # for every picture after the first


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptRules:
    min_length: int
    max_length: int
    is_required: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ModeSpec:
    """One way to use a model: the provider's model string and everything that may be chosen."""

    slug: str
    prompt: PromptRules
    options: Mapping[OptionName, OptionSpec]
    fixed: Mapping[str, VendorValue | list[str]]  # fields that are always sent as they are
    price: PriceTable
    image: ImageRules | None  # set for Mode.IMAGE; for Mode.REFERENCE where a first frame may come along
    is_probeable: bool  # False where an empty request is accepted and billed, so availability is never asked
    last_frame: LastFrameRules | None = None  # never without `image`
    references: ImageRules | None = None  # set exactly for Mode.REFERENCE
    source: SourceRules | None = None  # set exactly for follow-ups
    free: Mapping[OptionName, FreeSpec] = field(default_factory=dict)
    shots: ShotRules | None = None
    is_paused: bool = False  # this mode alone is not offered


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoModel:
    """One catalogue file, validated."""

    id: ModelId
    name: str
    provider: ProviderId
    family: str
    state: ModelState
    retired_on: date | None
    successor: ModelId | None
    modes: Mapping[Mode, ModeSpec]
    typical: timedelta  # from accepted to finished, used until there is a history of our own
    soft_limit: timedelta  # after this the member is told that it takes longer
    outer_limit: timedelta  # after this the job is given up and refunded
    is_default: bool = False
    note: str = ""

    def adult_option(self, mode: Mode, options: Mapping[OptionName, OptionValue]) -> OptionName | None:
        """Which of the options has a value for channels with an age limit only; None when none has."""
        spec = self.modes.get(mode)
        known = {} if spec is None else spec.options
        return next((name for name, value in options.items() if name in known and value in known[name].adult), None)

    def slugs(self) -> frozenset[str]:
        return frozenset(spec.slug for spec in self.modes.values())


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All models by id, in the order in which they are offered."""

    models: Mapping[ModelId, VideoModel] = field(default_factory=dict)

    def find(self, text: str) -> VideoModel | None:
        """The model with that id or that name, however it is spelled: "Seedance 2.5" is "seedance-2-5"."""
        exact = self.models.get(ModelId(text))
        if exact is not None:
            return exact
        wanted = spelling(text)
        return next((m for m in self.models.values() if wanted in (spelling(m.id), spelling(m.name))), None)

    def get(self, model_id: str) -> VideoModel:
        """The model of that id; KeyError when the catalogue has none."""
        return self.models[ModelId(model_id)]


def closest_model_id(text: str, catalogue: Catalogue) -> ModelId | None:
    """The model that was probably meant, or the default when nothing is like it; None in an empty catalogue."""
    if not catalogue.models:
        return None
    wanted = spelling(text)

    def likeness(model: VideoModel) -> float:
        return max(difflib.SequenceMatcher(None, wanted, spelling(word)).ratio() for word in (model.id, model.name))

    # Of equals the first counts, which is the one that is offered first.
    best = max(catalogue.models.values(), key=likeness)
    if likeness(best) >= 0.4:
        return best.id
    return next((model.id for model in catalogue.models.values() if model.is_default), best.id)


def spelling(text: str) -> str:
    """A model's id or name without what people spell differently: capitals, spaces, dots and hyphens."""
    return re.sub(r"[\W_]+", "-", text.casefold()).strip("-")
