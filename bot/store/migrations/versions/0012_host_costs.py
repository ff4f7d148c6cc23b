"""What the host alone pays is more than the assistant: late videos that came for nothing are counted there, too."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.create_table(
        "host_costs",
        sa.Column("period", sa.Text(), nullable=False),
        sa.Column("micros", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("micros >= 0", name=op.f("host_costs_not_negative")),
        sa.PrimaryKeyConstraint("period", name=op.f("host_costs_pk")),
    )
    op.execute("INSERT INTO host_costs (period, micros) SELECT period, micros FROM assist_costs")
    op.drop_table("assist_costs")
