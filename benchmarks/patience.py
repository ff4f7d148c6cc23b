"""How the naive bot polls; apart from its code, so that the simulation need not load a Discord library."""

POLL_SECONDS = 10
POLLS = 180  # half an hour
