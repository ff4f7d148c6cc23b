"""Reads single values of Kie's answers, whose forms differ from product to product and from month to month."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta

from bot.providers.transport import is_web_address


def text_in(record: Mapping[str, object], *names: str) -> str:
    """The first of these fields that says something; some products send codes as text, others as numbers."""
    for name in names:
        value = record.get(name)
        if isinstance(value, (str, int)) and not isinstance(value, bool) and str(value).strip():
            return str(value).strip()
    return ""


def object_in(value: object) -> Mapping[str, object]:
    """An object that may have been sent as it is or as JSON text; empty when it is neither."""
    if isinstance(value, str):
        value = _decoded(value)
    return value if isinstance(value, dict) else {}


def links_in(value: object) -> Iterator[str]:
    """Web addresses: one, a list of them, or a list as text, in JSON or (Veo's documentation) without its quotes."""
    if isinstance(value, str) and value.strip().startswith("["):
        decoded = _decoded(value)
        value = decoded if isinstance(decoded, list) else value.strip().strip("[]").split(",")
    for found in value if isinstance(value, list) else [value]:
        if isinstance(found, str) and is_web_address(found.strip()):
            yield found.strip()


def number_in(value: object) -> float | None:
    """A finite number, also when it was sent as text; None for everything else."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        read = float(value)
    except (ValueError, OverflowError):
        return None
    return read if math.isfinite(read) else None


def moment_in(value: object, now: datetime) -> datetime:
    """When a task ended, by Kie's clock if that is plausible, else *now*.

    Milliseconds in the Jobs API and Aleph, text in Veo. No page says which zone the text is in: read as UTC, one from
    the east lies in the future and counts as now, one from the west makes a link look older than it is, which is safe.
    """
    ended: datetime | None = None
    if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value < 1e14:
        ended = datetime.fromtimestamp(value / 1000, UTC)
    elif isinstance(value, str):
        try:
            ended = datetime.fromisoformat(value.strip())
        except ValueError:
            return now
        ended = ended.replace(tzinfo=UTC) if ended.tzinfo is None else ended
    if ended is not None and now - timedelta(days=60) <= ended <= now + timedelta(minutes=5):
        return ended
    return now


def _decoded(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
