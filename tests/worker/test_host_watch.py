"""The host is told once when a trouble begins and once when it ends, whatever restarts in between."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from decimal import Decimal

import pytest

from bot.domain.hosting import NO_LIMIT, money
from bot.domain.ids import UserId
from bot.domain.jobs import JobState, Move
from bot.services.host_limits import Budget
from bot.services.hosting import FAR_TOO_LONG, Hosting, Owner
from bot.services.troubles import Troubles
from bot.store import troubles as rows
from bot.store.database import Database
from bot.worker.host_watch import HostWatch
from tests.fakes import FakePublisher, HandClock
from tests.services.desk import Desk

OWNER = Owner(user_id=UserId(7), is_owner=True)


@pytest.fixture
async def database(sqlite_url: str) -> AsyncIterator[Database]:
    opened = Database.connect(sqlite_url)
    yield opened
    await opened.close()


class Office:
    """The watch of one process, and what the host has heard of it."""

    def __init__(self, database: Database, clock: HandClock | None = None) -> None:
        self.desk = Desk(database, clock=clock)
        self.publisher = FakePublisher()
        self.troubles = Troubles(database, self.desk.clock, self.publisher)
        self.watch = HostWatch(self.desk.hosting, self.troubles, self.desk.clock, lambda: 10)

    async def look(self) -> list[str]:
        """What the host is told after one look."""
        before = len(self.publisher.told)
        await self.watch.look()
        await self.troubles.tell()
        return self.publisher.told[before:]


@pytest.fixture
def office(database: Database) -> Office:
    return Office(database)


async def test_host_is_warned_once_in_a_period_when_four_fifths_are_used(office: Office, database: Database) -> None:
    await office.desk.hosting.set_budget(OWNER, daily=Decimal(1))
    await office.desk.deliver(await office.desk.job(159))
    assert await office.look() == []
    await office.desk.deliver(await office.desk.job(1))

    [warning] = await office.look()
    again = await office.look()
    after_a_restart = await Office(database, office.desk.clock).look()

    assert "80% of the budget of this day are used: $0.80 of $1.00" in warning
    assert again == after_a_restart == []
    office.desk.clock.advance(days=1)
    assert await office.look() == []
    await office.desk.request(170)
    assert "85% of the budget of this day" in (await office.look())[0]


async def test_used_up_budget_is_told_once_and_its_end_at_the_next_period(office: Office) -> None:
    await office.desk.hosting.set_budget(OWNER, daily=Decimal(1))
    await office.desk.deliver(await office.desk.job(191))

    [used_up] = await office.look()
    assert await office.look() == []

    assert "The budget of this day is used up: $0.955 of $1.00." in used_up
    office.desk.clock.advance(days=1)
    assert await office.look() == ["A new day has begun: new videos are accepted again."]
    assert await office.look() == []


async def test_raised_budget_is_warned_of_anew(office: Office) -> None:
    await office.desk.hosting.set_budget(OWNER, daily=Decimal(1))
    await office.desk.deliver(await office.desk.job(170))
    assert len(await office.look()) == 1

    await office.desk.hosting.set_budget(OWNER, daily=Decimal(2))
    assert await office.look() == []
    assert list(await office.troubles.present()) == []
    await office.desk.deliver(await office.desk.job(160))

    [warning] = await office.look()
    assert "82% of the budget of this day are used: $1.65 of $2.00" in warning
    assert await office.look() == []


async def test_raised_budget_is_room_again(office: Office) -> None:
    await office.desk.hosting.set_budget(OWNER, monthly=Decimal(1))
    await office.desk.request(200)
    await office.look()

    await office.desk.hosting.set_budget(OWNER, monthly=NO_LIMIT)

    assert await office.look() == ["The budget of this month has room again: new videos are accepted."]


async def test_trouble_that_ends_before_the_host_heard_of_it_is_not_worth_a_word(
    office: Office, database: Database
) -> None:
    await database.write(rows.begin, "name", "It began.", office.desk.clock.now())
    await office.troubles.end("name", "It ended.")

    await office.troubles.tell()

    assert office.publisher.told == []
    assert list(await office.troubles.present()) == []


async def test_trouble_that_comes_back_before_its_end_was_told_has_not_ended(
    office: Office, database: Database
) -> None:
    await office.troubles.begin("name", "It began.")
    await database.write(rows.end, "name", "It ended.")

    assert not await office.troubles.begin("name", "It began again.")
    await office.troubles.tell()

    assert office.publisher.told == ["It began."]
    assert [each.name for each in await office.troubles.present()] == ["name"]


async def test_what_a_killed_process_could_not_tell_is_told_after_the_start(office: Office, database: Database) -> None:
    await database.write(rows.begin, "name", "It began.", office.desk.clock.now())

    next_process = Office(database, office.desk.clock)
    await next_process.troubles.tell()
    await next_process.troubles.tell()

    assert next_process.publisher.told == ["It began."]


async def test_what_begins_and_ends_while_discord_is_away_is_told_afterwards(office: Office) -> None:
    office.publisher.is_reachable = False
    await office.troubles.begin("thing", "It began.")
    await office.troubles.tell()
    office.publisher.is_reachable = True

    await office.troubles.tell()
    await office.troubles.tell()
    assert office.publisher.told == ["It began."]

    office.publisher.is_reachable = False
    await office.troubles.end("thing", "It ended.")
    office.publisher.is_reachable = True
    await office.troubles.tell()
    assert office.publisher.told == ["It began.", "It ended."]


async def test_job_that_nobody_takes_up_is_told_and_so_is_the_end_of_it(office: Office) -> None:
    job = await office.desk.job(100)
    office.desk.clock.advance(minutes=24)
    assert await office.look() == []
    office.desk.clock.advance(minutes=2)

    [told] = await office.look()
    await office.desk.jobs.cancel(job.place.guild_id, job.user_id, job.id)

    assert "Jobs stand still: 1." in told
    assert await office.look() == ["No job stands still any more."]


async def test_job_that_waits_for_its_time_stands_still_only_after_a_day(office: Office) -> None:
    job = await office.desk.job(100)
    await office.desk.lifecycle.apply(job, Move(to=JobState.QUEUED, after=timedelta(days=3), is_retry=True))
    office.desk.clock.advance(FAR_TOO_LONG)
    assert await office.look() == []

    office.desk.clock.advance(seconds=1)

    assert len(await office.look()) == 1


async def test_decision_of_the_command_line_reaches_the_running_bot(office: Office, database: Database) -> None:
    await Hosting(database, office.desk.clock, budget=Budget()).pause(OWNER, "Later.")

    await office.watch.look()

    assert office.desk.hosting.terms.pause_message == "Later."


@pytest.mark.parametrize(
    ("amount", "shown"),
    [("1.2", "$1.20"), ("0.005", "$0.005"), ("12.3456", "$12.35"), ("0", "$0.00"), ("10", "$10.00")],
)
def test_money_is_shown_in_cents_where_that_hides_nothing(amount: str, shown: str) -> None:
    assert money(Decimal(amount)) == shown
