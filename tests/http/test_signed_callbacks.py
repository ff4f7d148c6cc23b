"""The bot's HTTP server, over a real socket: a provider signs its calls."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import pytest

from bot.signatures import FRESHNESS
from tests.http.making import NOW, House, running

KEY = "hmac-key-of-the-host"


@pytest.fixture
async def signed_house() -> AsyncIterator[House]:
    async with running(webhook_key=KEY) as opened:
        yield opened


def signed(task_id: str = "t-1", at: datetime = NOW, key: str = KEY) -> dict[str, str]:
    """The headers as Kie's page describes them, made here without our own code."""
    timestamp = str(int(at.timestamp()))
    digest = hmac.new(key.encode(), f"{task_id}.{timestamp}".encode(), hashlib.sha256).digest()
    return {"X-Webhook-Timestamp": timestamp, "X-Webhook-Signature": base64.b64encode(digest).decode()}


async def test_signed_callback_is_taken(signed_house: House) -> None:
    assert await signed_house.call_back(headers=signed()) == 200
    assert signed_house.callbacks.hints == [(17, "s3cret", "t-1")]


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-Webhook-Timestamp": "1", "X-Webhook-Signature": ""},
        signed(key="another key"),
        signed(task_id="t-2"),
        signed(at=NOW - FRESHNESS - timedelta(seconds=1)),
        signed(at=NOW + FRESHNESS + timedelta(seconds=1)),
        signed() | {"X-Webhook-Timestamp": str(int(NOW.timestamp()) + 1)},
        signed() | {"X-Webhook-Signature": signed()["X-Webhook-Signature"].rstrip("=")},
    ],
    ids=["none", "empty", "key", "task", "old", "future", "time", "cut"],
)
async def test_callback_without_a_right_and_fresh_signature_is_a_404(
    signed_house: House, headers: dict[str, str]
) -> None:
    assert await signed_house.call_back(headers=headers) == 404
    assert signed_house.callbacks.hints == []


async def test_what_is_refused_can_be_seen_by_the_host(signed_house: House) -> None:
    await signed_house.call_back()
    await signed_house.call_back("/callbacks/kie/17/wrong", headers=signed())

    _, text = await signed_house.ask("GET", "/metrics")

    assert 'cutscene_callbacks_refused_total{reason="wrong_signature"} 1.0' in text
    assert 'cutscene_callbacks_refused_total{reason="unknown_job"} 1.0' in text


async def test_signature_counts_once(signed_house: House) -> None:
    headers = signed()

    assert await signed_house.call_back(headers=headers) == 200
    assert await signed_house.call_back(headers=headers) == 404
    assert await signed_house.call_back(headers=signed(at=NOW + timedelta(seconds=1))) == 200
    assert len(signed_house.callbacks.hints) == 2


async def test_provider_may_try_again_after_we_failed(signed_house: House) -> None:
    signed_house.callbacks.is_down = True
    failed = await signed_house.call_back(headers=signed())
    signed_house.callbacks.is_down = False

    repeated = await signed_house.call_back(headers=signed())

    assert (failed, repeated) == (500, 200)


async def test_wrong_secret_does_not_use_up_the_signature(signed_house: House) -> None:
    assert await signed_house.call_back("/callbacks/kie/17/wrong", headers=signed()) == 404
    assert await signed_house.call_back(headers=signed()) == 200
