"""How the naive bot polls and what it takes; apart from its code, so that who asks need not load a Discord library."""

POLL_SECONDS = 10
POLLS = 180  # half an hour
CREDITS = 500  # that a member has
PRICE = 90  # for five seconds
