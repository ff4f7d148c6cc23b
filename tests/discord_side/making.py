"""Jobs, models and a hand-moved clock for the tests of the Discord side."""

from __future__ import annotations

import asyncio
import dataclasses
from datetime import UTC, datetime, timedelta
from typing import Any

from bot.domain.ids import ChannelId, GuildId, InteractionId, JobId, MessageId, ModelId, ProviderId, UserId
from bot.domain.jobs import Job, JobState, Place
from bot.domain.models import (
    Catalogue,
    Choice,
    Mode,
    ModelState,
    ModeSpec,
    OptionName,
    OptionSpec,
    PriceRow,
    PriceTable,
    PromptRules,
    VideoModel,
)
from bot.domain.videos import VideoSpec
from bot.ports import Link, Post

START = datetime(2026, 11, 20, 12, tzinfo=UTC)

MODEL = VideoModel(
    id=ModelId("swift-1"),
    name="Swift 1",
    provider=ProviderId("kie_jobs"),
    family="swift",
    state=ModelState.LIVE,
    retired_on=None,
    successor=None,
    modes={
        Mode.TEXT: ModeSpec(
            slug="swift/text",
            prompt=PromptRules(min_length=1, max_length=5000, is_required=True),
            options={
                OptionName.ASPECT: OptionSpec(
                    name=OptionName.ASPECT,
                    vendor_field="aspect_ratio",
                    choices=(Choice(value="16:9", vendor="16:9"),),
                    default="16:9",
                )
            },
            fixed={},
            price=PriceTable(per_second=False, rows=(PriceRow(when={}, credits=62),)),
            image=None,
            is_probeable=False,
        )
    },
    typical=timedelta(minutes=1),
    soft_limit=timedelta(minutes=4),
    outer_limit=timedelta(minutes=30),
)
CATALOGUE = Catalogue({MODEL.id: MODEL})

PLACE = Place(
    guild_id=GuildId(81384788765712384),
    channel_id=ChannelId(81384788765712385),
    application_id=81384788765712386,
    interaction_id=InteractionId(81384788765712387),
    interaction_token="token-of-the-interaction",
    upload_limit=10 * 1024 * 1024,
    locale="en-US",
    guild_locale="en-US",
)


def job(state: JobState = JobState.QUEUED, *, prompt: str = "a red fox", price: int = 62, **fields: Any) -> Job:
    """A job that is *state*, with whatever else the test is about."""
    video = VideoSpec(model=MODEL.id, mode=Mode.TEXT, prompt=prompt, options={OptionName.ASPECT: "16:9"}, price=price)
    made = Job(
        id=JobId(12),
        user_id=UserId(81384788765712400),
        place=PLACE,
        video=video,
        provider=MODEL.provider,
        state=state,
        fence=1,
        attempts=0,
        callback_secret="secret",
        created_at=START,
        due_at=START,
    )
    return dataclasses.replace(made, **fields)


def link_of(made: Job) -> Link:
    """The provider's own link to the job's video."""
    assert made.result is not None
    return Link(url=made.result.url, expires_at=made.result.expires_at)


def message_of(post: Post | None) -> MessageId | None:
    return None if post is None else post.message_id


class HandClock:
    """Time that passes when a test says so; whoever waits is woken by `advance`."""

    def __init__(self) -> None:
        self._now = START
        self._waiting: set[asyncio.Future[None]] = set()

    def now(self) -> datetime:
        return self._now

    async def wait(self, wake: asyncio.Event, at_most: timedelta) -> None:
        until = self._now + at_most
        while not wake.is_set() and self._now < until:
            moved = asyncio.get_running_loop().create_future()
            self._waiting.add(moved)
            woken = asyncio.ensure_future(wake.wait())
            try:
                await asyncio.wait({moved, woken}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                woken.cancel()
                self._waiting.discard(moved)

    async def advance(self, *, seconds: float) -> None:
        """Let time pass and everybody react to it."""
        self._now += timedelta(seconds=seconds)
        for moved in list(self._waiting):
            if not moved.done():
                moved.set_result(None)
        await settle()


async def settle() -> None:
    """Let every task run until it waits for something that only the test can bring about."""
    for _ in range(50):
        await asyncio.sleep(0)
