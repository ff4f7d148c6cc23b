"""Credits: who pays, what goes back to whom, and what staff decides."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
import sqlalchemy as sa

from bot.domain.admission import PolicyRule
from bot.domain.credits import AccountKind, EntryKind, day_of, next_day
from bot.domain.jobs import Job, JobState, Move, Result
from bot.domain.quotas import DEFAULT_ALLOWANCE, MAX_CREDITS
from bot.errors.credits import PoolTooSmallError
from bot.errors.policies import InsufficientCreditsError, PoolEmptyError
from bot.errors.staff import NotAllowedError
from bot.services.credits import PAGE
from bot.store import ledger, tables
from bot.store.database import Connection, Database
from bot.store.entries import OverdrawnError
from bot.store.ledger import Payment
from tests.samples import ANNA, BORIS, GUILD, OTHER_GUILD, STAFF
from tests.services.desk import Desk, staff
from tests.store import making


async def amounts(desk: Desk, allowance: int = 150, bonus: int = 0, pool: int | None = None) -> None:
    """What Anna has, in her guild."""
    await desk.quotas.set_default(staff(), allowance)
    if bonus:
        await desk.grant(staff(), ANNA, bonus, None)
    if pool is not None:
        await desk.quotas.set_pool(staff(), pool)


async def test_a_new_member_has_the_default_allowance_until_midnight(desk: Desk) -> None:
    balance = await desk.balance()

    assert (balance.allowance, balance.allowance_left, balance.bonus) == (DEFAULT_ALLOWANCE, DEFAULT_ALLOWANCE, 0)
    assert (balance.held, balance.pool, balance.spendable) == (0, None, DEFAULT_ALLOWANCE)
    assert balance.renews_at == next_day(desk.clock.now())


async def test_the_allowance_pays_first_and_bonus_the_rest(desk: Desk) -> None:
    await amounts(desk, allowance=60, bonus=100)

    accepted = await desk.request(100)

    balance = await desk.balance()
    assert (balance.allowance_left, balance.bonus, balance.held) == (0, 60, 100)
    assert accepted.spendable == balance.spendable == 60
    assert (await desk.totals())[AccountKind.HELD] == 100
    assert await desk.differences() == []


async def test_too_few_credits_are_refused_with_the_numbers_and_nothing_is_taken(desk: Desk) -> None:
    await amounts(desk, allowance=60, bonus=39)

    with pytest.raises(InsufficientCreditsError) as refused:
        await desk.request(100)

    midnight = int(next_day(desk.clock.now()).timestamp())
    numbers = {"needed": 100, "balance": 99, "left": 60, "allowance": 60, "bonus": 39}
    assert refused.value.refusal.rule is PolicyRule.ALLOWANCE_TOO_SMALL
    assert refused.value.refusal.values == numbers
    assert refused.value.values["renews"] == f"<t:{midnight}:R>"
    assert (await desk.balance()).spendable == 99
    assert await desk.count() == 0
    assert await desk.spent_in("month 2026-11") == 0


async def test_the_allowance_comes_back_at_midnight(desk: Desk) -> None:
    await amounts(desk, allowance=100)
    await desk.request(100)
    with pytest.raises(InsufficientCreditsError):
        await desk.request(1)

    desk.clock.until(next_day(desk.clock.now()))

    await desk.request(100)
    assert await desk.differences() == []


async def test_a_limited_pool_pays_for_the_allowances_and_can_be_empty(desk: Desk) -> None:
    await amounts(desk, allowance=150, pool=120)
    await desk.request(100)

    with pytest.raises(PoolEmptyError) as refused:
        await desk.request(50)

    assert refused.value.refusal.values == {"needed": 50, "balance": 20}
    assert (await desk.quotas.show(staff())).pool == 20
    assert (await desk.balance()).spendable == 20
    assert await desk.differences() == []


async def test_bonus_pays_where_the_pool_is_not_enough(desk: Desk) -> None:
    await amounts(desk, allowance=150, bonus=50, pool=30)

    await desk.request(80)

    balance = await desk.balance()
    assert (balance.pool, balance.bonus, balance.allowance_left) == (0, 0, 120)


async def test_a_delivered_video_that_cost_less_gives_the_rest_back_to_bonus_first(desk: Desk) -> None:
    await amounts(desk, allowance=60, bonus=100)
    job = await desk.job(100)

    await desk.deliver(job, cost=40.2)

    balance = await desk.balance()
    assert (balance.bonus, balance.allowance_left, balance.held) == (100, 19, 0)  # 41 are spent, 59 go back.
    assert (await desk.totals())[AccountKind.SPENT] == 41
    assert await desk.spent_in("day 2026-11-20") == 41
    assert await desk.differences() == []


@pytest.mark.parametrize("cost", [None, 100.0, 250.0], ids=["unknown", "the price", "more"])
async def test_a_delivered_video_never_costs_more_than_its_price(desk: Desk, cost: float | None) -> None:
    job = await desk.job(100)

    await desk.deliver(job, cost)

    assert (await desk.totals())[AccountKind.SPENT] == 100
    assert (await desk.balance()).spendable == DEFAULT_ALLOWANCE - 100


async def test_the_hosts_markup_is_on_the_real_cost(database: Database) -> None:
    desk = Desk(database, markup=Decimal("1.5"))
    job = await desk.job(150)

    await desk.deliver(job, cost=61.2)

    assert (await desk.totals())[AccountKind.SPENT] == 92  # 91.8, rounded up.


async def test_a_failed_job_gives_everything_back_to_the_buckets_that_paid(desk: Desk) -> None:
    await amounts(desk, allowance=60, bonus=100, pool=500)
    job = await desk.job(100)

    await desk.fail(job)

    balance = await desk.balance()
    assert (balance.allowance_left, balance.bonus, balance.pool, balance.held) == (60, 100, 500, 0)
    assert await desk.spent_in("day 2026-11-20") == 0
    assert await desk.differences() == []


async def test_a_refund_after_midnight_goes_to_the_day_that_paid(desk: Desk) -> None:
    await amounts(desk, allowance=60, bonus=100)
    job = await desk.job(100)
    desk.clock.until(next_day(desk.clock.now()) + timedelta(hours=1))
    await desk.request(50)

    await desk.fail(job)

    balance = await desk.balance()
    assert (balance.allowance_left, balance.bonus) == (10, 100)
    assert await desk.spent_in("day 2026-11-20") == 0
    assert await desk.spent_in("day 2026-11-21") == 50
    assert await desk.differences() == []


async def test_a_refund_goes_to_the_pool_that_paid_also_when_it_is_no_longer_limited(desk: Desk) -> None:
    await amounts(desk, allowance=100, pool=100)
    job = await desk.job(100)
    await desk.quotas.set_pool(staff(), None)

    await desk.fail(job)

    assert (await desk.totals())[AccountKind.POOL] == 100
    assert (await desk.balance()).spendable == 100
    assert await desk.differences() == []


async def test_a_parked_video_is_settled_once_and_not_again_when_it_is_posted_later(desk: Desk) -> None:
    job = await desk.deliver(await desk.job(100), cost=50, to=JobState.PARKED)

    job = await desk.lifecycle.apply(job, Move(to=JobState.DELIVERING))
    await desk.lifecycle.apply(job, Move(to=JobState.DELIVERED, after=None))

    assert (await desk.totals())[AccountKind.SPENT] == 50
    assert await desk.differences() == []


async def test_the_receipt_says_what_the_balance_will_be(desk: Desk) -> None:
    await amounts(desk, allowance=60, bonus=100, pool=200)
    job = await desk.job(100)
    result = Result(url="https://files.test/1.mp4", credits=30)
    ready = await desk.lifecycle.apply(job, Move(to=JobState.SUBMITTING, result=result))

    receipt = await desk.lifecycle.receipt(ready)
    await desk.deliver(await back_in_the_queue(desk, ready), cost=30)

    assert (receipt.charged, receipt.returned) == (30, 70)
    assert receipt.spendable == (await desk.balance()).spendable == 130


async def back_in_the_queue(desk: Desk, job: Job) -> Job:
    return await desk.lifecycle.apply(job, Move(to=JobState.QUEUED))


async def test_only_bonus_comes_back_to_a_balance_of_another_day(desk: Desk) -> None:
    await amounts(desk, allowance=160, bonus=40)
    now = desk.clock.now()
    yesterday = day_of(now) - timedelta(days=1)
    payment = Payment(allowance=60, bonus=40, is_pool_limited=False, paid_at=yesterday)

    after = ledger.with_returned(await desk.balance(), payment, 70)

    assert (after.allowance_left, after.bonus) == (160, 80)


# Staff.


async def test_a_grant_does_not_lapse(desk: Desk) -> None:
    balance = await desk.grant(staff(), ANNA, 70, "a prize")
    desk.clock.advance(days=40)

    assert balance.bonus == (await desk.balance()).bonus == 70
    assert (await desk.balance(BORIS)).bonus == 0
    assert await desk.differences() == []


async def test_a_grant_comes_out_of_a_limited_pool(desk: Desk) -> None:
    await amounts(desk, pool=100)

    await desk.grant(staff(), ANNA, 70, None)
    with pytest.raises(PoolTooSmallError) as refused:
        await desk.grant(staff(), ANNA, 31, None)

    assert refused.value.values == {"needed": 31, "balance": 30}
    assert (await desk.quotas.show(staff())).pool == 30
    assert (await desk.balance()).bonus == 70
    assert await desk.differences() == []


async def test_a_pool_is_filled_emptied_and_lifted(desk: Desk) -> None:
    sizes = [(await desk.quotas.set_pool(staff(), credits)).pool for credits in (500, 200, 200, 0, None, 300)]

    assert sizes == [500, 200, 200, 0, None, 300]
    assert (await desk.totals())[AccountKind.POOL] == 300
    assert await desk.differences() == []


async def test_a_lower_allowance_counts_from_now_on_and_takes_nothing_back(desk: Desk) -> None:
    await amounts(desk, allowance=300)
    await desk.request(200)

    quota = await desk.quotas.set_default(staff(), 100)

    assert (quota.policy.allowance, quota.held, quota.spent) == (100, 200, 0)
    assert (await desk.balance()).allowance_left == 0
    assert await desk.differences() == []


async def test_only_staff_decides(desk: Desk) -> None:
    member = staff(can_manage=False)

    for forbidden in (
        desk.quotas.show(member),
        desk.quotas.set_default(member, 5),
        desk.quotas.set_pool(member, 5),
        desk.grant(member, ANNA, 5, None),
    ):
        with pytest.raises(NotAllowedError):
            await forbidden

    assert await desk.count(tables.entries) == 0


async def test_staff_of_another_guild_changes_nothing_here(desk: Desk) -> None:
    other = staff(OTHER_GUILD)

    await desk.quotas.set_default(other, 1)
    await desk.quotas.set_pool(other, 1)
    await desk.grant(other, ANNA, 1, None)

    assert (await desk.balance()).spendable == DEFAULT_ALLOWANCE
    assert (await desk.quotas.show(staff())).pool is None


@pytest.mark.parametrize("credits", [-1, MAX_CREDITS + 1])
async def test_amounts_that_no_command_offers_are_a_bug(desk: Desk, credits: int) -> None:
    for impossible in (
        desk.quotas.set_default(staff(), credits),
        desk.quotas.set_pool(staff(), credits),
        desk.grant(staff(), ANNA, credits, None),
    ):
        with pytest.raises(ValueError, match="credits are not between"):
            await impossible
    with pytest.raises(ValueError, match="between 1 and"):
        await desk.grant(staff(), ANNA, 0, None)


async def test_the_largest_amounts_fit(desk: Desk) -> None:
    await desk.quotas.set_pool(staff(), MAX_CREDITS)
    await desk.grant(staff(), ANNA, MAX_CREDITS, None)
    await desk.quotas.set_pool(staff(), MAX_CREDITS)
    await desk.quotas.set_default(staff(), MAX_CREDITS)

    assert (await desk.balance()).spendable == 2 * MAX_CREDITS
    assert await desk.differences() == []


# What a member sees.


async def test_history_is_seen_from_the_members_side(desk: Desk) -> None:
    await amounts(desk, allowance=60, bonus=200)
    delivered = await desk.deliver(await desk.job(100), cost=70)
    failed = await desk.fail(await desk.job(50))
    await desk.request(30, user_id=BORIS)

    lines = (await desk.credits.history(GUILD, ANNA)).lines

    assert [(line.kind, line.credits, line.job_id) for line in lines] == [
        (EntryKind.REFUND, 50, failed.id),
        (EntryKind.CHARGE, -50, failed.id),
        (EntryKind.SETTLE, 30, delivered.id),
        (EntryKind.CHARGE, -100, delivered.id),
        (EntryKind.GRANT, 200, None),
    ]
    assert lines[0].reason == "upstream"


async def test_history_comes_in_pages(desk: Desk) -> None:
    for number in range(PAGE + 1):
        await desk.grant(staff(), ANNA, number + 1, f"number {number}")

    first, second = await desk.credits.history(GUILD, ANNA, 0), await desk.credits.history(GUILD, ANNA, 2)

    assert (len(first.lines), first.number, first.has_more) == (PAGE, 1, True)
    assert ([line.reason for line in second.lines], second.has_more) == (["number 0"], False)
    assert (await desk.credits.history(OTHER_GUILD, ANNA)).lines == []


# What the database itself forbids, by name.


async def test_no_account_but_the_source_of_credits_can_be_overdrawn(database: Database) -> None:
    def overdraw(connection: Connection) -> None:
        connection.execute(
            sa.insert(tables.accounts).values(guild_id=GUILD, user_id=ANNA, kind=AccountKind.BONUS, balance=-1)
        )

    with pytest.raises(sa.exc.IntegrityError, match="balance_not_negative"):
        await database.write(overdraw)


async def test_a_member_has_one_account_of_a_kind(desk: Desk) -> None:
    await desk.grant(staff(), ANNA, 5, None)

    def another(connection: Connection) -> None:
        connection.execute(sa.insert(tables.accounts).values(guild_id=GUILD, user_id=ANNA, kind=AccountKind.BONUS))

    with pytest.raises(sa.exc.IntegrityError, match=r"one_account_of_a_kind|accounts\.guild_id"):
        await desk.database.write(another)


@pytest.mark.parametrize(("first", "second"), [("settle", "refund"), ("refund", "settle"), ("settle", "settle")])
async def test_a_job_is_settled_or_refunded_once(desk: Desk, first: str, second: str) -> None:
    job = await desk.job()

    def end(connection: Connection, kind: str) -> None:
        values = {"guild_id": GUILD, "user_id": ANNA, "actor_id": STAFF, "kind": kind, "job_id": job.id}
        connection.execute(sa.insert(tables.entries).values(**values, at=desk.clock.now()))

    await desk.database.write(end, first)
    with pytest.raises(sa.exc.IntegrityError, match=r"a_job_ends_once|one_entry_of_a_kind|entries\.job_id"):
        await desk.database.write(end, second)


async def test_an_entry_of_a_job_that_does_not_exist_is_refused(desk: Desk) -> None:
    def charge(connection: Connection) -> None:
        values = {"guild_id": GUILD, "user_id": ANNA, "actor_id": ANNA, "kind": "charge", "job_id": 999}
        connection.execute(sa.insert(tables.entries).values(**values, at=desk.clock.now()))

    with pytest.raises(sa.exc.IntegrityError, match=r"(?i)foreign key"):
        await desk.database.write(charge)


async def test_a_charge_that_no_balance_was_looked_up_for_is_refused(desk: Desk) -> None:
    job = await desk.database.write(making.insert)
    later = desk.clock.now() + timedelta(days=1)

    for payment in (
        Payment(allowance=5, bonus=0, is_pool_limited=False, paid_at=later),
        Payment(allowance=0, bonus=5, is_pool_limited=False, paid_at=later),
    ):
        with pytest.raises(OverdrawnError):
            await desk.database.write(ledger.charge, job.id, GUILD, ANNA, payment, later)
