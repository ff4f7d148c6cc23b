"""What Veo and Omni share at Google: the key's header, errors, the free questions, and files behind the key."""

from __future__ import annotations

import asyncio
import base64
import re
from pathlib import Path

import httpx

from bot.domain.jobs import Result
from bot.errors import ProviderError
from bot.ports import Credentials, Downloads, LocalFile, NotSold, ProbeAnswer, Sold
from bot.providers import plain_codes as codes
from bot.providers.adapter import Adapter
from bot.providers.forms import content_of
from bot.providers.transport import Answer, Timeouts, Transport

# The name under which the Gemini API keeps a file, without the part that asks for its content.
_BARE_FILE = re.compile(r"https?://[^/?#]+/v1(?:beta)?/files/[a-z0-9]+")


class GoogleAdapter(Adapter):
    def __init__(
        self,
        *,
        api_key: str,
        base_url: str,
        timeouts: Timeouts | None = None,
        inner: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """*base_url* is a bare origin; *inner* replaces the network in tests."""
        headers = {"x-goog-api-key": api_key.strip()}
        super().__init__(Transport(key=api_key, headers=headers, timeouts=timeouts, inner=inner))
        self._origin = base_url.rstrip("/")
        self._api = f"{self._origin}/v1beta"

    async def fetch(self, result: Result, to: Path, downloads: Downloads) -> int:
        """Files want the key, and so the key goes along: to Google's own origin and to no other."""
        url = f"{result.url}:download?alt=media" if _BARE_FILE.fullmatch(result.url) else result.url
        return await downloads.fetch(url, to, Credentials(origin=self._origin, headers=self._http.headers))

    async def probe(self, slug: str) -> ProbeAnswer:
        answer = await self._http.get(f"{self._api}/models/{slug}")
        if answer.status == 200:
            return Sold()
        if answer.status == 404 and answer.fields is not None:
            return NotSold(is_known=False, detail=self._http.clean(text_of(answer)))
        raise self._read_error(answer)

    async def credits(self) -> float | None:
        """Google names no balance; the list of models at least tells whether it takes the key."""
        answer = await self._http.get(f"{self._api}/models", {"pageSize": "1"})
        if answer.status != 200:
            raise self._read_error(answer)
        return None

    def _create_error(self, answer: Answer) -> ProviderError:
        return codes.create_error(answer, text_of(answer), self._http.clean)

    def _read_error(self, answer: Answer) -> ProviderError:
        return codes.read_error(answer, text_of(answer), self._http.clean)


def text_of(answer: Answer) -> str:
    """`error.message` in both of Google's shapes."""
    error = answer.fields.get("error") if answer.fields is not None else None
    message = error.get("message") if isinstance(error, dict) else None
    return message if isinstance(message, str) else answer.text


async def encoded(picture: LocalFile) -> str:
    """The picture in base64; the catalogue bounds its size."""

    def read() -> str:
        return base64.b64encode(content_of(picture)).decode()

    return await asyncio.to_thread(read)
