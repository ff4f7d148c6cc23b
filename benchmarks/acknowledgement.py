"""How long members look at nothing, and then at "thinking", when one, a hundred or five hundred ask at once."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from benchmarks.arena import Arena, Order, Setup, arena
from benchmarks.contenders import Contender
from benchmarks.table import Row, percentile
from sandbox.kie_server import Scenario

# A percentile of one sample says nothing, so a lone member asks this often, each time after the last answer.
LONE_TIMES = 30
PAUSE = 0.15  # seconds

ROWS = (
    *(
        Row(f"ack {crowd} {name}", f"acknowledged, {crowd} at once, {name}", "ms")
        for crowd in (1, 100, 500)
        for name in ("p50", "p99")
    ),
    Row("lost", "never acknowledged, 500 at once", ""),
    Row("card 500 p50", "first readable answer, 500 at once, p50", "ms"),
    Row("card 500 p99", "first readable answer, 500 at once, p99", "ms"),
)


async def play(contender: Contender) -> Mapping[str, float]:
    """One round, with tasks that never end, so that nothing else goes on."""
    results: dict[str, float] = {}
    setup = Setup(default=Scenario(is_endless=True))
    async with arena(contender, setup) as here:
        await here.settled()
        results |= _acknowledged(1, await _alone(here))
        results |= _acknowledged(100, (await _together(here, 100))[0])
    async with arena(contender, setup) as here:
        await here.settled()
        orders, shown = await _together(here, 500)
        results |= _acknowledged(500, orders)
        cards = [(at - order.asked_at) * 1000 for order in orders if (at := shown.get(order.number)) is not None]
        results |= {"card 500 p50": percentile(cards, 0.5), "card 500 p99": percentile(cards, 0.99)}
        results["lost"] = float(500 - len(orders))
    return results


async def _together(here: Arena, crowd: int) -> tuple[Sequence[Order], Mapping[int, float]]:
    """The orders that were acknowledged, and when each got an answer that one can read."""
    orders = here.order(crowd, first=LONE_TIMES)
    # Both watch from the beginning: some cards come before the last acknowledgement.
    return await asyncio.gather(here.acknowledged(orders), here.answered(orders))


def _acknowledged(crowd: int, orders: Sequence[Order]) -> Mapping[str, float]:
    waits = [(order.acknowledged_at - order.asked_at) * 1000 for order in orders]
    return {f"ack {crowd} p50": percentile(waits, 0.5), f"ack {crowd} p99": percentile(waits, 0.99)}


async def _alone(here: Arena) -> Sequence[Order]:
    orders: list[Order] = []
    for number in range(LONE_TIMES):
        orders += here.order(1, first=number)
        await here.answered(orders[-1:])
        await asyncio.sleep(PAUSE)
    return orders
