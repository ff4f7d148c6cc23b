"""What the bot counts of itself."""

from __future__ import annotations

import pytest
from prometheus_client import CollectorRegistry

from bot.domain.ids import ModelId, ProviderId
from bot.domain.jobs import JobState
from bot.metrics import Metrics


def test_metrics_count_what_they_are_told() -> None:
    registry = CollectorRegistry()
    metrics = Metrics(registry)

    metrics.jobs({JobState.RUNNING: 3, JobState.QUEUED: 1})
    metrics.jobs({JobState.RUNNING: 2})
    metrics.moved(JobState.DELIVERED, ModelId("wan-3"))
    metrics.called(ProviderId("kie_jobs"), "status", "ok")
    metrics.called(ProviderId("kie_jobs"), "status", "ok")
    metrics.lagged(0.25)
    with pytest.raises(KeyError), metrics.timed("fetch"):
        raise KeyError

    assert registry.get_sample_value("cutscene_jobs", {"state": "running"}) == 2
    assert registry.get_sample_value("cutscene_jobs", {"state": "queued"}) == 0
    assert registry.get_sample_value("cutscene_moves_total", {"state": "delivered", "model": "wan-3"}) == 1
    calls = {"provider": "kie_jobs", "call": "status", "outcome": "ok"}
    assert registry.get_sample_value("cutscene_provider_calls_total", calls) == 2
    assert registry.get_sample_value("cutscene_loop_lag_seconds") == 0.25
    assert registry.get_sample_value("cutscene_step_seconds_count", {"step": "fetch"}) == 1


def test_two_registries_do_not_know_each_other() -> None:
    first, second = CollectorRegistry(), CollectorRegistry()

    Metrics(first).delivered(5)
    Metrics(second)

    assert second.get_sample_value("cutscene_delivered_bytes_total") == 0
