"""Whoever has themselves forgotten is nowhere in the files any more, and the books balance all the same."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from bot.domain.grants import Target
from bot.domain.ids import InteractionId, JobId, UserId
from bot.domain.jobs import FailureReason, JobState, Move, Result, StoredVideo
from bot.domain.models import ImageFormat
from bot.domain.pictures import Picture
from bot.domain.safety import Word, WordKind
from bot.domain.staff_log import StaffEvent, StaffEventKind
from bot.domain.videos import VideoRequest
from bot.errors.credits import AlreadyGivenError
from bot.errors.privacy import JobsRunningError
from bot.errors.screening import BlockedForGoodError, DepartedError
from bot.services.grants import Grants
from bot.services.moderation import Moderation
from bot.services.privacy import Privacy
from bot.services.staff_log import StaffLog
from bot.services.words import Words
from bot.store import jobs, policies, privacy, staff_log, tables
from bot.store.database import Connection, Database
from tests.samples import ANNA, BORIS, GUILD, OTHER_GUILD, place, video
from tests.services.desk import Desk, offered, staff

# An id and words that stand nowhere by chance.
GHOST = UserId(1_234_567_890_123_456_789)
PROMPT = "a zebra juggles with burning pineapples"
PICTURE = Picture(name="ab12cd34.png", format=ImageFormat.PNG, width=640, height=480, size=5)


class Removed:
    """Notes which files were to be removed."""

    def __init__(self) -> None:
        self.names: set[str] = set()
        self.job_ids: list[JobId] = []

    async def __call__(self, names: Collection[str], job_ids: Sequence[JobId]) -> None:
        self.names |= set(names)
        self.job_ids += job_ids


@pytest.fixture
def removed() -> Removed:
    return Removed()


@pytest.fixture
def own(desk: Desk, removed: Removed) -> Privacy:
    return Privacy(desk.database, desk.clock, desk.estimates, removed)


async def lives(desk: Desk, who: UserId) -> list[JobId]:
    """A member who has done everything that leaves a trace."""
    spec = replace(video(50, PICTURE), prompt=PROMPT)
    accepted = [(await desk.generation.request(who, place(), spec)).job for _ in range(4)]
    delivered, parked, failed, cancelled = accepted
    await desk.deliver(delivered, cost=30)
    parked = await desk.lifecycle.apply(parked, Move(to=JobState.SUBMITTING, detail=f"told {PROMPT}"))
    for move in (
        Move(to=JobState.RUNNING, task_id=desk_task(parked.id)),
        Move(to=JobState.FETCHING, result=Result(url=f"https://files.test/{who}.mp4")),
        Move(to=JobState.DELIVERING, stored=StoredVideo(name=f"{parked.id}.mp4", size=5)),
        Move(to=JobState.PARKED, after=timedelta(days=14)),
    ):
        parked = await desk.lifecycle.apply(parked, move)
    failed = await desk.lifecycle.apply(failed, Move(to=JobState.SUBMITTING))
    refusal = Move(to=JobState.FAILED, failure=FailureReason.MODERATION, detail=f"refused: {PROMPT}")
    await desk.lifecycle.apply(failed, refusal)
    await desk.jobs.cancel(GUILD, who, cancelled.id)

    def write(connection: Connection) -> None:
        event = StaffEvent(guild_id=GUILD, kind=StaffEventKind.BLOCK, user_id=who, reason=f"made {PROMPT}")
        staff_log.note(connection, event, desk.clock.now())

    await desk.database.write(write)
    await StaffLog(desk.database, desk.clock).report(GUILD, who, accepted[0].id, PROMPT)
    return [job.id for job in accepted]


def desk_task(job_id: int) -> str:
    return f"task-{job_id}"


def bytes_of(database: Database) -> dict[str, bytes]:
    """Everything that lies on the disk: the file, its log, its index."""
    file = Path(str(database._writer.url.database))
    return {path.name: path.read_bytes() for path in file.parent.iterdir() if path.name.startswith(file.name)}


def traces(content: bytes) -> list[str]:
    looks = {
        "id as text": str(GHOST).encode(),
        "id as a number": int(GHOST).to_bytes(8, "big"),
        "prompt": PROMPT.encode(),
        "part of the prompt": PROMPT[10:30].encode(),
    }
    return [name for name, needle in looks.items() if needle in content]


async def test_nothing_of_a_forgotten_member_is_left_in_any_byte_of_the_files(
    desk: Desk, own: Privacy, backend: str
) -> None:
    await lives(desk, ANNA)
    await lives(desk, GHOST)
    if backend == "sqlite":
        assert traces(b"".join(bytes_of(desk.database).values())), "the scan finds what is there"

    await own.erase(GHOST)

    assert await desk.differences() == []
    assert await desk.database.read(privacy.copy_of, GHOST) == {}
    if backend == "sqlite":
        found = {name: traces(content) for name, content in bytes_of(desk.database).items()}
        # The other member wrote the same, so only the id is looked for here.
        assert all("id" not in trace for each in found.values() for trace in each), found


async def test_the_prompts_of_the_only_member_are_gone_from_the_files(desk: Desk, own: Privacy, backend: str) -> None:
    await lives(desk, GHOST)

    await own.erase(GHOST)

    assert await desk.differences() == []
    if backend == "sqlite":
        assert {name: traces(content) for name, content in bytes_of(desk.database).items() if traces(content)} == {}


async def test_pictures_and_videos_go_unless_somebody_else_needs_them(
    desk: Desk, own: Privacy, removed: Removed
) -> None:
    ids = await lives(desk, GHOST)
    shared = replace(PICTURE, name="shared.png")
    for who in (GHOST, ANNA):
        made = (await desk.generation.request(who, place(), replace(video(10, shared), prompt="x"))).job
        await desk.jobs.cancel(GUILD, who, made.id)

    await own.erase(GHOST)

    assert removed.names == {PICTURE.name, f"{ids[1]}.mp4"}
    assert set(ids) <= set(removed.job_ids)


async def test_while_a_job_is_on_its_way_nothing_is_deleted_and_it_is_said_when(desk: Desk, own: Privacy) -> None:
    job = await desk.job(10, user_id=GHOST)

    with pytest.raises(JobsRunningError) as refusal:
        await own.erase(GHOST)

    assert refusal.value.values["jobs"] == str(job.id)
    assert str(refusal.value.values["ready"]).startswith("<t:")
    assert (await desk.find(job)).user_id == GHOST


async def test_being_forgotten_brings_no_second_allowance_and_lasts_until_it_renews(desk: Desk, own: Privacy) -> None:
    await desk.deliver(await desk.job(500, user_id=GHOST))
    await own.erase(GHOST)

    with pytest.raises(DepartedError):
        await desk.request(1, user_id=GHOST)
    await desk.request(1, user_id=BORIS)
    await desk.request(1, user_id=GHOST, guild_id=OTHER_GUILD)
    desk.clock.advance(days=1)
    await own.sweep(desk.clock.now())

    await desk.request(1, user_id=GHOST)
    assert await desk.count(tables.departures) == 0


async def test_being_forgotten_lifts_no_block(desk: Desk, own: Privacy) -> None:
    moderation = Moderation(desk.database, desk.clock, desk.lifecycle)
    await moderation.block(staff(), GHOST, "spam", None)
    await own.erase(GHOST)

    with pytest.raises(BlockedForGoodError, match="spam"):
        await desk.request(1, user_id=GHOST)
    desk.clock.advance(days=400)
    await own.sweep(desk.clock.now())
    with pytest.raises(BlockedForGoodError):
        await desk.request(1, user_id=GHOST)


async def test_a_member_of_staff_is_forgotten_as_an_actor_too(desk: Desk, own: Privacy, backend: str) -> None:
    acting = replace(staff(), user_id=GHOST)
    await Words(desk.database, desk.clock).add(acting, Word(kind=WordKind.WORD, text="dragon"))
    await Moderation(desk.database, desk.clock, desk.lifecycle).block(acting, BORIS, "spam", None)

    await own.erase(GHOST)

    assert await desk.database.read(privacy.copy_of, GHOST) == {}
    if backend == "sqlite":
        assert not traces(b"".join(bytes_of(desk.database).values()))


async def test_the_copy_holds_everything_of_the_member_and_nothing_of_others(desk: Desk, own: Privacy) -> None:
    ids = await lives(desk, GHOST)
    await desk.deliver(await desk.job(10, user_id=ANNA))

    copy = await own.copy(GHOST)

    text = copy.text.decode()
    assert PROMPT in text
    assert all(f'"id": {job_id}' in text for job_id in ids)
    for table in ("jobs", "entries", "lines", "usage", "tallies", "refusals", "staff_log", "job_events"):
        assert f'"{table}": [' in text
    assert "interaction_token" not in text
    assert "callback_secret" not in text
    assert set(copy.file_names) == {PICTURE.name, f"{ids[1]}.mp4"}


def test_every_column_that_names_a_person_is_known() -> None:
    named = {
        (table.name, column.name)
        for table in tables.metadata.sorted_tables
        for column in table.columns
        if column.name in {"user_id", "actor_id", "changed_by", "member_id", "owner_id", "author_id"}
    }

    assert named == {(table.name, name) for table, columns in privacy.PERSONAL.items() for name in columns}


async def test_prompts_and_pictures_go_when_the_guild_keeps_them_no_longer(
    desk: Desk, own: Privacy, removed: Removed
) -> None:
    def decide(connection: Connection) -> None:
        policy = policies.load(connection, GUILD)
        policies.save(connection, replace(policy, keep_prompts_days=3, keep_media_days=10))

    await desk.database.write(decide)
    ids = await lives(desk, GHOST)
    desk.clock.advance(days=2)
    waiting = await desk.job(10)
    desk.clock.advance(days=2)
    await own.sweep(desk.clock.now())

    def prompts(connection: Connection) -> list[str]:
        return list(connection.execute(sa.select(tables.jobs.c.prompt).order_by(tables.jobs.c.id)).scalars())

    assert await desk.database.read(prompts) == [""] * len(ids) + [waiting.video.prompt]
    assert removed.names == set()

    desk.clock.advance(timedelta(days=8))
    await own.sweep(desk.clock.now())

    assert removed.names == {PICTURE.name}
    parked = await desk.database.read(jobs.find, ids[1])
    assert parked is not None
    assert parked.due_at == desk.clock.now()
    assert await desk.differences() == []


async def test_what_nobody_answered_is_forgotten_after_a_day_though_nobody_asks_for_more(
    desk: Desk, own: Privacy
) -> None:
    spec = replace(video(50, PICTURE), prompt=PROMPT)
    await desk.generation.keep(GHOST, place(), spec)
    request = VideoRequest(prompt=PROMPT, model=spec.model)
    await desk.database.write(offered, GHOST, request, f"{PROMPT}, at dusk", desk.clock.now())

    grants = Grants(desk.database, desk.clock)
    given = await grants.ask(staff(), Target(user_id=GHOST), 50, "prize", InteractionId(801))
    await grants.give(staff(), given.id)
    asked = await grants.ask(staff(), Target(user_id=GHOST), 50, "prize", InteractionId(802))
    tables_of_questions = (tables.drafts, tables.rewrites, tables.grants)

    desk.clock.advance(hours=23)
    await own.sweep(desk.clock.now())
    kept = [await desk.count(table) for table in tables_of_questions]
    desk.clock.advance(hours=2)
    await own.sweep(desk.clock.now())

    assert kept == [1, 1, 2]
    assert [await desk.count(table) for table in tables_of_questions] == [0, 0, 1]
    with pytest.raises(AlreadyGivenError):
        await grants.give(staff(), asked.id)
    assert await desk.differences() == []
