"""A thousand commands at once accept exactly what the balance allows."""

from __future__ import annotations

from pathlib import Path

import pytest

from chaos import money
from tests.conftest import NO_SERVER


async def test_thousand_commands_at_once_are_accepted_as_far_as_the_credits_reach(tmp_path: Path) -> None:
    # A guild's pool, and a member's bonus credits.
    [tally] = await money.run_all([5, 7], tmp_path)

    assert tally.violations == []
    assert tally.commands == 2 * money.COMMANDS
    assert tally.accepted > 0


@pytest.mark.skipif(NO_SERVER is not None, reason=NO_SERVER or "")
async def test_thousand_commands_at_once_are_accepted_as_far_as_the_credits_reach_on_postgresql(
    postgresql_url: str,
) -> None:
    tally = money.Tally("PostgreSQL")

    await money.run(postgresql_url, 1, tally)

    assert tally.violations == []
    assert tally.commands == money.COMMANDS
