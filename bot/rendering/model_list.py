"""The answer to /models: what each model can do, costs and takes, on pages that fit."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

import discord

from bot.domain.models import Catalogue, ImageRules, Mode, ModelState, ModeSpec, OptionName, VideoModel
from bot.domain.pictures import NO_RATIO, NO_SIDE, largest, shape
from bot.domain.values import offered
from bot.domain.videos import price
from bot.i18n import N_, Texts
from bot.rendering import words
from bot.rendering.choices import cut
from bot.rendering.replies import MAX_FIELD, embed

# Discord: all texts of a message's embeds together have at most 6000 characters, a field's name 256, an embed 25
# fields (documentation of the embed object). Title and footer need some of the 6000.
MAX_TEXT = 5500
MAX_FIELD_NAME = 256
MODELS_PER_PAGE = 8

# `/video` has so many options for them.
MOST_REFERENCES = 3

_MODE_NAMES: Mapping[Mode, str] = {
    Mode.TEXT: N_("text"),
    Mode.IMAGE: N_("picture"),
    Mode.REFERENCE: N_("references"),
    Mode.EXTEND: N_("extend"),
    Mode.UPSCALE: N_("upscale"),
    Mode.RESTYLE: N_("restyle"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A model as it stands now: the modes that can be used, none when it is switched off, and how long it takes."""

    model: VideoModel
    modes: Sequence[Mode]
    typical: timedelta
    is_well: bool = True  # False while it fails again and again, so that jobs for it wait


def model_pages(_: Texts, models: Iterable[Listed], catalogue: Catalogue, markup: Decimal) -> list[discord.Embed]:
    """All models, on at least one page."""
    fields = [(_title(_, listed), _description(_, listed, catalogue, markup)) for listed in models]
    pages: list[list[tuple[str, str]]] = [[]]
    for field in fields:
        used = sum(len(name) + len(value) for name, value in pages[-1])
        if len(pages[-1]) == MODELS_PER_PAGE or (pages[-1] and used + len(field[0]) + len(field[1]) > MAX_TEXT):
            pages.append([])
        pages[-1].append(field)
    cards = []
    for number, page in enumerate(pages, start=1):
        card = embed(_("Models"), None if fields else _("There are no models. The host can say why."))
        for name, value in page:
            card.add_field(name=name, value=value, inline=False)
        card.set_footer(text=_("Page {number} of {count}", number=number, count=len(pages)))
        cards.append(card)
    return cards


def _title(_: Texts, listed: Listed) -> str:
    model = listed.model
    # Babel does not see what is marked inside an f-string.
    default = _("default")
    return cut(f"{model.name} · {default}" if model.is_default else model.name, MAX_FIELD_NAME)


def _description(_: Texts, listed: Listed, catalogue: Catalogue, markup: Decimal) -> str:
    model = listed.model
    if not listed.modes:
        return cut(f"`{model.id}` · {_gone(_, model, catalogue)}", MAX_FIELD)
    prices = [credits for mode in listed.modes if (credits := _cheapest(model.modes[mode], markup)) is not None]
    facts = [
        f"`{model.id}`",
        *([_.plural("from {count} credit", "from {count} credits", min(prices))] if prices else []),
        words.about(_, listed.typical),
    ]
    state = [] if listed.is_well else [_("It fails again and again at the moment; videos with it have to wait.")]
    lines = [" · ".join(facts), *state, *_mode_lines(_, listed), *_picture_lines(_, listed)]
    return cut("\n".join(lines), MAX_FIELD)


def _gone(_: Texts, model: VideoModel, catalogue: Catalogue) -> str:
    successor = catalogue.find(model.successor) if model.successor else None
    if model.state is not ModelState.RETIRED or model.retired_on is None:
        return _("switched off at the moment")
    since = model.retired_on.isoformat()
    if successor is None:
        return _("switched off by its maker on {since}", since=since)
    return _("switched off by its maker on {since}; try `{successor}`", since=since, successor=successor.id)


