"""Tells the host when prices in the catalogue are no longer what the provider asks: at the start and once a day."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from datetime import timedelta

from bot import logs
from bot.domain.ids import ModelId
from bot.domain.prices import Drift, charged_drifts, listed_drifts
from bot.errors import AnswerLostError, ProviderError
from bot.ports import Clock, PriceList
from bot.services.availability import Availability
from bot.services.queue import Queue
from bot.services.troubles import Troubles

log = logs.get(__name__)

ASK_EVERY = timedelta(days=1)

# Percentage points by which a change has to move to be worth another word.
NEWS = 15


class PriceWatch:
    """Compares; it changes no price, so that what a member was shown is what a member is charged."""

    def __init__(
        self,
        *,
        prices: PriceList | None,
        availability: Availability,
        queue: Queue,
        troubles: Troubles,
        clock: Clock,
    ) -> None:
        """*prices* is None where the host has no key of the provider that publishes a list."""
        self._prices = prices
        self._availability = availability
        self._queue = queue
        self._troubles = troubles
        self._clock = clock

    async def run(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            await self.compare()
            await self._clock.wait(stop, ASK_EVERY)

    async def compare(self) -> None:
        models = {model.id: model for model in self._availability.offered()}
        charged = charged_drifts(models, await self._queue.charges())
        await self._tell(
            list(models), charged, "price-charged:", "{model}: the provider charged {change:+d} % against {what}."
        )
        if self._prices is None:
            return
        try:
            listed = listed_drifts(models.values(), await self._prices.prices())
        except (ProviderError, AnswerLostError) as error:
            # The list is a convenience that nobody promised; what was known stays.
            log.info("prices_not_asked", reason=str(error))
            return
        await self._tell(
            list(models),
            listed,
            "price-listed:",
            "{model}: the provider's price list says {change:+d} % against {what}.",
        )

    async def _tell(self, models: Sequence[ModelId], drifts: Sequence[Drift], prefix: str, text: str) -> None:
        """Once for each model and change; what is over is forgotten, so that it may be told again."""
        wrong = {drift.model: drift for drift in drifts}
        known = {trouble.name for trouble in await self._troubles.present() if trouble.name.startswith(prefix)}
        names = {model: _name(f"{prefix}{model}:", wrong[model].change, known) for model in models if model in wrong}
        for name in known - {*names.values()}:
            await self._troubles.end(name)
        for model, name in names.items():
            what = "what the catalogue says. Members pay the catalogue's price until you change the file"
            if name not in known:
                await self._troubles.begin(name, text.format(model=model, change=wrong[model].change, what=what))


def _name(kind: str, change: int, known: Collection[str]) -> str:
    """What the trouble is called; as before while the change is about the same.

    What videos cost wanders with their options: told by each percent, the host would read of it every day.
    """
    before = {name: int(name.removeprefix(kind)) for name in known if name.startswith(kind)}
    return next((name for name, told in before.items() if abs(told - change) < NEWS), f"{kind}{change:+d}")
