"""Bugs put into our own code on purpose, each as a small patch: a harness that does not notice them proves nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from unittest import mock

import sqlalchemy as sa

from bot.domain.ids import InteractionId, MessageId
from bot.domain.jobs import FailureReason, Job, JobState, Move
from bot.errors import ProviderUnavailableError, StaleJobError
from bot.ports import Refused
from bot.providers.kie_jobs import KieJobs
from bot.publisher import DiscordPublisher
from bot.services import host_limits, lifecycle
from bot.services.generation import Generation
from bot.store import balances, claims, epochs, hints, jobs, moves, tables
from bot.store.hints import Hint
from bot.worker import delivery
from bot.worker.delivery import Delivery
from bot.worker.doubts import Doubts
from bot.worker.hold import Hold
from bot.worker.limits import SlidingWindow
from bot.worker.making import Making
from chaos.simulation.disk import Disk, SchemaEdits
from chaos.simulation.run import Outcome, Simulator, simulator
from chaos.simulation.scenarios import (
    Calling,
    Command,
    Create,
    History,
    Poll,
    Post,
    Scenario,
    burst,
    credits_come,
    restored,
    unheard,
)
from chaos.simulation.sweep import LATER, SOON, each_backup, each_touch
from chaos.simulation.world import FROZEN, End

Patch = tuple[Any, str, Any]  # an object, the name of its attribute, and what takes its place


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One bug, the runs that have to notice it, and the invariant that has to be named."""

    name: str
    patches: Callable[[], list[Patch]]
    scenario: Scenario
    invariant: str
    schema: SchemaEdits | None = None  # where the database itself is a second line of defence, that goes too
    downtime: float = SOON
    end: End = End.KILL
    frozen: float = FROZEN
    step: int = 1  # of how many touches one is taken
    last: int | None = None  # of how many touches before the end

    def without(self) -> Fault:
        """The same runs on the code as it is."""
        return replace(self, patches=list, schema=None)

    def hunt(self) -> Iterator[Outcome]:
        """The named runs with the bug in place; each outcome with violations is a catch."""
        with broken(self) as simulator:
            if self.scenario.has_backups:
                yield from each_backup(simulator, self.scenario, downtime=self.downtime)
            else:
                yield from each_touch(
                    simulator,
                    self.scenario,
                    downtime=self.downtime,
                    end=self.end,
                    frozen=self.frozen,
                    step=self.step,
                    last=self.last,
                )


@contextmanager
def broken(fault: Fault) -> Iterator[Simulator]:
    with ExitStack() as stack:
        running = stack.enter_context(simulator(Disk(fault.schema)))
        for target, name, wrong in fault.patches():
            stack.enter_context(mock.patch.object(target, name, wrong))
        yield running


def _no_nonce() -> list[Patch]:
    send = DiscordPublisher._send

    async def without_nonce(self: DiscordPublisher, job: Job, nonce: str, *rest: Any) -> Any:
        return await send(self, job, "", *rest)

    return [(DiscordPublisher, "_send", without_nonce)]


def _no_intent() -> list[Patch]:
    """The create call leaves first, and SUBMITTING is written together with its answer."""
    advance, finish = Hold.advance, Hold.finish
    late: dict[int, tuple[Move, timedelta]] = {}

    async def pretend(self: Hold, move: Move, lease: timedelta) -> Job:
        if move.to is not JobState.SUBMITTING:
            return await advance(self, move, lease)
        late[id(self)] = (move, lease)
        return self.job

    async def write_both(self: Hold, move: Move) -> Job:
        if id(self) in late:
            await advance(self, *late.pop(id(self)))
        return await finish(self, move)

    return [(Hold, "advance", pretend), (Hold, "finish", write_both)]


def _no_posting_intent() -> list[Patch]:
    advance = Hold.advance

    async def skip(self: Hold, move: Move, lease: timedelta) -> Job:
        return self.job if move.is_posting else await advance(self, move, lease)

    return [(Hold, "advance", skip)]


