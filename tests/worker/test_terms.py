"""Each provider has its own terms, and nobody waits for another's."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import pytest

from bot.domain.ids import ProviderId
from bot.domain.jobs import FailureReason, JobState, Result
from bot.domain.models import Catalogue, Mode, ModelState
from bot.errors import AccountFault, AnswerLostError, ProviderAuthError
from bot.errors.requests import UnknownModelError
from bot.ports import Done
from bot.services.availability import Availability
from tests.fakes import KIE, PENDING, FakeProvider, Gate
from tests.samples import CATALOGUE, MAKER, model
from tests.worker.rig import Rig

SLOW = ProviderId("slow")
SLOW_MODEL = model("slow", provider=SLOW)


def with_slow(rig: Rig, **terms: object) -> FakeProvider:
    """A second provider beside Kie, with terms of its own."""
    slow = FakeProvider(rig.clock)
    slow.id = SLOW
    slow.terms = replace(
        slow.terms, **{"creates": 2, "creates_window": timedelta(seconds=60), "account": None, **terms}
    )
    rig.others = {SLOW: slow}
    rig.catalogue = Catalogue({**CATALOGUE.models, SLOW_MODEL.id: SLOW_MODEL})
    rig.build()
    return slow


async def test_each_provider_gets_as_many_create_calls_as_its_own_window_takes(rig: Rig) -> None:
    slow = with_slow(rig)
    for _ in range(5):
        await rig.accept(of=SLOW_MODEL)
        await rig.accept()

    async with rig.running():
        await rig.go()
        at_once = (len(slow.created_at), len(rig.provider.created_at))
        await rig.skip(timedelta(seconds=60))

    assert at_once == (2, 5)
    assert len(slow.created_at) == 4


async def test_a_restart_remembers_the_window_of_each_provider(rig: Rig) -> None:
    slow = with_slow(rig)
    for _ in range(4):
        await rig.accept(of=SLOW_MODEL)
    rig.start()
    await rig.go()
    await rig.stop()
    rig.clock.advance(seconds=30)

    rig.start_again()
    await rig.go()
    await rig.stop()

    assert len(slow.created_at) == 2


async def test_no_more_tasks_run_at_a_provider_than_it_takes(rig: Rig) -> None:
    slow = with_slow(rig, creates=10, running=3)
    slow.statuses.then(PENDING)
    for _ in range(5):
        await rig.accept(of=SLOW_MODEL)

    async with rig.running():
        await rig.go()

    assert len(slow.tasks) == 3


async def test_a_provider_that_does_not_answer_keeps_nobody_elses_jobs_waiting(rig: Rig) -> None:
    slow = with_slow(rig, creates=20)
    stuck = Gate(AnswerLostError("no answer"))
    slow.creates.then(stuck)
    for _ in range(10):
        await rig.accept(of=SLOW_MODEL)

    posting = Gate()
    rig.publisher.videos.then(posting)

    async with rig.running():
        await rig.go_until(stuck.reached)
        await rig.accept()
        async with asyncio.timeout(10):
            while not posting.reached.is_set():
                rig.clock.advance(seconds=5)
                await asyncio.sleep(0.01)  # The worker is never idle here, so there is no event to wait for.
        stuck.opened.set()
        posting.opened.set()


async def test_links_that_only_the_host_could_open_are_not_given_to_members(rig: Rig) -> None:
    slow = with_slow(rig, has_public_links=False)
    slow.statuses.then(Done(result=Result(url="https://vendor.test/content")))
    rig.downloads.answers.then(60_000_000)

    async with rig.running():
        job = await rig.accept(of=SLOW_MODEL)
        await rig.pass_time(minutes=5)

        assert await rig.state(job) is JobState.PARKED
    assert rig.publisher.attempts("link") == 0


async def test_a_late_look_comes_before_the_vendor_throws_the_video_away(rig: Rig) -> None:
    slow = with_slow(rig, results_kept=timedelta(hours=1), records_kept=timedelta(hours=6))
    slow.statuses.then(PENDING)

    async with rig.running():
        job = await rig.accept(of=SLOW_MODEL)
        await rig.go()
        await rig.skip(hours=2)
        await rig.pass_time(minutes=5)
        assert (await rig.find(job)).failure is FailureReason.TIMEOUT
        before = len(slow.asked_at)
        await rig.pass_time(hours=10)

    looks = slow.asked_at[before:]
    assert all(after - earlier <= timedelta(minutes=31) for earlier, after in pairwise(looks))
    assert timedelta(hours=5) < looks[-1] - (await rig.find(job)).created_at < timedelta(hours=7)


async def test_a_job_whose_provider_was_taken_out_of_the_settings_is_refunded_and_breaks_nothing(rig: Rig) -> None:
    slow = with_slow(rig)
    slow.statuses.then(PENDING)
    async with rig.running():
        running = await rig.accept(of=SLOW_MODEL)
        await rig.go()
        assert await rig.state(running) is JobState.RUNNING

    rig.others = {}
    rig.start_again()
    queued = await rig.accept(of=SLOW_MODEL)
    await rig.pass_time(minutes=5)
    assert await rig.state(running) is JobState.RUNNING
    await rig.skip(hours=14)
    await rig.kill()

    assert (await rig.find(queued)).failure is FailureReason.NOT_NOW
    assert (await rig.find(running)).failure is FailureReason.TIMEOUT


def test_models_of_a_provider_that_is_not_set_up_do_not_exist_for_members() -> None:
    foreign = model("foreign", provider=SLOW)
    gone = model("gone", provider=SLOW, state=ModelState.RETIRED, successor=MAKER.id)
    availability = Availability(Catalogue({one.id: one for one in (foreign, gone, MAKER)}), {KIE})

    assert [one.id for one in availability.offered()] == [MAKER.id]
    assert list(availability.visible.models) == [MAKER.id]
    assert {slug.provider for slug in availability.slugs()} == {KIE}
    with pytest.raises(UnknownModelError):
        availability.get("foreign", Mode.TEXT)
    # Jobs of before still have a name and a mode.
    assert availability.catalogue.find("foreign") is foreign


# Adapters that speak to one account.


def sharing(rig: Rig, **terms: object) -> FakeProvider:
    """A second adapter that speaks to Kie's account."""
    rig.provider.terms = replace(rig.provider.terms, account="kie", **terms)
    return with_slow(rig, **{"creates": rig.provider.terms.creates, "account": "kie", **terms})


