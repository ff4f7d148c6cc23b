"""What the host decides while the bot runs, what it is told of, and what each guild has had made."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "host_settings",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("changed_by", sa.BigInteger(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("host_settings_pk")),
    )
    op.create_table(
        "guild_terms",
        sa.Column("guild_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("is_allowed", sa.Boolean(), nullable=True),
        sa.Column("daily_usd", sa.Text(), nullable=True),
        sa.Column("monthly_usd", sa.Text(), nullable=True),
        sa.Column("changed_by", sa.BigInteger(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("guild_id", name=op.f("guild_terms_pk")),
    )
    op.create_table(
        "guild_usage",
        sa.Column("guild_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("day", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("jobs", sa.BigInteger(), nullable=False),
        sa.Column("credits", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("jobs >= 0 AND credits >= 0", name=op.f("guild_usage_not_negative")),
        sa.PrimaryKeyConstraint("guild_id", "day", "model", name=op.f("guild_usage_pk")),
    )
    op.create_index("guild_usage_by_day", "guild_usage", ["day"])
    op.create_table(
        "troubles",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("began_at", sa.BigInteger(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("is_told", sa.Boolean(), nullable=False),
        sa.Column("end_text", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("troubles_pk")),
    )
    op.create_table(
        "provider_readings",
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("credits", sa.Float(), nullable=False),
        sa.Column("read_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("provider", name=op.f("provider_readings_pk")),
    )
