"""Looks after the host's business: decisions made elsewhere, budgets that run out, jobs that stand still."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

from bot.domain.hosting import Spent, money
from bot.ports import Clock
from bot.services.hosting import Hosting
from bot.services.troubles import Troubles

LOOK_EVERY = timedelta(seconds=20)

# From here on the host is warned, once in each period and for each budget.
WARN_AT = 0.8

WARNED, USED_UP, STUCK = "budget-warning:", "budget-used-up:", "stuck-jobs"


class HostWatch:
    """`cheapest` is the lowest price in credits of anything on offer: with less than that left, all is used up."""

    def __init__(self, hosting: Hosting, troubles: Troubles, clock: Clock, cheapest: Callable[[], int | None]) -> None:
        self._hosting = hosting
        self._troubles = troubles
        self._clock = clock
        self._cheapest = cheapest

    async def run(self, stop: asyncio.Event) -> None:
        await self._hosting.started()
        while not stop.is_set():
            await self.look()
            await self._clock.wait(stop, LOOK_EVERY)

    async def look(self) -> None:
        await self._hosting.refresh()
        spent = await self._hosting.spent()
        for each in spent:
            await self._watch_budget(each)
        await self._forget_periods({each.period for each in spent}, {_warning(each) for each in spent})
        await self._watch_jobs()

    async def _watch_budget(self, spent: Spent) -> None:
        kind = spent.period.partition(" ")[0]
        if self._is_used_up(spent):
            await self._troubles.begin(
                USED_UP + spent.period,
                f"The budget of this {kind} is used up: {money(spent.spent)} of {money(spent.limit or Decimal(0))}. "
                f"New videos are refused, and nothing is charged, until the next {kind} or until `/host budget` "
                "raises it.",
            )
            return
        await self._troubles.end(
            USED_UP + spent.period, f"The budget of this {kind} has room again: new videos are accepted."
        )
        if spent.limit is not None and spent.share >= WARN_AT:
            await self._troubles.begin(
                _warning(spent),
                f"{spent.share:.0%} of the budget of this {kind} are used: {money(spent.spent)} of "
                f"{money(spent.limit)}. When it is used up, new videos are refused until the next {kind}; "
                "`/host budget` changes it.",
            )

    def _is_used_up(self, spent: Spent) -> bool:
        if spent.limit is None:
            return False
        return spent.limit - spent.spent < self._hosting.in_usd(max(self._cheapest() or 1, 1))

    async def _forget_periods(self, present: set[str], warnings: set[str]) -> None:
        for trouble in await self._troubles.present():
            period = trouble.name.removeprefix(USED_UP)
            if trouble.name.startswith(WARNED) and trouble.name not in warnings:
                await self._troubles.end(trouble.name)
            elif trouble.name.startswith(USED_UP) and period not in present:
                kind = period.partition(" ")[0]
                await self._troubles.end(trouble.name, f"A new {kind} has begun: new videos are accepted again.")

    async def _watch_jobs(self) -> None:
        found = await self._hosting.stuck_now()
        if found.total:
            numbers = ", ".join(str(job.job_id) for job in found.jobs[:5])
            more = f" and {found.total - 5} more" if found.total > 5 else ""
            await self._troubles.begin(
                STUCK, f"Jobs stand still: {numbers}{more}. `/host stuck` lists them, the log says why."
            )
        else:
            await self._troubles.end(STUCK, "No job stands still any more.")


def _warning(spent: Spent) -> str:
    """What the trouble is called: a budget that was written anew is warned of anew."""
    return f"{WARNED}{spent.period} of {spent.limit}"
