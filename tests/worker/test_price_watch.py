"""The host is told of prices that have moved, once for each change, and nothing else depends on the list."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from bot.catalogue.loader import load
from bot.domain.prices import ListedPrice
from bot.errors import ProviderUnavailableError
from bot.providers.kie_prices import KiePrices
from bot.providers.transport import Transport
from bot.services.availability import Availability
from bot.services.queue import Queue
from bot.services.troubles import Troubles
from bot.store.database import Database
from bot.worker.price_watch import PriceWatch
from sandbox.kie_server import KieServer
from tests.fakes import FakePublisher, HandClock


class HandList:
    """A list that a test writes; None is a provider that does not answer."""

    def __init__(self, *lines: ListedPrice) -> None:
        self.lines: list[ListedPrice] | None = list(lines)

    async def prices(self) -> list[ListedPrice]:
        if self.lines is None:
            raise ProviderUnavailableError("HTTP 502")
        return self.lines


def kling(credits: float) -> ListedPrice:
    return ListedPrice(description="kling-3.0/video, 4K", credits=credits, unit="per second")


@pytest.fixture
def publisher() -> FakePublisher:
    return FakePublisher()


def watch(database: Database, publisher: FakePublisher, prices: HandList | KiePrices | None) -> PriceWatch:
    clock = HandClock()
    return PriceWatch(
        prices=prices,
        availability=Availability(load().catalogue),
        queue=Queue(database, clock),
        troubles=Troubles(database, clock, publisher),
        clock=clock,
    )


async def test_the_host_is_told_once_for_each_change(database: Database, publisher: FakePublisher) -> None:
    listed = HandList(kling(100))
    prices = watch(database, publisher, listed)

    await prices.compare()
    await prices.compare()
    [first] = publisher.told
    assert first.startswith("kling-3-0: the provider's price list says +49 % against what the catalogue says.")
    listed.lines = [kling(67)]
    await prices.compare()
    listed.lines = [kling(40)]
    await prices.compare()

    assert [text.split(":")[0] for text in publisher.told] == ["kling-3-0", "kling-3-0"]
    assert "-40 %" in publisher.told[1]


async def test_a_list_that_does_not_answer_is_no_news(database: Database, publisher: FakePublisher) -> None:
    listed = HandList()
    listed.lines = None

    await watch(database, publisher, listed).compare()
    await watch(database, publisher, None).compare()

    assert publisher.told == []


@pytest.fixture
async def kie() -> AsyncIterator[KieServer]:
    async with KieServer() as server:
        yield server


async def test_the_local_kies_list_is_read_to_its_end_and_agrees(
    database: Database, publisher: FakePublisher, kie: KieServer
) -> None:
    prices = KiePrices(Transport(key=kie.api_key), kie.api_url)
    model = kie.models.get("wan/2-5-text-to-video")

    found = await prices.prices()
    await watch(database, publisher, prices).compare()
    assert len(found) > 100  # more than a page
    assert publisher.told == []

    kie.models.add(replace(model, rates=tuple(replace(rate, credits=rate.credits * 2) for rate in model.rates)))
    await watch(database, publisher, prices).compare()
    await prices.aclose()
    [told] = publisher.told
    assert told.startswith("wan-2-5: the provider's price list says +100 %")
