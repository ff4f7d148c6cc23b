"""The host hears once of an account that runs low, is empty, or loses credits that no video of ours can have cost."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from bot.domain.ids import ProviderId
from bot.domain.jobs import JobState, Move
from bot.domain.models import Mode
from bot.domain.videos import VideoRequest
from bot.errors import ProviderAuthError, ProviderUnavailableError
from bot.errors.intake import AccountEmptyError, NotNowError
from bot.services.accounts import Accounts
from bot.services.troubles import Troubles
from bot.store.database import Database
from bot.worker.balances import ASK_WHILE_BUSY, ASK_WHILE_IDLE, QUIET, BalanceWatch
from bot.worker.watches import GateWatch
from tests.fakes import KIE, FakeProvider, FakePublisher, HandClock
from tests.samples import MAKER
from tests.services.desk import Desk


@pytest.fixture
async def database(sqlite_url: str) -> AsyncIterator[Database]:
    opened = Database.connect(sqlite_url)
    yield opened
    await opened.close()


class Watched:
    """The watch of one process over an account with 1000 credits."""

    def __init__(self, database: Database, clock: HandClock | None = None, *, low: int = 500) -> None:
        self.desk = Desk(database, clock=clock)
        self.clock = self.desk.clock
        self.provider = FakeProvider(self.clock)
        self.publisher = FakePublisher()
        self.troubles = Troubles(database, self.clock, self.publisher)
        self.watch = BalanceWatch(
            providers={KIE: self.provider},
            gate=self.desk.gate,
            accounts=Accounts(database, self.clock, Decimal(1)),
            troubles=self.troubles,
            queue=self.desk.queue,
            clock=self.clock,
            low=low,
        )

    async def look(self, left: float | BaseException | None = None, after: timedelta = ASK_WHILE_IDLE) -> list[str]:
        """What the host is told when that is left on the account some time later."""
        if left is not None:
            self.provider.balance.then(left)
        before = len(self.publisher.told)
        self.clock.advance(after)
        await self.watch.look()
        return self.publisher.told[before:]


@pytest.fixture
def watched(database: Database) -> Watched:
    return Watched(database)


async def test_account_is_asked_every_hour_and_every_ten_minutes_while_jobs_run(watched: Watched) -> None:
    for _ in range(120):
        await watched.look(after=timedelta(minutes=1))
    idle = len(watched.provider.balance_asked_at)
    job = await watched.desk.job(100)
    await watched.desk.lifecycle.apply(job, Move(to=JobState.SUBMITTING))

    for _ in range(120):
        await watched.look(after=timedelta(minutes=1))

    assert idle == 2
    assert len(watched.provider.balance_asked_at) - idle == timedelta(hours=2) // ASK_WHILE_BUSY


async def test_low_account_is_told_once_whatever_restarts_and_its_filling_once(
    watched: Watched, database: Database
) -> None:
    assert await watched.look(500.0) == []
    [told] = await watched.look(499.5)
    again = await watched.look(499.0)
    after_a_restart = await Watched(database, watched.clock).look(498.0)

    assert "has 499.5 credits left, less than 500 (LOW_BALANCE_CREDITS)" in told
    assert again == after_a_restart == []
    assert await watched.look(2000.0) == [f"The account at {KIE} is filled up: 2000 credits."]
    assert await watched.look(2000.0) == []


async def test_account_around_the_limit_is_told_once_until_it_has_clearly_recovered(watched: Watched) -> None:
    [told] = await watched.look(499.0)

    around = [await watched.look(left) for left in (501.0, 500.0, 499.0, 599.0)]
    filled = await watched.look(600.0)
    _elsewhere, again = await watched.look(499.0)

    assert "has 499 credits left" in told
    assert around == [[]] * 4
    assert filled == [f"The account at {KIE} is filled up: 600 credits."]
    assert "has 499 credits left" in again


async def test_empty_account_closes_its_provider_and_opens_it_when_it_is_filled(
    watched: Watched, database: Database
) -> None:
    watched = Watched(database, watched.clock, low=0)
    gates = GateWatch(
        providers={KIE: watched.provider}, gate=watched.desk.gate, troubles=watched.troubles, clock=watched.clock
    )
    [told] = await watched.look(0.0)
    request = VideoRequest(prompt="a red fox", model=MAKER.id)

    assert f"The provider {KIE} refuses every job: the account is empty." in told
    with pytest.raises(AccountEmptyError):
        watched.desk.generation.check(request)
    assert watched.desk.generation.choose(None, Mode.TEXT) is MAKER
    assert await watched.look(0.0) == []
    watched.provider.balance.then(300.0)
    await gates._try(KIE, timedelta(minutes=1))
    assert watched.publisher.told[1:] == [f"The provider {KIE} takes jobs again (300 credits left)."]
    watched.desk.generation.check(request)


async def test_refused_key_is_another_matter_than_an_empty_account(watched: Watched) -> None:
    [told] = await watched.look(ProviderAuthError("the key is wrong"))

    assert "the key is wrong" in told
    with pytest.raises(NotNowError) as refused:
        watched.desk.generation.check(VideoRequest(prompt="a red fox", model=MAKER.id))
    assert not isinstance(refused.value, AccountEmptyError)


async def test_trouble_of_an_earlier_process_ends_when_the_account_answers(
    watched: Watched, database: Database
) -> None:
    await watched.look(ProviderAuthError("the key is wrong"))

    next_process = Watched(database, watched.clock)

    assert await next_process.look(1000.0) == [f"The provider {KIE} takes jobs again."]


async def test_account_that_does_not_answer_changes_nothing(watched: Watched) -> None:
    await watched.look(1000.0)

    assert await watched.look(ProviderUnavailableError("503")) == []
    assert watched.desk.gate.find(KIE) is None


async def test_credits_that_no_video_can_have_cost_are_told_once_and_so_is_the_end_of_it(watched: Watched) -> None:
    await watched.look(5000.0)
    job = await watched.desk.job(100)
    await watched.desk.deliver(job, cost=100)

    assert await watched.look(4900.0) == []
    [told] = await watched.look(4850.0)
    again = await watched.look(4700.0)

    assert f"About 50 credits have gone from the account at {KIE}" in told
    assert again == []
    quiet = [await watched.look(4700.0) for _ in range(QUIET // ASK_WHILE_IDLE)]
    assert quiet[:-1] == [[]] * (len(quiet) - 1)
    assert "For a day nothing has gone" in quiet[-1][0]


async def test_cost_of_our_own_jobs_is_explained_whenever_the_provider_takes_it(watched: Watched) -> None:
    await watched.look(5000.0)
    job = await watched.desk.job(300)
    job = await watched.desk.lifecycle.apply(job, Move(to=JobState.SUBMITTING))

    at_creation = await watched.look(4700.0)
    at_the_end = await watched.look(4400.0)

    # Both could not be, but from here nobody can see which of them it was.
    assert at_creation == at_the_end == []
    assert await watched.look(4000.0) != []


async def test_filled_account_hides_nothing_that_can_be_seen_from_here(watched: Watched) -> None:
    await watched.look(1000.0)

    assert await watched.look(3000.0) == []
    assert len(await watched.look(2000.0)) == 1


async def test_one_account_pays_for_the_jobs_of_all_its_adapters(watched: Watched, database: Database) -> None:
    first = FakeProvider(watched.clock)
    for provider in (first, watched.provider):
        provider.terms = replace(provider.terms, account="kie")
    watch = BalanceWatch(
        providers={ProviderId("first"): first, KIE: watched.provider},
        gate=watched.desk.gate,
        accounts=Accounts(database, watched.clock, Decimal(1)),
        troubles=watched.troubles,
        queue=watched.desk.queue,
        clock=watched.clock,
        low=0,
    )
    first.balance.then(5000.0, 4700.0, 4600.0)
    await watch.look()
    await watched.desk.deliver(await watched.desk.job(300), cost=300)

    for _ in range(2):
        watched.clock.advance(ASK_WHILE_IDLE)
        await watch.look()

    assert len(first.balance_asked_at) == 3
    assert watched.provider.balance_asked_at == []
    [told] = watched.publisher.told
    assert "About 100 credits have gone from the account at first" in told