def _resubmit() -> list[Patch]:
    create = Making._create

    async def again(self: Making, *arguments: Any) -> Move:
        move = await create(self, *arguments)
        lost = move.to is JobState.UNKNOWN
        return Move(to=JobState.QUEUED, after=timedelta(seconds=5), is_retry=True) if lost else move

    return [(Making, "_create", again)]


def _refund_twice() -> list[Patch]:
    release = lifecycle._release

    def twice(connection: Any, kind: Any, job: Job, *rest: Any) -> Job:
        if kind == "refund":
            release(connection, kind, job, *rest)
            paid = {"paid_allowance": job.video.price, "is_closed": False}
            connection.execute(sa.update(tables.jobs).where(tables.jobs.c.id == job.id).values(paid))
        return release(connection, kind, job, *rest)

    return [(lifecycle, "_release", twice)]


def _trust_callback() -> list[Patch]:
    """The task that a callback names is the job's task from now on."""
    note_all = hints.note_all

    def believe(connection: Any, calls: Sequence[Hint], now: Any) -> list[bool]:
        are_known = note_all(connection, calls, now)
        for call, is_known in zip(calls, are_known, strict=True):
            mine = sa.update(tables.jobs).where(tables.jobs.c.id == call.job_id)
            if is_known:
                connection.execute(mine.values(task_id=call.task_id))
        return are_known

    return [(hints, "note_all", believe)]


def _unverified_hint() -> list[Patch]:
    async def unknown(self: KieJobs, task_id: Any) -> None:
        return None

    return [(KieJobs, "callback_url", unknown)]


def _any_secret() -> list[Patch]:
    """The secret in the callback's address is not looked at. Beside it, the body is believed: a second defence."""
    ((_, _, believe),) = _trust_callback()

    def without_secret(connection: Any, calls: Sequence[Hint], now: Any) -> list[bool]:
        known = [(call, jobs.find(connection, call.job_id)) for call in calls]
        genuine = [replace(call, secret=job.callback_secret) if job else call for call, job in known]
        answers: list[bool] = believe(connection, genuine, now)
        return answers

    return [(hints, "note_all", without_secret)]


def _no_fence() -> list[Patch]:
    move = moves.move

    def whoever(connection: Any, job: Job, *arguments: Any, **options: Any) -> Job | None:
        """As if the statement did not compare the fence: the row's is put aside while it runs."""
        now = jobs.find(connection, job.id)
        if now is None:
            return None
        mine, everybodys = sa.update(tables.jobs).where(tables.jobs.c.id == job.id), now.fence
        connection.execute(mine.values(fence=job.fence))
        moved = move(connection, job, *arguments, **options)
        connection.execute(mine.values(fence=everybodys))
        return moved

    return [(moves, "move", whoever)]


def _settle_first() -> list[Patch]:
    post = Delivery._post

    async def settle(self: Delivery, hold: Hold, *, is_spoiler: bool) -> Move:
        delivered = Move(
            to=JobState.DELIVERED, after=None, message_id=MessageId(1), message_channel_id=hold.job.place.channel_id
        )
        await self._needs.lifecycle.apply(hold.job, delivered)
        await post(self, hold, is_spoiler=is_spoiler)
        raise StaleJobError(hold.job.id)

    return [(Delivery, "_post", settle)]


def _no_scan() -> list[Patch]:
    async def nothing(self: DiscordPublisher, job: Job) -> None:
        return None

    return [(DiscordPublisher, "find_post", nothing)]


def _poll_error_is_failure() -> list[Patch]:
    status = KieJobs.status

    async def hasty(self: KieJobs, task_id: Any) -> Any:
        try:
            return await status(self, task_id)
        except ProviderUnavailableError as error:
            return Refused(reason=FailureReason.UPSTREAM, detail=str(error))

    return [(KieJobs, "status", hasty)]


def _no_lease() -> list[Patch]:
    """Whoever looks may take a job, also one that is being worked on."""
    claim = claims.claim
    move = moves.move

    def grab(connection: Any, states: Any, limit: int, lease: timedelta, *rest: Any, **options: Any) -> Any:
        options["in_hand"] = ()
        return claim(connection, states, limit, timedelta(0), *rest, **options)

    def hold_nothing(connection: Any, job: Job, move_: Move, now: Any, *, lease: timedelta | None = None) -> Any:
        return move(connection, job, move_, now, lease=None if lease is None else timedelta(0))

    return [(claims, "claim", grab), (moves, "move", hold_nothing)]


