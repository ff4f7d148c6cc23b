"""What the host has decided while the bot runs, and what each guild has had made."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from bot.domain.hosting import GuildTerms, HostTerms, Usage
from bot.domain.ids import GuildId, ModelId, UserId
from bot.domain.models import ModelState
from bot.store.statements import upsert
from bot.store.tables import guild_terms, guild_usage, host_settings

PAUSE: Final = "pause_message"
INVITATION_ONLY: Final = "invitation_only"
DAILY: Final = "budget_daily_usd"
MONTHLY: Final = "budget_monthly_usd"
# Followed by a model's id: the state that the host has put it into.
MODEL: Final = "model:"

# What every command asks is put together once: for SQLAlchemy that is more work than asking.
_GUILD = sa.bindparam("of_guild", type_=sa.BigInteger)
_DAY = sa.bindparam("of_day", type_=guild_usage.c.day.type)
_SETTINGS = sa.select(host_settings.c.name, host_settings.c.value)
_TERMS = sa.select(guild_terms).where(guild_terms.c.guild_id == _GUILD)
_COUNT = sa.text(
    "INSERT INTO guild_usage (guild_id, day, model, jobs, credits) "
    "VALUES (:of_guild, :of_day, :model, :jobs, :credits) ON CONFLICT (guild_id, day, model) DO UPDATE "
    "SET jobs = guild_usage.jobs + excluded.jobs, credits = guild_usage.credits + excluded.credits"
).bindparams(_GUILD, _DAY)
_BACK = sa.bindparam("credits_back", type_=sa.BigInteger)
_GIVE_BACK = (
    sa.update(guild_usage)
    .where(
        guild_usage.c.guild_id == _GUILD,
        guild_usage.c.day == _DAY,
        guild_usage.c.model == sa.bindparam("of_model", type_=sa.Text),
    )
    .values(credits=sa.case((guild_usage.c.credits > _BACK, guild_usage.c.credits - _BACK), else_=0))
)
_USED = sa.select(sa.func.coalesce(sa.func.sum(guild_usage.c.credits), 0)).where(
    guild_usage.c.guild_id == _GUILD, guild_usage.c.day >= _DAY
)


def settings(connection: Connection) -> dict[str, str]:
    """Everything that the host has set, by name."""
    return {row.name: row.value for row in connection.execute(_SETTINGS)}


def set_setting(connection: Connection, name: str, value: str | None, by: UserId, now: datetime) -> None:
    """Store what the host decided; None takes it back, so that the default counts again."""
    if value is None:
        connection.execute(sa.delete(host_settings).where(host_settings.c.name == name))
        return
    row = upsert(connection, host_settings).values(name=name, value=value, changed_by=by, changed_at=now)
    changed = {"value": value, "changed_by": by, "changed_at": now}
    connection.execute(row.on_conflict_do_update(index_elements=[host_settings.c.name], set_=changed))


def terms(connection: Connection) -> HostTerms:
    """All that the host has decided, with every guild that was named."""
    return _terms(settings(connection), list(connection.execute(sa.select(guild_terms))))


def terms_for(connection: Connection, guild_id: GuildId) -> HostTerms:
    """What the host has decided as far as it concerns this guild."""
    return _terms(settings(connection), list(connection.execute(_TERMS, {"of_guild": guild_id})))


def set_guild(
    connection: Connection, guild_id: GuildId, by: UserId, now: datetime, **changes: bool | str | None
) -> None:
    """Store what was decided about the guild; what is not named stays."""
    stamped = {**changes, "changed_by": by, "changed_at": now}
    row = upsert(connection, guild_terms).values(guild_id=guild_id, **stamped)
    connection.execute(row.on_conflict_do_update(index_elements=[guild_terms.c.guild_id], set_=stamped))


def count(
    connection: Connection, guild_id: GuildId, day: datetime, model: ModelId, credits: int, *, jobs: int = 1
) -> None:
    """Count what the guild has asked for on this day."""
    counted = {"of_guild": guild_id, "of_day": day, "model": model, "jobs": jobs, "credits": credits}
    connection.execute(_COUNT, counted)


def give_back(connection: Connection, guild_id: GuildId, day: datetime, model: ModelId, credits: int) -> None:
    """Take out what a job did not cost. Jobs from before there was this count are not in it: never below zero."""
    connection.execute(_GIVE_BACK, {"of_guild": guild_id, "of_day": day, "of_model": model, "credits_back": credits})


def used_since(connection: Connection, guild_id: GuildId, day: datetime) -> int:
    """Credits that the guild has used on this day and after it."""
    used: int = connection.execute(_USED, {"of_guild": guild_id, "of_day": day}).scalar_one()
    return int(used)


def usage_since(connection: Connection, day: datetime, guild_id: GuildId | None = None) -> list[Usage]:
    """What each guild had made with each model on this day and after it, the most expensive first."""
    credits = sa.func.sum(guild_usage.c.credits).label("credits")
    jobs = sa.func.sum(guild_usage.c.jobs).label("jobs")
    asked = (
        sa.select(guild_usage.c.guild_id, guild_usage.c.model, jobs, credits)
        .where(guild_usage.c.day >= day)
        .group_by(guild_usage.c.guild_id, guild_usage.c.model)
        .order_by(credits.desc(), guild_usage.c.guild_id, guild_usage.c.model)
    )
    if guild_id is not None:
        asked = asked.where(guild_usage.c.guild_id == guild_id)
    return [
        Usage(guild_id=GuildId(row.guild_id), model=ModelId(row.model), jobs=int(row.jobs), credits=int(row.credits))
        for row in connection.execute(asked)
    ]


def _terms(written: dict[str, str], guilds: list[Row[tuple[object, ...]]]) -> HostTerms:
    return HostTerms(
        pause_message=written.get(PAUSE),
        is_invitation_only=INVITATION_ONLY in written,
        daily_usd=written.get(DAILY),
        monthly_usd=written.get(MONTHLY),
        guilds={GuildId(row.guild_id): _guild(row) for row in guilds},
        models={
            ModelId(name.removeprefix(MODEL)): ModelState(value)
            for name, value in written.items()
            # Another version may know other states.
            if name.startswith(MODEL) and value in set(ModelState)
        },
    )


def _guild(row: Row[tuple[object, ...]]) -> GuildTerms:
    return GuildTerms(
        guild_id=GuildId(row.guild_id),
        is_allowed=row.is_allowed,
        daily_usd=None if row.daily_usd is None else Decimal(row.daily_usd),
        monthly_usd=None if row.monthly_usd is None else Decimal(row.monthly_usd),
    )
