"""What nobody but the host has paid, in the host's periods; `spending` holds what members have paid there.

The ledger's audit says that those two are not one: spending is exactly what jobs were charged.
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from bot.store.statements import upsert
from bot.store.tables import host_costs

# A rewritten prompt costs a part of a credit.
MICROS = 1_000_000
_COST = sa.select(host_costs.c.micros).where(host_costs.c.period == sa.bindparam("of_period", type_=sa.Text))


def add(connection: Connection, period: str, micros: int) -> int:
    """Add millionths of a credit; how many whole credits the period has more with that."""
    row = upsert(connection, host_costs).values(period=period, micros=micros)
    added = row.on_conflict_do_update(
        index_elements=[host_costs.c.period], set_={"micros": host_costs.c.micros + row.excluded.micros}
    )
    total: int = connection.execute(added.returning(host_costs.c.micros)).scalar_one()
    return total // MICROS - (total - micros) // MICROS


def cost_in(connection: Connection, period: str) -> int:
    """Credits of the period, rounded down: what has become whole."""
    micros = connection.execute(_COST, {"of_period": period}).scalar_one_or_none()
    return (micros or 0) // MICROS
