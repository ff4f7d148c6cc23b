"""Guilds' policies as rows: a guild without a row has decided nothing."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from bot.domain.ids import ChannelId, GuildId, ModelId, RoleId, UserId
from bot.domain.periods import Period
from bot.domain.policies import AssistMode, Gifts, GuildPolicy, MemberRule, ModelRule, Pool, RoleRule, Spoilers
from bot.domain.quotas import DEFAULT_ALLOWANCE
from bot.store.statements import upsert
from bot.store.tables import guild_channels, guild_members, guild_models, guild_roles, guilds

# What every command asks is put together once: for SQLAlchemy that is more work than asking.
_GUILD = sa.bindparam("of_guild", type_=sa.BigInteger)
_ROW = sa.select(guilds).where(guilds.c.guild_id == _GUILD)
_ROW_LOCKED = _ROW.with_for_update()
_OPEN_ROW = sa.text(
    "INSERT INTO guilds (guild_id, is_pool_limited) VALUES (:of_guild, :no) ON CONFLICT DO NOTHING"
).bindparams(_GUILD, sa.bindparam("no", value=False, type_=sa.Boolean))
# The three lists as one question: what a list does not have is NULL in it.
_LISTS = sa.union_all(
    sa.select(
        sa.literal_column("'role'").label("kind"),
        guild_roles.c.role_id.label("id"),
        sa.cast(sa.null(), sa.Text).label("model"),
        guild_roles.c.allowance,
        guild_roles.c.is_exempt,
        guild_roles.c.is_allowed,
        sa.false().label("is_restricted"),
    ).where(guild_roles.c.guild_id == _GUILD),
    sa.select(
        sa.literal_column("'model'"),
        sa.cast(sa.null(), sa.BigInteger),
        guild_models.c.model,
        sa.cast(sa.null(), guild_roles.c.allowance.type),
        sa.false(),
        guild_models.c.is_allowed,
        guild_models.c.is_restricted,
    ).where(guild_models.c.guild_id == _GUILD),
    sa.select(
        sa.literal_column("'channel'"),
        guild_channels.c.channel_id,
        sa.cast(sa.null(), sa.Text),
        sa.cast(sa.null(), guild_roles.c.allowance.type),
        sa.false(),
        sa.false(),
        sa.false(),
    ).where(guild_channels.c.guild_id == _GUILD),
)
_MEMBER = sa.select(guild_members.c.allowance).where(
    guild_members.c.guild_id == _GUILD, guild_members.c.user_id == sa.bindparam("of_member", type_=sa.BigInteger)
)


def load(connection: Connection, guild_id: GuildId, *, lock: bool = False) -> GuildPolicy:
    """The guild's policy. With *lock* it stays as it is, and nobody else in the guild is charged, until we are done."""
    which = {"of_guild": guild_id}
    row = connection.execute(_ROW_LOCKED if lock else _ROW, which).one_or_none()
    if row is None:
        if not lock:
            return GuildPolicy(guild_id=guild_id)
        # There has to be a row that the next one can wait for.
        connection.execute(_OPEN_ROW, which)
        row = connection.execute(_ROW_LOCKED, which).one()
    roles: dict[RoleId, RoleRule] = {}
    models: dict[ModelId, ModelRule] = {}
    channels: set[ChannelId] = set()
    for each in connection.execute(_LISTS, which):
        if each.kind == "role":
            rule = RoleRule(allowance=each.allowance, is_exempt=each.is_exempt, is_allowed=each.is_allowed)
            roles[RoleId(each.id)] = rule
        elif each.kind == "model":
            models[ModelId(each.model)] = ModelRule(is_allowed=each.is_allowed, is_restricted=each.is_restricted)
        else:
            channels.add(ChannelId(each.id))
    return _policy_of(row, roles=roles, models=models, channels=frozenset(channels))


def save(connection: Connection, policy: GuildPolicy) -> None:
    """Store all of the policy; what is not in its lists any more is forgotten."""
    values = _values_of(policy)
    row = upsert(connection, guilds).values(guild_id=policy.guild_id, **values)
    connection.execute(row.on_conflict_do_update(index_elements=[guilds.c.guild_id], set_=values))
    _replace(
        connection,
        guild_roles,
        policy.guild_id,
        [
            {
                "role_id": role,
                "allowance": rule.allowance,
                "is_exempt": rule.is_exempt,
                "is_allowed": rule.is_allowed,
            }
            for role, rule in policy.roles.items()
            if not rule.is_empty
        ],
    )
    _replace(
        connection,
        guild_models,
        policy.guild_id,
        [
            {"model": model, "is_allowed": rule.is_allowed, "is_restricted": rule.is_restricted}
            for model, rule in policy.models.items()
            if not rule.is_empty
        ],
    )
    _replace(connection, guild_channels, policy.guild_id, [{"channel_id": channel} for channel in policy.channels])


def member(connection: Connection, guild_id: GuildId, user_id: UserId) -> MemberRule | None:
    """What staff has decided about one member, if anything."""
    row = connection.execute(_MEMBER, {"of_guild": guild_id, "of_member": user_id}).one_or_none()
    return None if row is None else MemberRule(allowance=row.allowance)


