"""Members give bonus credits to each other: if the guild allows it, within its limits, all or nothing and once."""

from __future__ import annotations

import asyncio

import pytest

from bot.domain.credits import EntryKind
from bot.domain.ids import InteractionId, UserId
from bot.domain.policies import Gifts
from bot.errors import UserError
from bot.errors.credits import GiftsPerPeriodError, GiftTooLargeError, NoGiftsError, SelfGiftError, TooLittleBonusError
from tests.samples import ANNA, BORIS, GUILD
from tests.services.desk import Desk, staff

ALLOWED = Gifts(are_allowed=True)


async def give(desk: Desk, credits: int, number: int = 1, *, giver: UserId = ANNA, receiver: UserId = BORIS) -> int:
    gift = await desk.credits.give(GUILD, giver, receiver, credits, InteractionId(number))
    return gift.left


async def test_a_gift_goes_from_one_bonus_to_the_other_and_both_see_it(desk: Desk) -> None:
    await desk.decide(gifts=ALLOWED)
    await desk.grant(staff(), ANNA, 100, None)

    left = await give(desk, 30)

    assert (left, (await desk.balance(ANNA)).bonus, (await desk.balance(BORIS)).bonus) == (70, 70, 30)
    given = (await desk.credits.history(GUILD, ANNA)).lines[0]
    got = (await desk.credits.history(GUILD, BORIS)).lines[0]
    assert (given.kind, given.credits, given.other_id) == (EntryKind.TRANSFER, -30, BORIS)
    assert (got.kind, got.credits, got.other_id) == (EntryKind.TRANSFER, 30, ANNA)
    assert await desk.differences() == []


async def test_the_same_command_twice_gives_once(desk: Desk) -> None:
    await desk.decide(gifts=ALLOWED)
    await desk.grant(staff(), ANNA, 100, None)

    assert [await give(desk, 30), await give(desk, 30)] == [70, 70]
    assert (await desk.balance(BORIS)).bonus == 30


@pytest.mark.parametrize(
    ("gifts", "credits", "receiver", "error"),
    [
        (Gifts(), 10, BORIS, NoGiftsError),
        (ALLOWED, 10, ANNA, SelfGiftError),
        (ALLOWED, 101, BORIS, TooLittleBonusError),
        (Gifts(are_allowed=True, most_at_once=9), 10, BORIS, GiftTooLargeError),
        (Gifts(are_allowed=True, most_per_period=9), 10, BORIS, GiftsPerPeriodError),
    ],
)
async def test_a_gift_is_refused_and_nothing_moves(
    desk: Desk, gifts: Gifts, credits: int, receiver: UserId, error: type[UserError]
) -> None:
    await desk.decide(gifts=gifts)
    await desk.grant(staff(), ANNA, 100, None)

    with pytest.raises(error):
        await give(desk, credits, receiver=receiver)

    assert (await desk.balance(ANNA)).bonus == 100
    assert await desk.differences() == []


async def test_the_limit_per_period_renews(desk: Desk) -> None:
    await desk.decide(gifts=Gifts(are_allowed=True, most_per_period=50))
    await desk.grant(staff(), ANNA, 200, None)
    await give(desk, 50, 1)

    with pytest.raises(GiftsPerPeriodError) as refused:
        await give(desk, 1, 2)
    assert (refused.value.values["given"], refused.value.values["limit"]) == (50, 50)
    desk.clock.advance(days=1)
    assert await give(desk, 50, 3) == 100


async def test_what_many_give_at_once_is_never_more_than_there_is(desk: Desk) -> None:
    await desk.decide(gifts=Gifts(are_allowed=True, most_per_period=60))
    await desk.grant(staff(), ANNA, 100, None)

    answers = await asyncio.gather(*(give(desk, 10, number) for number in range(1, 31)), return_exceptions=True)

    assert sum(isinstance(answer, int) for answer in answers) == 6
    assert (await desk.balance(BORIS)).bonus == 60
    assert await desk.differences() == []
