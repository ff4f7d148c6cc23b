"""How much a provider may be asked: at most so many calls in any window of time."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from bot.domain.ids import ProviderId
from bot.ports import Clock, Provider, Terms
from bot.services.sharing import Sharing

# For jobs whose provider the host has taken out of the settings: they are only moved on to their end.
_NOT_SET_UP = Terms(
    creates=1,
    creates_window=timedelta(seconds=10),
    running=1,
    queries_per_second=1,
    records_kept=timedelta(days=14),
    results_kept=timedelta(days=14),
    has_free_probe=False,
)


class SlidingWindow:
    """Counts calls; knows how many more are allowed now and when the next one is.

    A call counts from its `turn` on until a window after it has `ended`. When exactly it arrives at the provider nobody
    here can see, only that it was in between: so no window of the provider's ever holds more than are allowed.
    """

    def __init__(self, limit: int, window: timedelta) -> None:
        self._limit = limit
        self._window = window
        self._under_way = 0
        self._ended: deque[datetime] = deque()
        self._change = asyncio.Event()

    def remember(self, earlier: Iterable[datetime]) -> None:
        """Count calls of an earlier process, which ended then; a restart does not reset the provider's window."""
        self._ended = deque(sorted([*self._ended, *earlier]))

    def free(self, now: datetime) -> int:
        """How many calls may leave at this moment."""
        while self._ended and self._ended[0] <= now - self._window:
            self._ended.popleft()
        return max(0, self._limit - self._under_way - len(self._ended))

    async def turn(self, clock: Clock) -> None:
        """Wait until one more call may leave. Whoever had their turn says when the call has `ended`."""
        while not self.free(clock.now()):
            self._change.clear()
            await clock.wait(self._change, self.free_at(clock.now()) - clock.now())
        self._under_way += 1

    def ended(self, now: datetime) -> None:
        """A call is answered, given up, or was not made after all."""
        self._under_way -= 1
        self.count(now)
        self._change.set()

    def count(self, now: datetime, calls: int = 1) -> None:
        """Calls that need no turn."""
        self._ended.extend([now] * calls)

    def free_at(self, now: datetime) -> datetime:
        """When the next call may leave, as far as that is known: sooner than a window only if one has ended."""
        if self.free(now):
            return now
        return (self._ended[0] if self._ended else now) + self._window


class Rates:
    """The windows of every account at a provider, one for its create calls and one for questions about tasks."""

    def __init__(self, providers: Mapping[ProviderId, Provider]) -> None:
        self._terms = {name: provider.terms for name, provider in providers.items()}
        self._sharing = Sharing(providers)
        self._creates: dict[ProviderId, SlidingWindow] = {}
        self._queries: dict[ProviderId, SlidingWindow] = {}

    def terms(self, provider: ProviderId) -> Terms:
        return self._terms.get(provider, _NOT_SET_UP)

    def creates(self, provider: ProviderId) -> SlidingWindow:
        first, terms = self._sharing.first(provider), self.terms(provider)
        return self._creates.setdefault(first, SlidingWindow(terms.creates, terms.creates_window))

    def queries(self, provider: ProviderId) -> SlidingWindow:
        first, per_second = self._sharing.first(provider), self.terms(provider).queries_per_second
        return self._queries.setdefault(first, SlidingWindow(per_second, timedelta(seconds=1)))

    def sharing(self, provider: ProviderId) -> tuple[ProviderId, ...]:
        """The providers that have the same account as this one, itself included."""
        return self._sharing.all(provider)

    def all_creates(self) -> dict[ProviderId, SlidingWindow]:
        """The window of each provider that is set up; the same one where the account is."""
        return {name: self.creates(name) for name in self._terms}
