"""The host is told of prices that have moved, once for each change, and nothing else depends on the list."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import httpx
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


async def test_a_change_that_wanders_is_told_once_it_has_moved_far(
    database: Database, publisher: FakePublisher
) -> None:
    listed = HandList()
    prices = watch(database, publisher, listed)

    for credits in (100, 102, 97, 104, 100, 120, 118):
        listed.lines = [kling(credits)]
        await prices.compare()

    assert ["+49 %" in text or "+79 %" in text for text in publisher.told] == [True, True]


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


LINE = {"modelDescription": "kling-3.0/video, 4K", "creditPrice": "100", "creditUnit": "per second"}


def feed(*pages: object) -> KiePrices:
    """A list whose pages are these, in order, the last one for ever."""
    left = list(pages)

    def answer(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"code": 200, "data": left.pop(0) if len(left) > 1 else left[0]})

    return KiePrices(Transport(key="key", inner=httpx.MockTransport(answer)), "https://kie.test")


async def told_of(database: Database, publisher: FakePublisher, *pages: object) -> list[str]:
    """What the host is told when the list has these pages."""
    prices = feed(*pages)
    await watch(database, publisher, prices).compare()
    await prices.aclose()
    return publisher.told


@pytest.mark.parametrize(
    "odd",
    [
        {"creditPrice": int("9" * 400)},
        {"creditPrice": "9" * 400},
        {"creditPrice": "nan"},
        {"creditPrice": -1},
        {"creditPrice": True},
        {"creditPrice": ["67"]},
        {"creditPrice": None},
        {"modelDescription": None},
        {"modelDescription": {"en": "kling"}},
    ],
    ids=lambda odd: str(odd)[:40],
)
async def test_an_odd_line_of_the_list_hides_no_other(
    database: Database, publisher: FakePublisher, odd: dict[str, object]
) -> None:
    [told] = await told_of(database, publisher, {"pages": 1, "records": [{**LINE, **odd}, None, "line", LINE]})

    assert told.startswith("kling-3-0: the provider's price list says +49 %")


@pytest.mark.parametrize("data", [None, [], "prices", {}, {"records": {}}, {"records": None, "pages": "all"}], ids=str)
async def test_a_list_of_another_shape_is_no_news(database: Database, publisher: FakePublisher, data: object) -> None:
    assert await told_of(database, publisher, data) == []


@pytest.mark.parametrize("pages", [2, "2", 2.0])
async def test_the_number_of_pages_may_come_in_any_form(
    database: Database, publisher: FakePublisher, pages: object
) -> None:
    first, second = {"pages": pages, "records": []}, {"pages": 2, "records": [LINE]}

    assert len(await told_of(database, publisher, first, second)) == 1
