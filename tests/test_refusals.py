"""Forged callbacks: all are counted, few are told."""

from __future__ import annotations

import logging
from datetime import timedelta

import pytest
from prometheus_client import CollectorRegistry

from bot.refusals import Refusal, Refusals
from tests.fakes import HandClock


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def refusals(clock: HandClock, registry: CollectorRegistry) -> Refusals:
    return Refusals(clock, registry)


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [str(record.msg) for record in caplog.records]


def test_a_flood_of_forged_calls_is_counted_and_is_two_lines_a_minute_later(
    refusals: Refusals, registry: CollectorRegistry, clock: HandClock, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "bot.refusals"):
        for _ in range(3000):
            refusals.note(Refusal.UNKNOWN_JOB)
            clock.advance(timedelta(milliseconds=19))
        refusals.note(Refusal.WRONG_SIGNATURE)
        assert len(told(caplog)) == 1

        clock.advance(timedelta(minutes=1))
        refusals.note(Refusal.UNKNOWN_JOB)

    first, second = told(caplog)
    assert "'unknown_job': 1" in first
    assert "'unknown_job': 3000" in second
    assert "'wrong_signature': 1" in second
    assert registry.get_sample_value("cutscene_callbacks_refused_total", {"reason": "unknown_job"}) == 3001
    assert registry.get_sample_value("cutscene_callbacks_refused_total", {"reason": "used_signature"}) == 0


def test_a_clock_that_was_put_back_does_not_silence_the_log(
    refusals: Refusals, clock: HandClock, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "bot.refusals"):
        refusals.note(Refusal.UNKNOWN_JOB)
        clock.advance(timedelta(hours=-1))
        refusals.note(Refusal.UNKNOWN_JOB)

    assert len(told(caplog)) == 2
