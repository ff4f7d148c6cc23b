"""The tables, with the promises that the database itself keeps.

A change here is a migration in the same commit; a test holds the two against each other.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from enum import StrEnum

import sqlalchemy as sa

from bot.domain.credits import AccountKind, EntryKind
from bot.domain.hosting import NoticeKind
from bot.domain.jobs import JobState
from bot.domain.periods import Period
from bot.domain.policies import AssistMode, Spoilers
from bot.domain.safety import WordKind

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

# SQLite numbers rows by itself only when the key is called INTEGER; Discord's ids need 64 bits on PostgreSQL.
RowId = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

metadata = sa.MetaData(
    naming_convention={
        "pk": "%(table_name)s_pk",
        "fk": "%(table_name)s_%(column_0_name)s_fk",
        "ck": "%(constraint_name)s",
    }
)


class Instant(sa.TypeDecorator[datetime]):
    """An aware UTC moment, stored as microseconds since 1970: it compares alike on every database."""

    impl = sa.BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> int | None:
        return None if value is None else (value - EPOCH) // timedelta(microseconds=1)

    def process_result_value(self, value: int | None, dialect: sa.Dialect) -> datetime | None:
        return None if value is None else EPOCH + timedelta(microseconds=value)


def _one_of(column: str, values: type[StrEnum]) -> str:
    return f"{column} IN ({', '.join(repr(str(v)) for v in values)})"


meta = sa.Table(
    "meta",
    metadata,
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
)

# A guild's policy (bot/domain/policies.py). A guild without a row has decided nothing.
guilds = sa.Table(
    "guilds",
    metadata,
    sa.Column("guild_id", sa.BigInteger, primary_key=True, autoincrement=False),
    # Who may spend what.
    sa.Column("allowance", sa.BigInteger, nullable=True),  # credits per member and period; NULL is the built-in default
    sa.Column("allowance_period", sa.Text, nullable=False, server_default=Period.DAY),
    sa.Column("time_zone", sa.Text, nullable=False, server_default="UTC"),  # a name of the IANA database
    sa.Column("is_pool_limited", sa.Boolean, nullable=False, default=False),
    sa.Column("pool_refill", sa.BigInteger, nullable=True),  # what the pool is brought to at each period's start
    sa.Column("pool_period", sa.Text, nullable=True),
    sa.Column("pool_refilled_at", Instant, nullable=True),  # when staff or a refill last set the pool
    sa.Column("highest_price", sa.BigInteger, nullable=True),  # of one job
    sa.Column("member_jobs", sa.Integer, nullable=True),  # on their way at once
    sa.Column("guild_jobs", sa.Integer, nullable=True),
    sa.Column("cooldown_seconds", sa.Integer, nullable=False, server_default="0"),
    sa.Column("confirm_above", sa.BigInteger, nullable=True),
    sa.Column("are_gifts_allowed", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("gift_at_once", sa.BigInteger, nullable=True),
    sa.Column("gifts_per_period", sa.BigInteger, nullable=True),
    # What, where and for whom; lists are tables of their own.
    sa.Column("is_restricted_only", sa.Boolean, nullable=False, server_default=sa.false()),
    # How the bot behaves.
    sa.Column("is_closed", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("closed_reason", sa.Text, nullable=True),
    sa.Column("language", sa.Text, nullable=True),
    sa.Column("spoilers", sa.Text, nullable=False, server_default=Spoilers.NEVER),
    sa.Column("assist", sa.Text, nullable=False, server_default=AssistMode.FREE),
    sa.Column("may_offer_successor", sa.Boolean, nullable=False, server_default=sa.true()),
    # What staff hears and what is kept.
    sa.Column("log_channel_id", sa.BigInteger, nullable=True),
    sa.Column("report_channel_id", sa.BigInteger, nullable=True),
    sa.Column("are_prompts_logged", sa.Boolean, nullable=False, server_default=sa.true()),
    sa.Column("keep_prompts_days", sa.Integer, nullable=True),
    sa.Column("keep_media_days", sa.Integer, nullable=True),
    sa.CheckConstraint("allowance IS NULL OR allowance >= 0", name="allowance_not_negative"),
    sa.CheckConstraint(_one_of("allowance_period", Period), name="allowance_period_known"),
    # The built-in default is one for a day.
    sa.CheckConstraint("allowance IS NOT NULL OR allowance_period = 'day'", name="default_allowance_is_daily"),
    sa.CheckConstraint("pool_refill IS NULL OR (is_pool_limited AND pool_refill > 0)", name="refilled_pool_is_limited"),
    sa.CheckConstraint(
        "(pool_refill IS NULL AND pool_period IS NULL) "
        f"OR (pool_refill IS NOT NULL AND pool_period IS NOT NULL AND {_one_of('pool_period', Period)})",
        name="refilled_pool_has_period",
    ),
    sa.CheckConstraint("highest_price IS NULL OR highest_price > 0", name="highest_price_positive"),
    sa.CheckConstraint(
        "(member_jobs IS NULL OR member_jobs > 0) AND (guild_jobs IS NULL OR guild_jobs > 0)", name="caps_positive"
    ),
    sa.CheckConstraint("cooldown_seconds >= 0", name="cooldown_not_negative"),
    sa.CheckConstraint("confirm_above IS NULL OR confirm_above >= 0", name="confirm_above_not_negative"),
    sa.CheckConstraint(
        "(gift_at_once IS NULL OR gift_at_once > 0) AND (gifts_per_period IS NULL OR gifts_per_period > 0)",
        name="gift_limits_positive",
    ),
    sa.CheckConstraint("closed_reason IS NULL OR is_closed", name="reason_of_closed"),
    sa.CheckConstraint(_one_of("spoilers", Spoilers), name="spoilers_known"),
    sa.CheckConstraint(_one_of("assist", AssistMode), name="assist_known"),
    sa.CheckConstraint(
        "(keep_prompts_days IS NULL OR keep_prompts_days > 0) AND (keep_media_days IS NULL OR keep_media_days > 0)",
        name="kept_days_positive",
    ),
)

guild_roles = sa.Table(
    "guild_roles",
    metadata,
    sa.Column("guild_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("role_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("allowance", sa.BigInteger, nullable=True),
    sa.Column("is_exempt", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("is_allowed", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.CheckConstraint("allowance IS NULL OR (allowance >= 0 AND NOT is_exempt)", name="role_allowance_or_exempt"),
    sa.CheckConstraint("allowance IS NOT NULL OR is_exempt OR is_allowed", name="role_rule_not_empty"),
)

guild_members = sa.Table(
    "guild_members",
    metadata,
    sa.Column("guild_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("user_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("allowance", sa.BigInteger, nullable=True),  # NULL: no limit
    sa.CheckConstraint("allowance IS NULL OR allowance >= 0", name="member_allowance_not_negative"),
)

guild_models = sa.Table(
    "guild_models",
    metadata,
    sa.Column("guild_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("model", sa.Text, primary_key=True),
    sa.Column("is_allowed", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("is_restricted", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.CheckConstraint("is_allowed OR is_restricted", name="model_rule_not_empty"),
)

guild_channels = sa.Table(
    "guild_channels",
    metadata,
    sa.Column("guild_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("channel_id", sa.BigInteger, primary_key=True, autoincrement=False),
)

accounts = sa.Table(
    "accounts",
    metadata,
    sa.Column("id", RowId, primary_key=True, autoincrement=True),
    sa.Column("guild_id", sa.BigInteger, nullable=False),
    sa.Column("user_id", sa.BigInteger, nullable=False, default=0),  # 0 for the guild's own accounts
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("balance", sa.BigInteger, nullable=False, default=0),
    sa.UniqueConstraint("guild_id", "user_id", "kind", name="one_account_of_a_kind"),
    sa.CheckConstraint("kind = 'issued' OR balance >= 0", name="balance_not_negative"),
    sa.CheckConstraint(_one_of("kind", AccountKind), name="account_kind_known"),
)

jobs = sa.Table(
    "jobs",
    metadata,
    sa.Column("id", RowId, primary_key=True, autoincrement=True),
    sa.Column("interaction_id", sa.BigInteger, nullable=False),
    sa.Column("guild_id", sa.BigInteger, nullable=False),
    sa.Column("channel_id", sa.BigInteger, nullable=False),
    sa.Column("user_id", sa.BigInteger, nullable=False),
    sa.Column("application_id", sa.BigInteger, nullable=False),
    sa.Column("interaction_token", sa.Text, nullable=False),
    sa.Column("upload_limit", sa.BigInteger, nullable=False),
    sa.Column("locale", sa.Text, nullable=False),
    sa.Column("guild_locale", sa.Text, nullable=False),
    # What is to be made.
    sa.Column("model", sa.Text, nullable=False),
    sa.Column("provider", sa.Text, nullable=False),
    sa.Column("mode", sa.Text, nullable=False),
    sa.Column("prompt", sa.Text, nullable=False),
    sa.Column("options", sa.JSON, nullable=False),
    sa.Column("picture", sa.JSON(none_as_null=True), nullable=True),
    sa.Column("inputs", sa.JSON(none_as_null=True), nullable=True),  # last frame, references, earlier video; or NULL
    sa.Column("again_of", sa.BigInteger, nullable=True),
    # Money. What was taken from which bucket, less what has gone back.
    sa.Column("price", sa.BigInteger, nullable=False),
    sa.Column("paid_allowance", sa.BigInteger, nullable=False),
    sa.Column("paid_bonus", sa.BigInteger, nullable=False),
    sa.Column("is_pool_limited", sa.Boolean, nullable=False),  # whether the allowance's part came out of a limited pool
    sa.Column("paid_at", Instant, nullable=False),  # the periods that this moment belongs to have paid
    sa.Column(
        "role_ids", sa.JSON(none_as_null=True), nullable=True
    ),  # the member's roles that said something of credits
    # Where it is.
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("due_at", Instant, nullable=True),
    sa.Column("lease_until", Instant, nullable=True),
    sa.Column("fence", sa.BigInteger, nullable=False, default=0),
    sa.Column("attempts", sa.Integer, nullable=False, default=0),
    sa.Column("claims", sa.Integer, nullable=False, default=0),  # claims in this state that never came back
    sa.Column("callback_secret", sa.Text, nullable=False),
    sa.Column("is_hinted", sa.Boolean, nullable=False, default=False),  # a callback came since the last look
    sa.Column("hinted_task_id", sa.Text, nullable=True),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("submitted_at", Instant, nullable=True),
    sa.Column("rendered_at", Instant, nullable=True),
    sa.Column("posting_at", Instant, nullable=True),
    sa.Column("finished_at", Instant, nullable=True),
    sa.Column("task_id", sa.Text, nullable=True),
    sa.Column("result_url", sa.Text, nullable=True),
    sa.Column("result_expires_at", Instant, nullable=True),
    sa.Column("provider_credits", sa.Float, nullable=True),
    sa.Column("stored_name", sa.Text, nullable=True),
    sa.Column("stored_size", sa.BigInteger, nullable=True),
    sa.Column("message_id", sa.BigInteger, nullable=True),
    sa.Column("message_channel_id", sa.BigInteger, nullable=True),
    sa.Column("claimed_guild_id", sa.BigInteger, nullable=True),  # if its channel is not in the job's own guild
    sa.Column("redelivery", sa.Integer, nullable=False, server_default="0"),  # how often staff had it delivered again
    sa.Column("is_direct", sa.Boolean, nullable=False, default=False),
    sa.Column("is_closed", sa.Boolean, nullable=False, default=False),  # the ledger has a settle or a refund
    sa.Column("is_late", sa.Boolean, nullable=False, default=False),
    sa.Column("is_announced", sa.Boolean, nullable=False, default=False),
    sa.Column("failure", sa.Text, nullable=True),
    sa.Column("failure_detail", sa.Text, nullable=True),
    sa.Column("late_cost", sa.BigInteger, nullable=True),  # what the post of a late video says that it costs
    sa.Column("orphan_cost", sa.BigInteger, nullable=True),  # in `host_costs`, for a task that may exist and be billed
    sa.UniqueConstraint("interaction_id", name="one_job_per_interaction"),
    sa.CheckConstraint(_one_of("state", JobState), name="job_state_known"),
    sa.CheckConstraint("price > 0 AND paid_allowance >= 0 AND paid_bonus >= 0", name="payment_not_negative"),
    sa.CheckConstraint("state <> 'running' OR task_id IS NOT NULL", name="running_has_task"),
    sa.CheckConstraint("state <> 'delivered' OR message_id IS NOT NULL", name="delivered_has_message"),
    # A number is never given twice, so that a button or a nonce never means another job after a restore.
    sqlite_autoincrement=True,
)
sa.Index(
    "jobs_due", jobs.c.due_at, sqlite_where=jobs.c.due_at.is_not(None), postgresql_where=jobs.c.due_at.is_not(None)
)
sa.Index("jobs_of_member", jobs.c.guild_id, jobs.c.user_id, jobs.c.id)
sa.Index("jobs_paid", jobs.c.guild_id, jobs.c.user_id, jobs.c.paid_at)
_OPEN = sa.not_(jobs.c.is_closed)
sa.Index("jobs_open", jobs.c.guild_id, jobs.c.user_id, sqlite_where=_OPEN, postgresql_where=_OPEN)
sa.Index("jobs_rendered", jobs.c.model, jobs.c.mode, jobs.c.rendered_at)
sa.Index("jobs_submitted", jobs.c.submitted_at)
sa.Index("jobs_in_state", jobs.c.state, jobs.c.provider)
_MAY_BE_ORPHAN = jobs.c.orphan_cost.is_not(None)
sa.Index("jobs_orphaned", jobs.c.created_at, sqlite_where=_MAY_BE_ORPHAN, postgresql_where=_MAY_BE_ORPHAN)

# Bonus credits that staff gives: asked about first, then given once to each member whom it concerns.
grants = sa.Table(
    "grants",
    metadata,
    sa.Column("id", RowId, primary_key=True, autoincrement=True),
    sa.Column("guild_id", sa.BigInteger, nullable=False),
    sa.Column("actor_id", sa.BigInteger, nullable=False),
    sa.Column("user_id", sa.BigInteger, nullable=True),  # for one member,
    sa.Column("role_id", sa.BigInteger, nullable=True),  # for whoever has a role, or, without both, for everybody
    sa.Column("credits", sa.BigInteger, nullable=False),
    sa.Column("reason", sa.Text, nullable=True),
    sa.Column("interaction_id", sa.BigInteger, nullable=False),
    sa.Column("asked_at", Instant, nullable=False),
    sa.Column("given_at", Instant, nullable=True),  # NULL while nobody has confirmed it
    sa.Column("ends_at", Instant, nullable=True),  # until then members with the role, or everybody, can collect it
    sa.UniqueConstraint("interaction_id", name="one_grant_per_interaction"),
    sa.CheckConstraint("user_id IS NULL OR role_id IS NULL", name="grant_has_one_target"),
    sa.CheckConstraint("credits > 0", name="grant_positive"),
    # A button never means another grant after a restore.
    sqlite_autoincrement=True,
)
sa.Index(
    "grants_open",
    grants.c.guild_id,
    grants.c.ends_at,
    sqlite_where=grants.c.ends_at.is_not(None),
    postgresql_where=grants.c.ends_at.is_not(None),
)

# Videos whose price their member is asked about before anything is charged.
drafts = sa.Table(
    "drafts",
    metadata,
    sa.Column("id", RowId, primary_key=True, autoincrement=True),
    sa.Column("interaction_id", sa.BigInteger, nullable=False),
    sa.Column("guild_id", sa.BigInteger, nullable=False),
    sa.Column("user_id", sa.BigInteger, nullable=False),
    sa.Column("model", sa.Text, nullable=False),
    sa.Column("mode", sa.Text, nullable=False),
    sa.Column("prompt", sa.Text, nullable=False),
    sa.Column("options", sa.JSON, nullable=False),
    sa.Column("picture", sa.JSON(none_as_null=True), nullable=True),
    sa.Column("price", sa.BigInteger, nullable=False),
    sa.Column("again_of", sa.BigInteger, nullable=True),
    sa.Column("inputs", sa.JSON(none_as_null=True), nullable=True),  # as those of jobs
    sa.Column("asked_at", Instant, nullable=False),
    sa.Column("job_id", sa.ForeignKey("jobs.id"), nullable=True),  # what became of it
    sa.UniqueConstraint("interaction_id", name="one_draft_per_interaction"),
    sa.UniqueConstraint("job_id", name="one_draft_per_job"),
    sa.CheckConstraint("price > 0", name="draft_price_positive"),
    sqlite_autoincrement=True,
)
sa.Index("drafts_by_age", drafts.c.asked_at)

entries = sa.Table(
    "entries",
    metadata,
    sa.Column("id", RowId, primary_key=True, autoincrement=True),
    sa.Column("guild_id", sa.BigInteger, nullable=False),
    sa.Column("user_id", sa.BigInteger, nullable=False),  # the member concerned; 0 for the guild's pool
    sa.Column("actor_id", sa.BigInteger, nullable=False),  # who did it; 0 for the bot itself
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("job_id", sa.ForeignKey("jobs.id"), nullable=True),
    sa.Column("grant_id", sa.ForeignKey("grants.id"), nullable=True),
    sa.Column("interaction_id", sa.BigInteger, nullable=True),  # the command behind it, which is obeyed once
    sa.Column("reason", sa.Text, nullable=True),
    sa.Column("at", Instant, nullable=False),
    sa.UniqueConstraint("job_id", "kind", name="one_entry_of_a_kind_per_job"),
    sa.UniqueConstraint("grant_id", "user_id", name="one_entry_of_a_grant_per_member"),
    sa.UniqueConstraint("interaction_id", name="one_entry_per_interaction"),
    sa.CheckConstraint(_one_of("kind", EntryKind), name="entry_kind_known"),
)
_ENDS = entries.c.kind.in_(["settle", "refund"])
sa.Index("a_job_ends_once", entries.c.job_id, unique=True, sqlite_where=_ENDS, postgresql_where=_ENDS)
sa.Index("entries_of_member", entries.c.guild_id, entries.c.user_id, entries.c.id)
# What a member has given away lately is limited.
_GIFTS = entries.c.kind == "transfer"
sa.Index(
    "entries_of_giver",
    entries.c.guild_id,
    entries.c.actor_id,
    entries.c.at,
    sqlite_where=_GIFTS,
    postgresql_where=_GIFTS,
)

lines = sa.Table(
    "lines",
    metadata,
    sa.Column("entry_id", sa.ForeignKey("entries.id"), primary_key=True),
    sa.Column("account_id", sa.ForeignKey("accounts.id"), primary_key=True),
    sa.Column("credits", sa.BigInteger, nullable=False),  # added to the account; an entry's lines sum to zero
    sa.CheckConstraint("credits <> 0", name="line_not_empty"),
)
sa.Index("lines_of_account", lines.c.account_id)

# Running totals: what the jobs that a member paid for in a period have taken from the allowance, less what went back.
# Periods of different length or of another time zone may overlap; each counts for itself.
usage = sa.Table(
    "usage",
    metadata,
    sa.Column("guild_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("user_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("starts_at", Instant, primary_key=True, autoincrement=False),
    sa.Column("ends_at", Instant, primary_key=True, autoincrement=False),
    sa.Column("used", sa.BigInteger, nullable=False, default=0),  # credits of the allowance
    sa.CheckConstraint("used >= 0", name="usage_not_negative"),
    sa.CheckConstraint("starts_at < ends_at", name="usage_has_length"),
)

# The host's spending in credits, by "day 2026-11-20" and "month 2026-11".
spending = sa.Table(
    "spending",
    metadata,
    sa.Column("period", sa.Text, primary_key=True),
    sa.Column("credits", sa.BigInteger, nullable=False, default=0),
    sa.CheckConstraint("credits >= 0", name="spending_not_negative"),
)

# What the host has decided while the bot ran (bot/domain/hosting.py), by name.
host_settings = sa.Table(
    "host_settings",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
    sa.Column("changed_by", sa.BigInteger, nullable=False),  # 0 for the command line
    sa.Column("changed_at", Instant, nullable=False),
)

# What the host has decided about single guilds; NULL where nothing.
guild_terms = sa.Table(
    "guild_terms",
    metadata,
    sa.Column("guild_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("is_allowed", sa.Boolean, nullable=True),
    sa.Column("daily_usd", sa.Text, nullable=True),  # decimal amounts
    sa.Column("monthly_usd", sa.Text, nullable=True),
    sa.Column("changed_by", sa.BigInteger, nullable=False),
    sa.Column("changed_at", Instant, nullable=False),
)

# What each guild has had made, by UTC day and model: running totals, because jobs are too many to be counted each time.
guild_usage = sa.Table(
    "guild_usage",
    metadata,
    sa.Column("guild_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("day", Instant, primary_key=True, autoincrement=False),
    sa.Column("model", sa.Text, primary_key=True),
    sa.Column("jobs", sa.BigInteger, nullable=False, default=0),
    sa.Column("credits", sa.BigInteger, nullable=False, default=0),
    sa.CheckConstraint("jobs >= 0 AND credits >= 0", name="guild_usage_not_negative"),
)
sa.Index("guild_usage_by_day", guild_usage.c.day)

# Troubles that the host is told of once when they start and once when they end, whatever restarts between.
troubles = sa.Table(
    "troubles",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("began_at", Instant, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("is_told", sa.Boolean, nullable=False, default=False),
    sa.Column("end_text", sa.Text, nullable=True),  # it is over, and this is still to be told
)

# What the host is to be told of single jobs: written with the job's move, gone once it is told.
job_notices = sa.Table(
    "job_notices",
    metadata,
    # The number first: a charge asks by it whether anything refers to the new job.
    sa.Column("job_id", sa.ForeignKey("jobs.id"), primary_key=True, autoincrement=False),
    sa.Column("kind", sa.Text, primary_key=True),
    sa.Column("noted_at", Instant, nullable=False),
    sa.CheckConstraint(_one_of("kind", NoticeKind), name="notice_kind_known"),
)

# What the assistant made of a prompt, until its member has decided; rows are gone a day later.
rewrites = sa.Table(
    "rewrites",
    metadata,
    sa.Column("id", RowId, primary_key=True, autoincrement=True),
    sa.Column("guild_id", sa.BigInteger, nullable=False),
    sa.Column("user_id", sa.BigInteger, nullable=False),
    sa.Column("request", sa.JSON, nullable=False),  # all but the prompt
    sa.Column("original", sa.Text, nullable=False),
    sa.Column("rewritten", sa.Text, nullable=False),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("used_at", Instant, nullable=True),
    # A number is never given twice, so that an old button never means another member's text.
    sqlite_autoincrement=True,
)
sa.Index("rewrites_of_member", rewrites.c.user_id, rewrites.c.created_at)
sa.Index("rewrites_by_age", rewrites.c.created_at)

# What nobody but the host has paid in the host's periods, in millionths of a credit: what the assistant has cost, late
# videos that came for nothing, and create calls that were never answered. `spending` holds what members have paid.
host_costs = sa.Table(
    "host_costs",
    metadata,
    sa.Column("period", sa.Text, primary_key=True),
    sa.Column("micros", sa.BigInteger, nullable=False, default=0),
    sa.CheckConstraint("micros >= 0", name="host_costs_not_negative"),
)

# What each provider last said was left on the host's account.
provider_readings = sa.Table(
    "provider_readings",
    metadata,
    sa.Column("provider", sa.Text, primary_key=True),
    sa.Column("credits", sa.Float, nullable=False),
    sa.Column("read_at", Instant, nullable=False),
)

job_events = sa.Table(
    "job_events",
    metadata,
    sa.Column("id", RowId, primary_key=True, autoincrement=True),
    sa.Column("job_id", sa.ForeignKey("jobs.id"), nullable=False),
    sa.Column("at", Instant, nullable=False),
    sa.Column("source", sa.Text, nullable=True),  # NULL for the first
    sa.Column("target", sa.Text, nullable=False),
    sa.Column("fence", sa.BigInteger, nullable=False),
    sa.Column("detail", sa.Text, nullable=True),
)
sa.Index("events_of_job", job_events.c.job_id, job_events.c.id)

# Members whom a guild's moderators let make no videos; one row per member, whatever became of earlier blocks.
blocks = sa.Table(
    "blocks",
    metadata,
    sa.Column("guild_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("user_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("actor_id", sa.BigInteger, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("at", Instant, nullable=False),
    sa.Column("until", Instant, nullable=True),  # NULL is for good
)

# People who had themselves forgotten, as keyed hashes: how long a block, or an allowance that was used up, still holds.
departures = sa.Table(
    "departures",
    metadata,
    sa.Column("id", RowId, primary_key=True, autoincrement=True),
    sa.Column("guild_id", sa.BigInteger, nullable=False),
    sa.Column("mark", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=True),  # of a block
    sa.Column("until", Instant, nullable=True),  # NULL is for good
)
sa.Index("departures_of_guild", departures.c.guild_id)

words = sa.Table(
    "words",
    metadata,
    sa.Column("id", RowId, primary_key=True, autoincrement=True),
    sa.Column("guild_id", sa.BigInteger, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("actor_id", sa.BigInteger, nullable=False),
    sa.Column("at", Instant, nullable=False),
    sa.UniqueConstraint("guild_id", "kind", "text", name="one_word_of_a_kind"),
    sa.CheckConstraint(_one_of("kind", WordKind), name="word_kind_known"),
)

# How often each rule has refused a member within an hour.
refusals = sa.Table(
    "refusals",
    metadata,
    sa.Column("guild_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("user_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("hour", Instant, primary_key=True, autoincrement=False),
    sa.Column("rule", sa.Text, primary_key=True),
    sa.Column("count", sa.BigInteger, nullable=False),
)
sa.Index("refusals_by_hour", refusals.c.hour)

# What the staff is told of, from the transaction in which it happens until Discord has it.
staff_log = sa.Table(
    "staff_log",
    metadata,
    sa.Column("id", RowId, primary_key=True, autoincrement=True),
    sa.Column("guild_id", sa.BigInteger, nullable=False),
    sa.Column("at", Instant, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("actor_id", sa.BigInteger, nullable=True),
    sa.Column("user_id", sa.BigInteger, nullable=True),
    sa.Column("job_id", sa.BigInteger, nullable=True),
    sa.Column("reason", sa.Text, nullable=True),
    sa.Column("details", sa.JSON, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("due_at", Instant, nullable=True),  # NULL once it is told, or when there is nowhere to tell it
)
sa.Index(
    "staff_log_due",
    staff_log.c.due_at,
    sqlite_where=staff_log.c.due_at.is_not(None),
    postgresql_where=staff_log.c.due_at.is_not(None),
)
sa.Index("staff_log_of_guild", staff_log.c.guild_id, staff_log.c.id)

# Jobs by the UTC day on which they were asked for; by state, and what the ended ones have cost. Never read by a
# transaction that decides, and clustered by guild and day: a season is one range of pages.
tallies = sa.Table(
    "tallies",
    metadata,
    sa.Column("guild_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("day", Instant, primary_key=True, autoincrement=False),
    sa.Column("user_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("model", sa.Text, primary_key=True),
    sa.Column("asked", sa.BigInteger, nullable=False),
    sa.Column("delivered", sa.BigInteger, nullable=False),
    sa.Column("kept", sa.BigInteger, nullable=False),
    sa.Column("failed", sa.BigInteger, nullable=False),
    sa.Column("cancelled", sa.BigInteger, nullable=False),
    sa.Column("spent", sa.BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
