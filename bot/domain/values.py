"""The values of an option: which one was probably meant, and how they are written for people."""

from __future__ import annotations

import math
import re

from bot.domain.models import AUTO_DURATION, OptionName, OptionSpec, OptionValue

# What is looked at is short, because people type: int() refuses thousands of digits, and "²" is a digit to Python.
_RATIO = re.compile(r"([0-9]{1,5}):([0-9]{1,5})")
_LINES = re.compile(r"([0-9]{1,5})([pk]?)")
_LONGEST = 10**6


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
    counted = [value for value in numbers if value != AUTO_DURATION]
    if len(numbers) == len(values) and len(counted) > 2 and counted == list(range(counted[0], counted[-1] + 1)):
        run = f"{counted[0]}-{counted[-1]}"
        return run if len(counted) == len(values) else f"{run}, {show(option.name, AUTO_DURATION)}"
    return ", ".join(show(option.name, value) for value in values)


def show(name: OptionName, value: OptionValue) -> str:
    """An option's value as it is typed in Discord; cut, because people type and a message has an end."""
    if name is OptionName.AUDIO:
        return "True" if value else "False"
    if name is OptionName.DURATION and value == AUTO_DURATION:
        return "auto"
    return " ".join(str(value).split())[:50].replace("`", "'")  # It is shown between backticks.


def _size(value: OptionValue) -> float | None:
    """A number that orders choices: seconds, lines ("720p", "4K"), or the logarithm of an aspect ratio."""
    if isinstance(value, bool) or value == AUTO_DURATION:
        return None
    if isinstance(value, int):
        return float(max(-_LONGEST, min(value, _LONGEST)))
    text = value.strip().lower()
    if (ratio := _RATIO.fullmatch(text)) and int(ratio[1]) and int(ratio[2]):
        return math.log(int(ratio[1]) / int(ratio[2]))
    if lines := _LINES.fullmatch(text):
        return float(lines[1]) * (540 if lines[2] == "k" else 1)  # 2K is about 1080 lines, 4K about 2160.
    return None
