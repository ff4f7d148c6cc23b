"""One simulated world per worker of pytest; every run wipes it."""

from __future__ import annotations

import warnings
from collections.abc import Iterator

import pytest

with warnings.catch_warnings():
    # On Python 3.11 and 3.12 the library imports audioop, which 3.13 has dropped.
    warnings.simplefilter("ignore", DeprecationWarning)
    from chaos.simulation.run import Simulator, simulator


@pytest.fixture(scope="module")
def world() -> Iterator[Simulator]:
    with simulator() as one:
        yield one
