"""The outside world of one run: time, what was promised to members, when a process is to die, and what went wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable
from contextvars import Context
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from random import Random
from typing import Any

from chaos.simulation.disk import Backup, Disk
from chaos.simulation.loop import Life, SimulatedLoop
from chaos.simulation.moment import Moment
from chaos.simulation.scenarios import Command, Scenario

START = datetime(2026, 11, 20, 12, tzinfo=UTC)

# Attributes of a world that belong to one run and its machine.
_OF_ONE_RUN = frozenset({"disk", "loop", "look", "touches", "moments", "plan", "random", "_crashes", "backups"})


# A frozen process comes back when another one has long taken over: after the longest lease, within a nonce's life.
FROZEN = 20 * 60 + 60.0


class End(StrEnum):
    """How a process is ended at a touch."""

    KILL = "kill"  # at once, with all it knows
    TERM = "term"  # asked to stop
    FREEZE = "freeze"  # it stands still while another one takes over, then goes on
    RESTORE = "restore"  # killed, and a backup of its database from an earlier touch is put back


@dataclass(frozen=True, slots=True, kw_only=True)
class Crash:
    """At the touch of this number, counted over all lives of the run."""

    touch: int
    end: End = End.KILL
    downtime: float = 1.0  # seconds until the next process starts
    frozen: float = FROZEN  # seconds until a frozen one goes on
    back_to: int = 0  # the touch at which the backup was made that is put back


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """When processes end, and in which order things that happen at once do: by the seed, or as they come."""

    crashes: tuple[Crash, ...] = ()
    seed: int | None = None


@dataclass(slots=True)
class Order:
    """A command and what its member has seen of it."""

    number: int
    command: Command
    accepted: set[int] = field(default_factory=set)  # job ids that the member was told
    is_refused: bool = False
    is_cancelled: bool = False

    @property
    def prompt(self) -> str:
        return f"order {self.number}"


@dataclass(frozen=True, slots=True)
class Violation:
    """A broken invariant (its name in the failure matrix) and how it shows."""

    invariant: str
    detail: str


def unheard(*_: object) -> None:
    """Nobody listens."""


class World:
    """Time, the plan and the list of what went wrong; the doubles of provider and Discord share it."""

    def __init__(self, scenario: Scenario, plan: Plan, disk: Disk) -> None:
        self.scenario = scenario
        self.disk = disk
        self.loop = SimulatedLoop()  # type: ignore[abstract] # nobody asks it for sockets, signals or processes
        self.orders = [Order(number, command) for number, command in enumerate(scenario.commands, 1)]
        self.touches: list[str] = []
        # At each touch: all that a crash at it would leave, for whoever wants to go on from there.
        self.moments: list[Moment] = []
        self.look: Callable[[], Moment] | None = None
        self.ends = 0  # how many processes have been ended
        self.violations: list[Violation] = []
        self._events: dict[int, tuple[float, Callable[[], object]]] = {}  # when something will happen outside, and what
        self._last_event = 0
        self.on_crash: Callable[[Life, Crash], None] = unheard
        self.on_restore: Callable[[], None] = unheard
        # What a backup did not know and nobody can know any more: jobs by their numbers, and the words of them.
        self.lost_jobs: set[int] = set()
        self.lost_prompts: set[str] = set()
        self._plan(plan)

    def _plan(self, plan: Plan) -> None:
        self.plan = plan
        self.random = None if plan.seed is None else Random(plan.seed)
        self._crashes = {crash.touch: crash for crash in plan.crashes}
        self.backups: dict[int, Backup | None] = {c.back_to: None for c in plan.crashes if c.end is End.RESTORE}

    def now(self) -> datetime:
        return START + timedelta(seconds=self.loop.time())

    def state(self) -> Hashable:
        """What of it a crash leaves as it is."""
        orders = tuple((frozenset(order.accepted), order.is_refused, order.is_cancelled) for order in self.orders)
        # The counter of the database never goes back: while it stands still, nothing has been written.
        return (
            self.loop.time(),
            self.waiting_events,
            self.ends,
            len(self.violations),
            orders,
            self.disk.raw.total_changes,
        )

    def __getstate__(self) -> dict[str, Any]:
        """What others may go on from: neither the machine, which is copied by itself, nor the plan of one run."""
        return {name: value for name, value in vars(self).items() if name not in _OF_ONE_RUN}

    def go_on(self, plan: Plan, disk: Disk, moment: Moment, touches: list[str]) -> None:
        """After unpickling, as it was at *moment*, for a run that has *plan* and had *touches* until then."""
        self.disk = disk
        self.loop = SimulatedLoop(moment.seconds)  # type: ignore[abstract] # as above
        self.loop.troubles += moment.troubles
        self.touches, self.moments, self.look = touches, [], None
        self._plan(plan)
        for number in self._events:
            self._schedule(number)

    @property
    def waiting_events(self) -> int:
        return len(self._events)

    def later(self, seconds: float, event: Callable[[], object]) -> None:
        """Something outside happens then, whatever processes live. It can be pickled: a method, or a partial of one."""
        self._last_event += 1
        self._events[self._last_event] = (self.loop.time() + seconds, event)
        self._schedule(self._last_event)

    def _schedule(self, number: int) -> None:
        when, _ = self._events[number]
        # In a context of its own: what happens outside does not belong to the process that brought it about.
        self.loop.call_at(when, self._happen, number, context=Context())

    def _happen(self, number: int) -> None:
        _, event = self._events.pop(number)
        event()

    def violated(self, invariant: str, detail: str) -> None:
        violation = Violation(invariant, detail)
        if violation not in self.violations:
            self.violations.append(violation)

    def end(self, life: Life, crash: Crash) -> None:
        """The process with this life ends, unless it has ended already."""
        if not life.is_dead:
            self.ends += 1
            self.on_crash(life, crash)

    def bring_back(self, touch: int) -> None:
        """Put the backup that was made at *touch* in the place of the database."""
        backup = self.backups[touch]
        assert backup is not None, "a backup is put back after it was made"
        jobs = "SELECT id, prompt FROM jobs"
        before = dict(self.disk.rows(jobs))
        self.disk.put_back(backup, self.now())
        lost = before.keys() - dict(self.disk.rows(jobs)).keys()
        self.lost_jobs |= lost
        self.lost_prompts |= {before[job_id] for job_id in lost}
        self.on_restore()

    async def touch(self, life: Life, name: str) -> None:
        """A process is about to touch the outside world, or has just done so. Here is where it may die."""
        if life.is_dead:
            raise asyncio.CancelledError
        if name:
            self.touches.append(name)
            if self.look is not None:
                self.moments.append(self.look())
            if len(self.touches) in self.backups:
                self.backups[len(self.touches)] = self.disk.backup()
            crash = self._crashes.get(len(self.touches))
            if crash is not None:
                self.end(life, crash)
        await asyncio.sleep(0.0 if self.random is None else self.random.choice(LATENCIES))
        if life.is_dead:
            raise asyncio.CancelledError


# Seconds that a touch takes in runs with a seed: mostly nothing much, sometimes long enough for others to overtake.
LATENCIES = (0.0, 0.0, 0.001, 0.003, 0.02, 0.4)