def members(connection: Connection, guild_id: GuildId) -> dict[UserId, MemberRule]:
    """Every member of whom staff has decided something."""
    rows = connection.execute(
        sa.select(guild_members).where(guild_members.c.guild_id == guild_id).order_by(guild_members.c.user_id)
    )
    return {UserId(row.user_id): MemberRule(allowance=row.allowance) for row in rows}


def forget_members(connection: Connection, guild_id: GuildId) -> int:
    """Leave everybody to what their roles say; how many that changes."""
    return connection.execute(sa.delete(guild_members).where(guild_members.c.guild_id == guild_id)).rowcount


def set_member(connection: Connection, guild_id: GuildId, user_id: UserId, rule: MemberRule | None) -> None:
    """Decide about a member; None leaves them to what their roles say."""
    if rule is None:
        connection.execute(
            sa.delete(guild_members).where(guild_members.c.guild_id == guild_id, guild_members.c.user_id == user_id)
        )
        return
    row = upsert(connection, guild_members).values(guild_id=guild_id, user_id=user_id, allowance=rule.allowance)
    keys = [guild_members.c.guild_id, guild_members.c.user_id]
    connection.execute(row.on_conflict_do_update(index_elements=keys, set_={"allowance": rule.allowance}))


def note_refill(connection: Connection, policy: GuildPolicy, now: datetime) -> bool:
    """The pool is being refilled at this moment; False when somebody was faster than this policy is old."""
    before = None if policy.pool is None else policy.pool.refilled_at
    noted = (
        sa.update(guilds)
        .where(guilds.c.guild_id == policy.guild_id, guilds.c.pool_refilled_at.is_not_distinct_from(before))
        .values(pool_refilled_at=now)
    )
    return connection.execute(noted).rowcount == 1


def _policy_of(
    row: sa.Row[Any],
    *,
    roles: Mapping[RoleId, RoleRule],
    models: Mapping[ModelId, ModelRule],
    channels: frozenset[ChannelId],
) -> GuildPolicy:
    pool = None
    if row.is_pool_limited:
        period = None if row.pool_period is None else Period(row.pool_period)
        pool = Pool(refill=row.pool_refill, period=period, refilled_at=row.pool_refilled_at)
    return GuildPolicy(
        guild_id=GuildId(row.guild_id),
        allowance=DEFAULT_ALLOWANCE if row.allowance is None else row.allowance,
        period=Period(row.allowance_period),
        time_zone=row.time_zone,
        pool=pool,
        highest_price=row.highest_price,
        member_jobs=row.member_jobs,
        guild_jobs=row.guild_jobs,
        cooldown=timedelta(seconds=row.cooldown_seconds),
        confirm_above=row.confirm_above,
        gifts=Gifts(
            are_allowed=row.are_gifts_allowed, most_at_once=row.gift_at_once, most_per_period=row.gifts_per_period
        ),
        roles=roles,
        models=models,
        channels=channels,
        is_restricted_only=row.is_restricted_only,
        is_closed=row.is_closed,
        closed_reason=row.closed_reason,
        language=row.language,
        spoilers=Spoilers(row.spoilers),
        assist=AssistMode(row.assist),
        may_offer_successor=row.may_offer_successor,
        log_channel_id=None if row.log_channel_id is None else ChannelId(row.log_channel_id),
        report_channel_id=None if row.report_channel_id is None else ChannelId(row.report_channel_id),
        are_prompts_logged=row.are_prompts_logged,
        keep_prompts_days=row.keep_prompts_days,
        keep_media_days=row.keep_media_days,
    )


def _values_of(policy: GuildPolicy) -> dict[str, Any]:
    pool = policy.pool or Pool()
    # A guild that has the built-in default follows it when a later version has another.
    is_default = (policy.allowance, policy.period) == (DEFAULT_ALLOWANCE, Period.DAY)
    return {
        "allowance": None if is_default else policy.allowance,
        "allowance_period": policy.period,
        "time_zone": policy.time_zone,
        "is_pool_limited": policy.pool is not None,
        "pool_refill": pool.refill,
        "pool_period": pool.period,
        "pool_refilled_at": pool.refilled_at,
        "highest_price": policy.highest_price,
        "member_jobs": policy.member_jobs,
        "guild_jobs": policy.guild_jobs,
        "cooldown_seconds": round(policy.cooldown.total_seconds()),
        "confirm_above": policy.confirm_above,
        "are_gifts_allowed": policy.gifts.are_allowed,
        "gift_at_once": policy.gifts.most_at_once,
        "gifts_per_period": policy.gifts.most_per_period,
        "is_restricted_only": policy.is_restricted_only,
        "is_closed": policy.is_closed,
        "closed_reason": policy.closed_reason,
        "language": policy.language,
        "spoilers": policy.spoilers,
        "assist": policy.assist,
        "may_offer_successor": policy.may_offer_successor,
        "log_channel_id": policy.log_channel_id,
        "report_channel_id": policy.report_channel_id,
        "are_prompts_logged": policy.are_prompts_logged,
        "keep_prompts_days": policy.keep_prompts_days,
        "keep_media_days": policy.keep_media_days,
    }


def _replace(connection: Connection, table: sa.Table, guild_id: GuildId, rows: list[dict[str, Any]]) -> None:
    connection.execute(sa.delete(table).where(table.c.guild_id == guild_id))
    if rows:
        connection.execute(sa.insert(table), [{"guild_id": guild_id, **row} for row in rows])
