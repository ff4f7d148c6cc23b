"""One log for us and the libraries: structured events, as text for people or JSON for programs, and no secret in any.

Masking happens on the finished line, so that it covers values, tracebacks and what a library wrote alike.
"""

from __future__ import annotations

import json
import logging
import re
import sys
from collections.abc import Callable, Iterable
from typing import Literal, TextIO, cast
from urllib.parse import quote

import structlog
from structlog.typing import EventDict, Processor

MASK = "***"
# Ours are quiet where nothing happens; the others show, at DEBUG, whole payloads with interaction tokens and prompts.
OUR_LOGGERS = ("bot", "cogs")
# These write whole URLs, statements or one line per request at INFO.
CHATTY_LOGGERS = (
    "httpx",
    "httpcore",
    "discord.http",
    "discord.webhook",
    "aiohttp.access",
    "sqlalchemy",
    "aiosqlite",
    "alembic",
)

# Tokens that nobody can list beforehand: an interaction's (good for 15 minutes), a job's callback secret, whatever a
# header carries, and the signature of a link. The part before the token is kept, it says what the line is about.
TOKEN_PLACES = re.compile(
    r"(?P<before>/interactions/\d+/|/webhooks/\d+/|/callbacks/\w+/\d+/|/videos/\d+/|\b(?:Bot|Bearer)\s+(?=\S{20})"
    # What opens a signed link (S3, Google, CloudFront, Azure, Discord's file host), and keys that go in an address.
    r"|X-Amz-Signature=|[?&](?:X-Goog-Signature|Signature|sig|hm|key|api_key|token|access_token)=)"
    r"(?P<token>[^\s/?\"'\\<>]+)"
)

# Control characters and those that turn the direction of text; new lines inside of values are quoted by structlog.
UNSEEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
UNSEEN_OR_NEW_LINE = re.compile(rf"{UNSEEN.pattern}|\n")
_STAMP = structlog.processors.TimeStamper(fmt="iso", utc=True)
_ADDED_TO_ALL: tuple[Processor, ...] = (
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    _STAMP,
)


def get(name: str) -> structlog.stdlib.BoundLogger:
    """A logger for short structured events: `log.info("job_moved", job=12, to="running")`."""
    # Wrapped one by one instead of through structlog's global configuration: a test needs no set-up to be quiet.
    logger = structlog.wrap_logger(
        logging.getLogger(name),
        processors=[
            structlog.stdlib.filter_by_level,
            *_ADDED_TO_ALL,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    return cast("structlog.stdlib.BoundLogger", logger)


def setup(
    level: str, log_format: Literal["text", "json"], secrets: Iterable[str], stream: TextIO | None = None
) -> None:
    """Send everything that anybody logs to *stream* (the standard error output), from *level* on, masked."""
    stream = sys.stderr if stream is None else stream
    handler = logging.StreamHandler(stream)
    handler.setFormatter(MaskingFormatter(log_format, masking(secrets), has_colours=stream.isatty()))
    ours = logging.getLevelNamesMapping()[level]
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(max(ours, logging.INFO))
    for name in OUR_LOGGERS:
        logging.getLogger(name).setLevel(ours)
    for name in CHATTY_LOGGERS:
        logging.getLogger(name).setLevel(max(ours, logging.WARNING))


def masking(secrets: Iterable[str]) -> Callable[[str], str]:
    """A function that hides *secrets* and everything that stands where tokens stand."""
    # As it is, in a URL, and quoted by Python (`KeyError: '...'`); and each of these again inside a JSON text.
    spellings = {text for secret in secrets for text in (secret, quote(secret, safe=""), repr(secret)[1:-1])}
    spellings |= {json.dumps(text)[1:-1] for text in spellings}
    spellings.discard("")
    # The longest first: one secret may be the beginning of another.
    listed = re.compile("|".join(re.escape(text) for text in sorted(spellings, key=len, reverse=True)) or r"(?!)")

    def mask(line: str) -> str:
        return TOKEN_PLACES.sub(rf"\g<before>{MASK}", listed.sub(MASK, line))

    return mask


class MaskingFormatter(structlog.stdlib.ProcessorFormatter):
    """Renders our events and the libraries' lines alike, then masks the result."""

    def __init__(
        self, log_format: Literal["text", "json"], mask: Callable[[str], str], *, has_colours: bool = False
    ) -> None:
        renderers: list[Processor] = (
            [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
            if log_format == "json"
            else [
                _escaped,
                structlog.dev.ConsoleRenderer(
                    colors=has_colours, exception_formatter=structlog.dev.plain_traceback, pad_event_to=24
                ),
            ]
        )
        super().__init__(
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderers],
            foreign_pre_chain=list(_ADDED_TO_ALL),
        )
        self._mask = mask

    def format(self, record: logging.LogRecord) -> str:
        return self._mask(super().format(record))


def _escaped(_logger: object, _method: str, event: EventDict) -> EventDict:
    """A stranger's words neither move the reader's terminal nor begin a line that looks like one of ours."""
    return {
        name: (UNSEEN_OR_NEW_LINE if name == "event" else UNSEEN).sub(lambda found: ascii(found[0])[1:-1], value)
        if isinstance(value, str) and name not in ("exception", "stack")
        else value
        for name, value in event.items()
    }
