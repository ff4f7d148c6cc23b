"""One process of a crowd: asks for many videos at once and prints how many were accepted.

Run as `python -m tests.services.crowd DATABASE_URL FIRST_INTERACTION COMMANDS PRICE`.
"""

from __future__ import annotations

import asyncio
import sys

from bot.errors.policies import PolicyRefusedError
from bot.store.database import Database
from tests.samples import place
from tests.services.desk import Desk


async def accepted(url: str, first: int, commands: int, price: int) -> int:
    database = Database.connect(url)
    try:
        desk = Desk(database)
        answers = await asyncio.gather(
            *(desk.request(price, where=place(interaction_id=first + number)) for number in range(commands)),
            return_exceptions=True,
        )
    finally:
        await database.close()
    unexpected = [
        answer for answer in answers if isinstance(answer, BaseException) and not isinstance(answer, PolicyRefusedError)
    ]
    if unexpected:
        raise unexpected[0]
    return sum(not isinstance(answer, BaseException) for answer in answers)


if __name__ == "__main__":
    url, *numbers = sys.argv[1:]
    print(asyncio.run(accepted(url, *map(int, numbers))))
