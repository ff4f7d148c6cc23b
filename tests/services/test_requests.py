"""The way in: one interaction is one job, and nobody spends what is not there, however many ask at once."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from bot.domain.ids import ModelId, UserId
from bot.domain.jobs import JobState, Move
from bot.domain.models import Mode, OptionName
from bot.domain.problems import Rule
from bot.domain.videos import VideoRequest
from bot.errors import UserError
from bot.errors.intake import BudgetReachedError, IntakeClosedError, NotNowError
from bot.errors.jobs import NotFoundError
from bot.errors.policies import InsufficientCreditsError
from bot.errors.requests import InvalidRequestError, JustAskedError, ModelRetiredError, ModelUnavailableError
from bot.ports import Sold
from bot.services.generation import DOUBLE_CLICK, Accepted
from bot.services.host_limits import Budget
from bot.store import tables
from bot.store.database import Database
from tests.fakes import KIE, PAUSED
from tests.samples import ANNA, BORIS, GUILD, MAKER, OLD, OTHER_GUILD, PICTURE, place, video
from tests.services.desk import Desk, staff


async def outcomes(*requests: object) -> list[Accepted | UserError]:
    """What becomes of requests that come at the same moment."""
    found = await asyncio.gather(*requests, return_exceptions=True)  # type: ignore[call-overload]
    for outcome in found:
        assert isinstance(outcome, (Accepted, UserError)), repr(outcome)
    return list(found)


async def test_an_accepted_request_is_a_paid_job_that_is_due_now(desk: Desk) -> None:
    heard: list[JobState] = []
    desk.lifecycle.listen(lambda job: heard.append(job.state))

    accepted = await desk.request(100)

    assert accepted.is_new
    assert accepted.job == await desk.find(accepted.job)
    assert (accepted.job.state, accepted.job.due_at) == (JobState.QUEUED, desk.clock.now())
    assert len(accepted.job.callback_secret) >= 24
    assert heard == [JobState.QUEUED]
    assert await desk.differences() == []


async def test_a_replayed_interaction_brings_the_same_job_and_is_charged_once(desk: Desk) -> None:
    here = place()

    first, second = await desk.request(where=here), await desk.request(where=here)

    assert first.job.id == second.job.id
    assert (first.is_new, second.is_new) == (True, False)
    assert second.spendable == first.spendable
    assert await desk.count() == await desk.count(tables.entries) == 1


async def test_an_interaction_that_is_replayed_at_the_same_moment_is_one_job(desk: Desk) -> None:
    here = place()

    found = await outcomes(*(desk.request(where=here) for _ in range(8)))

    assert len({outcome.job.id for outcome in found if isinstance(outcome, Accepted)}) == 1
    assert sum(1 for outcome in found if isinstance(outcome, Accepted) and outcome.is_new) == 1
    assert await desk.count(tables.entries) == 1
    assert await desk.differences() == []


async def test_a_replay_counts_even_when_the_credits_are_gone(desk: Desk) -> None:
    await desk.quotas.set_default(staff(), 100)
    here = place()
    first = await desk.request(100, where=here)

    second = await desk.request(100, where=here)

    assert second.job.id == first.job.id


async def test_two_clicks_on_the_same_button_are_one_wish(desk: Desk) -> None:
    job = await desk.job()
    first = await desk.request(again_of=job.id)

    with pytest.raises(JustAskedError) as refused:
        await desk.request(again_of=job.id)

    assert refused.value.values == {"job": first.job.id}
    assert await desk.count() == 2


async def test_two_clicks_at_the_same_moment_are_one_wish(desk: Desk) -> None:
    job = await desk.job()

    found = await outcomes(*(desk.request(again_of=job.id) for _ in range(5)))

    assert sum(isinstance(outcome, Accepted) for outcome in found) == 1
    assert sum(isinstance(outcome, JustAskedError) for outcome in found) == 4


async def test_the_same_button_again_later_or_by_somebody_else_is_another_wish(desk: Desk) -> None:
    job = await desk.job()
    await desk.request(again_of=job.id)

    await desk.request(again_of=job.id, user_id=BORIS)
    desk.clock.advance(DOUBLE_CLICK + timedelta(milliseconds=1))
    await desk.request(again_of=job.id)

    assert await desk.count() == 4


async def test_of_two_hundred_requests_at_once_exactly_those_pass_that_the_allowance_pays_for(desk: Desk) -> None:
    await desk.quotas.set_default(staff(), 500)

    found = await outcomes(*(desk.request(100) for _ in range(200)))

    assert sum(isinstance(outcome, Accepted) for outcome in found) == 5
    assert sum(isinstance(outcome, InsufficientCreditsError) for outcome in found) == 195
    assert (await desk.balance()).spendable == 0
    assert await desk.count() == 5
    assert await desk.differences() == []


async def test_two_commands_at_the_last_credit_are_one_video(desk: Desk) -> None:
    await desk.quotas.set_default(staff(), 0)
    await desk.grant(staff(), ANNA, 100, None)

    found = await outcomes(desk.request(100), desk.request(100))

    assert sorted(type(outcome).__name__ for outcome in found) == ["Accepted", "InsufficientCreditsError"]
    assert await desk.differences() == []


async def test_two_devices_of_one_member_in_two_processes_share_one_allowance(desk: Desk) -> None:
    await desk.quotas.set_default(staff(), 300)
    other = Desk(desk.database, clock=desk.clock)

    found = await outcomes(*(device.request(100) for _ in range(5) for device in (desk, other)))

    assert sum(isinstance(outcome, Accepted) for outcome in found) == 3
    assert sum(isinstance(outcome, InsufficientCreditsError) for outcome in found) == 7
    assert {(await device.balance()).spendable for device in (desk, other)} == {0}
    assert await desk.differences() == []


async def test_a_command_and_a_button_on_two_devices_are_two_wishes_and_the_button_only_one(desk: Desk) -> None:
    await desk.quotas.set_default(staff(), 300)
    first = await desk.job(100)

    typed = await outcomes(
        desk.request(100), desk.request(100, again_of=first.id), desk.request(100, again_of=first.id)
    )

    assert sorted(type(outcome).__name__ for outcome in typed) == ["Accepted", "Accepted", "JustAskedError"]
    assert (await desk.balance()).spendable == 0
    assert await desk.count() == 3


async def test_many_members_at_once_share_a_pool_to_its_last_credit(desk: Desk) -> None:
    await desk.quotas.set_pool(staff(), 1050)

    found = await outcomes(*(desk.request(100, user_id=UserId(number)) for number in range(1, 41)))

    assert sum(isinstance(outcome, Accepted) for outcome in found) == 10
    assert (await desk.quotas.show(staff())).pool == 50
    assert await desk.differences() == []


async def test_accepting_refunding_and_granting_at_once_end_well(desk: Desk) -> None:
    """Several transactions at the same rows: they wait for each other and none is lost."""
    await desk.quotas.set_pool(staff(), 100_000)
    waiting = [await desk.job(10, user_id=UserId(number)) for number in range(1, 21)]
    for number in range(1, 21):
        await desk.grant(staff(), UserId(number), 50, None)

    work = [desk.fail(job) for job in waiting]
    work += [desk.job(520, user_id=UserId(number)) for number in range(1, 21)]
    grants = [desk.grant(staff(), UserId(number), 5, None) for number in range(1, 21)]
    await asyncio.gather(*work, *grants)

    assert await desk.count() == 40
    assert await desk.differences() == []


async def test_cancelling_and_submitting_at_once_has_one_winner(desk: Desk) -> None:
    for _ in range(5):
        job = await desk.job(10)
        results = await asyncio.gather(
            desk.jobs.cancel(GUILD, ANNA, job.id),
            desk.lifecycle.apply(job, Move(to=JobState.SUBMITTING)),
            return_exceptions=True,
        )

        assert sum(not isinstance(result, BaseException) for result in results) == 1
    assert await desk.differences() == []


@pytest.mark.parametrize(
    ("budget", "renews"),
    [
        (Budget(daily=250), "2026-11-21"),
        (Budget(monthly=250), "2026-12-01"),
        (Budget(daily=900, monthly=250), "2026-12-01"),
    ],
    ids=["day", "month", "both"],
)
async def test_the_hosts_budget_stops_the_intake_and_says_when_it_renews(
    database: Database, budget: Budget, renews: str
) -> None:
    desk = Desk(database, budget=budget)
    await desk.request(200)

    with pytest.raises(BudgetReachedError) as refused:
        await desk.request(51)
    await desk.request(50, user_id=BORIS, guild_id=OTHER_GUILD)

    midnight = datetime.fromisoformat(renews).replace(tzinfo=UTC)
    assert refused.value.values == {"renews": f"<t:{int(midnight.timestamp())}:R>"}
    assert await desk.spent_in("day 2026-11-20") == await desk.spent_in("month 2026-11") == 250
    assert (await desk.balance()).allowance_left == 300
    assert await desk.differences() == []


async def test_the_days_budget_renews_at_midnight_and_the_months_does_not(database: Database) -> None:
    desk = Desk(database, budget=Budget(daily=100, monthly=150))
    await desk.request(100)
    desk.clock.advance(days=1)

    await desk.request(50)
    with pytest.raises(BudgetReachedError):
        await desk.request(1)


async def test_what_is_refunded_or_cheaper_comes_back_to_the_budget(database: Database) -> None:
    desk = Desk(database, budget=Budget(daily=200))
    failed, cheaper = await desk.job(100), await desk.job(100)

    await desk.fail(failed)
    await desk.deliver(cheaper, cost=40)

    await desk.request(160)
    with pytest.raises(BudgetReachedError):
        await desk.request(1)


async def test_a_budget_in_money_is_so_many_credits() -> None:
    budget = Budget.of_usd(Decimal("2.50"), None, Decimal("1.5"))

    assert (budget.daily, budget.monthly) == (750, None)


async def test_nothing_is_taken_while_the_bot_shuts_down(desk: Desk) -> None:
    desk.generation.is_open = False

    with pytest.raises(IntakeClosedError):
        desk.generation.check(VideoRequest(prompt="a red fox", model=MAKER.id))
    with pytest.raises(IntakeClosedError):
        await desk.request()

    assert await desk.count() == 0


async def test_a_closed_provider_takes_no_requests(desk: Desk) -> None:
    desk.gate.pause(KIE, "the key is wrong", desk.clock.now())

    with pytest.raises(NotNowError):
        desk.generation.check(VideoRequest(prompt="a red fox", model=MAKER.id))


async def test_a_request_is_checked_and_priced(desk: Desk) -> None:
    spec = desk.generation.check(VideoRequest(prompt=" a red fox ", model=MAKER.id))
    with pytest.raises(InvalidRequestError) as refused:
        desk.generation.check(VideoRequest(prompt="a red fox", model=MAKER.id, duration=5))

    assert (spec.prompt, spec.price) == ("a red fox", 100)
    assert refused.value.problem.rule is Rule.OPTION_MISSING


async def test_the_model_is_the_named_one_or_the_default(desk: Desk) -> None:
    assert desk.generation.choose(None, Mode.TEXT) == MAKER
    assert desk.generation.choose("  ", Mode.IMAGE) == MAKER
    assert desk.generation.choose(" MAKER ", Mode.TEXT) == MAKER
    with pytest.raises(ModelRetiredError):
        desk.generation.choose("old", Mode.TEXT)


async def test_without_any_model_there_is_no_default(desk: Desk) -> None:
    for slug in ("maker/text", "maker/image"):
        desk.availability.note(KIE, slug, PAUSED)

    with pytest.raises(NotNowError):
        desk.generation.choose(None, Mode.TEXT)
    with pytest.raises(ModelUnavailableError, match="/models"):
        desk.generation.choose("maker", Mode.TEXT)


async def test_a_video_of_a_model_that_has_left_the_catalogue_is_refused(desk: Desk) -> None:
    with pytest.raises(ModelUnavailableError):
        await desk.generation.request(ANNA, place(), replace(video(), model=ModelId("gone")))


async def test_a_job_can_be_asked_for_again_as_it_was_typed(desk: Desk) -> None:
    options = {OptionName.DURATION: 5, OptionName.AUDIO: True, OptionName.ASPECT: "1:1", OptionName.QUALITY: "720p"}
    accepted = await desk.generation.request(ANNA, place(), replace(video(100, PICTURE), options=options))

    request = await desk.generation.repeat(GUILD, accepted.job.id)

    assert request == VideoRequest(
        prompt="a red fox", model=MAKER.id, picture=PICTURE, aspect="1:1", duration=5, quality="720p", audio=True
    )


async def test_options_that_the_model_does_not_have_stay_open_when_asked_again(desk: Desk) -> None:
    job = await desk.job()

    request = await desk.generation.repeat(GUILD, job.id)

    assert request.chosen() == {}
    assert replace(request, picture=PICTURE).mode is Mode.IMAGE


# Other guilds.


async def test_another_guilds_job_id_reaches_nothing(desk: Desk) -> None:
    job = await desk.job()

    with pytest.raises(NotFoundError):
        await desk.generation.repeat(OTHER_GUILD, job.id)
    for is_staff in (False, True):
        with pytest.raises(NotFoundError):
            await desk.jobs.details(OTHER_GUILD, ANNA, job.id, is_staff=is_staff)
        with pytest.raises(NotFoundError):
            await desk.jobs.cancel(OTHER_GUILD, ANNA, job.id, is_staff=is_staff)
    assert (await desk.jobs.page(OTHER_GUILD, ANNA)).jobs == []
    assert (await desk.credits.history(OTHER_GUILD, ANNA)).lines == []
    assert (await desk.balance(guild_id=OTHER_GUILD)).held == 0
    assert (await desk.quotas.show(staff(OTHER_GUILD))).held == 0
    assert await desk.find(job) == job


async def test_credits_of_one_guild_pay_nothing_in_another(desk: Desk) -> None:
    await desk.quotas.set_default(staff(OTHER_GUILD), 0)
    await desk.grant(staff(), ANNA, 1000, None)

    with pytest.raises(InsufficientCreditsError):
        await desk.request(1, guild_id=OTHER_GUILD)


async def test_a_sold_answer_makes_a_retired_model_live_again(desk: Desk) -> None:
    desk.availability.note(KIE, "old/text", Sold())

    assert desk.generation.choose("old", Mode.TEXT) == OLD
