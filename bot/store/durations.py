"""How long renders took, of every model and mode at once: whoever suggests models asks for dozens of them."""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from bot.domain.ids import ModelId
from bot.domain.models import Mode
from bot.store.tables import jobs

# In microseconds: making spans of time of twenty thousand numbers would hold up the event loop for twice as long.
Histories = Mapping[tuple[ModelId, Mode], Sequence[int]]

_MOST = sa.bindparam("most", type_=sa.Integer)

# The three steps below go along the index `jobs_rendered`, so that they cost as much with a million jobs as with many
# thousands: DISTINCT and a window function would both look at every job.
_first = sa.select(sa.func.min(jobs.c.model).label("model")).cte("models", recursive=True)
_MODELS = _first.union_all(
    sa.select(sa.select(sa.func.min(jobs.c.model)).where(jobs.c.model > _first.c.model).scalar_subquery()).where(
        _first.c.model.is_not(None)
    )
)
_MODES = sa.union_all(*(sa.select(sa.literal(mode.value, sa.Text).label("mode")) for mode in Mode)).cte("modes")
# The oldest of the newest renders; nothing where there are fewer, and then all count.
_OLDEST = (
    sa.select(jobs.c.rendered_at)
    .where(jobs.c.model == _MODELS.c.model, jobs.c.mode == _MODES.c.mode, jobs.c.rendered_at.is_not(None))
    .order_by(jobs.c.rendered_at.desc())
    .limit(1)
    .offset(_MOST - 1)
    .correlate(_MODELS, _MODES)
    .scalar_subquery()
)
_NEWEST = (
    sa.select(
        _MODELS.c.model, _MODES.c.mode, sa.func.coalesce(sa.type_coerce(_OLDEST, sa.BigInteger), 0).label("oldest")
    )
    .join_from(_MODELS, _MODES, sa.true())
    .cte("newest")
)
_TOOK = sa.type_coerce(jobs.c.rendered_at, sa.BigInteger) - sa.type_coerce(jobs.c.submitted_at, sa.BigInteger)
# One text for each model and mode: twenty thousand rows would keep the event loop busy for longer than the database.
_HISTORIES = (
    sa.select(_NEWEST.c.model, _NEWEST.c.mode, sa.func.aggregate_strings(sa.cast(_TOOK, sa.Text), " ").label("took"))
    .join_from(
        _NEWEST,
        jobs,
        sa.and_(
            jobs.c.model == _NEWEST.c.model,
            jobs.c.mode == _NEWEST.c.mode,
            sa.type_coerce(jobs.c.rendered_at, sa.BigInteger) >= _NEWEST.c.oldest,
        ),
    )
    .where(jobs.c.submitted_at.is_not(None))
    .group_by(_NEWEST.c.model, _NEWEST.c.mode)
)


def of_all(connection: Connection, most: int = 200) -> Histories:
    """The newest renders of each model and mode, in no particular order: from the create call to the finished task."""
    return {
        (ModelId(model), Mode(mode)): array("q", map(int, took.split()))
        for model, mode, took in connection.execute(_HISTORIES, {"most": most})
    }
