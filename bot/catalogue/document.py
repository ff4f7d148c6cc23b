"""Writes docs/models.md: what the catalogue says, for people who choose a model or wonder why one is missing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from bot.catalogue.loader import load
from bot.domain.models import Catalogue, ImageRules, Mode, ModelState, ModeSpec, OptionName, VideoModel
from bot.domain.pictures import NO_RATIO, NO_SIDE, largest, shape
from bot.domain.values import offered
from bot.domain.videos import price

TARGET = Path(__file__).parents[2] / "docs" / "models.md"

_HEAD = """\
# Models

Made from the catalogue by `make models`; a test keeps it current. Credits are the provider's, with the options'
defaults, before the host's markup. Where a price or a limit comes from, and how sure it is, says the comment in the
model's own file in `bot/catalogue/`. How such a file is written is in [catalogue.md](catalogue.md).
"""

_PICTURES = """\
## Pictures

What the bot lets through to a model, as the catalogue has it; `/models` says the same in Discord. A last frame is taken
under the rules of the first one. How many references a model takes is above; `/video` has options for three.

| Formats | Each at most | Sides, in pixels | Width to height | Models |
|---|---|---|---|---|
"""

# Where a model comes from unless its row says otherwise.
_USUAL = "kie_jobs"

_MODES: Mapping[Mode, str] = {
    Mode.TEXT: "words",
    Mode.IMAGE: "picture",
    Mode.REFERENCE: "references",
    Mode.EXTEND: "extends a video",
    Mode.UPSCALE: "sharpens a video",
    Mode.RESTYLE: "restyles a video",
}

# What the provider sells and we do not, each with the reason.
_LEFT_OUT: Sequence[tuple[str, str]] = (
    (
        "`kling/ai-avatar-*`, `infinitalk/from-audio`, `omnihuman-1-5`",
        "need a sound file, which `/video` does not take",
    ),
    ("`volcengine/video-to-video-lip-sync`", "needs a video and a sound file"),
    (
        "`kling-3.0/motion-control`, `kling-2.6/motion-control`, `kling-3.0-omni/transformation`, `wan/2-7-videoedit`, "
        "`wan/2-6-video-to-video`, `wan/2-6-flash-video-to-video`, `wan/2-2-animate-*`, `happyhorse/video-edit`",
        "change a video that the member brings, which `/video` does not take",
    ),
    ("`pixverse-v6/transition`, `pixverse-v6/extend`", "no source names their fields for certain"),
    ("`wan/2-2-a14b-*`", "old, and their prices are only known as a range"),
    (
        "`sora-2-characters*`, `sora-watermark-remover`, `sora-2-*-stable`",
        "dead with Sora 2, and no videos of their own",
    ),
)


def document(catalogue: Catalogue) -> str:
    parts = [_HEAD]
    for state, title in (
        (ModelState.LIVE, "Offered"),
        (ModelState.PAUSED, "Paused"),
        (ModelState.RETIRED, "Retired"),
    ):
        found = [model for model in catalogue.models.values() if model.state is state]
        if found:
            parts.append(f"## {title}\n\n{_table(found)}\n")
    parts.append(_pictures([model for model in catalogue.models.values() if model.state is not ModelState.RETIRED]))
    parts.append(_left_out())
    return "\n".join(parts)


def _table(models: Sequence[VideoModel]) -> str:
    lines = ["| Model | From | Seconds | Quality | More | Credits |", "|---|---|---|---|---|---|"]
    lines += [_row(model, mode, spec) for model in models for mode, spec in model.modes.items()]
    return "\n".join(lines)


def _row(model: VideoModel, mode: Mode, spec: ModeSpec) -> str:
    is_first = mode is next(iter(model.modes))
    name = f"`{model.id}` {model.name}{' (default)' if model.is_default else ''}" if is_first else ""
    if is_first and model.provider != _USUAL:
        name += f", through `{model.provider}`"
    if is_first and model.retired_on is not None:
        name += f", since {model.retired_on}; instead `{model.successor}`"
    cells = [
        name,
        _MODES[mode] + (" (paused)" if spec.is_paused and model.state is ModelState.LIVE else ""),
        _choices(spec, OptionName.DURATION),
        _choices(spec, OptionName.QUALITY),
        ", ".join(_more(spec)) or "–",
        _credits(spec),
    ]
    return "| " + " | ".join(cells) + " |"


def _choices(spec: ModeSpec, name: OptionName) -> str:
    option = spec.options.get(name)
    return "–" if option is None else offered(option)


def _more(spec: ModeSpec) -> Iterator[str]:
    for name in (OptionName.ASPECT, OptionName.AUDIO, OptionName.STYLE):
        if name in spec.options:
            yield f"{name} {_choices(spec, name)}" if name is OptionName.STYLE else name.value
    yield from (name.value for name in spec.free)
    if spec.last_frame is not None:
        yield "last_frame"
    if spec.references is not None and spec.references.most > 1:
        yield f"up to {spec.references.most} references"


def _credits(spec: ModeSpec) -> str:
    """The price of the defaults; of one second where the earlier video's length decides."""
    credits = price(spec, {name: option.default for name, option in spec.options.items()})
    is_by_source = spec.price.per_second and OptionName.DURATION not in spec.options
    return f"{credits} a second" if is_by_source else str(credits)


def _pictures(models: Sequence[VideoModel]) -> str:
    """One row for all models that take the same, the most usual limits first."""
    takers: dict[tuple[str, ...], list[str]] = {}
    for model in models:
        for limits, names in _taken(model).items():
            takers.setdefault(limits, []).extend(names)
    rows = sorted(takers.items(), key=lambda row: -len(row[1]))
    lines = [f"| {' | '.join(limits)} | {', '.join(names)} |" for limits, names in rows]
    return _PICTURES + "\n".join(lines) + "\n"


def _taken(model: VideoModel) -> dict[tuple[str, ...], list[str]]:
    """The model's limits; only where they are not the same for all of its pictures it says for which."""
    found: dict[tuple[str, ...], list[str]] = {}
    for spec in model.modes.values():
        for rules, word in ((spec.image, "picture"), (spec.references, "references")):
            words = [] if rules is None else found.setdefault(_limits(rules), [])
            if word not in words:
                words.append(word)
    if len(found) == 1:
        return {next(iter(found)): [f"`{model.id}`"]}
    return {limits: [f"`{model.id}` ({', '.join(words)})"] for limits, words in found.items()}


def _limits(rules: ImageRules) -> tuple[str, ...]:
    formats = ", ".join(sorted(form.value.upper() for form in rules.formats))
    lowest = str(rules.min_side) if rules.min_side > 1 else ""
    highest = str(rules.max_side) if rules.max_side < NO_SIDE else ""
    narrow = shape(rules.min_ratio) if rules.min_ratio > 1 / NO_RATIO else ""
    wide = shape(rules.max_ratio) if rules.max_ratio < NO_RATIO else ""
    return formats, f"{largest(rules):g} MB", _between(lowest, highest), _between(narrow, wide)


def _between(lowest: str, highest: str) -> str:
    if lowest and highest:
        return f"{lowest} to {highest}"
    if lowest:
        return f"at least {lowest}"
    return f"at most {highest}" if highest else "–"


def _left_out() -> str:
    rows = "\n".join(f"| {models} | {reason} |" for models, reason in _LEFT_OUT)
    return f"## Not offered\n\n| Kie.ai's model | Why |\n|---|---|\n{rows}\n"


if __name__ == "__main__":
    TARGET.write_text(document(load().catalogue), encoding="utf-8")
