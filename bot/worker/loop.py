"""The worker: claims what is due, hands each job to its step, and writes the step's move."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from bot import logs
from bot.domain.ids import JobId, ProviderId
from bot.domain.jobs import Job, JobState, Move
from bot.errors import StaleJobError, StoreError
from bot.metrics import Metrics
from bot.ports import Clock
from bot.services.lifecycle import Lifecycle
from bot.services.queue import Queue
from bot.store.claims import Claimed
from bot.worker.hold import Hold
from bot.worker.limits import Rates, SlidingWindow
from bot.worker.needs import POLL_LEASE, SUBMIT_LEASE, TRANSFER_LEASE
from bot.worker.steps import Steps

log = logs.get(__name__)

# A job whose step never came back this often has crashed the process each time.
MAX_CLAIMS = 3
# A job whose step raised a bug this often in a row is given up.
MAX_BUGS = 4

# The longest time between two looks at the database, whatever the due times say.
LONGEST_NAP = timedelta(seconds=5)

# How long to wait before a move is offered again to a store that cannot be written.
STORE_NAP = timedelta(seconds=2)

# How long running steps may take to finish when the process is asked to stop.
DRAIN = timedelta(seconds=10)


@dataclass(slots=True)
class Stage:
    """One kind of work: which states it takes, how many jobs at once, and how fast.

    Work that waits for a provider has its room for each of them, so that a slow one keeps nobody else waiting.
    """

    name: str
    states: tuple[JobState, ...]
    step: Callable[[Hold], Awaitable[Move]]
    capacity: int | Callable[[ProviderId], int]  # for each provider where it is asked for one, else in all
    lease: timedelta
    rate: Callable[[ProviderId], SlidingWindow] | None = None
    is_rate_of_arrivals: bool = False  # the provider counts them, and drops those that are too many
    under_way: Counter[ProviderId] = field(default_factory=Counter)
    # Of these: those whose call has not left yet, by the window that they wait for.
    waiting: Counter[SlidingWindow | None] = field(default_factory=Counter)

    def window(self, provider: ProviderId) -> SlidingWindow | None:
        return None if self.rate is None else self.rate(provider)

    def free(self, provider: ProviderId, now: datetime) -> int:
        if isinstance(self.capacity, int):
            room = self.capacity - self.under_way.total()
        else:
            room = self.capacity(provider) - self.under_way[provider]
        window = self.window(provider)
        return room if window is None else min(room, window.free(now) - self.waiting[window])


class Worker:
    """Runs steps until it is told to stop. Waiting is in the database; nothing is lost when this dies."""

    def __init__(
        self,
        *,
        steps: Steps,
        queue: Queue,
        lifecycle: Lifecycle,
        clock: Clock,
        metrics: Metrics,
        rates: Rates,
        wake: asyncio.Event,
        drain: timedelta = DRAIN,
    ) -> None:
        self._steps = steps
        self._queue = queue
        self._lifecycle = lifecycle
        self._clock = clock
        self._metrics = metrics
        self._wake = wake
        self._drain = drain
        self._stopping = False
        self._bugs: dict[JobId, int] = {}
        self._in_hand: set[JobId] = set()
        self._rates = rates

        def questions(provider: ProviderId) -> int:
            return rates.terms(provider).queries_per_second

        def submissions(_provider: ProviderId) -> int:
            return 8

        self._stages = (
            Stage("recover", (JobState.SUBMITTING, JobState.UNKNOWN), steps.recover, submissions, POLL_LEASE),
            Stage("submit", (JobState.QUEUED,), steps.submit, submissions, SUBMIT_LEASE, rates.creates, True),
            Stage("poll", (JobState.RUNNING,), steps.poll, questions, POLL_LEASE, rates.queries),
            # Transfers are bound by the network and the disk; more at once only makes each slower.
            Stage("fetch", (JobState.FETCHING,), steps.fetch, 4, TRANSFER_LEASE),
            Stage("deliver", (JobState.DELIVERING,), steps.deliver, 4, TRANSFER_LEASE),
            Stage("after failure", (JobState.FAILED,), steps.after_failure, 4, POLL_LEASE),
            Stage("forget", (JobState.PARKED,), steps.forget, 1, POLL_LEASE),
        )
        self.is_running = False

    @property
    def under_way(self) -> int:
        """How many jobs are in the hands of a step now."""
        return sum(stage.under_way.total() for stage in self._stages)

    async def run(self) -> None:
        """Work until `stop`; then let running steps finish for a while and return."""
        now = self._clock.now()
        taken_back = await self._queue.take_back_leases()
        for provider, creates in self._rates.all_creates().items():
            since = now - self._rates.terms(provider).creates_window
            creates.remember(await self._queue.creates_ended_since(since, provider))
        for job in await self._queue.followed():
            self._steps.follow(job)
        log.info("worker_started", interrupted=taken_back)
        self.is_running = True
        try:
            async with asyncio.TaskGroup() as tasks:
                running: set[asyncio.Task[None]] = set()
                while not self._stopping:
                    self._wake.clear()
                    nap = await self._round(tasks, running)
                    await self._clock.wait(self._wake, nap)
                if running:
                    _, late = await asyncio.wait(running, timeout=self._drain.total_seconds())
                    for task in late:
                        task.cancel()
        finally:
            self.is_running = False

    def stop(self) -> None:
        self._stopping = True
        self._wake.set()

    async def _round(self, tasks: asyncio.TaskGroup, running: set[asyncio.Task[None]]) -> timedelta:
        """Claim what there is room for; how long to wait for the next round."""
        try:
            due = await self._queue.due()
            for stage in self._stages:
                wanted: dict[ProviderId, int] = {}
                for (state, provider), count in due.ready.items():
                    if state in stage.states:
                        wanted[provider] = wanted.get(provider, 0) + count
                for provider, count in wanted.items():
                    for claimed in await self._claim(stage, provider, count):
                        self._in_hand.add(claimed.job.id)
                        stage.under_way[provider] += 1
                        stage.waiting[stage.window(provider)] += 1
                        task = tasks.create_task(self._work(stage, claimed), name=f"{stage.name} {claimed.job.id}")
                        running.add(task)
                        task.add_done_callback(running.discard)
        except StoreError as error:
            # Nothing can be claimed and nothing is lost; the storage guard tells the host.
            log.debug("store_unusable", reason=str(error))
            return LONGEST_NAP
        now = self._clock.now()
        waits = [LONGEST_NAP]
        if due.next_at is not None:
            waits.append(due.next_at - now)
        # A stage that has no room is woken by whoever makes room; one that is out of calls waits for its window.
        waits += [
            stage.rate(provider).free_at(now) - now
            for stage in self._stages
            for state, provider in due.ready
            if stage.rate is not None and state in stage.states and not stage.rate(provider).free(now)
        ]
        return max(timedelta(milliseconds=1), min(waits))

    async def _claim(self, stage: Stage, provider: ProviderId, wanted: int) -> list[Claimed]:
        room = stage.free(provider, self._clock.now())
        if stage.name == "submit":
            # Those on their way to their create call are not at the provider yet, but will be. Counted before the look
            # at the store: whoever arrives there in between is counted twice rather than not at all.
            sharing = self._rates.sharing(provider)
            coming = sum(stage.under_way[each] for each in sharing)
            running = self._rates.terms(provider).running
            room = min(room, running - coming - await self._queue.at_provider(*sharing))
        if room <= 0:
            return []
        return await self._queue.claim(stage.states, min(room, wanted), stage.lease, provider, self._in_hand)

    async def _work(self, stage: Stage, claimed: Claimed) -> None:
        is_waiting, provider = True, claimed.job.provider
        window = stage.window(provider)
        under_way = 0

        async def turn() -> None:
            nonlocal is_waiting, under_way
            if window is not None:
                await window.turn(self._clock)
                if stage.is_rate_of_arrivals:
                    under_way += 1
                else:
                    window.ended(self._clock.now())
            if is_waiting:
                is_waiting = False
                stage.waiting[window] -= 1

        hold = Hold(claimed.job, self._lifecycle, turn)
        try:
            with self._metrics.timed(stage.name):
                await self._guarded(stage, hold, claimed.claims)
        except StaleJobError:
            self._bugs.pop(hold.job.id, None)
            log.info("job_moved_elsewhere", job=hold.job.id, stage=stage.name)
        finally:
            self._in_hand.discard(hold.job.id)
            if window is not None:
                for _ in range(under_way):
                    window.ended(self._clock.now())
            stage.under_way[provider] -= 1
            if is_waiting:
                stage.waiting[window] -= 1
            self._wake.set()

    async def _guarded(self, stage: Stage, hold: Hold, claims: int) -> None:
        """Run the step and write its move. A bug costs this job a retry, never the worker."""
        move: Move | None = None
        if claims > MAX_CLAIMS:
            log.error("job_quarantined", job=hold.job.id, state=hold.job.state)
        bugs = 0
        while True:
            try:
                if move is None:
                    move = await self._decide(stage, hold, claims, bugs)
                job = await self._finish(hold, move)
            except StaleJobError:
                raise
            except StoreError as error:
                # The step could not ask or write: no fault of the job, so it does not count.
                log.error("store_unusable", job=hold.job.id, stage=stage.name, reason=str(error))
                move = Move(to=hold.job.state, after=STORE_NAP)
            except Exception:
                bugs = self._bugs[hold.job.id] = self._bugs.get(hold.job.id, 0) + 1
                log.exception("step_failed", job=hold.job.id, stage=stage.name, bugs=bugs)
                if bugs > MAX_BUGS + 1:
                    return  # Not even giving up works. The lease ends by itself, and the host has the traceback.
                move = None if bugs >= MAX_BUGS else self._after_bug(hold.job, bugs)
            else:
                break
        if not move.is_retry:
            self._bugs.pop(job.id, None)
        await self._steps.discard(job, move)

    async def _decide(self, stage: Stage, hold: Hold, claims: int, bugs: int) -> Move:
        """What the step decides; or, where it or the whole process has crashed each time, what becomes of the job."""
        if claims <= MAX_CLAIMS and bugs < MAX_BUGS:
            return await stage.step(hold)
        # To look at what was posted may be what crashes, so that is done once.
        move = await self._steps.give_up(hold.job, may_look=claims <= MAX_CLAIMS + 1 and bugs <= MAX_BUGS)
        return replace(move, is_put_aside=claims > MAX_CLAIMS)

    def _after_bug(self, job: Job, bugs: int) -> Move:
        return Move(to=job.state, after=timedelta(seconds=5 * bugs), is_retry=True, detail="a fault of ours")

    async def _finish(self, hold: Hold, move: Move) -> Job:
        """Write the move. What a step has learnt (a task, a message) is kept in hand until the store takes it."""
        while True:
            try:
                return await hold.finish(move)
            except StoreError as error:
                log.error("move_not_stored", job=hold.job.id, to=move.to, reason=str(error))
                await self._clock.wait(asyncio.Event(), STORE_NAP)
