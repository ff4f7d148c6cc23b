"""Limits of the commands that speak of credits."""

from __future__ import annotations

# What a member may spend per day in a guild that has set nothing: a few short videos, at most USD 2.50.
DEFAULT_ALLOWANCE = 500

# The largest number of credits that a command accepts: about USD 500,000, and far from the limits of any integer.
MAX_CREDITS = 100_000_000
