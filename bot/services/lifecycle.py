"""Moves jobs: the only way a job's state changes, with its money and its history in the same transaction.

What the host has to hear of the move is written there, too; `bot/services/troubles.py` tells it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from bot.domain import jobs as job_rules
from bot.domain.credits import Balance, EntryKind, settled, split
from bot.domain.hosting import NoticeKind
from bot.domain.jobs import FailureReason, Job, JobState, LateResults, Move
from bot.domain.safety import FILTERED
from bot.errors import StaleJobError
from bot.ports import Clock, Receipt
from bot.services import host_limits
from bot.services.screening import note_model_filter
from bot.store import balances, events, jobs, ledger, moves, notices, statistics
from bot.store.database import Connection, Database

Listener = Callable[[Job], None]

_ENDS_IN_SPENDING = frozenset({JobState.DELIVERED, JobState.PARKED})
_ENDS_IN_REFUND = frozenset({JobState.FAILED, JobState.CANCELLED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What the host decided about money: the factor on prices, and whether a late video costs something."""

    markup: Decimal
    late: LateResults = LateResults.FREE


class Lifecycle:
    """Applies moves and tells who listens."""

    def __init__(self, database: Database, clock: Clock, markup: Decimal, late: LateResults = LateResults.FREE) -> None:
        self._database = database
        self._clock = clock
        self.policy = Policy(markup=markup, late=late)
        self._listeners: list[Listener] = []

    def listen(self, listener: Listener) -> None:
        """Call *listener* with the job after each move that changed something; it must not block."""
        self._listeners.append(listener)

    async def apply(self, job: Job, move: Move, *, lease: timedelta | None = None) -> Job:
        """Write *move*, its ledger entry and its event; the job as it is now.

        With *lease* the caller goes on working on the job. Raises StaleJobError, having changed nothing, when the job
        is no longer where the caller saw it.
        """
        moved = await self._database.write(apply, job, move, self._clock.now(), self.policy, lease)
        self.announce(moved)
        return moved

    def announce(self, job: Job) -> None:
        for listener in self._listeners:
            listener(job)

    async def receipt(self, job: Job) -> Receipt:
        """What the job will have cost once it is delivered, and what its member can spend then."""
        return await self._database.read(receipt_of, job, self._clock.now(), self.policy)


def apply(
    connection: Connection,
    job: Job,
    move: Move,
    now: datetime,
    policy: Policy,
    lease: timedelta | None = None,
) -> Job:
    """The transaction of a move; see `Lifecycle.apply`."""
    if not job_rules.is_allowed(job.state, move.to):
        raise AssertionError(f"a job never goes from {job.state} to {move.to}")
    moved = moves.move(connection, job, move, now, lease=lease)
    if moved is None:
        raise StaleJobError(job.id)
    if move.is_put_aside:
        notices.note(connection, NoticeKind.PUT_ASIDE, job.id, now)
    if move.to is job.state:
        return moved
    if move.failure is FailureReason.NO_ANSWER:
        notices.note(connection, NoticeKind.ORPHAN, job.id, now)
    statistics.moved(connection, job.state, moved)
    if moved.is_closed:
        # Its hold has ended long ago; only a late video may still cost something, unless there is none after all.
        is_late_end = move.to in _ENDS_IN_SPENDING and not move.is_cleared
        if is_late_end and _has_just_come(connection, moved):
            return _end_late(connection, moved, policy, now)
        return moved
    if move.to in _ENDS_IN_SPENDING:
        return _release(connection, EntryKind.SETTLE, moved, _cost(moved, policy), now)
    if move.failure in FILTERED:
        note_model_filter(connection, moved.place.guild_id, moved.user_id, now)
    if move.to in _ENDS_IN_REFUND:
        return _release(connection, EntryKind.REFUND, moved, 0, now)
    return moved


def receipt_of(connection: Connection, job: Job, now: datetime, policy: Policy) -> Receipt:
    balance = _balance(connection, job, now)
    cost = _cost(job, policy)
    if job.is_closed and _is_still_to_be_charged(connection, job, policy):
        cost = 0 if split(cost, balance) is None else cost
        spendable = None if balance.spendable is None else balance.spendable - cost
        return Receipt(charged=cost, returned=0, spendable=spendable)
    if job.is_closed:
        # Kept for its member until now: the receipt tells what they have paid for it long ago.
        paid = jobs.paid(connection, job.id)
        returned = 0 if job.is_late else job.video.price - paid
        return Receipt(charged=paid, returned=returned, spendable=balance.spendable)
    returned = job.video.price - cost
    after = ledger.with_returned(balance, jobs.payment_of(connection, job.id), returned)
    return Receipt(charged=cost, returned=returned, spendable=after.spendable)


def _balance(connection: Connection, job: Job, now: datetime, *, lock: bool = False) -> Balance:
    """By the roles of the command: nobody asks Discord which of them the member still has."""
    roles = jobs.role_ids_of(connection, job.id)
    return balances.find(connection, job.place.guild_id, job.user_id, now, role_ids=roles, lock=lock)


def _cost(job: Job, policy: Policy) -> int:
    return settled(job.video.price, job.result.credits if job.result else None, policy.markup)


def _is_still_to_be_charged(connection: Connection, job: Job, policy: Policy) -> bool:
    """A late video is charged when it comes, or never: what it cost its member stands from the time it was kept."""
    return policy.late is LateResults.CHARGE and _has_just_come(connection, job)


def _has_just_come(connection: Connection, job: Job) -> bool:
    """Whether it is a late video, on its way for the first time."""
    if not job.is_late or job.redelivery:
        return False
    return jobs.paid(connection, job.id) == 0 and not events.has_left(connection, job.id, JobState.PARKED)


def _release(connection: Connection, kind: EntryKind, job: Job, cost: int, now: datetime) -> Job:
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
    back = payment.total - kept.total
    if back:
        host_limits.give_back(connection, job.place.guild_id, job.model, back, job.created_at)
    statistics.spent(connection, job, kept.total)
    return jobs.close_payment(connection, job.id, kept)


def _end_late(connection: Connection, job: Job, policy: Policy, now: datetime) -> Job:
    """Charge for a video that came after its refund, if the host wants that and its member can still pay.

    The provider has its money in any case, so the host's periods count it whoever pays.
    """
    cost = _cost(job, policy)
    if cost == 0:
        return job
    charged = _charge_late(connection, job, cost, now) if policy.late is LateResults.CHARGE else None
    if charged is None:
        host_limits.count_unpaid(connection, job.place.guild_id, job.model, cost, job.created_at)
    return charged or job


def _charge_late(connection: Connection, job: Job, cost: int, now: datetime) -> Job | None:
    """Charge for a video that came after its refund; None for who cannot pay any more, and gets it for nothing."""
    balance = _balance(connection, job, now, lock=True)
    parts = split(cost, balance)
    if parts is None:
        return None
    payment = ledger.Payment(
        allowance=parts.allowance, bonus=parts.bonus, is_pool_limited=balance.pool is not None, paid_at=now
    )
    ledger.charge_late(connection, job.id, job.place.guild_id, job.user_id, payment, now)
    host_limits.count_late(connection, job.place.guild_id, job.model, payment.total, job.created_at)
    statistics.spent(connection, job, payment.total)
    return jobs.close_payment(connection, job.id, payment)
