"""What the people who run the bot may do while it runs. Every method checks the right itself."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

from bot import __version__
from bot.domain.credits import day_of, usd
from bot.domain.hosting import NO_LIMIT, Finding, HostStatus, HostTerms, Process, Space, Spent, Usage
from bot.domain.ids import GuildId, ModelId, UserId
from bot.domain.models import ModelState
from bot.errors.host import NotHostError
from bot.ports import Clock
from bot.services import host_limits
from bot.services.host_limits import Budget
from bot.store import audit, hosting, jobs, meta, oversight, readings, spending, troubles
from bot.store.database import Connection, Database

# Who acts from the command line.
COMMAND_LINE = UserId(0)

# A due job is taken up within seconds, after the longest back-off, or after a lease: not later than this.
OVERDUE = timedelta(minutes=25)
# The longest outer limit of a model with twelve hours of an outage on top is less.
FAR_TOO_LONG = timedelta(days=1)
# Kie keeps its log of tasks for about two months ("Getting started" page); older ones nobody can look up.
ORPHANS_KEPT = timedelta(days=60)

# Under this name the running version is remembered.
PROCESS = "process"


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """Who acts, and whether the bot is theirs: by the settings, or by Discord's page of the application."""

    user_id: UserId
    is_owner: bool


class Hosting:
    """The host's decisions: stored, and remembered for refusing early. The transaction that charges reads its own."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        *,
        budget: Budget,
        bound: Collection[GuildId] = (),
        folder: Path | None = None,
        database_file: Path | None = None,
    ) -> None:
        self._database = database
        self._clock = clock
        self._budget = budget
        self._bound = frozenset(bound)
        self._folder = folder  # None where nobody asks how full the disk is
        self._database_file = database_file
        self._listeners: list[Callable[[HostTerms], None]] = []
        self.terms = HostTerms()

    def listen(self, listener: Callable[[HostTerms], None]) -> None:
        """Hear of every decision, also of those that were made elsewhere."""
        self._listeners.append(listener)

    async def refresh(self) -> HostTerms:
        """Learn what was decided elsewhere: before the start, or on the command line."""
        return self._heard(await self._database.read(hosting.terms))

    def serves(self, guild_id: GuildId) -> bool:
        """Whether this server is served. What the settings name is the outer bound; decisions only narrow it."""
        return (not self._bound or guild_id in self._bound) and self.terms.serves(guild_id)

    def check_open(self) -> None:
        """Refuse early what the transaction would refuse. Raises UserError."""
        host_limits.check_open(self.terms)

    async def pause(self, owner: Owner, message: str) -> HostTerms:
        """Accept no new videos from now on, with these words for members; what runs goes on."""
        return await self._set(owner, hosting.PAUSE, message.strip())

    async def resume(self, owner: Owner) -> HostTerms:
        return await self._set(owner, hosting.PAUSE, None)

    async def invite_only(self, owner: Owner, is_invitation_only: bool) -> HostTerms:
        """Whether servers that nobody has decided about are left out."""
        return await self._set(owner, hosting.INVITATION_ONLY, "yes" if is_invitation_only else None)

    async def set_model(self, owner: Owner, model: ModelId, state: ModelState | None) -> HostTerms:
        """Offer the model or do not, whatever catalogue and provider say; None leaves it to them again."""
        return await self._set(owner, hosting.MODEL + model, None if state is None else state.value)

    async def set_budget(
        self, owner: Owner, *, daily: Decimal | str | None = None, monthly: Decimal | str | None = None
    ) -> HostTerms:
        """Write the budgets that are named: an amount in US dollars, NO_LIMIT, or "" for what the settings say."""
        _check(owner)
        now = self._clock.now()

        def change(connection: Connection) -> HostTerms:
            for name, value in ((hosting.DAILY, daily), (hosting.MONTHLY, monthly)):
                if value is not None:
                    hosting.set_setting(connection, name, str(value) or None, owner.user_id, now)
            return hosting.terms(connection)

        return await self._keep(change)

    async def allow(self, owner: Owner, guild_id: GuildId, is_allowed: bool | None) -> HostTerms:
        """Serve this server or not; None forgets the decision."""
        _check(owner)
        now = self._clock.now()

        def change(connection: Connection) -> HostTerms:
            hosting.set_guild(connection, guild_id, owner.user_id, now, is_allowed=is_allowed)
            return hosting.terms(connection)

        return await self._keep(change)

    async def set_ceiling(
        self,
        owner: Owner,
        guild_id: GuildId,
        *,
        daily: Decimal | str | None = None,
        monthly: Decimal | str | None = None,
    ) -> HostTerms:
        """How much of the host's money one server may use; NO_LIMIT lifts it, None leaves it as it is."""
        _check(owner)
        now = self._clock.now()
        named = {"daily_usd": daily, "monthly_usd": monthly}
        changes = {
            name: None if value == NO_LIMIT else str(value) for name, value in named.items() if value is not None
        }

        def change(connection: Connection) -> HostTerms:
            hosting.set_guild(connection, guild_id, owner.user_id, now, **changes)
            return hosting.terms(connection)

        return await self._keep(change)

    async def budget(self, owner: Owner) -> list[Spent]:
        """The day and the month, and how much of their budgets is used."""
        _check(owner)
        return await self.spent()

    async def spent(self) -> list[Spent]:
        now = self._clock.now()

        def read(connection: Connection) -> list[Spent]:
            written = self._budget.as_written(hosting.terms(connection))
            limits = (written.daily, written.monthly)
            starts = (day_of(now), host_limits.month_of(now))
            return [
                Spent(
                    period=period,
                    spent=usd(host_limits.spent_in(connection, period), written.markup),
                    limit=None if limit is None else usd(limit, written.markup),
                    unanswered=usd(oversight.orphan_costs(connection, since), written.markup),
                )
                for period, limit, since in zip(spending.periods(now), limits, starts, strict=True)
            ]

        return await self._database.read(read)

    async def usage(self, owner: Owner, days: int, guild_id: GuildId | None = None) -> list[Usage]:
        """What was made over so many days, today included, by server and model."""
        _check(owner)
        return await self._database.read(hosting.usage_since, self._first_of(days), guild_id)

    async def stuck(self, owner: Owner) -> Finding:
        """Jobs that nobody has taken up for long, or that are on their way for far too long."""
        _check(owner)
        return await self.stuck_now()

    async def stuck_now(self) -> Finding:
        now = self._clock.now()
        return await self._database.read(oversight.stuck, now - OVERDUE, now - FAR_TOO_LONG)

    async def orphans(self, owner: Owner) -> Finding:
        """Create calls that were never answered, as far back as the provider's own log goes."""
        _check(owner)
        return await self._database.read(oversight.orphans, self._clock.now() - ORPHANS_KEPT)

    async def status(self, owner: Owner) -> HostStatus:
        """Everything at a glance."""
        _check(owner)
        now = self._clock.now()
        budget = await self.spent()
        storage = await asyncio.to_thread(self._space)

        def read(connection: Connection) -> HostStatus:
            return HostStatus(
                terms=hosting.terms(connection),
                budget=budget,
                jobs=jobs.counts(connection),
                readings=readings.all_of(connection),
                troubles=troubles.all_of(connection),
                stuck=oversight.stuck(connection, now - OVERDUE, now - FAR_TOO_LONG).total,
                orphans=oversight.orphans(connection, now - ORPHANS_KEPT).total,
                process=Process.of_text(meta.recall(connection, PROCESS)),
                storage=storage,
            )

        return await self._database.read(read)

    async def examine(self, owner: Owner) -> list[str]:
        """Recompute the ledger; what does not agree, one line each."""
        _check(owner)
        return await self._database.read(audit.differences)

    async def started(self) -> None:
        """Remember which version runs, and since when, for those who look from elsewhere."""
        process = Process(version=__version__, started_at=self._clock.now())
        await self._database.write(meta.remember, PROCESS, process.as_text())

    def _space(self) -> Space | None:
        if self._folder is None:
            return None
        try:
            size = None if self._database_file is None else self._database_file.stat().st_size
            return Space(free=shutil.disk_usage(self._folder).free, database=size)
        except OSError:
            # The storage guard says what is wrong with it.
            return None

    def in_usd(self, credits: int) -> Decimal:
        return usd(credits, self._budget.markup)

    def _first_of(self, days: int) -> datetime:
        return day_of(self._clock.now()) - timedelta(days=days - 1)

    async def _set(self, owner: Owner, name: str, value: str | None) -> HostTerms:
        _check(owner)
        now = self._clock.now()

        def change(connection: Connection) -> HostTerms:
            hosting.set_setting(connection, name, value, owner.user_id, now)
            return hosting.terms(connection)

        return await self._keep(change)

    async def _keep(self, change: Callable[[Connection], HostTerms]) -> HostTerms:
        return self._heard(await self._database.write(change))

    def _heard(self, terms: HostTerms) -> HostTerms:
        self.terms = terms
        for listener in self._listeners:
            listener(terms)
        return terms


def _check(owner: Owner) -> None:
    """Discord hides these commands from others only in its own client; the right is checked here."""
    if not owner.is_owner:
        raise NotHostError
