"""The host's moderation endpoint, in the form that OpenAI gave it and many serve: POST {base}/moderations.

It is asked once and briefly: a member is waiting. What is done when it does not answer is the host's decision.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta

import httpx

from bot import logs
from bot.errors import ProviderError, ProviderProtocolError
from bot.errors.screening import ModerationUnavailableError
from bot.ports import Verdict
from bot.providers.transport import Answer, Timeouts, Transport

log = logs.get(__name__)

# Endpoints answer within a second; a member's command should not hang on one that does not.
PATIENCE = timedelta(seconds=4)
TIMEOUTS = Timeouts(connect=timedelta(seconds=2), write=timedelta(seconds=2), answer=PATIENCE, whole=PATIENCE)
# Enough to say why; some endpoints name dozens.
SHOWN_CATEGORIES = 5


class Moderations:
    """Asks whether a text is all right. *is_open* lets it pass when nobody can say."""

    def __init__(
        self,
        *,
        base_url: str,
        api_key: str,
        model: str,
        is_open: bool,
        inner: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._transport = Transport(key=api_key, timeouts=TIMEOUTS, inner=inner)
        self._url = f"{base_url}/moderations"
        self._model = model
        self._is_open = is_open
        self._is_troubled = False

    async def judge(self, text: str) -> Verdict | None:
        """None when there is no objection. Raises ModerationUnavailableError when the host wants to know for sure."""
        if not text.strip():
            return None
        try:
            async with asyncio.timeout(PATIENCE.total_seconds()):
                answer = await self._transport.post(self._url, {"model": self._model, "input": text})
            verdict = _verdict_of(answer)
        except (ProviderError, TimeoutError) as error:
            self._note_trouble(error)
            if self._is_open:
                return None
            raise ModerationUnavailableError from error
        if self._is_troubled:
            self._is_troubled = False
            log.info("moderation_answers_again")
        return verdict

    async def aclose(self) -> None:
        await self._transport.aclose()

    def _note_trouble(self, error: Exception) -> None:
        if not self._is_troubled:
            self._is_troubled = True
            log.error("moderation_unavailable", reason=str(error) or "no answer in time", lets_pass=self._is_open)


def _verdict_of(answer: Answer) -> Verdict | None:
    """What the first result says; raises ProviderProtocolError for anything else than a documented answer."""
    results = (answer.fields or {}).get("results")
    first = results[0] if isinstance(results, list) and results else None
    if answer.status != 200 or not isinstance(first, dict) or not isinstance(first.get("flagged"), bool):
        raise ProviderProtocolError(f"HTTP {answer.status}: no moderation result")
    if not first["flagged"]:
        return None
    categories = first.get("categories")
    named = [str(name) for name, is_hit in categories.items() if is_hit] if isinstance(categories, dict) else []
    return Verdict(categories=tuple(named[:SHOWN_CATEGORIES]) or ("-",))
