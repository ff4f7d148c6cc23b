"""Jobs as rows: inserting, claiming what is due, moving by compare-and-set, and what members may see of them."""

from __future__ import annotations

import hmac
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from bot.domain.ids import (
    ChannelId,
    GuildId,
    InteractionId,
    JobId,
    MessageId,
    ModelId,
    ProviderId,
    TaskId,
    UserId,
)
from bot.domain.jobs import (
    ACTIVE,
    AT_PROVIDER,
    FailureReason,
    Job,
    JobState,
    Move,
    Place,
    Result,
    StoredVideo,
)
from bot.domain.models import ImageFormat, Mode, OptionName
from bot.domain.videos import Picture, VideoSpec
from bot.store.ledger import Payment
from bot.store.statements import upsert
from bot.store.tables import job_events, jobs

# What the worker asks again and again is put together once: for SQLAlchemy that is more work than asking.
_AT = sa.bindparam("at", type_=jobs.c.due_at.type)
_IS_FREE = sa.or_(jobs.c.lease_until.is_(None), jobs.c.lease_until <= _AT)
_READY = (
    sa.select(jobs.c.state, jobs.c.provider, sa.func.count())
    .where(jobs.c.due_at <= _AT, _IS_FREE)
    .group_by(jobs.c.state, jobs.c.provider)
)
_NEXT = sa.select(sa.func.min(jobs.c.due_at)).where(jobs.c.due_at > _AT, jobs.c.lease_until.is_(None))
_COUNT_AT_PROVIDER = sa.select(sa.func.count()).where(
    jobs.c.provider == sa.bindparam("that_provider"), jobs.c.state.in_(AT_PROVIDER)
)
_RECORD = sa.insert(job_events)
_ACTIVE = sa.select(jobs).where(jobs.c.state.in_(ACTIVE)).order_by(jobs.c.id)
_FOLLOWED = (
    sa.select(jobs)
    .where(sa.or_(jobs.c.state.in_(ACTIVE), jobs.c.finished_at > sa.bindparam("since", type_=jobs.c.finished_at.type)))
    .order_by(jobs.c.id)
)

_SECRETS = sa.select(jobs.c.id, jobs.c.callback_secret).where(jobs.c.id.in_(sa.bindparam("those_ids", expanding=True)))
_HINTING = (
    sa.update(jobs)
    .where(jobs.c.id == sa.bindparam("that_id"))
    .values(
        is_hinted=True,
        hinted_task_id=sa.case(
            (jobs.c.task_id.is_(None), sa.bindparam("named", type_=jobs.c.hinted_task_id.type)),
            else_=jobs.c.hinted_task_id,
        ),
        due_at=sa.case(
            (
                # FAILED: its task may have finished after all.
                sa.and_(
                    sa.or_(*(jobs.c.state == each for each in (JobState.RUNNING, JobState.UNKNOWN, JobState.FAILED))),
                    jobs.c.lease_until.is_(None),
                ),
                _AT,
            ),
            else_=jobs.c.due_at,
        ),
    )
)


@dataclass(frozen=True, slots=True)
class Hint:
    """What a callback says: this task, made for this job, has ended."""

    job_id: JobId
    secret: str
    task_id: TaskId


@dataclass(frozen=True, slots=True, kw_only=True)
class NewJob:
    """Everything that is known of a job when it is accepted."""

    user_id: UserId
    place: Place
    video: VideoSpec
    provider: ProviderId
    callback_secret: str
    again_of: JobId | None = None


@dataclass(frozen=True, slots=True)
class Claimed:
    """A job under our lease. `claims` counts the claims of this state that never came back, this one included."""

    job: Job
    claims: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """How many jobs wait to be claimed, by state and provider, and when the next one comes."""

    ready: Mapping[tuple[JobState, ProviderId], int]
    next_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One line of a job's timeline."""

    at: datetime
    target: JobState
    detail: str | None


