"""Whether what the catalogue says of prices still is what a provider asks."""

from __future__ import annotations

import re
import statistics
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from bot.domain.ids import ModelId
from bot.domain.models import AUTO_DURATION, ModeSpec, OptionName, OptionValue, PriceRow, VideoModel
from bot.domain.videos import VideoSpec, price

# Below this a difference is a matter of rounding and of a week.
TOLERANCE = 0.2
# A larger one is mostly another unit: a price per clip beside one per second.
ABSURD = 3.0
# Fewer charges than this may be an exception.
ENOUGH_CHARGES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedPrice:
    """One line of a provider's price list, in its own words and credits."""

    description: str
    credits: float
    unit: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """A price that is not what the catalogue says."""

    model: ModelId
    said: float
    found: float

    @property
    def change(self) -> int:
        """In percent of what the catalogue says."""
        return round((self.found / self.said - 1) * 100)


def listed_drifts(models: Iterable[VideoModel], listed: Sequence[ListedPrice]) -> list[Drift]:
    """The largest difference of each model to the list, as far as lines of it can be told to be about its prices."""
    told: dict[frozenset[str], list[ListedPrice]] = {}
    for line in listed:
        told.setdefault(_parts(line.description), []).append(line)
    found: dict[ModelId, Drift] = {}
    for model in models:
        for spec in model.modes.values():
            for row in spec.price.rows:
                credits = {line.credits for line in told.get(_wanted(spec, row), ()) if _fits(line, spec)}
                if len(credits) == 1:
                    _keep(found, Drift(model=model.id, said=row.credits, found=credits.pop()))
    return list(found.values())


def charged_drifts(models: Mapping[ModelId, VideoModel], charges: Iterable[tuple[VideoSpec, float]]) -> list[Drift]:
    """The difference of each model to what the provider really charged us, by the median of its newest videos."""
    ratios: dict[ModelId, list[float]] = {}
    for video, credits in charges:
        model = models.get(video.model)
        spec = model.modes.get(video.mode) if model else None
        said = None if spec is None else _price_of(video, spec)
        if said:
            ratios.setdefault(video.model, []).append(credits / said)
    medians = {model: statistics.median(some) for model, some in ratios.items() if len(some) >= ENOUGH_CHARGES}
    return [Drift(model=model, said=1, found=ratio) for model, ratio in medians.items() if abs(ratio - 1) > TOLERANCE]


def _keep(found: dict[ModelId, Drift], drift: Drift) -> None:
    ratio, before = drift.found / drift.said, found.get(drift.model)
    is_drift = abs(ratio - 1) > TOLERANCE and 1 / ABSURD < ratio < ABSURD
    if is_drift and (before is None or abs(drift.change) > abs(before.change)):
        found[drift.model] = drift


def _price_of(video: VideoSpec, spec: ModeSpec) -> int | None:
    if video.options.get(OptionName.DURATION) == AUTO_DURATION:
        return None  # What was held is only the most that it could cost.
    pictures = bool(video.picture) + bool(video.last_frame) + len(video.references)
    seconds = video.source.seconds if video.source else None
    return price(spec, video.options, pictures=pictures, source_seconds=seconds)


def _fits(line: ListedPrice, spec: ModeSpec) -> bool:
    return not line.unit or ("second" in line.unit) == spec.price.per_second


def _parts(description: str) -> frozenset[str]:
    """ "kling-3.0/video, std, with sound" in pieces."""
    return frozenset(
        part for part in (re.sub(r"\s+", " ", each).strip() for each in description.lower().split(",")) if part
    )


def _wanted(spec: ModeSpec, row: PriceRow) -> frozenset[str]:
    """The pieces of a line that is about exactly this row: any other piece makes it about something else."""
    return frozenset({spec.slug.lower(), *_conditions(spec, row)})


def _conditions(spec: ModeSpec, row: PriceRow) -> Iterator[str]:
    for name, value in row.when.items():
        option = spec.options[name]
        sent: OptionValue | float = option.vendor_value(value)
        if isinstance(sent, bool):
            yield f"{'with' if sent else 'without'} {option.vendor_field}"
        else:
            yield str(sent).lower()
