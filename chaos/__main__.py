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

from chaos import backups, fuzz, kills, money, naive, soak
from chaos.parsers import TARGETS

BACKUPS = 100

LAYERS: Mapping[str, Callable[[Sequence[str]], int]] = {
    "simulation": soak.main,
    "kills": kills.main,
    "backups": backups.main,
    "money": money.main,
    "naive": naive.main,
    "fuzz": fuzz.main,
}


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table. *wanted* is the amount without which the layer has proved nothing."""

    layer: str
    amount: int
    wanted: int
    unit: str
    violations: Sequence[str]
    broken: int | None = None  # runs of another bot that broke a promise: nothing of ours is wrong then

    @property
    def is_good(self) -> bool:
        return self.broken is not None or (not self.violations and self.amount >= self.wanted)

    @property
    def shown(self) -> str:
        return str(len(self.violations) if self.broken is None else self.broken)


def rows(seed: int, share: float, folder: Path) -> Iterator[Row]:
    """Every layer in turn, with *share* of a release's amounts; each says what it has seen when it has ended."""

    def part(amount: int) -> int:
        return max(1, round(amount * share))

    simulated = soak.run(part(soak.RUNS), seed)
    print(simulated.line(), flush=True)
    yield Row("simulated crashes", simulated.runs, part(soak.RUNS), "runs", simulated.violations)
    compared = naive.run(naive.NAIVE)
    print(f"a naive bot in such worlds: {compared.line()}", flush=True)
    yield Row("the same for a naive bot", compared.runs.total(), 1, "runs", (), broken=compared.broken.total())
    for name in ("kills", "backups", "money"):
        (folder / name).mkdir()
    killed = asyncio.run(kills.run(part(kills.KILLS), folder / "kills", seed))
    print(killed.line(), flush=True)
    yield Row("kill -9 of the process", killed.kills, part(kills.KILLS), "kills", killed.violations)
    backed_up = asyncio.run(backups.run(part(BACKUPS), folder / "backups", seed))
    print(backed_up.line(), flush=True)
    yield Row("backups under load", backed_up.backups, part(BACKUPS), "backups", backed_up.violations)
    seeds = range(seed, seed + part(money.SEEDS))
    server = os.environ.get("TEST_POSTGRES_URL", "")
    for tally in asyncio.run(money.run_all(seeds, folder / "money", server)):
        print(tally.line(), flush=True)
        yield Row(f"last credits, {tally.backend}", tally.runs, len(seeds), "runs", tally.violations)
    inputs, findings = 0, []
    for fuzzed in fuzz.run(TARGETS, fuzz.SECONDS * share, seed, fuzz.CASES):
        inputs += fuzzed.tried
        findings += [f"{fuzzed.name}: {finding}" for finding in fuzzed.findings]
    yield Row("damaged inputs of parsers", inputs, len(TARGETS), "inputs", findings)


def table(found: Sequence[Row]) -> str:
    """As Markdown, so that it can be put into the documentation as it is."""
    lines = [("layer", "runs or kills", "violations")]
    lines += [(row.layer, f"{row.amount:,} {row.unit}", row.shown) for row in found]
    first, second, third = (max(len(line[number]) for line in lines) for number in range(3))
    shown = [f"| {layer:<{first}} | {amount:>{second}} | {wrong:>{third}} |" for layer, amount, wrong in lines]
    shown.insert(1, f"| {'-' * first} | {'-' * (second - 1)}: | {'-' * (third - 1)}: |")
    return "\n".join(shown)


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
    if not os.environ.get("TEST_POSTGRES_URL"):
        print("TEST_POSTGRES_URL is not set: the last credits are spent on SQLite only")
    found: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="cutscene-chaos-") as folder, suppress(KeyboardInterrupt):
        for row in rows(options.seed, options.share, Path(folder)):
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
