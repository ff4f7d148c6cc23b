"""Days, weeks and months as clocks on walls show them, all over the world and whatever becomes of the clocks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.periods import LONGEST, Period, is_zone, span

ZONES = sorted(zone for zone in available_timezones() if is_zone(zone))

BEGINNING, END = datetime(1971, 1, 1, tzinfo=UTC), datetime(2090, 1, 1, tzinfo=UTC)
moments = st.timedeltas(min_value=timedelta(0), max_value=END - BEGINNING).map(lambda since: BEGINNING + since)
zones = st.sampled_from(ZONES)
periods = st.sampled_from(Period)


@given(now=moments, period=periods, zone=zones)
def test_every_moment_belongs_to_exactly_one_period(now: datetime, period: Period, zone: str) -> None:
    found = span(now, period, zone)

    assert now in found
    assert found.ends_at - found.starts_at <= LONGEST
    assert span(found.starts_at, period, zone) == found
    assert span(found.ends_at - timedelta(microseconds=1), period, zone) == found
    assert span(found.ends_at, period, zone).starts_at == found.ends_at


@given(now=moments, period=periods, zone=zones)
def test_a_period_begins_with_its_first_date_or_where_clocks_skip_into_it(
    now: datetime, period: Period, zone: str
) -> None:
    found = span(now, period, zone)

    first = found.starts_at.astimezone(ZoneInfo(zone))
    before = (found.starts_at - timedelta(microseconds=1)).astimezone(ZoneInfo(zone))
    assert before.date() < first.date()
    match period:
        case Period.DAY:
            assert (first.date() - before.date()) >= timedelta(days=1)
        case Period.WEEK:
            assert first.weekday() == 0 or first.isocalendar()[:2] != before.isocalendar()[:2]
        case Period.MONTH:
            assert (first.year, first.month) != (before.year, before.month)


@given(now=moments, zone=zones)
def test_days_weeks_and_months_begin_together_where_they_meet(now: datetime, zone: str) -> None:
    day, week, month = (span(now, period, zone) for period in Period)

    for longer in (week, month):
        assert longer.starts_at <= day.starts_at < day.ends_at <= longer.ends_at


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


@pytest.mark.parametrize(
    ("now", "period", "zone", "starts", "ends"),
    [
        # Clocks go forward in Berlin: a day of 23 hours. They go back: one of 25.
        ("2026-03-29T12:00+02:00", Period.DAY, "Europe/Berlin", "2026-03-29T00:00+01:00", "2026-03-30T00:00+02:00"),
        ("2026-10-25T12:00+01:00", Period.DAY, "Europe/Berlin", "2026-10-25T00:00+02:00", "2026-10-26T00:00+01:00"),
        # Cairo's clocks skip midnight itself: the day begins at one o'clock.
        ("2026-04-24T09:00+03:00", Period.DAY, "Africa/Cairo", "2026-04-24T01:00+03:00", "2026-04-25T00:00+03:00"),
        # Havana's midnight comes twice: the day begins with the first.
        ("2026-11-01T00:30-04:00", Period.DAY, "America/Havana", "2026-11-01T00:00-04:00", "2026-11-02T00:00-05:00"),
        ("2026-11-01T00:30-05:00", Period.DAY, "America/Havana", "2026-11-01T00:00-04:00", "2026-11-02T00:00-05:00"),
        # St. John's clocks went back over midnight: yesterday's date came again, and it was today all the same.
        ("2010-11-06T23:30-03:30", Period.DAY, "America/St_Johns", "2010-11-07T00:00-02:30", "2010-11-08T00:00-03:30"),
        # Samoa had no 30th of December in 2011.
        ("2011-12-31T08:00+14:00", Period.DAY, "Pacific/Apia", "2011-12-31T00:00+14:00", "2012-01-01T00:00+14:00"),
        ("2026-11-20T12:00+05:45", Period.WEEK, "Asia/Kathmandu", "2026-11-16T00:00+05:45", "2026-11-23T00:00+05:45"),
        ("2028-02-29T23:59+00:00", Period.MONTH, "UTC", "2028-02-01T00:00+00:00", "2028-03-01T00:00+00:00"),
        (
            "2026-12-31T23:59-10:00",
            Period.MONTH,
            "Pacific/Honolulu",
            "2026-12-01T00:00-10:00",
            "2027-01-01T00:00-10:00",
        ),
    ],
)
def test_known_days_and_months(now: str, period: Period, zone: str, starts: str, ends: str) -> None:
    found = span(at(now), period, zone)

    assert (found.starts_at, found.ends_at) == (at(starts), at(ends))


@pytest.mark.parametrize("name", ["", "Berlin", "../../etc/passwd", "/etc/localtime", "Europe", "a\0b", "UTC+3"])
def test_what_is_no_zone_is_known_as_none(name: str) -> None:
    assert not is_zone(name)


@pytest.mark.parametrize("name", ["UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires"])
def test_zones_are_known(name: str) -> None:
    assert is_zone(name)
