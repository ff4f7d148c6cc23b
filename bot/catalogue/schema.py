"""The keys of a catalogue file and their types; what they mean together is checked where the model is built."""

from __future__ import annotations

import difflib
from datetime import date
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bot.catalogue.problems import Fault, KeyPath

Word = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_./-]*$", max_length=100)]
# One line that fits beside a price in an entry of Discord's autocomplete (100 characters in all).
Title = Annotated[str, Field(pattern=r"^\S[^\n\r\t]*$", max_length=50)]
# A week: longer than any provider keeps a task running, short enough for every date calculation.
Seconds = Annotated[int, Field(ge=1, le=604_800)]
# Lists of durations are made from ranges, so a slip of the keyboard must not fill the memory.
Duration = Annotated[int, Field(ge=1, le=3600)]
# Discord's whole numbers end here (documentation of application commands), and members type the seed.
Seed = Annotated[int, Field(ge=-(2**53), le=2**53)]


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class ShotsShape(_Shape):
    """A prompt that travels as a list of shots, one for each of its lines."""

    field: Word
    text: Word
    seconds: Word
    most: Annotated[int, Field(ge=1, le=100)]


class PromptShape(_Shape):
    min: Annotated[int, Field(ge=1, le=100_000)] = 1
    max: Annotated[int, Field(ge=1, le=100_000)]
    required: bool = True
    shots: ShotsShape | None = None


class OptionShape(_Shape):
    """One option; what its values may be depends on which option it is, so they are checked later."""

    field: Word | None = None  # without one the value is told to members and never sent
    type: Literal["string", "integer", "boolean"] | None = None  # how the provider wants it
    choices: list[object] | None = None
    range: Annotated[list[Duration], Field(min_length=2, max_length=2)] | None = None
    auto: int | None = None  # a duration: what is sent for "the model decides"
    send: dict[str, object] = {}  # our value -> the provider's, where they differ
    adult: list[object] = []  # choices for channels with an age limit only
    default: object


class SeedShape(_Shape):
    """A number that is only sent when the member names one."""

    field: Word
    type: Literal["string", "integer"]
    range: Annotated[list[Seed], Field(min_length=2, max_length=2)]


class NegativeShape(_Shape):
    """Words that are only sent when the member names some."""

    field: Word
    max: Annotated[int, Field(ge=1, le=6000)]


class RowShape(_Shape):
    credits: Annotated[float, Field(gt=0, le=1_000_000, allow_inf_nan=False)]
    aspect: str | None = None
    duration: int | None = None
    quality: str | None = None
    audio: bool | None = None
    style: str | None = None


class PriceShape(_Shape):
    per: Literal["second", "clip"]
    extra_picture: Annotated[float, Field(ge=0, le=1_000_000, allow_inf_nan=False)] = 0
    rows: Annotated[list[RowShape], Field(min_length=1)]


class PictureShape(_Shape):
    """What the model takes as a picture. The defaults are Kie's common rule, for pages that say nothing else."""

    field: Word
    as_list: bool = False  # a list with one link instead of the link
    formats: Annotated[list[Literal["jpeg", "png", "webp", "bmp", "tiff", "gif"]], Field(min_length=1)] = [
        "jpeg",
        "png",
        "webp",
    ]
    max_bytes: Annotated[int, Field(ge=1)] = 10_000_000
    min_side: Annotated[int, Field(ge=1)] = 1
    max_side: Annotated[int, Field(ge=1)] = 100_000
    min_ratio: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 0.00001
    max_ratio: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 100_000.0
    most: Annotated[int, Field(ge=1, le=100)] = 1  # how many


class LastFrameShape(_Shape):
    """The picture that the video ends with; what it may be is as for the first one."""

    field: Word
    alone: bool = False  # also without a first frame
    required: bool = False


class SourceShape(_Shape):
    """Whose videos a follow-up works on, and how the provider is told."""

    kind: Literal["task", "video"]
    field: Word
    as_list: bool = False
    seconds_field: Word | None = None  # where the earlier video's length goes, as a number
    models: list[Word] | None = None  # left out: only this file's own; empty: everybody's
    only: dict[str, list[object]] = {}  # options that the earlier video must have
    max_bytes: Annotated[int, Field(ge=1)] = 1_000_000_000
    max_seconds: Duration = 3600


class ModeShape(_Shape):
    slug: Word
    state: Literal["live", "paused"] = "live"  # paused: this mode alone is not offered
    probe: bool = True
    prompt: PromptShape | None = None  # only a follow-up can do without
    aspect: OptionShape | None = None
    duration: OptionShape | None = None
    quality: OptionShape | None = None
    audio: OptionShape | None = None
    style: OptionShape | None = None
    seed: SeedShape | None = None
    negative: NegativeShape | None = None
    fixed: dict[str, object] = {}
    price: PriceShape
    picture: PictureShape | None = None
    last_frame: LastFrameShape | None = None
    references: PictureShape | None = None
    source: SourceShape | None = None


class FileShape(_Shape):
    name: Title
    # An adapter in `bot/providers/registry.py`.
    provider: Literal[
        "kie_jobs",
        "kie_veo",
        "kie_runway",
        "kie_aleph",
        "openai_videos",
        "xai_videos",
        "google_veo",
        "google_omni",
        "replicate",
        "huggingface",
    ]
    family: Title
    state: Literal["live", "paused", "retired"]
    retired_on: date | None = None
    successor: Word | None = None
    order: int | None = None
    default: bool = False
    note: str = ""
    typical_seconds: Seconds
    # Recorded tails reach 11 to 13 minutes, so ten are slow but normal, and an hour is the least to wait for.
    soft_seconds: Seconds = 600
    outer_seconds: Seconds = 3600
    text: ModeShape | None = None
    image: ModeShape | None = None
    reference: ModeShape | None = None
    extend: ModeShape | None = None
    upscale: ModeShape | None = None
    restyle: ModeShape | None = None


def read_shape(content: dict[str, object]) -> FileShape | list[Fault]:
    """The file's keys with their types checked, or everything that is wrong with them."""
    try:
        return FileShape.model_validate(content)
    except ValidationError as error:
        return [_fault(detail["type"], detail["loc"], detail["msg"]) for detail in error.errors(include_url=False)]


def _fault(kind: str, path: KeyPath, message: str) -> Fault:
    key = ".".join(str(part + 1) if isinstance(part, int) else part for part in path)
    match kind:
        case "missing":
            return Fault(path, f"`{key}` is missing")
        case "extra_forbidden":
            close = difflib.get_close_matches(str(path[-1]), _known_keys(path), n=1)
            hint = f"; did you mean `{close[0]}`?" if close else ""
            return Fault(path, f"`{key}` is not a key that is known here{hint}")
        case _:
            return Fault(path, f"`{key}`: {message[0].lower()}{message[1:]}")


def _known_keys(path: KeyPath) -> list[str]:
    """The keys that the table around *path* may have."""
    tables: dict[str | int, type[BaseModel]] = {
        **dict.fromkeys(("text", "image", "reference", "extend", "upscale", "restyle"), ModeShape),
        **dict.fromkeys(("aspect", "duration", "quality", "audio", "style"), OptionShape),
        **dict.fromkeys(("picture", "references"), PictureShape),
        "seed": SeedShape,
        "negative": NegativeShape,
        "prompt": PromptShape,
        "shots": ShotsShape,
        "price": PriceShape,
        "last_frame": LastFrameShape,
        "source": SourceShape,
    }
    table = path[-2] if len(path) > 1 else ""
    shape = RowShape if isinstance(table, int) else tables.get(table, FileShape)
    return list(shape.model_fields)
