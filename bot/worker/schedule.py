"""When to look again: at a rendering task, after a failure, and how long to be patient.

A poll answers "has it ended?"; the right moment depends on how likely that is. With the hazard h (the chance to end in
the next second, given that it has not ended yet) and the price c of one question in seconds of waiting, asking every
sqrt(2c/h) seconds costs the least. The hazard comes from the model's own durations, as a log-normal distribution.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from random import Random

SHORTEST = timedelta(seconds=1)
LONGEST = timedelta(seconds=30)  # before the soft limit
PATIENT = timedelta(seconds=60)  # after it

# What a question costs, in seconds of one member's waiting, for each running task and each question a second that the
# provider allows. With few tasks the budget is free and asking every other second is polite enough; with a hundred, all
# together stay within it.
QUESTION_COST = 0.048
CHEAPEST = 0.03

# Hardly any task ends before one in a hundred of its kind has; until then a few looks, each twice as late as the last,
# catch what the history does not know.
FIRST_LOOK = timedelta(seconds=2)

# Without a history: the catalogue's typical time, give or take a factor of about two (recorded spreads by model).
PRIOR_SIGMA = 0.5
PRIOR_WEIGHT = 5  # how many runs the catalogue's word is worth


@dataclass(frozen=True, slots=True)
class Durations:
    """A model's durations as a log-normal distribution: mean and spread of the logarithm of seconds."""

    mu: float
    sigma: float

    @classmethod
    def learnt(cls, typical: timedelta, history: Sequence[timedelta]) -> Durations:
        """The catalogue's typical time, corrected by what was measured."""
        prior = math.log(max(1.0, typical.total_seconds()))
        logs = [math.log(max(0.5, duration.total_seconds())) for duration in history]
        weight = PRIOR_WEIGHT + len(logs)
        mu = (prior * PRIOR_WEIGHT + sum(logs)) / weight
        spread = PRIOR_SIGMA**2 * PRIOR_WEIGHT + sum((value - mu) ** 2 for value in logs)
        return cls(mu, max(0.1, math.sqrt(spread / weight)))

    def hazard(self, seconds: float) -> float:
        """The chance per second to end now, given that it has not ended before."""
        if seconds < 1e-6:
            return 0.0
        z = (math.log(seconds) - self.mu) / self.sigma
        survival = 0.5 * math.erfc(z / math.sqrt(2))
        if survival < 1e-12:
            # Far in the tail both parts vanish; their ratio is about z / (sigma * t).
            return z / (self.sigma * seconds)
        density = math.exp(-z * z / 2) / (seconds * self.sigma * math.sqrt(2 * math.pi))
        return density / survival

    def quantile(self, z: float) -> float:
        """Seconds after which the share that belongs to this z has ended (-2.33: one in a hundred)."""
        return math.exp(self.mu + z * self.sigma)


def next_poll(
    elapsed: timedelta, durations: Durations, *, running: int, per_second: int, soft_limit: timedelta
) -> timedelta:
    """How long to wait before asking about a task that has run for *elapsed*.

    *running* tasks share the provider's budget of questions *per_second*, so with many of them nobody asks more often
    than that allows.
    """
    if elapsed >= soft_limit:
        return PATIENT
    seconds = elapsed.total_seconds()
    share = running / per_second
    earliest = durations.quantile(-2.33)
    if seconds < earliest:
        wait = min(earliest - seconds, max(seconds, FIRST_LOOK.total_seconds()))
    else:
        hazard = durations.hazard(seconds)
        cost = max(CHEAPEST, QUESTION_COST * share)
        wait = math.sqrt(2 * cost / hazard) if hazard > 0 else LONGEST.total_seconds()
    wait = min(max(wait, SHORTEST.total_seconds()), LONGEST.total_seconds())
    return timedelta(seconds=max(wait, share))  # The provider's budget counts more than anybody's impatience.


def back_off(attempt: int, random: Random, *, first: timedelta, longest: timedelta) -> timedelta:
    """Double the wait with each attempt (from 0), up to *longest*; spread, so that a crowd does not return at once."""
    seconds = min(longest.total_seconds(), first.total_seconds() * 2.0 ** min(attempt, 30))
    return timedelta(seconds=seconds * random.uniform(0.75, 1.25))  # No secret depends on it.  # nosec B311
