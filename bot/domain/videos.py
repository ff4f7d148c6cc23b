"""A video as a member asks for it, checked against what the model can do, with its price."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal

from bot.domain.ids import JobId, ModelId, TaskId
from bot.domain.models import (
    AUTO_DURATION,
    FOLLOW_UPS,
    FREE,
    FreeSpec,
    Mode,
    ModeSpec,
    OptionName,
    OptionValue,
    SourceRules,
    VideoModel,
)
from bot.domain.pictures import Clip, Picture, megabytes, picture_problem
from bot.domain.problems import Problem, Rule
from bot.domain.values import nearest, offered, show


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """The finished video that a follow-up works on: the provider's task that made it, or the video itself."""

    job: JobId
    seconds: int
    task_id: TaskId | None = None
    clip: Clip | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoRequest:
    """What the member typed; None means "the model's default"."""

    prompt: str
    model: ModelId
    picture: Picture | None = None  # the first frame
    last_frame: Picture | None = None
    references: tuple[Picture, ...] = ()
    aspect: str | None = None
    duration: int | None = None
    quality: str | None = None
    audio: bool | None = None
    style: str | None = None
    seed: int | None = None
    negative: str | None = None
    follow_up: Mode | None = None  # one of FOLLOW_UPS, on `source`
    source: Source | None = None

    @property
    def mode(self) -> Mode:
        if self.follow_up is not None:
            return self.follow_up
        return mode_of(has_frame=bool(self.picture or self.last_frame), has_reference=bool(self.references))

    def chosen(self) -> dict[OptionName, OptionValue]:
        """The options that the member named."""
        named: dict[OptionName, OptionValue | None] = {
            OptionName.ASPECT: self.aspect,
            OptionName.DURATION: self.duration,
            OptionName.QUALITY: self.quality,
            OptionName.AUDIO: self.audio,
            OptionName.STYLE: self.style,
            OptionName.SEED: self.seed,
            OptionName.NEGATIVE: (self.negative or "").strip() or None,
        }
        return {name: value for name, value in named.items() if value is not None}

    def pictures(self) -> Iterator[tuple[str, Picture]]:
        """The pictures with the names of their fields, in the order in which they are typed."""
        if self.picture is not None:
            yield "image", self.picture
        if self.last_frame is not None:
            yield "last_frame", self.last_frame
        for number, picture in enumerate(self.references, start=1):
            yield f"reference{number}", picture


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoSpec:
    """A request that the model accepts, complete with defaults, and what it costs in credits."""

    model: ModelId
    mode: Mode
    prompt: str
    options: Mapping[OptionName, OptionValue]
    price: int
    picture: Picture | None = None
    last_frame: Picture | None = None
    references: tuple[Picture, ...] = ()
    source: Source | None = None

    @property
    def has_picture(self) -> bool:
        return bool(self.picture or self.last_frame or self.references)


def request_of(video: VideoSpec) -> VideoRequest:
    """What was typed for this video, as far as the model's present options still know it."""
    options = {str(name): value for name, value in video.options.items()}
    duration, audio = options.get("duration"), options.get("audio")
    aspect, quality = options.get("aspect"), options.get("quality")
    style, seed, negative = options.get("style"), options.get("seed"), options.get("negative")
    return VideoRequest(
        prompt=video.prompt,
        model=video.model,
        picture=video.picture,
        last_frame=video.last_frame,
        references=video.references,
        source=video.source,
        follow_up=video.mode if video.mode in FOLLOW_UPS else None,
        aspect=aspect if isinstance(aspect, str) else None,
        duration=duration if isinstance(duration, int) and not isinstance(duration, bool) else None,
        quality=quality if isinstance(quality, str) else None,
        audio=audio if isinstance(audio, bool) else None,
        style=style if isinstance(style, str) else None,
        seed=seed if isinstance(seed, int) and not isinstance(seed, bool) else None,
        negative=negative if isinstance(negative, str) else None,
    )


def mode_of(*, has_frame: bool, has_reference: bool) -> Mode:
    """What pictures make of a request."""
    if has_reference:
        return Mode.REFERENCE
    return Mode.IMAGE if has_frame else Mode.TEXT


