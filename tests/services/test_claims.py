"""Claiming what was kept: its member's alone, once, from everywhere, and never for money."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from bot.domain.admission import Requester
from bot.domain.ids import ChannelId, GuildId, JobId, ModelId, RoleId
from bot.domain.jobs import Job, JobState, Move, StoredVideo
from bot.domain.models import Catalogue, Choice, Mode, OptionName, OptionSpec
from bot.domain.policies import ModelRule, RoleRule
from bot.errors import StaleJobError
from bot.errors.jobs import NotFoundError, NotKeptError, NotWaitingError
from bot.errors.policies import PolicyRefusedError
from bot.errors.requests import AdultsOnlyError
from bot.errors.screening import BlockedForGoodError
from bot.services.moderation import Moderation
from tests.samples import ANNA, BORIS, GUILD, MAKER, OTHER_GUILD, STAFF, place, spot, video
from tests.services.desk import Desk, staff

ELSEWHERE = ChannelId(777)
LIMIT = 25_000_000


async def kept(desk: Desk, job: Job | None = None) -> Job:
    """A job whose video waits for its member."""
    job = await desk.deliver(job or await desk.job(), to=JobState.PARKED)
    stored = StoredVideo(name=f"{job.id}.mp4", size=5)
    return await desk.lifecycle.apply(job, Move(to=JobState.PARKED, after=None, stored=stored))


@pytest.mark.parametrize("channel", [ELSEWHERE, None], ids=["channel", "direct messages"])
async def test_a_claim_sends_the_video_where_its_member_is(desk: Desk, channel: ChannelId | None) -> None:
    job = await kept(desk)
    heard: list[JobState] = []
    desk.lifecycle.listen(lambda moved: heard.append(moved.state))

    claimed = await desk.jobs.claim(ANNA, job.id, spot(channel), LIMIT)

    assert heard == [JobState.DELIVERING]
    assert claimed == await desk.find(job)
    assert claimed.due_at == desk.clock.now()
    assert claimed.is_direct is (channel is None)
    assert claimed.place.channel_id == (channel or job.place.channel_id)
    assert claimed.place.upload_limit == LIMIT
    assert claimed.posting_at is None  # nothing has been sent to this place yet


async def test_a_video_of_another_guild_is_claimed_from_everywhere(desk: Desk) -> None:
    job = await kept(desk, await desk.job(guild_id=OTHER_GUILD))

    assert [each.id for each in await desk.jobs.parked(ANNA)] == [job.id]
    assert (await desk.jobs.claim(ANNA, job.id, None, LIMIT)).place.guild_id == OTHER_GUILD


@pytest.mark.parametrize("who", [BORIS, STAFF], ids=["stranger", "staff"])
async def test_nobody_else_claims_it_or_hears_of_it(desk: Desk, who: int) -> None:
    job = await kept(desk)

    with pytest.raises(NotFoundError):
        await desk.jobs.claim(type(ANNA)(who), job.id, spot(ELSEWHERE), LIMIT)

    assert await desk.find(job) == job
    assert await desk.jobs.parked(type(ANNA)(who)) == []


async def test_of_many_claims_at_once_one_wins(desk: Desk) -> None:
    job = await kept(desk)

    claims = (desk.jobs.claim(ANNA, job.id, spot(ELSEWHERE), LIMIT) for _ in range(5))
    answers = await asyncio.gather(*claims, return_exceptions=True)

    assert sorted(type(answer).__name__ for answer in answers) == ["Job", *["NotWaitingError"] * 4]


async def test_what_never_waited_cannot_be_claimed(desk: Desk) -> None:
    waiting, posted = await desk.job(), await desk.deliver(await desk.job())

    for job in (waiting, posted):
        with pytest.raises(NotWaitingError):
            await desk.jobs.claim(ANNA, job.id, spot(ELSEWHERE), LIMIT)
        assert await desk.find(job) == job
    with pytest.raises(NotFoundError):
        await desk.jobs.claim(ANNA, JobId(999_999), spot(ELSEWHERE), LIMIT)


async def test_what_was_kept_long_enough_is_no_longer_offered(desk: Desk) -> None:
    job = await kept(desk)
    await desk.lifecycle.apply(job, Move(to=JobState.PARKED, after=None, is_cleared=True))

    assert await desk.jobs.parked(ANNA) == []
    with pytest.raises(NotKeptError):
        await desk.jobs.claim(ANNA, job.id, spot(ELSEWHERE), LIMIT)


async def test_a_step_that_was_just_forgetting_it_comes_too_late(desk: Desk) -> None:
    job = await kept(desk)
    await desk.jobs.claim(ANNA, job.id, spot(ELSEWHERE), LIMIT)

    with pytest.raises(StaleJobError):
        await desk.lifecycle.apply(job, Move(to=JobState.PARKED, after=None, is_cleared=True))

    assert (await desk.find(job)).stored is not None


async def test_claims_cost_nothing_however_often_they_end_where_they_began(desk: Desk) -> None:
    job = await kept(desk)
    before = await desk.balance()

    for _ in range(3):
        claimed = await desk.jobs.claim(ANNA, job.id, spot(ELSEWHERE), LIMIT)
        await desk.lifecycle.apply(claimed, Move(to=JobState.PARKED, after=None))

    assert await desk.balance() == before
    assert await desk.differences() == []


RESTRICTED = Requester(is_restricted_channel=True)
STYLED = replace(
    MAKER,
    modes={
        Mode.TEXT: replace(
            MAKER.modes[Mode.TEXT],
            options={
                OptionName.STYLE: OptionSpec(
                    name=OptionName.STYLE,
                    vendor_field="mode",
                    choices=(Choice(value="normal", vendor="normal"), Choice(value="spicy", vendor="spicy")),
                    default="normal",
                    adult=frozenset({"spicy"}),
                )
            },
        )
    },
)


@pytest.mark.parametrize("there", [GUILD, OTHER_GUILD], ids=["the same guild", "another"])
async def test_a_video_for_adults_is_claimed_where_they_are_alone(desk: Desk, there: GuildId) -> None:
    catalogue = Catalogue({STYLED.id: STYLED})
    spicy = replace(video(), options={OptionName.STYLE: "spicy"})
    job = await kept(desk, (await desk.generation.request(ANNA, place(), spicy)).job)

    with pytest.raises(AdultsOnlyError):
        await desk.jobs.claim(ANNA, job.id, spot(ELSEWHERE, there, catalogue=catalogue), LIMIT)

    assert await desk.find(job) == job
    await desk.jobs.claim(ANNA, job.id, spot(ELSEWHERE, there, requester=RESTRICTED, catalogue=catalogue), LIMIT)


@pytest.mark.parametrize("policy", [GUILD, OTHER_GUILD], ids=["where it was made", "where it is claimed"])
@pytest.mark.parametrize(
    "values",
    [{"is_restricted_only": True}, {"models": {MAKER.id: ModelRule(is_restricted=True)}}],
    ids=["all", "model"],
)
async def test_what_a_guild_shows_adults_only_is_claimed_where_they_are_alone(
    desk: Desk, values: dict[str, object], policy: GuildId
) -> None:
    job = await kept(desk)
    await desk.decide(policy, **values)

    with pytest.raises(PolicyRefusedError):
        await desk.jobs.claim(ANNA, job.id, spot(ELSEWHERE, OTHER_GUILD), LIMIT)

    await desk.jobs.claim(ANNA, job.id, spot(ELSEWHERE, OTHER_GUILD, requester=RESTRICTED), LIMIT)


async def test_a_video_is_claimed_in_channels_that_are_for_videos(desk: Desk) -> None:
    job = await kept(desk)
    await desk.decide(channels=frozenset({ChannelId(5)}))

    with pytest.raises(PolicyRefusedError):
        await desk.jobs.claim(ANNA, job.id, spot(ELSEWHERE), LIMIT)

    await desk.jobs.claim(ANNA, job.id, spot(ChannelId(5)), LIMIT)


async def test_who_may_ask_for_what_is_no_matter_once_the_video_is_there(desk: Desk) -> None:
    job = await kept(desk)
    await desk.decide(
        roles={RoleId(9): RoleRule(is_allowed=True)}, models={ModelId("biller"): ModelRule(is_allowed=True)}
    )

    await desk.jobs.claim(ANNA, job.id, spot(ELSEWHERE), LIMIT)


async def test_whoever_is_blocked_in_a_guild_claims_nothing_there(desk: Desk) -> None:
    job = await kept(desk)
    await Moderation(desk.database, desk.clock, desk.lifecycle).block(staff(OTHER_GUILD), ANNA, "spam", None)

    with pytest.raises(BlockedForGoodError):
        await desk.jobs.claim(ANNA, job.id, spot(ELSEWHERE, OTHER_GUILD), LIMIT)

    await desk.jobs.claim(ANNA, job.id, spot(ELSEWHERE), LIMIT)