def _mode_lines(_: Texts, listed: Listed) -> list[str]:
    """One line per mode, or one for all when they offer the same."""
    lines = {mode: _options(listed.model.modes[mode]) for mode in listed.modes}
    if len(set(lines.values())) == 1:
        names = ", ".join(_(_MODE_NAMES[mode]) for mode in lines)
        return [f"{names}: {next(iter(lines.values()))}"]
    return [f"{_(_MODE_NAMES[mode])}: {line}" for mode, line in lines.items()]


def _options(spec: ModeSpec) -> str:
    """What may be typed, by the names of the options of `/video`."""
    parts = [f"{name} {offered(option)}" for name, option in spec.options.items()]
    parts += [name.value for name in spec.free]
    if spec.last_frame is not None:
        parts.append("last_frame")
    if spec.references is not None:
        parts.append(_reference_names(spec.references))
    return " · ".join(parts) or "–"


def _picture_lines(_: Texts, listed: Listed) -> list[str]:
    """What may be attached: one line for all options of `/video` that take the same."""
    names: dict[str, list[str]] = {}
    taken: set[str] = set()
    for mode in listed.modes:
        for name, rules in _attachments(listed.model.modes[mode]):
            limits = _limits(_, rules)
            if name in names.get(limits, []):
                continue
            # The same option may take something else where it comes along with others.
            names.setdefault(limits, []).append(f"{name} ({_(_MODE_NAMES[mode])})" if name in taken else name)
            taken.add(name)
    return [f"{', '.join(options)}: {limits}" for limits, options in names.items()]


def _attachments(spec: ModeSpec) -> Iterator[tuple[str, ImageRules]]:
    """By the options of `/video`, each of which takes one picture."""
    if spec.image is not None:
        yield "image", spec.image
        if spec.last_frame is not None:
            yield "last_frame", spec.image
    if spec.references is not None:
        yield _reference_names(spec.references), spec.references


def _reference_names(rules: ImageRules) -> str:
    return "reference1" if rules.most == 1 else f"reference1-{min(rules.most, MOST_REFERENCES)}"


def _limits(_: Texts, rules: ImageRules) -> str:
    """JPEG, PNG · up to 10 MB · sides from 300 to 6000 pixels · width:height from 2:5 to 5:2."""
    parts = [
        ", ".join(sorted(form.value.upper() for form in rules.formats)),
        _("up to {size} MB", size=largest(rules)),
    ]
    parts += [part for part in (_sides(_, rules), _shapes(_, rules)) if part]
    return " · ".join(parts)


def _sides(_: Texts, rules: ImageRules) -> str:
    lowest, highest = rules.min_side, rules.max_side
    if highest >= NO_SIDE:
        return _("sides of at least {lowest} pixels", lowest=lowest) if lowest > 1 else ""
    if lowest <= 1:
        return _("sides of at most {highest} pixels", highest=highest)
    return _("sides from {lowest} to {highest} pixels", lowest=lowest, highest=highest)


def _shapes(_: Texts, rules: ImageRules) -> str:
    lowest, highest = shape(rules.min_ratio), shape(rules.max_ratio)
    if rules.max_ratio >= NO_RATIO:
        return _("width:height of at least {lowest}", lowest=lowest) if rules.min_ratio > 1 / NO_RATIO else ""
    if rules.min_ratio <= 1 / NO_RATIO:
        return _("width:height of at most {highest}", highest=highest)
    return _("width:height from {lowest} to {highest}", lowest=lowest, highest=highest)


def _cheapest(spec: ModeSpec, markup: Decimal) -> int | None:
    """The lowest price that any choice of options has."""
    named = {name for row in spec.price.rows for name in row.when}
    # Options that no price depends on stay out: all choices of all options are thousands of combinations.
    names = [name for name in spec.options if name in named or (spec.price.per_second and name is OptionName.DURATION)]
    combinations = itertools.product(*([choice.value for choice in spec.options[name].choices] for name in names))
    prices = (price(spec, dict(zip(names, values, strict=True)), markup) for values in combinations)
    return min((credits for credits in prices if credits is not None), default=None)
