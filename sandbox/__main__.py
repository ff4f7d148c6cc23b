"""The command line: `python -m sandbox [--out DIR] [--crash]`."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

from sandbox.tour import Tour


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m sandbox",
        description="Plays Cutscene on this machine: a local Discord, a local Kie.ai, and the real bot between them.",
    )
    parser.add_argument("--once", action="store_true", help="play one text job and one image job (the default)")
    parser.add_argument("--out", type=Path, default=Path("demo-output"), metavar="DIR", help="where the videos go")
    parser.add_argument("--crash", action="store_true", help="kill -9 the bot while the first video is being made")
    options = parser.parse_args(arguments)
    try:
        options.out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        parser.error(f"--out: cannot make the folder {options.out} ({error.strerror})")
    went_well = asyncio.run(Tour(out=options.out, crash=options.crash, write=_show).play())
    if went_well:
        _show("")
        _show(f"The videos, the transcript and the bot's log are in {options.out}/")
        _show("Next: `make test`, or README.md for the set-up with a real Discord server.")
    return 0 if went_well else 1


def _show(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