def insert(connection: Connection, new: NewJob, payment: Payment, now: datetime) -> Job | None:
    """A QUEUED job, due now; None when the interaction already has one."""
    video, place = new.video, new.place
    row = connection.execute(
        upsert(connection, jobs)
        .values(
            interaction_id=place.interaction_id,
            guild_id=place.guild_id,
            channel_id=place.channel_id,
            user_id=new.user_id,
            application_id=place.application_id,
            interaction_token=place.interaction_token,
            upload_limit=place.upload_limit,
            locale=place.locale,
            guild_locale=place.guild_locale,
            model=video.model,
            provider=new.provider,
            mode=video.mode,
            prompt=video.prompt,
            options={str(name): value for name, value in video.options.items()},
            picture=_picture_as_json(video.picture),
            again_of=new.again_of,
            price=video.price,
            paid_allowance=payment.allowance,
            paid_bonus=payment.bonus,
            is_pool_limited=payment.is_pool_limited,
            paid_on=payment.paid_on,
            state=JobState.QUEUED,
            due_at=now,
            callback_secret=new.callback_secret,
            created_at=now,
        )
        .on_conflict_do_nothing(index_elements=[jobs.c.interaction_id])
        .returning(jobs)
    ).one_or_none()
    if row is None:
        return None
    _record(connection, JobId(row.id), None, JobState.QUEUED, 0, None, now)
    return job_of(row)


def find(connection: Connection, job_id: JobId) -> Job | None:
    row = connection.execute(sa.select(jobs).where(jobs.c.id == job_id)).one_or_none()
    return None if row is None else job_of(row)


def find_in_guild(connection: Connection, guild_id: GuildId, job_id: JobId) -> Job | None:
    """The job, if it is one of this guild: another guild's ids reach nothing."""
    row = connection.execute(sa.select(jobs).where(jobs.c.id == job_id, jobs.c.guild_id == guild_id)).one_or_none()
    return None if row is None else job_of(row)


def find_by_interaction(connection: Connection, interaction_id: InteractionId) -> Job | None:
    row = connection.execute(sa.select(jobs).where(jobs.c.interaction_id == interaction_id)).one_or_none()
    return None if row is None else job_of(row)


def find_again(connection: Connection, user_id: UserId, again_of: JobId, since: datetime) -> JobId | None:
    """The job that this member's click on the same button made just now."""
    found = connection.execute(
        sa.select(jobs.c.id)
        .where(jobs.c.user_id == user_id, jobs.c.again_of == again_of, jobs.c.created_at >= since)
        .order_by(jobs.c.id.desc())
        .limit(1)
    ).scalar_one_or_none()
    return None if found is None else JobId(found)


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
    row = connection.execute(
        sa.select(jobs.c.paid_allowance, jobs.c.paid_bonus, jobs.c.is_pool_limited, jobs.c.paid_on).where(
            jobs.c.id == job_id
        )
    ).one()
    return Payment(
        allowance=row.paid_allowance,
        bonus=row.paid_bonus,
        is_pool_limited=row.is_pool_limited,
        paid_on=row.paid_on,
    )


def close_payment(connection: Connection, job_id: JobId, payment: Payment) -> Job:
    """Store what the buckets have paid in the end."""
    row = connection.execute(
        sa.update(jobs)
        .where(jobs.c.id == job_id)
        .values(
            paid_allowance=payment.allowance,
            paid_bonus=payment.bonus,
            is_pool_limited=payment.is_pool_limited,
            paid_on=payment.paid_on,
            is_closed=True,
        )
        .returning(jobs)
    ).one()
    return job_of(row)


def move_place(connection: Connection, job_id: JobId, channel_id: ChannelId | None, upload_limit: int) -> None:
    """From now on the job's video belongs where its member claims it; None is their direct messages."""
    place = {"is_direct": True} if channel_id is None else {"is_direct": False, "channel_id": channel_id}
    connection.execute(
        sa.update(jobs).where(jobs.c.id == job_id).values(**place, upload_limit=upload_limit, posting_at=None)
    )


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
    total = jobs.c.paid_allowance + jobs.c.paid_bonus
    return int(connection.execute(sa.select(total).where(jobs.c.id == job_id)).scalar_one())


