"""Turns the keys of a catalogue file into a video model, and finds what the keys contradict."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterator, Mapping
from datetime import timedelta

from bot.catalogue.problems import Fault, KeyPath
from bot.catalogue.schema import FileShape, ModeShape, OptionShape, PictureShape, PriceShape, PromptShape
from bot.domain.ids import ModelId, ProviderId
from bot.domain.models import (
    Choice,
    ImageFormat,
    ImageRules,
    Mode,
    ModelState,
    ModeSpec,
    OptionName,
    OptionSpec,
    OptionValue,
    PriceRow,
    PriceTable,
    PromptRules,
    VendorValue,
    VideoModel,
)

_ASPECT = re.compile(r"[1-9][0-9]?:[1-9][0-9]?|auto")
_QUALITY = re.compile(r"[a-z0-9][a-z0-9-]{0,19}")


def build(model_id: ModelId, shape: FileShape) -> VideoModel | list[Fault]:
    """The model that the file describes, or everything that its keys contradict."""
    return _Builder().model(model_id, shape)


class _Builder:
    """Collects faults, so that the author of a file hears of all of them at once."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []

    def model(self, model_id: ModelId, shape: FileShape) -> VideoModel | list[Fault]:
        self._check_life(model_id, shape)
        shapes = {mode: found for mode, found in ((Mode.TEXT, shape.text), (Mode.IMAGE, shape.image)) if found}
        if not shapes:
            self._report((), "the model needs a [text] or an [image] table")
        modes = {mode: self._mode(mode, found) for mode, found in shapes.items()}
        if self._faults:
            return self._faults
        return VideoModel(
            id=model_id,
            name=shape.name,
            provider=ProviderId(shape.provider),
            family=shape.family,
            state=ModelState(shape.state),
            retired_on=shape.retired_on,
            successor=ModelId(shape.successor) if shape.successor else None,
            modes=modes,
            typical=timedelta(seconds=shape.typical_seconds),
            soft_limit=timedelta(seconds=shape.soft_seconds),
            outer_limit=timedelta(seconds=shape.outer_seconds),
            is_default=shape.default,
            note=shape.note,
        )

    def _report(self, path: KeyPath, text: str) -> None:
        self._faults.append(Fault(path, text))

    def _check_life(self, model_id: ModelId, shape: FileShape) -> None:
        if shape.state == "retired":
            if shape.retired_on is None:
                self._report(("state",), "a retired model needs `retired_on`, a date")
            if shape.successor is None:
                self._report(("state",), "a retired model needs a `successor`, the id of another model")
        if shape.successor == model_id:
            self._report(("successor",), "a model cannot be its own successor")
        if shape.default and shape.state != "live":
            self._report(("default",), f"the default model has to be live, and this one is {shape.state}")
        for key in ("typical_seconds", "soft_seconds"):
            if getattr(shape, key) >= shape.outer_seconds:
                self._report((key,), f"`{key}` has to be less than `outer_seconds`, which is {shape.outer_seconds}")

    def _mode(self, mode: Mode, shape: ModeShape) -> ModeSpec:
        here: KeyPath = (mode.value,)
        options: dict[OptionName, OptionSpec] = {}
        known_faults = len(self._faults)
        for name in OptionName:
            found = getattr(shape, name.value)
            if found is not None:
                options[name] = self._option((*here, name.value), name, found)
        if len(self._faults) == known_faults:  # A price table over broken choices would only repeat the complaints.
            self._check_price((*here, "price"), shape.price, options)
        if mode is Mode.TEXT and shape.picture:
            self._report((*here, "picture"), "only [image] can have a picture")
        if mode is Mode.IMAGE and not shape.picture:
            self._report(here, "`image.picture` is missing")
        if shape.prompt.min > shape.prompt.max:
            self._report((*here, "prompt"), "the prompt's `min` is more than its `max`")
        self._check_fields(here, shape)
        return ModeSpec(
            slug=shape.slug,
            prompt=_prompt_rules(shape.prompt),
            options=options,
            fixed=self._fixed(here, shape),
            price=_price_table(shape.price),
            image=self._image_rules((*here, "picture"), shape.picture) if shape.picture else None,
            is_probeable=shape.probe,
        )

    def _check_fields(self, here: KeyPath, shape: ModeShape) -> None:
        """Two keys that fill the same field of the provider would silently overwrite each other."""
        taken = {"prompt"}
        sent: list[tuple[KeyPath, str]] = [((*here, "fixed", field), field) for field in shape.fixed]
        for name in OptionName:
            option = getattr(shape, name.value)
            if option is not None and option.field is not None:
                sent.append(((*here, name.value, "field"), option.field))
        if shape.picture:
            sent.append(((*here, "picture", "field"), shape.picture.field))
        for path, field in sent:
            if field in taken:
                self._report(path, f"the provider's field `{field}` is filled twice")
            taken.add(field)

    def _fixed(self, here: KeyPath, shape: ModeShape) -> dict[str, VendorValue | list[str]]:
        fixed: dict[str, VendorValue | list[str]] = {}
        for field, value in shape.fixed.items():
            if isinstance(value, list) and all(isinstance(item, str) for item in value):
                fixed[field] = list(value)
            elif isinstance(value, str | int) or (isinstance(value, float) and math.isfinite(value)):
                fixed[field] = value
            else:
                self._report((*here, "fixed", field), f"`{field}` has to be a text, a number, true, false or texts")
        return fixed

    def _option(self, here: KeyPath, name: OptionName, shape: OptionShape) -> OptionSpec:
        if (shape.field is None) != (shape.type is None):
            self._report(here, f"`{name}` needs both `field` and `type`, or neither when it is never sent")
        values = self._values(here, name, shape)
        spellings = {_spelling(value) for value in values}
        for key in shape.send:
            if key not in spellings:
                self._report((*here, "send", key), f"`{key}` is not one of the choices of `{name}`")
        choices = tuple(
            Choice(value=value, vendor=vendor)
            for value in values
            if (vendor := self._vendor_value(here, value, shape)) is not None
        )
        default = self._value((*here, "default"), name, shape.default)
        if default is not None and default not in values:
            self._report((*here, "default"), f"the default {_told(default)} is not one of the choices of `{name}`")
        return OptionSpec(
            name=name, vendor_field=shape.field, choices=choices, default="" if default is None else default
        )

    def _values(self, here: KeyPath, name: OptionName, shape: OptionShape) -> list[OptionValue]:
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
            valid = self._value(path, name, value)
            if valid in values:
                self._report(path, f"{_told(value)} is there twice")
            elif valid is not None:
                values.append(valid)
        return values

    def _value(self, path: KeyPath, name: OptionName, value: object) -> OptionValue | None:
        """*value* when it can be a value of this option; else None, and a fault."""
        match name, value:
            case OptionName.AUDIO, bool():
                return value
            case OptionName.DURATION, int() if not isinstance(value, bool) and 1 <= value <= 3600:
                return value
            case OptionName.ASPECT, str() if _ASPECT.fullmatch(value):
                return value
            case OptionName.QUALITY, str() if _QUALITY.fullmatch(value):
                return value
        wanted = {
            OptionName.AUDIO: "true or false",
            OptionName.DURATION: "whole seconds from 1 to 3600",
            OptionName.ASPECT: 'a ratio like "16:9", or "auto"',
            OptionName.QUALITY: 'a short word in small letters like "720p"',
        }
        self._report(path, f"{_told(value)} cannot be a value of `{name}`, which is {wanted[name]}")
        return None

    def _vendor_value(self, here: KeyPath, value: OptionValue, shape: OptionShape) -> VendorValue | None:
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
        path: KeyPath = (*here, "send", spelling) if spelling in shape.send else (*here, "type")
        self._report(path, f"{_told(sent)} cannot be sent as {shape.type}; say under `send` what to send instead")
        return None

    def _image_rules(self, here: KeyPath, shape: PictureShape) -> ImageRules:
        if shape.min_side > shape.max_side:
            self._report((*here, "min_side"), "`min_side` is more than `max_side`")
        if shape.min_ratio > shape.max_ratio:
            self._report((*here, "min_ratio"), "`min_ratio` is more than `max_ratio`")
        return ImageRules(
            vendor_field=shape.field,
            as_list=shape.as_list,
            formats=frozenset(ImageFormat(name) for name in shape.formats),
            max_bytes=shape.max_bytes,
            min_side=shape.min_side,
            max_side=shape.max_side,
            min_ratio=shape.min_ratio,
            max_ratio=shape.max_ratio,
        )

    def _check_price(self, here: KeyPath, shape: PriceShape, options: Mapping[OptionName, OptionSpec]) -> None:
        if shape.per == "second" and OptionName.DURATION not in options:
            self._report((*here, "per"), "a price per second needs a `duration`")
        table = _price_table(shape)
        known_faults = len(self._faults)
        for number, row in enumerate(table.rows):
            for name, value in row.when.items():
                if name not in options:
                    self._report((*here, "rows", number), f"the row names `{name}`, which this mode does not have")
                elif not options[name].offers(value):
                    self._report(
                        (*here, "rows", number), f"the row's `{name}` {_told(value)} is not one of the choices"
                    )
        if len(self._faults) == known_faults:
            self._check_coverage(here, table, options)

    def _check_coverage(self, here: KeyPath, table: PriceTable, options: Mapping[OptionName, OptionSpec]) -> None:
        """Combinations may lack a price (they are not sold), but no default, no choice and no row may be in vain."""
        reached: set[int] = set()
        sold: set[tuple[OptionName, OptionValue]] = set()
        for combination in _combinations(table, options):
            row = next((n for n, row in enumerate(table.rows) if row.matches(combination)), None)
            if row is not None:
                reached.add(row)
                sold.update(combination.items())
        for number in range(len(table.rows)):
            if number not in reached:
                self._report((*here, "rows", number), "the row never counts, because rows above it cover all of it")
        named = {name for row in table.rows for name in row.when}
        for name, option in options.items():
            for choice in option.choices:
                if name in named and (name, choice.value) not in sold:
                    self._report(
                        (here[0], name.value, "choices"),
                        f"`{name}` {_told(choice.value)} has no price in any combination",
                    )
        defaults = {name: option.default for name, option in options.items()}
        if not any(row.matches(defaults) for row in table.rows):
            self._report((*here, "rows"), "the defaults together have no price")


