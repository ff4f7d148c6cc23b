"""When to look again: within bounds, never impatient together, and better than a fixed beat."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.providers.kie import TERMS
from bot.worker.schedule import (
    LONGEST,
    PATIENT,
    SHORTEST,
    Durations,
    back_off,
    next_poll,
)

PER_SECOND = TERMS.queries_per_second
SOFT = timedelta(minutes=10)
HOUR = timedelta(hours=1)

seconds = st.floats(min_value=0.001, max_value=7200)
times = st.builds(lambda value: timedelta(seconds=value), seconds)
histories = st.lists(times, max_size=30)
learnt = st.builds(Durations.learnt, times, histories)
crowds = st.integers(min_value=0, max_value=TERMS.running)


@given(elapsed=times, durations=learnt, running=crowds)
def test_the_next_question_is_neither_at_once_nor_far_away(
    elapsed: timedelta, durations: Durations, running: int
) -> None:
    wait = next_poll(elapsed, durations, running=running, per_second=PER_SECOND, soft_limit=SOFT)

    assert SHORTEST <= wait <= max(LONGEST, PATIENT)


@given(elapsed=times, durations=learnt, few=crowds, more=crowds)
def test_more_running_tasks_are_never_asked_about_more_often(
    elapsed: timedelta, durations: Durations, few: int, more: int
) -> None:
    few, more = sorted((few, more))

    assert next_poll(elapsed, durations, running=few, per_second=PER_SECOND, soft_limit=SOFT) <= next_poll(
        elapsed, durations, running=more, per_second=PER_SECOND, soft_limit=SOFT
    )


@given(elapsed=times, durations=learnt, running=st.integers(min_value=1, max_value=5000))
def test_all_running_tasks_together_stay_within_the_query_budget(
    elapsed: timedelta, durations: Durations, running: int
) -> None:
    wait = next_poll(elapsed, durations, running=running, per_second=PER_SECOND, soft_limit=HOUR * 24)

    assert running / wait.total_seconds() <= TERMS.queries_per_second * 1.001


@given(durations=learnt, running=crowds)
def test_after_the_soft_limit_questions_come_once_a_minute(durations: Durations, running: int) -> None:
    assert next_poll(SOFT, durations, running=running, per_second=PER_SECOND, soft_limit=SOFT) == PATIENT


@given(durations=learnt, elapsed=st.floats(min_value=0, max_value=1e6))
def test_the_hazard_is_a_rate(durations: Durations, elapsed: float) -> None:
    hazard = durations.hazard(elapsed)

    assert math.isfinite(hazard)
    assert hazard >= 0


def test_the_hazard_is_that_of_the_distribution() -> None:
    """The chance to end in the next moment, of those that have not ended: counted instead of computed."""
    durations, random = Durations(mu=math.log(60), sigma=0.5), Random(3)
    ends = [math.exp(random.gauss(durations.mu, durations.sigma)) for _ in range(100_000)]
    for at in (30.0, 60.0, 120.0):
        left = [end for end in ends if end >= at]
        counted = sum(1 for end in left if end < at + 1) / len(left)

        assert durations.hazard(at + 0.5) == pytest.approx(counted, rel=0.15)


def test_far_in_the_tail_the_hazard_goes_on_without_a_jump() -> None:
    durations = Durations(mu=math.log(60), sigma=0.1)
    rates = [durations.hazard(at) for at in range(100, 140)]

    assert all(abs(later / earlier - 1) < 0.1 for earlier, later in pairwise(rates))


def test_the_catalogue_counts_like_five_runs() -> None:
    typical = timedelta(seconds=60)
    none = Durations.learnt(typical, [])
    five = Durations.learnt(typical, [timedelta(seconds=240)] * 5)
    many = Durations.learnt(typical, [timedelta(seconds=240)] * 500)

    assert none.quantile(0) == pytest.approx(60)
    assert five.quantile(0) == pytest.approx(120)
    assert many.quantile(0) == pytest.approx(240, rel=0.02)
    assert many.sigma < five.sigma


@dataclass
class Played:
    """How many questions a job took, and how long its finished video waited for one, on average."""

    polls: float
    lag: float


def play(next_wait: Callable[[float, list[timedelta]], float], *, median: float = 140, jobs: int = 300) -> Played:
    """Jobs one after the other with seeded durations; what was seen of earlier ones is the history of the later."""
    random, history = Random(11), []
    polls, lags = 0, 0.0
    for _ in range(jobs):
        ends_at = math.exp(random.gauss(math.log(median), 0.3))
        now = 0.0
        while now < ends_at:
            now += next_wait(now, history)
            polls += 1
        lags += now - ends_at
        history.append(timedelta(seconds=now))
    return Played(polls / jobs, lags / jobs)


def ours(running: int) -> Callable[[float, list[timedelta]], float]:
    def wait(now: float, history: list[timedelta]) -> float:
        durations = Durations.learnt(timedelta(seconds=120), history[-200:])
        return next_poll(
            timedelta(seconds=now),
            durations,
            running=running,
            per_second=PER_SECOND,
            soft_limit=timedelta(minutes=20),
        ).total_seconds()

    return wait


FIXED = play(lambda _now, _history: 10.0)


def test_with_few_tasks_a_finished_video_is_noticed_in_a_fraction_of_a_fixed_beats_time() -> None:
    assert play(ours(running=4)).lag < FIXED.lag / 2.5


def test_with_a_full_provider_fewer_questions_are_asked_than_by_a_fixed_beat() -> None:
    assert play(ours(running=100)).polls < FIXED.polls / 1.5


def test_at_the_same_number_of_questions_a_finished_video_is_noticed_sooner() -> None:
    same = min(
        (play(ours(running)) for running in (45, 50, 55, 60, 65, 70)), key=lambda one: abs(one.polls - FIXED.polls)
    )

    assert same.polls == pytest.approx(FIXED.polls, rel=0.05)
    assert same.lag < FIXED.lag * 0.92


@pytest.mark.parametrize("running", [1, 10, 40, 70])
def test_questions_times_lag_is_below_what_any_fixed_beat_can_reach(running: int) -> None:
    """For a fixed beat the product is half of the mean duration, whatever the beat."""
    mine = play(ours(running))

    assert mine.polls * mine.lag < 0.95 * FIXED.polls * FIXED.lag


@given(
    attempt=st.integers(min_value=0, max_value=10_000), first=st.floats(min_value=0.1, max_value=60), seed=st.integers()
)
def test_backing_off_doubles_up_to_its_limit_and_spreads(attempt: int, first: float, seed: int) -> None:
    longest = timedelta(minutes=5)

    wait = back_off(attempt, Random(seed), first=timedelta(seconds=first), longest=longest).total_seconds()

    middle = min(longest.total_seconds(), first * 2 ** min(attempt, 30))
    assert 0.75 * middle - 0.001 <= wait <= 1.25 * middle + 0.001