def claim(
    connection: Connection,
    states: Sequence[JobState],
    limit: int,
    lease: timedelta,
    now: datetime,
    *,
    provider: ProviderId | None = None,
    in_hand: Collection[JobId] = (),
) -> list[Claimed]:
    """Take due jobs in these states under a lease: nobody else gets them before it ends, and our fence is newer.

    QUEUED jobs come in turn: each guild's first before any guild's second, and inside a guild each member's first
    before any member's second, counting what already runs.

    Those that the claimer still has *in_hand* are left to it even if their lease seems over: its clock has jumped.
    """
    taken = connection.execute(
        _claiming(is_fair=JobState.QUEUED in states, has_provider=provider is not None),
        {
            "at": now,
            "those_states": list(states),
            "that_provider": provider,
            "not_these": list(in_hand),
            "most": limit,
            "until": now + lease,
        },
    )
    rows = taken.all()
    return [Claimed(job_of(row), row.claims) for row in sorted(rows, key=lambda row: (row.due_at, row.id))]


@cache
def _claiming(*, is_fair: bool, has_provider: bool) -> sa.UpdateBase:
    """The statement of `claim`, put together once: that costs more than running it."""
    is_due = sa.and_(
        jobs.c.due_at <= _AT,
        jobs.c.state.in_(sa.bindparam("those_states", expanding=True)),
        _IS_FREE,
        jobs.c.id.not_in(sa.bindparam("not_these", expanding=True)),
    )
    if has_provider:
        is_due = sa.and_(is_due, jobs.c.provider == sa.bindparam("that_provider"))
    most = sa.bindparam("most", type_=sa.Integer)
    if is_fair:
        due = _in_turn(is_due).limit(most)
    else:
        due = sa.select(jobs.c.id).where(is_due).order_by(jobs.c.due_at, jobs.c.id).limit(most)
    # The window functions of the fair order cannot be locked themselves, so the rows are locked by id.
    locked = sa.select(jobs.c.id).where(jobs.c.id.in_(due)).with_for_update(skip_locked=True)
    lease_until = sa.bindparam("until", type_=jobs.c.lease_until.type)
    return (
        sa.update(jobs)
        .where(jobs.c.id.in_(locked), is_due)
        .values(lease_until=lease_until, fence=jobs.c.fence + 1, claims=jobs.c.claims + 1)
        .returning(jobs)
    )


def move(connection: Connection, job: Job, move: Move, now: datetime, *, lease: timedelta | None = None) -> Job | None:
    """Write what a step decided, if the job still is where the step saw it; None when it is not.

    With *lease* the mover keeps the job (it is about to act) and `due_at` is the end of that lease.
    """
    stays = move.to is job.state
    due_at = None if move.after is None else now + move.after
    values: dict[str, Any] = {
        "state": move.to,
        "due_at": due_at if lease is None else now + lease,
        "lease_until": None if lease is None else now + lease,
        "attempts": _attempts(job, move, keeps=lease is not None),
        "is_hinted": False,
    }
    if lease is None:
        values["claims"] = 0
    if move.task_id is not None:
        values["task_id"] = move.task_id
    if move.result is not None:
        values |= {
            "result_url": move.result.url,
            "result_expires_at": move.result.expires_at,
            "provider_credits": move.result.credits,
        }
    if move.stored is not None:
        values |= {"stored_name": move.stored.name, "stored_size": move.stored.size}
    if move.is_cleared:
        values |= {"stored_name": None, "stored_size": None}
    if move.message_id is not None:
        values |= {"message_id": move.message_id, "message_channel_id": move.message_channel_id}
    # What these say stays true for good, so a move only ever sets them.
    values |= {
        name: True
        for name, is_set in (
            ("is_direct", move.is_direct),
            ("is_late", move.is_late),
            ("is_announced", move.is_announced),
        )
        if is_set
    }
    if move.failure is not None:
        values |= {"failure": move.failure, "failure_detail": move.detail}
    if move.is_posting:
        values["posting_at"] = now
    if not stays and not move.is_late:  # How long a late one took says nothing about the model.
        values |= _stamps(move.to, now)
    # A callback came while the step was asking: look again at once.
    heeds_hints = lease is None and move.to in {JobState.RUNNING, JobState.UNKNOWN, JobState.FAILED}
    written = {f"to_{name}": value for name, value in values.items()}
    seen = {"seen_id": job.id, "seen_state": job.state, "seen_fence": job.fence, "at": now}
    row = connection.execute(_moving(frozenset(values), heeds_hints), written | seen).one_or_none()
    if row is None:
        return None
    if not stays:
        _record(connection, job.id, job.state, move.to, job.fence, move.detail, now)
    return job_of(row)


