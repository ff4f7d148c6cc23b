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


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class PromptShape(_Shape):
    min: Annotated[int, Field(ge=1, le=100_000)] = 1
    max: Annotated[int, Field(ge=1, le=100_000)]
    required: bool = True


class OptionShape(_Shape):
    """One option; what its values may be depends on which option it is, so they are checked later."""

    field: Word | None = None  # without one the value is told to members and never sent
    type: Literal["string", "integer", "boolean"] | None = None  # how the provider wants it
    choices: list[object] | None = None
    range: Annotated[list[Duration], Field(min_length=2, max_length=2)] | None = None
    send: dict[str, object] = {}  # our value -> the provider's, where they differ
    default: object


class RowShape(_Shape):
    credits: Annotated[float, Field(gt=0, le=1_000_000, allow_inf_nan=False)]
    aspect: str | None = None
    duration: int | None = None
    quality: str | None = None
    audio: bool | None = None


class PriceShape(_Shape):
    per: Literal["second", "clip"]
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


class ModeShape(_Shape):
    slug: Word
    probe: bool = True
    prompt: PromptShape
    aspect: OptionShape | None = None
    duration: OptionShape | None = None
    quality: OptionShape | None = None
    audio: OptionShape | None = None
    fixed: dict[str, object] = {}
    price: PriceShape
    picture: PictureShape | None = None


class FileShape(_Shape):
    name: Title
    # An adapter in `bot/providers`; a new one adds its name here.
    provider: Literal["kie_jobs"]
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
        **dict.fromkeys(("text", "image"), ModeShape),
        **dict.fromkeys(("aspect", "duration", "quality", "audio"), OptionShape),
        "prompt": PromptShape,
        "price": PriceShape,
        "picture": PictureShape,
    }
    table = path[-2] if len(path) > 1 else ""
    shape = RowShape if isinstance(table, int) else tables.get(table, FileShape)
    return list(shape.model_fields)
