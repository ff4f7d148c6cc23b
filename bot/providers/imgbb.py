"""imgbb, where the host has chosen it: a public place for pictures, for gateways that take addresses only."""

from __future__ import annotations

import secrets
from datetime import timedelta
from pathlib import Path

import httpx

from bot import logs
from bot.domain.jobs import FailureReason
from bot.errors import (
    ProviderAuthError,
    ProviderError,
    ProviderProtocolError,
    ProviderRejectedError,
    ProviderUnavailableError,
)
from bot.providers import plain_codes as codes
from bot.providers.addresses import web_address
from bot.providers.transport import Answer, Timeouts, Transport

# Anybody with the address sees the picture, so it goes away by itself: long enough for a gateway that is busy, and the
# deletion page that imgbb also names is for people and needs no keeping. It allows a minute to 180 days.
EXPIRATION = timedelta(hours=6)
# A key that is refused is mended by people.
REFUSED_PAUSE = timedelta(minutes=10)

log = logs.get(__name__)


class Imgbb:
    """The `PictureHost` port."""

    def __init__(
        self,
        *,
        api_key: str,
        base_url: str,
        timeouts: Timeouts | None = None,
        inner: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """*base_url* is a bare origin; *inner* replaces the network in tests."""
        self._http = Transport(key=api_key, headers={}, timeouts=timeouts, inner=inner)
        self._key = api_key.strip()
        self._upload = f"{base_url.rstrip('/')}/1/upload"

    async def aclose(self) -> None:
        await self._http.aclose()

    async def host(self, path: Path, content_type: str) -> str:
        """Bring a picture there and return its address. Safe to repeat; each time is another copy."""
        # The name stands in the address, so it is nobody's.
        name = f"{secrets.token_hex(16)}.{content_type.rpartition('/')[2]}"
        params = httpx.QueryParams({"key": self._key, "expiration": str(int(EXPIRATION.total_seconds()))})
        url = f"{self._upload}?{params}"
        answer = await self._http.post_file(url, path, name=name, content_type=content_type, field="image")
        if answer.status != 200 or answer.fields is None:
            raise self._error(answer)
        data = answer.fields.get("data")
        address = web_address(data.get("url")) if isinstance(data, dict) else None
        if address is None:
            raise ProviderProtocolError("imgbb took the picture but did not say where it is")
        return address

    def _error(self, answer: Answer) -> ProviderError:
        text = _text_of(answer)
        error = codes.read_error(answer, text, self._http.clean)
        if isinstance(error, ProviderAuthError):
            # This is another account than the provider's, which stays open: videos from words need no picture.
            log.error("imgbb_refuses_its_key", reason=str(error))
            return ProviderUnavailableError(str(error), REFUSED_PAUSE)
        if answer.status in (400, 413, 415):
            return ProviderRejectedError(FailureReason.IMAGE, self._http.clean(text))
        return error


def _text_of(answer: Answer) -> str:
    error = answer.fields.get("error") if answer.fields is not None else None
    message = error.get("message") if isinstance(error, dict) else None
    return message if isinstance(message, str) else answer.text