@cache
def _moving(columns: frozenset[str], heeds_hints: bool) -> sa.UpdateBase:
    """The statement of `move` that writes these columns, put together once for each shape."""
    values: dict[str, Any] = {name: sa.bindparam(f"to_{name}", type_=jobs.c[name].type) for name in sorted(columns)}
    if heeds_hints:
        values["due_at"] = sa.case((jobs.c.is_hinted, _AT), else_=values["due_at"])
    if "posting_at" in columns:
        values["posting_at"] = sa.func.coalesce(jobs.c.posting_at, values["posting_at"])
    return (
        sa.update(jobs)
        .where(
            jobs.c.id == sa.bindparam("seen_id"),
            jobs.c.state == sa.bindparam("seen_state"),
            jobs.c.fence == sa.bindparam("seen_fence"),
        )
        .values(values)
        .returning(jobs)
    )


def take_over(connection: Connection, job_id: JobId, state: JobState) -> Job | None:
    """Make whoever works on the job stale, if it is in *state*; the job with the new fence."""
    row = connection.execute(
        sa.update(jobs)
        .where(jobs.c.id == job_id, jobs.c.state == state)
        .values(fence=jobs.c.fence + 1, lease_until=None)
        .returning(jobs)
    ).one_or_none()
    return None if row is None else job_of(row)


def hint(connection: Connection, job_id: JobId, secret: str, task_id: TaskId, now: datetime) -> Job | None:
    """Note one call of the provider about a job; None when id and secret do not belong together."""
    (is_known,) = hints(connection, [Hint(job_id, secret, task_id)], now)
    return find(connection, job_id) if is_known else None


def hints(connection: Connection, calls: Sequence[Hint], now: datetime) -> list[bool]:
    """Note that the provider called about these jobs: they are looked at now. For each, whether the secret is right.

    The task id is only kept where we have none of our own; what the task really is, the provider is asked.
    """
    rows = connection.execute(_SECRETS, {"those_ids": list({call.job_id for call in calls})})
    secrets = {row.id: row.callback_secret for row in rows}
    are_known = [
        call.job_id in secrets and hmac.compare_digest(secrets[call.job_id].encode(), call.secret.encode())
        for call in calls
    ]
    # One statement for all of them: each on its own would cost more than the commit that they share.
    values = [
        {"that_id": call.job_id, "named": call.task_id, "at": now}
        for call, is_known in zip(calls, are_known, strict=True)
        if is_known
    ]
    if values:
        connection.execute(_HINTING, values)
    return are_known


def hinted_task(connection: Connection, job_id: JobId) -> TaskId | None:
    """The task that a callback named for a job whose create call was never answered."""
    found = connection.execute(sa.select(jobs.c.hinted_task_id).where(jobs.c.id == job_id)).scalar_one_or_none()
    return None if found is None else TaskId(found)


def release_leases(connection: Connection, now: datetime) -> int:
    """End every lease: right after the start of the only process, nobody else can be working."""
    return connection.execute(
        sa.update(jobs).where(jobs.c.lease_until.is_not(None)).values(lease_until=None, due_at=now)
    ).rowcount


