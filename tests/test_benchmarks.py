"""The benchmarks measure what they say: both bots do the job, and the numbers in the table are the right ones."""

from __future__ import annotations

import warnings
from datetime import timedelta
from pathlib import Path

import pytest

from benchmarks import schedules

with warnings.catch_warnings():
    # On Python 3.11 and 3.12 discord.py imports audioop, which 3.13 has dropped.
    warnings.simplefilter("ignore", DeprecationWarning)
    from benchmarks.__main__ import MARKS, is_marked, put_into
from benchmarks.arena import Order, Setup, arena
from benchmarks.contenders import Contender
from benchmarks.table import Better, Row, line, percentile, rendered
from sandbox.bot_process import REPOSITORY
from sandbox.discord_server.reading import text_of, videos_of
from sandbox.kie_server import Failures, Scenario
from sandbox.person import Person


@pytest.mark.parametrize("contender", [Contender.BASELINE, Contender.OURS_OPENED])
async def test_both_bots_deliver_a_video(contender: Contender) -> None:
    async with arena(contender, Setup(default=Scenario(seconds=0))) as here:
        [order] = here.order(1)

        posts = await here.posted([order])

        assert order.acknowledged_at >= order.asked_at
        assert posts[order.number].mentions == [order.member.user]
        assert videos_of(posts[order.number])[0].size > 0
        assert here.tasks()[order.number].polls == 1


async def test_baseline_refunds_what_failed() -> None:
    async with arena(Contender.BASELINE, Setup(default=Scenario(seconds=0, failure=Failures.BUSY))) as here:
        [order] = here.order(1)
        await here.until([order], lambda _: "server is busy" in shown(order), "no failure is shown")

        balance = await Person(here.discord, order.member, order.interaction.channel).types("/balance")

        assert (await balance.answered()).text() == "You have 500 credits."


def shown(order: Order) -> str:
    return "".join(text_of(message) for message in order.interaction.messages)


def test_percentile_is_the_nearest_rank() -> None:
    samples = [float(number) for number in range(1, 201)]

    assert [percentile(samples, share) for share in (0.5, 0.99, 1)] == [100.0, 198.0, 200.0]
    assert percentile([7.0], 0.5) == 7.0


def test_percentile_of_nothing_is_an_error() -> None:
    with pytest.raises(ValueError, match="no samples"):
        percentile([], 0.5)


def test_table_shows_medians_and_their_ratio() -> None:
    row = Row("jobs", "end to end", "jobs/s", Better.HIGH)
    ours = [{"jobs": value} for value in (30.0, 10.0, 20.0)]
    baseline = [{"jobs": value} for value in (4.0, 1000.0, 8.0)]

    lines = rendered([line(row, ours, baseline)]).splitlines()

    assert [cell.strip() for cell in lines[2].split("|")[1:-1]] == [
        "end to end",
        "20.0 jobs/s",
        "8.00 jobs/s",
        "2.50 ×",
        "more is better",
    ]


def test_table_leaves_out_what_a_bot_does_not_have() -> None:
    row = Row("called", "with callbacks", "s")

    lines = rendered([line(row, [{"called": 0.05}], [{}])]).splitlines()

    assert [cell.strip() for cell in lines[2].split("|")[2:5]] == ["0.050 s", "–", "–"]


def test_table_writes_large_numbers_out() -> None:
    lines = rendered([line(Row("n", "n", "ms"), [{"n": 12345.6}], [{"n": 0.0}])]).splitlines()

    assert [cell.strip() for cell in lines[2].split("|")[2:5]] == ["12,346 ms", "0 ms", "–"]


def test_result_takes_its_place_in_the_page(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"Before.\n\n{MARKS[0]}\n\nold\n\n{MARKS[1]}\n\nAfter.\n")

    put_into(page, "new")

    assert page.read_text() == f"Before.\n\n{MARKS[0]}\n\nnew\n\n{MARKS[1]}\n\nAfter.\n"


def test_page_of_the_project_has_the_marks() -> None:
    assert is_marked(REPOSITORY / "docs" / "benchmarks.md")


def test_fixed_poll_notices_at_its_next_question() -> None:
    lag, polls = schedules.notice(timedelta(seconds=42), lambda _: timedelta(seconds=10), first=timedelta(0))

    assert (lag, polls) == (timedelta(seconds=8), 6)


def test_same_seed_gives_the_same_simulation() -> None:
    assert schedules.play(is_ours=False, seed=1) == schedules.play(is_ours=False, seed=1)
    assert schedules.play(is_ours=False, seed=1) != schedules.play(is_ours=False, seed=2)
