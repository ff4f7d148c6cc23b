"""Everything that breaks the product on purpose, one layer or all with one table at the end: `python -m chaos`."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from chaos import backups, fuzz, kills, money, soak
from chaos.naive import command as naive
from chaos.naive.kills import KILLS as NAIVE_KILLS
from chaos.parsers import TARGETS
from chaos.progress import Progress
from chaos.table import Row, table

LAYERS: Mapping[str, Callable[[Sequence[str]], int]] = {
    "simulation": soak.main,
    "kills": kills.main,
    "backups": backups.main,
    "money": money.main,
    "naive": naive.main,
    "fuzz": fuzz.main,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How much of everything, and where."""

    seed: int
    share: float  # of a release's amounts
    folder: Path
    server: str  # an address of PostgreSQL, or nothing

    def part(self, amount: int) -> int:
        return max(1, round(amount * self.share))

    def place(self, name: str) -> Path:
        place = self.folder / name
        place.mkdir()
        return place


def simulated(plan: Plan) -> Iterator[Row]:
    wanted = plan.part(soak.RUNS)
    tally = soak.run(wanted, plan.seed, Progress("simulated crashes", wanted))
    print(tally.line(), flush=True)
    yield Row("simulated crashes", tally.runs, wanted, "runs", tally.violations, naive.in_worlds())


def killed(plan: Plan) -> Iterator[Row]:
    wanted = plan.part(kills.KILLS)
    tally = asyncio.run(kills.run(wanted, plan.place("kills"), plan.seed, Progress("kills", wanted)))
    print(tally.line(), flush=True)
    beside = naive.killed(plan.part(NAIVE_KILLS), plan.place("naive kills"), plan.seed)
    yield Row("kill -9 of the process", tally.kills, wanted, "kills", tally.violations, beside)


def backed_up(plan: Plan) -> Iterator[Row]:
    wanted = plan.part(backups.BACKUPS)
    tally = asyncio.run(backups.run(wanted, plan.place("backups"), plan.seed, Progress("backups", wanted)))
    print(tally.line(), flush=True)
    beside = naive.copied(wanted, plan.place("copies"), plan.seed)
    yield Row("backups under load", tally.backups, wanted, "backups", tally.violations, beside)


def spent(plan: Plan) -> Iterator[Row]:
    seeds = range(plan.seed, plan.seed + plan.part(money.SEEDS))
    progress = Progress("last credits", len(seeds) * (2 if plan.server else 1))
    tallies = asyncio.run(money.run_all(seeds, plan.place("money"), plan.server, report=progress))
    print(*(tally.line() for tally in tallies), sep="\n", flush=True)
    beside = naive.spent(seeds, plan.place("naive money"), plan.server)
    for tally in tallies:
        layer = f"last credits, {tally.backend}"
        yield Row(layer, tally.runs, len(seeds), "runs", tally.violations, [beside[tally.backend]])


def fuzzed(plan: Plan) -> Iterator[Row]:
    inputs, findings = 0, []
    for tally in fuzz.run(TARGETS, fuzz.SECONDS * plan.share, plan.seed, fuzz.CASES):
        print(f"damaged inputs of {tally.name}: {tally.tried:,}, findings: {len(tally.findings)}", flush=True)
        inputs += tally.tried
        findings += [f"{tally.name}: {finding}" for finding in tally.findings]
    yield Row("damaged inputs of parsers", inputs, len(TARGETS), "inputs", findings)


PARTS: Sequence[Callable[[Plan], Iterator[Row]]] = (simulated, killed, backed_up, spent, fuzzed)


def everything(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m chaos",
        description=__doc__,
        epilog=f"One layer: python -m chaos {{{','.join(LAYERS)}}} [--seed N] [--count N]",
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--share", type=float, default=1.0, help="of a release's amounts; 0.01 for a look")
    options = parser.parse_args(arguments)
    # The local servers complain about clients that hang up, which is what happens here all the time.
    logging.disable(logging.CRITICAL)
    server = os.environ.get("TEST_POSTGRES_URL", "")
    if not server:
        print("TEST_POSTGRES_URL is not set: the last credits are spent on SQLite only")
    found: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="cutscene-chaos-") as folder, suppress(KeyboardInterrupt):
        plan = Plan(seed=options.seed, share=options.share, folder=Path(folder), server=server)
        for part in PARTS:
            for row in part(plan):
                for violation in row.violations:
                    print(f"  {violation}")
                found.append(row)
        print(f"\n{table(found)}")
        return 0 if all(row.is_good for row in found) else 1
    return 130


def main(arguments: Sequence[str]) -> int:
    if arguments and arguments[0] in LAYERS:
        return LAYERS[arguments[0]](arguments[1:])
    return everything(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
