"""Kie's signature, how long it is fresh, and that it counts once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from bot.signatures import FRESHNESS, Replays, is_fresh, verify_kie_signature

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


def test_signature_agrees_with_a_known_answer() -> None:
    # Computed with `printf t-1.1700000000 | openssl dgst -sha256 -hmac key -binary | base64`.
    signature = "XCOeP47iQknCuZLyBILzM6gjTun5dWAbrSGU1/2+olA="
    at = datetime.fromtimestamp(1_700_000_000, UTC)

    assert verify_kie_signature("key", "t-1", "1700000000", signature, at)
    assert not verify_kie_signature("yek", "t-1", "1700000000", signature, at)
    assert not verify_kie_signature("key", "t-1", "1700000000", "ä" + signature, at)


@pytest.mark.parametrize("timestamp", ["", "soon", "-1", "1e9", "١٧٠٠٠٠٠٠٠٠", "9" * 400, " 1700000000", "1700000000.5"])
def test_strange_timestamps_are_never_fresh(timestamp: str) -> None:
    assert not is_fresh(timestamp, datetime.fromtimestamp(1_700_000_000, UTC))


def test_timestamps_are_fresh_for_five_minutes_either_way() -> None:
    timestamp = str(int(NOW.timestamp()))

    assert is_fresh(timestamp, NOW + timedelta(seconds=300))
    assert is_fresh(timestamp, NOW - timedelta(seconds=300))
    assert not is_fresh(timestamp, NOW + timedelta(seconds=301))
    assert not is_fresh(timestamp, NOW - timedelta(seconds=301))


def test_remembered_signatures_are_dropped_when_they_are_old_or_too_many() -> None:
    replays = Replays(most=3)

    for number in range(5):
        assert replays.take((f"t-{number}", "1"), NOW)
    assert len(replays) == 3
    assert not replays.take(("t-4", "1"), NOW + 2 * FRESHNESS)

    assert replays.take(("t-4", "1"), NOW + 2 * FRESHNESS + timedelta(seconds=1))
    assert len(replays) == 1
