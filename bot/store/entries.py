"""An entry of the ledger: lines that sum to zero, each moving the balance of one account. Never changed afterwards."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from bot.domain.credits import AccountKind, EntryKind
from bot.domain.ids import GrantId, GuildId, InteractionId, JobId, UserId
from bot.store.tables import accounts, entries, lines

# The guild's own accounts belong to no member; the bot's own entries have no actor.
NOBODY: Final = UserId(0)

# An account within its guild, by its kind and its owner.
Account = tuple[AccountKind, UserId]

# What `balances.find` locks comes first.
_ORDER: Final = (AccountKind.POOL, AccountKind.BONUS, AccountKind.HELD, AccountKind.SPENT, AccountKind.ISSUED)

# What every command asks is put together once: for SQLAlchemy that is more work than asking.
_GUILD, _MEMBER = sa.bindparam("of_guild", type_=sa.BigInteger), sa.bindparam("of_member", type_=sa.BigInteger)
_AMOUNT = sa.bindparam("amount", type_=sa.BigInteger)
_MOVE = (
    sa.update(accounts)
    .where(
        accounts.c.guild_id == _GUILD,
        accounts.c.user_id == _MEMBER,
        accounts.c.kind == sa.bindparam("of_kind", type_=sa.Text),
    )
    .values(balance=accounts.c.balance + _AMOUNT)
    .returning(accounts.c.id)
)
_MOVE_GUARDED = _MOVE.where(accounts.c.balance + _AMOUNT >= 0)
_ENTER = sa.insert(entries).returning(entries.c.id)
_WRITE_LINES = sa.insert(lines)
# As a text, which both databases understand: SQLAlchemy puts its own ON CONFLICT together anew each time.
_OPEN_ACCOUNT = sa.text(
    "INSERT INTO accounts (guild_id, user_id, kind, balance) VALUES (:of_guild, :of_member, :of_kind, :amount) "
    "ON CONFLICT (guild_id, user_id, kind) DO UPDATE SET balance = accounts.balance + excluded.balance RETURNING id"
).bindparams(_GUILD, _MEMBER, _AMOUNT)


class OverdrawnError(Exception):
    """An account does not hold what should be taken; the transaction must be given up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What one entry says: whom it is about, who caused it and by what, and how much goes where."""

    kind: EntryKind
    guild_id: GuildId
    user_id: UserId
    actor_id: UserId
    at: datetime
    lines: Mapping[Account, int]
    job_id: JobId | None = None
    grant_id: GrantId | None = None
    interaction_id: InteractionId | None = None
    reason: str | None = None

    def __post_init__(self) -> None:
        if sum(self.lines.values()) != 0:
            raise AssertionError(f"the lines of a {self.kind} do not sum to zero: {dict(self.lines)}")


def between(source: Account, target: Account, amount: int) -> Mapping[Account, int]:
    """The lines that bring *amount* from one account to another."""
    return {source: -amount, target: amount}


def post(connection: Connection, entry: Entry) -> None:
    """Write the entry with its lines and move the balances. Raises OverdrawnError, or IntegrityError for a repeat."""
    row = {
        "guild_id": entry.guild_id,
        "user_id": entry.user_id,
        "actor_id": entry.actor_id,
        "kind": entry.kind,
        "job_id": entry.job_id,
        "grant_id": entry.grant_id,
        "interaction_id": entry.interaction_id,
        "reason": entry.reason,
        "at": entry.at,
    }
    entry_id = connection.execute(_ENTER, row).scalar_one()
    written = [
        {"entry_id": entry_id, "account_id": _move(connection, entry.guild_id, account, amount), "credits": amount}
        for account, amount in sorted(entry.lines.items(), key=_in_order)
        if amount
    ]
    connection.execute(_WRITE_LINES, written)


def _in_order(line: tuple[Account, int]) -> tuple[int, UserId]:
    (kind, owner), _ = line
    return _ORDER.index(kind), owner


def _move(connection: Connection, guild_id: GuildId, account: Account, amount: int) -> int:
    """Add *amount* to an account, which comes into being when it is first used; its id is returned."""
    kind, owner = account
    is_guarded = amount < 0 and kind is not AccountKind.ISSUED
    moving = {"of_guild": guild_id, "of_member": owner, "of_kind": kind, "amount": amount}
    moved: int | None = connection.execute(_MOVE_GUARDED if is_guarded else _MOVE, moving).scalar_one_or_none()
    if moved is not None:
        return moved
    if is_guarded:
        raise OverdrawnError(kind)
    # Somebody else may make the same account at this moment, so it is added to if it is there after all.
    added: int = connection.execute(_OPEN_ACCOUNT, moving).scalar_one()
    return added
