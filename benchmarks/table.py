"""Numbers into a table: percentiles of samples, medians of rounds, ours beside the baseline."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum


class Better(Enum):
    """Which direction is good."""

    LOW = "less is better"
    HIGH = "more is better"


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: a number that each round yields for each bot."""

    key: str
    title: str
    unit: str
    better: Better = Better.LOW


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A row with what every round has yielded; nothing where a bot has no such number."""

    row: Row
    ours: Sequence[float]
    baseline: Sequence[float]


def percentile(samples: Sequence[float], share: float) -> float:
    """The smallest sample that at least *share* of all samples do not exceed (nearest rank)."""
    if not samples:
        raise ValueError("no samples")
    if not 0 < share <= 1:
        raise ValueError("a share lies between 0 and 1")
    return sorted(samples)[math.ceil(share * len(samples)) - 1]


def line(row: Row, ours: Sequence[Mapping[str, float]], baseline: Sequence[Mapping[str, float]]) -> Line:
    """The row's numbers out of each round's results."""
    return Line(
        row=row,
        ours=[result[row.key] for result in ours if row.key in result],
        baseline=[result[row.key] for result in baseline if row.key in result],
    )


def rendered(lines: Sequence[Line]) -> str:
    """A Markdown table that is readable as plain text too."""
    head = ("measure", "ours", "baseline", "ours / baseline", "")
    body = [_cells(each) for each in lines]
    widths = [max(len(cells[column]) for cells in (head, *body)) for column in range(len(head))]
    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:4]), "-" * widths[4]]
    return "\n".join("| " + " | ".join(_aligned(cells, widths)) + " |" for cells in (head, tuple(rule), *body))


def _cells(each: Line) -> tuple[str, ...]:
    ours = statistics.median(each.ours) if each.ours else None
    baseline = statistics.median(each.baseline) if each.baseline else None
    ratio = "–" if ours is None or not baseline else f"{_short(ours / baseline)} ×"
    unit = each.row.unit
    return (each.row.title, _number(ours, unit), _number(baseline, unit), ratio, each.row.better.value)


def _number(value: float | None, unit: str) -> str:
    return "–" if value is None else f"{_short(value)} {unit}".rstrip()


def _short(value: float) -> str:
    """Three significant digits, and never an exponent."""
    if value == 0:
        return "0"
    decimals = max(0, 2 - math.floor(math.log10(abs(value))))
    return f"{value:,.{min(decimals, 3)}f}"


def _aligned(cells: Sequence[str], widths: Sequence[int]) -> list[str]:
    is_number = (False, True, True, True, False)
    return [
        cell.rjust(width) if right else cell.ljust(width)
        for cell, width, right in zip(cells, widths, is_number, strict=True)
    ]
