"""The naive versions alone, one layer or all of them: `python -m chaos naive`."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from chaos import backups, money
from chaos.naive import copies, kills, simulated
from chaos.naive import money as naive_money
from chaos.progress import Progress
from chaos.table import Naive

LAYERS = ("simulation", "kills", "backups", "money")
VERSIONS: Mapping[kills.Kind, str] = {
    kills.Kind.AS_IT_STANDS: "all in memory",
    kills.Kind.RESUMING: "jobs in a table, resumed",
}
MANNERS: Mapping[copies.Manner, str] = {
    copies.Manner.FILE: "the file copied",
    copies.Manner.WITH_LOG: "the file and its -wal copied",
}


def in_worlds() -> list[Naive]:
    """The simulated bot, in every world and with a crash at every touch: there is nothing to choose."""
    tally = simulated.run(simulated.NAIVE)
    print(f"a naive bot in such worlds: {tally.line()}", flush=True)
    return [
        Naive(which="jobs in a table, resumed", amount=tally.runs.total(), unit="runs", broken=tally.broken.total())
    ]


def killed(count: int, folder: Path, seed: int) -> list[Naive]:
    found = asyncio.run(kills.run_all(count, folder, seed, Progress("kills of naive bots", len(kills.Kind) * count)))
    print(*(tally.line() for tally in found), sep="\n", flush=True)
    return [
        Naive(
            which=VERSIONS[tally.kind],
            amount=tally.kills,
            unit="kills",
            broken=tally.broken,
            of=f"of {tally.commands:,} commands",
        )
        for tally in found
    ]


def copied(count: int, folder: Path, seed: int) -> list[Naive]:
    found = asyncio.run(copies.run(count, folder, seed, Progress("plain copies", len(copies.Manner) * count)))
    print(*(tally.line() for tally in found), sep="\n", flush=True)
    return [
        Naive(which=MANNERS[tally.manner], amount=tally.copies, unit="copies", broken=tally.broken) for tally in found
    ]


def spent(seeds: Sequence[int], folder: Path, server: str) -> Mapping[str, Naive]:
    """By the database's name."""
    wanted = len(seeds) * (2 if server else 1)
    found = asyncio.run(naive_money.run_all(seeds, folder, server, report=Progress("naive balances", wanted)))
    print(*(tally.line() for tally in found), sep="\n", flush=True)
    return {
        tally.backend: Naive(which="read, then written", amount=tally.runs, unit="runs", broken=tally.broken)
        for tally in found
    }


def main(arguments: Sequence[str] = ()) -> int:
    parser = argparse.ArgumentParser(prog="python -m chaos naive", description=__doc__)
    parser.add_argument("layer", nargs="?", choices=LAYERS, help="only this one")
    parser.add_argument("--count", type=int, help="kills, copies or seeds")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    # The local servers complain about clients that hang up, which is what happens here all the time.
    logging.disable(logging.CRITICAL)
    with tempfile.TemporaryDirectory(prefix="cutscene-naive-") as temporary, suppress(KeyboardInterrupt):
        codes = []
        for layer in [options.layer] if options.layer else LAYERS:
            folder = Path(temporary, layer)
            folder.mkdir()
            codes.append(_play(layer, options.count, options.seed, folder))
        return max(codes)
    return 130


def _play(layer: str, count: int | None, seed: int, folder: Path) -> int:
    """Whatever becomes of a naive version, nothing has failed; only the simulation has ours beside it."""
    match layer:
        case "simulation":
            return simulated.main()
        case "kills":
            killed(count or kills.KILLS, folder, seed)
        case "backups":
            copied(count or backups.BACKUPS, folder, seed)
        case _:
            server = os.environ.get("TEST_POSTGRES_URL", "")
            spent(range(seed, seed + (count or money.SEEDS)), folder, server)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
