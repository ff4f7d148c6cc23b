"""Running counts of jobs by day, model and member."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.create_table(
        "tallies",
        sa.Column("guild_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("day", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("user_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("asked", sa.BigInteger(), nullable=False),
        sa.Column("delivered", sa.BigInteger(), nullable=False),
        sa.Column("kept", sa.BigInteger(), nullable=False),
        sa.Column("failed", sa.BigInteger(), nullable=False),
        sa.Column("cancelled", sa.BigInteger(), nullable=False),
        sa.Column("spent", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("guild_id", "day", "user_id", "model", name=op.f("tallies_pk")),
        sqlite_with_rowid=False,
    )
    op.execute(
        "INSERT INTO tallies "
        "(guild_id, day, user_id, model, asked, delivered, kept, failed, cancelled, spent) "
        # A day is 86 400 million microseconds.
        "SELECT guild_id, created_at / 86400000000 * 86400000000, user_id, model, count(*), "
        "sum(CASE state WHEN 'delivered' THEN 1 ELSE 0 END), sum(CASE state WHEN 'parked' THEN 1 ELSE 0 END), "
        "sum(CASE state WHEN 'failed' THEN 1 ELSE 0 END), sum(CASE state WHEN 'cancelled' THEN 1 ELSE 0 END), "
        "sum(CASE WHEN is_closed THEN paid_allowance + paid_bonus ELSE 0 END) "
        "FROM jobs GROUP BY 1, 2, 3, 4"
    )
