"""Rewritten prompts that wait for their member's decision."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from bot.domain.ids import GuildId, ModelId, UserId
from bot.domain.videos import VideoRequest
from bot.store import inputs
from bot.store.statements import take_turns
from bot.store.tables import rewrites

_TYPED = ("aspect", "duration", "quality", "audio", "style", "seed", "negative")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rewrite:
    """The request with the member's own words, and what the assistant made of them."""

    id: int
    guild_id: GuildId
    user_id: UserId
    request: VideoRequest
    rewritten: str

    def chosen(self, *, is_own: bool) -> VideoRequest:
        """The request with the words that the member has chosen."""
        return self.request if is_own else replace(self.request, prompt=self.rewritten)


def ask(
    connection: Connection,
    guild_id: GuildId,
    user_id: UserId,
    request: VideoRequest,
    now: datetime,
    *,
    most: int,
    since: datetime,
) -> int | None:
    """Note that the assistant is about to be asked; None when the member has asked so often since then.

    Nobody can use what is noted before `answer`. One transaction, so that commands side by side do not pass the limit.
    """
    take_turns(connection, user_id)
    if _count_since(connection, user_id, since) >= most:
        return None
    row = sa.insert(rewrites).values(
        guild_id=guild_id,
        user_id=user_id,
        request=_as_json(request),
        original=request.prompt,
        rewritten="",
        created_at=now,
        used_at=now,
    )
    number: int = connection.execute(row.returning(rewrites.c.id)).scalar_one()
    return number


def answer(connection: Connection, number: int, request: VideoRequest, rewritten: str) -> Rewrite | None:
    """What came of the question; from now on it waits for its member. None when that was forgotten meanwhile."""
    changes = {"request": _as_json(request), "rewritten": rewritten, "used_at": None}
    changed = sa.update(rewrites).where(rewrites.c.id == number).values(**changes)
    row = connection.execute(changed.returning(rewrites)).one_or_none()
    return None if row is None else _of(row)


def find(connection: Connection, number: int, user_id: UserId, since: datetime) -> Rewrite | None:
    """The member's rewrite, as long as it is neither used nor older than that."""
    row = connection.execute(sa.select(rewrites).where(_waiting(number, user_id, since))).one_or_none()
    return None if row is None else _of(row)


def take(connection: Connection, number: int, user_id: UserId, since: datetime, now: datetime) -> Rewrite | None:
    """Use it up; None for the second of two clicks."""
    used = sa.update(rewrites).where(_waiting(number, user_id, since)).values(used_at=now).returning(rewrites)
    row = connection.execute(used).one_or_none()
    return None if row is None else _of(row)


def is_used(connection: Connection, number: int, user_id: UserId) -> bool:
    """Whether the member has decided about it already, as long as that is remembered."""
    wanted = sa.select(rewrites.c.used_at).where(rewrites.c.id == number, rewrites.c.user_id == user_id)
    return connection.execute(wanted).scalar_one_or_none() is not None


def give_back(connection: Connection, number: int) -> None:
    """Nothing came of it: the member may choose again."""
    connection.execute(sa.update(rewrites).where(rewrites.c.id == number).values(used_at=None))


def _count_since(connection: Connection, user_id: UserId, since: datetime) -> int:
    """How often the assistant was asked for the member, whatever came of it."""
    asked = sa.select(sa.func.count()).where(rewrites.c.user_id == user_id, rewrites.c.created_at >= since)
    return connection.execute(asked).scalar_one()


def forget(connection: Connection, before: datetime) -> None:
    connection.execute(sa.delete(rewrites).where(rewrites.c.created_at < before))


def _waiting(number: int, user_id: UserId, since: datetime) -> sa.ColumnElement[bool]:
    return sa.and_(
        rewrites.c.id == number,
        rewrites.c.user_id == user_id,
        rewrites.c.used_at.is_(None),
        rewrites.c.created_at >= since,
    )


def _as_json(request: VideoRequest) -> dict[str, Any]:
    last, picture = request.last_frame, request.picture
    return {
        "model": request.model,
        "picture": None if picture is None else inputs.picture_as_json(picture),
        "last_frame": None if last is None else inputs.picture_as_json(last),
        "references": [inputs.picture_as_json(each) for each in request.references],
        **{name: getattr(request, name) for name in _TYPED},
    }


def _of(row: sa.Row[Any]) -> Rewrite:
    stored = row.request
    references = (inputs.picture_of_json(each) for each in stored["references"])
    request = VideoRequest(
        prompt=row.original,
        model=ModelId(stored["model"]),
        picture=inputs.picture_of_json(stored["picture"]),
        last_frame=inputs.picture_of_json(stored["last_frame"]),
        references=tuple(each for each in references if each is not None),
        **{name: stored[name] for name in _TYPED},
    )
    return Rewrite(
        id=row.id,
        guild_id=GuildId(row.guild_id),
        user_id=UserId(row.user_id),
        request=request,
        rewritten=row.rewritten,
    )
