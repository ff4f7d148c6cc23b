"""The outside world of one run: time, what was promised to members, when a process is to die, and what went wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable
from contextvars import Context
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from random import Random

from chaos.simulation.disk import Backup, Disk
from chaos.simulation.loop import Life, SimulatedLoop
from chaos.simulation.scenarios import Command, Scenario

START = datetime(2026, 11, 20, 12, tzinfo=UTC)


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


class World:
    """Time, the plan and the list of what went wrong; the doubles of provider and Discord share it."""

    def __init__(self, scenario: Scenario, plan: Plan, disk: Disk) -> None:
        self.scenario = scenario
        self.plan = plan
        self.disk = disk
        self.loop = SimulatedLoop()  # type: ignore[abstract] # nobody asks it for sockets, signals or processes
        self.orders = [Order(number, command) for number, command in enumerate(scenario.commands, 1)]
        self.touches: list[str] = []
        # At each touch: all that a crash at it would leave, for whoever wants to know which crashes are the same.
        self.left_by: list[Hashable] = []
        self.written_by: list[int] = []  # and how much was written to the database until then
        self.look: Callable[[], Hashable] | None = None
        self.ends = 0  # how many processes have been ended
        self.downtime = 0.0
        self.waiting_events = 0
        self.violations: list[Violation] = []
        self.random = None if plan.seed is None else Random(plan.seed)
        self._crashes = {crash.touch: crash for crash in plan.crashes}
        self.on_crash: Callable[[Life, Crash], None] = lambda _life, _crash: None
        self._backups: dict[int, Backup | None] = {c.back_to: None for c in plan.crashes if c.end is End.RESTORE}
        self.on_restore: Callable[[], None] = lambda: None
        # What a backup did not know and nobody can know any more: jobs by their numbers, and the words of them.
        self.lost_jobs: set[int] = set()
        self.lost_prompts: set[str] = set()

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

    def later(self, seconds: float, event: Callable[[], None]) -> None:
        """Something outside happens then, whatever processes live."""
        self.waiting_events += 1

        def happen() -> None:
            self.waiting_events -= 1
            event()

        # In a context of its own: what happens outside does not belong to the process that brought it about.
        self.loop.call_later(seconds, happen, context=Context())

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
        backup = self._backups[touch]
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
                self.left_by.append(self.look())
                self.written_by.append(self.disk.raw.total_changes)
            if len(self.touches) in self._backups:
                self._backups[len(self.touches)] = self.disk.backup()
            crash = self._crashes.get(len(self.touches))
            if crash is not None:
                self.end(life, crash)
        await asyncio.sleep(0.0 if self.random is None else self.random.choice(LATENCIES))
        if life.is_dead:
            raise asyncio.CancelledError


# Seconds that a touch takes in runs with a seed: mostly nothing much, sometimes long enough for others to overtake.
LATENCIES = (0.0, 0.0, 0.001, 0.003, 0.02, 0.4)
