"""What the prompt assistant made of a prompt, and what that cost."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.create_table(
        "rewrites",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("guild_id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("request", sa.JSON(), nullable=False),
        sa.Column("original", sa.Text(), nullable=False),
        sa.Column("rewritten", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("used_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("rewrites_pk")),
        sqlite_autoincrement=True,
    )
    op.create_index("rewrites_of_member", "rewrites", ["user_id", "created_at"])
    op.create_index("rewrites_by_age", "rewrites", ["created_at"])
    op.create_table(
        "assist_costs",
        sa.Column("period", sa.Text(), nullable=False),
        sa.Column("micros", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("micros >= 0", name=op.f("assist_costs_not_negative")),
        sa.PrimaryKeyConstraint("period", name=op.f("assist_costs_pk")),
    )
