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
        return _stayed(connection, moved, move, policy, now)
    if move.failure is FailureReason.NO_ANSWER:
        notices.note(connection, NoticeKind.ORPHAN, job.id, now)
    statistics.moved(connection, job.state, moved)
    if moved.is_closed:
        # Its hold has ended long ago; only a late video may still cost something, unless there is none after all.
        is_late_end = move.to in _ENDS_IN_SPENDING and not move.is_cleared
        if is_late_end and _has_just_come(connection, moved):
            return _end_late(connection, moved, policy, now)
        return moved
    if move.to is JobState.FAILED and (job.state is JobState.UNKNOWN or move.failure is FailureReason.NO_ANSWER):
        return _release(connection, EntryKind.REFUND, moved, 0, now, may_be_orphan=True)
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
    if job.is_closed and _has_just_come(connection, job):
        # What was decided when the post was about to leave: it is that which is charged once it is there, or nothing.
        asked = job.late_cost or 0
        spendable = None if balance.spendable is None else max(0, balance.spendable - asked)
        return Receipt(charged=asked, returned=0, spendable=spendable)
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


def _has_just_come(connection: Connection, job: Job) -> bool:
    """Whether it is a late video, on its way for the first time.

    It is charged then, or never: what it cost its member stands from the time it was kept.
    """
    if not job.is_late or job.redelivery:
        return False
    return jobs.paid(connection, job.id) == 0 and not events.has_left(connection, job.id, JobState.PARKED)


def _stayed(connection: Connection, job: Job, move: Move, policy: Policy, now: datetime) -> Job:
    """What a move has to do with money that leaves the job in its state."""
    if move.is_posting and _has_just_come(connection, job):
        return _decide_late_cost(connection, job, policy, now)
    if move.is_unbilled and job.orphan_cost is not None:
        host_limits.recount(connection, job.place.guild_id, job.model, job.created_at, orphan=job.orphan_cost)
        return jobs.note_orphan_cost(connection, job.id, None)
    return job


def _release(
    connection: Connection, kind: EntryKind, job: Job, cost: int, now: datetime, *, may_be_orphan: bool = False
) -> Job:
    """End what the job holds. One that *may_be_orphan* goes on counting for the host, as its task may be billed."""
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
    if back and may_be_orphan:
        host_limits.keep_orphan(connection, back, job.created_at)
        jobs.note_orphan_cost(connection, job.id, back)
    elif back:
        host_limits.give_back(connection, job.place.guild_id, job.model, back, job.created_at)
    statistics.spent(connection, job, kept.total)
    return jobs.close_payment(connection, job.id, kept)


def _decide_late_cost(connection: Connection, job: Job, policy: Policy, now: datetime) -> Job:
    """What the post that is about to leave says that the late video costs.

    An earlier try may be there unseen, so what it said is never raised again, whatever has changed meanwhile.
    """
    cost = _cost(job, policy) if policy.late is LateResults.CHARGE else 0
    if job.late_cost is not None:
        cost = min(cost, job.late_cost)
    if cost and split(cost, _balance(connection, job, now)) is None:
        cost = 0
    return job if cost == job.late_cost else jobs.note_late_cost(connection, job.id, cost)


def _end_late(connection: Connection, job: Job, policy: Policy, now: datetime) -> Job:
    """Charge for a video that came after its refund what its post says, if its member can still pay that.

    The provider has its money in any case, so the host's periods count it whoever pays.
    """
    asked = job.late_cost
    if asked is None:
        # No post was about to leave. What was found in a channel all the same is from a time that the database does
        # not know, and so is what it says; what is kept before any post is charged as the host decided.
        is_kept_and_charged = job.state is JobState.PARKED and policy.late is LateResults.CHARGE
        asked = _cost(job, policy) if is_kept_and_charged else 0
    payment = _charge_late(connection, job, asked, now) if asked else None
    host_limits.recount(
        connection,
        job.place.guild_id,
        job.model,
        job.created_at,
        paid=0 if payment is None else payment.total,
        unpaid=0 if payment is not None else _cost(job, policy),
        orphan=job.orphan_cost or 0,
    )
    if payment is not None:
        statistics.spent(connection, job, payment.total)
        job = jobs.close_payment(connection, job.id, payment)
    return job if job.orphan_cost is None else jobs.note_orphan_cost(connection, job.id, None)


def _charge_late(connection: Connection, job: Job, cost: int, now: datetime) -> ledger.Payment | None:
    """Charge for a video that came after its refund; None for who cannot pay any more, and gets it for nothing."""
    balance = _balance(connection, job, now, lock=True)
    parts = split(cost, balance)
    if parts is None:
        return None
    payment = ledger.Payment(
        allowance=parts.allowance, bonus=parts.bonus, is_pool_limited=balance.pool is not None, paid_at=now
    )
    ledger.charge_late(connection, job.id, job.place.guild_id, job.user_id, payment, now)
    return payment
