"""A process ends at each touch of the database and of the network in turn, and every promise holds all the same."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

import pytest

from chaos.simulation import scenarios
from chaos.simulation.faults import AFTER_THE_REFUND
from chaos.simulation.run import Outcome, Simulator
from chaos.simulation.scenarios import Calling, Command, Create, Post, Scenario
from chaos.simulation.sweep import (
    LATER,
    SOON,
    different_crashes,
    each_backup,
    each_pair_of_touches,
    each_touch,
    random_plan,
    replay,
)
from chaos.simulation.world import Crash, End, Plan

BASE = Scenario(name="a video for words")
CALLED = Scenario(name="a video for words, called back", calling=Calling.ONCE)
LOST_CALLED = Scenario(name="create lost, called back", calling=Calling.ONCE, creates=(Create.LOST,))
POST_LOST = Scenario(name="post lost", posts=(Post.LOST,))
GONE = Scenario(name="channel gone", posts=(Post.GONE,))
BUSY = Scenario(name="create busy", creates=(Create.BUSY,))
POST_LATE = Scenario(name="post late", posts=(Post.LATE,))
GONE_AND_LOST = Scenario(name="channel gone, direct message lost", posts=(Post.GONE, Post.LOST))
RESET = Scenario(name="create reset, called back twice", creates=(Create.RESET,), calling=Calling.DOUBLED)
TWICE_CRASHED = (BASE, CALLED, LOST_CALLED, POST_LOST, GONE, BUSY, POST_LATE, GONE_AND_LOST, RESET)
PAIRS = 300  # or more: so many different worlds two crashes leave in each of these


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
    expect_nothing_broken(each_touch(world, scenario), at_least=12)


@pytest.mark.parametrize("downtime", [SOON, LATER])
@pytest.mark.parametrize("scenario", named(scenarios.unheard()))
def test_the_host_hears_of_each_possible_orphan_however_long_discord_is_away_and_whenever_a_process_dies(
    world: Simulator, scenario: Scenario, downtime: float
) -> None:
    expect_nothing_broken(each_touch(world, scenario, downtime=downtime), at_least=15)


@pytest.mark.parametrize("scenario", named(scenarios.deliveries()))
def test_a_rendered_video_survives_a_crash_at_every_touch(world: Simulator, scenario: Scenario) -> None:
    expect_nothing_broken(each_touch(world, scenario), at_least=25)


@pytest.mark.parametrize("scenario", named(scenarios.deliveries()))
def test_a_rendered_video_survives_a_restart_after_its_nonce_is_forgotten(world: Simulator, scenario: Scenario) -> None:
    expect_nothing_broken(each_touch(world, scenario, downtime=LATER), at_least=25)


@pytest.mark.parametrize("downtime", [SOON, LATER])
@pytest.mark.parametrize("scenario", named(scenarios.blind_deliveries()))
def test_where_the_history_is_closed_no_crash_brings_a_second_post(
    world: Simulator, scenario: Scenario, downtime: float
) -> None:
    """Within a minute the nonce protects; after it the video is kept for its member rather than posted again."""
    expect_nothing_broken(each_touch(world, scenario, downtime=downtime), at_least=25)


@pytest.mark.parametrize("scenario", named(scenarios.members()))
def test_whatever_members_do_survives_a_crash_at_every_touch(world: Simulator, scenario: Scenario) -> None:
    expect_nothing_broken(each_touch(world, scenario), at_least=10)


@pytest.mark.parametrize("downtime", [SOON, LATER])
@pytest.mark.parametrize("scenario", named(scenarios.claims()))
def test_a_video_that_was_kept_comes_once_where_it_is_claimed_whenever_a_process_dies(
    world: Simulator, scenario: Scenario, downtime: float
) -> None:
    outcomes = list(each_touch(world, scenario, downtime=downtime))

    expect_nothing_broken(outcomes, at_least=35)
    assert outcomes[0].states == ("parked" if "gone" in scenario.name else "delivered",)


@pytest.mark.parametrize("scenario", named(scenarios.late_results()))
def test_a_late_video_is_delivered_once_whenever_a_process_dies(world: Simulator, scenario: Scenario) -> None:
    expect_nothing_broken(each_touch(world, scenario), at_least=30)


@pytest.mark.parametrize("scenario", named(scenarios.late_charges()))
def test_a_late_video_costs_what_its_post_says_whenever_a_process_dies(world: Simulator, scenario: Scenario) -> None:
    # Until the refund it is the world of a late video for nothing.
    expect_nothing_broken(each_touch(world, scenario, last=AFTER_THE_REFUND), at_least=30)


@pytest.mark.parametrize("scenario", named(scenarios.lost_creates()))
def test_a_lost_create_call_counts_once_for_the_host_whenever_a_process_dies(
    world: Simulator, scenario: Scenario
) -> None:
    # At each touch: with no video to come there are few.
    expect_nothing_broken(each_touch(world, scenario), at_least=15)


@pytest.mark.parametrize("scenario", named(scenarios.double_jobs()))
def test_two_jobs_survive_a_crash_at_every_touch(world: Simulator, scenario: Scenario) -> None:
    expect_nothing_broken(each_touch(world, scenario), at_least=35)


def test_a_job_that_is_put_aside_before_its_task_has_a_name_counts_for_the_host(world: Simulator) -> None:
    outcome = world.run(Scenario(name="reset", creates=(Create.RESET,), calling=Calling.ONCE), is_looked_at=True)
    touch = 0
    for _ in range(3):
        touch = outcome.touches.index("poll leaves", touch) + 1
        outcome = world.go_on(outcome, Crash(touch=touch), is_looked_at=True)

    assert outcome.states == ("failed",)
    assert not outcome.violations
    assert world.rows("SELECT failure, orphan_cost FROM jobs") == [("broken", 100)]


@pytest.mark.parametrize("scenario", named(TWICE_CRASHED))
def test_two_crashes_wherever_they_fall_break_nothing(world: Simulator, scenario: Scenario) -> None:
    expect_nothing_broken(each_pair_of_touches(world, scenario), at_least=PAIRS)


@pytest.mark.parametrize("scenario", named([BASE, CALLED, POST_LOST]))
def test_a_process_that_is_asked_to_stop_leaves_nothing_half_done(world: Simulator, scenario: Scenario) -> None:
    expect_nothing_broken(each_touch(world, scenario, end=End.TERM), at_least=25)


@pytest.mark.parametrize("calling", [Calling.NEVER, Calling.ONCE])
def test_a_process_that_was_frozen_finds_another_in_its_place_and_does_no_harm(
    world: Simulator, calling: Calling
) -> None:
    scenario = Scenario(name="two processes", is_shared=True, calling=calling, within=timedelta(hours=3))

    expect_nothing_broken(each_touch(world, scenario, end=End.FREEZE), at_least=25)


@pytest.mark.parametrize("scenario", named(scenarios.restored()))
def test_a_backup_that_is_put_back_brings_no_second_task_or_post_whenever_it_was_made(
    world: Simulator, scenario: Scenario
) -> None:
    expect_nothing_broken(each_backup(world, scenario), at_least=100)


def test_a_disk_that_is_full_refuses_what_comes_and_keeps_what_runs(world: Simulator) -> None:
    """Otherwise the sweep over it would show nothing."""
    late = Command(user=2, at=2.0)
    scenario = Scenario(name="full", commands=(Command(), late), full_disk=(1.0, 20.0))

    outcome = world.run(scenario)

    assert outcome.states == ("delivered",)
    assert not outcome.violations
    assert outcome.seconds > 20.0


def test_a_burst_keeps_the_providers_rate_also_across_restarts(world: Simulator) -> None:
    whole = world.run(scenarios.burst())
    touches = range(1, len(whole.touches), 60)

    outcomes = [world.run(scenarios.burst(), plan_of(touch)) for touch in touches]

    assert whole.states == ("delivered",) * 30
    expect_nothing_broken([whole, *outcomes], at_least=15)


@pytest.mark.parametrize("seed", range(6))
def test_a_burst_keeps_the_providers_rate_however_long_its_calls_are_on_their_way(world: Simulator, seed: int) -> None:
    crashes = tuple(Crash(touch=touch, downtime=0.1) for touch in (200 + 31 * seed, 420 + 47 * seed))

    expect_nothing_broken([world.run(scenarios.burst(), Plan(crashes=crashes, seed=seed))], at_least=1)


def plan_of(touch: int) -> Plan:
    return Plan(crashes=(Crash(touch=touch, downtime=0.1),))


def test_the_same_run_is_the_same_again(world: Simulator) -> None:
    scenario = Scenario(name="two", commands=(Command(user=1), Command(user=2)), creates=(Create.LOST,))
    plan = random_plan(7, 60)

    first, second = world.run(scenario, plan), world.run(scenario, plan)

    assert first == second
    assert len(first.touches) > 40


@pytest.mark.parametrize(
    "scenario",
    named(
        [
            CALLED,
            Scenario(name="two jobs", commands=(Command(), Command(user=2)), creates=(Create.LATE,)),
            Scenario(name="post late", posts=(Post.LATE,)),
            Scenario(name="full", full_disk=(1.0, 20.0)),
            Scenario(name="cancelled", commands=(Command(cancels_after=0.5),), creates=(Create.BUSY,)),
            next(scenarios.claims()),
            next(scenarios.restored()),
        ]
    ),
)
def test_a_crash_that_a_run_goes_on_from_comes_to_what_it_comes_to_in_a_run_from_the_beginning(
    world: Simulator, scenario: Scenario
) -> None:
    """What lets a sweep play the beginning of a world once: nothing that was in the killed process lives on."""
    whole = world.run(scenario, is_looked_at=True)
    assert whole == world.run(scenario)
    for touch in different_crashes(whole, step=3):
        crash = Crash(touch=touch)
        assert world.go_on(whole, crash) == world.run(scenario, Plan(crashes=(crash,)))


def test_two_crashes_come_to_the_same_as_in_a_run_from_the_beginning(world: Simulator) -> None:
    whole = world.run(CALLED, is_looked_at=True)

    for touch in different_crashes(whole, step=5):
        first = Crash(touch=touch, downtime=LATER)
        once = world.go_on(whole, first, is_looked_at=True)
        second = Crash(touch=(touch + len(once.touches) + 1) // 2)
        assert world.go_on(once, second) == world.run(CALLED, Plan(crashes=(first, second)))


def test_a_backup_that_is_put_back_comes_to_the_same_as_in_a_run_from_the_beginning(world: Simulator) -> None:
    scenario = next(scenarios.restored())
    whole = world.run(scenario, is_looked_at=True)

    for touch in different_crashes(whole, first=2, step=3):
        crash = Crash(touch=touch, end=End.RESTORE, back_to=touch // 2)
        assert world.go_on(whole, crash) == world.run(scenario, Plan(crashes=(crash,)))


def test_a_crash_that_is_passed_over_comes_to_the_same_end_as_the_one_before_it(world: Simulator) -> None:
    """What lets a sweep leave out touches that leave the same world: nothing else makes a difference afterwards."""
    passed_over = 0
    for scenario in (CALLED, LOST_CALLED, POST_LOST, Scenario(name="two", commands=(Command(), Command(user=2)))):
        whole = world.run(scenario, is_looked_at=True)
        outcomes = [world.run(scenario, Plan(crashes=(Crash(touch=n + 1),))) for n in range(len(whole.touches))]
        for number in range(1, len(whole.touches)):
            if whole.moments[number].state == whole.moments[number - 1].state:
                passed_over += 1
                before, same = outcomes[number - 1], outcomes[number]
                assert same.touches[number + 1 :] == before.touches[number:]
                assert (same.states, same.violations, same.seconds) == (
                    before.states,
                    before.violations,
                    before.seconds,
                )
    assert passed_over > 50


def test_these_are_more_than_ten_thousand_runs(world: Simulator) -> None:
    """One for each different world that a crash leaves, and one undisturbed; those of two crashes by their least."""
    once = [*scenarios.single_jobs(), *scenarios.blind_deliveries(), *scenarios.members(), *scenarios.double_jobs()]
    twice = [*scenarios.deliveries(), *scenarios.deliveries()]

    runs = sum(1 + len(different_crashes(world.run(each, is_looked_at=True))) for each in [*once, *twice])

    assert runs + PAIRS * len(TWICE_CRASHED) > 10_000