def due(connection: Connection, now: datetime) -> Due:
    """What could be claimed now, and when the next job that nobody holds is due."""
    rows = connection.execute(_READY, {"at": now})
    ready = {(JobState(state), ProviderId(provider)): count for state, provider, count in rows}
    next_at: datetime | None = connection.execute(_NEXT, {"at": now}).scalar()
    return Due(ready=ready, next_at=next_at)


def submitted_since(connection: Connection, since: datetime) -> list[datetime]:
    return list(connection.execute(sa.select(jobs.c.submitted_at).where(jobs.c.submitted_at > since)).scalars())


def counts(connection: Connection) -> dict[JobState, int]:
    rows = connection.execute(sa.select(jobs.c.state, sa.func.count()).group_by(jobs.c.state))
    return {JobState(state): count for state, count in rows}


def at_provider(connection: Connection, provider: ProviderId) -> int:
    """How many jobs the provider may be working on for us."""
    return connection.execute(_COUNT_AT_PROVIDER, {"that_provider": provider}).scalar_one()


def queued_before(connection: Connection, job_id: JobId, provider: ProviderId) -> int:
    """How many jobs wait in front of this one, by age; the fair order may let it overtake some."""
    return connection.execute(
        sa.select(sa.func.count()).where(
            jobs.c.state == JobState.QUEUED, jobs.c.provider == provider, jobs.c.id < job_id
        )
    ).scalar_one()


def active(connection: Connection) -> list[Job]:
    """Every job that is on its way."""
    return [job_of(row) for row in connection.execute(_ACTIVE)]


def followed(connection: Connection, since: datetime) -> list[Job]:
    """Every job that is on its way or has ended since: its card may still have something to learn."""
    return [job_of(row) for row in connection.execute(_FOLLOWED, {"since": since})]


def files_in_use(connection: Connection) -> set[str]:
    """Names of the pictures and videos that jobs on their way, or parked ones, still need."""
    rows = connection.execute(
        sa.select(jobs.c.picture, jobs.c.stored_name).where(jobs.c.state.in_([*ACTIVE, JobState.PARKED]))
    )
    return {name for row in rows for name in ((row.picture or {}).get("name"), row.stored_name) if name is not None}


def durations(connection: Connection, model: ModelId, mode: Mode, limit: int = 200) -> list[timedelta]:
    """How long the model's newest renders took, from the create call to the finished task."""
    rows = connection.execute(
        sa.select(jobs.c.submitted_at, jobs.c.rendered_at)
        .where(
            jobs.c.model == model,
            jobs.c.mode == mode,
            jobs.c.rendered_at.is_not(None),
            jobs.c.submitted_at.is_not(None),
        )
        .order_by(jobs.c.rendered_at.desc())
        .limit(limit)
    )
    return [row.rendered_at - row.submitted_at for row in rows]


def timeline(connection: Connection, job_id: JobId) -> list[Event]:
    rows = connection.execute(sa.select(job_events).where(job_events.c.job_id == job_id).order_by(job_events.c.id))
    return [Event(at=row.at, target=JobState(row.target), detail=row.detail) for row in rows]


