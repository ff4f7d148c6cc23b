"""The real bot with its provider limits opened, for measures in which the provider's limits would hide the bot.

Kie takes 20 create calls per 10 s and runs about 100 tasks; the bot keeps within both, so 200 jobs that finish together
and a hundred jobs a second do not exist with that account. Everything else of the bot stays as it is.
"""

from __future__ import annotations

import sys

from bot.worker import limits, schedule

WIDE = 1_000_000
# How many polls may be under way at once, too.
POLLS_PER_SECOND = 1_000


def open_limits() -> None:
    """Before the worker's loop is imported: it takes the poll limit over by name."""
    if "bot.worker.loop" in sys.modules:
        raise RuntimeError("too late to open the limits: the worker has read them")
    limits.CREATES = limits.RUNNING = WIDE
    schedule.POLLS_PER_SECOND = POLLS_PER_SECOND


if __name__ == "__main__":
    open_limits()
    from bot.__main__ import main  # After the limits: importing it may import the worker.

    sys.exit(main(["run"]))