def resolve(request: VideoRequest, model: VideoModel, markup: Decimal = Decimal(1)) -> VideoSpec | Problem:
    """The request completed with the model's defaults and priced, or the first rule that it breaks."""
    mode = request.mode
    prompt = request.prompt.strip()
    if not prompt and mode is Mode.TEXT:
        return Problem(rule=Rule.PROMPT_OR_IMAGE, field="prompt")
    spec = model.modes.get(mode)
    if spec is None:
        return _mode_problem(mode, model)
    problem = (
        _prompt_problem(prompt, spec)
        or _inputs_problem(request, spec, model)
        or next((found for name, value in request.pictures() if (found := _picture_problem(name, value, spec))), None)
    )
    if problem:
        return problem
    options = complete(request.chosen(), spec)
    if isinstance(options, Problem):
        return options
    pictures, seconds = len(list(request.pictures())), request.source.seconds if request.source else None
    credits = price(spec, options, markup, pictures=pictures, source_seconds=seconds)
    if credits is None:
        return _combination_problem(request.chosen(), options, spec)
    return _shots_problem(prompt, options, spec) or VideoSpec(
        model=model.id,
        mode=mode,
        prompt=prompt,
        options=options,
        price=credits,
        picture=request.picture,
        last_frame=request.last_frame,
        references=request.references,
        source=request.source,
    )


def complete(chosen: Mapping[OptionName, OptionValue], spec: ModeSpec) -> dict[OptionName, OptionValue] | Problem:
    """Every option of the mode with the member's value or the default; a Problem for one that does not exist.

    Seed and negative words are only there when the member named them.
    """
    for name, value in chosen.items():
        problem = _free_problem(name, value, spec) if name in FREE else _choice_problem(name, value, spec)
        if problem is not None:
            return problem
    options: dict[OptionName, OptionValue] = {}
    for name, option in spec.options.items():
        choice = option.find(chosen.get(name, option.default))
        options[name] = option.default if choice is None else choice.value
    return options | {name: value for name, value in chosen.items() if name in FREE}


def price(
    spec: ModeSpec,
    options: Mapping[OptionName, OptionValue],
    markup: Decimal = Decimal(1),
    *,
    pictures: int = 0,
    source_seconds: int | None = None,
) -> int | None:
    """Whole credits for these options, rounded up, times the markup; None when they are not sold together.

    *source_seconds* is the length of the earlier video, which a follow-up without a duration of its own is paid by.
    """
    for row in spec.price.rows:
        if row.matches(options):
            # Decimal through text: 0.1 + 0.2 must not round a price up by one.
            credits = Decimal(str(row.credits))
            if spec.price.per_second:
                credits *= _seconds(spec, options, source_seconds)
            credits += Decimal(str(spec.price.extra_picture)) * max(0, pictures - 1)
            return max(1, int((credits * markup).to_integral_value(ROUND_CEILING)))
    return None


def lowest_price(model: VideoModel, mode: Mode, markup: Decimal = Decimal(1)) -> int | None:
    """What the mode costs with all its defaults; None when the model does not have the mode."""
    spec = model.modes.get(mode)
    if spec is None:
        return None
    return price(spec, {name: option.default for name, option in spec.options.items()}, markup)


def shots(prompt: str, options: Mapping[OptionName, OptionValue]) -> list[tuple[str, int]]:
    """The prompt's lines with the whole seconds of each; the first ones get what does not divide."""
    lines = [line.strip() for line in prompt.splitlines() if line.strip()]
    each, rest = divmod(int(options[OptionName.DURATION]), max(1, len(lines)))
    return [(line, each + (number < rest)) for number, line in enumerate(lines)]


def follows(rules: SourceRules, earlier: VideoSpec) -> bool:
    """Whether the follow-up may be offered under this finished video."""
    if rules.models and earlier.model not in rules.models:
        return False
    return all(earlier.options.get(name) in values for name, values in rules.only.items())


def _mode_problem(mode: Mode, model: VideoModel) -> Problem:
    values: dict[str, str | int | float] = {"model": model.name}
    if mode in FOLLOW_UPS:
        return Problem(rule=Rule.FOLLOW_UP_MISSING, field="model", values=values)
    if all(other in FOLLOW_UPS for other in model.modes):
        return Problem(rule=Rule.MODE_FOLLOW_UP, field="model", values=values)
    match mode:
        case Mode.TEXT:
            return Problem(rule=Rule.MODE_TEXT_MISSING, field="image", values=values)
        case Mode.IMAGE:
            return Problem(rule=Rule.MODE_IMAGE_MISSING, field="image", values=values)
        case _:
            return Problem(rule=Rule.MODE_REFERENCE_MISSING, field="reference1", values=values)


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


