"""What can be done with a finished video: by which models, with which options, and at what price."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

from bot.domain.ids import JobId, ModelId, ProviderId, TaskId
from bot.domain.models import (
    AUTO_DURATION,
    FOLLOW_UPS,
    Mode,
    ModelState,
    ModeSpec,
    OptionName,
    OptionValue,
    SourceKind,
    VideoModel,
)
from bot.domain.pictures import Clip
from bot.domain.videos import Source, VideoRequest, VideoSpec, follows, price

# What a member chooses of; every other option has its default.
CHOSEN = (OptionName.DURATION, OptionName.QUALITY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """A video that was made, with what is known of it."""

    job: JobId
    video: VideoSpec
    provider: ProviderId
    task_id: TaskId | None
    is_kept: bool = True  # False once the provider no longer has what its task made


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowUp:
    """One thing that can be done with a finished video, and its price in credits."""

    model: VideoModel
    mode: Mode
    options: Mapping[OptionName, OptionValue]
    price: int

    @property
    def spec(self) -> ModeSpec:
        return self.model.modes[self.mode]

    @property
    def needs_file(self) -> bool:
        return self.spec.source is not None and self.spec.source.kind is SourceKind.VIDEO

    @property
    def takes_prompt(self) -> bool:
        return self.spec.prompt.max_length > 0

    def request(self, finished: Finished, prompt: str, clip: Clip | None = None) -> VideoRequest:
        """What is asked for when somebody chooses this. *clip* is the video itself, where that is needed."""
        duration, quality = self.options.get(OptionName.DURATION), self.options.get(OptionName.QUALITY)
        return VideoRequest(
            prompt=prompt if self.takes_prompt else "",
            model=self.model.id,
            follow_up=self.mode,
            duration=duration if isinstance(duration, int) else None,
            quality=quality if isinstance(quality, str) else None,
            source=Source(
                job=finished.job,
                seconds=length_of(finished.video) or 0,
                task_id=None if self.needs_file else finished.task_id,
                clip=clip,
            ),
        )


def purposes(models: Iterable[VideoModel], finished: Finished) -> tuple[Mode, ...]:
    """The follow-ups that some model can still do with this video."""
    lasting = [model for model in models if model.state is not ModelState.RETIRED]
    return tuple(mode for mode in FOLLOW_UPS if any(True for _ in choices(lasting, finished, mode)))


def choices(
    models: Iterable[VideoModel], finished: Finished, mode: Mode, markup: Decimal = Decimal(1)
) -> Iterator[FollowUp]:
    """Everything of that kind that can be done with this video, by these models."""
    for model in models:
        spec = model.modes.get(mode)
        if spec is None or spec.is_paused or not _can_follow(model, spec, finished):
            continue
        seconds = length_of(finished.video)
        for options in _combinations(spec, finished.video):
            credits = price(spec, options, markup, source_seconds=seconds)
            if credits is not None:
                yield FollowUp(model=model, mode=mode, options=options, price=credits)


def find(found: Iterable[FollowUp], model: ModelId, options: Mapping[OptionName, OptionValue]) -> FollowUp | None:
    """The one that somebody chose earlier, if it still is there."""
    return next((each for each in found if each.model.id == model and options.items() <= each.options.items()), None)


def length_of(video: VideoSpec) -> int | None:
    """How many seconds the video lasts; None where the model decided or has one length that nobody wrote down."""
    if video.source is not None and video.mode in (Mode.UPSCALE, Mode.RESTYLE):
        return video.source.seconds
    duration = video.options.get(OptionName.DURATION)
    if not isinstance(duration, int) or duration == AUTO_DURATION:
        return None
    return duration + (video.source.seconds if video.source is not None and video.mode is Mode.EXTEND else 0)


def _can_follow(model: VideoModel, spec: ModeSpec, finished: Finished) -> bool:
    rules = spec.source
    if rules is None or not follows(rules, finished.video):
        return False
    if rules.kind is SourceKind.TASK:
        is_known = model.provider == finished.provider and finished.task_id is not None
        if not is_known or not finished.is_kept:
            return False  # A provider knows only its own tasks, and not for ever.
    seconds = length_of(finished.video)
    if seconds is None:
        is_by_length = spec.price.per_second and OptionName.DURATION not in spec.options
        return not is_by_length and rules.seconds_field is None
    return seconds <= rules.max_seconds


def _combinations(spec: ModeSpec, earlier: VideoSpec) -> Iterator[dict[OptionName, OptionValue]]:
    """Each way to choose; an option that is never sent is that of the earlier video, where it has it."""
    values: list[list[OptionValue]] = []
    for name, option in spec.options.items():
        inherited = earlier.options.get(name)
        if option.vendor_field is None and inherited is not None and option.offers(inherited):
            values.append([inherited])
        elif name in CHOSEN:
            values.append([choice.value for choice in option.choices])
        else:
            values.append([option.default])
    for combination in itertools.product(*values):
        yield dict(zip(spec.options, combination, strict=True))
