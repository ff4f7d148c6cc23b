"""Policies of guilds, periods of any length, grants that are confirmed, drafts, and the entries that belong to them."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
PERIODS = "'day', 'week', 'month'"
ENTRY_KINDS = "'charge', 'settle', 'refund', 'late', 'grant', 'fund', 'drain', 'refill', 'expire', 'revoke', 'transfer'"
ENDS = sa.text("kind IN ('settle', 'refund')")
GIFTS = sa.text("kind = 'transfer'")


def upgrade() -> None:
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    _set_aside("guilds", is_sqlite)
    _make_guilds()
    op.execute(
        "INSERT INTO guilds (guild_id, allowance, is_pool_limited) "
        "SELECT guild_id, allowance, is_pool_limited FROM guilds_before"
    )
    op.drop_table("guilds_before")
    _set_aside("usage", is_sqlite)
    _make_usage()
    op.execute(
        "INSERT INTO usage (guild_id, user_id, starts_at, ends_at, used) "
        # A day is 86 400 million microseconds.
        "SELECT guild_id, user_id, day, day + 86400000000, used FROM usage_before"
    )
    op.drop_table("usage_before")
    _make_lists()
    op.execute("ALTER TABLE jobs RENAME COLUMN paid_on TO paid_at")
    op.add_column("jobs", sa.Column("role_ids", sa.JSON(none_as_null=True), nullable=True))
    op.create_index("jobs_paid", "jobs", ["guild_id", "user_id", "paid_at"], unique=False)
    op.create_index(
        "jobs_open",
        "jobs",
        ["guild_id", "user_id"],
        unique=False,
        sqlite_where=sa.text("is_closed = 0"),
        postgresql_where=sa.text("NOT is_closed"),
    )
    _make_grants()
    _make_drafts()
    if is_sqlite:
        _rebuild_entries()
    else:
        _alter_entries()
    op.create_index(
        "entries_of_giver",
        "entries",
        ["guild_id", "actor_id", "at"],
        unique=False,
        sqlite_where=GIFTS,
        postgresql_where=GIFTS,
    )


def _set_aside(table: str, is_sqlite: bool) -> None:
    op.rename_table(table, f"{table}_before")
    if not is_sqlite:
        # PostgreSQL's names of keys are unique beyond their table.
        op.execute(f"ALTER TABLE {table}_before RENAME CONSTRAINT {table}_pk TO {table}_before_pk")


def _make_guilds() -> None:
    op.create_table(
        "guilds",
        sa.Column("guild_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("allowance", sa.BigInteger(), nullable=True),
        sa.Column("allowance_period", sa.Text(), nullable=False, server_default="day"),
        sa.Column("time_zone", sa.Text(), nullable=False, server_default="UTC"),
        sa.Column("is_pool_limited", sa.Boolean(), nullable=False),
        sa.Column("pool_refill", sa.BigInteger(), nullable=True),
        sa.Column("pool_period", sa.Text(), nullable=True),
        sa.Column("pool_refilled_at", sa.BigInteger(), nullable=True),
        sa.Column("highest_price", sa.BigInteger(), nullable=True),
        sa.Column("member_jobs", sa.Integer(), nullable=True),
        sa.Column("guild_jobs", sa.Integer(), nullable=True),
        sa.Column("cooldown_seconds", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("confirm_above", sa.BigInteger(), nullable=True),
        sa.Column("are_gifts_allowed", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("gift_at_once", sa.BigInteger(), nullable=True),
        sa.Column("gifts_per_period", sa.BigInteger(), nullable=True),
        sa.Column("is_restricted_only", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("is_closed", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("closed_reason", sa.Text(), nullable=True),
        sa.Column("language", sa.Text(), nullable=True),
        sa.Column("spoilers", sa.Text(), nullable=False, server_default="never"),
        sa.Column("assist", sa.Text(), nullable=False, server_default="free"),
        sa.Column("may_offer_successor", sa.Boolean(), nullable=False, server_default=sa.true()),
        sa.Column("log_channel_id", sa.BigInteger(), nullable=True),
        sa.Column("report_channel_id", sa.BigInteger(), nullable=True),
        sa.Column("are_prompts_logged", sa.Boolean(), nullable=False, server_default=sa.true()),
        sa.Column("keep_prompts_days", sa.Integer(), nullable=True),
        sa.Column("keep_media_days", sa.Integer(), nullable=True),
        sa.CheckConstraint("allowance IS NULL OR allowance >= 0", name=op.f("allowance_not_negative")),
        sa.CheckConstraint(f"allowance_period IN ({PERIODS})", name=op.f("allowance_period_known")),
        sa.CheckConstraint(
            "allowance IS NOT NULL OR allowance_period = 'day'", name=op.f("default_allowance_is_daily")
        ),
        sa.CheckConstraint(
            "pool_refill IS NULL OR (is_pool_limited AND pool_refill > 0)", name=op.f("refilled_pool_is_limited")
        ),
        sa.CheckConstraint(
            "(pool_refill IS NULL AND pool_period IS NULL) "
            f"OR (pool_refill IS NOT NULL AND pool_period IS NOT NULL AND pool_period IN ({PERIODS}))",
            name=op.f("refilled_pool_has_period"),
        ),
        sa.CheckConstraint("highest_price IS NULL OR highest_price > 0", name=op.f("highest_price_positive")),
        sa.CheckConstraint(
            "(member_jobs IS NULL OR member_jobs > 0) AND (guild_jobs IS NULL OR guild_jobs > 0)",
            name=op.f("caps_positive"),
        ),
        sa.CheckConstraint("cooldown_seconds >= 0", name=op.f("cooldown_not_negative")),
        sa.CheckConstraint("confirm_above IS NULL OR confirm_above >= 0", name=op.f("confirm_above_not_negative")),
        sa.CheckConstraint(
            "(gift_at_once IS NULL OR gift_at_once > 0) AND (gifts_per_period IS NULL OR gifts_per_period > 0)",
            name=op.f("gift_limits_positive"),
        ),
        sa.CheckConstraint("closed_reason IS NULL OR is_closed", name=op.f("reason_of_closed")),
        sa.CheckConstraint("spoilers IN ('never', 'restricted', 'always')", name=op.f("spoilers_known")),
        sa.CheckConstraint("assist IN ('off', 'assist', 'meme', 'free')", name=op.f("assist_known")),
        sa.CheckConstraint(
            "(keep_prompts_days IS NULL OR keep_prompts_days > 0) AND (keep_media_days IS NULL OR keep_media_days > 0)",
            name=op.f("kept_days_positive"),
        ),
        sa.PrimaryKeyConstraint("guild_id", name=op.f("guilds_pk")),
    )


def _make_usage() -> None:
    op.create_table(
        "usage",
        sa.Column("guild_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("user_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("starts_at", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("ends_at", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("used", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("used >= 0", name=op.f("usage_not_negative")),
        sa.CheckConstraint("starts_at < ends_at", name=op.f("usage_has_length")),
        sa.PrimaryKeyConstraint("guild_id", "user_id", "starts_at", "ends_at", name=op.f("usage_pk")),
    )


def _make_lists() -> None:
    op.create_table(
        "guild_roles",
        sa.Column("guild_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("role_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("allowance", sa.BigInteger(), nullable=True),
        sa.Column("is_exempt", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("is_allowed", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.CheckConstraint(
            "allowance IS NULL OR (allowance >= 0 AND NOT is_exempt)", name=op.f("role_allowance_or_exempt")
        ),
        sa.CheckConstraint("allowance IS NOT NULL OR is_exempt OR is_allowed", name=op.f("role_rule_not_empty")),
        sa.PrimaryKeyConstraint("guild_id", "role_id", name=op.f("guild_roles_pk")),
    )
    op.create_table(
        "guild_members",
        sa.Column("guild_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("user_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("allowance", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("allowance IS NULL OR allowance >= 0", name=op.f("member_allowance_not_negative")),
        sa.PrimaryKeyConstraint("guild_id", "user_id", name=op.f("guild_members_pk")),
    )
    op.create_table(
        "guild_models",
        sa.Column("guild_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("is_allowed", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("is_restricted", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.CheckConstraint("is_allowed OR is_restricted", name=op.f("model_rule_not_empty")),
        sa.PrimaryKeyConstraint("guild_id", "model", name=op.f("guild_models_pk")),
    )
    op.create_table(
        "guild_channels",
        sa.Column("guild_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("channel_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("guild_id", "channel_id", name=op.f("guild_channels_pk")),
    )


def _make_grants() -> None:
    op.create_table(
        "grants",
        sa.Column("id", ROW_ID, autoincrement=True, nullable=False),
        sa.Column("guild_id", sa.BigInteger(), nullable=False),
        sa.Column("actor_id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=True),
        sa.Column("role_id", sa.BigInteger(), nullable=True),
        sa.Column("credits", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("interaction_id", sa.BigInteger(), nullable=False),
        sa.Column("asked_at", sa.BigInteger(), nullable=False),
        sa.Column("given_at", sa.BigInteger(), nullable=True),
        sa.Column("ends_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("user_id IS NULL OR role_id IS NULL", name=op.f("grant_has_one_target")),
        sa.CheckConstraint("credits > 0", name=op.f("grant_positive")),
        sa.PrimaryKeyConstraint("id", name=op.f("grants_pk")),
        sa.UniqueConstraint("interaction_id", name="one_grant_per_interaction"),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "grants_open",
        "grants",
        ["guild_id", "ends_at"],
        unique=False,
        sqlite_where=sa.text("ends_at IS NOT NULL"),
        postgresql_where=sa.text("ends_at IS NOT NULL"),
    )


def _make_drafts() -> None:
    op.create_table(
        "drafts",
        sa.Column("id", ROW_ID, autoincrement=True, nullable=False),
        sa.Column("interaction_id", sa.BigInteger(), nullable=False),
        sa.Column("guild_id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("mode", sa.Text(), nullable=False),
        sa.Column("prompt", sa.Text(), nullable=False),
        sa.Column("options", sa.JSON(), nullable=False),
        sa.Column("picture", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("price", sa.BigInteger(), nullable=False),
        sa.Column("again_of", sa.BigInteger(), nullable=True),
        sa.Column("asked_at", sa.BigInteger(), nullable=False),
        sa.Column("job_id", ROW_ID, nullable=True),
        sa.CheckConstraint("price > 0", name=op.f("draft_price_positive")),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name=op.f("drafts_job_id_fk")),
        sa.PrimaryKeyConstraint("id", name=op.f("drafts_pk")),
        sa.UniqueConstraint("interaction_id", name="one_draft_per_interaction"),
        sa.UniqueConstraint("job_id", name="one_draft_per_job"),
        sqlite_autoincrement=True,
    )
    op.create_index("drafts_by_age", "drafts", ["asked_at"], unique=False)


def _alter_entries() -> None:
    op.drop_constraint("entry_kind_known", "entries", type_="check")
    op.create_check_constraint(op.f("entry_kind_known"), "entries", f"kind IN ({ENTRY_KINDS})")
    op.add_column("entries", sa.Column("grant_id", sa.BigInteger(), nullable=True))
    op.add_column("entries", sa.Column("interaction_id", sa.BigInteger(), nullable=True))
    op.create_foreign_key(op.f("entries_grant_id_fk"), "entries", "grants", ["grant_id"], ["id"])
    op.create_unique_constraint("one_entry_of_a_grant_per_member", "entries", ["grant_id", "user_id"])
    op.create_unique_constraint("one_entry_per_interaction", "entries", ["interaction_id"])


def _rebuild_entries() -> None:
    """SQLite changes a CHECK only in a new table, and drops no table that another one still points to."""
    op.create_table(
        "entries_new",
        sa.Column("id", ROW_ID, autoincrement=True, nullable=False),
        sa.Column("guild_id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("actor_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("job_id", ROW_ID, nullable=True),
        sa.Column("grant_id", ROW_ID, nullable=True),
        sa.Column("interaction_id", sa.BigInteger(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(f"kind IN ({ENTRY_KINDS})", name=op.f("entry_kind_known")),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name=op.f("entries_job_id_fk")),
        sa.ForeignKeyConstraint(["grant_id"], ["grants.id"], name=op.f("entries_grant_id_fk")),
        sa.PrimaryKeyConstraint("id", name=op.f("entries_pk")),
        sa.UniqueConstraint("job_id", "kind", name="one_entry_of_a_kind_per_job"),
        sa.UniqueConstraint("grant_id", "user_id", name="one_entry_of_a_grant_per_member"),
        sa.UniqueConstraint("interaction_id", name="one_entry_per_interaction"),
    )
    op.execute(
        "INSERT INTO entries_new (id, guild_id, user_id, actor_id, kind, job_id, reason, at) "
        "SELECT id, guild_id, user_id, actor_id, kind, job_id, reason, at FROM entries"
    )
    op.create_table(
        "lines_new",
        sa.Column("entry_id", ROW_ID, nullable=False),
        sa.Column("account_id", ROW_ID, nullable=False),
        sa.Column("credits", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("credits <> 0", name=op.f("line_not_empty")),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("lines_account_id_fk")),
        sa.ForeignKeyConstraint(["entry_id"], ["entries_new.id"], name=op.f("lines_entry_id_fk")),
        sa.PrimaryKeyConstraint("entry_id", "account_id", name=op.f("lines_pk")),
    )
    op.execute("INSERT INTO lines_new SELECT entry_id, account_id, credits FROM lines")
    op.drop_table("lines")
    op.drop_table("entries")
    # SQLite mends what points to a table that is renamed.
    op.rename_table("entries_new", "entries")
    op.rename_table("lines_new", "lines")
    op.create_index("a_job_ends_once", "entries", ["job_id"], unique=True, sqlite_where=ENDS)
    op.create_index("entries_of_member", "entries", ["guild_id", "user_id", "id"], unique=False)
    op.create_index("lines_of_account", "lines", ["account_id"], unique=False)
