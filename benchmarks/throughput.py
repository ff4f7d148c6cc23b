"""How many jobs a second go from the command to the posted video when the provider takes no time at all."""

from __future__ import annotations

from collections.abc import Mapping

from benchmarks.arena import Setup, arena
from benchmarks.contenders import Contender, is_measurable
from benchmarks.films import film
from benchmarks.table import Better, Row
from sandbox.kie_server import Scenario

JOBS = 100

ROWS = (
    Row("jobs per second", f"end to end, {JOBS} at once, instant provider", "jobs/s", Better.HIGH),
    Row("processor", "the bot's processor time for that", "ms/job"),
)


async def play(contender: Contender) -> Mapping[str, float]:
    """One round with a small video and without the provider's limits."""
    with film() as movie:
        async with arena(contender, Setup(default=Scenario(seconds=0, movie=movie))) as here:
            await here.settled()
            before = here.bot.processor_seconds if is_measurable() else 0.0
            orders = here.order(JOBS)
            posts = await here.posted(await here.acknowledged(orders))
            took = max(message.made_at.timestamp() for message in posts.values()) - orders[0].asked_at
            results = {"jobs per second": len(posts) / took}
            if is_measurable():
                results["processor"] = (here.bot.processor_seconds - before) * 1000 / len(posts)
    return results
