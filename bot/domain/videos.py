"""A video as a member asks for it, checked against what the model can do, with its price."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from enum import StrEnum

from bot.domain.ids import ModelId
from bot.domain.models import (
    ImageFormat,
    ImageRules,
    Mode,
    ModeSpec,
    OptionName,
    OptionSpec,
    OptionValue,
    VendorValue,
    VideoModel,
)


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
class VideoRequest:
    """What the member typed; None means "the model's default"."""

    prompt: str
    model: ModelId
    picture: Picture | None = None
    aspect: str | None = None
    duration: int | None = None
    quality: str | None = None
    audio: bool | None = None

    @property
    def mode(self) -> Mode:
        return Mode.TEXT if self.picture is None else Mode.IMAGE

    def chosen(self) -> dict[OptionName, OptionValue]:
        """The options that the member named."""
        named: dict[OptionName, OptionValue | None] = {
            OptionName.ASPECT: self.aspect,
            OptionName.DURATION: self.duration,
            OptionName.QUALITY: self.quality,
            OptionName.AUDIO: self.audio,
        }
        return {name: value for name, value in named.items() if value is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoSpec:
    """A request that the model accepts, complete with defaults, and what it costs in credits."""

    model: ModelId
    mode: Mode
    prompt: str
    options: Mapping[OptionName, OptionValue]
    price: int
    picture: Picture | None = None


class Rule(StrEnum):
    """The rules that a request can break; each has one text for people in `bot/errors.py`."""

    PROMPT_OR_IMAGE = "prompt_or_image"  # neither was given
    PROMPT_REQUIRED = "prompt_required"  # the model needs words beside the picture
    PROMPT_TOO_SHORT = "prompt_too_short"
    PROMPT_TOO_LONG = "prompt_too_long"
    MODE_TEXT_MISSING = "mode_text_missing"  # the model only animates pictures
    MODE_IMAGE_MISSING = "mode_image_missing"  # the model takes no picture
    OPTION_MISSING = "option_missing"  # the model does not have this option in this mode
    OPTION_VALUE = "option_value"  # the option exists, the value does not
    OPTION_COMBINATION = "option_combination"  # each value exists, but not together: no price for it
    IMAGE_FORMAT = "image_format"
    IMAGE_BYTES = "image_bytes"
    IMAGE_TOO_SMALL = "image_too_small"
    IMAGE_TOO_LARGE = "image_too_large"
    IMAGE_RATIO = "image_ratio"


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Why a request is refused: the field, what was given, the limit and the nearest value that is valid."""

    rule: Rule
    field: str
    values: Mapping[str, str | int | float] = dataclasses.field(default_factory=dict)
    nearest: OptionValue | None = None


def resolve(request: VideoRequest, model: VideoModel, markup: Decimal = Decimal(1)) -> VideoSpec | Problem:
    """The request completed with the model's defaults and priced, or the first rule that it breaks."""
    mode = request.mode
    prompt = request.prompt.strip()
    if not prompt and request.picture is None:
        return Problem(rule=Rule.PROMPT_OR_IMAGE, field="prompt")
    spec = model.modes.get(mode)
    if spec is None:
        rule = Rule.MODE_TEXT_MISSING if mode is Mode.TEXT else Rule.MODE_IMAGE_MISSING
        return Problem(rule=rule, field="image", values={"model": model.name})
    problem = _prompt_problem(prompt, spec) or (
        _picture_problem(request.picture, spec.image) if request.picture and spec.image else None
    )
    if problem:
        return problem
    options = complete(request.chosen(), spec)
    if isinstance(options, Problem):
        return options
    credits = price(spec, options, markup)
    if credits is None:
        return _combination_problem(request.chosen(), options, spec)
    return VideoSpec(model=model.id, mode=mode, prompt=prompt, options=options, price=credits, picture=request.picture)


def complete(chosen: Mapping[OptionName, OptionValue], spec: ModeSpec) -> dict[OptionName, OptionValue] | Problem:
    """Every option of the mode with the member's value or the default; a Problem for one that does not exist."""
    for name, value in chosen.items():
        option = spec.options.get(name)
        if option is None:
            return Problem(rule=Rule.OPTION_MISSING, field=name, values={"given": show(name, value)})
        if not option.offers(value):
            return Problem(
                rule=Rule.OPTION_VALUE,
                field=name,
                values={
                    "given": show(name, value),
                    "offered": offered(option),
                    "nearest": show(name, nearest(option, value)),
                },
                nearest=nearest(option, value),
            )
    options: dict[OptionName, OptionValue] = {}
    for name, option in spec.options.items():
        choice = option.find(chosen.get(name, option.default))
        options[name] = option.default if choice is None else choice.value
    return options


def price(spec: ModeSpec, options: Mapping[OptionName, OptionValue], markup: Decimal = Decimal(1)) -> int | None:
    """Whole credits for these options, rounded up, times the markup; None when they are not sold together."""
    for row in spec.price.rows:
        if row.matches(options):
            # Decimal through text: 0.1 + 0.2 must not round a price up by one.
            credits = Decimal(str(row.credits)) * markup
            if spec.price.per_second:
                credits *= int(options[OptionName.DURATION])
            return max(1, int(credits.to_integral_value(ROUND_CEILING)))
    return None


def lowest_price(model: VideoModel, mode: Mode, markup: Decimal = Decimal(1)) -> int | None:
    """What the mode costs with all its defaults; None when the model does not have the mode."""
    spec = model.modes.get(mode)
    if spec is None:
        return None
    return price(spec, {name: option.default for name, option in spec.options.items()}, markup)


