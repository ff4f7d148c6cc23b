"""Moves jobs: the only way a job's state changes, with its money and its history in the same transaction."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal

from bot.domain import jobs as job_rules
from bot.domain.credits import EntryKind, settled
from bot.domain.jobs import Job, JobState, Move
from bot.errors import StaleJobError
from bot.ports import Clock, Receipt
from bot.store import jobs, ledger
from bot.store.database import Connection, Database

Listener = Callable[[Job], None]

_ENDS_IN_SPENDING = frozenset({JobState.DELIVERED, JobState.PARKED})
_ENDS_IN_REFUND = frozenset({JobState.FAILED, JobState.CANCELLED})


class Lifecycle:
    """Applies moves and tells who listens."""

    def __init__(self, database: Database, clock: Clock, markup: Decimal) -> None:
        self._database = database
        self._clock = clock
        self._markup = markup
        self._listeners: list[Listener] = []

    def listen(self, listener: Listener) -> None:
        """Call *listener* with the job after each move that changed something; it must not block."""
        self._listeners.append(listener)

    async def apply(self, job: Job, move: Move, *, lease: timedelta | None = None) -> Job:
        """Write *move*, its ledger entry and its event; the job as it is now.

        With *lease* the caller goes on working on the job. Raises StaleJobError, having changed nothing, when the job
        is no longer where the caller saw it.
        """
        moved = await self._database.write(apply, job, move, self._clock.now(), self._markup, lease)
        self.announce(moved)
        return moved

    def announce(self, job: Job) -> None:
        for listener in self._listeners:
            listener(job)

    async def receipt(self, job: Job) -> Receipt:
        """What the job will have cost once it is delivered, and what its member can spend then."""
        return await self._database.read(receipt_of, job, self._clock.now(), self._markup)


def apply(
    connection: Connection, job: Job, move: Move, now: datetime, markup: Decimal, lease: timedelta | None = None
) -> Job:
    """The transaction of a move; see `Lifecycle.apply`."""
    if not job_rules.is_allowed(job.state, move.to):
        raise AssertionError(f"a job never goes from {job.state} to {move.to}")
    moved = jobs.move(connection, job, move, now, lease=lease)
    if moved is None:
        raise StaleJobError(job.id)
    if job.state in _ENDS_IN_SPENDING or move.to is job.state:
        return moved
    if move.to in _ENDS_IN_SPENDING:
        _release(connection, EntryKind.SETTLE, moved, _cost(moved, markup), now)
    elif move.to in _ENDS_IN_REFUND:
        _release(connection, EntryKind.REFUND, moved, 0, now)
    return moved


def receipt_of(connection: Connection, job: Job, now: datetime, markup: Decimal) -> Receipt:
    cost = _cost(job, markup)
    returned = job.video.price - cost
    balance = ledger.balance(connection, job.place.guild_id, job.user_id, now)
    after = ledger.with_returned(balance, jobs.payment_of(connection, job.id), returned, now)
    return Receipt(charged=cost, returned=returned, spendable=after.spendable)


def _cost(job: Job, markup: Decimal) -> int:
    return settled(job.video.price, job.result.credits if job.result else None, markup)


def _release(connection: Connection, kind: EntryKind, job: Job, cost: int, now: datetime) -> None:
    payment = jobs.payment_of(connection, job.id)
    kept = ledger.release(
        connection,
        kind,
        job.id,
        job.place.guild_id,
        job.user_id,
        payment,
        cost,
        now,
        reason=None if job.failure is None else job.failure.value,
    )
    jobs.store_payment(connection, job.id, kept)
    back = payment.total - kept.total
    if back:
        for period in ledger.periods(job.created_at):
            ledger.spend(connection, period, -back, None)
