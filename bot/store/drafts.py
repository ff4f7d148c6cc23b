"""Videos whose member is asked about the price first: kept until they are made, or forgotten after a day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from bot.domain.ids import DraftId, GuildId, InteractionId, JobId, ModelId, UserId
from bot.domain.models import Mode, OptionName
from bot.domain.videos import VideoSpec
from bot.store import inputs
from bot.store.statements import upsert
from bot.store.tables import drafts

# Whoever has not answered by then has forgotten it; the pictures are not kept any longer either.
LIFE = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A video that nobody has paid for. `job_id` is what became of it."""

    id: DraftId
    guild_id: GuildId
    user_id: UserId
    video: VideoSpec
    again_of: JobId | None
    job_id: JobId | None


def keep(
    connection: Connection,
    guild_id: GuildId,
    user_id: UserId,
    interaction_id: InteractionId,
    video: VideoSpec,
    again_of: JobId | None,
    now: datetime,
) -> Draft:
    """Store what was asked for; the same interaction brings the same draft. Old ones are forgotten on the way."""
    forget(connection, now)
    row = upsert(connection, drafts).values(
        interaction_id=interaction_id,
        guild_id=guild_id,
        user_id=user_id,
        model=video.model,
        mode=video.mode,
        prompt=video.prompt,
        options={str(name): value for name, value in video.options.items()},
        picture=inputs.picture_as_json(video.picture),
        inputs=inputs.as_json(video),
        price=video.price,
        again_of=again_of,
        asked_at=now,
    )
    connection.execute(row.on_conflict_do_nothing(index_elements=[drafts.c.interaction_id]))
    draft_id = connection.execute(sa.select(drafts.c.id).where(drafts.c.interaction_id == interaction_id)).scalar_one()
    found = find(connection, guild_id, user_id, DraftId(draft_id))
    if found is None:
        raise AssertionError("one interaction belongs to one member of one guild")
    return found


def forget(connection: Connection, now: datetime) -> None:
    """Remove what nobody has answered in time, and what has become of a job long ago."""
    connection.execute(sa.delete(drafts).where(drafts.c.asked_at < now - LIFE))


def find(
    connection: Connection, guild_id: GuildId, user_id: UserId, draft_id: DraftId, *, lock: bool = False
) -> Draft | None:
    """The draft, if it is this member's. With *lock* nobody else makes it until the transaction ends."""
    wanted = sa.select(drafts).where(
        drafts.c.id == draft_id, drafts.c.guild_id == guild_id, drafts.c.user_id == user_id
    )
    row = connection.execute(wanted.with_for_update() if lock else wanted).one_or_none()
    if row is None:
        return None
    video = VideoSpec(
        model=ModelId(row.model),
        mode=Mode(row.mode),
        prompt=row.prompt,
        options={OptionName(name): value for name, value in row.options.items()},
        price=row.price,
        picture=inputs.picture_of_json(row.picture),
        **inputs.of_json(row.inputs),
    )
    return Draft(
        id=DraftId(row.id),
        guild_id=GuildId(row.guild_id),
        user_id=UserId(row.user_id),
        video=video,
        again_of=None if row.again_of is None else JobId(row.again_of),
        job_id=None if row.job_id is None else JobId(row.job_id),
    )


def made(connection: Connection, draft_id: DraftId, job_id: JobId) -> None:
    """It has become this job."""
    connection.execute(sa.update(drafts).where(drafts.c.id == draft_id).values(job_id=job_id))


def unmade(connection: Connection, job_id: JobId) -> None:
    """Nothing came of it after all: its member may choose again."""
    connection.execute(sa.update(drafts).where(drafts.c.job_id == job_id).values(job_id=None))


def drop(connection: Connection, guild_id: GuildId, user_id: UserId, draft_id: DraftId) -> bool:
    """Forget a draft of this member; False when there is none, or a job came of it."""
    gone = sa.delete(drafts).where(
        drafts.c.id == draft_id,
        drafts.c.guild_id == guild_id,
        drafts.c.user_id == user_id,
        drafts.c.job_id.is_(None),
    )
    return connection.execute(gone).rowcount == 1
