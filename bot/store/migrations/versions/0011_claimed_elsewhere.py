"""A kept video may be claimed in another guild than the one that it was asked for in."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.add_column("jobs", sa.Column("claimed_guild_id", sa.BigInteger(), nullable=True))
