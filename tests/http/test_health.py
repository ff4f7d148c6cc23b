"""The bot's HTTP server, over a real socket: what it says of itself."""

from __future__ import annotations

import asyncio
import json

import pytest

from tests.http.making import House


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
async def test_well_bot_says_ok(house: House, path: str) -> None:
    status, text = await house.ask("GET", path)

    assert (status, json.loads(text)) == (200, {"status": "ok"})


async def test_bot_that_is_not_ready_says_what_is_missing_and_is_still_alive(house: House) -> None:
    house.health.missing_reasons = ["gateway", "database"]

    status, text = await house.ask("GET", "/readyz")

    assert (status, json.loads(text)["reasons"]) == (503, ["gateway", "database"])
    assert (await house.ask("GET", "/healthz"))[0] == 200


async def test_broken_bot_says_why(house: House) -> None:
    house.health.broken_reasons = ["worker"]

    status, text = await house.ask("GET", "/healthz")

    assert (status, json.loads(text)["reasons"]) == (503, ["worker"])


async def test_check_that_does_not_end_counts_as_failed(hasty_house: House) -> None:
    async def stuck() -> list[str]:
        await asyncio.Event().wait()
        return []

    hasty_house.health.missing = stuck  # type: ignore[method-assign]  # A database that hangs.

    status, text = await hasty_house.ask("GET", "/readyz")

    assert (status, json.loads(text)["reasons"]) == (503, ["check timed out"])


async def test_metrics_are_those_of_the_given_registry(house: House) -> None:
    status, text = await house.ask("GET", "/metrics")

    assert status == 200
    assert "cutscene_delivered_bytes_total 8e+06" in text
    assert 'cutscene_jobs{state="queued"} 0.0' in text


async def test_answers_do_not_tell_what_runs_here(house: House) -> None:
    async with house.session.get(f"http://127.0.0.1:{house.server.port}/healthz") as answer:
        assert answer.headers["Server"] == "cutscene"
        assert answer.headers["Cache-Control"] == "no-store"
