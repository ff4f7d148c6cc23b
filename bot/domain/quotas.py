"""Quotas: what a guild lets its members spend."""

from __future__ import annotations

from dataclasses import dataclass

# What a member may spend per day in a guild that has set nothing: a few short videos, at most USD 2.50.
DEFAULT_ALLOWANCE = 500

# The largest number of credits that a command accepts: about USD 500,000, and far from the limits of any integer.
MAX_CREDITS = 100_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """A guild's rules. `allowance` is credits per member and UTC day; `pool` None means unlimited."""

    allowance: int
    pool: int | None
    held: int
    spent: int
