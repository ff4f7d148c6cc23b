"""Watches what is left on the host's accounts: little, nothing, or less than our own jobs can explain."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta

from bot import logs
from bot.domain.ids import ProviderId
from bot.errors import AccountFault, ProviderAuthError, ProviderError
from bot.ports import Clock, Provider
from bot.services.accounts import Accounts
from bot.services.availability import ProviderGate
from bot.services.queue import Queue
from bot.services.sharing import Sharing
from bot.services.troubles import Troubles
from bot.worker.watches import refuse, trouble_of

log = logs.get(__name__)

LOOK_EVERY = timedelta(minutes=1)
# How often an account is asked about: money moves while jobs run.
ASK_WHILE_BUSY = timedelta(minutes=10)
ASK_WHILE_IDLE = timedelta(hours=1)

# When nothing has gone elsewhere for so long, that is over.
QUIET = timedelta(days=1)

# The warning is over when a fifth more than the limit is there: an account around it would bring one after the other.
RECOVERED = 1.2

LOW, ELSEWHERE = "balance-low:", "spent-elsewhere:"


class BalanceWatch:
    """Asks politely. Providers without a balance are left alone; closed ones are the business of the gate's watch."""

    def __init__(
        self,
        *,
        providers: Mapping[ProviderId, Provider],
        gate: ProviderGate,
        accounts: Accounts,
        troubles: Troubles,
        queue: Queue,
        clock: Clock,
        low: int,
    ) -> None:
        self._providers = providers
        self._gate = gate
        self._accounts = accounts
        self._troubles = troubles
        self._queue = queue
        self._clock = clock
        self._low = low
        self._sharing = Sharing(providers)
        self._asked: dict[ProviderId, datetime] = {}
        self._went_elsewhere: dict[ProviderId, datetime] = {}

    async def run(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            await self.look()
            await self._clock.wait(stop, LOOK_EVERY)

    async def look(self) -> None:
        """Ask about the accounts whose time has come."""
        for provider_id in self._sharing.firsts():
            if self._gate.find(provider_id) is None and await self._is_due(provider_id):
                self._asked[provider_id] = self._clock.now()
                await self._ask(provider_id)

    async def _is_due(self, provider_id: ProviderId) -> bool:
        asked_at = self._asked.get(provider_id)
        if asked_at is None:
            return True
        since = self._clock.now() - asked_at
        if since < ASK_WHILE_BUSY:
            return False
        return since >= ASK_WHILE_IDLE or await self._queue.at_provider(*self._sharing.all(provider_id)) > 0

    async def _ask(self, provider_id: ProviderId) -> None:
        try:
            left = await self._providers[provider_id].credits()
        except ProviderAuthError as error:
            await refuse(self._gate, self._troubles, provider_id, error, self._clock.now())
            return
        except ProviderError as error:
            log.info("account_not_asked", provider=provider_id, reason=str(error))
            return
        # An earlier process may have left it closed.
        if not self._gate.is_on_trial(provider_id):
            await self._troubles.end(trouble_of(provider_id), f"The provider {provider_id} takes jobs again.")
        if left is None:
            return
        log.info("account", provider=provider_id, credits=left)
        missing = await self._accounts.note(provider_id, left, self._sharing.all(provider_id))
        await self._note_missing(provider_id, missing)
        if left <= 0:
            empty = ProviderAuthError("the account is empty", AccountFault.BALANCE)
            await refuse(self._gate, self._troubles, provider_id, empty, self._clock.now())
            return
        await self._note_low(provider_id, left)

    async def _note_low(self, provider_id: ProviderId, left: float) -> None:
        name = LOW + provider_id
        if left < self._low:
            await self._troubles.begin(
                name,
                f"The account at {provider_id} has {left:g} credits left, less than {self._low} "
                "(LOW_BALANCE_CREDITS). When it is empty, new videos are refused until you have filled it up.",
            )
        elif left >= self._low * RECOVERED:
            await self._troubles.end(name, f"The account at {provider_id} is filled up: {left:g} credits.")

    async def _note_missing(self, provider_id: ProviderId, missing: float) -> None:
        name, now = ELSEWHERE + provider_id, self._clock.now()
        # After a start nobody knows since when it is quiet.
        quiet_since = self._went_elsewhere.setdefault(provider_id, now)
        if missing:
            self._went_elsewhere[provider_id] = now
            await self._troubles.begin(
                name,
                f"About {missing:g} credits have gone from the account at {provider_id} that no video of this bot can "
                "have cost. If nobody else uses the account, its key may be known to others: make a new one.",
            )
        elif now - quiet_since >= QUIET:
            await self._troubles.end(
                name, f"For a day nothing has gone from the account at {provider_id} without a video of this bot."
            )