def job_of(row: sa.Row[Any]) -> Job:
    return Job(
        id=JobId(row.id),
        user_id=UserId(row.user_id),
        place=Place(
            guild_id=GuildId(row.guild_id),
            channel_id=ChannelId(row.channel_id),
            application_id=row.application_id,
            interaction_id=InteractionId(row.interaction_id),
            interaction_token=row.interaction_token,
            upload_limit=row.upload_limit,
            locale=row.locale,
            guild_locale=row.guild_locale,
        ),
        video=VideoSpec(
            model=ModelId(row.model),
            mode=Mode(row.mode),
            prompt=row.prompt,
            options={OptionName(name): value for name, value in row.options.items()},
            price=row.price,
            picture=_picture_of_json(row.picture),
        ),
        provider=ProviderId(row.provider),
        state=JobState(row.state),
        fence=row.fence,
        attempts=row.attempts,
        callback_secret=row.callback_secret,
        created_at=row.created_at,
        due_at=row.due_at,
        submitted_at=row.submitted_at,
        finished_at=row.finished_at,
        task_id=None if row.task_id is None else TaskId(row.task_id),
        result=None
        if row.result_url is None
        else Result(url=row.result_url, expires_at=row.result_expires_at, credits=row.provider_credits),
        stored=None if row.stored_name is None else StoredVideo(name=row.stored_name, size=row.stored_size),
        message_id=None if row.message_id is None else MessageId(row.message_id),
        message_channel_id=None if row.message_channel_id is None else ChannelId(row.message_channel_id),
        is_direct=row.is_direct,
        is_closed=row.is_closed,
        is_late=row.is_late,
        is_announced=row.is_announced,
        posting_at=row.posting_at,
        failure=None if row.failure is None else FailureReason(row.failure),
        failure_detail=row.failure_detail,
        again_of=None if row.again_of is None else JobId(row.again_of),
    )


def _in_turn(is_due: sa.ColumnElement[bool]) -> sa.Select[tuple[int]]:
    """Due jobs in the fair order."""
    busy = jobs.alias("busy")

    def running(*same: sa.ColumnElement[bool]) -> sa.ScalarSelect[int]:
        return sa.select(sa.func.count()).where(busy.c.state.in_(AT_PROVIDER), *same).scalar_subquery()

    of_guild = busy.c.guild_id == jobs.c.guild_id
    of_member = sa.and_(of_guild, busy.c.user_id == jobs.c.user_id)
    place_of_member = sa.func.row_number().over(
        partition_by=[jobs.c.guild_id, jobs.c.user_id], order_by=jobs.c.id
    ) + running(of_member)
    waiting = (
        sa.select(
            jobs.c.id,
            jobs.c.guild_id,
            place_of_member.label("place_of_member"),
            running(of_guild).label("running_in_guild"),
        )
        .where(is_due)
        .subquery()
    )
    place_of_guild = (
        sa.func.row_number().over(partition_by=waiting.c.guild_id, order_by=[waiting.c.place_of_member, waiting.c.id])
        + waiting.c.running_in_guild
    )
    return sa.select(waiting.c.id).order_by(place_of_guild, waiting.c.place_of_member, waiting.c.id)


def _attempts(job: Job, move: Move, *, keeps: bool) -> int:
    """Counted across the intent of a try and its failure: QUEUED, SUBMITTING and QUEUED again is one try."""
    if move.is_retry:
        return job.attempts + 1
    return job.attempts if keeps else 0


def _stamps(state: JobState, now: datetime) -> Mapping[str, datetime]:
    """The moments that a job remembers when it enters a state."""
    match state:
        case JobState.SUBMITTING:
            return {"submitted_at": now}
        case JobState.FETCHING:
            return {"rendered_at": now}
        case JobState.DELIVERED | JobState.FAILED | JobState.CANCELLED:
            return {"finished_at": now}
        case _:
            return {}


def _record(
    connection: Connection,
    job_id: JobId,
    source: JobState | None,
    target: JobState,
    fence: int,
    detail: str | None,
    now: datetime,
) -> None:
    connection.execute(
        _RECORD,
        {"job_id": job_id, "at": now, "source": source, "target": target, "fence": fence, "detail": detail},
    )


def _picture_as_json(picture: Picture | None) -> dict[str, str | int] | None:
    if picture is None:
        return None
    return {
        "name": picture.name,
        "format": picture.format,
        "width": picture.width,
        "height": picture.height,
        "size": picture.size,
    }


def _picture_of_json(stored: dict[str, Any] | None) -> Picture | None:
    if stored is None:
        return None
    return Picture(
        name=stored["name"],
        format=ImageFormat(stored["format"]),
        width=stored["width"],
        height=stored["height"],
        size=stored["size"],
    )
