"""Files that members bring, and whether a model takes them."""

from __future__ import annotations

import math
from dataclasses import dataclass

from bot.domain.models import ImageFormat, ImageRules
from bot.domain.problems import Problem, Rule


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


def megabytes(size: int, *, up: bool = False) -> float:
    """Bytes as megabytes with one digit; rounded up where it must not look like it fits."""
    tenths = math.ceil(size / 100_000) if up else math.floor(size / 100_000)
    return tenths / 10
