"""Jobs as rows: inserting, finding, and what their members may see of them."""

from __future__ import annotations

from collections.abc import Iterable, Set
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from bot.domain.ids import (
    ChannelId,
    DraftId,
    GuildId,
    InteractionId,
    JobId,
    MessageId,
    ModelId,
    ProviderId,
    RoleId,
    TaskId,
    UserId,
)
from bot.domain.jobs import (
    ACTIVE,
    FailureReason,
    Job,
    JobState,
    Place,
    Result,
    StoredVideo,
)
from bot.domain.models import Mode, OptionName, OptionValue
from bot.domain.videos import VideoSpec
from bot.store import events, inputs
from bot.store.ledger import Payment
from bot.store.statements import among
from bot.store.tables import drafts, jobs

# What every command or move asks is put together once: for SQLAlchemy that is more work than asking.
_JOB_ID = sa.bindparam("that_id", type_=jobs.c.id.type)
_FIND = sa.select(jobs).where(jobs.c.id == _JOB_ID)
_FIND_BY_INTERACTION = sa.select(jobs).where(
    jobs.c.interaction_id == sa.bindparam("that_interaction", type_=jobs.c.interaction_id.type)
)
_PAYMENT = sa.select(jobs.c.paid_allowance, jobs.c.paid_bonus, jobs.c.is_pool_limited, jobs.c.paid_at).where(
    jobs.c.id == _JOB_ID
)
_CLOSE_PAYMENT = (
    sa.update(jobs)
    .where(jobs.c.id == _JOB_ID)
    .values(
        paid_allowance=sa.bindparam("to_allowance"),
        paid_bonus=sa.bindparam("to_bonus"),
        is_pool_limited=sa.bindparam("to_is_pool_limited", type_=jobs.c.is_pool_limited.type),
        paid_at=sa.bindparam("to_paid_at", type_=jobs.c.paid_at.type),
        is_closed=True,
    )
    .returning(jobs)
)
_NOTE_LATE_COST = sa.update(jobs).where(jobs.c.id == _JOB_ID).values(late_cost=sa.bindparam("to_cost")).returning(jobs)
_NOTE_ORPHAN_COST = (
    sa.update(jobs).where(jobs.c.id == _JOB_ID).values(orphan_cost=sa.bindparam("to_cost")).returning(jobs)
)
_AT = sa.bindparam("at", type_=jobs.c.due_at.type)
# Whoever has had it in hand has raised its fence; what it is due for then is another matter.
_RELEASE = (
    sa.update(jobs)
    .where(jobs.c.id == _JOB_ID, jobs.c.state == JobState.QUEUED, jobs.c.fence == 0, jobs.c.due_at > _AT)
    .values(due_at=_AT)
)
_ROLE_IDS = sa.select(jobs.c.role_ids).where(jobs.c.id == _JOB_ID)
_PAID = sa.select(jobs.c.paid_allowance + jobs.c.paid_bonus).where(jobs.c.id == _JOB_ID)
_DEFAULTS = {column.name: column.default.arg for column in jobs.c if isinstance(column.default, sa.ColumnDefault)}
_IS_ACTIVE = among(jobs.c.state, sorted(ACTIVE))
_ACTIVE = sa.select(jobs).where(_IS_ACTIVE).order_by(jobs.c.id)
_FOLLOWED = (
    sa.select(jobs)
    .where(sa.or_(_IS_ACTIVE, jobs.c.finished_at > sa.bindparam("since", type_=jobs.c.finished_at.type)))
    .order_by(jobs.c.id)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewJob:
    """Everything that is known of a job when it is accepted."""

    user_id: UserId
    place: Place
    video: VideoSpec
    provider: ProviderId
    callback_secret: str
    again_of: JobId | None = None
    draft_id: DraftId | None = None  # what the member was asked about before
    rewrite: int | None = None  # the assistant's offer that it comes from
    seen_price: int | None = None  # what the member was told that it costs, in another way
    held_for: timedelta = timedelta(0)  # so long, or until it is released, nobody works on it
    role_ids: Set[RoleId] = frozenset()  # the member's roles that say something about credits


def insert(connection: Connection, new: NewJob, payment: Payment, now: datetime) -> Job | None:
    """A QUEUED job, due now unless it is held; None when the interaction already has one."""
    video, place = new.video, new.place
    values = _DEFAULTS | {
        "interaction_id": place.interaction_id,
        "guild_id": place.guild_id,
        "channel_id": place.channel_id,
        "user_id": new.user_id,
        "application_id": place.application_id,
        "interaction_token": place.interaction_token,
        "upload_limit": place.upload_limit,
        "locale": place.locale,
        "guild_locale": place.guild_locale,
        "model": video.model,
        "provider": new.provider,
        "mode": video.mode,
        "prompt": video.prompt,
        "options": _options_as_json(video),
        "picture": inputs.picture_as_json(video.picture),
        "inputs": inputs.as_json(video),
        "again_of": new.again_of,
        "price": video.price,
        "paid_allowance": payment.allowance,
        "paid_bonus": payment.bonus,
        "is_pool_limited": payment.is_pool_limited,
        "paid_at": payment.paid_at,
        "role_ids": sorted(new.role_ids) or None,
        "state": JobState.QUEUED,
        "due_at": now + new.held_for,
        "callback_secret": new.callback_secret,
        "created_at": now,
    }
    row = connection.execute(_inserting(tuple(values)), values).one_or_none()
    if row is None:
        return None
    events.record(connection, JobId(row.id), None, JobState.QUEUED, 0, None, now)
    return job_of(row)


def _options_as_json(video: VideoSpec) -> dict[str, OptionValue]:
    return {str(name): value for name, value in video.options.items()}


@cache
def _inserting(names: tuple[str, ...]) -> sa.TextualSelect:
    """The statement of `insert`, as a text that both databases understand: with an ON CONFLICT of its own SQLAlchemy
    puts it together anew each time, which takes longer than everything else that a command asks of the database."""
    written, given = ", ".join(names), ", ".join(f":{name}" for name in names)
    returned = ", ".join(column.name for column in jobs.c)
    # Only names of our own columns are put in.
    text = f"INSERT INTO jobs ({written}) VALUES ({given})"  # noqa: S608  # nosec B608
    statement = sa.text(f"{text} ON CONFLICT (interaction_id) DO NOTHING RETURNING {returned}")
    return statement.bindparams(*(sa.bindparam(name, type_=jobs.c[name].type) for name in names)).columns(*jobs.c)


def release_all(connection: Connection, job_ids: Iterable[JobId], now: datetime) -> bool:
    """Let jobs that were held be worked on now; False when none of them was, or each waits for something else."""
    released = [connection.execute(_RELEASE, {"that_id": each, "at": now}).rowcount for each in job_ids]
    return any(released)


def find(connection: Connection, job_id: JobId) -> Job | None:
    row = connection.execute(_FIND, {"that_id": job_id}).one_or_none()
    return None if row is None else job_of(row)


def find_in_guild(connection: Connection, guild_id: GuildId, job_id: JobId) -> Job | None:
    """The job, if it is one of this guild: another guild's ids reach nothing."""
    row = connection.execute(sa.select(jobs).where(jobs.c.id == job_id, jobs.c.guild_id == guild_id)).one_or_none()
    return None if row is None else job_of(row)


def find_by_interaction(connection: Connection, interaction_id: InteractionId) -> Job | None:
    row = connection.execute(_FIND_BY_INTERACTION, {"that_interaction": interaction_id}).one_or_none()
    return None if row is None else job_of(row)


def find_twin(
    connection: Connection, user_id: UserId, again_of: JobId, video: VideoSpec, since: datetime
) -> JobId | None:
    """The job that this member's click on the same button made just now, unless that is called off."""
    found = connection.execute(
        sa.select(jobs.c.id, jobs.c.options)
        .where(
            jobs.c.user_id == user_id,
            jobs.c.again_of == again_of,
            jobs.c.model == video.model,
            jobs.c.mode == video.mode,
            jobs.c.prompt == video.prompt,
            jobs.c.created_at >= since,
            jobs.c.state != JobState.CANCELLED,
        )
        .order_by(jobs.c.id.desc())
    )
    options = _options_as_json(video)
    return next((JobId(row.id) for row in found if row.options == options), None)


def of_member(connection: Connection, guild_id: GuildId, user_id: UserId, limit: int, offset: int) -> list[Job]:
    """The member's jobs in this guild, newest first."""
    rows = connection.execute(
        sa.select(jobs)
        .where(jobs.c.guild_id == guild_id, jobs.c.user_id == user_id)
        .order_by(jobs.c.id.desc())
        .limit(limit)
        .offset(offset)
    )
    return [job_of(row) for row in rows]


def payment_of(connection: Connection, job_id: JobId) -> Payment:
    """What the job's buckets have paid."""
    row = connection.execute(_PAYMENT, {"that_id": job_id}).one()
    return Payment(
        allowance=row.paid_allowance,
        bonus=row.paid_bonus,
        is_pool_limited=row.is_pool_limited,
        paid_at=row.paid_at,
    )


def role_ids_of(connection: Connection, job_id: JobId) -> frozenset[RoleId]:
    """The roles by which the job's member was charged; what they may spend is reckoned by them until it ends."""
    found = connection.execute(_ROLE_IDS, {"that_id": job_id}).scalar_one()
    return frozenset(RoleId(role) for role in found or ())


def close_payment(connection: Connection, job_id: JobId, payment: Payment) -> Job:
    """Store what the buckets have paid in the end."""
    closed = {
        "that_id": job_id,
        "to_allowance": payment.allowance,
        "to_bonus": payment.bonus,
        "to_is_pool_limited": payment.is_pool_limited,
        "to_paid_at": payment.paid_at,
    }
    row = connection.execute(_CLOSE_PAYMENT, closed).one()
    return job_of(row)


def note_late_cost(connection: Connection, job_id: JobId, cost: int) -> Job:
    """Store what the post that is about to leave says that the late video costs."""
    return job_of(connection.execute(_NOTE_LATE_COST, {"that_id": job_id, "to_cost": cost}).one())


def note_orphan_cost(connection: Connection, job_id: JobId, cost: int | None) -> Job:
    """Store what the host's periods count for a task that may exist; None once that is known."""
    return job_of(connection.execute(_NOTE_ORPHAN_COST, {"that_id": job_id, "to_cost": cost}).one())


def move_place(connection: Connection, job: Job, channel: tuple[GuildId, ChannelId] | None, upload_limit: int) -> None:
    """From now on the job's video belongs where its member claims it; None is their direct messages."""
    place: dict[str, object] = {"is_direct": True, "claimed_guild_id": None}
    if channel is not None:
        guild_id, channel_id = channel
        is_elsewhere = guild_id != job.place.guild_id
        place = {
            "is_direct": False,
            "channel_id": channel_id,
            "claimed_guild_id": guild_id if is_elsewhere else None,
        }
    connection.execute(
        sa.update(jobs).where(jobs.c.id == job.id).values(**place, upload_limit=upload_limit, posting_at=None)
    )


def lock(connection: Connection, job_id: JobId) -> None:
    """Nobody else changes the job until the transaction ends; SQLite's writers are alone anyway."""
    connection.execute(sa.select(jobs.c.id).where(jobs.c.id == job_id).with_for_update())


def count_redelivery(connection: Connection, job_id: JobId) -> Job:
    """From now on the job's post is another one: it has its own nonce, and no earlier post is taken for it."""
    row = connection.execute(
        sa.update(jobs)
        .where(jobs.c.id == job_id)
        .values(redelivery=jobs.c.redelivery + 1, posting_at=None, is_direct=False)
        .returning(jobs)
    ).one()
    return job_of(row)


def parked_of(connection: Connection, user_id: UserId) -> list[Job]:
    rows = connection.execute(
        sa.select(jobs)
        .where(jobs.c.user_id == user_id, jobs.c.state == JobState.PARKED, jobs.c.stored_name.is_not(None))
        .order_by(jobs.c.id.desc())
        .limit(25)
    )
    return [job_of(row) for row in rows]


def paid(connection: Connection, job_id: JobId) -> int:
    """What the job's buckets have paid, less what has gone back."""
    return int(connection.execute(_PAID, {"that_id": job_id}).scalar_one())


def reach(connection: Connection) -> None:
    """Read one row at most; not a constant, for which no database opens its file."""
    connection.execute(sa.select(jobs.c.id).limit(1)).all()


def counts(connection: Connection) -> dict[JobState, int]:
    rows = connection.execute(sa.select(jobs.c.state, sa.func.count()).group_by(jobs.c.state))
    return {JobState(state): count for state, count in rows}


def active(connection: Connection) -> list[Job]:
    """Every job that is on its way."""
    return [job_of(row) for row in connection.execute(_ACTIVE)]


def followed(connection: Connection, since: datetime) -> list[Job]:
    """Every job that is on its way or has ended since: its card may still have something to learn."""
    return [job_of(row) for row in connection.execute(_FOLLOWED, {"since": since})]


def files_in_use(connection: Connection) -> set[str]:
    """Names of the pictures and videos that jobs on their way, parked ones, or drafts still need."""
    rows = connection.execute(
        sa.select(jobs.c.picture, jobs.c.inputs, jobs.c.stored_name).where(jobs.c.state.in_([*ACTIVE, JobState.PARKED]))
    )
    asked = connection.execute(sa.select(drafts.c.picture, drafts.c.inputs).where(drafts.c.job_id.is_(None)))
    names = {
        name
        for row in rows
        for name in (*inputs.file_names(row.picture, row.inputs), row.stored_name)
        if name is not None
    }
    return names | {name for row in asked for name in inputs.file_names(row.picture, row.inputs)}


def charges(connection: Connection, limit: int = 500) -> list[tuple[VideoSpec, float]]:
    """What providers charged for the newest videos that were delivered; without those of which they did not say it."""
    rows = connection.execute(
        sa.select(jobs)
        # Not by the index of states: those delivered are nearly all, and would all be sorted.
        .where(jobs.c.state.concat("") == JobState.DELIVERED, jobs.c.provider_credits > 0)
        .order_by(jobs.c.id.desc())
        .limit(limit)
    )
    return [(job_of(row).video, row.provider_credits) for row in rows]


def job_of(found: sa.Row[Any]) -> Job:
    row = found._asdict()  # A row looks each of its attributes up in two places.
    return Job(
        id=JobId(row["id"]),
        user_id=UserId(row["user_id"]),
        place=Place(
            guild_id=GuildId(row["guild_id"]),
            channel_id=ChannelId(row["channel_id"]),
            application_id=row["application_id"],
            interaction_id=InteractionId(row["interaction_id"]),
            interaction_token=row["interaction_token"],
            upload_limit=row["upload_limit"],
            locale=row["locale"],
            guild_locale=row["guild_locale"],
        ),
        video=VideoSpec(
            model=ModelId(row["model"]),
            mode=Mode(row["mode"]),
            prompt=row["prompt"],
            options={OptionName(name): value for name, value in row["options"].items()},
            price=row["price"],
            picture=inputs.picture_of_json(row["picture"]),
            **inputs.of_json(row["inputs"]),
        ),
        provider=ProviderId(row["provider"]),
        state=JobState(row["state"]),
        fence=row["fence"],
        attempts=row["attempts"],
        callback_secret=row["callback_secret"],
        created_at=row["created_at"],
        due_at=row["due_at"],
        submitted_at=row["submitted_at"],
        finished_at=row["finished_at"],
        task_id=None if row["task_id"] is None else TaskId(row["task_id"]),
        result=None
        if row["result_url"] is None
        else Result(url=row["result_url"], expires_at=row["result_expires_at"], credits=row["provider_credits"]),
        stored=None if row["stored_name"] is None else StoredVideo(name=row["stored_name"], size=row["stored_size"]),
        message_id=None if row["message_id"] is None else MessageId(row["message_id"]),
        message_channel_id=None if row["message_channel_id"] is None else ChannelId(row["message_channel_id"]),
        is_direct=row["is_direct"],
        is_closed=row["is_closed"],
        is_late=row["is_late"],
        is_announced=row["is_announced"],
        posting_at=row["posting_at"],
        failure=None if row["failure"] is None else FailureReason(row["failure"]),
        failure_detail=row["failure_detail"],
        again_of=None if row["again_of"] is None else JobId(row["again_of"]),
        redelivery=row["redelivery"],
        late_cost=row["late_cost"],
        orphan_cost=row["orphan_cost"],
        claimed_in=None if row["claimed_guild_id"] is None else GuildId(row["claimed_guild_id"]),
    )
