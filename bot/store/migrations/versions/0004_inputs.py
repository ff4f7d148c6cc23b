"""More inputs than one picture: last frame, references, an earlier video."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.add_column("jobs", sa.Column("inputs", sa.JSON(), nullable=True))
