"""The other control: a bot that resumes as well as one would write it breaks its promises in the same worlds."""

from __future__ import annotations

from chaos.naive import simulated as naive
from chaos.simulation.run import Simulator
from chaos.simulation.scenarios import Create, Post, Scenario
from chaos.simulation.sweep import LATER, each_touch


def test_a_naive_bot_does_its_work_while_nothing_happens(world: Simulator) -> None:
    outcome = world.run(Scenario(name="quiet"), contender=naive.NAIVE)

    assert (outcome.states, outcome.violations) == (("done",), ())


def test_a_naive_bot_pays_or_posts_twice_after_some_crashes(world: Simulator) -> None:
    outcomes = each_touch(world, Scenario(name="quiet"), downtime=LATER, contender=naive.NAIVE)

    assert {violation.invariant for outcome in outcomes for violation in outcome.violations} == {"I3", "I5"}


def test_a_naive_bot_refunds_what_it_then_cannot_take_back(world: Simulator) -> None:
    lost_answer = world.run(Scenario(name="create lost", creates=(Create.LOST,)), contender=naive.NAIVE)
    lost_post = world.run(Scenario(name="post lost", posts=(Post.LOST,)), contender=naive.NAIVE)

    assert {violation.invariant for violation in lost_answer.violations} == {"I2"}
    assert "I7" in {violation.invariant for violation in lost_post.violations}
