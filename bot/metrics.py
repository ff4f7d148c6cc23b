"""What the host can watch: numbers about jobs, provider calls and the process, in one registry of our own."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector

from bot.domain.ids import ModelId, ProviderId
from bot.domain.jobs import JobState

# From a database write to a slow download; a step that takes longer than the last has a problem, not a duration.
STEP_BUCKETS = (0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 180)


class Metrics:
    """Labels come from closed sets (states, models, steps), never from members: the number of series stays small."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._jobs = Gauge("cutscene_jobs", "Jobs by state", ["state"], registry=registry)
        self._moves = Counter(
            "cutscene_moves", "Moves of jobs by the state they led to", ["state", "model"], registry=registry
        )
        self._calls = Counter(
            "cutscene_provider_calls",
            "Calls to providers by outcome",
            ["provider", "call", "outcome"],
            registry=registry,
        )
        self._steps = Histogram(
            "cutscene_step_seconds", "Time that a step of a job took", ["step"], registry=registry, buckets=STEP_BUCKETS
        )
        self._delivered = Counter("cutscene_delivered_bytes", "Bytes of posted videos", registry=registry)
        self._broken = Gauge(
            "cutscene_model_broken", "1 while a model fails again and again", ["provider", "slug"], registry=registry
        )
        self._lag = Gauge("cutscene_loop_lag_seconds", "How late the event loop ran, last measured", registry=registry)
        ProcessCollector(registry=registry)  # Memory, processor time and open files.
        for state in JobState:
            self._jobs.labels(state)

    def jobs(self, counts: Mapping[JobState, int]) -> None:
        """How many jobs are in each state now; states that are not named have none."""
        for state in JobState:
            self._jobs.labels(state).set(counts.get(state, 0))

    def moved(self, to: JobState, model: ModelId) -> None:
        self._moves.labels(to, model).inc()

    def called(self, provider: ProviderId, call: str, outcome: str) -> None:
        """A provider was asked. *call* is the adapter's method, *outcome* `ok` or the kind of error."""
        self._calls.labels(provider, call, outcome).inc()

    @contextmanager
    def timed(self, step: str) -> Iterator[None]:
        """Measure the step inside, however it ends."""
        began = time.perf_counter()
        try:
            yield
        finally:
            self._steps.labels(step).observe(time.perf_counter() - began)

    def model_broken(self, provider: ProviderId, slug: str, *, is_broken: bool) -> None:
        self._broken.labels(provider, slug).set(int(is_broken))

    def delivered(self, size: int) -> None:
        self._delivered.inc(size)

    def lagged(self, seconds: float) -> None:
        self._lag.set(seconds)
