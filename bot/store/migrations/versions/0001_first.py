"""The first schema: jobs, the ledger, quotas."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:

    op.create_table(
        "accounts",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("guild_id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("balance", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("kind = 'issued' OR balance >= 0", name=op.f("balance_not_negative")),
        sa.CheckConstraint("kind IN ('issued', 'pool', 'bonus', 'held', 'spent')", name=op.f("account_kind_known")),
        sa.PrimaryKeyConstraint("id", name=op.f("accounts_pk")),
        sa.UniqueConstraint("guild_id", "user_id", "kind", name="one_account_of_a_kind"),
    )
    op.create_table(
        "guilds",
        sa.Column("guild_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("allowance", sa.BigInteger(), nullable=True),
        sa.Column("is_pool_limited", sa.Boolean(), nullable=False),
        sa.CheckConstraint("allowance IS NULL OR allowance >= 0", name=op.f("allowance_not_negative")),
        sa.PrimaryKeyConstraint("guild_id", name=op.f("guilds_pk")),
    )
    op.create_table(
        "jobs",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("interaction_id", sa.BigInteger(), nullable=False),
        sa.Column("guild_id", sa.BigInteger(), nullable=False),
        sa.Column("channel_id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("application_id", sa.BigInteger(), nullable=False),
        sa.Column("interaction_token", sa.Text(), nullable=False),
        sa.Column("upload_limit", sa.BigInteger(), nullable=False),
        sa.Column("locale", sa.Text(), nullable=False),
        sa.Column("guild_locale", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("mode", sa.Text(), nullable=False),
        sa.Column("prompt", sa.Text(), nullable=False),
        sa.Column("options", sa.JSON(), nullable=False),
        sa.Column("picture", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("again_of", sa.BigInteger(), nullable=True),
        sa.Column("price", sa.BigInteger(), nullable=False),
        sa.Column("paid_allowance", sa.BigInteger(), nullable=False),
        sa.Column("paid_bonus", sa.BigInteger(), nullable=False),
        sa.Column("is_pool_limited", sa.Boolean(), nullable=False),
        sa.Column("paid_on", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=True),
        sa.Column("lease_until", sa.BigInteger(), nullable=True),
        sa.Column("fence", sa.BigInteger(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("claims", sa.Integer(), nullable=False),
        sa.Column("callback_secret", sa.Text(), nullable=False),
        sa.Column("is_hinted", sa.Boolean(), nullable=False),
        sa.Column("hinted_task_id", sa.Text(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("submitted_at", sa.BigInteger(), nullable=True),
        sa.Column("rendered_at", sa.BigInteger(), nullable=True),
        sa.Column("posting_at", sa.BigInteger(), nullable=True),
        sa.Column("finished_at", sa.BigInteger(), nullable=True),
        sa.Column("task_id", sa.Text(), nullable=True),
        sa.Column("result_url", sa.Text(), nullable=True),
        sa.Column("result_expires_at", sa.BigInteger(), nullable=True),
        sa.Column("provider_credits", sa.Float(), nullable=True),
        sa.Column("stored_name", sa.Text(), nullable=True),
        sa.Column("stored_size", sa.BigInteger(), nullable=True),
        sa.Column("message_id", sa.BigInteger(), nullable=True),
        sa.Column("message_channel_id", sa.BigInteger(), nullable=True),
        sa.Column("is_direct", sa.Boolean(), nullable=False),
        sa.Column("is_closed", sa.Boolean(), nullable=False),
        sa.Column("is_late", sa.Boolean(), nullable=False),
        sa.Column("is_announced", sa.Boolean(), nullable=False),
        sa.Column("failure", sa.Text(), nullable=True),
        sa.Column("failure_detail", sa.Text(), nullable=True),
        sa.CheckConstraint("state <> 'delivered' OR message_id IS NOT NULL", name=op.f("delivered_has_message")),
        sa.CheckConstraint("state <> 'running' OR task_id IS NOT NULL", name=op.f("running_has_task")),
        sa.CheckConstraint(
            "state IN ('queued', 'submitting', 'unknown', 'running', 'fetching', 'delivering', 'delivered', 'parked', 'failed', 'cancelled')",
            name=op.f("job_state_known"),
        ),
        sa.CheckConstraint("price > 0 AND paid_allowance >= 0 AND paid_bonus >= 0", name=op.f("payment_not_negative")),
        sa.PrimaryKeyConstraint("id", name=op.f("jobs_pk")),
        sa.UniqueConstraint("interaction_id", name="one_job_per_interaction"),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "jobs_due",
        "jobs",
        ["due_at"],
        unique=False,
        sqlite_where=sa.text("due_at IS NOT NULL"),
        postgresql_where=sa.text("due_at IS NOT NULL"),
    )
    op.create_index("jobs_in_state", "jobs", ["state", "provider"], unique=False)
    op.create_index("jobs_of_member", "jobs", ["guild_id", "user_id", "id"], unique=False)
    op.create_index("jobs_submitted", "jobs", ["submitted_at"], unique=False)
    op.create_index("jobs_rendered", "jobs", ["model", "mode", "rendered_at"], unique=False)
    op.create_table(
        "meta",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("meta_pk")),
    )
    op.create_table(
        "spending",
        sa.Column("period", sa.Text(), nullable=False),
        sa.Column("credits", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("credits >= 0", name=op.f("spending_not_negative")),
        sa.PrimaryKeyConstraint("period", name=op.f("spending_pk")),
    )
    op.create_table(
        "usage",
        sa.Column("guild_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("user_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("day", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("used", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("used >= 0", name=op.f("usage_not_negative")),
        sa.PrimaryKeyConstraint("guild_id", "user_id", "day", name=op.f("usage_pk")),
    )
    op.create_table(
        "entries",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("guild_id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("actor_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("job_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "kind IN ('charge', 'settle', 'refund', 'late', 'grant', 'fund', 'drain')", name=op.f("entry_kind_known")
        ),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name=op.f("entries_job_id_fk")),
        sa.PrimaryKeyConstraint("id", name=op.f("entries_pk")),
        sa.UniqueConstraint("job_id", "kind", name="one_entry_of_a_kind_per_job"),
    )
    op.create_index(
        "a_job_ends_once",
        "entries",
        ["job_id"],
        unique=True,
        sqlite_where=sa.text("kind IN ('settle', 'refund')"),
        postgresql_where=sa.text("kind IN ('settle', 'refund')"),
    )
    op.create_index("entries_of_member", "entries", ["guild_id", "user_id", "id"], unique=False)
    op.create_table(
        "job_events",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("job_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("source", sa.Text(), nullable=True),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("fence", sa.BigInteger(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name=op.f("job_events_job_id_fk")),
        sa.PrimaryKeyConstraint("id", name=op.f("job_events_pk")),
    )
    op.create_index("events_of_job", "job_events", ["job_id", "id"], unique=False)
    op.create_table(
        "lines",
        sa.Column("entry_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("credits", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("credits <> 0", name=op.f("line_not_empty")),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("lines_account_id_fk")),
        sa.ForeignKeyConstraint(["entry_id"], ["entries.id"], name=op.f("lines_entry_id_fk")),
        sa.PrimaryKeyConstraint("entry_id", "account_id", name=op.f("lines_pk")),
    )
    op.create_index("lines_of_account", "lines", ["account_id"], unique=False)