def _inputs_problem(request: VideoRequest, spec: ModeSpec, model: VideoModel) -> Problem | None:
    """Pictures and videos that do not go together, or that the mode has no place for."""
    if request.references and spec.references is not None:
        given, most = len(request.references), spec.references.most
        if given > most:
            values: dict[str, str | int | float] = {"given": given, "limit": most}
            return Problem(rule=Rule.TOO_MANY_REFERENCES, field=f"reference{most + 1}", values=values)
        if (request.picture and spec.image is None) or (request.last_frame and spec.last_frame is None):
            field = "image" if request.picture else "last_frame"
            return Problem(rule=Rule.FRAMES_OR_REFERENCES, field=field, values={"model": model.name})
    last = spec.last_frame
    if request.last_frame is not None:
        if last is None:
            return Problem(rule=Rule.OPTION_MISSING, field="last_frame")
        if request.picture is None and not last.can_be_alone:
            return Problem(rule=Rule.LAST_FRAME_ALONE, field="last_frame", values={"model": model.name})
    elif last is not None and last.is_required:
        return Problem(rule=Rule.LAST_FRAME_REQUIRED, field="last_frame", values={"model": model.name})
    source = request.source
    if source is not None and spec.source is not None:
        if source.seconds > spec.source.max_seconds:
            values = {"given": source.seconds, "limit": spec.source.max_seconds}
            return Problem(rule=Rule.SOURCE_LENGTH, field="video", values=values)
        if source.clip is not None and source.clip.size > spec.source.max_bytes:
            values = {"given": megabytes(source.clip.size, up=True), "limit": megabytes(spec.source.max_bytes)}
            return Problem(rule=Rule.SOURCE_BYTES, field="video", values=values)
    return None


def _picture_problem(field: str, picture: Picture, spec: ModeSpec) -> Problem | None:
    rules = spec.references if field.startswith("reference") else spec.image
    return None if rules is None else picture_problem(field, picture, rules)


def _choice_problem(name: OptionName, value: OptionValue, spec: ModeSpec) -> Problem | None:
    option = spec.options.get(name)
    if option is None:
        return Problem(rule=Rule.OPTION_MISSING, field=name, values={"given": show(name, value)})
    if option.offers(value):
        return None
    instead = nearest(option, value)
    return Problem(
        rule=Rule.OPTION_VALUE,
        field=name,
        values={"given": show(name, value), "offered": offered(option), "nearest": show(name, instead)},
        nearest=instead,
    )


def _free_problem(name: OptionName, value: OptionValue, spec: ModeSpec) -> Problem | None:
    free: FreeSpec | None = spec.free.get(name)
    if free is None:
        return Problem(rule=Rule.OPTION_MISSING, field=name, values={"given": show(name, value)})
    if isinstance(value, str):
        if len(value) <= free.high:
            return None
        return Problem(rule=Rule.OPTION_LENGTH, field=name, values={"given": len(value), "limit": free.high})
    if free.low <= value <= free.high:
        return None
    instead = min(max(value, free.low), free.high)
    return Problem(
        rule=Rule.OPTION_RANGE,
        field=name,
        values={"given": show(name, value), "lowest": free.low, "highest": free.high, "nearest": instead},
        nearest=instead,
    )


def _shots_problem(prompt: str, options: Mapping[OptionName, OptionValue], spec: ModeSpec) -> Problem | None:
    if spec.shots is None:
        return None
    given, most = len(shots(prompt, options)), min(spec.shots.most, int(options[OptionName.DURATION]))
    if given <= most:
        return None
    return Problem(rule=Rule.TOO_MANY_SHOTS, field="prompt", values={"given": given, "limit": most})


def _seconds(spec: ModeSpec, options: Mapping[OptionName, OptionValue], source_seconds: int | None) -> int:
    """What a price per second is multiplied with; where the model decides, the longest that it may choose."""
    option = spec.options.get(OptionName.DURATION)
    if option is None:
        return max(1, source_seconds or 1)
    chosen = int(options[OptionName.DURATION])
    return chosen if chosen != AUTO_DURATION else max(int(choice.value) for choice in option.choices)


def _combination_problem(
    chosen: Mapping[OptionName, OptionValue], options: Mapping[OptionName, OptionValue], spec: ModeSpec
) -> Problem:
    """Name the chosen option that has to give way, and the nearest value with which the rest is sold."""
    choosable = [name for name in chosen if name in spec.options]
    for name in choosable:
        sold = tuple(
            choice for choice in spec.options[name].choices if price(spec, {**options, name: choice.value}) is not None
        )
        if sold:
            return _unsold(
                name, options[name], nearest(dataclasses.replace(spec.options[name], choices=sold), options[name])
            )
    # No single change is enough. The loader refuses a catalogue whose defaults have no price, so going back to the
    # defaults one by one ends at something that is sold.
    name = next(name for name in choosable if options[name] != spec.options[name].default)
    return _unsold(name, options[name], spec.options[name].default)


def _unsold(name: OptionName, given: OptionValue, instead: OptionValue) -> Problem:
    return Problem(
        rule=Rule.OPTION_COMBINATION,
        field=name,
        values={"given": show(name, given), "nearest": show(name, instead)},
        nearest=instead,
    )
