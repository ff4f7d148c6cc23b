"""Periods in which credits renew: days, weeks and months as a clock on the wall of the guild shows them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

DAY = timedelta(days=1)

# No period is longer: a month of 31 days in which clocks are put back, with room for zones that change their mind.
LONGEST = timedelta(days=32)


class Period(StrEnum):
    DAY = "day"
    WEEK = "week"  # from Monday on, as ISO 8601 counts
    MONTH = "month"


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """One period: from `starts_at` up to, but not including, `ends_at`."""

    starts_at: datetime
    ends_at: datetime

    def __contains__(self, at: datetime) -> bool:
        return self.starts_at <= at < self.ends_at


def is_zone(name: str) -> bool:
    """Whether the name is one of the IANA database, such as Europe/Berlin."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        # What is no name of a zone may be the name of a folder or a path out of the database.
        return False
    return True


def span(now: datetime, period: Period, zone: str) -> Span:
    """The period that *now* belongs to. Every moment belongs to exactly one, whatever the clocks do."""
    place = ZoneInfo(zone)
    first = _first_day(now.astimezone(place).date(), period)
    # Clocks that are put back over midnight show a date of yesterday again after today has begun.
    while _beginning(first, place) > now:
        first = _first_day(first - DAY, period)
    while _beginning(_next(first, period), place) <= now:
        first = _next(first, period)
    return Span(starts_at=_beginning(first, place), ends_at=_beginning(_next(first, period), place))


def _first_day(day: date, period: Period) -> date:
    match period:
        case Period.DAY:
            return day
        case Period.WEEK:
            return day - timedelta(days=day.weekday())
        case Period.MONTH:
            return day.replace(day=1)


def _next(first: date, period: Period) -> date:
    match period:
        case Period.DAY:
            return first + DAY
        case Period.WEEK:
            return first + 7 * DAY
        case Period.MONTH:
            return (first + LONGEST).replace(day=1)


def _beginning(day: date, place: ZoneInfo) -> datetime:
    """The first moment of a date. Where clocks skip midnight it is the moment in which they do."""
    return datetime.combine(day, time.min, place).astimezone(UTC)
