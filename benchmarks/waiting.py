"""How long a finished video waits until it is in the channel, for real, with videos that take some seconds."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from random import Random

from benchmarks.arena import Setup, arena
from benchmarks.contenders import Contender
from benchmarks.films import film
from benchmarks.table import Row, percentile
from sandbox.kie_server import CallbackPlan, Scenario

# Few enough for the provider's limit on create calls, which ours keeps to.
JOBS = 8
MEDIAN = 12.0
SPREAD = 0.4
LOST = CallbackPlan(copies=0)

ROWS = (
    Row("lag p50", f"ready to posted, {JOBS} jobs of about {MEDIAN:g} s, p50", "s"),
    Row("lag p95", f"ready to posted, {JOBS} jobs of about {MEDIAN:g} s, p95", "s"),
    Row("polls", "polls per job there", ""),
    Row("called p50", "ready to posted, with callbacks, p50", "s"),
    Row("called p95", "ready to posted, with callbacks, p95", "s"),
)


async def play(contender: Contender, seed: int) -> Mapping[str, float]:
    """One round. Callbacks are lost, as for a host without a public address; ours is played once more with them."""
    if contender is Contender.BASELINE:
        return await _wait(contender, seed, CallbackPlan())
    lost, called = await asyncio.gather(_wait(contender, seed, LOST), _wait(contender, seed, CallbackPlan()))
    return {**lost, "called p50": called["lag p50"], "called p95": called["lag p95"]}


async def _wait(contender: Contender, seed: int, callback: CallbackPlan) -> Mapping[str, float]:
    random = Random(seed)
    seconds = [MEDIAN * random.lognormvariate(0, SPREAD) for _ in range(JOBS)]
    with film() as movie:
        scenarios = [Scenario(seconds=each, movie=movie, callback=callback) for each in seconds]
        async with arena(contender, Setup(queued=scenarios, typical_seconds=round(MEDIAN))) as here:
            await here.settled()
            posts = await here.posted(await here.acknowledged(here.order(JOBS)))
            tasks = here.tasks()
    lags = [message.made_at.timestamp() - tasks[number].ends_at for number, message in posts.items()]
    return {
        "lag p50": percentile(lags, 0.5),
        "lag p95": percentile(lags, 0.95),
        "polls": sum(task.polls for task in tasks.values()) / len(tasks),
    }
