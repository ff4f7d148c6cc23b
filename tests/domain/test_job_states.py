"""The arrows between a job's states."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

import pytest

from bot.domain.ids import JobId, ProviderId
from bot.domain.jobs import ACTIVE, ARROWS, AT_PROVIDER, TOKEN_LIFE, Job, JobState, is_allowed
from tests.fakes import NOON
from tests.samples import ANNA, place, video

HAPPY = ["queued", "submitting", "running", "fetching", "delivering", "delivered"]


def reachable(start: JobState) -> set[JobState]:
    seen, new = {start}, {start}
    while new:
        new = {target for source in new for target in ARROWS[source]} - seen
        seen |= new
    return seen


def test_every_state_has_its_arrows() -> None:
    assert set(ARROWS) == set(JobState)


def test_a_job_goes_from_the_queue_to_the_channel() -> None:
    states = [JobState(name) for name in HAPPY]

    assert all(is_allowed(source, target) for source, target in pairwise(states))


@pytest.mark.parametrize("state", list(JobState))
def test_a_job_may_stay_where_it_is(state: JobState) -> None:
    assert is_allowed(state, state)


@pytest.mark.parametrize("state", sorted(ACTIVE))
def test_every_job_on_its_way_can_come_to_an_end(state: JobState) -> None:
    assert reachable(state) - ACTIVE


def test_a_cancelled_job_goes_nowhere() -> None:
    assert reachable(JobState.CANCELLED) == {JobState.CANCELLED}


def test_a_delivered_job_is_only_ever_delivered_again() -> None:
    assert ARROWS[JobState.DELIVERED] == {JobState.DELIVERING}
    assert not reachable(JobState.DELIVERED) & {JobState.QUEUED, JobState.SUBMITTING, JobState.RUNNING}


def test_nothing_is_ever_sent_twice() -> None:
    """Only a refusal leads from the create call back to the queue; a lost answer never does."""
    after_a_lost_answer = reachable(JobState.UNKNOWN)
    after_the_task_has_its_name = reachable(JobState.RUNNING)

    assert JobState.SUBMITTING not in after_a_lost_answer | after_the_task_has_its_name
    assert {source for source in JobState if JobState.QUEUED in ARROWS[source]} == {JobState.SUBMITTING}


def test_a_job_is_only_cancelled_out_of_the_queue() -> None:
    assert {source for source in JobState if JobState.CANCELLED in ARROWS[source]} == {JobState.QUEUED}


def test_jobs_at_the_provider_are_on_their_way() -> None:
    assert AT_PROVIDER < ACTIVE


def test_a_nonce_is_the_jobs_own_and_short_enough_for_discord() -> None:
    job = Job(
        id=JobId(10**9 - 1),
        user_id=ANNA,
        place=place(),
        video=video(),
        provider=ProviderId("kie_jobs"),
        state=JobState.QUEUED,
        fence=0,
        attempts=0,
        callback_secret="secret",
        created_at=NOON,
        due_at=NOON,
    )

    assert str(job.id) in job.nonce
    assert len(job.nonce) <= 25
    assert job.token_expires_at - job.created_at == TOKEN_LIFE == timedelta(minutes=15)
    assert "secret" not in repr(job)
    assert "interaction_token" not in repr(job)
