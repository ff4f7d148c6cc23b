"""Blocks hold inside the transaction that charges, and whatever is refused is counted and told to the staff once."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.domain.jobs import FailureReason, JobState, Move
from bot.domain.safety import MAX_STRIKES, MAX_WORDS, Word, WordKind
from bot.domain.staff_log import StaffEvent, StaffEventKind
from bot.errors import UserError
from bot.errors.policies import InsufficientCreditsError
from bot.errors.screening import (
    BlockedError,
    BlockedForGoodError,
    ForbiddenWordsError,
    ModerationError,
    TooManyRefusalsError,
)
from bot.errors.staff import NotAllowedError
from bot.errors.words import TooManyWordsError
from bot.ports import Verdict
from bot.services.moderation import Moderation
from bot.services.screening import Screening
from bot.services.words import Words
from bot.store import moderation as rows
from bot.store import policies, staff_log
from tests.samples import ANNA, BORIS, GUILD, OTHER_GUILD, STAFF, place, video
from tests.services.desk import Desk, staff

FOX = Word(kind=WordKind.WORD, text="fox")


@pytest.fixture
def moderation(desk: Desk) -> Moderation:
    return Moderation(desk.database, desk.clock, desk.lifecycle)


@pytest.fixture
def words(desk: Desk) -> Words:
    return Words(desk.database, desk.clock)


async def told(desk: Desk) -> list[StaffEvent]:
    lines = await desk.database.read(staff_log.due, GUILD, desk.clock.now(), 100)
    return [line.event for line in lines]


async def test_a_block_that_comes_beside_two_hundred_requests_leaves_no_job_waiting(
    desk: Desk, moderation: Moderation
) -> None:
    asked = [desk.request(1) for _ in range(100)]
    blocking = moderation.block(staff(), ANNA, "spam", None)
    more = [desk.request(1) for _ in range(100)]

    *results, done = await asyncio.gather(*asked, *more, blocking, return_exceptions=True)

    accepted = [each for each in results if not isinstance(each, BaseException)]
    refused = [each for each in results if isinstance(each, BlockedForGoodError)]
    assert len(accepted) + len(refused) == 200
    assert not isinstance(done, BaseException)
    states = {(await desk.find(each.job)).state for each in accepted}  # type: ignore[union-attr]  # an Accepted
    assert states <= {JobState.CANCELLED}
    assert len(done.cancelled) == len(accepted)  # type: ignore[union-attr]  # a Blocked
    assert (await desk.balance()).allowance_left == (await desk.balance()).allowance
    assert await desk.differences() == []


async def test_a_block_holds_in_its_guild_only_and_until_it_is_over(desk: Desk, moderation: Moderation) -> None:
    await moderation.block(staff(), ANNA, "spam", timedelta(days=1))

    with pytest.raises(BlockedError, match="spam"):
        await desk.request()
    await desk.request(guild_id=OTHER_GUILD)
    await desk.request(user_id=BORIS)
    desk.clock.advance(days=1)
    await desk.request()

    assert await moderation.blocked(staff()) == []


async def test_a_second_block_takes_the_place_of_the_first(desk: Desk, moderation: Moderation) -> None:
    await moderation.block(staff(), ANNA, "spam", timedelta(days=1))
    await moderation.block(staff(), ANNA, "worse", None)

    (block,) = await moderation.blocked(staff())

    assert (block.reason, block.until, block.actor_id) == ("worse", None, STAFF)


async def test_every_block_is_told_to_the_staff_with_actor_and_reason(desk: Desk, moderation: Moderation) -> None:
    await desk.job()
    await moderation.block(staff(), ANNA, "spam", timedelta(hours=2))
    await moderation.unblock(staff(), ANNA, "said sorry")

    blocked, unblocked = await told(desk)

    assert (blocked.kind, blocked.actor_id, blocked.user_id, blocked.reason) == ("block", STAFF, ANNA, "spam")
    until = desk.clock.now() + timedelta(hours=2)
    assert blocked.details == {"until": int(until.timestamp()), "cancelled": 1}
    assert (unblocked.kind, unblocked.actor_id, unblocked.reason) == ("unblock", STAFF, "said sorry")


async def test_who_may_not_manage_the_server_changes_nothing(desk: Desk, moderation: Moderation, words: Words) -> None:
    member = staff(can_manage=False)

    for work in (
        moderation.block(member, BORIS, "revenge", None),
        moderation.unblock(member, BORIS, None),
        moderation.blocked(member),
        words.add(member, FOX),
        words.remove(member, "fox"),
        words.all(member),
        words.test(member, "fox"),
    ):
        with pytest.raises(NotAllowedError):
            await work

    assert await told(desk) == []


async def test_a_forbidden_word_is_refused_counted_and_told_once_an_hour(desk: Desk, words: Words) -> None:
    await words.add(staff(), FOX)

    for _ in range(3):
        with pytest.raises(ForbiddenWordsError):
            await desk.request()

    added, refused = await told(desk)
    assert (added.kind, added.details) == ("word", {"change": "added", "word": "fox"})
    assert (refused.kind, refused.user_id) == (StaffEventKind.REFUSAL, ANNA)
    assert refused.details == {"rule": "ForbiddenWords", "word": "fox", "prompt": "a red fox"}
    assert await desk.count() == 0


async def test_words_of_one_guild_bind_no_other(desk: Desk, words: Words) -> None:
    await words.add(staff(), FOX)

    await desk.request(guild_id=OTHER_GUILD)


async def test_a_removed_word_is_allowed_again(desk: Desk, words: Words) -> None:
    await words.add(staff(), FOX)
    await words.remove(staff(), "fox")

    await desk.request()


async def test_a_list_has_an_end(desk: Desk, words: Words) -> None:
    def fill(connection: rows.Connection) -> None:
        for number in range(MAX_WORDS):
            word = Word(kind=WordKind.WORD, text=f"word{number}")
            rows.add_word(connection, GUILD, word, STAFF, desk.clock.now())

    await desk.database.write(fill)

    with pytest.raises(TooManyWordsError):
        await words.add(staff(), FOX)


async def test_refusals_of_a_models_own_filter_count_as_strikes_too(desk: Desk, words: Words) -> None:
    await words.add(staff(), FOX)
    for number in range(MAX_STRIKES):
        if number % 2:
            with pytest.raises(ForbiddenWordsError):
                await desk.request()
        else:
            await words.remove(staff(), "fox")
            job = await desk.lifecycle.apply(await desk.job(), Move(to=JobState.SUBMITTING))
            await desk.lifecycle.apply(job, Move(to=JobState.FAILED, failure=FailureReason.MODERATION_PROMPT))
            await words.add(staff(), FOX)

    with pytest.raises(TooManyRefusalsError):
        await desk.request()
    await words.remove(staff(), "fox")
    with pytest.raises(TooManyRefusalsError):
        await desk.request()
    await desk.request(user_id=BORIS)
    desk.clock.advance(hours=1)
    await desk.request()

    assert {event.details.get("rule") for event in await told(desk) if event.kind is StaffEventKind.REFUSAL} == {
        "ForbiddenWords",
        "ModelFilter",
        "TooManyRefusals",
    }


async def test_refusals_that_are_nobodys_conduct_are_no_strikes(desk: Desk) -> None:
    for _ in range(MAX_STRIKES + 1):
        with pytest.raises(InsufficientCreditsError):
            await desk.request(10_000)

    await desk.request()


class Judge:
    """A moderation endpoint that objects to what it is told to object to."""

    def __init__(self, answer: Verdict | UserError | None) -> None:
        self.answer = answer
        self.asked: list[str] = []

    async def judge(self, text: str) -> Verdict | None:
        self.asked.append(text)
        if isinstance(self.answer, UserError):
            raise self.answer
        return self.answer


async def test_what_the_moderation_endpoint_objects_to_is_refused_and_told(desk: Desk) -> None:
    judge = Judge(Verdict(categories=("violence", "sexual/minors")))
    screening = Screening(desk.database, desk.clock, judge)

    with pytest.raises(ModerationError) as refusal:
        await screening.check(ANNA, place(), video())
    await screening.note(GUILD, ANNA, refusal.value, "a red fox")

    assert judge.asked == ["a red fox"]
    (event,) = await told(desk)
    assert event.details == {
        "rule": "Moderation",
        "categories": "violence, sexual/minors",
        "prompt": "a red fox",
    }


async def test_prompts_stay_out_of_the_log_where_the_guild_wants_that(desk: Desk, words: Words) -> None:
    def decide(connection: rows.Connection) -> None:
        policies.save(connection, replace(policies.load(connection, GUILD), are_prompts_logged=False))

    await desk.database.write(decide)
    await words.add(staff(), FOX)

    with pytest.raises(ForbiddenWordsError):
        await desk.request()

    assert (await told(desk))[-1].details == {"rule": "ForbiddenWords", "word": "fox"}


async def test_the_endpoint_is_not_asked_about_what_the_list_forbids(desk: Desk, words: Words) -> None:
    await words.add(staff(), FOX)
    judge = Judge(None)

    with pytest.raises(ForbiddenWordsError):
        await Screening(desk.database, desk.clock, judge).check(ANNA, place(), video())

    assert judge.asked == []


async def test_a_replayed_command_brings_its_job_even_when_its_words_are_forbidden_meanwhile(
    desk: Desk, words: Words
) -> None:
    where = place()
    first = await desk.request(where=where)
    await words.add(staff(), FOX)

    again = await desk.request(where=where)

    assert (again.job.id, again.is_new) == (first.job.id, False)
