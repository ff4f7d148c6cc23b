"""A process ends at each touch of the database and of the network in turn, and every promise holds all the same."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

import pytest

from chaos.simulation import scenarios
from chaos.simulation.run import Outcome, Simulator
from chaos.simulation.scenarios import Calling, Command, Create, Post, Scenario
from chaos.simulation.sweep import LATER, each_pair_of_touches, each_touch, random_plan, replay
from chaos.simulation.world import Crash, End, Plan

BASE = Scenario(name="a video for words")
CALLED = Scenario(name="a video for words, called back", calling=Calling.ONCE)


def named(found: Iterable[Scenario]) -> list[object]:
    return [pytest.param(scenario, id=scenario.name) for scenario in found]


def expect_nothing_broken(outcomes: Iterable[Outcome], *, at_least: int) -> None:
    runs = 0
    for outcome in outcomes:
        runs += 1
        assert not outcome.violations, f"{outcome.violations}\n{replay(outcome)}"
    assert runs >= at_least, "the scenario has fewer touches than a job that gets somewhere"


@pytest.mark.parametrize("scenario", named(scenarios.single_jobs()))
def test_one_job_survives_a_crash_at_every_touch(world: Simulator, scenario: Scenario) -> None:
    expect_nothing_broken(each_touch(world, scenario), at_least=20)


@pytest.mark.parametrize("scenario", named(scenarios.deliveries()))
def test_a_rendered_video_survives_a_crash_at_every_touch(world: Simulator, scenario: Scenario) -> None:
    expect_nothing_broken(each_touch(world, scenario), at_least=30)


@pytest.mark.parametrize("scenario", named(scenarios.deliveries()))
def test_a_rendered_video_survives_a_restart_after_its_nonce_is_forgotten(world: Simulator, scenario: Scenario) -> None:
    expect_nothing_broken(each_touch(world, scenario, downtime=LATER), at_least=30)


@pytest.mark.parametrize("scenario", named(scenarios.blind_deliveries()))
def test_the_nonce_alone_protects_where_the_history_is_closed(world: Simulator, scenario: Scenario) -> None:
    expect_nothing_broken(each_touch(world, scenario), at_least=30)


@pytest.mark.parametrize("scenario", named(scenarios.members()))
def test_whatever_members_do_survives_a_crash_at_every_touch(world: Simulator, scenario: Scenario) -> None:
    expect_nothing_broken(each_touch(world, scenario), at_least=10)


@pytest.mark.parametrize("scenario", named(scenarios.late_results()))
def test_a_late_video_is_delivered_once_whenever_a_process_dies(world: Simulator, scenario: Scenario) -> None:
    # Hundreds of touches are questions whether the task has ended, one like the other.
    expect_nothing_broken(each_touch(world, scenario, step=7), at_least=6)


@pytest.mark.parametrize("scenario", named(scenarios.double_jobs()))
def test_two_jobs_survive_a_crash_at_every_touch(world: Simulator, scenario: Scenario) -> None:
    expect_nothing_broken(each_touch(world, scenario), at_least=30)


@pytest.mark.parametrize("scenario", named([BASE, CALLED]))
def test_two_crashes_wherever_they_fall_break_nothing(world: Simulator, scenario: Scenario) -> None:
    expect_nothing_broken(each_pair_of_touches(world, scenario), at_least=600)


@pytest.mark.parametrize("scenario", named([BASE, CALLED, Scenario(name="post lost", posts=(Post.LOST,))]))
def test_a_process_that_is_asked_to_stop_leaves_nothing_half_done(world: Simulator, scenario: Scenario) -> None:
    expect_nothing_broken(each_touch(world, scenario, end=End.TERM), at_least=30)


@pytest.mark.parametrize("calling", [Calling.NEVER, Calling.ONCE])
def test_a_process_that_was_frozen_finds_another_in_its_place_and_does_no_harm(
    world: Simulator, calling: Calling
) -> None:
    scenario = Scenario(name="two processes", is_shared=True, calling=calling, within=timedelta(hours=3))

    expect_nothing_broken(each_touch(world, scenario, end=End.FREEZE), at_least=30)


def test_a_burst_keeps_the_providers_rate_also_across_restarts(world: Simulator) -> None:
    whole = world.run(scenarios.burst())
    touches = range(1, len(whole.touches), 60)

    outcomes = [world.run(scenarios.burst(), plan_of(touch)) for touch in touches]

    assert whole.states == ("delivered",) * 30
    expect_nothing_broken([whole, *outcomes], at_least=15)


def plan_of(touch: int) -> Plan:
    return Plan(crashes=(Crash(touch=touch, downtime=0.1),))


def test_the_same_run_is_the_same_again(world: Simulator) -> None:
    scenario = Scenario(name="two", commands=(Command(user=1), Command(user=2)), creates=(Create.LOST,))
    plan = random_plan(7, 60)

    first, second = world.run(scenario, plan), world.run(scenario, plan)

    assert first == second
    assert len(first.touches) > 40


def test_these_are_more_than_ten_thousand_runs(world: Simulator) -> None:
    """One per touch and one undisturbed, as counted here; those of two crashes come on top of it."""
    once = [*scenarios.single_jobs(), *scenarios.blind_deliveries(), *scenarios.members(), *scenarios.double_jobs()]
    twice = [*scenarios.deliveries(), *scenarios.deliveries()]

    assert sum(1 + len(world.run(scenario).touches) for scenario in [*once, *twice]) > 10_000
