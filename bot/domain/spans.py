"""Spans of time as people type them: 30m, 12h, 3d, 2w."""

from __future__ import annotations

import re
from datetime import timedelta

_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}
_WRITTEN = re.compile(r"\s*(\d{1,5})\s*([mhdw])[a-z]*\s*", re.IGNORECASE)
FOR_GOOD = "forever"

# Longer ones are meant for good.
LONGEST = timedelta(days=3650)


def parse(text: str) -> timedelta | None:
    """The span; None for good. Raises ValueError when nobody can tell what was meant."""
    if text.strip().casefold() in {FOR_GOOD, "never", "permanent"}:
        return None
    found = _WRITTEN.fullmatch(text)
    span = timedelta(0) if found is None else int(found[1]) * _UNITS[found[2].lower()]
    if not timedelta(0) < span <= LONGEST:
        raise ValueError(text)
    return span
