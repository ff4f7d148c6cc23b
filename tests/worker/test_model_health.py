"""A model that breaks: its jobs wait, one of them tries it, and the others do not notice."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.domain.jobs import FailureReason, Job, JobState
from bot.domain.models import Catalogue
from bot.errors import ProviderUnavailableError
from bot.errors.jobs import TooLateError
from bot.ports import NotSold, Refused
from bot.services.model_health import MOST_FAILURES, SHORTEST_PAUSE, Condition
from bot.services.troubles import Troubles
from bot.worker.health_watch import HealthWatch
from tests.fakes import FINISHED, KIE, PENDING, Gate
from tests.samples import ANNA, CATALOGUE, GUILD, PICTURE, model, place, video
from tests.worker.rig import Rig

SLUG = "maker/text"
OTHER = model("other")
BROKEN = Refused(reason=FailureReason.UPSTREAM, detail="internal error")
BLOCKED = Refused(reason=FailureReason.MODERATION, detail="flagged")


def watch(rig: Rig) -> HealthWatch:
    return HealthWatch(
        providers={KIE: rig.provider},
        availability=rig.availability,
        health=rig.health,
        rates=rig.rates,
        troubles=Troubles(rig.database, rig.clock, rig.publisher),
        clock=rig.clock,
    )


async def fail(rig: Rig, times: int, how: Refused = BROKEN) -> list[Job]:
    rig.provider.statuses.then(how)
    failed = [await rig.accept() for _ in range(times)]
    await rig.pass_time(minutes=2)
    return failed


async def test_after_three_failures_of_the_vendor_in_a_row_jobs_wait_and_keep_their_credits(rig: Rig) -> None:
    async with rig.running():
        await fail(rig, MOST_FAILURES)
        waiting = await rig.accept()
        await rig.pass_time(minutes=2)

        assert len(rig.provider.tasks) == MOST_FAILURES
        assert await rig.state(waiting) is JobState.QUEUED
        assert rig.health.is_broken(waiting)
        assert rig.health.condition(KIE, SLUG) is Condition.BROKEN


@pytest.mark.parametrize("between", [FINISHED, None])
async def test_failures_that_are_not_in_a_row_or_not_the_vendors_open_nothing(rig: Rig, between: object) -> None:
    async with rig.running():
        await fail(rig, MOST_FAILURES - 1)
        if between is None:
            await fail(rig, 3, BLOCKED)
        else:
            rig.provider.statuses.then(between)
            await rig.accept()
            await rig.pass_time(minutes=2)
            await fail(rig, MOST_FAILURES - 1)

        assert rig.health.condition(KIE, SLUG) is Condition.WELL


async def test_other_models_of_the_same_provider_go_on(rig: Rig) -> None:
    rig.catalogue = Catalogue({**CATALOGUE.models, OTHER.id: OTHER})
    rig.build()
    async with rig.running():
        await fail(rig, MOST_FAILURES)
        rig.provider.statuses.then(FINISHED)
        job = await rig.accept(of=OTHER)
        await rig.pass_time(minutes=2)

        assert await rig.state(job) is JobState.DELIVERED


async def test_when_the_free_question_is_answered_well_one_job_tries_and_then_all_go(rig: Rig) -> None:
    async with rig.running():
        await fail(rig, MOST_FAILURES)
        waiting = [await rig.accept() for _ in range(3)]
        await rig.pass_time(SHORTEST_PAUSE)
        await watch(rig).look_once()
        rig.provider.statuses.then(PENDING)
        await rig.pass_time(minutes=1)
        on_trial = len(rig.provider.tasks) - MOST_FAILURES
        rig.provider.statuses.then(FINISHED)
        await rig.pass_time(minutes=4)

        assert [slug for _, slug in rig.provider.probed] == [SLUG]
        assert on_trial == 1
        assert [await rig.state(job) for job in waiting] == [JobState.DELIVERED] * 3
        assert rig.health.condition(KIE, SLUG) is Condition.WELL


async def test_a_trial_that_fails_makes_the_others_wait_twice_as_long(rig: Rig) -> None:
    async with rig.running():
        await fail(rig, MOST_FAILURES)
        waiting = [await rig.accept() for _ in range(2)]
        await rig.pass_time(SHORTEST_PAUSE)
        await watch(rig).look_once()
        await rig.pass_time(minutes=2)
        after_trial = len(rig.provider.tasks)
        await rig.pass_time(SHORTEST_PAUSE)
        await watch(rig).look_once()
        await rig.pass_time(minutes=1)

        assert after_trial == MOST_FAILURES + 1
        assert len(rig.provider.tasks) == MOST_FAILURES + 1
        assert sorted([await rig.state(job) for job in waiting]) == [JobState.FAILED, JobState.QUEUED]
        await rig.pass_time(SHORTEST_PAUSE)
        await watch(rig).look_once()
        assert rig.health.condition(KIE, SLUG) is Condition.ON_TRIAL


@pytest.mark.parametrize("answer", [NotSold(is_known=True, detail="paused"), ProviderUnavailableError("away")])
async def test_while_the_free_question_is_not_answered_well_nothing_is_tried(rig: Rig, answer: object) -> None:
    rig.provider.probes[SLUG] = answer  # type: ignore[assignment]
    async with rig.running():
        await fail(rig, MOST_FAILURES)
        await rig.accept()
        await rig.pass_time(SHORTEST_PAUSE)
        await watch(rig).look_once()
        await rig.pass_time(minutes=2)

        assert len(rig.provider.tasks) == MOST_FAILURES


async def test_without_a_free_question_the_time_alone_lets_one_job_try(rig: Rig) -> None:
    rig.provider.terms = replace(rig.provider.terms, has_free_probe=False)
    rig.build()
    async with rig.running():
        await fail(rig, MOST_FAILURES)
        job = await rig.accept()
        rig.provider.statuses.then(FINISHED)
        await watch(rig).look_once()
        await rig.pass_time(minutes=1)
        early = await rig.state(job)
        await rig.pass_time(SHORTEST_PAUSE)
        await watch(rig).look_once()
        await rig.pass_time(minutes=2)

        assert (early, await rig.state(job)) == (JobState.QUEUED, JobState.DELIVERED)
        assert rig.provider.probed == []


async def test_who_waits_too_long_gets_the_credits_back(rig: Rig) -> None:
    async with rig.running():
        await fail(rig, MOST_FAILURES)
        waiting = await rig.accept()
        await rig.skip(hours=2)

        found = await rig.find(waiting)
        assert (found.state, found.failure) == (JobState.FAILED, FailureReason.NOT_NOW)
        assert await rig.kinds(waiting) == ["charge", "refund"]


async def test_the_host_is_told_once_and_the_numbers_say_so(rig: Rig) -> None:
    looking = watch(rig)
    async with rig.running():
        await fail(rig, MOST_FAILURES)
        await looking.look_once()
        await looking.look_once()
        broken = rig.broken_models()
        rig.health.confirm((KIE, SLUG))
        rig.provider.statuses.then(FINISHED)
        await rig.accept()
        await rig.pass_time(minutes=2)
        await looking.look_once()

    assert [text for text in rig.publisher.told if SLUG in text] == [
        f"The model {SLUG} at {KIE} has failed several times in a row. Jobs for it wait; it is tried again by itself.",
        f"The model {SLUG} at {KIE} works again.",
    ]
    assert (broken, rig.broken_models()) == ({SLUG: 1.0}, {SLUG: 0.0})


async def test_a_trial_whose_prompt_was_to_blame_makes_room_for_the_next(rig: Rig) -> None:
    async with rig.running():
        await fail(rig, MOST_FAILURES)
        rig.health.confirm((KIE, SLUG))
        rig.provider.statuses.then(BLOCKED)
        await rig.accept()
        await rig.pass_time(minutes=2)
        rig.provider.statuses.then(FINISHED)
        second = await rig.accept()
        await rig.pass_time(minutes=2)

        assert await rig.state(second) is JobState.DELIVERED


# Over a restart.


async def restart(rig: Rig) -> None:
    """A kill, and the next process as the App starts it."""
    await rig.kill()
    rig.clock.advance(seconds=1)
    rig.build()
    await rig.health.recall(rig.database)
    rig.start()


async def test_a_model_that_was_broken_is_still_broken_after_a_restart(rig: Rig) -> None:
    async with rig.running():
        await fail(rig, MOST_FAILURES)
        waiting = await rig.accept()
        await restart(rig)
        await rig.pass_time(minutes=2)

        assert len(rig.provider.tasks) == MOST_FAILURES
        assert await rig.state(waiting) is JobState.QUEUED
        assert rig.health.condition(KIE, SLUG) is Condition.BROKEN
        assert rig.broken_models() == {SLUG: 1.0}
        await rig.pass_time(SHORTEST_PAUSE)
        await watch(rig).look_once()
        rig.provider.statuses.then(FINISHED)
        await rig.pass_time(minutes=2)
        assert await rig.state(waiting) is JobState.DELIVERED


async def test_failures_before_a_restart_count_with_those_after_it(rig: Rig) -> None:
    async with rig.running():
        await fail(rig, MOST_FAILURES - 1)
        await restart(rig)
        before = rig.health.condition(KIE, SLUG)
        await fail(rig, 1)

        assert (before, rig.health.condition(KIE, SLUG)) == (Condition.WELL, Condition.BROKEN)


async def test_a_job_that_moves_after_its_end_is_no_failure_of_the_next_process(rig: Rig) -> None:
    async with rig.running():
        failed = await fail(rig, MOST_FAILURES - 1)
        await restart(rig)
        for job in failed:
            rig.health.follow(await rig.find(job))

        assert rig.health.condition(KIE, SLUG) is Condition.WELL


@pytest.mark.parametrize("how", [FINISHED, BLOCKED])
async def test_what_was_no_failure_of_the_model_is_none_after_a_restart(rig: Rig, how: object) -> None:
    async with rig.running():
        await fail(rig, MOST_FAILURES - 1)
        rig.provider.statuses.then(how)
        await rig.accept()
        await rig.pass_time(minutes=2)
        await restart(rig)
        well = rig.health.condition(KIE, SLUG)
        await fail(rig, 1)

        assert well is Condition.WELL
        assert (rig.health.condition(KIE, SLUG) is Condition.WELL) is (how is FINISHED)


async def test_a_trial_that_failed_before_a_restart_has_doubled_the_pause(rig: Rig) -> None:
    async with rig.running():
        await fail(rig, MOST_FAILURES)
        await rig.accept()
        await rig.pass_time(SHORTEST_PAUSE)
        await watch(rig).look_once()
        await rig.pass_time(minutes=1)
        await restart(rig)
        rig.clock.advance(SHORTEST_PAUSE)
        early = list(rig.health.due())
        rig.clock.advance(SHORTEST_PAUSE)

        assert (early, list(rig.health.due())) == ([], [(KIE, SLUG)])


async def test_a_trial_goes_on_over_a_restart_and_the_others_wait_for_it(rig: Rig) -> None:
    async with rig.running():
        await fail(rig, MOST_FAILURES)
        waiting = [await rig.accept() for _ in range(2)]
        await rig.pass_time(SHORTEST_PAUSE)
        await watch(rig).look_once()
        rig.provider.statuses.then(PENDING)
        await rig.pass_time(minutes=1)
        await restart(rig)
        await rig.pass_time(minutes=1)
        on_trial = len(rig.provider.tasks) - MOST_FAILURES
        rig.provider.statuses.then(FINISHED)
        await rig.pass_time(minutes=4)

        assert on_trial == 1
        assert [await rig.state(job) for job in waiting] == [JobState.DELIVERED] * 2


async def test_what_failed_half_a_day_ago_is_forgotten_and_the_host_hears_of_the_end(rig: Rig) -> None:
    async with rig.running():
        await fail(rig, MOST_FAILURES)
        await watch(rig).look_once()
        rig.clock.advance(hours=12)
        await restart(rig)
        await watch(rig).look_once()

        assert rig.health.condition(KIE, SLUG) is Condition.WELL
        assert rig.publisher.told[-1] == f"The model {SLUG} at {KIE} works again."


# The member takes another model.


async def test_a_job_that_is_just_being_prepared_can_still_be_exchanged_and_is_not_sent(rig: Rig) -> None:
    rig.catalogue = Catalogue({**CATALOGUE.models, OTHER.id: OTHER})
    rig.build()
    upload = Gate("https://uploads.test/1.png")
    rig.provider.uploads.then(upload, "https://uploads.test/2.png")
    async with rig.running():
        old = await rig.accept(picture=PICTURE)
        await rig.go_until(upload.reached)
        accepted = await rig.generation.request(
            ANNA, place(), video(60, PICTURE, of=OTHER), instead_of=old.id, seen_price=60
        )
        upload.opened.set()
        rig.provider.statuses.then(FINISHED)
        await rig.pass_time(minutes=2)

        assert [task.slug for task in rig.provider.tasks.values()] == ["other/image"]
        assert [await rig.state(job) for job in (old, accepted.job)] == [JobState.CANCELLED, JobState.DELIVERED]
        assert await rig.kinds(old) == ["charge", "refund"]
        assert await rig.differences() == []


async def test_a_job_that_has_been_sent_cannot_be_exchanged_and_nothing_is_taken(rig: Rig) -> None:
    rig.catalogue = Catalogue({**CATALOGUE.models, OTHER.id: OTHER})
    rig.build()
    rig.provider.statuses.then(PENDING)
    async with rig.running():
        old = await rig.accept()
        await rig.go()
        before = await rig.credits.balance(GUILD, ANNA)

        with pytest.raises(TooLateError):
            await rig.generation.request(ANNA, place(), video(60, of=OTHER), instead_of=old.id, seen_price=60)

        assert await rig.state(old) is JobState.RUNNING
        assert (await rig.credits.balance(GUILD, ANNA)).spendable == before.spendable
        assert len(rig.provider.tasks) == 1
