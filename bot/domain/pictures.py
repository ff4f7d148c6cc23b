"""Files that members bring, and whether a model takes them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

from bot.domain.models import ImageFormat, ImageRules
from bot.domain.problems import Problem, Rule

# The largest file that is taken for any model: what most of those allow that take large ones (Kie's documentation of
# Seedance). One vendor takes more, and each picture is opened with limits of memory.
MOST_BYTES = 30_000_000
# What is beyond these is no limit that anybody meets.
NO_SIDE = 50_000
NO_RATIO = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A picture that was identified by its content and stored in our own folder.

    `name` is the file's name inside the inputs folder. Width and height in pixels, size in bytes.
    """

    name: str
    format: ImageFormat
    width: int
    height: int
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip:
    """A finished video that something is done with: its name inside the inputs folder and its size in bytes."""

    name: str
    size: int


UNREAD = Picture(name="", format=ImageFormat.PNG, width=1, height=1, size=0)


def unread_picture(rules: ImageRules | None) -> Picture:
    """A stand-in that breaks no rule, for a picture that nobody has fetched yet."""
    if rules is None:
        return UNREAD
    ratio = min(max(1.0, rules.min_ratio), rules.max_ratio)
    # Rounded down, the shorter side leads further into what is allowed.
    longer, shorter = rules.max_side, int(rules.max_side * min(ratio, 1 / ratio))
    width, height = (longer, shorter) if ratio >= 1 else (shorter, longer)
    return Picture(name="", format=min(rules.formats), width=width, height=height, size=0)


def picture_problem(field: str, picture: Picture, rules: ImageRules) -> Problem | None:
    """The first rule that the picture in *field* breaks."""
    if picture.format not in rules.formats:
        allowed = ", ".join(sorted(f.value.upper() for f in rules.formats))
        return Problem(
            rule=Rule.IMAGE_FORMAT, field=field, values={"given": picture.format.value.upper(), "offered": allowed}
        )
    if picture.size > rules.max_bytes:
        return Problem(
            rule=Rule.IMAGE_BYTES,
            field=field,
            values={"given": megabytes(picture.size, up=True), "limit": megabytes(rules.max_bytes)},
        )
    sides = (picture.width, picture.height)
    given = f"{picture.width}x{picture.height}"
    if min(sides) < rules.min_side:
        return Problem(rule=Rule.IMAGE_TOO_SMALL, field=field, values={"given": given, "limit": rules.min_side})
    if max(sides) > rules.max_side:
        return Problem(rule=Rule.IMAGE_TOO_LARGE, field=field, values={"given": given, "limit": rules.max_side})
    ratio = picture.width / picture.height
    if not rules.min_ratio <= ratio <= rules.max_ratio:
        return Problem(
            rule=Rule.IMAGE_RATIO,
            field=field,
            values={"given": given, "lowest": rules.min_ratio, "highest": rules.max_ratio},
        )
    return None


def largest(rules: ImageRules) -> float:
    """How many megabytes a picture may have here and at the model."""
    return megabytes(min(rules.max_bytes, MOST_BYTES))


def megabytes(size: int, *, up: bool = False) -> float:
    """Bytes as megabytes with one digit; rounded up where it must not look like it fits."""
    tenths = math.ceil(size / 100_000) if up else math.floor(size / 100_000)
    return tenths / 10


def shape(ratio: float) -> str:
    """Width to height as people write it: 0.4 is 2:5."""
    found = Fraction(ratio).limit_denominator(1000)
    return f"{found.numerator}:{found.denominator}"
