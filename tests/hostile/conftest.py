"""The stage of the commands' tests: the real client, cogs and services on a local Discord and a real database file."""

from __future__ import annotations

from tests.cogs.conftest import ana, catalogue, database, empty_database, inputs, pictures, stage

__all__ = ["ana", "catalogue", "database", "empty_database", "inputs", "pictures", "stage"]
