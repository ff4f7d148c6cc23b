"""Finds out, without cost where that is possible, whether a broken model may be tried again, and tells the host."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import timedelta

from bot import logs
from bot.domain.ids import ProviderId
from bot.errors import ProviderError
from bot.ports import Clock, Provider, Sold
from bot.services.availability import Availability
from bot.services.model_health import Key, ModelHealth
from bot.services.troubles import Troubles
from bot.worker.limits import Rates

log = logs.get(__name__)

LOOK_EVERY = timedelta(seconds=15)

_OURS = "model:"


class HealthWatch:
    """Looks at the broken models again and again."""

    def __init__(
        self,
        *,
        providers: Mapping[ProviderId, Provider],
        availability: Availability,
        health: ModelHealth,
        rates: Rates,
        troubles: Troubles,
        clock: Clock,
    ) -> None:
        self._providers = providers
        self._availability = availability
        self._health = health
        self._rates = rates
        self._troubles = troubles
        self._clock = clock
        self._told: set[Key] | None = None  # None until the first look

    async def run(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            await self.look_once()
            await self._clock.wait(stop, LOOK_EVERY)

    async def look_once(self) -> None:
        for key in list(self._health.due()):
            await self._ask(key)
        await self._tell(set(self._health.broken()))

    async def _ask(self, key: Key) -> None:
        """Where a free question exists it has to be answered well; elsewhere only a trial can tell."""
        provider_id, slug = key
        provider = self._providers.get(provider_id)
        if provider is None or not provider.terms.has_free_probe or not self._is_probeable(key):
            self._health.confirm(key)
            return
        creates = self._rates.creates(provider_id)
        if not creates.free(self._clock.now()):
            return  # Members' jobs go first; the next look is soon.
        creates.count(self._clock.now())
        try:
            answer = await provider.probe(slug)
        except ProviderError as error:
            log.info("broken_model_not_asked", provider=provider_id, slug=slug, reason=str(error))
            self._health.wait_longer(key)
            return
        self._availability.note(provider_id, slug, answer)
        if isinstance(answer, Sold):
            self._health.confirm(key)
        else:
            self._health.wait_longer(key)

    def _is_probeable(self, key: Key) -> bool:
        return any((one.provider, one.text) == key and one.is_probeable for one in self._availability.slugs())

    async def _tell(self, broken: set[Key]) -> None:
        if self._told is None:
            # What an earlier process has told of, and this one no longer knows for broken.
            self._told = {_key_of(found.name) for found in await self._troubles.present() if _is_ours(found.name)}
        for key in broken - self._told:
            await self._troubles.begin(
                _trouble_of(key),
                f"The model {key[1]} at {key[0]} has failed several times in a row. Jobs for it wait; "
                "it is tried again by itself.",
            )
        for key in self._told - broken:
            await self._troubles.end(_trouble_of(key), f"The model {key[1]} at {key[0]} works again.")
        self._told = broken


def _trouble_of(key: Key) -> str:
    return f"{_OURS}{key[0]}:{key[1]}"


def _is_ours(trouble: str) -> bool:
    return trouble.startswith(_OURS)


def _key_of(trouble: str) -> Key:
    provider, _, slug = trouble.removeprefix(_OURS).partition(":")
    return ProviderId(provider), slug