def vendor_fields(video: VideoSpec, spec: ModeSpec) -> dict[str, VendorValue | list[str]]:
    """The provider's input object for this video, without its picture."""
    fields: dict[str, VendorValue | list[str]] = dict(spec.fixed)
    if video.prompt:
        fields["prompt"] = video.prompt
    for name, value in video.options.items():
        option = spec.options[name]
        if option.vendor_field is not None:
            fields[option.vendor_field] = option.vendor_value(value)
    return fields


def nearest(option: OptionSpec, value: OptionValue) -> OptionValue:
    """The choice that is closest to what was typed: by size for numbers, by shape for aspects, else the default."""
    values = [choice.value for choice in option.choices]
    wanted = _size(value)
    sizes = [(size, candidate) for candidate in values if (size := _size(candidate)) is not None]
    if wanted is None or not sizes:
        return option.default if option.default in values else values[0]
    return min(sizes, key=lambda pair: abs(pair[0] - wanted))[1]


def offered(option: OptionSpec) -> str:
    """The choices as a member reads them, runs of whole numbers as a range: "4 to 15" is "4-15"."""
    values = [choice.value for choice in option.choices]
    numbers = [value for value in values if isinstance(value, int) and not isinstance(value, bool)]
    if len(numbers) == len(values) > 2 and numbers == list(range(numbers[0], numbers[-1] + 1)):
        return f"{numbers[0]}-{numbers[-1]}"
    return ", ".join(show(option.name, value) for value in values)


def show(name: OptionName, value: OptionValue) -> str:
    """An option's value as it is typed in Discord; cut, because people type and a message has an end."""
    if name is OptionName.AUDIO:
        return "True" if value else "False"
    return str(value)[:50].replace("`", "'")  # It is shown between backticks.


def _prompt_problem(prompt: str, spec: ModeSpec) -> Problem | None:
    rules = spec.prompt
    if not prompt and rules.is_required:
        return Problem(rule=Rule.PROMPT_REQUIRED, field="prompt")
    if prompt and len(prompt) < rules.min_length:
        return Problem(
            rule=Rule.PROMPT_TOO_SHORT, field="prompt", values={"given": len(prompt), "limit": rules.min_length}
        )
    if len(prompt) > rules.max_length:
        return Problem(
            rule=Rule.PROMPT_TOO_LONG, field="prompt", values={"given": len(prompt), "limit": rules.max_length}
        )
    return None


def _picture_problem(picture: Picture, rules: ImageRules) -> Problem | None:
    if picture.format not in rules.formats:
        allowed = ", ".join(sorted(f.value.upper() for f in rules.formats))
        return Problem(
            rule=Rule.IMAGE_FORMAT, field="image", values={"given": picture.format.value.upper(), "offered": allowed}
        )
    if picture.size > rules.max_bytes:
        return Problem(
            rule=Rule.IMAGE_BYTES,
            field="image",
            values={"given": _megabytes(picture.size, up=True), "limit": _megabytes(rules.max_bytes)},
        )
    sides = (picture.width, picture.height)
    given = f"{picture.width}x{picture.height}"
    if min(sides) < rules.min_side:
        return Problem(rule=Rule.IMAGE_TOO_SMALL, field="image", values={"given": given, "limit": rules.min_side})
    if max(sides) > rules.max_side:
        return Problem(rule=Rule.IMAGE_TOO_LARGE, field="image", values={"given": given, "limit": rules.max_side})
    ratio = picture.width / picture.height
    if not rules.min_ratio <= ratio <= rules.max_ratio:
        return Problem(
            rule=Rule.IMAGE_RATIO,
            field="image",
            values={"given": given, "lowest": rules.min_ratio, "highest": rules.max_ratio},
        )
    return None


def _combination_problem(
    chosen: Mapping[OptionName, OptionValue], options: Mapping[OptionName, OptionValue], spec: ModeSpec
) -> Problem:
    """Name the chosen option that has to give way, and the nearest value with which the rest is sold."""
    for name in chosen:
        sold = tuple(
            choice for choice in spec.options[name].choices if price(spec, {**options, name: choice.value}) is not None
        )
        if sold:
            return _unsold(
                name, options[name], nearest(dataclasses.replace(spec.options[name], choices=sold), options[name])
            )
    # No single change is enough. The loader refuses a catalogue whose defaults have no price, so going back to the
    # defaults one by one ends at something that is sold.
    name = next(name for name in chosen if options[name] != spec.options[name].default)
    return _unsold(name, options[name], spec.options[name].default)


def _unsold(name: OptionName, given: OptionValue, instead: OptionValue) -> Problem:
    return Problem(
        rule=Rule.OPTION_COMBINATION,
        field=name,
        values={"given": show(name, given), "nearest": show(name, instead)},
        nearest=instead,
    )


# What is looked at is short, because people type: int() refuses thousands of digits, and "²" is a digit to Python.
_RATIO = re.compile(r"([0-9]{1,5}):([0-9]{1,5})")
_LINES = re.compile(r"([0-9]{1,5})([pk]?)")
_LONGEST = 10**6


def _size(value: OptionValue) -> float | None:
    """A number that orders choices: seconds, lines ("720p", "4K"), or the logarithm of an aspect ratio."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return float(max(-_LONGEST, min(value, _LONGEST)))
    text = value.strip().lower()
    if (ratio := _RATIO.fullmatch(text)) and int(ratio[1]) and int(ratio[2]):
        return math.log(int(ratio[1]) / int(ratio[2]))
    if lines := _LINES.fullmatch(text):
        return float(lines[1]) * (540 if lines[2] == "k" else 1)  # 2K is about 1080 lines, 4K about 2160.
    return None


def _megabytes(size: int, *, up: bool = False) -> float:
    """Bytes as megabytes with one digit; rounded up where it must not look like it fits."""
    tenths = math.ceil(size / 100_000) if up else math.floor(size / 100_000)
    return tenths / 10
