"""Everything that is logged while something runs, set up as the product does it at DEBUG."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from contextlib import contextmanager

from bot import logs


@contextmanager
def logged() -> Iterator[io.StringIO]:
    """The log's text; logging is global, so it is given back as it was."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    named = {name: logging.getLogger(name).level for name in (*logs.OUR_LOGGERS, *logs.CHATTY_LOGGERS)}
    stream = io.StringIO()
    # No secrets are listed: what must not be logged must not even be tried.
    logs.setup("DEBUG", "text", [], stream)
    try:
        yield stream
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
        for name, its_level in named.items():
            logging.getLogger(name).setLevel(its_level)
