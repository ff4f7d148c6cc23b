"""The tables, with the promises that the database itself keeps.

A change here is a migration in the same commit; a test holds the two against each other.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from enum import StrEnum

import sqlalchemy as sa

from bot.domain.credits import AccountKind, EntryKind
from bot.domain.jobs import JobState
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

guilds = sa.Table(
    "guilds",
    metadata,
    sa.Column("guild_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("allowance", sa.BigInteger, nullable=True),  # credits per member and day; NULL is the built-in default
    sa.Column("is_pool_limited", sa.Boolean, nullable=False, default=False),
    sa.CheckConstraint("allowance IS NULL OR allowance >= 0", name="allowance_not_negative"),
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
    sa.Column("paid_on", Instant, nullable=False),  # start of the allowance's day
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
    sa.Column("is_direct", sa.Boolean, nullable=False, default=False),
    sa.Column("is_closed", sa.Boolean, nullable=False, default=False),  # the ledger has a settle or a refund
    sa.Column("is_late", sa.Boolean, nullable=False, default=False),
    sa.Column("is_announced", sa.Boolean, nullable=False, default=False),
    sa.Column("failure", sa.Text, nullable=True),
    sa.Column("failure_detail", sa.Text, nullable=True),
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
sa.Index("jobs_rendered", jobs.c.model, jobs.c.mode, jobs.c.rendered_at)
sa.Index("jobs_submitted", jobs.c.submitted_at)
sa.Index("jobs_in_state", jobs.c.state, jobs.c.provider)

entries = sa.Table(
    "entries",
    metadata,
    sa.Column("id", RowId, primary_key=True, autoincrement=True),
    sa.Column("guild_id", sa.BigInteger, nullable=False),
    sa.Column("user_id", sa.BigInteger, nullable=False),  # the member concerned; 0 for the guild's pool
    sa.Column("actor_id", sa.BigInteger, nullable=False),  # who did it; 0 for the bot itself
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("job_id", sa.ForeignKey("jobs.id"), nullable=True),
    sa.Column("reason", sa.Text, nullable=True),
    sa.Column("at", Instant, nullable=False),
    sa.UniqueConstraint("job_id", "kind", name="one_entry_of_a_kind_per_job"),
    sa.CheckConstraint(_one_of("kind", EntryKind), name="entry_kind_known"),
)
_ENDS = entries.c.kind.in_(["settle", "refund"])
sa.Index("a_job_ends_once", entries.c.job_id, unique=True, sqlite_where=_ENDS, postgresql_where=_ENDS)
sa.Index("entries_of_member", entries.c.guild_id, entries.c.user_id, entries.c.id)

lines = sa.Table(
    "lines",
    metadata,
    sa.Column("entry_id", sa.ForeignKey("entries.id"), primary_key=True),
    sa.Column("account_id", sa.ForeignKey("accounts.id"), primary_key=True),
    sa.Column("credits", sa.BigInteger, nullable=False),  # added to the account; an entry's lines sum to zero
    sa.CheckConstraint("credits <> 0", name="line_not_empty"),
)
sa.Index("lines_of_account", lines.c.account_id)

usage = sa.Table(
    "usage",
    metadata,
    sa.Column("guild_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("user_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("day", Instant, primary_key=True, autoincrement=False),
    sa.Column("used", sa.BigInteger, nullable=False, default=0),  # credits of the allowance
    sa.CheckConstraint("used >= 0", name="usage_not_negative"),
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
