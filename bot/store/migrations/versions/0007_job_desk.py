"""Staff gives back what a job had cost, and has its video delivered again."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
ENTRY_KINDS = "'charge', 'settle', 'refund', 'late', 'reversal', 'grant', 'fund', 'drain', 'refill', 'expire', 'revoke', 'transfer'"
ENDS = sa.text("kind IN ('settle', 'refund')")
GIFTS = sa.text("kind = 'transfer'")


def upgrade() -> None:
    op.add_column("jobs", sa.Column("redelivery", sa.Integer(), nullable=False, server_default="0"))
    if op.get_bind().dialect.name == "sqlite":
        _rebuild_entries()
    else:
        op.drop_constraint("entry_kind_known", "entries", type_="check")
        op.create_check_constraint(op.f("entry_kind_known"), "entries", f"kind IN ({ENTRY_KINDS})")


def _rebuild_entries() -> None:
    """SQLite changes a CHECK only in a new table, and drops no table that another one still points to."""
    op.create_table(
        "entries_new",
        sa.Column("id", ROW_ID, autoincrement=True, nullable=False),
        sa.Column("guild_id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("actor_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("job_id", ROW_ID, nullable=True),
        sa.Column("grant_id", ROW_ID, nullable=True),
        sa.Column("interaction_id", sa.BigInteger(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(f"kind IN ({ENTRY_KINDS})", name=op.f("entry_kind_known")),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name=op.f("entries_job_id_fk")),
        sa.ForeignKeyConstraint(["grant_id"], ["grants.id"], name=op.f("entries_grant_id_fk")),
        sa.PrimaryKeyConstraint("id", name=op.f("entries_pk")),
        sa.UniqueConstraint("job_id", "kind", name="one_entry_of_a_kind_per_job"),
        sa.UniqueConstraint("grant_id", "user_id", name="one_entry_of_a_grant_per_member"),
        sa.UniqueConstraint("interaction_id", name="one_entry_per_interaction"),
    )
    op.execute(
        "INSERT INTO entries_new (id, guild_id, user_id, actor_id, kind, job_id, grant_id, interaction_id, reason, at) "
        "SELECT id, guild_id, user_id, actor_id, kind, job_id, grant_id, interaction_id, reason, at FROM entries"
    )
    op.create_table(
        "lines_new",
        sa.Column("entry_id", ROW_ID, nullable=False),
        sa.Column("account_id", ROW_ID, nullable=False),
        sa.Column("credits", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("credits <> 0", name=op.f("line_not_empty")),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("lines_account_id_fk")),
        sa.ForeignKeyConstraint(["entry_id"], ["entries_new.id"], name=op.f("lines_entry_id_fk")),
        sa.PrimaryKeyConstraint("entry_id", "account_id", name=op.f("lines_pk")),
    )
    op.execute("INSERT INTO lines_new SELECT entry_id, account_id, credits FROM lines")
    op.drop_table("lines")
    op.drop_table("entries")
    # SQLite mends what points to a table that is renamed.
    op.rename_table("entries_new", "entries")
    op.rename_table("lines_new", "lines")
    op.create_index("a_job_ends_once", "entries", ["job_id"], unique=True, sqlite_where=ENDS)
    op.create_index("entries_of_member", "entries", ["guild_id", "user_id", "id"], unique=False)
    op.create_index("entries_of_giver", "entries", ["guild_id", "actor_id", "at"], unique=False, sqlite_where=GIFTS)
    op.create_index("lines_of_account", "lines", ["account_id"], unique=False)
