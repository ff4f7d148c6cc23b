"""How long a video will take, and which models can be had."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from bot.domain.jobs import JobState, Move
from bot.domain.models import Catalogue, Mode
from bot.errors.requests import ModelRetiredError, ModelUnavailableError, UnknownModelError
from bot.ports import Sold
from bot.services.availability import Availability, ProviderGate
from bot.services.estimates import ENOUGH_RUNS, READ_EVERY
from bot.store.database import Connection
from tests.fakes import KIE, NOON
from tests.samples import BILLER, CATALOGUE, MAKER, OLD, model
from tests.services.desk import Desk
from tests.store import making


async def rendered(desk: Desk, *seconds: float) -> None:
    def write(connection: Connection) -> None:
        for duration in seconds:
            making.running(connection, rendered_at=NOON + timedelta(seconds=duration))

    await desk.database.write(write)


async def test_until_there_is_a_history_the_catalogue_is_believed(desk: Desk) -> None:
    await rendered(desk, *[10] * (ENOUGH_RUNS - 1))

    await desk.estimates.read()

    assert desk.estimates.typical(MAKER, Mode.TEXT) == MAKER.typical


async def test_with_enough_runs_their_median_is_typical(desk: Desk) -> None:
    await rendered(desk, *[10, 20, 30, 40] * 5, 30, 5000)

    await desk.estimates.read()

    assert desk.estimates.typical(MAKER, Mode.TEXT) == timedelta(seconds=30)
    assert desk.estimates.typical(MAKER, Mode.IMAGE) == MAKER.typical


async def test_the_histories_are_read_at_the_start_and_again_after_a_minute(desk: Desk) -> None:
    async def next_rest() -> None:
        async with asyncio.timeout(5):
            await desk.clock.entered.wait()
        desk.clock.entered.clear()

    def known() -> int:
        return len(desk.estimates.history(MAKER.id, Mode.TEXT))

    stop = asyncio.Event()
    await rendered(desk, 10)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(desk.estimates.run(stop))
        await next_rest()
        at_first = known()
        await rendered(desk, 20)
        soon = known()
        desk.clock.advance(READ_EVERY)
        await next_rest()
        later = known()
        stop.set()

    assert (at_first, soon, later) == (1, 1, 2)


async def test_a_job_is_ready_its_typical_time_after_it_was_sent(desk: Desk) -> None:
    waiting = await desk.job()
    now = desk.clock.now()
    sent = await desk.lifecycle.apply(await desk.job(), Move(to=JobState.SUBMITTING))
    desk.clock.advance(seconds=20)

    assert desk.estimates.ready_at(waiting) == desk.clock.now() + MAKER.typical
    assert desk.estimates.ready_at(sent) == now + MAKER.typical
    desk.clock.advance(MAKER.typical)
    assert desk.estimates.ready_at(sent) is None


async def test_nobody_can_say_when_a_model_is_ready_that_has_left_the_catalogue(desk: Desk) -> None:
    job = await desk.job()
    desk.availability.catalogue = Catalogue({})

    assert desk.estimates.ready_at(job) is None


def test_what_the_provider_says_overrides_the_file() -> None:
    availability = Availability(CATALOGUE)
    assert [one.id for one in availability.offered()] == ["maker"]

    assert availability.note(KIE, "old/image", Sold())
    assert not availability.note(KIE, "old/image", Sold())
    assert availability.note_paused(KIE, "maker/text", "paused")

    assert availability.modes(OLD) == (Mode.IMAGE,)
    assert availability.modes(MAKER) == (Mode.IMAGE,)
    assert availability.default(Mode.IMAGE) == MAKER
    assert availability.default(Mode.TEXT) is None


def test_a_model_that_cannot_be_had_names_what_to_take_instead() -> None:
    availability = Availability(CATALOGUE)

    with pytest.raises(ModelRetiredError) as retired:
        availability.get("old", Mode.TEXT)
    with pytest.raises(ModelUnavailableError) as paused:
        availability.get("biller", Mode.TEXT)
    with pytest.raises(UnknownModelError) as unknown:
        availability.get("makr", Mode.TEXT)

    assert retired.value.values == {"model": "Old", "since": "2026-09-24", "successor": "maker"}
    assert paused.value.values == {"model": "Biller", "successor": "maker"}
    assert unknown.value.values == {"given": "makr", "nearest": "maker"}


def test_a_successor_that_is_gone_too_leads_on_and_never_in_circles() -> None:
    first = model("first", state=OLD.state, retired_on=OLD.retired_on, successor="second")
    second = model("second", state=OLD.state, retired_on=OLD.retired_on, successor="first")
    availability = Availability(Catalogue({one.id: one for one in (first, second, MAKER)}))

    with pytest.raises(ModelRetiredError) as refused:
        availability.get("first", Mode.TEXT)

    assert refused.value.values["successor"] == "maker"


def test_a_model_without_the_mode_passes_because_its_rules_say_that_better() -> None:
    text_only = model("text-only", modes={Mode.TEXT: MAKER.modes[Mode.TEXT]})
    availability = Availability(Catalogue({text_only.id: text_only}))

    assert availability.get("text-only", Mode.IMAGE) == text_only


def test_every_model_string_is_listed_once() -> None:
    slugs = {slug.text: slug.is_probeable for slug in Availability(CATALOGUE).slugs()}

    assert slugs == {f"{one.id}/{mode}": one is not BILLER or mode == "text" for one in CATALOGUE.models.values()
                     for mode in one.modes}  # fmt: skip


def test_a_provider_is_closed_once_and_opened_once() -> None:
    gate = ProviderGate()

    assert gate.pause(KIE, "the key is wrong", NOON)
    assert not gate.pause(KIE, "again", NOON)
    found = gate.find(KIE)
    assert found is not None
    assert (found.reason, found.since) == ("the key is wrong", NOON)
    assert list(gate.closed()) == [KIE]
    assert gate.resume(KIE)
    assert not gate.resume(KIE)
    assert gate.find(KIE) is None
