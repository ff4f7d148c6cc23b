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
_TAKE_BACK = (
    sa.update(host_costs)
    .where(host_costs.c.period == sa.bindparam("of_period", type_=sa.Text))
    .values(micros=host_costs.c.micros - sa.bindparam("less", type_=sa.BigInteger))
)
_COST = sa.select(host_costs.c.micros).where(host_costs.c.period == sa.bindparam("of_period", type_=sa.Text))


def add(connection: Connection, period: str, micros: int) -> int:
    """Add millionths of a credit; how many whole credits the period has more with that."""
    row = upsert(connection, host_costs).values(period=period, micros=micros)
    added = row.on_conflict_do_update(
        index_elements=[host_costs.c.period], set_={"micros": host_costs.c.micros + row.excluded.micros}
    )
    total: int = connection.execute(added.returning(host_costs.c.micros)).scalar_one()
    return total // MICROS - (total - micros) // MICROS


def take_back(connection: Connection, period: str, micros: int) -> None:
    """Take out what was added before and did not cost the host anything after all."""
    connection.execute(_TAKE_BACK, {"of_period": period, "less": micros})


def cost_in(connection: Connection, period: str) -> int:
    """Credits of the period, rounded down: what has become whole."""
    micros = connection.execute(_COST, {"of_period": period}).scalar_one_or_none()
    return (micros or 0) // MICROS
