"""Keeps an eye on the providers: which models they sell, and whether one that refused us takes jobs again."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from datetime import datetime, timedelta

from bot import logs
from bot.domain.ids import ProviderId
from bot.errors import AccountFault, ProviderAuthError, ProviderError, StoreError
from bot.ports import Clock, NotSold, Provider
from bot.services.availability import Availability, ProviderGate, Slug
from bot.services.memory import Memory
from bot.services.sharing import Sharing
from bot.services.troubles import Troubles
from bot.worker.limits import Rates

log = logs.get(__name__)

ASK_EVERY = timedelta(hours=1)

# Questions count as create calls at the provider; this much of a window always stays free for members' jobs.
KEPT_FOR_JOBS = 4 / 9

# Under this name the moment of the last question is remembered.
ASKED_AT = "models_asked_at"

# How long a closed provider is left alone; doubled each time it closes again soon after it was opened.
SHORTEST_PAUSE = timedelta(minutes=1)
LONGEST_PAUSE = timedelta(minutes=30)


async def refuse(
    gate: ProviderGate, troubles: Troubles, provider: ProviderId, error: ProviderAuthError, now: datetime
) -> None:
    """Close the provider and tell the host, once per trouble."""
    provider = gate.first(provider)
    is_empty = error.fault in (AccountFault.BALANCE, AccountFault.CAP)
    is_capped = error.fault is AccountFault.CAP
    remedy = {
        AccountFault.KEY: "See that its key in the settings is right, and may be used from this machine's address",
        AccountFault.BALANCE: "Fill its account up",
        AccountFault.CAP: "Raise the key's own limit there, or wait until its time is over",
    }[error.fault]
    if gate.pause(provider, str(error), now, is_empty=is_empty, is_capped=is_capped):
        log.error("provider_paused", provider=provider, reason=str(error))
        found_out = (
            "only a job can show when that is, so one is let through from time to time"
            if is_capped
            else "that is checked every minute"
        )
        text = (
            f"The provider {provider} refuses every job: {str(error).rstrip('.')}. {remedy}. "
            f"New videos are refused, and nothing is charged, until it takes jobs again; {found_out}."
        )
        try:
            await troubles.begin(trouble_of(provider), text)
        except StoreError as trouble:
            # A step is about to write down what became of its job; that must not fail because of a message.
            log.warning("trouble_not_stored", provider=provider, reason=str(trouble))


def trouble_of(provider: ProviderId) -> str:
    """The name of the trouble that the provider refuses us."""
    return f"provider:{provider}"


class ModelWatch:
    """Asks the provider, without cost, which model strings it sells: at the start and once an hour."""

    def __init__(
        self,
        *,
        providers: Mapping[ProviderId, Provider],
        availability: Availability,
        gate: ProviderGate,
        rates: Rates,
        memory: Memory,
        clock: Clock,
    ) -> None:
        self._providers = providers
        self._availability = availability
        self._gate = gate
        self._rates = rates
        self._memory = memory
        self._clock = clock

    async def run(self, stop: asyncio.Event) -> None:
        # A process that died a moment ago may have asked already, and its calls still count at the provider.
        asked_at = await self._memory.recall(ASKED_AT)
        if asked_at is not None:
            for provider, creates in self._rates.all_creates().items():
                if not self._has_free_probe(provider):
                    continue
                # All as late as the last one.
                room = self._rates.terms(provider).creates - self._kept(provider)
                creates.remember([datetime.fromisoformat(asked_at)] * room)
        while not stop.is_set():
            await self.ask_all(stop)
            await self._clock.wait(stop, ASK_EVERY)

    async def ask_all(self, stop: asyncio.Event) -> None:
        for slug in self._availability.slugs():
            # A few models bill an empty request; of those nothing is ever asked.
            if not slug.is_probeable or not self._has_free_probe(slug.provider):
                continue
            creates = self._rates.creates(slug.provider)
            while creates.free(self._clock.now()) <= self._kept(slug.provider) and not stop.is_set():
                await self._clock.wait(stop, timedelta(seconds=1))
            if stop.is_set():
                return
            if self._gate.find(slug.provider) is not None:
                continue
            creates.count(self._clock.now())
            # A store in trouble is the storage guard's business; the worst here is a question too many.
            with contextlib.suppress(StoreError):
                await self._memory.remember(ASKED_AT, self._clock.now().isoformat())
            await self._ask(slug)

    def _has_free_probe(self, provider: ProviderId) -> bool:
        return provider in self._providers and self._providers[provider].terms.has_free_probe

    def _kept(self, provider: ProviderId) -> int:
        return int(self._rates.terms(provider).creates * KEPT_FOR_JOBS)

    async def _ask(self, slug: Slug) -> None:
        try:
            answer = await self._providers[slug.provider].probe(slug.text)
        except ProviderError as error:
            # No answer is no news: what was known stays.
            log.info("model_not_asked", slug=slug.text, reason=str(error))
            return
        if self._availability.note(slug.provider, slug.text, answer):
            detail = answer.detail if isinstance(answer, NotSold) else ""
            log.warning("model_changed", slug=slug.text, is_sold=not isinstance(answer, NotSold), detail=detail)


class GateWatch:
    """Opens a closed provider again once its account answers and holds credits, and tells the host."""

    def __init__(
        self, *, providers: Mapping[ProviderId, Provider], gate: ProviderGate, troubles: Troubles, clock: Clock
    ) -> None:
        self._providers = providers
        self._gate = gate
        self._troubles = troubles
        self._clock = clock
        self._opened: dict[ProviderId, tuple[datetime, timedelta]] = {}  # when, and after how long a pause
        self._asked: dict[ProviderId, datetime] = {}

    async def run(self, stop: asyncio.Event) -> None:
        await self.ask_once()
        while not stop.is_set():
            await self._clock.wait(stop, timedelta(seconds=15))
            for provider_id in self._gate.passed_trial():
                await self._troubles.end(trouble_of(provider_id), f"The provider {provider_id} takes jobs again.")
            for provider_id, pause in self._gate.closed().items():
                wait = self._pause_of(provider_id, pause.since)
                now = self._clock.now()
                if now - max(pause.since, self._asked.get(provider_id, pause.since)) >= wait:
                    self._asked[provider_id] = now
                    await self._try(provider_id, wait)

    async def ask_once(self) -> None:
        """Find out at the start, not from the first member's job, that a key does not work."""
        for provider_id in Sharing(self._providers).firsts():
            try:
                left = await self._providers[provider_id].credits()
            except ProviderAuthError as error:
                await refuse(self._gate, self._troubles, provider_id, error, self._clock.now())
            except ProviderError as error:
                log.info("account_not_asked", provider=provider_id, reason=str(error))
            else:
                log.info("account", provider=provider_id, credits=left)

    def _pause_of(self, provider: ProviderId, closed_at: datetime) -> timedelta:
        opened_at, before = self._opened.get(provider, (None, SHORTEST_PAUSE))
        if opened_at is None or closed_at - opened_at > LONGEST_PAUSE:
            return SHORTEST_PAUSE
        return min(before * 2, LONGEST_PAUSE)

    async def _try(self, provider_id: ProviderId, waited: timedelta) -> None:
        try:
            left = await self._providers[provider_id].credits()
        except ProviderError as error:
            log.info("provider_still_paused", provider=provider_id, reason=str(error))
            return
        if left is not None and left <= 0:
            log.info("provider_still_paused", provider=provider_id, credits=left)
            return
        self._opened[provider_id] = (self._clock.now(), waited)
        pause = self._gate.find(provider_id)
        # A balance says nothing about the key's own limit, and where there is none, nothing at all. Told at once, the
        # host would hear of an end and of a new beginning with each job that finds out.
        on_trial = left is None or (pause is not None and pause.is_capped)
        self._gate.resume(provider_id, on_trial=on_trial)
        log.warning("provider_resumed", provider=provider_id, credits=left, on_trial=on_trial)
        if on_trial:
            return
        await self._troubles.end(
            trouble_of(provider_id), f"The provider {provider_id} takes jobs again ({left:g} credits left)."
        )
