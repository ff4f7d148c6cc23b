"""The answer to /models: what each model can do, costs and takes, on pages that fit."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

import discord

from bot.domain.models import Catalogue, Mode, ModelState, ModeSpec, OptionName, VideoModel
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
    return cut("\n".join([" · ".join(facts), *state, *_mode_lines(_, listed)]), MAX_FIELD)


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
        parts.append("reference1" if spec.references.most == 1 else f"reference1-{min(spec.references.most, 3)}")
    return " · ".join(parts) or "–"


def _cheapest(spec: ModeSpec, markup: Decimal) -> int | None:
    """The lowest price that any choice of options has."""
    named = {name for row in spec.price.rows for name in row.when}
    # Options that no price depends on stay out: all choices of all options are thousands of combinations.
    names = [name for name in spec.options if name in named or (spec.price.per_second and name is OptionName.DURATION)]
    combinations = itertools.product(*([choice.value for choice in spec.options[name].choices] for name in names))
    prices = (price(spec, dict(zip(names, values, strict=True)), markup) for values in combinations)
    return min((credits for credits in prices if credits is not None), default=None)
