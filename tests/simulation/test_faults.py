"""The harness is proven: each bug that is put into our own code is found, and named by the promise that it breaks."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chaos.simulation.faults import FAULTS, Fault
from chaos.simulation.scenarios import restored


@pytest.mark.parametrize("fault", [pytest.param(fault, id=fault.name) for fault in FAULTS])
def test_a_bug_that_was_put_in_on_purpose_is_found(fault: Fault) -> None:
    caught = next(
        (
            violation
            for outcome in fault.hunt()
            for violation in outcome.violations
            if violation.invariant == fault.invariant
        ),
        None,
    )

    assert caught is not None, f"{fault.name}: no run noticed it"


def test_there_are_enough_bugs_and_no_two_are_the_same() -> None:
    names = {fault.name for fault in FAULTS}

    assert len(names) == len(FAULTS) >= 12


def sweep_of(fault: Fault) -> tuple[object, ...]:
    """What the fault's hunt runs, whatever it is called and whatever bug it looks for."""
    return replace(fault.scenario, name=""), fault.downtime, fault.end, fault.frozen, fault.step, fault.last


# One of those that hunt in the same runs; those in backups are all among the runs of `test_crashes.py`.
CONTROLS = {sweep_of(fault): fault for fault in FAULTS if fault.scenario not in set(restored())}


@pytest.mark.parametrize("fault", [pytest.param(fault, id=fault.name) for fault in CONTROLS.values()])
def test_without_the_bug_the_same_runs_break_nothing(fault: Fault) -> None:
    """The positive control: it is the bug that is found, not the scenario."""
    assert not [outcome.violations for outcome in fault.without().hunt() if outcome.violations]
