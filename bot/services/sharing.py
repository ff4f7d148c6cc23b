"""Which providers speak to one account: its limits, its gate and its balance are one for all of them."""

from __future__ import annotations

from collections.abc import Mapping

from bot.domain.ids import ProviderId
from bot.ports import Provider


class Sharing:
    """Each account is known by the first of its providers."""

    def __init__(self, providers: Mapping[ProviderId, Provider]) -> None:
        firsts: dict[str, ProviderId] = {}
        self._first = {name: firsts.setdefault(one.terms.account or name, name) for name, one in providers.items()}

    def first(self, provider: ProviderId) -> ProviderId:
        return self._first.get(provider, provider)

    def firsts(self) -> list[ProviderId]:
        """One provider of each account."""
        return list(dict.fromkeys(self._first.values()))

    def all(self, provider: ProviderId) -> tuple[ProviderId, ...]:
        """The providers with the same account as this one, itself included."""
        first = self.first(provider)
        return tuple(name for name, other in self._first.items() if other == first) or (provider,)
