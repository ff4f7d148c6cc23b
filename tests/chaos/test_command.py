"""The command's table is honest: it names the amounts, and it fails when a layer found something or did too little."""

from __future__ import annotations

import warnings

import pytest

with warnings.catch_warnings():
    # On Python 3.11 and 3.12 discord.py imports audioop, which 3.13 has dropped.
    warnings.simplefilter("ignore", DeprecationWarning)
    from chaos import __main__ as command
    from chaos import soak
    from chaos.__main__ import Row


def test_table_names_layer_amount_and_violations() -> None:
    found = [Row("kill -9 of the process", 1_000, 1_000, "kills", []), Row("backups", 99, 100, "backups", ["a", "b"])]

    assert command.table(found).splitlines() == [
        "| layer                  | runs or kills | violations |",
        "| ---------------------- | ------------: | ---------: |",
        "| kill -9 of the process |   1,000 kills |          0 |",
        "| backups                |    99 backups |          2 |",
    ]


@pytest.mark.parametrize(
    ("row", "is_good"),
    [
        (Row("kills", 10, 10, "kills", []), True),
        (Row("kills", 9, 10, "kills", []), False),
        (Row("kills", 10, 10, "kills", ["job 1: 2 videos were posted"]), False),
    ],
)
def test_layer_is_good_when_it_did_enough_and_found_nothing(row: Row, is_good: bool) -> None:
    assert row.is_good is is_good


def test_same_seeds_are_the_same_runs() -> None:
    first, second = soak.play(range(5, 15)), soak.play(range(5, 15))

    assert first == second
    assert first.runs == 10
    assert first.crashes > 0
    assert first.violations == []