def _no_key() -> list[Patch]:
    """Neither the look for an earlier job nor the unique key: every delivery of an interaction is a new one."""
    insert = jobs.insert
    numbers = iter(range(1, 1_000_000))

    def as_new(connection: Any, new: Any, *rest: Any) -> Job | None:
        place = replace(new.place, interaction_id=InteractionId(-next(numbers)))
        return insert(connection, replace(new, place=place), *rest)

    return [(jobs, "insert", as_new), (jobs, "find_by_interaction", lambda _connection, _id: None)]


def _stale_balance() -> list[Patch]:
    """The balance is read first and trusted later, in a transaction of its own."""
    request, balance = Generation.request, balances.find

    async def read_then_write(self: Generation, user_id: Any, place: Any, video: Any, **options: Any) -> Any:
        seen = await self._database.read(balance, place.guild_id, user_id, self._clock.now())
        await asyncio.sleep(0.01)
        with_seen = mock.patch.object(balances, "find", lambda *_, **__: seen)
        write = self._database.write

        async def patched(fn: Any, *arguments: Any) -> Any:
            def trusting(connection: Any, *values: Any) -> Any:
                balance(connection, place.guild_id, user_id, self._clock.now(), lock=True)
                with with_seen:
                    return fn(connection, *values)

            return await write(trusting, *arguments)

        with mock.patch.object(self._database, "write", patched):
            return await request(self, user_id, place, video, **options)

    return [(Generation, "request", read_then_write)]


def _trust_nonce() -> list[Patch]:
    """A nonce is taken to protect for ever."""
    return [(delivery, "NONCE_HOLDS", timedelta(days=1000))]


def _forget_window() -> list[Patch]:
    return [(SlidingWindow, "remember", lambda _self, _earlier: None)]


def _believed_backup() -> list[Patch]:
    """A backup that was put back is taken for what happened last."""
    return [(epochs, "treat_as_ambiguous", lambda _connection, _now, *, until=None: epochs.Counts())]


def _no_doubt() -> list[Patch]:
    """What is given up is refunded without a look whether its video was posted in a time that is lost."""

    async def at_once(self: Doubts, job: Job, move: Move, **_options: Any) -> Move:
        return move

    return [(Doubts, "unless_posted", at_once)]


def _told_to_nobody() -> list[Patch]:
    """A message to the host that did not get through is taken for told."""
    tell = DiscordPublisher.tell_host

    async def once(self: DiscordPublisher, text: str) -> bool:
        await tell(self, text)
        return True

    return [(DiscordPublisher, "tell_host", once)]


def _late_cost_afterwards() -> list[Patch]:
    """What a late video costs is worked out for its post, and once more when that is there."""
    end_late = lifecycle._end_late

    def anew(connection: Any, job: Job, policy: Any, now: Any) -> Job:
        undecided = replace(job, late_cost=None)
        return end_late(connection, lifecycle._decide_late_cost(connection, undecided, policy, now), policy, now)

    return [(lifecycle, "_end_late", anew)]


def _orphan_twice() -> list[Patch]:
    """A lost create call stays counted when its video comes."""
    recount: Callable[..., None] = host_limits.recount

    def beside(*arguments: Any, orphan: int, **counted: int) -> None:
        recount(*arguments, **counted)

    return [(host_limits, "recount", beside)]


# So many touches of a late video, or more, come after a hundred questions whether its task has ended.
AFTER_THE_REFUND = 60

_BACKED_UP, *_, _RECORD_GONE = restored()

