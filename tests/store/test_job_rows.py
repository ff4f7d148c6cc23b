"""Jobs as rows: who gets which when, who may write, and what the database itself forbids."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.ids import JobId, MessageId, ModelId, ProviderId, TaskId, UserId
from bot.domain.jobs import FailureReason, Job, JobState, Move, Result, StoredVideo
from bot.domain.models import Mode, OptionName
from bot.domain.pictures import Clip
from bot.domain.videos import Source, request_of
from bot.store import claims, durations, events, hints, jobs, moves, tables
from bot.store.claims import Claimed
from bot.store.database import Connection, Database
from bot.store.jobs import NewJob
from bot.store.ledger import Payment
from tests.fakes import KIE, NOON
from tests.samples import ANNA, BORIS, GUILD, MAKER, OTHER_GUILD, PICTURE, place, video
from tests.store import making

LEASE = timedelta(minutes=5)
PAYMENT = Payment(allowance=60, bonus=40, is_pool_limited=True, paid_at=NOON)


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


async def claim(
    database: Database, *states: JobState, limit: int = 10, now: datetime = NOON, provider: ProviderId | None = None
) -> list[Claimed]:
    def take(connection: Connection) -> list[Claimed]:
        return claims.claim(connection, states or (JobState.QUEUED,), limit, LEASE, now, provider=provider)

    return await database.write(take)


async def make(database: Database, **values: Any) -> Job:
    return await database.write(lambda connection: making.insert(connection, **values))


async def make_running(database: Database, **values: Any) -> Job:
    return await database.write(lambda connection: making.running(connection, **values))


async def move(database: Database, job: Job, step: Move, now: datetime = NOON, **keeps: Any) -> Job | None:
    return await database.write(lambda connection: moves.move(connection, job, step, now, **keeps))


async def find(database: Database, job: Job) -> Job:
    found = await database.read(jobs.find, job.id)
    assert found is not None
    return found


async def column(database: Database, job: Job, name: str) -> Any:
    return await database.read(making.column, job, name)


# What is written comes back.


async def test_a_job_comes_back_as_it_was_written(database: Database) -> None:
    spec = replace(
        video(100, PICTURE), options={OptionName.DURATION: 5, OptionName.AUDIO: True, OptionName.ASPECT: "1:1"}
    )
    new = NewJob(
        user_id=ANNA, place=place(), video=spec, provider=KIE, callback_secret="secret", again_of=JobId(7)
    )  # fmt: skip

    job = await database.write(jobs.insert, new, PAYMENT, NOON)

    assert job is not None
    assert job == await find(database, job)
    assert job.video == spec
    assert job.video.options[OptionName.AUDIO] is True
    assert (job.place, job.user_id, job.provider, job.again_of) == (new.place, ANNA, KIE, 7)
    assert (job.state, job.due_at, job.created_at, job.fence) == (JobState.QUEUED, NOON, NOON, 0)
    assert await database.read(jobs.payment_of, job.id) == PAYMENT


async def test_every_kind_of_input_comes_back_and_its_files_are_in_use(database: Database) -> None:
    last, first_of, second_of = (replace(PICTURE, name=f"{name}.png") for name in ("last", "r1", "r2"))
    source = Source(job=JobId(3), seconds=6, task_id=TaskId("t-3"), clip=Clip(name="3.mp4", size=7))
    spec = replace(video(100, PICTURE), last_frame=last, references=(first_of, second_of), source=source)
    new = NewJob(user_id=ANNA, place=place(), video=spec, provider=KIE, callback_secret="secret")

    job = await database.write(jobs.insert, new, PAYMENT, NOON)

    assert job is not None
    assert job.video == spec
    assert await database.read(jobs.files_in_use) == {PICTURE.name, "last.png", "r1.png", "r2.png", "3.mp4"}


async def test_a_job_from_before_there_were_several_inputs_is_read_as_ever(database: Database) -> None:
    stored = {"name": "1.png", "format": "png", "width": 640, "height": 480, "size": 5}
    job = await make(database, picture=stored, inputs=None, mode="image", options={"duration": 5})

    found = await find(database, job)

    assert (found.video.picture, found.video.last_frame, found.video.references) == (PICTURE, None, ())
    assert found.video.source is None
    assert request_of(found.video).picture == PICTURE


async def test_what_a_step_learnt_comes_back(database: Database) -> None:
    job = await make_running(database, state="delivering")
    result = Result(url="https://files.test/1.mp4", expires_at=at(60), credits=61.5)
    learnt = Move(
        to=JobState.DELIVERED,
        after=None,
        result=result,
        stored=StoredVideo(name="1.mp4", size=5),
        message_id=MessageId(2**62),
    )

    moved = await move(database, job, learnt, at(1))

    assert moved == await find(database, job)
    assert moved is not None
    assert (moved.result, moved.stored, moved.message_id) == (result, learnt.stored, 2**62)
    assert (moved.finished_at, moved.due_at) == (at(1), None)


@given(moment=st.datetimes(timezones=st.just(UTC)))
def test_moments_are_kept_to_the_microsecond(moment: datetime) -> None:
    instant = tables.Instant()
    dialect = sa.create_mock_engine("sqlite://", lambda *_: None).dialect

    stored = instant.process_bind_param(moment, dialect)

    assert isinstance(stored, int)
    assert instant.process_result_value(stored, dialect) == moment


async def test_an_interaction_has_one_job(database: Database) -> None:
    await make(database, interaction_id=5)
    again = NewJob(user_id=BORIS, place=place(interaction_id=5), video=video(), provider=KIE, callback_secret="s")

    assert await database.write(jobs.insert, again, PAYMENT, NOON) is None
    found = await database.read(jobs.find_by_interaction, again.place.interaction_id)
    assert found is not None
    assert found.user_id == ANNA


# The queue.


async def test_a_claimed_job_is_nobody_elses_until_its_lease_ends(database: Database) -> None:
    job = await make(database)

    (first,) = await claim(database)
    during = await claim(database, now=at(299))
    (second,) = await claim(database, now=NOON + LEASE)

    assert during == []
    assert (first.job.id, first.job.fence, first.claims) == (job.id, 1, 1)
    assert (second.job.fence, second.claims) == (2, 2)


async def test_two_claimers_at_once_never_get_the_same_job(database: Database, database_url: str) -> None:
    for _ in range(30):
        await make(database)
    others = [Database.connect(database_url, busy_timeout=timedelta(seconds=20)) for _ in range(3)]

    async def take_all(own: Database) -> list[JobId]:
        taken: list[JobId] = []
        for _ in range(12):
            taken += [claimed.job.id for claimed in await claim(own, limit=4)]
        return taken

    shares = await asyncio.gather(*(take_all(own) for own in [database, *others]))
    for own in others:
        await own.close()

    everything = [job_id for share in shares for job_id in share]
    assert len(everything) == len(set(everything)) == 30


async def test_only_jobs_that_are_due_in_the_wanted_states_of_the_provider_are_claimed(database: Database) -> None:
    due = await make(database)
    await make(database, due_at=at(1))
    await make(database, due_at=None)
    await make(database, provider="other")
    await make_running(database)

    claimed = await claim(database, JobState.QUEUED, JobState.FETCHING, provider=KIE)

    assert [one.job.id for one in claimed] == [due.id]


async def test_running_jobs_are_claimed_in_the_order_in_which_they_are_due(database: Database) -> None:
    late, early, middle = [await make_running(database, due_at=at(-age)) for age in (1, 3, 2)]

    first = await claim(database, JobState.RUNNING, limit=2)

    assert [one.job.id for one in first] == [early.id, middle.id]
    assert [one.job.id for one in await claim(database, JobState.RUNNING)] == [late.id]


async def test_guilds_and_members_take_turns(database: Database) -> None:
    anna = [await make(database) for _ in range(4)]
    boris = await make(database, user_id=BORIS)
    other = [await make(database, guild_id=OTHER_GUILD, user_id=UserId(9)) for _ in range(2)]

    order: list[JobId] = []
    while claimed := await claim(database, limit=1):
        order.append(claimed[0].job.id)
        # It starts to run, and counts against its guild and its member from now on.
        await move(database, claimed[0].job, Move(to=JobState.SUBMITTING, after=timedelta(hours=1)))

    assert order == [anna[0].id, other[0].id, boris.id, other[1].id, anna[1].id, anna[2].id, anna[3].id]


async def test_a_batch_is_fair_as_well(database: Database) -> None:
    for _ in range(20):
        await make(database)
    boris = [await make(database, user_id=BORIS) for _ in range(2)]
    other = [await make(database, guild_id=OTHER_GUILD) for _ in range(3)]

    claimed = {one.job.id for one in await claim(database, limit=6)}

    assert {job.id for job in other} <= claimed
    assert boris[0].id in claimed


async def test_what_already_runs_counts_in_the_turn(database: Database) -> None:
    for _ in range(3):
        await make_running(database, user_id=ANNA, due_at=None)
    anna = await make(database, user_id=ANNA)
    boris = await make(database, user_id=BORIS)

    (first,) = await claim(database, limit=1)

    assert first.job.id == boris.id
    assert anna.id < boris.id


async def test_what_is_due_is_counted_by_state_and_provider(database: Database) -> None:
    await make(database)
    await make(database)
    await make_running(database, provider="other")
    await make(database, due_at=at(9))
    await make(database, due_at=at(7), lease_until=at(7))

    due = await database.read(claims.due, NOON)

    assert due.ready == {(JobState.QUEUED, KIE): 2, (JobState.RUNNING, ProviderId("other")): 1}
    assert due.next_at == at(9)


async def test_the_only_process_ends_every_lease_at_its_start(database: Database) -> None:
    held = await make(database)
    await claim(database)
    free = await make(database, due_at=at(60))

    released = await database.write(claims.release_leases, at(1))

    assert released == 1
    assert [one.job.id for one in await claim(database, now=at(1))] == [held.id]
    assert (await find(database, free)).due_at == at(60)


# Who may write.


async def test_a_move_with_an_old_fence_changes_nothing(database: Database) -> None:
    await make(database)
    (old,) = await claim(database)
    (new,) = await claim(database, now=NOON + LEASE)

    assert await move(database, old.job, Move(to=JobState.SUBMITTING)) is None
    assert await move(database, new.job, Move(to=JobState.SUBMITTING)) is not None


async def test_a_move_from_a_state_that_the_job_has_left_changes_nothing(database: Database) -> None:
    job = await make(database)
    await move(database, job, Move(to=JobState.CANCELLED, after=None))

    assert await move(database, job, Move(to=JobState.SUBMITTING)) is None
    assert [event.target for event in await database.read(events.timeline, job.id)] == ["queued", "cancelled"]


async def test_taking_a_job_over_makes_its_step_stale(database: Database) -> None:
    await make(database)
    (held,) = await claim(database)

    taken = await database.write(moves.take_over, held.job.id, JobState.QUEUED)

    assert taken is not None
    assert taken.fence == held.job.fence + 1
    assert await move(database, held.job, Move(to=JobState.SUBMITTING)) is None
    assert await database.write(moves.take_over, held.job.id, JobState.RUNNING) is None


async def test_a_move_lets_the_job_go_unless_it_keeps_the_lease(database: Database) -> None:
    await make(database)
    (held,) = await claim(database)

    kept = await move(database, held.job, Move(to=JobState.SUBMITTING), at(1), lease=LEASE)
    assert kept is not None
    assert kept.due_at == at(1) + LEASE == await column(database, kept, "lease_until")
    assert await column(database, kept, "claims") == 1

    let_go = await move(database, kept, Move(to=JobState.UNKNOWN, after=timedelta(seconds=9)), at(2))
    assert let_go is not None
    assert let_go.due_at == at(11)
    assert await column(database, let_go, "lease_until") is None
    assert await column(database, let_go, "claims") == 0


@pytest.mark.parametrize(
    ("steps", "attempts"),
    [
        ([Move(to=JobState.RUNNING, is_retry=True)] * 3, 3),
        ([Move(to=JobState.RUNNING, is_retry=True), Move(to=JobState.RUNNING)], 0),
        ([Move(to=JobState.RUNNING, is_retry=True), Move(to=JobState.FETCHING)], 0),
    ],
    ids=["retries add up", "an answer clears them", "the next state begins anew"],
)
async def test_attempts_count_tries_that_got_nowhere(database: Database, steps: Sequence[Move], attempts: int) -> None:
    job: Job | None = await make_running(database)

    for step in steps:
        assert job is not None
        job = await move(database, job, step)

    assert job is not None
    assert job.attempts == attempts


async def test_a_try_that_ends_where_it_began_counts_although_it_wrote_its_intent(database: Database) -> None:
    job: Job | None = await make(database)

    for _ in range(4):
        assert job is not None
        job = await move(database, job, Move(to=JobState.SUBMITTING), lease=LEASE)
        assert job is not None
        job = await move(database, job, Move(to=JobState.QUEUED, is_retry=True))

    assert job is not None
    assert job.attempts == 4


async def test_the_moment_of_the_first_post_is_kept(database: Database) -> None:
    job = await make_running(database, state="delivering")

    first = await move(database, job, Move(to=JobState.DELIVERING, is_posting=True), at(1))
    assert first is not None
    second = await move(database, first, Move(to=JobState.DELIVERING, is_posting=True), at(2))

    assert second is not None
    assert second.posting_at == at(1)


async def test_moments_of_a_job_are_those_in_which_it_entered_its_states(database: Database) -> None:
    job: Job | None = await make(database)
    states = (JobState.SUBMITTING, JobState.RUNNING, JobState.FETCHING, JobState.DELIVERING, JobState.DELIVERED)

    for second, state in enumerate(states, start=1):
        assert job is not None
        job = await move(database, job, Move(to=state, task_id=TaskId("t"), message_id=MessageId(1)), at(second))

    assert job is not None
    assert (job.submitted_at, job.finished_at) == (at(1), at(5))
    found = await database.read(durations.of_all)
    assert {key: list(history) for key, history in found.items()} == {(MAKER.id, Mode.TEXT): [2_000_000]}
    assert [event.at for event in await database.read(events.timeline, job.id)] == [at(second) for second in range(6)]


# Callbacks.


async def test_a_hint_makes_a_running_job_due_now(database: Database) -> None:
    job = await make_running(database, due_at=at(60))

    hinted = await database.write(hints.note, job.id, "secret", TaskId("task-1"), NOON)

    assert hinted is not None
    assert hinted.due_at == NOON


async def test_a_hint_with_a_wrong_secret_touches_no_row(database: Database) -> None:
    job = await make_running(database, due_at=at(60))

    def all_rows(connection: Connection) -> list[sa.Row[Any]]:
        return list(connection.execute(sa.select(tables.jobs)))

    before = await database.read(all_rows)

    assert await database.write(hints.note, job.id, "guess", TaskId("x"), NOON) is None
    assert await database.write(hints.note, JobId(job.id + 1), "secret", TaskId("x"), NOON) is None
    assert await database.read(all_rows) == before


async def test_a_hint_during_a_question_brings_the_next_one_at_once(database: Database) -> None:
    await make_running(database)
    (held,) = await claim(database, JobState.RUNNING)

    await database.write(hints.note, held.job.id, "secret", TaskId("task-1"), at(1))
    moved = await move(database, held.job, Move(to=JobState.RUNNING, after=timedelta(seconds=30)), at(2))
    later = await move(database, held.job, Move(to=JobState.RUNNING, after=timedelta(seconds=30)), at(3))

    assert moved is not None
    assert moved.due_at == at(2)
    assert later is not None
    assert later.due_at == at(33)


async def test_a_hint_before_the_answer_names_the_task_and_makes_it_due(database: Database) -> None:
    job = await make(database, state="submitting", submitted_at=NOON, lease_until=at(300), due_at=at(300))

    await database.write(hints.note, job.id, "secret", TaskId("task-9"), at(1))
    lost = await move(database, job, Move(to=JobState.UNKNOWN, after=timedelta(hours=1)), at(2))

    assert lost is not None
    assert lost.due_at == at(2)
    assert await database.read(hints.hinted_task, job.id) == "task-9"


async def test_a_hint_never_renames_a_task_that_has_its_name(database: Database) -> None:
    job = await make_running(database)

    await database.write(hints.note, job.id, "secret", TaskId("other"), NOON)

    assert await database.read(hints.hinted_task, job.id) is None
    assert (await find(database, job)).task_id == "task-1"


async def test_a_hint_wakes_a_failed_job_because_its_task_may_have_finished_after_all(database: Database) -> None:
    job = await make_running(database, state="failed", due_at=None)

    await database.write(hints.note, job.id, "secret", TaskId("task-1"), at(3))

    assert (await find(database, job)).due_at == at(3)


@pytest.mark.parametrize("state", ["delivered", "cancelled", "parked"])
async def test_a_hint_does_not_wake_a_job_that_has_ended(database: Database, state: str) -> None:
    job = await make_running(database, state=state, message_id=1, due_at=None)

    await database.write(hints.note, job.id, "secret", TaskId("task-1"), NOON)

    assert (await find(database, job)).due_at is None


# Questions.


async def test_another_guilds_job_is_not_found(database: Database) -> None:
    job = await make(database)

    assert await database.read(jobs.find_in_guild, GUILD, job.id) == job
    assert await database.read(jobs.find_in_guild, OTHER_GUILD, job.id) is None


async def test_a_members_jobs_come_newest_first_in_pages(database: Database) -> None:
    mine = [await make(database) for _ in range(5)]
    await make(database, user_id=BORIS)
    await make(database, guild_id=OTHER_GUILD)

    page = await database.read(jobs.of_member, GUILD, ANNA, 3, 1)

    assert [job.id for job in page] == [job.id for job in mine[3:0:-1]]


async def test_the_newest_durations_of_each_model_and_mode_count(database: Database) -> None:
    for seconds in (10, 20, 30):
        await make_running(database, rendered_at=at(seconds))
    await make_running(database, rendered_at=at(98), model="other")
    await make_running(database, rendered_at=at(99), mode="image")
    await make_running(database, rendered_at=at(99), submitted_at=None, model="another")
    await make_running(database, model="unrendered")

    found = await database.read(lambda connection: durations.of_all(connection, 2))

    assert {key: sorted(history) for key, history in found.items()} == {
        (MAKER.id, Mode.TEXT): [20_000_000, 30_000_000],
        (MAKER.id, Mode.IMAGE): [99_000_000],
        (ModelId("other"), Mode.TEXT): [98_000_000],
    }


async def test_what_a_worker_asks_each_round_looks_at_jobs_that_are_due_and_no_others(sqlite_url: str) -> None:
    """Whatever was made here in years stays in the table."""
    database = Database.connect(sqlite_url)
    plans: dict[str, list[str]] = {}
    asked = ""

    def explain(connection: Connection, cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if statement.startswith(("SELECT", "UPDATE")):
            cursor.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
            found = [row[3] for row in cursor.fetchall() if re.match(r"(SCAN|SEARCH) jobs\b", row[3])]
            # What was found is written by its number.
            plans.setdefault(asked, []).extend(plan for plan in found if "rowid=?" not in plan)

    def rounds(connection: Connection) -> None:
        nonlocal asked
        sa.event.listen(connection, "before_cursor_execute", explain)
        claims.due(connection, NOON)
        for state in JobState:
            asked = state
            claims.claim(connection, (state,), 4, LEASE, NOON, provider=KIE)
            claims.claim(connection, (state,), 4, LEASE, NOON)

    await database.write(rounds)
    await database.close()

    # Those that are queued are few and all wanted.
    assert all("INDEX jobs_in_state (state=?" in plan for plan in plans.pop(JobState.QUEUED))
    assert set(plans) == {"", *JobState} - {JobState.QUEUED}
    assert all("INDEX jobs_due (due_at" in plan for found in plans.values() for plan in found)


async def test_where_jobs_are_is_counted(database: Database) -> None:
    first = await make(database)
    second = await make(database)
    await make_running(database, submitted_at=at(-3))
    await make(database, state="unknown", submitted_at=at(-20))
    await make(database, state="failed", finished_at=NOON)

    assert await database.read(jobs.counts) == {"queued": 2, "running": 1, "unknown": 1, "failed": 1}
    assert await database.read(claims.at_provider, KIE) == 2
    assert await database.read(claims.at_provider, ProviderId("other")) == 0
    assert await database.read(claims.queued_before, second.id, KIE) == 1
    assert await database.read(claims.queued_before, first.id, KIE) == 0
    assert [job.state for job in await database.read(jobs.active)] == ["queued", "queued", "running", "unknown"]


async def test_create_calls_count_from_their_end_and_those_without_one_until_now(database: Database) -> None:
    for seconds in (-30, -8, -4):
        job = await make(database, state="submitting", submitted_at=at(seconds - 60))
        assert await move(database, job, Move(to=JobState.UNKNOWN), at(seconds)) is not None
    await make(database, state="submitting", submitted_at=at(-60))

    found = await database.read(claims.creates_ended_since, at(-10), KIE, NOON)

    assert sorted(found) == [at(-8), at(-4), NOON]
    assert await database.read(claims.creates_ended_since, at(-10), ProviderId("other"), NOON) == []


# What the database itself forbids, by name.


@pytest.mark.parametrize(
    ("values", "constraint"),
    [
        ({"state": "running", "task_id": None}, "running_has_task"),
        ({"state": "delivered", "message_id": None}, "delivered_has_message"),
        ({"state": "asleep"}, "job_state_known"),
        ({"price": 0}, "payment_not_negative"),
        ({"paid_bonus": -1}, "payment_not_negative"),
        ({"paid_allowance": -1}, "payment_not_negative"),
    ],
)
async def test_a_job_that_cannot_be_is_refused_by_the_database(
    database: Database, values: dict[str, Any], constraint: str
) -> None:
    with pytest.raises(sa.exc.IntegrityError, match=constraint):
        await make(database, **values)


async def test_a_failure_comes_back_with_its_reason(database: Database) -> None:
    job = await make_running(database)

    moved = await move(database, job, Move(to=JobState.FAILED, failure=FailureReason.MODERATION, detail="no"), at(4))

    assert moved is not None
    assert (moved.failure, moved.failure_detail, moved.finished_at) == (FailureReason.MODERATION, "no", at(4))
