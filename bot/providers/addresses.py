"""Which of a vendor's values are addresses that something can be fetched from."""

from __future__ import annotations

from bot.providers.transport import is_web_address


def web_address(value: object) -> str | None:
    """*value* if it is an http(s) address with a host and without a user name."""
    text = value.strip() if isinstance(value, str) else ""
    return text if is_web_address(text) else None
