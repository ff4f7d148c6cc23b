"""Turns one option of a catalogue file into its choices, each with what the provider is sent."""

from __future__ import annotations

import re
from collections.abc import Callable

from bot.catalogue.problems import KeyPath
from bot.catalogue.schema import OptionShape
from bot.domain.models import AUTO_DURATION, Choice, OptionName, OptionSpec, OptionValue, VendorValue

Report = Callable[[KeyPath, str], None]

_ASPECT = re.compile(r"[1-9][0-9]?:[1-9][0-9]?|auto")
_WORD = re.compile(r"[a-z0-9][a-z0-9-]{0,19}")

_WANTED = {
    OptionName.AUDIO: "true or false",
    OptionName.DURATION: "whole seconds from 1 to 3600",
    OptionName.ASPECT: 'a ratio like "16:9", or "auto"',
    OptionName.QUALITY: 'a short word in small letters like "720p"',
    OptionName.STYLE: 'a short word in small letters like "normal"',
}


class OptionBuilder:
    """Reports what is wrong with one option."""

    def __init__(self, here: KeyPath, name: OptionName, report: Report) -> None:
        self._here = here
        self._name = name
        self._report = report

    def build(self, shape: OptionShape) -> OptionSpec:
        here, name = self._here, self._name
        if (shape.field is None) != (shape.type is None):
            self._report(here, f"`{name}` needs both `field` and `type`, or neither when it is never sent")
        values = self._values(shape)
        spellings = {_spelling(value) for value in values}
        for key in shape.send:
            if key not in spellings:
                self._report((*here, "send", key), f"`{key}` is not one of the choices of `{name}`")
        choices = [
            Choice(value=value, vendor=vendor)
            for value in values
            if (vendor := self._vendor_value(value, shape)) is not None
        ]
        choices += self._auto(shape)
        default = self._default(shape, [choice.value for choice in choices])
        for number, value in enumerate(shape.adult):
            if value not in values:
                self._report((*here, "adult", number), f"{told(value)} is not one of the choices of `{name}`")
        if default in shape.adult:
            self._report((*here, "default"), f"the default {told(default)} is for adults only")
        return OptionSpec(
            name=name,
            vendor_field=shape.field,
            choices=tuple(choices),
            default="" if default is None else default,
            adult=frozenset(value for value in values if value in shape.adult),
        )

    def _auto(self, shape: OptionShape) -> list[Choice]:
        if shape.auto is None:
            return []
        if self._name is not OptionName.DURATION or shape.type not in ("integer", "string"):
            self._report((*self._here, "auto"), "`auto` is for a duration that is sent")
        sent: VendorValue = str(shape.auto) if shape.type == "string" else shape.auto
        return [Choice(value=AUTO_DURATION, vendor=sent)]

    def _default(self, shape: OptionShape, values: list[OptionValue]) -> OptionValue | None:
        if self._name is OptionName.DURATION and shape.auto is not None and shape.default == AUTO_DURATION:
            return AUTO_DURATION
        default = self._value((*self._here, "default"), shape.default)
        if default is not None and default not in values:
            self._report(
                (*self._here, "default"), f"the default {told(default)} is not one of the choices of `{self._name}`"
            )
        return default

    def _values(self, shape: OptionShape) -> list[OptionValue]:
        here, name = self._here, self._name
        if shape.range is not None:
            lowest, highest = shape.range
            if name is not OptionName.DURATION or shape.choices is not None:
                self._report((*here, "range"), "`range` is for a duration that has no `choices`")
            elif lowest >= highest:
                self._report((*here, "range"), "the range has to go from the shortest to the longest duration")
            return list(range(lowest, highest + 1))
        given = shape.choices
        if given is None and name is OptionName.AUDIO:
            given = [True, False]
        if not given:
            self._report(here, f"`{name}` has no choices")
            return []
        values: list[OptionValue] = []
        for number, value in enumerate(given):
            path: KeyPath = (*here, "choices", number)
            valid = self._value(path, value)
            if valid in values:
                self._report(path, f"{told(value)} is there twice")
            elif valid is not None:
                values.append(valid)
        return values

    def _value(self, path: KeyPath, value: object) -> OptionValue | None:
        """*value* when it can be a value of this option; else None, and a fault."""
        match self._name, value:
            case OptionName.AUDIO, bool():
                return value
            case OptionName.DURATION, int() if not isinstance(value, bool) and 1 <= value <= 3600:
                return value
            case OptionName.ASPECT, str() if _ASPECT.fullmatch(value):
                return value
            case ((OptionName.QUALITY | OptionName.STYLE), str()) if _WORD.fullmatch(value):
                return value
        self._report(path, f"{told(value)} cannot be a value of `{self._name}`, which is {_WANTED[self._name]}")
        return None

    def _vendor_value(self, value: OptionValue, shape: OptionShape) -> VendorValue | None:
        spelling = _spelling(value)
        sent: object = shape.send.get(spelling, value)
        match shape.type, sent:
            case None, str() | int():
                return sent
            case "string", str():
                return sent
            case "string", int() if not isinstance(sent, bool):
                return str(sent)  # A provider that wants "5" is a matter of type, not of another value.
            case "integer", int() if not isinstance(sent, bool):
                return sent
            case "boolean", bool():
                return sent
        path = (*self._here, "send", spelling) if spelling in shape.send else (*self._here, "type")
        self._report(path, f"{told(sent)} cannot be sent as {shape.type}; say under `send` what to send instead")
        return None


def _spelling(value: OptionValue) -> str:
    """A value as a key under `send`; TOML's keys are always texts."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def told(value: object) -> str:
    """A value as it stands in the file."""
    if isinstance(value, bool):
        return str(value).lower()
    return f'"{value}"' if isinstance(value, str) else str(value)
