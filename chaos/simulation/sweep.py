"""Exhaustive runs: a process ends at each touch of a scenario in turn, and at each touch of what follows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from random import Random

from chaos.simulation.run import OURS, Contender, Outcome, Simulator
from chaos.simulation.scenarios import Scenario
from chaos.simulation.world import FROZEN, Crash, End, Plan

# A restart at once, and one after the nonce of a message has been forgotten.
SOON, LATER = 1.0, 600.0


def each_touch(
    simulator: Simulator,
    scenario: Scenario,
    *,
    downtime: float = SOON,
    end: End = End.KILL,
    frozen: float = FROZEN,
    step: int = 1,
    last: int | None = None,
    contender: Contender = OURS,
) -> Iterator[Outcome]:
    """The scenario undisturbed, then once for each of its touches with a process that ends there.

    Or for every so many (*step*), or only for so many before the end (*last*), where another scenario has the same
    beginning.
    Where a touch leaves exactly what the one before it has left, a kill there is the same crash and is not run again.
    """
    undisturbed = simulator.run(scenario, contender=contender, is_looked_at=end is End.KILL)
    yield undisturbed
    first = 1 if last is None else max(1, len(undisturbed.touches) + 1 - last)
    for touch in different_crashes(undisturbed, first, step):
        crash = Crash(touch=touch, end=end, downtime=downtime, frozen=frozen)
        if end is End.KILL:
            yield simulator.go_on(undisturbed, crash)
        else:
            yield simulator.run(scenario, Plan(crashes=(crash,)), contender)


def each_pair_of_touches(simulator: Simulator, scenario: Scenario, *, downtime: float = SOON) -> Iterator[Outcome]:
    """Two crashes: at each touch, and at each touch of the life after it."""
    undisturbed = simulator.run(scenario, is_looked_at=True)
    for touch in different_crashes(undisturbed, 1):
        crash = Crash(touch=touch, downtime=downtime)
        first = simulator.go_on(undisturbed, crash, is_looked_at=True)
        yield first
        for later in different_crashes(first, touch + 1):
            yield simulator.go_on(first, Crash(touch=later, downtime=downtime))


def each_backup(simulator: Simulator, scenario: Scenario, *, downtime: float = SOON) -> Iterator[Outcome]:
    """A backup of each state that the database has, put back at each touch after it."""
    undisturbed = simulator.run(scenario, is_looked_at=True)
    yield undisturbed
    touches = different_crashes(undisturbed)
    for back_to in _different([moment.written for moment in undisturbed.moments], touches):
        for touch in touches:
            if touch > back_to:
                crash = Crash(touch=touch, end=End.RESTORE, back_to=back_to, downtime=downtime)
                yield simulator.go_on(undisturbed, crash)


def different_crashes(outcome: Outcome, first: int = 1, step: int = 1) -> list[int]:
    """The touches from *first* on at which a crash leaves something else than at the one before."""
    touches = range(first, len(outcome.touches) + 1, step)
    if not outcome.moments:
        return list(touches)
    return _different([moment.state for moment in outcome.moments], touches)


def _different(seen: Sequence[object], touches: Sequence[int]) -> list[int]:
    """Those of *touches* that have left something else than the one before them."""
    left = [seen[touch - 1] for touch in touches]
    return [touch for number, touch in enumerate(touches) if number == 0 or left[number] != left[number - 1]]


def random_plan(seed: int, touches: int, *, has_backups: bool = False) -> Plan:
    """Up to four ends of processes anywhere in a run of about so many touches, and an order of its own."""
    random = Random(seed)
    ends = random.choices((0, 1, 2, 3, 4), weights=(1, 4, 4, 2, 1))[0]
    numbers = sorted(random.sample(range(1, 2 * touches), min(ends, touches)))
    crashes = tuple(
        Crash(
            touch=number,
            end=random.choices((End.KILL, End.TERM, End.RESTORE), weights=(4, 1, 4 if has_backups else 0))[0],
            downtime=random.choice((0.1, SOON, 30.0, LATER)),
            back_to=random.randint(1, number),
        )
        for number in numbers
    )
    return Plan(crashes=crashes, seed=seed)


def replay(outcome: Outcome) -> str:
    """What happened, so that somebody can find it again."""
    crashes = [
        f"{crash.end} at touch {crash.touch} ({_name(outcome, crash.touch)}), back after {crash.downtime:g} s"
        for crash in outcome.plan.crashes
    ]
    seed = "" if outcome.plan.seed is None else f"\npython -m chaos simulation --seed {outcome.plan.seed}"
    return f"{outcome.scenario.name}: {'; '.join(crashes) or 'undisturbed'}; jobs {list(outcome.states)}{seed}"


def _name(outcome: Outcome, touch: int) -> str:
    return outcome.touches[touch - 1] if touch <= len(outcome.touches) else "never reached"
