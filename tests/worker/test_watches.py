"""Asking which models are sold, within a share of the rate, and opening a closed provider again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.domain.ids import ProviderId
from bot.domain.models import Catalogue, Mode
from bot.errors import AccountFault, ProviderAuthError, ProviderUnavailableError
from bot.ports import Sold
from bot.providers.kie import TERMS
from bot.services.accounts import Accounts
from bot.services.availability import Availability, ProviderGate
from bot.services.memory import Memory
from bot.services.troubles import Troubles
from bot.store.database import Database
from bot.worker.balances import BalanceWatch
from bot.worker.limits import Rates
from bot.worker.watches import ASK_EVERY, GateWatch, ModelWatch, refuse
from tests.fakes import KIE, MADE, PAUSED, FakeProvider, FakePublisher, HandClock
from tests.samples import CATALOGUE, MAKER, OLD, model
from tests.worker.rig import Rig


@pytest.fixture
async def database(sqlite_url: str) -> AsyncIterator[Database]:
    opened = Database.connect(sqlite_url)
    yield opened
    await opened.close()


# Of Kie's window, so many calls stay free for members' jobs.
KEPT = 8


class Watched:
    """A provider that is watched."""

    def __init__(self, database: Database, catalogue: Catalogue = CATALOGUE, clock: HandClock | None = None) -> None:
        self.clock = clock or HandClock()
        self.provider = FakeProvider(self.clock)
        self.publisher = FakePublisher()
        self.availability = Availability(catalogue)
        self.gate = ProviderGate()
        self.rates = Rates({KIE: self.provider})
        self.creates = self.rates.creates(KIE)
        self.stop = asyncio.Event()
        self.models = ModelWatch(
            providers={KIE: self.provider},
            availability=self.availability,
            gate=self.gate,
            rates=self.rates,
            memory=Memory(database),
            clock=self.clock,
        )
        self.troubles = Troubles(database, self.clock, self.publisher)
        self.gates = GateWatch(
            providers={KIE: self.provider},
            gate=self.gate,
            troubles=self.troubles,
            clock=self.clock,
        )

    @asynccontextmanager
    async def running(self, watch: ModelWatch | GateWatch) -> AsyncIterator[None]:
        task = asyncio.create_task(watch.run(self.stop))
        await self.quiet()
        yield
        self.stop.set()
        async with asyncio.timeout(5):
            await task

    async def quiet(self) -> None:
        """Until the watch waits for the time."""
        async with asyncio.timeout(10):
            while self.clock.waiting != 1:
                self.clock.entered.clear()
                await self.clock.entered.wait()

    async def advance(self, by: timedelta | None = None, **parts: float) -> None:
        self.clock.advance(by, **parts)
        await self.quiet()

    def asked(self) -> list[str]:
        return [slug for _, slug in self.provider.probed]


async def test_every_model_string_is_asked_about_at_the_start_and_once_an_hour(database: Database) -> None:
    watched = Watched(database)
    expected = ["maker/text", "maker/image", "old/text", "old/image", "biller/text"]

    async with watched.running(watched.models):
        at_start = watched.asked()
        await watched.advance(ASK_EVERY - timedelta(seconds=1))
        before_the_hour = watched.asked()
        await watched.advance(seconds=1)

    assert at_start == before_the_hour == expected
    assert watched.asked() == expected * 2


async def test_a_model_that_bills_for_the_question_is_never_asked(database: Database) -> None:
    watched = Watched(database)

    async with watched.running(watched.models):
        await watched.advance(ASK_EVERY)

    assert "biller/image" not in watched.asked()


async def test_what_the_provider_answers_changes_the_offer(database: Database) -> None:
    watched = Watched(database)
    watched.provider.probes |= {"maker/text": PAUSED, "old/text": Sold(), "old/image": PAUSED}

    async with watched.running(watched.models):
        pass

    assert watched.availability.modes(MAKER) == (Mode.IMAGE,)
    assert watched.availability.modes(OLD) == (Mode.TEXT,)


async def test_no_answer_is_no_news(database: Database) -> None:
    watched = Watched(database)
    watched.provider.probes["maker/text"] = ProviderUnavailableError("503")

    async with watched.running(watched.models):
        pass

    assert watched.availability.modes(MAKER) == (Mode.TEXT, Mode.IMAGE)


async def test_questions_leave_room_for_jobs(database: Database) -> None:
    many = Catalogue({one.id: one for one in (model(f"m{number}") for number in range(12))})
    watched = Watched(database, many)

    async with watched.running(watched.models):
        at_once = len(watched.asked())
        free = watched.creates.free(watched.clock.now())
        for _ in range(30):
            await watched.advance(seconds=1)

    assert at_once == TERMS.creates - KEPT
    assert free == KEPT
    assert len(watched.asked()) == 24


async def test_questions_wait_while_jobs_use_the_rate(database: Database) -> None:
    watched = Watched(database)
    watched.creates.count(watched.clock.now(), TERMS.creates)

    async with watched.running(watched.models):
        at_once = watched.asked()
        for _ in range(11):
            await watched.advance(seconds=1)

    assert at_once == []
    assert len(watched.asked()) == 5


async def test_a_restart_counts_the_questions_that_were_asked_a_moment_ago(database: Database) -> None:
    many = Catalogue({one.id: one for one in (model(f"m{number}") for number in range(12))})
    before = Watched(database, many)
    async with before.running(before.models):
        pass
    before.clock.advance(seconds=1)
    after = Watched(database, many, before.clock)

    async with after.running(after.models):
        right_after = len(after.asked())
        room = after.creates.free(after.clock.now())

    assert right_after == 0
    assert room == KEPT


async def test_a_closed_provider_is_not_asked(database: Database) -> None:
    watched = Watched(database)
    watched.gate.pause(KIE, "the key is wrong", watched.clock.now())

    async with watched.running(watched.models):
        pass

    assert watched.asked() == []


async def test_a_provider_that_is_not_set_up_is_not_asked(database: Database) -> None:
    foreign = model("foreign", provider=ProviderId("other"))
    watched = Watched(database, Catalogue({foreign.id: foreign}))

    async with watched.running(watched.models):
        pass

    assert watched.asked() == []


async def test_stopping_ends_the_wait_for_room(database: Database) -> None:
    watched = Watched(database)
    watched.creates.count(watched.clock.now(), TERMS.creates)

    async with watched.running(watched.models):
        pass

    assert watched.asked() == []


async def test_a_closed_provider_opens_when_its_account_answers_and_holds_credits(database: Database) -> None:
    watched = Watched(database)
    await refuse(watched.gate, watched.troubles, KIE, ProviderAuthError("the balance is empty"), watched.clock.now())
    watched.provider.balance.then(0.0, 0.0, 250.5)

    async with watched.running(watched.gates):
        for _ in range(3):
            await watched.advance(seconds=15)
        before_a_minute = len(watched.provider.balance_asked_at)
        assert watched.gate.find(KIE) is not None
        await watched.advance(seconds=15)
        still_closed = watched.gate.find(KIE)
        for _ in range(4):
            await watched.advance(seconds=15)

    assert before_a_minute == 1  # The look at the start.
    assert still_closed is not None
    assert watched.gate.find(KIE) is None
    assert watched.publisher.told[1:] == [f"The provider {KIE} takes jobs again (250.5 credits left)."]


async def test_a_key_at_its_limit_is_told_once_until_a_job_is_taken_again(rig: Rig) -> None:
    troubles = rig.needs.troubles
    gates = GateWatch(providers={KIE: rig.provider}, gate=rig.gate, troubles=troubles, clock=rig.clock)
    accounts = BalanceWatch(
        providers={KIE: rig.provider},
        gate=rig.gate,
        accounts=Accounts(rig.database, rig.clock, rig.markup),
        troubles=troubles,
        queue=rig.queue,
        clock=rig.clock,
        low=0,
    )
    at_limit = ProviderAuthError("the key's limit is reached", AccountFault.CAP)
    rig.provider.creates.then(at_limit, at_limit, at_limit, MADE)
    stop = asyncio.Event()

    async def a_moment() -> None:
        rig.clock.advance(seconds=15)
        await rig.until_waiting(2)

    async with rig.running():
        watching = asyncio.create_task(gates.run(stop))
        for _ in range(3):
            await rig.accept()
            await rig.go()
            assert rig.gate.find(KIE) is not None
            while rig.gate.find(KIE) is not None:
                await a_moment()
            await accounts.look()
        [told] = rig.publisher.told
        assert "one is let through from time to time" in told

        await rig.accept()
        await rig.go()
        await a_moment()
        watching.cancel()

    assert rig.publisher.told[1:] == [f"The provider {KIE} takes jobs again."]


async def test_a_key_that_does_not_work_is_found_out_at_the_start(database: Database) -> None:
    watched = Watched(database)
    watched.provider.balance.then(ProviderAuthError("the key is wrong"))

    async with watched.running(watched.gates):
        pass

    assert watched.gate.find(KIE) is not None
    assert len(watched.publisher.told) == 1


async def test_an_account_of_several_adapters_is_asked_once(database: Database) -> None:
    watched = Watched(database)
    other = FakeProvider(watched.clock)
    for provider in (watched.provider, other):
        provider.terms = replace(provider.terms, account="kie")
    providers = {KIE: watched.provider, ProviderId("kie_veo"): other}
    gates = GateWatch(providers=providers, gate=watched.gate, troubles=watched.troubles, clock=watched.clock)

    await gates.ask_once()

    assert (len(watched.provider.balance_asked_at), len(other.balance_asked_at)) == (1, 0)


async def test_an_account_that_does_not_answer_at_the_start_closes_nothing(database: Database) -> None:
    watched = Watched(database)
    watched.provider.balance.then(ProviderUnavailableError("503"))

    async with watched.running(watched.gates):
        pass

    assert watched.gate.find(KIE) is None
    assert watched.publisher.told == []


async def test_a_provider_that_stays_closed_is_asked_once_a_minute(database: Database) -> None:
    watched = Watched(database)
    watched.gate.pause(KIE, "the key is wrong", watched.clock.now())
    watched.provider.balance.then(ProviderAuthError("the key is wrong"))

    async with watched.running(watched.gates):
        for _ in range(4 * 10):
            await watched.advance(seconds=15)

    assert len(watched.provider.balance_asked_at) == 1 + 10  # The look at the start, and one a minute.
    assert watched.publisher.told == []


async def test_a_provider_that_closes_again_soon_is_left_alone_for_longer_each_time(database: Database) -> None:
    watched = Watched(database)
    pauses: list[float] = []

    async with watched.running(watched.gates):
        for _ in range(7):
            closed_at = watched.clock.now()
            watched.gate.pause(KIE, "the key's cap is reached", closed_at)
            while watched.gate.find(KIE) is not None:
                await watched.advance(seconds=15)
            pauses.append((watched.clock.now() - closed_at) / timedelta(minutes=1))
        await watched.advance(hours=1)
        watched.gate.pause(KIE, "once more", watched.clock.now())
        await watched.advance(minutes=1)

    assert pauses == [1, 2, 4, 8, 16, 30, 30]
    assert watched.gate.find(KIE) is None


@pytest.mark.parametrize("watch", ["models", "gates"])
async def test_a_watch_ends_when_it_is_told_to(database: Database, watch: str) -> None:
    watched = Watched(database)
    watched.stop.set()

    async with asyncio.timeout(5):
        await getattr(watched, watch).run(watched.stop)

    assert watched.asked() == []
