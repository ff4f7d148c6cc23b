"""Which of a vendor's values are addresses that something can be fetched from."""

from __future__ import annotations

from urllib.parse import urlsplit

import httpx


def web_address(value: object) -> str | None:
    """*value* if it is an http(s) address with a host and without a user name."""
    if not isinstance(value, str):
        return None
    text = value.strip()
    try:
        url = httpx.URL(text)
        urlsplit(text)  # stricter about brackets
        text.encode()  # half of a surrogate pair cannot be stored
    except (httpx.InvalidURL, ValueError):
        return None
    return text if url.scheme in ("http", "https") and url.host and not url.userinfo else None
