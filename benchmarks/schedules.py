"""When each bot would notice that a video is ready: its schedule, played against thousands of seeded durations.

Waiting for real would take minutes for every sample. No callbacks here, no network, and no waiting for one's turn:
what is compared is the schedule alone, ours as it stands in `bot/worker/schedule.py`, the baseline's as a question
every 10 s.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from random import Random

from benchmarks.table import Row, percentile
from benchmarks.terms import POLL_SECONDS
from bot.providers.kie import TERMS
from bot.worker.schedule import Durations, next_poll

JOBS = 4000
# Recorded medians of Kie's video models lie between one and four minutes, with a spread of about a factor of 1.5.
MEDIAN = timedelta(seconds=130)
SPREAD = 0.4
# Half an hour of a model like this one: ours begins to ask slowly then.
SOFT_LIMIT = timedelta(minutes=15)
HISTORY = 50

Wait = Callable[[timedelta], timedelta]  # after so long, how long until the next question


@dataclass(frozen=True, slots=True)
class Case:
    key: str
    title: str
    running: int  # tasks at the provider at the same time
    history: int  # earlier runs that ours knows


CASES = (
    Case("10", "10 jobs running", 10, HISTORY),
    Case("100", "100 jobs running", 100, HISTORY),
    Case("new", "10 running, nothing learnt yet", 10, 0),
)

ROWS = tuple(
    Row(f"{case.key} {name}", f"{title} ({case.title}; simulated)", unit)
    for case in CASES
    for name, title, unit in (
        ("lag p50", "ready to noticed, p50", "s"),
        ("lag p95", "ready to noticed, p95", "s"),
        ("polls", "polls per job", ""),
    )
)


def play(*, is_ours: bool, seed: int) -> Mapping[str, float]:
    """One round: the same seed gives both bots the same durations."""
    results: dict[str, float] = {}
    for case in CASES:
        random = Random(f"{case.key} {seed}")
        history = [_duration(random) for _ in range(case.history)]
        durations = [_duration(random) for _ in range(JOBS)]
        wait = _ours(case, history) if is_ours else _fixed
        noticed = [notice(duration, wait, first=_first(wait, is_ours=is_ours)) for duration in durations]
        lags = [lag.total_seconds() for lag, _ in noticed]
        results[f"{case.key} lag p50"] = percentile(lags, 0.5)
        results[f"{case.key} lag p95"] = percentile(lags, 0.95)
        results[f"{case.key} polls"] = sum(polls for _, polls in noticed) / len(noticed)
    return results


def notice(duration: timedelta, wait: Wait, *, first: timedelta) -> tuple[timedelta, int]:
    """How long after its end a task is noticed, and how many questions that took."""
    asked_at, polls = first, 1
    while asked_at < duration:
        asked_at += wait(asked_at)
        polls += 1
    return asked_at - duration, polls


def _ours(case: Case, history: list[timedelta]) -> Wait:
    durations = Durations.learnt(MEDIAN, history)

    def wait(elapsed: timedelta) -> timedelta:
        per_second = TERMS.queries_per_second
        return next_poll(elapsed, durations, running=case.running, per_second=per_second, soft_limit=SOFT_LIMIT)

    return wait


def _fixed(_: timedelta) -> timedelta:
    return timedelta(seconds=POLL_SECONDS)


def _first(wait: Wait, *, is_ours: bool) -> timedelta:
    """The baseline asks right after the create call; ours waits as its schedule says."""
    return wait(timedelta(0)) if is_ours else timedelta(0)


def _duration(random: Random) -> timedelta:
    return timedelta(seconds=MEDIAN.total_seconds() * random.lognormvariate(0, SPREAD))
