"""What the host is to be told of single jobs waits here while Discord is away."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    op.create_table(
        "job_notices",
        sa.Column("job_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("noted_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("kind IN ('orphan', 'put aside')", name=op.f("notice_kind_known")),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name=op.f("job_notices_job_id_fk")),
        sa.PrimaryKeyConstraint("job_id", "kind", name=op.f("job_notices_pk")),
    )
