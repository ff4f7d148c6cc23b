"""Plays one scenario under one plan: starts processes, ends them at their touches, starts them again, and judges."""

from __future__ import annotations

import gc
import logging
import pickle
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from chaos.simulation.channel import FakeDiscord
from chaos.simulation.disk import Disk
from chaos.simulation.invariants import Invariants
from chaos.simulation.kie import Callback, FakeKie
from chaos.simulation.loop import Life
from chaos.simulation.moment import Machine, Moment
from chaos.simulation.process import Process
from chaos.simulation.scenarios import Scenario
from chaos.simulation.world import Crash, End, Order, Plan, Violation, World

UNDISTURBED = Plan()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run has come to."""

    scenario: Scenario
    plan: Plan
    touches: tuple[str, ...]
    states: tuple[str, ...]  # of the jobs, in order
    violations: tuple[Violation, ...]
    seconds: float  # of simulated time
    # For each touch, all that a crash at it would have left, if that was asked for.
    moments: tuple[Moment, ...] = field(default=(), compare=False, repr=False)


class Bot(Protocol):
    """One process of a bot, and what reaches it from outside."""

    life: Life

    def start(self) -> None: ...

    def stop(self, stopped: Callable[[], None]) -> None: ...

    def bring(self, order: Order) -> None: ...

    def cancel(self, order: Order, guild: int) -> None: ...

    def claim(self, order: Order) -> None: ...

    def called(self, callback: Callback) -> None: ...


class Judge(Protocol):
    """Knows what a bot has promised."""

    def committed(self) -> None: ...

    def is_at_rest(self) -> bool: ...

    def at_the_end(self, *, is_over: bool) -> None: ...

    def states(self) -> tuple[str, ...]: ...


@dataclass(frozen=True, slots=True)
class Contender:
    """A bot that can be put into the simulated world."""

    start: Callable[[World, FakeKie, FakeDiscord, Path, Life, Callable[[], None]], Bot]
    judge: Callable[[World, FakeKie, FakeDiscord], Judge]


OURS = Contender(Process, Invariants)


class Simulator:
    """A disk and a folder that run after run uses again."""

    def __init__(self, machine: Machine, bugs: Bugs) -> None:
        self._machine = machine
        self._bugs = bugs

    def run(
        self, scenario: Scenario, plan: Plan = UNDISTURBED, contender: Contender = OURS, *, is_looked_at: bool = False
    ) -> Outcome:
        """*is_looked_at* keeps for each touch what a crash at it would leave; that takes a while."""
        self._machine.wipe()
        self._bugs.heard.clear()
        run = _Run(scenario, plan, self._machine, contender, self._bugs)
        run.begin(is_looked_at=is_looked_at)
        return run.play()

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """What the last run has left in the database."""
        return self._machine.disk.rows(query)

    def go_on(self, before: Outcome, crash: Crash, *, is_looked_at: bool = False) -> Outcome:
        """The run *before*, which was looked at, but with the process killed at the touch of *crash*.

        It comes to what `run` comes to with that crash in its plan, without playing the beginning again.
        """
        assert crash.end in {End.KILL, End.RESTORE}, "nothing of the process may live on"
        moment = before.moments[crash.touch - 1]
        self._machine.put(moment)
        self._bugs.heard[:] = moment.heard
        run: _Run = pickle.loads(moment.outside)  # noqa: S301 - our own, of this process
        run.go_on(before, crash, self._machine, self._bugs, is_looked_at=is_looked_at)
        return run.play()


@contextmanager
def simulator(disk: Disk | None = None) -> Iterator[Simulator]:
    """Everything a run needs; the log is silent meanwhile, since rendering it would be most of the work."""
    used = disk or Disk()
    # The collector need not go through all of SQLAlchemy and the library again and again, for what a run leaves behind.
    gc.collect()
    gc.freeze()
    shared_memory = Path("/dev/shm")  # noqa: S108 - a directory of our own is made in it
    log, bugs = logging.getLogger("bot"), Bugs()
    level, log.propagate = log.level, False
    log.setLevel(logging.ERROR)
    log.addHandler(bugs)
    try:
        with tempfile.TemporaryDirectory(dir=shared_memory if shared_memory.is_dir() else None) as folder:
            yield Simulator(Machine(used, Path(folder)), bugs)
    finally:
        log.removeHandler(bugs)
        log.setLevel(level)
        log.propagate = True
        used.close()
        gc.unfreeze()


class Bugs(logging.Handler):
    """Hears what the worker says when a step raises what nobody has thought of."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        event = record.msg
        if isinstance(event, dict) and event.get("event") == "step_failed":
            self.heard.append(f"{event.get('stage')} of job {event.get('job')}: {sys.exc_info()[1]!r}")


