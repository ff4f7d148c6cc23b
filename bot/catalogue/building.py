"""Turns the keys of a catalogue file into a video model, and finds what the keys contradict."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import timedelta

from bot.catalogue.options import OptionBuilder
from bot.catalogue.prices import check_price, price_table
from bot.catalogue.problems import Fault, KeyPath
from bot.catalogue.schema import (
    FileShape,
    LastFrameShape,
    ModeShape,
    OptionShape,
    PictureShape,
    PromptShape,
    ShotsShape,
    SourceShape,
)
from bot.domain.ids import ModelId, ProviderId
from bot.domain.models import (
    FOLLOW_UPS,
    FREE,
    FreeSpec,
    ImageFormat,
    ImageRules,
    LastFrameRules,
    Mode,
    ModelState,
    ModeSpec,
    OptionName,
    OptionSpec,
    OptionValue,
    PromptRules,
    ShotRules,
    SourceKind,
    SourceRules,
    VendorValue,
    VideoModel,
)

_INPUTS: Mapping[Mode, tuple[str, ...]] = {
    Mode.TEXT: (),
    Mode.IMAGE: ("picture",),
    Mode.REFERENCE: ("references",),
    Mode.EXTEND: ("source",),
    Mode.UPSCALE: ("source",),
    Mode.RESTYLE: ("source",),
}
_MORE_INPUTS: Mapping[Mode, tuple[str, ...]] = {
    Mode.IMAGE: ("last_frame",),
    Mode.REFERENCE: ("picture", "last_frame"),
}
_OWNERS: Mapping[str, str] = {
    "picture": "only [image] can have a picture",
    "last_frame": "only [image] can have a last frame",
    "references": "only [reference] can have references",
    "source": "only [extend], [upscale] and [restyle] can have a source",
}


def build(model_id: ModelId, shape: FileShape) -> VideoModel | list[Fault]:
    """The model that the file describes, or everything that its keys contradict."""
    return _Builder().model(model_id, shape)


class _Builder:
    """Collects faults, so that the author of a file hears of all of them at once."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []

    def model(self, model_id: ModelId, shape: FileShape) -> VideoModel | list[Fault]:
        self._check_life(model_id, shape)
        shapes: dict[Mode, ModeShape] = {
            mode: found for mode in Mode if (found := getattr(shape, mode.value)) is not None
        }
        if not shapes:
            self._report((), f"the model needs at least one table of {', '.join(f'[{mode}]' for mode in Mode)}")
        modes = {mode: self._mode(model_id, mode, found) for mode, found in shapes.items()}
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

    def _mode(self, model_id: ModelId, mode: Mode, shape: ModeShape) -> ModeSpec:
        here: KeyPath = (mode.value,)
        options: dict[OptionName, OptionSpec] = {}
        known_faults = len(self._faults)
        for name in OptionName:
            found = getattr(shape, name.value)
            if isinstance(found, OptionShape):
                options[name] = OptionBuilder((*here, name.value), name, self._report).build(found)
        if len(self._faults) == known_faults:  # A price table over broken choices would only repeat the complaints.
            check_price((*here, "price"), shape.price, options, self._report, has_source=mode in FOLLOW_UPS)
        self._check_prompt(mode, shape)
        self._check_inputs(mode, shape)
        self._check_fields(here, shape)
        return ModeSpec(
            slug=shape.slug,
            prompt=_prompt_rules(shape.prompt),
            options=options,
            fixed=self._fixed(here, shape),
            price=price_table(shape.price),
            image=self._image_rules((*here, "picture"), shape.picture) if shape.picture else None,
            is_probeable=shape.probe,
            last_frame=_last_frame_rules(shape.last_frame) if shape.last_frame else None,
            references=self._image_rules((*here, "references"), shape.references) if shape.references else None,
            source=self._source_rules((*here, "source"), model_id, shape.source) if shape.source else None,
            free=self._free(here, shape),
            shots=_shot_rules(shape.prompt.shots) if shape.prompt and shape.prompt.shots else None,
            is_paused=shape.state == "paused",
        )

    def _check_prompt(self, mode: Mode, shape: ModeShape) -> None:
        prompt, here = shape.prompt, (mode.value, "prompt")
        if prompt is None:
            if mode not in FOLLOW_UPS:
                self._report((mode.value,), f"`{mode}.prompt` is missing")
        elif prompt.min > prompt.max:
            self._report(here, "the prompt's `min` is more than its `max`")
        elif prompt.shots and shape.duration is None:
            self._report((*here, "shots"), "shots share the seconds of a `duration`, and there is none")

    def _check_inputs(self, mode: Mode, shape: ModeShape) -> None:
        """Each mode has the input that makes it what it is, and none that belongs to another."""
        wanted, may_be = _INPUTS[mode], _MORE_INPUTS.get(mode, ())
        for key, complaint in _OWNERS.items():
            if getattr(shape, key) is None:
                if key in wanted:
                    self._report((mode.value,), f"`{mode}.{key}` is missing")
            elif key not in (*wanted, *may_be):
                self._report((mode.value, key), complaint)
        if shape.last_frame and not shape.picture:
            self._report((mode.value, "last_frame"), "a `last_frame` needs a `picture`, whose rules it shares")

    def _check_fields(self, here: KeyPath, shape: ModeShape) -> None:
        """Two keys that fill the same field of the provider would silently overwrite each other."""
        shots = shape.prompt.shots if shape.prompt else None
        taken = {shots.field if shots else "prompt"}
        sent: list[tuple[KeyPath, str]] = [((*here, "fixed", field), field) for field in shape.fixed]
        for key in (*OptionName, "picture", "last_frame", "references", "source"):
            found = getattr(shape, str(key))
            if found is not None and found.field is not None:
                sent.append(((*here, str(key), "field"), found.field))
        if shape.source and shape.source.seconds_field:
            sent.append(((*here, "source", "seconds_field"), shape.source.seconds_field))
        for path, field in sent:
            # First and last frame may share a list.
            is_pair = path[-2] == "last_frame" and shape.picture and shape.picture.field == field
            if field in taken and not (is_pair and shape.picture and shape.picture.as_list):
                self._report(path, f"the provider's field `{field}` is filled twice")
            taken.add(field)

    def _free(self, here: KeyPath, shape: ModeShape) -> dict[OptionName, FreeSpec]:
        free: dict[OptionName, FreeSpec] = {}
        if shape.seed:
            low, high = shape.seed.range
            if low >= high:
                self._report((*here, "seed", "range"), "the range has to go from the smallest to the largest seed")
            free[OptionName.SEED] = FreeSpec(
                name=OptionName.SEED,
                vendor_field=shape.seed.field,
                is_text=shape.seed.type == "string",
                low=low,
                high=high,
            )
        if shape.negative:
            free[OptionName.NEGATIVE] = FreeSpec(
                name=OptionName.NEGATIVE,
                vendor_field=shape.negative.field,
                is_text=True,
                low=1,
                high=shape.negative.max,
            )
        return free

    def _source_rules(self, here: KeyPath, model_id: ModelId, shape: SourceShape) -> SourceRules:
        only: dict[OptionName, tuple[OptionValue, ...]] = {}
        for key, values in shape.only.items():
            name = next((name for name in OptionName if name == key and name not in FREE), None)
            if name is None:
                self._report((*here, "only", key), f"`{key}` is not an option with choices")
                continue
            only[name] = tuple(value for value in values if isinstance(value, str | int))
            if len(only[name]) != len(values):
                self._report(
                    (*here, "only", key), f"the values of `{key}` have to be texts, whole numbers, true or false"
                )
        models = [model_id] if shape.models is None else [ModelId(name) for name in shape.models]
        if shape.kind == "task" and not models:
            self._report((*here, "models"), "a provider knows only its own tasks, so `models` has to name some")
        return SourceRules(
            kind=SourceKind(shape.kind),
            vendor_field=shape.field,
            as_list=shape.as_list,
            seconds_field=shape.seconds_field,
            models=frozenset(models),
            only=only,
            max_bytes=shape.max_bytes,
            max_seconds=shape.max_seconds,
        )

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
            most=shape.most,
        )


def _prompt_rules(shape: PromptShape | None) -> PromptRules:
    if shape is None:
        return PromptRules(min_length=1, max_length=0, is_required=False)
    return PromptRules(min_length=shape.min, max_length=shape.max, is_required=shape.required)


def _last_frame_rules(shape: LastFrameShape) -> LastFrameRules:
    return LastFrameRules(vendor_field=shape.field, can_be_alone=shape.alone, is_required=shape.required)


def _shot_rules(shape: ShotsShape) -> ShotRules:
    return ShotRules(vendor_field=shape.field, text_field=shape.text, seconds_field=shape.seconds, most=shape.most)