async def test_one_account_has_one_window_for_create_calls(rig: Rig) -> None:
    other = sharing(rig, creates=3, creates_window=timedelta(seconds=60))
    for _ in range(3):
        await rig.accept(of=SLOW_MODEL)
        await rig.accept()

    async with rig.running():
        await rig.go()
        at_once = len(other.created_at) + len(rig.provider.created_at)
        await rig.skip(timedelta(seconds=61))

    assert at_once == 3
    assert len(other.created_at) + len(rig.provider.created_at) == 6


async def test_one_account_runs_so_many_tasks_and_no_more(rig: Rig) -> None:
    other = sharing(rig, creates=20, running=3)
    other.statuses.then(PENDING)
    rig.provider.statuses.then(PENDING)
    for _ in range(3):
        await rig.accept(of=SLOW_MODEL)
        await rig.accept()

    async with rig.running():
        await rig.go()

    assert len(other.tasks) + len(rig.provider.tasks) == 3


async def test_what_refuses_one_adapter_closes_all_of_its_account(rig: Rig) -> None:
    other = sharing(rig)
    other.creates.then(ProviderAuthError("insufficient", AccountFault.BALANCE))
    job = await rig.accept(of=SLOW_MODEL)

    async with rig.running():
        await rig.go()

    assert (await rig.find(job)).failure is FailureReason.BALANCE
    assert rig.gate.find(KIE) is not None
    assert list(rig.gate.closed()) == [KIE]
    assert rig.gate.resume(KIE)
    assert rig.gate.find(SLOW) is None
