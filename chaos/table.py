"""One table of what all layers have found: ours, and beside it what the same did to a naive version."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Naive:
    """What a layer did to what one would otherwise write. Nothing of ours is wrong when it breaks."""

    which: str
    amount: int
    unit: str
    broken: int
    of: str = ""  # what was broken, where that is another thing than what was run

    @property
    def cells(self) -> tuple[str, str, str]:
        return (self.which, f"{self.amount:,} {self.unit}", f"{self.broken:,} {self.of}".rstrip())


@dataclass(frozen=True, slots=True)
class Row:
    """One layer. *wanted* is the amount without which it has proved nothing."""

    layer: str
    amount: int
    wanted: int
    unit: str
    violations: Sequence[str]
    naive: Sequence[Naive] = ()

    @property
    def is_good(self) -> bool:
        return not self.violations and self.amount >= self.wanted


HEAD = ("layer", "ours", "violations", "naive version", "runs, kills or copies", "broken")
IS_NUMBER = (False, True, True, False, True, True)


def table(found: Sequence[Row]) -> str:
    """As Markdown, so that it can be put into the documentation as it is."""
    lines = [cells for row in found for cells in _lines(row)]
    widths = [max(len(line[column]) for line in (HEAD, *lines)) for column in range(len(HEAD))]
    rule = ["-" * (width - 1) + ":" if right else "-" * width for width, right in zip(widths, IS_NUMBER, strict=True)]
    return "\n".join("| " + " | ".join(_aligned(line, widths)) + " |" for line in (HEAD, tuple(rule), *lines))


def _lines(row: Row) -> list[tuple[str, ...]]:
    """The layer's line, with its first naive version; a line of its own for each other one."""
    ours = (row.layer, f"{row.amount:,} {row.unit}", f"{len(row.violations):,}")
    naive = [each.cells for each in row.naive] or [("–", "", "")]
    return [(*ours, *naive[0]), *(("", "", "", *cells) for cells in naive[1:])]


def _aligned(cells: Sequence[str], widths: Sequence[int]) -> list[str]:
    return [
        cell.rjust(width) if right else cell.ljust(width)
        for cell, width, right in zip(cells, widths, IS_NUMBER, strict=True)
    ]
