"""What Discord suggests while /video is typed: models with price and time, and the values of their options."""

from __future__ import annotations

from decimal import Decimal
from typing import TypeVar

import discord
from discord.app_commands import Choice

from bot.client.controls import texts_of
from bot.client.typed import chosen_in, count_in, typed_mode
from bot.domain.models import Mode, OptionName, VideoModel
from bot.domain.videos import lowest_price
from bot.i18n import Texts
from bot.rendering import choices
from bot.services.availability import Availability
from bot.services.estimates import Estimates
from bot.services.generation import Generation

T = TypeVar("T", int, str)


class Suggestions:
    """Finds what could be meant by what is typed so far."""

    def __init__(
        self, *, generation: Generation, availability: Availability, estimates: Estimates, markup: Decimal
    ) -> None:
        self._generation = generation
        self._availability = availability
        self._estimates = estimates
        self._markup = markup

    async def models(self, interaction: discord.Interaction, typed: str) -> list[Choice[str]]:
        _, mode = texts_of(interaction), typed_mode(interaction)
        meant = [model for model in self._availability.offered() if choices.is_meant(model, typed)]
        found = [(model, mode) for model in meant if mode in self._availability.modes(model)]
        if mode is Mode.TEXT:
            # A picture may still come; one that is attached already does not go away by itself.
            rest = [(model, self._availability.modes(model)) for model in meant if (model, mode) not in found]
            found += [(model, Mode.IMAGE) for model, modes in rest if Mode.IMAGE in modes]
        return [
            self._choice(_, model, usable, needs_image=usable is not mode)
            for model, usable in found[: choices.MAX_CHOICES]
        ]

    async def values(
        self, interaction: discord.Interaction, name: OptionName, typed: str, kind: type[T]
    ) -> list[Choice[T]]:
        mode = typed_mode(interaction)
        model = self._generation.choose(interaction.namespace.model, mode)
        # A model that only animates pictures may be chosen before its picture is attached.
        spec = model.modes.get(mode) or next(iter(model.modes.values()))
        offered = choices.option_choices(
            texts_of(interaction),
            spec,
            name,
            chosen_in(interaction),
            typed,
            self._markup,
            pictures=count_in(interaction),
        )
        return [Choice(name=text, value=value) for text, value in offered if isinstance(value, kind)]

    def _choice(self, _: Texts, model: VideoModel, mode: Mode, *, needs_image: bool = False) -> Choice[str]:
        price = lowest_price(model, mode, self._markup)
        typical = self._estimates.typical(model, mode)
        return Choice(name=choices.model_choice(_, model, price, typical, needs_image=needs_image), value=model.id)
