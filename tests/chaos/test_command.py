"""The command's table is honest: it names the amounts, and it fails when a layer found something or did too little."""

from __future__ import annotations

import warnings

import pytest

with warnings.catch_warnings():
    # On Python 3.11 and 3.12 discord.py imports audioop, which 3.13 has dropped.
    warnings.simplefilter("ignore", DeprecationWarning)
    from chaos import soak
    from chaos.progress import EVERY, Progress
    from chaos.table import Naive, Row, table

MEMORY = Naive(which="in memory", amount=50, unit="kills", broken=7, of="of 90 commands")
FILE = Naive(which="in a file", amount=40, unit="kills", broken=0, of="of 80 commands")


def test_table_names_layer_amount_and_violations_and_what_became_of_naive_versions() -> None:
    found = [
        Row("kill -9", 1_000, 1_000, "kills", [], [MEMORY, FILE]),
        Row("backups", 99, 100, "backups", ["a", "b"]),
    ]

    assert table(found).splitlines() == [
        "| layer   |        ours | violations | naive version | runs, kills or copies |           broken |",
        "| ------- | ----------: | ---------: | ------------- | --------------------: | ---------------: |",
        "| kill -9 | 1,000 kills |          0 | in memory     |              50 kills | 7 of 90 commands |",
        "|         |             |            | in a file     |              40 kills | 0 of 80 commands |",
        "| backups |  99 backups |          2 | –             |                       |                  |",
    ]


@pytest.mark.parametrize(
    ("row", "is_good"),
    [
        (Row("kills", 10, 10, "kills", []), True),
        (Row("kills", 9, 10, "kills", []), False),
        (Row("kills", 10, 10, "kills", ["job 1: 2 videos were posted"]), False),
        (Row("kills", 10, 10, "kills", [], [MEMORY]), True),
    ],
)
def test_layer_is_good_when_it_did_enough_and_found_nothing(row: Row, is_good: bool) -> None:
    assert row.is_good is is_good


def test_progress_is_told_every_half_minute_with_what_is_left(capsys: pytest.CaptureFixture[str]) -> None:
    now = 100.0
    progress = Progress("kills", 1_000, clock=lambda: now)

    progress(1, 0)
    now += EVERY
    progress(10, 0)
    progress(11, 0)
    now += 270
    progress(100, 2)

    assert capsys.readouterr().out.splitlines() == [
        "  kills: 10 of 1,000 after 30 s, about 50 min left, violations: 0",
        "  kills: 100 of 1,000 after 5 min, about 45 min left, violations: 2",
    ]


def test_same_seeds_are_the_same_runs() -> None:
    first, second = soak.play(range(5, 15)), soak.play(range(5, 15))

    assert first == second
    assert first.runs == 10
    assert first.crashes > 0
    assert first.violations == []