class _Run:
    def __init__(self, scenario: Scenario, plan: Plan, machine: Machine, contender: Contender, bugs: Bugs) -> None:
        self._machine = machine
        self._bugs = bugs
        self._world = world = World(scenario, plan, machine.disk)
        world.on_crash = self._end
        self._kie = FakeKie(world, self._call)
        self._channel = FakeDiscord(world)
        self._contender = contender
        self._judge = contender.judge(world, self._kie, self._channel)
        self._processes: list[Bot] = []

    def __getstate__(self) -> dict[str, Any]:
        """The outside world alone, see `Moment`."""
        return {**vars(self), "_machine": None, "_bugs": None, "_processes": []}

    def begin(self, *, is_looked_at: bool) -> None:
        """Everything that will come from outside."""
        world = self._world
        if is_looked_at:
            world.look = self._look
        for guild in {command.guild for command in world.scenario.commands}:
            world.disk.raw.execute(
                "INSERT INTO guilds (guild_id, allowance, is_pool_limited) VALUES (?, ?, 0)",
                (guild, world.scenario.allowance),
            )
        world.later(0.0, self._boot)
        for order in world.orders:
            for _ in range(order.command.times):
                world.later(0.001 + order.command.at, partial(self._bring, order))
            self._plan_cancels(order)
            for seconds in order.command.claims_after:
                world.later(0.002 + order.command.at + seconds, partial(self._claim, order))
        for seconds, credits in world.scenario.allowances:
            world.later(seconds, partial(self._allow, credits))
        if world.scenario.full_disk is not None:
            for seconds, is_full in zip(world.scenario.full_disk, (True, False), strict=True):
                world.later(seconds, partial(self._fill_disk, is_full))

    def go_on(self, before: Outcome, crash: Crash, machine: Machine, bugs: Bugs, *, is_looked_at: bool) -> None:
        """Begin where the processes of *before* have just died of *crash*."""
        self._machine, self._bugs = machine, bugs
        world, moments = self._world, before.moments[: crash.touch]
        plan = Plan(crashes=(*before.plan.crashes, crash))
        world.go_on(plan, machine.disk, moments[-1], list(before.touches[: crash.touch]))
        if is_looked_at:
            world.moments += moments
            world.look = self._look
        if crash.end is End.RESTORE:
            world.backups[crash.back_to] = moments[crash.back_to - 1].rows
        world.ends += 1
        self._have_died(crash)

    def play(self) -> Outcome:
        """To the end, or until that should have come."""
        world = self._world
        limit = world.scenario.within.total_seconds()
        crashes = sum(crash.downtime + (crash.frozen if crash.end is End.FREEZE else 0) for crash in world.plan.crashes)
        is_over = world.loop.run(self._is_over, until=limit + crashes)
        self._judge.at_the_end(is_over=is_over)
        for process in self._processes:
            process.life.kill()
        ended = world.loop.time()
        world.loop.run(lambda: True, until=ended)
        # A process that was frozen may stumble over what the other one has cleared away, before it finds itself stale.
        was_frozen = any(crash.end is End.FREEZE for crash in world.plan.crashes)
        for trouble in [*world.loop.troubles, *([] if was_frozen else self._bugs.heard)]:
            world.violated("L0", trouble)
        return Outcome(
            world.scenario,
            world.plan,
            tuple(world.touches),
            self._judge.states(),
            tuple(world.violations),
            ended,
            tuple(world.moments),
        )

    def _look(self) -> Moment:
        """Everything that outlives the processes: two crashes that leave the same go on in the same way."""
        world, machine = self._world, self._machine
        state = world.state(), self._kie.state(), self._channel.state(), machine.listing()
        if world.moments and world.moments[-1].state == state:
            return world.moments[-1]
        return Moment(
            state=state,
            seconds=world.loop.time(),
            written=machine.disk.raw.total_changes,
            rows=machine.disk.backup(),
            is_full=machine.disk.is_full,
            files=machine.files(),
            outside=pickle.dumps(self),
            heard=tuple(self._bugs.heard),
            troubles=tuple(world.loop.troubles),
        )

    def _is_over(self) -> bool:
        world = self._world
        if world.waiting_events or not all(order.accepted or order.is_refused for order in world.orders):
            return False
        return self._judge.is_at_rest()

    def _fill_disk(self, is_full: bool) -> None:
        self._machine.disk.is_full = is_full

    def _allow(self, credits: int) -> None:
        self._machine.disk.raw.execute("UPDATE guilds SET allowance = ?", (credits,))

    # Processes.

    def _boot(self) -> None:
        life = Life(self._world.loop)
        process = self._contender.start(
            self._world, self._kie, self._channel, self._machine.folder, life, self._judge.committed
        )
        self._processes.append(process)
        process.start()
        # The gateway brings again what nobody has answered.
        for order in self._world.orders:
            if not order.accepted and not order.is_refused and self._world.loop.time() >= order.command.at + 0.001:
                process.bring(order)

    def _end(self, life: Life, crash: Crash) -> None:
        process = next(process for process in self._processes if process.life is life)
        world = self._world
        match crash.end:
            case End.KILL | End.RESTORE:
                life.kill()
                self._have_died(crash)
            case End.FREEZE:
                life.freeze()
                world.later(crash.downtime, self._boot)
                world.later(crash.frozen, life.thaw)
            case End.TERM:
                process.stop(lambda: world.later(crash.downtime, self._boot))

    def _have_died(self, crash: Crash) -> None:
        if crash.end is End.RESTORE:
            self._world.bring_back(crash.back_to)
        self._world.later(crash.downtime, self._boot)

    def _living(self) -> list[Bot]:
        return [p for p in self._processes if not p.life.is_dead and not p.life.is_frozen]

    # What comes in from outside, to whoever lives; to nobody if nobody does.

    def _bring(self, order: Order) -> None:
        for process in self._living()[-1:]:
            process.bring(order)

    def _call(self, callback: Callback) -> None:
        for process in self._living()[-1:]:
            process.called(callback)

    def _plan_cancels(self, order: Order) -> None:
        command = order.command
        for seconds, guild in ((command.cancels_after, command.guild), (command.foreigner_cancels_after, 666)):
            if seconds is not None:
                self._world.later(0.002 + command.at + seconds, partial(self._cancel, order, guild))

    def _cancel(self, order: Order, guild: int) -> None:
        for process in self._living()[-1:]:
            process.cancel(order, guild)

    def _claim(self, order: Order) -> None:
        for process in self._living()[-1:]:
            process.claim(order)
