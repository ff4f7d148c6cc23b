"""Cards follow their jobs: soon, politely, and until Discord lets nobody edit them any more."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import itertools
from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import discord
import pytest

from bot.cards import MOST_CARDS, ProgressCards
from bot.domain.ids import JobId, MessageId, ModelId
from bot.domain.jobs import Job, JobState
from bot.domain.models import OptionName
from bot.domain.substitutes import Substitute
from bot.domain.videos import VideoRequest
from bot.errors import DeliveryUnavailableError, PlaceGoneError
from bot.rendering.cards import BROKEN, LATE, LEAVING, Card
from tests.discord_side.making import CATALOGUE, MODEL, START, HandClock, job, settle
from tests.logged import logged


class NotedEdits:
    """Takes every edit, or fails as the test wants."""

    def __init__(self, clock: HandClock) -> None:
        self._clock = clock
        self.cards: list[tuple[JobId, Card, datetime]] = []
        self.trouble: Exception | None = None
        self.gate = asyncio.Event()
        self.gate.set()
        self.under_way = 0
        self.most_under_way = 0

    async def edit_card(self, job: Job, card: Card) -> None:
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            await self.gate.wait()
            self.cards.append((job.id, card, self._clock.now()))
            if self.trouble is not None:
                raise self.trouble
        finally:
            self.under_way -= 1

    def buttons(self, number: int = -1) -> dict[str | None, str | None]:
        """The labels and what they stand for."""
        view = self.cards[number][1].view
        items = [] if view is None else view.children
        return {item.label: item.custom_id for item in items if isinstance(item, discord.ui.Button)}

    @property
    def titles(self) -> list[str]:
        return [str(card.embed.title) for _, card, _ in self.cards]

    def fields(self, number: int = -1) -> dict[str | None, str | None]:
        return {field.name: field.value for field in self.cards[number][1].embed.fields}


class Queue:
    """The places and estimates that a test sets."""

    def __init__(self) -> None:
        self.ahead = 0
        self.ready_at_: datetime | None = None
        self.trouble: Exception | None = None

    async def queue_place(self, job: Job) -> int:
        if self.trouble is not None:
            raise self.trouble
        return self.ahead

    def ready_at(self, job: Job) -> datetime | None:
        return self.ready_at_


class FixedSubstitutes:
    """Whether the model is broken and what there is instead, as the test sets it."""

    def __init__(self) -> None:
        self.has_trouble = False
        self.found: Substitute | None = None

    def is_broken(self, job: Job) -> bool:
        return self.has_trouble and job.state is JobState.QUEUED

    async def find(self, job: Job) -> Substitute | None:
        return self.found if self.is_broken(job) else None


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def edits(clock: HandClock) -> NotedEdits:
    return NotedEdits(clock)


@pytest.fixture
def queue() -> Queue:
    return Queue()


@pytest.fixture
def substitutes() -> FixedSubstitutes:
    return FixedSubstitutes()


@pytest.fixture
async def cards(
    clock: HandClock, edits: NotedEdits, queue: Queue, substitutes: FixedSubstitutes
) -> AsyncIterator[ProgressCards]:
    made = ProgressCards(edits, jobs=queue, estimates=queue, catalogue=CATALOGUE, clock=clock, substitutes=substitutes)
    running = asyncio.create_task(made.run())
    await settle()
    yield made
    assert not running.done(), "cards must never stop by themselves"
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running


def moved(state: JobState, **fields: object) -> Job:
    """The job, accepted a while ago so that nothing else shows its card any more."""
    return job(state, **{"created_at": START - timedelta(seconds=30), "submitted_at": START, **fields})


async def test_card_follows_a_move_at_once(cards: ProgressCards, edits: NotedEdits) -> None:
    cards.changed(moved(JobState.RUNNING))
    await settle()

    assert edits.titles == ["Job 12: being made"]


async def test_first_card_is_left_to_the_command(cards: ProgressCards, edits: NotedEdits, clock: HandClock) -> None:
    cards.changed(job(JobState.QUEUED))
    await settle()
    before = list(edits.titles)

    await clock.advance(seconds=3)

    assert before == []
    assert edits.titles == ["Job 12: waiting"]


async def test_moves_in_quick_succession_make_one_edit_with_the_last(
    cards: ProgressCards, edits: NotedEdits, clock: HandClock
) -> None:
    cards.changed(moved(JobState.QUEUED))
    await settle()
    cards.changed(moved(JobState.SUBMITTING))
    cards.changed(moved(JobState.RUNNING))
    await clock.advance(seconds=2.9)
    before = list(edits.titles)

    await clock.advance(seconds=0.2)

    assert before == ["Job 12: waiting"]
    assert edits.titles == ["Job 12: waiting", "Job 12: being made"]


async def test_move_that_changes_nothing_visible_makes_no_edit(
    cards: ProgressCards, edits: NotedEdits, clock: HandClock
) -> None:
    cards.changed(moved(JobState.RUNNING))
    await settle()

    cards.changed(moved(JobState.RUNNING, attempts=3))
    await clock.advance(seconds=60)

    assert len(edits.cards) == 1


async def test_end_of_a_job_does_not_wait_and_is_forgotten(
    cards: ProgressCards, edits: NotedEdits, clock: HandClock
) -> None:
    cards.changed(moved(JobState.DELIVERING))
    await settle()
    await clock.advance(seconds=1)

    cards.changed(moved(JobState.DELIVERED, message_id=MessageId(99)))
    await settle()

    assert edits.titles == ["Job 12: being posted", "Job 12: posted"]
    assert len(cards) == 0


async def test_job_that_ends_at_once_does_not_overtake_the_command_s_own_card(
    cards: ProgressCards, edits: NotedEdits, clock: HandClock
) -> None:
    cards.changed(job(JobState.QUEUED))
    cards.changed(job(JobState.CANCELLED))
    await settle()
    before = list(edits.titles)

    await clock.advance(seconds=1)

    assert before == []
    assert edits.titles == ["Job 12: cancelled, credits returned"]


async def test_move_during_an_edit_is_shown_after_it(cards: ProgressCards, edits: NotedEdits, clock: HandClock) -> None:
    edits.gate.clear()
    cards.changed(moved(JobState.RUNNING))
    await settle()
    cards.changed(moved(JobState.FETCHING))
    await clock.advance(seconds=10)
    most = edits.most_under_way

    edits.gate.set()
    await settle()
    await clock.advance(seconds=3)

    assert most == 1
    assert edits.titles == ["Job 12: being made", "Job 12: being fetched"]


async def test_parked_job_that_is_delivered_while_its_card_is_edited_says_so(
    cards: ProgressCards, edits: NotedEdits, clock: HandClock
) -> None:
    edits.gate.clear()
    cards.changed(moved(JobState.PARKED))
    await clock.advance(seconds=1)
    cards.changed(moved(JobState.DELIVERED, message_id=MessageId(99)))

    edits.gate.set()
    await clock.advance(seconds=1)

    assert edits.titles == ["Job 12: kept for you", "Job 12: posted"]
    assert len(cards) == 0


async def test_place_in_the_queue_is_kept_up_to_date(
    cards: ProgressCards, edits: NotedEdits, clock: HandClock, queue: Queue
) -> None:
    queue.ahead = 4
    cards.changed(moved(JobState.QUEUED))
    await settle()
    queue.ahead = 2

    await clock.advance(seconds=10)
    await clock.advance(seconds=10)

    assert [edits.fields(number)["Place in the queue"] for number in range(len(edits.cards))] == ["5", "3"]


async def test_estimate_that_drifts_a_little_is_not_news(
    cards: ProgressCards, edits: NotedEdits, clock: HandClock, queue: Queue
) -> None:
    queue.ready_at_ = START + timedelta(minutes=3)
    cards.changed(moved(JobState.QUEUED))
    await settle()
    queue.ready_at_ = START + timedelta(minutes=3, seconds=20)
    await clock.advance(seconds=10)
    after_a_little = len(edits.cards)
    queue.ready_at_ = START + timedelta(minutes=4)

    await clock.advance(seconds=10)

    assert after_a_little == 1
    assert len(edits.cards) == 2


async def test_member_is_told_when_it_takes_longer_than_usual(
    cards: ProgressCards, edits: NotedEdits, clock: HandClock
) -> None:
    cards.changed(moved(JobState.RUNNING))
    await clock.advance(seconds=239)
    before = edits.fields()

    await clock.advance(seconds=1)

    assert "What now" not in before
    assert edits.fields()["What now"] == LATE


async def test_last_words_come_a_minute_before_the_token_dies_and_nothing_after_it(
    cards: ProgressCards, edits: NotedEdits, clock: HandClock
) -> None:
    cards.changed(job(JobState.RUNNING, submitted_at=START))
    await clock.advance(seconds=14 * 60)
    last_words = edits.fields()["What now"]
    await clock.advance(seconds=60)

    cards.changed(job(JobState.DELIVERED, message_id=MessageId(99)))
    await clock.advance(seconds=60)

    assert last_words == LEAVING
    assert edits.titles[-1] == "Job 12: being made"
    assert len(cards) == 0


async def test_job_that_ends_after_the_last_words_still_shows_its_end(
    cards: ProgressCards, edits: NotedEdits, clock: HandClock
) -> None:
    cards.changed(job(JobState.RUNNING, submitted_at=START))
    await clock.advance(seconds=14 * 60 + 30)

    cards.changed(job(JobState.DELIVERED, message_id=MessageId(99)))
    await clock.advance(seconds=1)

    assert edits.titles[-1] == "Job 12: posted"


async def test_card_that_is_gone_is_left_alone(cards: ProgressCards, edits: NotedEdits, clock: HandClock) -> None:
    edits.trouble = PlaceGoneError("HTTP 404, code 10008")
    cards.changed(moved(JobState.RUNNING))
    await clock.advance(seconds=60)

    assert len(edits.cards) == 1
    assert len(cards) == 0


async def test_failed_edit_is_tried_again(cards: ProgressCards, edits: NotedEdits, clock: HandClock) -> None:
    edits.trouble = DeliveryUnavailableError("HTTP 503")
    cards.changed(moved(JobState.DELIVERED))
    await clock.advance(seconds=1)
    edits.trouble = None

    await clock.advance(seconds=10)

    assert edits.titles == ["Job 12: posted", "Job 12: posted"]
    assert len(cards) == 0


async def test_card_is_given_up_after_three_tries(cards: ProgressCards, edits: NotedEdits, clock: HandClock) -> None:
    edits.trouble = DeliveryUnavailableError("HTTP 503")
    cards.changed(moved(JobState.RUNNING))
    for _ in range(6):
        await clock.advance(seconds=10)

    assert len(edits.cards) == 3
    assert len(cards) == 0


async def test_trouble_in_the_house_stops_one_card_and_no_other(
    cards: ProgressCards, edits: NotedEdits, clock: HandClock, queue: Queue
) -> None:
    queue.trouble = RuntimeError("the store is on fire")
    with logged() as log:
        cards.changed(moved(JobState.QUEUED))
        await settle()
    queue.trouble = None

    cards.changed(moved(JobState.RUNNING, id=JobId(13)))
    await clock.advance(seconds=1)

    assert "the store is on fire" in log.getvalue()
    assert edits.titles == ["Job 13: being made"]


async def test_many_jobs_at_once_are_edited_one_by_one_and_ends_first(
    cards: ProgressCards, edits: NotedEdits, clock: HandClock
) -> None:
    for number in range(100, 130):
        cards.changed(moved(JobState.RUNNING, id=JobId(number)))
    cards.changed(dataclasses.replace(moved(JobState.FAILED), id=JobId(200), created_at=START - timedelta(minutes=5)))
    await settle()
    at_once = len(edits.cards)

    for _ in range(40):
        await clock.advance(seconds=0.1)

    times = [at for _, _, at in edits.cards]
    assert at_once == 1
    assert len(edits.cards) == 31
    assert all(later - earlier >= timedelta(milliseconds=100) for earlier, later in itertools.pairwise(times))
    assert [job_id for job_id, _, _ in edits.cards].index(JobId(200)) < 12


async def test_slow_discord_never_has_more_than_a_few_edits_under_way(
    cards: ProgressCards, edits: NotedEdits, clock: HandClock
) -> None:
    edits.gate.clear()
    for number in range(100, 130):
        cards.changed(moved(JobState.RUNNING, id=JobId(number)))
    for _ in range(40):
        await clock.advance(seconds=0.1)

    assert edits.under_way == 8
    edits.gate.set()
    for _ in range(40):
        await clock.advance(seconds=0.1)
    assert len(edits.cards) == 30


async def test_memory_is_bounded(clock: HandClock, edits: NotedEdits, queue: Queue) -> None:
    cards = ProgressCards(edits, jobs=queue, estimates=queue, catalogue=CATALOGUE, clock=clock)

    for number in range(MOST_CARDS + 50):
        cards.changed(moved(JobState.RUNNING, id=JobId(number)))

    assert len(cards) == MOST_CARDS


# A model that is broken, and what there is instead.

CALM = dataclasses.replace(MODEL, id=ModelId("calm-2"), name="Calm 2")
SUBSTITUTE = Substitute(
    model=CALM,
    request=VideoRequest(prompt=job().video.prompt, model=CALM.id, duration=5, aspect="16:9"),
    video=dataclasses.replace(job().video, options={OptionName.DURATION: 5, OptionName.ASPECT: "16:9"}, price=40),
)
CANCEL = {"Cancel": "job:12:cancel"}


async def test_card_of_a_job_that_waits_for_a_broken_model_offers_another_with_its_price_and_options(
    cards: ProgressCards, edits: NotedEdits, clock: HandClock, substitutes: FixedSubstitutes
) -> None:
    cards.changed(moved(JobState.QUEUED))
    await settle()
    before = edits.buttons(), edits.fields()
    substitutes.has_trouble, substitutes.found = True, SUBSTITUTE

    await clock.advance(seconds=10)

    assert before[0] == CANCEL
    assert "Why it waits" not in before[1]
    assert edits.buttons() == {"Make it with Calm 2": "instead:12:calm-2", **CANCEL}
    assert edits.fields()["Why it waits"] == (
        "The model fails again and again at the moment, so the job waits for it. Calm 2 can make the video now for 40 "
        "credits; what this job has cost comes back then. Options: duration 5 · aspect 16:9"
    )


async def test_card_names_what_the_other_model_makes_differently_and_never_the_words_of_a_member(
    cards: ProgressCards, edits: NotedEdits, substitutes: FixedSubstitutes
) -> None:
    waiting = moved(JobState.QUEUED)
    options = {OptionName.DURATION: 8, OptionName.ASPECT: "16:9", OptionName.NEGATIVE: "my neighbour"}
    substitutes.has_trouble, substitutes.found = True, SUBSTITUTE

    cards.changed(dataclasses.replace(waiting, video=dataclasses.replace(waiting.video, options=options)))
    await settle()

    told = str(edits.fields()["Why it waits"])
    assert told.endswith("Options: duration 5 · aspect 16:9\nNot as in this job: duration · negative")
    assert "neighbour" not in told


async def test_card_offers_nothing_where_there_is_nothing_and_still_says_why_the_job_waits(
    cards: ProgressCards, edits: NotedEdits, substitutes: FixedSubstitutes
) -> None:
    substitutes.has_trouble = True

    cards.changed(moved(JobState.QUEUED))
    await settle()

    assert edits.buttons() == CANCEL
    assert edits.fields()["Why it waits"] == BROKEN


async def test_card_takes_the_offer_away_once_the_model_works_although_the_job_has_not_moved(
    cards: ProgressCards, edits: NotedEdits, clock: HandClock, substitutes: FixedSubstitutes
) -> None:
    substitutes.has_trouble, substitutes.found = True, SUBSTITUTE
    cards.changed(moved(JobState.QUEUED))
    await settle()
    substitutes.has_trouble = False

    await clock.advance(seconds=10)

    assert edits.buttons(0).keys() == {"Make it with Calm 2", "Cancel"}
    assert edits.buttons() == CANCEL
    assert "Why it waits" not in edits.fields()


@pytest.mark.parametrize("state", [JobState.SUBMITTING, JobState.RUNNING, JobState.CANCELLED])
async def test_card_takes_the_offer_away_when_the_job_goes_on_or_ends(
    cards: ProgressCards, edits: NotedEdits, clock: HandClock, substitutes: FixedSubstitutes, state: JobState
) -> None:
    substitutes.has_trouble, substitutes.found = True, SUBSTITUTE
    cards.changed(moved(JobState.QUEUED))
    await settle()

    cards.changed(moved(state))
    await clock.advance(seconds=3)

    assert edits.buttons() == {}
    assert "Why it waits" not in edits.fields()


async def test_card_names_the_offer_of_the_moment(
    cards: ProgressCards, edits: NotedEdits, clock: HandClock, substitutes: FixedSubstitutes
) -> None:
    substitutes.has_trouble, substitutes.found = True, SUBSTITUTE
    cards.changed(moved(JobState.QUEUED))
    await settle()
    substitutes.found = dataclasses.replace(SUBSTITUTE, model=MODEL)

    await clock.advance(seconds=10)

    assert edits.buttons() == {"Make it with Swift 1": "instead:12:swift-1", **CANCEL}