FAULTS = (
    Fault(
        name="no nonce",
        patches=_no_nonce,
        scenario=Scenario(name="post lost, history closed", posts=(Post.LOST,), history=History.CLOSED),
        invariant="I3",
    ),
    Fault(
        name="a nonce is trusted for ever",
        patches=_trust_nonce,
        scenario=Scenario(name="history closed", history=History.CLOSED),
        invariant="I3",
        downtime=LATER,
    ),
    Fault(name="no intent before the create call", patches=_no_intent, scenario=Scenario(name="base"), invariant="I5"),
    Fault(
        name="no intent before the post",
        patches=_no_posting_intent,
        scenario=Scenario(name="base"),
        invariant="I3",
        downtime=LATER,
    ),
    Fault(
        name="a lost create answer is tried again",
        patches=_resubmit,
        scenario=Scenario(name="create lost", creates=(Create.LOST,)),
        invariant="I5",
    ),
    Fault(
        name="refunded twice",
        patches=_refund_twice,
        # With a second job of the same member, or the guards of used and held credits would stop the second refund.
        scenario=Scenario(name="refused", commands=(Command(), Command(at=0.02)), creates=(Create.REFUSED,)),
        invariant="I4",
        schema={
            "a_job_ends_once": None,
            "entries": ("CONSTRAINT one_entry_of_a_kind_per_job UNIQUE (job_id, kind)", "CHECK (1)"),
        },
    ),
    Fault(
        name="the callback's body is believed",
        patches=_trust_callback,
        scenario=Scenario(name="leaked address", calling=Calling.LEAKED),
        invariant="I13",
    ),
    Fault(
        name="nobody asks whose task a callback names",
        patches=_unverified_hint,
        scenario=Scenario(name="leaked address, answer lost", calling=Calling.LEAKED, creates=(Create.RESET,)),
        invariant="I13",
    ),
    Fault(
        name="the callback's secret is not looked at",
        patches=_any_secret,
        scenario=Scenario(name="forged callback", calling=Calling.FORGED),
        invariant="I13",
    ),
    Fault(
        name="the fence is forgotten",
        patches=_no_fence,
        # The frozen process comes back while the job waits in the queue, as it did when it was frozen.
        scenario=Scenario(name="two processes", is_shared=True, creates=(Create.BUSY,) * 8),
        invariant="I9",
        end=End.FREEZE,
        frozen=330.0,
    ),
    Fault(name="settled before it is posted", patches=_settle_first, scenario=Scenario(name="base"), invariant="I6"),
    Fault(
        name="no look at the history",
        patches=_no_scan,
        scenario=Scenario(name="base"),
        invariant="I3",
        downtime=LATER,
    ),
    Fault(
        name="a poll that fails is a task that failed",
        patches=_poll_error_is_failure,
        scenario=Scenario(name="poll down", polls=(Poll.DOWN,)),
        invariant="I2",
    ),
    Fault(
        name="no lease",
        patches=_no_lease,
        scenario=Scenario(name="slow answer", creates=(Create.SLOW,)),
        invariant="I2",
    ),
    Fault(
        name="no key on the interaction",
        patches=_no_key,
        scenario=Scenario(name="twice", commands=(Command(times=2),)),
        invariant="I8",
    ),
    Fault(
        name="the balance is read, then written",
        patches=_stale_balance,
        scenario=Scenario(name="two at the last credit", commands=(Command(), Command()), allowance=150),
        invariant="I10",
    ),
    Fault(
        name="the host is told of an orphan once, whether or not it hears",
        patches=_told_to_nobody,
        scenario=next(unheard()),
        invariant="B2",
    ),
    Fault(name="a backup is believed", patches=_believed_backup, scenario=_BACKED_UP, invariant="I5"),
    Fault(name="refunded without a look", patches=_no_doubt, scenario=_RECORD_GONE, invariant="I7"),
    Fault(
        name="what a late video costs is decided after its post",
        patches=_late_cost_afterwards,
        scenario=credits_come(),
        invariant="B10",
        last=AFTER_THE_REFUND,
    ),
    Fault(
        name="a lost create call counts beside its late video",
        patches=_orphan_twice,
        scenario=Scenario(
            name="the create answer lost, the callback late",
            creates=(Create.LOST,),
            calling=Calling.ONCE,
            renders=1500.0,
            until_late=True,
            within=timedelta(days=16),
        ),
        invariant="B2",
        step=3,
    ),
    Fault(name="a restart forgets the rate", patches=_forget_window, scenario=burst(), invariant="I12", step=50),
)
