"""`python -m benchmarks`: every measure, ours and the baseline in turn, and one table."""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks import (
    acknowledgement,
    callbacks,
    charges,
    growth,
    memory,
    schedules,
    seasons,
    suggesting,
    throughput,
    waiting,
    writes,
)
from benchmarks.contenders import Contender
from benchmarks.table import Row, line, rendered
from sandbox.bot_process import BotDiedError

Results = Mapping[str, float]
ROUNDS = 5
SEED = 20261120
MARKS = ("<!-- result -->", "<!-- end of result -->")


@dataclass(frozen=True, slots=True)
class Measure:
    """What `--only` names: rows, and one round of them for one bot."""

    rows: Sequence[Row]
    play: Callable[[Contender, int], Awaitable[Results]]
    ours: Contender = Contender.OURS
    turns: int = 1  # in each round; more where single numbers vary more than what they are to show
    at_once: bool = False  # both bots may run at the same time: they mostly wait


async def _simulate(contender: Contender, seed: int) -> Results:
    return await asyncio.to_thread(schedules.play, is_ours=contender is not Contender.BASELINE, seed=seed)


MEASURES = {
    "ack": Measure(acknowledgement.ROWS, lambda contender, _: acknowledgement.play(contender)),
    "lag": Measure(waiting.ROWS, waiting.play, at_once=True),
    "polls": Measure(schedules.ROWS, _simulate),
    "memory": Measure(memory.ROWS, lambda contender, _: memory.play(contender), Contender.OURS_OPENED),
    "throughput": Measure(throughput.ROWS, lambda contender, _: throughput.play(contender), Contender.OURS_OPENED),
    "charges": Measure(charges.ROWS, lambda contender, _: charges.play(contender)),
    "callbacks": Measure(callbacks.ROWS, lambda contender, _: callbacks.play(contender)),
    "suggesting": Measure(suggesting.ROWS, suggesting.play, Contender.OURS_READING),
    "seasons": Measure(seasons.ROWS, lambda contender, _: seasons.play(contender)),
    "writes": Measure(writes.ROWS, lambda contender, _: writes.play(contender)),
    "growth": Measure(growth.ROWS, lambda contender, _: growth.play(contender), turns=5),
}


async def run(names: Sequence[str], rounds: int) -> str:
    """Play the named measures and return the table."""
    lines = []
    for name in names:
        measure = MEASURES[name]
        results: dict[Contender, list[Results]] = {measure.ours: [], Contender.BASELINE: []}
        for number in range(rounds * measure.turns):
            began = time.monotonic()
            # Taking turns in going first: a machine that slows down or warms up does so for both.
            order = list(results) if number % 2 == 0 else list(reversed(results))
            seed = SEED + number
            if measure.at_once:
                found = await asyncio.gather(*(measure.play(contender, seed) for contender in order))
            else:
                found = [await measure.play(contender, seed) for contender in order]
            for contender, result in zip(order, found, strict=True):
                results[contender].append(result)
            print(
                f"{name}: round {number + 1} of {rounds * measure.turns}, {time.monotonic() - began:.0f} s",
                file=sys.stderr,
            )
        lines += [line(row, results[measure.ours], results[Contender.BASELINE]) for row in measure.rows]
    return rendered(lines)


def is_marked(page: Path) -> bool:
    before, _, after = page.read_text(encoding="utf-8").partition(MARKS[0]) if page.is_file() else ("", "", "")
    return bool(before) and MARKS[1] in after


def put_into(page: Path, result: str) -> None:
    """Replace what stands between the marks of *page*."""
    before, _, rest = page.read_text(encoding="utf-8").partition(MARKS[0])
    after = rest.partition(MARKS[1])[2]
    page.write_text(f"{before}{MARKS[0]}\n\n{result}\n\n{MARKS[1]}{after}", encoding="utf-8")


def machine() -> str:
    return f"{os.cpu_count()} cores, Python {platform.python_version()}, {platform.system()} {platform.machine()}"


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Our bot beside a naive one.")
    parser.add_argument("--only", nargs="+", choices=MEASURES, metavar="MEASURE", help=", ".join(MEASURES))
    parser.add_argument("--repeat", type=int, default=ROUNDS, help="rounds of which the median is shown")
    parser.add_argument("--write", type=Path, metavar="PAGE", help="put the result into this page, between its marks")
    options = parser.parse_args(arguments)
    if options.repeat < 1:
        parser.error("--repeat must be at least 1")
    if options.write is not None and not is_marked(options.write):
        parser.error(f"{options.write} has no line {MARKS[0]} followed by a line {MARKS[1]}")
    names = options.only or list(MEASURES)
    missing = memory.why_not() if "memory" in names else None
    began = time.monotonic()
    try:
        table = asyncio.run(run(names, options.repeat))
    except (TimeoutError, BotDiedError) as error:
        print(f"A bot did not do its work: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    minutes = (time.monotonic() - began) / 60
    result = f"{machine()}; medians of {options.repeat}; {minutes:.0f} minutes.\n\n{table}"
    if missing:
        result += f"\n\nMemory was not measured: {missing}."
    print(result)
    if options.write is not None:
        put_into(options.write, result)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
