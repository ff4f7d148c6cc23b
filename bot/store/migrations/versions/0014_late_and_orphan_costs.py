"""What the post of a late video says that it costs, and what a create call that was never answered counts."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    op.add_column("jobs", sa.Column("late_cost", sa.BigInteger(), nullable=True))
    op.add_column("jobs", sa.Column("orphan_cost", sa.BigInteger(), nullable=True))
    where = sa.text("orphan_cost IS NOT NULL")
    op.create_index("jobs_orphaned", "jobs", ["created_at"], sqlite_where=where, postgresql_where=where)
