"""Random crashes in simulated worlds, as many as one has time for: `python -m chaos simulation`."""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
import time
import warnings
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import chain
from random import Random

with warnings.catch_warnings():
    # On Python 3.11 and 3.12 discord.py imports audioop, which 3.13 has dropped.
    warnings.simplefilter("ignore", DeprecationWarning)
    from chaos.progress import Progress, Report, unheard
    from chaos.simulation import scenarios
    from chaos.simulation.run import simulator
    from chaos.simulation.sweep import random_plan, replay

RUNS = 100_000
# Few enough that the work is shared out evenly.
A_SHARE = 200
# About what one job takes from the command to the post.
TOUCHES = 40


@dataclass(slots=True)
class Tally:
    """What came of it."""

    runs: int = 0
    crashes: int = 0
    seconds: float = 0.0
    violations: list[str] = field(default_factory=list)

    def line(self) -> str:
        rate = self.runs / self.seconds if self.seconds else 0.0
        return (
            f"simulated worlds: {self.runs} runs ({rate:.0f} per second) with {self.crashes} crashes, "
            f"violations: {len(self.violations)}"
        )


def run(count: int, seed: int = 1, report: Report = unheard) -> Tally:
    """The seeds from *seed* on, *count* of them, on all processors."""
    began = time.monotonic()
    shares = [range(first, min(first + A_SHARE, seed + count)) for first in range(seed, seed + count, A_SHARE)]
    tally = Tally()
    with ProcessPoolExecutor(os.cpu_count(), mp_context=multiprocessing.get_context("spawn")) as pool:
        for part in pool.map(play, shares):
            tally.runs += part.runs
            tally.crashes += part.crashes
            tally.violations += part.violations
            report(tally.runs, len(tally.violations))
    tally.seconds = time.monotonic() - began
    return tally


def play(seeds: range) -> Tally:
    """One scenario and one plan of crashes for each seed; the same seed gives the same run."""
    worlds = list(
        chain(
            scenarios.single_jobs(),
            scenarios.deliveries(),
            scenarios.members(),
            scenarios.claims(),
            scenarios.late_results(),
            scenarios.late_charges(),
            scenarios.lost_creates(),
            scenarios.double_jobs(),
            scenarios.restored(),
        )
    )
    tally = Tally()
    with simulator() as simulated:
        for seed in seeds:
            scenario = Random(seed).choice(worlds)
            plan = random_plan(seed, TOUCHES * len(scenario.commands), has_backups=scenario.has_backups)
            outcome = simulated.run(scenario, plan)
            tally.runs += 1
            tally.crashes += len(outcome.plan.crashes)
            tally.violations += [
                f"{violation.invariant}: {violation.detail}\n    {replay(outcome)}" for violation in outcome.violations
            ]
    return tally


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m chaos simulation", description=__doc__)
    parser.add_argument("--count", type=int, help=f"how many runs; {RUNS}, or 1 where a seed is given")
    parser.add_argument("--seed", type=int)
    options = parser.parse_args(arguments)
    count = options.count or (RUNS if options.seed is None else 1)
    with suppress(KeyboardInterrupt):
        tally = run(count, 1 if options.seed is None else options.seed, Progress("simulated crashes", count))
        print(*tally.violations, tally.line(), sep="\n")
        return 1 if tally.violations else 0
    return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
