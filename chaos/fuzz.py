"""Feeds whatever strangers can send to the parsers that read it: `python -m chaos fuzz --seconds 60`.

Every input is bytes made from good ones by small damages, from a seed, so that each can be had again. A parser may
refuse in the words that its callers expect; any other exception is a finding, is written to a file, and every file is
tried again by the tests.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import logging
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from chaos.parsers import TARGETS, Check, FindingError, Target

CASES = Path(__file__).parents[1] / "tests" / "hostile" / "cases"
SECONDS = 60.0  # for all targets together
PATIENCE = 10.0  # seconds for one input; who takes longer hangs
LONGEST = 20_000  # bytes; larger inputs are refused by their size, which is tested elsewhere
# What parsers trip over: numbers at the edges, half of a pair, words that mean something.
TOKENS = (
    *(b"0", b"-1", b"1e999", b"9223372036854775808", b"9" * 400, b"NaN", b"Infinity", b"null", b"true", b"[]", b"{}"),
    *(b'"', b"'", b"\\", b"\\ud800", b"\\u0000", b"\0", b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xef\xbb\xbf", b"\r\n"),
    *(
        b"=",
        b"[[",
        b"]]",
        b"#",
        b"$(id)",
        b"${A}",
        b"../",
        b"'; DROP TABLE jobs; --",
        b"%s",
        b"{0}",
        b"\n\n",
        b"[" * 3000,
    ),
)


@dataclass(slots=True)
class Tally:
    """What came of one target."""

    name: str
    tried: int = 0
    findings: list[str] = field(default_factory=list)


def damaged(seeds: Sequence[bytes], random: Random) -> bytes:
    """One of *seeds* after a few small damages."""
    content = bytearray(random.choice(seeds))
    for _ in range(random.choice((1, 1, 2, 3, 5, 8))):
        at = random.randrange(len(content) + 1)
        upto = min(len(content), at + random.choice((1, 1, 2, 4, 16, 64)))
        match random.randrange(6):
            case 0:
                content[at:upto] = bytes(byte ^ 1 << random.randrange(8) for byte in content[at:upto])
            case 1:
                del content[at:upto]
            case 2:
                content[at:at] = content[at:upto] * random.choice((1, 2, 30))
            case 3:
                content[at:upto] = random.choice(TOKENS)
            case 4:
                content[at:upto] = random.randbytes(upto - at)
            case _:
                other = random.choice(seeds)
                content[at:] = other[random.randrange(len(other) + 1) :]
    return bytes(content[:LONGEST])


async def fuzz(
    target: Target, random: Random, *, seconds: float = 0, inputs: int = 0, cases: Path | None = None
) -> Tally:
    """Try *inputs* inputs, or as many as fit into *seconds*; findings are written to the folder *cases*."""
    tally, until = Tally(target.name), time.monotonic() + seconds
    with tempfile.TemporaryDirectory() as folder:
        async with target.opened(Path(folder)) as check:
            while tally.tried < inputs or time.monotonic() < until:
                content = damaged(target.seeds, random)
                tally.tried += 1
                problem = await tried(check, content)
                if problem is not None and problem not in tally.findings:
                    tally.findings.append(problem)
                    if cases is not None:
                        await asyncio.to_thread(keep, cases, target, content)
    return tally


def keep(cases: Path, target: Target, content: bytes) -> None:
    """Write an input down under the target's name, for the tests to try it again."""
    cases.mkdir(parents=True, exist_ok=True)
    (cases / f"{target.name}.{hashlib.sha256(content).hexdigest()[:12]}").write_bytes(content)


async def tried(check: Check, content: bytes) -> str | None:
    """What is wrong with how *content* is taken, without its details, so that it is told once; None when nothing is."""
    try:
        async with asyncio.timeout(PATIENCE):
            await check(content)
    except Exception as err:  # noqa: BLE001 - Any exception that a check lets through is what is looked for.
        frame = traceback.extract_tb(err.__traceback__)[-1]
        said = f": {err}" if isinstance(err, FindingError) else ""
        return f"{type(err).__name__} in {Path(frame.filename).name}, line {frame.lineno}{said}"
    return None


def run(targets: Sequence[Target], seconds: float, seed: int, cases: Path) -> Iterator[Tally]:
    """Each target in turn for its share of *seconds*."""
    # Every refusal is a line, and here nearly all is refused.
    logging.getLogger("bot").setLevel(logging.ERROR)
    for target in targets:
        share = seconds / len(targets)
        yield asyncio.run(fuzz(target, Random(f"{seed} {target.name}"), seconds=share, cases=cases))


def main(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m chaos fuzz", description="Feed the parsers with damaged inputs.")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="for all targets together")
    parser.add_argument("--seed", type=int, default=None, help="to have the same inputs again")
    parser.add_argument("--target", choices=[target.name for target in TARGETS], help="only this one")
    parser.add_argument("--cases", type=Path, default=CASES, help="where findings are written")
    options = parser.parse_args(argv)
    seed = int(time.time()) if options.seed is None else options.seed
    targets = [target for target in TARGETS if options.target in (None, target.name)]
    print(f"seed {seed}")
    print(f"{'target':<14}{'inputs':>10}{'findings':>10}")
    has_found = False
    for tally in run(targets, options.seconds, seed, options.cases):
        print(f"{tally.name:<14}{tally.tried:>10}{len(tally.findings):>10}")
        for finding in tally.findings:
            print(f"    {finding}")
        has_found = has_found or bool(tally.findings)
    return int(has_found)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
