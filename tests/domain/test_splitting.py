"""Who pays how much, and what a video costs in the end."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.credits import Balance, Split, day_of, next_day, settled, split, usd

amounts = st.integers(min_value=0, max_value=10_000)
pools = st.none() | amounts


def balance(allowance_left: int, bonus: int, pool: int | None) -> Balance:
    return Balance(
        allowance=10_000,
        allowance_left=allowance_left,
        starts_at=datetime(2026, 11, 20, tzinfo=UTC),
        renews_at=datetime(2026, 11, 21, tzinfo=UTC),
        bonus=bonus,
        held=0,
        pool=pool,
    )


@given(price=st.integers(min_value=1, max_value=20_000), left=amounts, bonus=amounts, pool=pools)
def test_a_price_is_split_exactly_when_the_balance_is_enough(
    price: int, left: int, bonus: int, pool: int | None
) -> None:
    has = balance(left, bonus, pool)

    parts = split(price, has)

    assert has.spendable is not None
    assert (parts is not None) == (price <= has.spendable)
    if parts is not None:
        assert parts.allowance + parts.bonus == price
        assert 0 <= parts.allowance <= min(left, left if pool is None else pool)
        assert 0 <= parts.bonus <= bonus
        assert parts.bonus == 0 or parts.allowance == min(left, left if pool is None else pool)


@pytest.mark.parametrize(
    ("price", "left", "bonus", "pool", "parts"),
    [
        (100, 100, 50, None, Split(allowance=100, bonus=0)),
        (100, 60, 50, None, Split(allowance=60, bonus=40)),
        (100, 60, 39, None, None),
        (100, 100, 50, 70, Split(allowance=70, bonus=30)),
        (100, 100, 29, 70, None),
        (100, 0, 100, 0, Split(allowance=0, bonus=100)),
    ],
)
def test_the_allowance_pays_first(price: int, left: int, bonus: int, pool: int | None, parts: Split | None) -> None:
    assert split(price, balance(left, bonus, pool)) == parts


@pytest.mark.parametrize(
    ("price", "charged", "markup", "cost"),
    [
        (100, None, "1", 100),
        (100, 61.2, "1", 62),
        (100, 61.2, "1.5", 92),
        (100, 0, "1", 0),
        (100, 500, "1", 100),
        (100, -3, "1", 0),
        (100, 0.1 + 0.2, "10", 4),
        (100, 60.0, "1", 60),
    ],
)
def test_a_video_costs_what_the_provider_charged_rounded_up_and_never_more_than_its_price(
    price: int, charged: float | None, markup: str, cost: int
) -> None:
    assert settled(price, charged, Decimal(markup)) == cost


@given(
    price=st.integers(min_value=1, max_value=10_000),
    charged=st.none() | st.floats(min_value=-10, max_value=1e9),
    markup=st.decimals(min_value=1, max_value=10, places=2),
)
def test_the_cost_lies_between_nothing_and_the_price(price: int, charged: float | None, markup: Decimal) -> None:
    assert 0 <= settled(price, charged, markup) <= price


def test_days_are_those_of_utc() -> None:
    now = datetime(2026, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)

    assert day_of(now) == datetime(2026, 12, 31, tzinfo=UTC)
    assert next_day(now) == datetime(2027, 1, 1, tzinfo=UTC)
    assert next_day(now) - now == timedelta(microseconds=1)


def test_two_hundred_credits_are_a_dollar_without_markup() -> None:
    assert usd(200) == Decimal(1)
    assert usd(300, Decimal("1.5")) == Decimal(1)
