"""Drafts hold the same inputs as jobs."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.add_column("drafts", sa.Column("inputs", sa.JSON(none_as_null=True), nullable=True))
