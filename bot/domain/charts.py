"""A chart as values: bars by day, one panel per number."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class Theme(StrEnum):
    DARK = "dark"
    LIGHT = "light"


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One number by day; a series is a name and a value for each day."""

    title: str
    series: Sequence[tuple[str, Sequence[int]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    theme: Theme
    days: Sequence[str]
    panels: Sequence[Panel]

    def as_json(self) -> bytes:
        panels = [{"title": panel.title, "series": panel.series} for panel in self.panels]
        return json.dumps({"theme": self.theme, "days": self.days, "panels": panels}).encode()
