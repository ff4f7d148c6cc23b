"""The real bot with its provider limits opened, for measures in which the provider's limits would hide the bot.

Kie takes 20 create calls per 10 s and runs about 100 tasks; the bot keeps within both, so 200 jobs that finish together
and a hundred jobs a second do not exist with that account. Everything else of the bot stays as it is.
"""

from __future__ import annotations

import sys
from dataclasses import replace

from bot.__main__ import main
from bot.providers.kie_jobs import KieJobs

WIDE = 1_000_000
# How many polls may be under way at once, too.
POLLS_PER_SECOND = 1_000


def open_limits() -> None:
    """Before the bot is built: it asks its providers for their terms then."""
    KieJobs.terms = replace(KieJobs.terms, creates=WIDE, running=WIDE, queries_per_second=POLLS_PER_SECOND)


if __name__ == "__main__":
    open_limits()
    sys.exit(main(["run"]))
