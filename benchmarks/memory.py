"""How much memory a bot needs when many large videos become ready at the same moment."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from benchmarks.arena import Setup, arena
from benchmarks.contenders import Contender, is_measurable
from benchmarks.films import film
from benchmarks.table import Row
from sandbox.discord_server.world import MEBIBYTE
from sandbox.kie_server import Scenario

JOBS = 200
SIZE = 8 * MEBIBYTE
RENDERING = 3600.0  # seconds by the provider's clock, which is then put forward by as much

# What the baseline and the posted files take, with some room.
NEEDED_MEMORY = 5 * 1024 * MEBIBYTE
NEEDED_DISK = 3 * 1024 * MEBIBYTE

ROWS = (
    Row("peak", f"memory above idle, {JOBS} videos of 8 MB ready together", "MiB"),
    Row("per job", "the same for each job", "MiB/job"),
    Row("idle", "memory when idle", "MiB"),
)


async def play(contender: Contender) -> Mapping[str, float]:
    """One round; nothing where the system does not tell, or has too little room for the baseline."""
    if why_not() is not None:
        return {}
    forward = 0.0

    def clock() -> float:
        return time.time() + forward

    with film(SIZE) as movie:
        async with arena(contender, Setup(default=Scenario(seconds=RENDERING, movie=movie), clock=clock)) as here:
            await here.settled()
            idle = here.bot.resident
            here.bot.forget_peak()
            orders = await here.acknowledged(here.order(JOBS))
            await here.created(len(orders))
            forward = RENDERING
            await here.posted(orders)
            above = (here.bot.peak - idle) / MEBIBYTE
    return {"peak": above, "per job": above / len(orders), "idle": idle / MEBIBYTE}


def why_not() -> str | None:
    """Why this machine cannot measure it, if so."""
    if not is_measurable():
        return "memory is measured through /proc, which this system does not have"
    lines = Path("/proc/meminfo").read_text().splitlines()
    free = next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:"))
    if free < NEEDED_MEMORY:
        return f"the baseline needs up to {NEEDED_MEMORY // 2**30} GiB of memory; {free / 2**30:.1f} are free"
    disk = shutil.disk_usage(tempfile.gettempdir()).free
    if disk < NEEDED_DISK:
        return f"the posted videos need {NEEDED_DISK // 2**30} GiB of disk; {disk / 2**30:.1f} are free"
    return None