def _combinations(
    table: PriceTable, options: Mapping[OptionName, OptionSpec]
) -> Iterator[dict[OptionName, OptionValue]]:
    """Every combination of the options that the price depends on."""
    names = [name for name in options if any(name in row.when for row in table.rows)]
    for values in itertools.product(*([choice.value for choice in options[name].choices] for name in names)):
        yield dict(zip(names, values, strict=True))


def _price_table(shape: PriceShape) -> PriceTable:
    rows = []
    for row in shape.rows:
        named: dict[OptionName, OptionValue | None] = {
            OptionName.ASPECT: row.aspect,
            OptionName.DURATION: row.duration,
            OptionName.QUALITY: row.quality,
            OptionName.AUDIO: row.audio,
        }
        when = {name: value for name, value in named.items() if value is not None}
        rows.append(PriceRow(when=when, credits=row.credits))
    return PriceTable(per_second=shape.per == "second", rows=tuple(rows))


def _prompt_rules(shape: PromptShape) -> PromptRules:
    return PromptRules(min_length=shape.min, max_length=shape.max, is_required=shape.required)


def _spelling(value: OptionValue) -> str:
    """A value as a key under `send`; TOML's keys are always texts."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _told(value: object) -> str:
    """A value as it stands in the file."""
    if isinstance(value, bool):
        return str(value).lower()
    return f'"{value}"' if isinstance(value, str) else str(value)
