"""Exhaustive runs: a process ends at each touch of a scenario in turn, and at each touch of what follows."""

from __future__ import annotations

from collections.abc import Iterator
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
    contender: Contender = OURS,
) -> Iterator[Outcome]:
    """The scenario undisturbed, then once for each of its touches (or every so many) with a process that ends there."""
    undisturbed = simulator.run(scenario, contender=contender)
    yield undisturbed
    for touch in range(1, len(undisturbed.touches) + 1, step):
        plan = Plan(crashes=(Crash(touch=touch, end=end, downtime=downtime, frozen=frozen),))
        yield simulator.run(scenario, plan, contender)


def each_pair_of_touches(simulator: Simulator, scenario: Scenario, *, downtime: float = SOON) -> Iterator[Outcome]:
    """Two crashes: at each touch, and at each touch of the life after it."""
    for first in each_touch(simulator, scenario, downtime=downtime):
        for crash in first.plan.crashes:
            for touch in range(crash.touch + 1, len(first.touches) + 1):
                second = Crash(touch=touch, downtime=downtime)
                yield simulator.run(scenario, Plan(crashes=(crash, second)))


def random_plan(seed: int, touches: int) -> Plan:
    """Up to four ends of processes anywhere in a run of about so many touches, and an order of its own."""
    random = Random(seed)
    ends = random.choices((0, 1, 2, 3, 4), weights=(1, 4, 4, 2, 1))[0]
    numbers = sorted(random.sample(range(1, 2 * touches), min(ends, touches)))
    crashes = tuple(
        Crash(
            touch=number,
            end=random.choices((End.KILL, End.TERM), weights=(4, 1))[0],
            downtime=random.choice((0.1, SOON, 30.0, LATER)),
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
